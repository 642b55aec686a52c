"""Somebody's workbook as data: its cells with formulas and stored values, its names and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from bpsheet.errors import FormulaError
from bpsheet.sheets.areas import MAX_COLUMNS, MAX_ROWS, Area, Place, column_number
from bpsheet.sheets.nodes import Fault, Tree
from bpsheet.sheets.syntax import moved, parse
from bpsheet.words import nearest

__all__ = ["Book", "Cell", "Formula", "Sheet", "Table", "Value", "area_of"]

ADDRESS = r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})"
BOUNDS = re.compile(f"({ADDRESS})(?::({ADDRESS}))?")

# What a cell holds: a number, a text, a truth, an error, or nothing.
Value = float | str | bool | Fault | None


class Formula(NamedTuple):
    """A formula as the file has it.

    text:   the formula, without `=`
    row:    the cell for which the text is written, which is another one in a filled column
    column: its column
    area:   the cells that an array formula fills; None for a plain formula
    """

    text: str
    row: int
    column: int
    area: Area | None = None

    @property
    def tree(self) -> Tree:
        """Raises FormulaError for a text that is not a formula."""
        return parse(self.text, self.row, self.column)

    def shown(self, place: Place) -> str:
        """The formula as the cell of a place has it."""
        if self.area is not None:
            return f"{{={self.text}}}"
        down, right = place.row - self.row, place.column - self.column
        return f"={moved(self.text, down, right) if down or right else self.text}"


class Cell(NamedTuple):
    """A cell: the value that the file stores, and its formula."""

    value: Value
    formula: Formula | None = None


class Table(NamedTuple):
    """A table on a sheet; `area` has its header and its totals too."""

    area: Area
    columns: tuple[str, ...]
    headers: int
    totals: int


@dataclass
class Sheet:
    """A sheet: its cells by row and column, and the last of each that is used.

    hidden: the rows that are not shown; None where that is not known
    """

    name: str
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    hidden: set[int] | None = None
    bottom: int = 1
    right: int = 1

    def finish(self) -> None:
        """Give every cell of an array formula its formula, and find the bounds."""
        areas = [cell.formula for cell in self.cells.values() if cell.formula and cell.formula.area]
        for formula in areas:
            assert formula.area is not None
            for place in formula.area.places():
                key = place.row, place.column
                stored = self.cells.get(key)
                self.cells[key] = Cell(stored.value if stored else None, formula)
        self.bottom = max((row for row, _ in self.cells), default=1)
        self.right = max((column for _, column in self.cells), default=1)

    def used(self, area: Area) -> Area:
        """The part of an area that may hold something. At least a cell of it."""
        return area._replace(
            bottom=max(area.top, min(area.bottom, self.bottom)),
            right=max(area.left, min(area.right, self.right)),
        )


def area_of(text: str, sheet: str) -> Area:
    """A range as the file writes it (A1:B3). Raises ValueError for anything else."""
    match = BOUNDS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]} is no plain range")
    _, letters, digits, _, last_letters, last_digits = match.groups()
    columns = sorted((column_number(letters), column_number(last_letters or letters)))
    rows = sorted((int(digits), int(last_digits or digits)))
    if rows[0] < 1 or rows[1] > MAX_ROWS or columns[1] > MAX_COLUMNS:
        raise ValueError(f"{text[:40]} is off the grid")
    return Area(sheet, rows[0], columns[0], rows[1], columns[1])


@dataclass
class Book:
    """A workbook; sheets, names and tables are found by their names in lower case."""

    sheets: dict[str, Sheet] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    # The names of all sheets, those of charts too.
    titles: list[str] = field(default_factory=list)

    def add(self, sheets: Iterable[Sheet]) -> None:
        self.sheets.update((sheet.name.lower(), sheet) for sheet in sheets)

    def sheet(self, name: str) -> Sheet:
        found = self.sheets.get(name.lower())
        if found is None:
            known = [sheet.name for sheet in self.sheets.values()]
            raise FormulaError(f"there is no sheet {name!r}; {nearest(name, known)}")
        return found

    def named(self, text: str, sheet: str) -> str | None:
        """What a name stands for. A name of the sheet's own comes before one of the workbook."""
        own = self.sheets.get(sheet.lower())
        key = text.lower()
        if own is not None and key in own.names:
            return own.names[key]
        return self.names.get(key)

    def cell(self, sheet: str, row: int, column: int) -> Cell | None:
        return self.sheets[sheet.lower()].cells.get((row, column))
