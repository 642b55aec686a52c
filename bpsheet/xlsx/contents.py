"""What stands in the cells of a workbook, whichever program has saved it.

Only formulas, values, names and the like are read: from the sheets' own XML, as Excel, LibreOffice,
Gnumeric, Google Sheets and libraries write it. A library that reads a whole workbook stops at parts
that nobody asked for, such as the cache of a pivot table or fonts of a newer program.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Generic, NamedTuple, Protocol, TypeVar

from openpyxl.utils.cell import column_index_from_string, get_column_letter
from openpyxl.utils.escape import unescape

from bpsheet.guard.package import Guarded
from bpsheet.xlsx.parts import Reader, Relations, elements, holds, parsed, related

__all__ = [
    "Address",
    "Contents",
    "Error",
    "Formula",
    "Grid",
    "Name",
    "NoNumber",
    "Store",
    "Stored",
    "named_cell",
    "number_in",
    "read_stored",
    "read_xlsx",
    "spelled",
]

# The longest text that is read as a number.
LONGEST_NUMBER = 64
# The type of a relation ends with its kind, in the transitional and in the strict form of the format.
SHEET, STRINGS, BOOK = "/worksheet", "/sharedStrings", "/officeDocument"
# Day 0 of a spreadsheet, and of one that counts from 1904; its dates know no time zones.
EPOCH, EPOCH_1904 = dt.datetime(1899, 12, 30), dt.datetime(1904, 1, 1)  # noqa: DTZ001
CELL = re.compile(r"([A-Za-z]{1,3})([0-9]{1,7})")
# A cell that a name stands for: Steps!$B$5, 'My steps'!$B$5, $Steps.$B$5.
NAMED = re.compile(r"\$?(?:'((?:[^']|'')+)'|([^'!.]+))[!.]\$?([A-Z]{1,3})\$?([0-9]{1,7})")


class Address(NamedTuple):
    """A cell: its sheet, its row and its column, both from 1."""

    sheet: str
    row: int
    column: int

    def __str__(self) -> str:
        return f"{self.sheet}!{get_column_letter(self.column)}{self.row}"


class Error(str):
    """An error that a cell has, such as #NUM!."""

    __slots__ = ()


class NoNumber(str):
    """What stands in a cell of a number and is no finite number."""

    __slots__ = ()


class Formula(NamedTuple):
    """A formula's text, without the leading `=`, as it reads in the cell of `row` and `column`.

    A cell that shares the formula has the same object. `area` is where an array formula stands.
    """

    text: str
    row: int
    column: int
    area: str = ""


@dataclass
class Grid:
    """The cells of a sheet, by row (from 1) and by column (from 0 in the lists).

    A value is a number, a text, True or False, an error such as "#NUM!" (a text), or None. A row
    has no entry in `formulas` where no cell of it has a formula. `hidden` are the rows that are not
    shown.
    """

    values: dict[int, list[object]] = field(default_factory=dict)
    formulas: dict[int, list[Formula | None]] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)

    def value(self, row: int, column: int) -> object:
        """The value of a cell, which for a formula is the stored one."""
        cells = self.values.get(row, ())
        return cells[column - 1] if 0 < column <= len(cells) else None

    def formula(self, row: int, column: int) -> Formula | None:
        cells = self.formulas.get(row, ())
        return cells[column - 1] if 0 < column <= len(cells) else None

    def put(self, row: int, column: int, value: object, formula: Formula | None = None) -> None:
        """Fill a cell."""
        cells = self.values.setdefault(row, [])
        if len(cells) < column:
            cells.extend([None] * (column - len(cells)))
        cells[column - 1] = value
        if formula is not None or row in self.formulas:
            formulas = self.formulas.setdefault(row, [])
            if len(formulas) < column:
                formulas.extend([None] * (column - len(formulas)))
            formulas[column - 1] = formula


@dataclass
class Contents:
    """The sheets of a workbook, in order, and the cells that have names."""

    name: str
    sheets: dict[str, Grid]
    names: dict[str, Address]

    @property
    def has_values(self) -> bool:
        """Whether any formula has a stored value. (Some libraries store none.)"""
        return any(
            formula is not None and value is not None
            for grid in self.sheets.values()
            for row, formulas in grid.formulas.items()
            for formula, value in zip(formulas, grid.values[row], strict=False)
        )


class Store(Protocol):
    """What takes the cells of a sheet, and has the rows that are not shown."""

    hidden: set[int]

    def put(self, row: int, column: int, value: object, formula: Formula | None = None) -> None: ...


S = TypeVar("S", bound=Store)


class Name(NamedTuple):
    """A name and what it stands for. `sheet` is the sheet whose name it is; None for all sheets'."""

    name: str
    text: str
    sheet: str | None


@dataclass
class Stored(Generic[S]):
    """A workbook, its sheets in order: where the cells of each are kept, and its part.

    A sheet of a chart has no cells and no part.
    """

    sheets: dict[str, S]
    parts: dict[str, str]
    names: list[Name]


def number_in(text: str) -> object:
    """A number of a file: an int or a float. What is no finite number stays a text."""
    if text.isdigit() and len(text) < 16:
        return int(text)
    try:
        number = float(text) if len(text) <= LONGEST_NUMBER else math.nan
    except ValueError:
        return NoNumber(text)
    return number if math.isfinite(number) else NoNumber(text)


@cache
def _column(letters: str) -> int:
    return column_index_from_string(letters)


class _SheetReader(Reader):
    """The cells of a worksheet."""

    def __init__(self, store: Store, strings: list[str], epoch: dt.datetime) -> None:
        self.store = store
        self.strings = strings
        self.epoch = epoch
        self.shared: dict[str, Formula] = {}
        self.row = self.column = 0
        self.is_numbered = False
        self.kind = "n"
        self.about: Mapping[str, str] = {}
        self.value: object = None
        self.formula: Formula | None = None
        self.pieces: list[str] = []
        self.taken: list[str] | None = None

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "c":
            self._cell(attributes)
        elif name in ("v", "f"):
            self.taken = []
            self.about = attributes
        elif name == "t":
            self.taken = self.pieces
        elif name == "row":
            self.is_numbered = "r" in attributes
            self.row = int(attributes.get("r", self.row + 1))
            self.column = 0
            if attributes.get("hidden", "0") not in ("0", "false"):
                self.store.hidden.add(self.row)

    def _cell(self, attributes: Mapping[str, str]) -> None:
        address = attributes.get("r")
        if address is None:
            self.column += 1
        else:
            number = str(self.row)
            if not address.endswith(number) or address[: -len(number)][-1:].isdigit():
                number = self._row_of(address)
            self.column = _column(address[: -len(number)])
        self.kind = attributes.get("t", "n")
        self.value = self.formula = None
        self.pieces = []

    def _row_of(self, address: str) -> str:
        """The row of a cell, where its row has no number of its own."""
        match = CELL.fullmatch(address)
        if match is None or self.is_numbered:
            raise ValueError(f"the cell {address[:20]} stands in row {self.row}")
        self.row, self.is_numbered = int(match[2]), True
        return match[2]

    def text(self, text: str) -> None:
        if self.taken is not None:
            self.taken.append(text)

    def end(self, name: str) -> None:
        if name == "v":
            self.value = self._valued("".join(self.taken or ()))
            self.taken = None
        elif name == "f":
            self.formula = self._formula("".join(self.taken or ()).strip().removeprefix("="))
            self.taken = None
        elif name == "t":
            self.taken = None
        elif name == "c":
            value = self.value
            formula = self.formula
            if self.kind == "inlineStr":
                value = spelled("".join(self.pieces))
            elif value is None and formula is not None and self.kind == "str":
                value = ""
            if value is not None or formula is not None:
                self.store.put(self.row, self.column, value, formula)

    def _valued(self, text: str) -> object:
        kind = self.kind
        if kind == "n":
            text = text.strip()
            return number_in(text) if text else None
        if kind == "s":
            if not text.isdigit() or int(text) >= len(self.strings):
                raise ValueError(f"there is no shared text {text[:20]}")
            return self.strings[int(text)]
        if kind == "b":
            return text.strip() in ("1", "true")
        if kind == "e":
            return Error(text.strip())
        if kind == "d":
            moment = dt.datetime.fromisoformat(text.strip().removesuffix("Z"))
            return (moment - self.epoch) / dt.timedelta(days=1)
        return spelled(text) if text or self.formula is not None else None

    def _formula(self, text: str) -> Formula | None:
        kind = self.about.get("t", "")
        group = self.about.get("si", "")
        if kind == "shared" and (not text or ("ref" not in self.about and group in self.shared)):
            return self.shared.get(group)
        if not text or kind == "dataTable":
            return None
        area = ""
        if kind == "array":
            area = self.about.get("ref") or f"{get_column_letter(self.column)}{self.row}"
        formula = Formula(text, self.row, self.column, area)
        if kind == "shared":
            self.shared[group] = formula
        return formula


class _StringsReader(Reader):
    """The texts that cells share, without the readings of Japanese words."""

    def __init__(self) -> None:
        self.strings: list[str] = []
        self.pieces: list[str] = []
        self.taken = self.aside = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002
        if name == "si":
            self.pieces = []
        self.aside = self.aside or name == "rPh"
        self.taken = name == "t" and not self.aside

    def text(self, text: str) -> None:
        if self.taken:
            self.pieces.append(text)

    def end(self, name: str) -> None:
        if name == "si":
            self.strings.append(spelled("".join(self.pieces)))
        self.aside = self.aside and name != "rPh"
        self.taken = False


def spelled(text: str) -> str:
    """A text of the file without its escapes (_x000D_)."""
    return unescape(text) if "_x" in text else text


def _first(relations: Relations, kind: str) -> str | None:
    return next((path for found, path in relations.values() if found.endswith(kind)), None)


def named_cell(text: str) -> Address | None:
    """The single cell that a name stands for."""
    match = NAMED.fullmatch(text.strip().lstrip("="))
    if match is None:
        return None
    sheet = match[2] if match[1] is None else match[1].replace("''", "'")
    return Address(sheet, int(match[4]), _column(match[3]))


def read_xlsx(package: Guarded, wanted: Callable[[str], bool] = lambda _: True) -> Contents:
    """The contents of a workbook: of the sheets whose names are wanted, by default of all.

    Raises WorkbookError for damage.
    """
    stored = read_stored(package, lambda _: Grid(), wanted)
    found = ((name, named_cell(text)) for name, text, sheet in stored.names if sheet is None)
    names = {name: cell for name, cell in found if cell is not None}
    return Contents(package.name, stored.sheets, names)


def read_stored(
    package: Guarded, made: Callable[[str], S], wanted: Callable[[str], bool] = lambda _: True
) -> Stored[S]:
    """A workbook whose cells are put into what is made for each sheet, by its name.

    Raises WorkbookError for damage.
    """
    book = _first(related(package, ""), BOOK) or "xl/workbook.xml"
    relations = related(package, book)
    strings = _StringsReader()
    if (part := _first(relations, STRINGS)) is not None and holds(package, part):
        parsed(package, part, strings)
    facts = [attributes for attributes, _ in elements(package, book, "workbookPr")]
    is_1904 = any(given.get("date1904", "0") not in ("0", "false") for given in facts)
    epoch = EPOCH_1904 if is_1904 else EPOCH
    sheets: dict[str, S] = {}
    parts: dict[str, str] = {}
    for attributes, _ in elements(package, book, "sheet"):
        identity = next((v for k, v in attributes.items() if k.rpartition(":")[2] == "id"), "")
        kind, part = relations.get(identity, ("", ""))
        name = attributes.get("name", "")
        sheets[name] = made(name)
        if kind.endswith(SHEET) and wanted(name):
            parts[name] = part
            parsed(package, part, _SheetReader(sheets[name], strings.strings, epoch))
    titles = list(sheets)
    names = []
    for attributes, text in elements(package, book, "definedName"):
        local = attributes.get("localSheetId", "")
        of = titles[int(local)] if local.isdigit() and int(local) < len(titles) else None
        names.append(Name(attributes.get("name", ""), text, of))
    return Stored(sheets, parts, names)
