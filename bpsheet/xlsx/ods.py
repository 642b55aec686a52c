"""What stands in the cells of an .ods workbook, in the spelling of an .xlsx workbook.

OpenDocument repeats a cell, or a row of cells, by a number. It writes `of:=SUM([.A1:.B2];[Data.C3])`
for `SUM(A1:B2,Data!C3)`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from openpyxl.utils.cell import get_column_letter

from bpsheet.errors import WorkbookError
from bpsheet.guard.package import Guarded
from bpsheet.xlsx.contents import (
    Address,
    Contents,
    Formula,
    Grid,
    named_cell,
    number_in,
)
from bpsheet.xlsx.parts import Reader, parsed

__all__ = ["read_ods", "spelled_for_xlsx"]

CONTENT = "content.xml"
# Texts stay as they are; a bracket holds a reference, a semicolon ends an argument.
PIECES = re.compile(r"""("(?:[^"]|"")*")|\[((?:'(?:[^']|'')*'|[^\]'])*)\]|(;)""")
PREFIX = re.compile(r"(?:[a-z]+:)?=?")
# A sheet's name in a reference, and the cell.
PART = re.compile(r"(\$?(?:'(?:[^']|'')*'|[^'.$]*))\.(.+)")
# A file may repeat what is filled in so often, and no more: empty rows and cells may repeat freely.
MOST_REPEATED = 2_000_000
MAX_COLUMNS, MAX_ROWS = 16_384, 1_048_576
NUMBERS = ("float", "percentage", "currency")


def spelled_for_xlsx(text: str) -> str:
    """A formula of an .ods file as an .xlsx file has it.

    >>> spelled_for_xlsx("of:=IF([.N8]<-709;0;SUM([$Data.$B$2:.$B$3]))")
    'IF(N8<-709,0,SUM(Data!$B$2:$B$3))'
    """

    def piece(match: re.Match[str]) -> str:
        if match[1] is not None:
            return match[1]
        return "," if match[3] else _reference(match[2])

    return PIECES.sub(piece, text[PREFIX.match(text).end() :])  # type: ignore[union-attr]


def _reference(text: str) -> str:
    if "#REF!" in text:
        return "#REF!"
    sheet, cells = "", []
    for part in text.split(":"):
        match = PART.fullmatch(part)
        if match is None:
            return text
        sheet = sheet or match[1].removeprefix("$")
        cells.append(match[2])
    return f"{sheet}!{':'.join(cells)}" if sheet else ":".join(cells)


def _area(given: Mapping[str, str], row: int, column: int) -> str:
    """Where an array formula stands, such as K13:M14; empty for another formula."""
    rows = given.get("number-matrix-rows-spanned")
    if rows is None:
        return ""
    last = column + int(given.get("number-matrix-columns-spanned", 1)) - 1
    first, end = f"{get_column_letter(column)}{row}", row + int(rows) - 1
    return first if (end, last) == (row, column) else f"{first}:{get_column_letter(last)}{end}"


class _ContentReader(Reader):
    """The tables of a document."""

    def __init__(self, wanted: Callable[[str], bool], name: str) -> None:
        self.wanted = wanted
        self.name = name
        self.sheets: dict[str, Grid] = {}
        self.names: dict[str, Address] = {}
        self.grid: Grid | None = None
        self.depth = 0
        self.row = self.column = self.repeated = 0
        self.rows = 1
        self.cell: Mapping[str, str] | None = None
        self.lines: list[str] | None = None
        self.taken = False
        self.aside = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        given = {key.rpartition(":")[2]: value for key, value in attributes.items()}
        if name == "table":
            self.depth += 1
            if self.depth == 1:
                sheet = given.get("name", "")
                self.sheets[sheet] = Grid()
                self.grid = self.sheets[sheet] if self.wanted(sheet) else None
                self.row = 0
        elif name == "named-range":
            cell = named_cell(given.get("cell-range-address", ""))
            if cell is not None and not self.depth:
                self.names[given.get("name", "")] = cell
        elif self.grid is None or self.depth != 1:
            return
        elif name == "table-row":
            self.row += 1
            self.column = 0
            self.rows = int(given.get("number-rows-repeated", 1))
        elif name in ("table-cell", "covered-table-cell"):
            self.column += 1
            self.cell, self.lines = given, None
        elif self.cell is not None:
            self._inside(name, given)

    def _inside(self, name: str, given: Mapping[str, str]) -> None:
        """A part of a cell. Its note is another part, with paragraphs of its own."""
        if name == "annotation" or self.aside:
            self.aside += 1
        elif name == "p":
            self.lines = [*(self.lines or ()), ""]
            self.taken = True
        elif name == "s" and self.lines:
            self.lines[-1] += " " * min(int(given.get("c", 1)), 32_767)
        elif name == "tab" and self.lines:
            self.lines[-1] += "\t"
        elif name == "line-break" and self.lines:
            self.lines[-1] += "\n"

    def text(self, text: str) -> None:
        if self.taken and not self.aside and self.lines:
            self.lines[-1] += text

    def end(self, name: str) -> None:
        if self.aside:
            self.aside -= 1
        elif name == "table":
            self.depth -= 1
            if not self.depth:
                self.grid = None
        elif self.grid is None or self.depth != 1:
            return
        elif name == "p":
            self.taken = False
        elif name in ("table-cell", "covered-table-cell") and self.cell is not None:
            self._filled(self.grid, self.cell)
            self.cell = None
        elif name == "table-row":
            self._repeat_row(self.grid)

    def _filled(self, grid: Grid, given: Mapping[str, str]) -> None:
        columns = int(given.get("number-columns-repeated", 1))
        value = self._value(given)
        text = given.get("formula")
        if value is not None or text is not None:
            columns = min(columns, MAX_COLUMNS - self.column + 1)
            self._spend(columns)
            for column in range(self.column, self.column + columns):
                formula = None
                if text is not None:
                    area = _area(given, self.row, column)
                    formula = Formula(spelled_for_xlsx(text), self.row, column, area)
                grid.put(self.row, column, value, formula)
        self.column += columns - 1

    def _value(self, given: Mapping[str, str]) -> object:
        kind = given.get("value-type", "")
        shown = "\n".join(self.lines) if self.lines is not None else None
        if shown is not None and shown.startswith("#") and "formula" in given:
            return shown
        if kind in NUMBERS:
            return number_in(given.get("value", ""))
        if kind == "boolean":
            return given.get("boolean-value") == "true"
        if kind in ("date", "time"):
            return given.get(f"{kind}-value", shown)
        return given.get("string-value", shown) if kind else None

    def _repeat_row(self, grid: Grid) -> None:
        row, rows = self.row, self.rows
        if row in grid.values:
            self._spend((rows - 1) * len(grid.values[row]))
            for further in range(row + 1, min(row + rows, MAX_ROWS + 1)):
                grid.values[further] = list(grid.values[row])
                if row in grid.formulas:
                    grid.formulas[further] = [
                        f and f._replace(row=further) for f in grid.formulas[row]
                    ]
        self.row += rows - 1

    def _spend(self, cells: int) -> None:
        self.repeated += cells - 1
        if self.repeated > MOST_REPEATED:
            said = f"more than {MOST_REPEATED:,} cells are repeated"
            raise WorkbookError(f"{self.name}: {said}")


def read_ods(package: Guarded, wanted: Callable[[str], bool] = lambda _: True) -> Contents:
    """The contents of an .ods workbook: see `bpsheet.xlsx.contents.read_xlsx`."""
    reader = _ContentReader(wanted, package.name)
    parsed(package, CONTENT, reader)
    return Contents(package.name, reader.sheets, reader.names)
