"""The sheet Matrices: iterations as blocks of vectors and matrices, as people draw them by hand.

The forward pass goes from left to right, the backward pass below it from right to left. Each gradient
stands under its weights, and the new weights stand under that. A block is live: each of its arrays is
one array formula. The first block shows the iteration whose number is typed into one cell; the blocks
below show the first iterations, each with the weights with which the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.errors import LimitError
from bpsheet.formula.tree import Ref
from bpsheet.pictures.frames import LINES, NEW, Frame, Frames, has_frames
from bpsheet.printers.excel import Cell
from bpsheet.printers.matrices import MatrixPrinter
from bpsheet.program.kinds import Phase, Role
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.chosen import CHOICE, put_choice
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.layout import MAX_COLUMNS, MAX_FORMULA
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import Looks, put_number, put_text
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["COMPANION"]

TOP = 5
# How many of the first iterations have a block of their own.
FIRST_ITERATIONS = 3
# Widths in characters: of a number, of the space before an array, of the names of its rows.
NUMBER, SPACE, LONGEST_NAME = 9.5, 2.0, 14.0
# So many small characters fit above a number.
WORDS = 14


class _Plan(Frames):
    """The arrays of a block, with the sizes that they need on a sheet."""

    def width(self, column: int) -> float:
        """The width of a column in characters."""
        starts = [(f.column, f.column + f.columns) for f in self.frames if f.row == 0]
        if any(first <= column < after for first, after in starts):
            return NUMBER
        longest = max(map(len, self.row_names.get(column, ())), default=0)
        return max(SPACE, min(LONGEST_NAME, longest + 1.5))

    @cached_property
    def heights(self) -> list[int]:
        """The rows of the tallest array in each line of a block."""
        return [
            max((f.rows for f in self.frames if f.row == line), default=0)
            for line in range(len(LINES))
        ]

    @property
    def height(self) -> int:
        """The rows of a block, with its heading and an empty row."""
        return 2 + sum(3 + rows for rows in self.heights if rows)


def _check(run: Run, steps: Sheet) -> None:
    if not steps.layout.traits.every_step:
        raise LimitError("the sheet Matrices shows every step: use the layout full or matrix")
    if not has_frames(run.program):
        raise LimitError("the sheet Matrices is for a network; this experiment has formulas")
    if not _clean(run):
        raise LimitError("the sheet Matrices would have errors: the first iteration overflows")
    plan = _Plan(run.program)
    if plan.last_column > MAX_COLUMNS:
        raise LimitError(
            f"the sheet Matrices would have {plan.last_column:,} columns; a worksheet holds "
            f"{MAX_COLUMNS:,}"
        )
    longest = max(
        block.longest for block in _blocks(Workbook().create_sheet(), run, steps, plan, 0)
    )
    if longest > MAX_FORMULA:
        raise LimitError(
            f"the sheet Matrices would have a formula of {longest:,} characters; {MAX_FORMULA:,} "
            "at the most"
        )


def _clean(run: Run) -> int:
    """How many of the first iterations have no error."""
    first = run.values[: FIRST_ITERATIONS + 1]
    return int(np.isfinite(first).all(axis=1).argmin()) or len(first) * bool(
        np.isfinite(first).all()
    )


@dataclass
class _Block:
    """One iteration, from a row of the sheet on; `iteration` counts from 0, None is the chosen one."""

    sheet: Worksheet
    run: Run
    steps: Sheet
    plan: _Plan
    top: int
    shown: int
    chosen: bool = False
    before: _Block | None = None
    looks: Looks = field(default_factory=Looks)
    values: dict[str, float | str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    longest: int = 0

    def __post_init__(self) -> None:
        self._head()
        self.first_rows = self._first_rows()
        for frame in self.plan.frames:
            self._put(frame)

    def _head(self) -> None:
        at = f"A{self.top}"
        if self.chosen:
            self.sheet[at].value = f'="Iteration "&{CHOICE}'
            self.values[at] = f"Iteration {self.shown + 1}"
        else:
            put_text(self.sheet, at, f"Iteration {self.shown + 1}")
        for column in range(1, self.plan.last_column + 1):
            cell = self.sheet.cell(self.top, column)
            self.looks.give(cell, "head", _as_heading)
        self.sheet.row_dimensions[self.top].height = 18

    def _first_rows(self) -> dict[int, int]:
        """The first row of numbers of each line of arrays."""
        row = self.top + 1
        found = {}
        for line, rows in enumerate(self.plan.heights):
            if not rows:
                continue
            found[line] = row + 2
            put_text(self.sheet, f"A{row + 2}", LINES[line], style.NOTE)
            self.sheet.row_dimensions[row].height = 17
            longest = max(len(f.says) / f.columns for f in self.plan.frames if f.row == line)
            self.sheet.row_dimensions[row + 1].height = 12.0 * min(4, 1 + longest // WORDS)
            row += 3 + rows
        return found

    def area(self, name: str) -> str:
        """The cells of an array."""
        frame = self._frame_of(name)
        row = self.first_rows[frame.row]
        first = f"{get_column_letter(frame.column)}{row}"
        if frame.rows == frame.columns == 1:
            return first
        last = f"{get_column_letter(frame.column + frame.columns - 1)}{row + frame.rows - 1}"
        return f"{first}:{last}"

    def _frame_of(self, name: str) -> Frame:
        return next(frame for frame in self.plan.frames if frame.name == name)

    def _cell(self, ref: Ref) -> Cell:
        frame = self._frame_of(ref.name)
        return Cell(frame.column, self.first_rows[frame.row])

    def _put(self, frame: Frame) -> None:
        row = self.first_rows[frame.row]
        band, pale = style.BANDS[frame.phase]
        letter = get_column_letter(frame.column)
        put_text(self.sheet, f"{letter}{row - 2}", frame.label, Font(name=style.FAMILY, size=10, bold=True, color=band))  # fmt: skip
        if frame.says:
            put_text(self.sheet, f"{letter}{row - 1}", frame.says)
            is_wide = len(frame.says) <= WORDS * frame.columns
            dress = _as_formula if is_wide else _as_long_formula
            self.looks.give(self.sheet[f"{letter}{row - 1}"], is_wide, dress)
        for index, name in enumerate(frame.heads):
            at = f"{get_column_letter(frame.column + index)}{row - 1}"
            put_text(self.sheet, at, name)
            self.looks.give(self.sheet[at], "name", _as_name)
        names = self.plan.row_names.get(frame.column - 1, ()) if frame.row == 0 else ()
        for index, name in enumerate(names):
            at = f"{get_column_letter(frame.column - 1)}{row + index}"
            put_text(self.sheet, at, name)
            self.looks.give(self.sheet[at], "name", _as_name)
        self._numbers(frame, row, pale)

    def _numbers(self, frame: Frame, row: int, pale: str) -> None:
        columns = frame.quantity.columns.reshape(frame.rows, frame.columns)
        shape = _number_format(self._largest(frame), frame)
        formula = self._array_formula(frame)
        for i, k in np.ndindex(frame.rows, frame.columns):
            cell = self.sheet.cell(row + i, frame.column + k)
            at = f"{get_column_letter(frame.column + k)}{row + i}"
            value = self._value(frame, columns[i, k].name)
            if formula is None:
                cell.value = f"={self._looked_up(frame, columns[i, k].name)}"
            elif i == k == 0:
                cell.value = ArrayFormula(self.area(frame.name), f"={formula}")
            else:
                # The other cells of an array formula hold their values alone.
                put_number(self.sheet, at, value)
            if formula is None or i == k == 0:
                self.values[at] = value
            self.numbers[at] = value
            edges = (k == 0, k == frame.columns - 1)
            self.looks.give(cell, (pale, shape, edges), lambda c: _as_number(c, pale, shape, edges))  # noqa: B023

    def _array_formula(self, frame: Frame) -> str | None:
        if frame.formula is None:
            return None
        parameter = f"{self.steps.name}!"
        printer = MatrixPrinter(
            self.area,
            self._cell,
            lambda name: parameter + self.steps.layout.absolute_cell(name),
            {name: shape for name, shape in self.shapes.items() if shape},
        )
        text = printer.text(frame.formula)
        self.longest = max(self.longest, len(text))
        return text

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        own = {frame.name: frame.quantity.shape for frame in self.plan.frames}
        return {**self.plan.shapes, **own}

    def _looked_up(self, frame: Frame, name: str) -> str:
        """The formula for a cell that is computed elsewhere."""
        ended = [f for f in self.plan.frames if f.name == NEW + frame.name]
        if self.before is not None and ended:
            return self.before.cell_of(ended[0], name)
        letter = self.steps.layout.by_name[name].letter
        first, last = self.steps.layout.first_row, self.steps.last_row
        if not self.chosen or first == last:
            return f"{self.steps.name}!{letter}{first + self.shown}"
        return (
            f"INDEX({self.steps.name}!${letter}${first}:${letter}${last},${CHOICE[0]}${CHOICE[1:]})"
        )

    def cell_of(self, frame: Frame, name: str) -> str:
        """The cell of one entry of an array."""
        names = [column.name for column in frame.quantity.columns.ravel()]
        i, k = divmod(names.index(name), frame.columns)
        return f"{get_column_letter(frame.column + k)}{self.first_rows[frame.row] + i}"

    def _value(self, frame: Frame, name: str) -> float:
        row = self.run.values[self.shown]
        position = self.run.program.position
        if not frame.name.startswith(NEW):
            return float(row[position[name]])
        change = self.run.program.adjustment_of(name)
        return float(row[position[name]] + row[position[str(change)]])

    def _largest(self, frame: Frame) -> float:
        places = [self.run.program.position[c.name] for c in frame.quantity.columns.ravel()]
        return float(np.abs(self.run.values[: FIRST_ITERATIONS + 1, places]).max())


def _number_format(largest: float, frame: Frame) -> str:
    if frame.phase is Phase.INPUT:
        return "General"
    digits = "0.0000" if largest == 0 or 1e-3 <= largest < 1e5 else "0.00E+00"
    if frame.quantity.first.role is Role.ADJUSTMENT:
        return f"+{digits};-{digits};{digits}"
    return digits


def _as_heading(cell: object) -> None:
    cell.font = style.BAND_FONT  # type: ignore[attr-defined]
    cell.fill = style.solid("334155")  # type: ignore[attr-defined]
    cell.alignment = Alignment(vertical="center")  # type: ignore[attr-defined]


def _as_formula(cell: object) -> None:
    cell.font = Font(name=style.FAMILY, size=8, color="4B5563")  # type: ignore[attr-defined]
    cell.alignment = Alignment(vertical="bottom")  # type: ignore[attr-defined]


def _as_long_formula(cell: object) -> None:
    _as_formula(cell)
    cell.alignment = Alignment(vertical="bottom", wrap_text=True)  # type: ignore[attr-defined]


def _as_name(cell: object) -> None:
    cell.font = Font(name=style.FAMILY, size=8, color="4B5563")  # type: ignore[attr-defined]
    cell.alignment = Alignment(horizontal="right", vertical="bottom")  # type: ignore[attr-defined]


def _as_number(cell: object, pale: str, shape: str, edges: tuple[bool, bool]) -> None:
    left, right = (Side("medium", color="475569") if edge else None for edge in edges)
    cell.font = Font(name=style.FAMILY, size=10)  # type: ignore[attr-defined]
    cell.fill = style.solid(pale)  # type: ignore[attr-defined]
    cell.number_format = shape  # type: ignore[attr-defined]
    cell.alignment = Alignment(horizontal="right")  # type: ignore[attr-defined]
    cell.border = Border(left=left, right=right)  # type: ignore[attr-defined]


def _note(run: Run) -> str:
    said = "Forward from left to right, and backward below it from right to left. "
    if run.program.loss is not None:
        said += f"dW1 is ∂{run.program.loss.name}/∂W1, δ the same for z, ′ a derivative, η the learning rate. "
    return said + "Each frame is one array formula. Change numbers on Steps and Data."


def _build(book: Workbook, run: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Matrices. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    plan = _Plan(run.program)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    put_text(sheet, "A2", _note(run), style.NOTE)
    put_choice(sheet, len(steps))
    blocks = list(_blocks(sheet, run, steps, plan, 0))
    for block in blocks[1:]:
        sheet.row_breaks.append(Break(id=block.top - 1))
    sheet.column_dimensions["A"].width = 11
    for column in range(2, plan.last_column + 1):
        sheet.column_dimensions[get_column_letter(column)].width = plan.width(column)
    sheet.freeze_panes = "A5"
    without_grid(sheet)
    set_page(sheet, "landscape", down=0)
    sheet.print_title_rows = "1:1"
    bottom = blocks[-1].top + plan.height - 2
    sheet.print_area = f"A1:{get_column_letter(plan.last_column)}{bottom}"
    return {at: value for block in blocks for at, value in block.values.items()}


def _blocks(sheet: Worksheet, run: Run, steps: Sheet, plan: _Plan, chosen: int) -> Iterator[_Block]:
    """Fill in the blocks: of the chosen iteration (from 0), then of the first ones."""
    looks = Looks()
    yield _Block(sheet, run, steps, plan, TOP, chosen, chosen=True, looks=looks)
    before: _Block | None = None
    for number in range(min(_clean(run), FIRST_ITERATIONS, len(steps))):
        top = TOP + (number + 1) * plan.height
        before = _Block(sheet, run, steps, plan, top, number, before=before, looks=looks)
        yield before


def _numbers(run: Run, steps: Sheet, iteration: int) -> dict[str, float]:
    """The numbers in the cells when an iteration (from 1) is chosen."""
    blocks = _blocks(Workbook().create_sheet(), run, steps, _Plan(run.program), iteration - 1)
    return {at: value for block in blocks for at, value in block.numbers.items()}


COMPANION = Companion("matrices", "Matrices", _check, lambda _run, _steps: False, _build, _numbers)
