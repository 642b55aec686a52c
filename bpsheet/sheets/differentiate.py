"""A copy of a workbook with one more sheet, which has the derivatives of one cell.

The user's own formulas are differentiated in reverse mode, cell by cell: ∂L/∂c is the sum over
the cells u that use c of ∂L/∂u · ∂u/∂c.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from openpyxl import Workbook, load_workbook

from bpsheet.errors import BpsheetError, FormulaError, LimitError, OutputError, WorkbookError
from bpsheet.files.paths import is_file, is_same_file
from bpsheet.files.whole import replacing
from bpsheet.formula.evaluate import ERRORS, CellError, evaluate
from bpsheet.formula.tree import Expr, Ref, Sum, total, walk
from bpsheet.guard.limits import OWN
from bpsheet.guard.package import guarded_bytes
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.program.backward import backward
from bpsheet.program.column import Column
from bpsheet.program.quantities import alone, columns_of
from bpsheet.sheets.cells import Way, places, quoted, way_of
from bpsheet.words import shown
from bpsheet.xlsx.addition import AddedRow, with_sheet

__all__ = ["Differentiated", "differentiate_workbook"]

MAX_FORMULA = 8_192
MAX_RATE = 1e100
# A sum that is too long for one cell is divided into parts of so many terms.
PART = 50
TITLE = "Gradient"
# The rows of the loss and the learning rate, and the first row of the table.
LOSS_ROW, RATE_ROW, FIRST_ROW = 3, 4, 8
RATE_CELL = f"$B${RATE_ROW}"


@dataclass(frozen=True)
class Differentiated:
    """The result of `differentiate_workbook`.

    path:     the copy
    sheet:    the name of the new sheet
    loss:     the value of the loss
    gradient: the derivative of the loss with respect to each parameter, by its address
    cells:    the number of cells on the way from the parameters to the loss
    apart:    the parameters on which the loss does not depend
    """

    path: Path
    sheet: str
    loss: float
    gradient: dict[str, float]
    cells: int
    apart: tuple[str, ...]


class _Printer(ExcelPrinter):
    """References are cells of the user's sheets. They are never joined into ranges."""

    def _adjoins(self, last: Expr, term: Expr) -> bool:  # noqa: ARG002
        return False


def differentiate_workbook(
    path: str | Path,
    loss: str,
    parameters: Sequence[str],
    output: str | Path,
    learning_rate: float = 0.1,
) -> Differentiated:
    """Write a copy of a workbook with the live derivatives of one of its cells.

    `loss` is a cell (`Sheet1!D9`), `parameters` are cells and ranges of typed numbers
    (`Sheet1!B2:B6`). The new sheet has every cell on the way from the parameters to the loss, its
    value, its derivative, and for each parameter a step of gradient descent. All other sheets of
    the copy are unchanged.
    Raises WorkbookError for a workbook that cannot be read or differentiated, OutputError where
    the copy cannot be written, and LimitError where a formula would be too long.
    """
    path, output = Path(path), Path(output)
    if output.suffix.lower() != ".xlsx":
        raise OutputError(f"{output}: a name that ends in .xlsx expected")
    if path.suffix.lower() == ".xlsm":
        raise WorkbookError(f"{path}: it holds macros; save it as .xlsx first")
    if is_same_file(output, path):
        raise OutputError(f"{output} is the workbook itself; give another name")
    if not is_file(path):
        raise WorkbookError(f"{path}: no such file")
    if not abs(learning_rate) < MAX_RATE:
        got = shown(learning_rate)
        raise WorkbookError(f"rate: a number below {MAX_RATE:g} expected; got {got}")
    data = guarded_bytes(path, OWN)
    book, stored = _opened(data, path), _opened(data, path, values=True)
    try:
        loss_cell, parameter_cells = _named(book, loss, parameters)
        way = way_of(book, stored, loss_cell, parameter_cells)
    except WorkbookError as error:
        raise WorkbookError(f"{path}: {error}") from None
    passed = columns_of(backward(alone(way.forward), loss_cell))
    derivatives = {column.name: column for column in passed}
    _refuse_long(derivatives)
    title = _free(book)
    order = [*way.forward[: len(parameter_cells)], *reversed(way.forward[len(parameter_cells) :])]
    values = _derivative_values(way, derivatives, loss_cell)
    rows = {column.name: FIRST_ROW + index for index, column in enumerate(order)}
    table = _Table(way, derivatives, rows, values, learning_rate)
    lines = table.lines(order, path.name)
    content = with_sheet(data, title, lines)
    with replacing(output) as stream:
        stream.write(content)
    gradient = {name: values[f"d {name}"] for name in parameter_cells}
    return Differentiated(
        output,
        title,
        way.values[loss_cell],
        gradient,
        len(way.forward) - len(parameter_cells),
        way.apart,
    )


def _opened(data: bytes, path: Path, *, values: bool = False) -> Workbook:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return load_workbook(io.BytesIO(data), data_only=values)
    except BpsheetError:
        raise
    except Exception as error:  # noqa: BLE001 - many unrelated kinds are raised for damage
        message = f"not a workbook that can be read ({type(error).__name__})"
        raise WorkbookError(f"{path}: {message}") from None


def _named(book: Workbook, loss: str, parameters: Sequence[str]) -> tuple[str, list[str]]:
    """The addresses of the loss and the parameters. Without a sheet's name, the first is meant."""
    here = book.worksheets[0].title if book.worksheets else ""
    try:
        what = "loss"
        losses = places(book, loss, here)
        if len(losses) != 1 or len(losses[0]) != 1:
            losses = []
        what = "parameters"
        cells = [name for text in parameters for line in places(book, text, here) for name in line]
    except FormulaError as error:
        raise WorkbookError(f"{what}: {error}") from None
    if not losses:
        raise WorkbookError(f"loss: one cell expected; got {loss}")
    if not cells:
        raise WorkbookError("parameters: at least one cell expected")
    return losses[0][0], list(dict.fromkeys(cells))


def _free(book: Workbook) -> str:
    taken = {name.lower() for name in book.sheetnames}
    number = 1
    while (name := TITLE if number == 1 else f"{TITLE} {number}").lower() in taken:
        number += 1
    return name


def _refuse_long(derivatives: Mapping[str, Column]) -> None:
    """Refuse a derivative that no cell holds before anything is made of it.

    A reference is as long as its name, and all else a character at least. Only a sum is cut
    in parts.
    """
    for name, column in derivatives.items():
        whole = column.formula
        assert whole is not None
        for term in whole.terms if isinstance(whole, Sum) else (whole,):
            lengths = (len(node.name) if isinstance(node, Ref) else 1 for node in walk(term))
            if any(length > MAX_FORMULA for length in accumulate(lengths)):
                raise _too_long(name.removeprefix("d "), f"more than {MAX_FORMULA:,}")


def _refuse_text(name: str, text: str) -> None:
    if len(text) > MAX_FORMULA:
        raise _too_long(name, f"{len(text):,}")


def _too_long(name: str, characters: str) -> LimitError:
    return LimitError(
        f"{name}: its derivative would be a formula of {characters} characters; a cell holds "
        f"{MAX_FORMULA:,}. It is used in too many places, or in a formula of too many factors: "
        "split that among several cells"
    )


def _derivative_values(way: Way, derivatives: dict[str, Column], loss: str) -> dict[str, float]:
    """The values of all cells and derivatives. They are stored so that every viewer shows them."""
    values = dict(way.values)
    for name, column in derivatives.items():
        assert column.formula is not None
        try:
            values[name] = evaluate(column.formula, lambda ref: values[ref.name], {}, {})
        except CellError as error:
            raise WorkbookError(
                f"{name.removeprefix('d ')}: the derivative of {loss} with respect to it is "
                f"{ERRORS[error.code]} at these numbers"
            ) from None
    return values


@dataclass(frozen=True)
class _Table:
    """The lines of the new sheet."""

    way: Way
    derivatives: dict[str, Column]
    rows: dict[str, int]
    values: dict[str, float]
    learning_rate: float
    parts: list[AddedRow] = field(default_factory=list)

    def _reference(self, ref: Ref) -> Cell:
        own = ref.name.removeprefix("d ")
        if own != ref.name and ref.name in self.derivatives:
            return f"$E${self.rows[own]}"  # type: ignore[return-value]
        return quoted(ref.name)  # type: ignore[return-value]

    def lines(self, order: Sequence[Column], file: str) -> list[AddedRow]:
        """All lines: the sheet's title, the loss, the learning rate, then a line for each cell."""
        loss = self.way.forward[-1].name
        heads = ("Cell", "What", "Formula", "Value", f"d {loss} / d cell", "Step", "After the step")
        self.parts.clear()
        return [
            AddedRow(1, (f"The derivatives of {loss}, in {file}",), is_title=True),
            AddedRow(
                2, ("Every number except the learning rate is a formula of cells in other sheets.",)
            ),
            AddedRow(LOSS_ROW, ("Loss", (quoted(loss), self.way.values[loss]))),
            AddedRow(RATE_ROW, ("Learning rate", float(self.learning_rate))),
            AddedRow(
                FIRST_ROW - 2, ("First the parameters, then the cells from the loss backwards.",)
            ),
            AddedRow(FIRST_ROW - 1, heads, is_title=True),
            *(self._line(column, loss) for column in order),
            *self.parts,
        ]

    def _line(self, column: Column, loss: str) -> AddedRow:
        name, row, way = column.name, self.rows[column.name], self.way
        printer = _Printer(self._reference, parameter=str, data=str, guard=True)
        derivative = self.derivatives.get(f"d {name}")
        text, slope = "1", 1.0
        if derivative is not None and derivative.formula is not None:
            text, slope = printer.text(derivative.formula), self.values[derivative.name]
            if len(text) > MAX_FORMULA and isinstance(derivative.formula, Sum):
                text = self._in_parts(name, derivative.formula, printer)
        _refuse_text(name, text)
        is_parameter = name not in way.texts
        kind = "parameter" if is_parameter else "loss" if name == loss else "on the way"
        cells: tuple[object, ...] = (
            name,
            kind,
            way.texts.get(name, ""),
            (quoted(name), way.values[name]),
            (text, slope),
        )
        if is_parameter:
            step = -self.learning_rate * slope
            if not math.isfinite(way.values[name] + step):
                raise WorkbookError(f"{name}: its derivative, {slope:g}, is too large for a step")
            cells += (
                (f"-{RATE_CELL}*E{row}", step),
                (f"D{row}+F{row}", way.values[name] + step),
            )
        return AddedRow(row, cells)

    def _in_parts(self, name: str, whole: Sum, printer: _Printer) -> str:
        """A formula for a sum that is too long for a cell. The sum's parts get lines of their own."""
        cells = []
        for begin in range(0, len(whole.terms), PART):
            part = total(whole.terms[begin : begin + PART])
            row = FIRST_ROW + len(self.rows) + len(self.parts)
            value = evaluate(part, lambda ref: self.values[ref.name], {}, {})
            text = printer.text(part)
            _refuse_text(name, text)
            what = (f"part of {name}", "part of a sum", "", "", (text, value))
            self.parts.append(AddedRow(row, what))
            cells.append(f"E{row}")
        return "+".join(cells)
