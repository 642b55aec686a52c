"""The cells on the way from the parameters to the loss, as columns of a program."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from openpyxl import Workbook
from openpyxl.formula.tokenizer import Token
from openpyxl.utils.cell import column_index_from_string, get_column_letter, range_boundaries
from openpyxl.worksheet.formula import ArrayFormula

from bpsheet.errors import FormulaError, WorkbookError
from bpsheet.formula.evaluate import ERRORS, CellError, evaluate
from bpsheet.formula.tree import Expr, Ref, Sum, children, references, size, upwards
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.sheets.formula import MAX_CELLS, Area, read_formula, tokens_of

__all__ = ["Way", "places", "quoted", "way_of"]

ADDRESS = re.compile(r"\$?[A-Za-z]{1,3}\$?[0-9]{1,7}(?::\$?[A-Za-z]{1,3}\$?[0-9]{1,7})?")
MAX_ROWS, MAX_COLUMNS, LAST_CELL = 1_048_576, 16_384, "XFD1048576"
# Functions that use cells which they do not name.
HIDDEN = ("INDIRECT(", "OFFSET(")
# The most nodes in the trees of all formulas on the way.
MAX_NODES = 2_000_000
# The most cells of array formulas that are read, of which perhaps few are on the way.
MOST_ARRAY_CELLS = 500_000
# The most factors of the derivatives of all cells on the way.
MAX_SLOPES = 2_000_000


def quoted(name: str) -> str:
    """A cell's address as it is written in a formula of another sheet: 'Sheet1'!$B$2."""
    sheet, _, cell = name.rpartition("!")
    letters = cell.rstrip("0123456789")
    safe = sheet.replace("'", "''")
    return f"'{safe}'!${letters}${cell[len(letters) :]}"


def places(book: Workbook, text: str, here: str = "") -> list[list[str]]:
    """The addresses of the cells of a reference, row by row. `here` is the sheet of the formula.

    Raises FormulaError where the text is not a reference to cells.
    """
    named = book.defined_names.get(text)
    if named is None and here in book.sheetnames:
        named = book[here].defined_names.get(text)
    if named is not None:
        text = str(named.attr_text)
    sheet, _, cells = text.rpartition("!")
    sheet = sheet[1:-1].replace("''", "'") if sheet.startswith("'") else sheet
    sheet = sheet or here
    if "[" in text:
        raise FormulaError(f"{text} is in another workbook, or a table; plain ranges are expected")
    if not ADDRESS.fullmatch(cells):
        raise FormulaError(f"{text} is neither a cell nor a plain range nor the name of one")
    # `worksheets` leaves out sheets of charts, which have no cells.
    known = {sheet.title.lower(): sheet.title for sheet in book.worksheets}
    if sheet.lower() not in known:
        raise FormulaError(f"there is no sheet {sheet!r}; there are {', '.join(known.values())}")
    left, top, right, bottom = range_boundaries(cells.replace("$", "").upper())
    if not (left and top and right and bottom):
        raise FormulaError(f"{text} is no plain range")
    if max(left, right) > MAX_COLUMNS or max(top, bottom) > MAX_ROWS:
        raise FormulaError(f"{text} lies beyond the last cell of a sheet, {LAST_CELL}")
    # A spreadsheet reads B3:A1 as A1:B3.
    left, right, top, bottom = *sorted((left, right)), *sorted((top, bottom))
    if (right - left + 1) * (bottom - top + 1) > MAX_CELLS:
        raise FormulaError(f"{text} has more than {MAX_CELLS:,} cells")
    return [
        [f"{known[sheet.lower()]}!{get_column_letter(c)}{r}" for c in range(left, right + 1)]
        for r in range(top, bottom + 1)
    ]


@dataclass(frozen=True)
class Way:
    """The way from the parameters to the loss.

    forward: the parameters, then every cell on the way, the loss last, as columns
    values:  the values of all cells that were needed
    texts:   the formulas as written in the cells
    apart:   the parameters on which the loss does not depend
    """

    forward: tuple[Column, ...]
    values: Mapping[str, float]
    texts: Mapping[str, str]
    apart: tuple[str, ...]


@dataclass(frozen=True)
class _Array:
    """An array formula: the cell that holds its text, and the area that it fills."""

    anchor: str
    left: int
    top: int
    right: int
    bottom: int


class _Book:
    """Formulas and constants of a workbook, which are read when they are needed."""

    def __init__(self, book: Workbook, stored: Workbook) -> None:
        self.book = book
        self.stored = stored
        self.read: dict[str, tuple[str, Area]] = {}
        self.read_cells = 0
        # By sheet and column: an array may have thousands of cells, a workbook many arrays.
        self.arrays: dict[tuple[str, str], list[_Array]] = {}
        for sheet in book.worksheets:
            for anchor, area in sheet.array_formulae.items():
                self._add(sheet.title, anchor, str(area))

    def _add(self, sheet: str, anchor: str, area: str) -> None:
        """Note the cells of an array formula, whose text stands in the cell `anchor`."""
        if not ADDRESS.fullmatch(area):
            raise FormulaError(f"{area} is no plain range")
        left, top, right, bottom = range_boundaries(area.replace("$", "").upper())
        if not (left and top and right and bottom):
            raise FormulaError(f"{area} is no plain range")
        array = _Array(f"{sheet}!{anchor}", left, top, right, bottom)
        for column in range(left, right + 1):
            self.arrays.setdefault((sheet, get_column_letter(column)), []).append(array)

    def _array(self, name: str) -> tuple[_Array, int, int] | None:
        """The array formula that fills a cell, and the cell's row and column in it, from 0."""
        sheet, _, cell = name.rpartition("!")
        letters = cell.rstrip("0123456789")
        row = int(cell[len(letters) :])
        for array in self.arrays.get((sheet, letters), ()):
            if array.top <= row <= array.bottom:
                return array, row - array.top, column_index_from_string(letters) - array.left
        return None

    def content(self, name: str) -> object:
        sheet, _, cell = name.rpartition("!")
        return self.book[sheet][cell].value

    def formula(self, name: str) -> tuple[str, Expr] | None:
        """The text and tree of a cell's formula; None where it has none."""
        sheet = name.rpartition("!")[0]
        if (found := self._array(name)) is not None:
            array, row, column = found
            text, block = self._read_array(array.anchor, sheet)
            return text, block[row % len(block)][column % len(block[0])]
        value = self.content(name)
        if not isinstance(value, str) or not value.startswith("="):
            return None
        block = self._read(value, sheet, is_array=False)
        if len(block) != 1 or len(block[0]) != 1:
            raise FormulaError("its result is a range; enter it as an array formula")
        return value, block[0][0]

    def _read_array(self, anchor: str, sheet: str) -> tuple[str, Area]:
        """The text of an array formula, and the formulas of its cells."""
        if anchor not in self.read:
            array = self.content(anchor)
            assert isinstance(array, ArrayFormula)
            area = self._read(str(array.text), sheet, is_array=True)
            self.read_cells += len(area) * len(area[0])
            if self.read_cells > MOST_ARRAY_CELLS:
                raise FormulaError(
                    f"the array formulas on the way have more than {MOST_ARRAY_CELLS:,} cells"
                )
            self.read[anchor] = str(array.text), area
        return self.read[anchor]

    def _read(self, text: str, sheet: str, *, is_array: bool) -> Area:
        def resolve(reference: str, numbers_only: bool) -> Area:  # noqa: FBT001
            addresses = places(self.book, reference, sheet)
            if numbers_only:
                return [[Ref(name) for line in addresses for name in line if self._counts(name)]]
            return [[Ref(name) for name in line] for line in addresses]

        return read_formula(text, resolve, is_array=is_array)

    def _counts(self, name: str) -> bool:
        value = self.content(name)
        is_text = isinstance(value, str) and not value.startswith("=")
        return self._array(name) is not None or not (value is None or is_text)

    def opaque(self, name: str, error: FormulaError) -> tuple[float, list[str]]:
        """The stored value of a formula that cannot be read, and the cells that it uses.

        Such a formula is allowed if it does not depend on a parameter, for example a look-up of
        data. Raises the error where there is no value, or where the formula's text does not name
        its cells.
        """
        sheet, _, cell = name.rpartition("!")
        text, value = self.content(name), self.stored[sheet][cell].value
        if not isinstance(text, str) or not isinstance(value, int | float):
            raise error
        tokens = tokens_of(text)
        if any(str(token.value).upper().startswith(HIDDEN) for token in tokens):
            raise error
        ranges = [str(token.value) for token in tokens if token.subtype == Token.RANGE]
        used = [places(self.book, reference, sheet) for reference in ranges]
        return _float(value), [name for block in used for line in block for name in line]

    def constant(self, name: str) -> float:
        value = self.content(name)
        if value is None:
            return 0.0
        if isinstance(value, int | float):
            return _float(value)
        raise FormulaError(f"it holds {str(value)[:40]!r}, which is no number")


def _float(value: float) -> float:
    """A number as a float. A file may hold numbers that are too large for one."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise FormulaError("it holds a number that is too large for a spreadsheet")
    return number


def way_of(book: Workbook, stored: Workbook, loss: str, parameters: list[str]) -> Way:
    """Every cell on the way from the parameters to the loss, in an order to compute them.

    `stored` is the same workbook with values instead of formulas.

    Raises WorkbookError, which names the cell, for a formula that cannot be read or has no
    derivative, a circle, a value that is an error, and a parameter that is not a typed number.
    """
    walk = _Walk(_Book(book, stored), frozenset(parameters))
    try:
        walk.to([*parameters, loss])
        walk.evaluate()
    except FormulaError as error:
        raise WorkbookError(f"{walk.here}: {error}") from None
    except CellError as error:
        message = f"its value is {ERRORS[error.code]}, which has no derivative"
        raise WorkbookError(f"{walk.here}: {message}") from None
    wrong = next((name for name in parameters if name in walk.texts_in), None)
    if wrong is not None:
        raise WorkbookError(f"{wrong}: {walk.texts_in[wrong]}")
    formulas, order, values = walk.formulas, walk.order, walk.values
    moving = set(parameters)
    for name in order:
        if name in walk.opaque and moving.intersection(walk.opaque[name][1]):
            raise WorkbookError(f"{name}: {walk.opaque[name][0]}")
        if name in formulas and any(ref.name in moving for ref in references(formulas[name])):
            moving.add(name)
    if loss not in moving:
        raise WorkbookError(f"{loss}: no formula leads there from {', '.join(parameters[:5])}")
    on_way = _leading_to(loss, formulas) & moving
    forward = [_parameter(name, values[name]) for name in parameters]
    forward += [
        _cell(name, formulas[name], is_loss=name == loss)
        for name in order
        if name in on_way and name not in parameters
    ]
    if sum(_slopes(formulas[name], on_way) for name in on_way - set(parameters)) > MAX_SLOPES:
        said = f"its derivative would have more than {MAX_SLOPES:,} parts. Products of many cells"
        raise WorkbookError(f"{loss}: {said} make it so long; split them among several cells")
    apart = tuple(name for name in parameters if name not in on_way)
    return Way(tuple(forward), values, walk.texts, apart)


class _Walk:
    """Every cell that some cells need, in an order to compute them. `here` is the present cell."""

    def __init__(self, source: _Book, parameters: frozenset[str]) -> None:
        self.source = source
        self.parameters = parameters
        self.formulas: dict[str, Expr] = {}
        self.texts: dict[str, str] = {}
        self.values: dict[str, float] = {}
        self.order: list[str] = []
        self.begun: set[str] = set()
        self.done: set[str] = set()
        # Formulas that cannot be read, with the reason and the cells that they use.
        self.opaque: dict[str, tuple[FormulaError, list[str]]] = {}
        self.texts_in: dict[str, FormulaError] = {}
        self.nodes = 0
        self.here = ""

    def to(self, targets: list[str]) -> None:
        """Read all cells that the targets need. A chain may be thousands of cells long."""
        waiting = [*reversed(targets)]
        while waiting:
            name = self.here = waiting[-1]
            if name in self.begun or name in self.done:
                waiting.pop()
                if name not in self.done:
                    self.order.append(name)
                    self.done.add(name)
                continue
            self.begun.add(name)
            formula = self._read(name)
            used = [ref.name for ref in references(formula)] if formula is not None else []
            if name in self.opaque:
                used = self.opaque[name][1]
            for other in used:
                if other in self.begun and other not in self.done:
                    raise FormulaError(f"it depends on itself, through {other}")
                waiting.append(other)

    def _read(self, name: str) -> Expr | None:
        try:
            formula = self.source.formula(name)
        except FormulaError as error:
            self.values[name], used = self.source.opaque(name, error)
            self.opaque[name] = error, used
            return None
        if formula is not None and name in self.parameters:
            raise FormulaError("a parameter is a typed number; this cell has a formula")
        if formula is None:
            self._read_constant(name)
            return None
        self.texts[name], self.formulas[name] = formula
        self.nodes += size(formula[1])
        if self.nodes > MAX_NODES or len(self.begun) > MAX_CELLS:
            raise FormulaError(f"it needs more than {MAX_CELLS:,} cells, or too long formulas")
        return formula[1]

    def _read_constant(self, name: str) -> None:
        """Read a typed number. A text is an error only for a formula that computes with it."""
        try:
            self.values[name] = self.source.constant(name)
        except FormulaError as error:
            self.texts_in[name] = error

    def _value(self, ref: Ref) -> float:
        if ref.name in self.texts_in:
            self.here = ref.name
            raise self.texts_in[ref.name]
        return self.values[ref.name]

    def evaluate(self) -> None:
        """Compute every formula's value, in order."""
        for name in self.order:
            self.here = name
            if name in self.formulas:
                formula = self.formulas[name]
                self.values[name] = evaluate(formula, self._value, {}, {})


def _slopes(formula: Expr, moving: set[str]) -> int:
    """How many slopes its derivative is made of, at the most: one for each operation and each
    moving cell under it. A sum hands on those of its terms.
    """
    found = 0
    under: list[int] = []
    for node in upwards(formula):
        first = len(under) - len(children(node))
        cells = sum(under[first:]) + (isinstance(node, Ref) and node.name in moving)
        found += 0 if isinstance(node, Sum) else cells
        under[first:] = [min(cells, len(moving))]
    return found


def _leading_to(loss: str, formulas: Mapping[str, Expr]) -> set[str]:
    names, waiting = {loss}, [loss]
    while waiting:
        name = waiting.pop()
        for ref in references(formulas[name]) if name in formulas else ():
            if ref.name not in names:
                names.add(ref.name)
                waiting.append(ref.name)
    return names


def _parameter(name: str, value: float) -> Column:
    return Column(
        name,
        Phase.WEIGHT,
        Role.WEIGHT,
        Ref(name, lag=1),
        start=value,
        adjoint_name=f"d {name}",
    )


def _cell(name: str, formula: Expr, *, is_loss: bool) -> Column:
    return Column(
        name,
        Phase.FORWARD,
        Role.LOSS if is_loss else Role.VALUE,
        formula,
        adjoint_name=None if is_loss else f"d {name}",
    )
