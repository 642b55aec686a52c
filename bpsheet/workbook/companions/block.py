"""One iteration on the sheet Matrices: its arrays with their names, shapes, formulas and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.formula.tree import Ref
from bpsheet.pictures.frames import NEW, Frame
from bpsheet.pictures.shelves import CHARACTERS, frames_of
from bpsheet.printers.array_formulas import MatrixPrinter
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.chosen import CHOICE
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import Looks, put_number, put_text

__all__ = ["FIRST_ITERATIONS", "Block", "Sizes"]

# How many of the first iterations have a block of their own.
FIRST_ITERATIONS = 3
# Widths in characters: of the titles of lines, of a number, of the space before an array, of the names
# of its rows.
TITLES, NUMBER, SPACE, LONGEST_NAME = 11.0, 9.5, 2.0, 14.0
# So many small characters fit above a number.
WORDS = 14
# The height of an empty row between shelves, in points.
GAP = 8.0


class Sizes:
    """The arrays of a block, with the sizes that they need on a sheet."""

    def __init__(self, program: Program) -> None:
        self.arrays = frames_of(program)
        self.frames = self.arrays.frames
        self.by_name = {frame.name: frame for frame in self.frames}
        self.lines: dict[tuple[int, int], list[Frame]] = {}
        for frame in sorted(self.frames, key=lambda frame: (frame.shelf, frame.row)):
            self.lines.setdefault((frame.shelf, frame.row), []).append(frame)

    def width(self, column: int) -> float:
        """The width of a column in characters."""
        if column == 1:
            return TITLES
        if self.arrays.is_shelved:
            # What is a space on one shelf is under the numbers of another.
            return NUMBER
        starts = [(f.column, f.column + f.columns) for f in self.frames if f.row == 0]
        if any(first <= column < after for first, after in starts):
            return NUMBER
        longest = max(map(len, self.arrays.row_names.get(column, ())), default=0)
        return max(SPACE, min(LONGEST_NAME, longest + 1.5))

    @cached_property
    def entries(self) -> dict[str, tuple[Frame, int, int]]:
        """Where each entry stands: its array, and its row and column in it, from 0."""
        found = {}
        for frame in self.frames:
            if frame.name.startswith(NEW):
                continue
            columns = frame.quantity.columns.reshape(frame.rows, frame.columns)
            for (i, k), column in np.ndenumerate(columns):
                if column is not None:
                    found[column.name] = (frame, i, k)
        return found

    @property
    def last_column(self) -> int:
        return self.arrays.last_column

    @property
    def height(self) -> int:
        """The rows of a block, with its heading and an empty row."""
        return 2 + sum(3 + max(f.rows for f in frames) for frames in self.lines.values())


@dataclass
class Block:
    """One iteration, from a row of the sheet on; `iteration` counts from 0, None is the chosen one."""

    sheet: Worksheet
    run: Run
    steps: Sheet
    sizes: Sizes
    top: int
    shown: int
    chosen: bool = False
    before: Block | None = None
    looks: Looks = field(default_factory=Looks)
    values: dict[str, float | str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    longest: int = 0

    def __post_init__(self) -> None:
        self._head()
        self.first_rows = self._first_rows()
        for frame in self.sizes.frames:
            self._put(frame)

    def _head(self) -> None:
        at = f"A{self.top}"
        if self.chosen:
            self.sheet[at].value = f'="Iteration "&{CHOICE}'
            self.values[at] = f"Iteration {self.shown + 1}"
        else:
            put_text(self.sheet, at, f"Iteration {self.shown + 1}")
        for column in range(1, self.sizes.last_column + 1):
            cell = self.sheet.cell(self.top, column)
            self.looks.give(cell, "head", _as_heading)
        self.sheet.row_dimensions[self.top].height = 18

    def _first_rows(self) -> dict[tuple[int, int], int]:
        """The first row of numbers of each line of arrays."""
        row = self.top + 1
        found = {}
        for (shelf, line), frames in self.sizes.lines.items():
            found[shelf, line] = row + 2
            put_text(self.sheet, f"A{row + 2}", self.sizes.arrays.title(shelf, line), style.NOTE)
            self.sheet.row_dimensions[row].height = 17
            self.sheet.row_dimensions[row + 1].height = 12.0 * max(map(_text_lines, frames))
            row += 3 + max(frame.rows for frame in frames)
            if self.sizes.arrays.is_shelved:
                # Shelves are many, and closer together.
                self.sheet.row_dimensions[row - 1].height = GAP
        return found

    def area(self, name: str) -> str:
        """The cells of an array."""
        frame = self.sizes.by_name[name]
        row = self._row(frame)
        first = f"{get_column_letter(frame.column)}{row}"
        if frame.rows == frame.columns == 1:
            return first
        last = f"{get_column_letter(frame.column + frame.columns - 1)}{row + frame.rows - 1}"
        return f"{first}:{last}"

    def _row(self, frame: Frame) -> int:
        return self.first_rows[frame.shelf, frame.row]

    def _cell(self, ref: Ref) -> Cell:
        frame = self.sizes.by_name[ref.name]
        return Cell(frame.column, self._row(frame))

    def _put(self, frame: Frame) -> None:
        row = self._row(frame)
        band, pale = style.BANDS[frame.phase]
        letter = get_column_letter(frame.column)
        put_text(self.sheet, f"{letter}{row - 2}", frame.label, Font(name=style.FAMILY, size=10, bold=True, color=band))  # fmt: skip
        if frame.says:
            put_text(self.sheet, f"{letter}{row - 1}", frame.says)
            is_wide = len(frame.says) <= WORDS * max(frame.columns, frame.room)
            dress = _as_formula if is_wide else _as_long_formula
            self.looks.give(self.sheet[f"{letter}{row - 1}"], is_wide, dress)
            if frame.room > 1 and not is_wide:
                last = get_column_letter(frame.column + frame.room - 1)
                self.sheet.merge_cells(f"{letter}{row - 1}:{last}{row - 1}")
        for index, name in enumerate(frame.heads):
            at = f"{get_column_letter(frame.column + index)}{row - 1}"
            put_text(self.sheet, at, name)
            self.looks.give(self.sheet[at], "name", _as_name)
        names = self.sizes.arrays.row_names.get(frame.column - 1, ()) if frame.row == 0 else ()
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
            edges = (k == 0, k == frame.columns - 1)
            self.looks.give(cell, (pale, shape, edges), lambda c: _as_number(c, pale, shape, edges))  # noqa: B023
            if columns[i, k] is None:
                put_text(self.sheet, at, "–")
                continue
            name = columns[i, k].name
            value = self._value(frame, name)
            if formula is None:
                own = self._own_formula(frame, name) if frame.by_cell else None
                cell.value = f"={own or self._looked_up(frame, name)}"
            elif i == k == 0:
                cell.value = ArrayFormula(self.area(frame.name), f"={formula}")
            else:
                # The other cells of an array formula hold their values alone.
                put_number(self.sheet, at, value)
            if formula is None or i == k == 0:
                self.values[at] = value
            self.numbers[at] = value

    def _own_formula(self, frame: Frame, name: str) -> str:
        """The formula of an entry over the entries that stand here."""
        formula = self.sizes.arrays.entry(frame, name)
        text = ExcelPrinter(self._entry, self._parameter, lambda name: name, guard=True).text(
            formula
        )
        self.longest = max(self.longest, len(text))
        return text

    def _entry(self, ref: Ref) -> Cell:
        frame, i, k = self.sizes.entries[ref.name]
        return Cell(frame.column + k, self._row(frame) + i)

    def _parameter(self, name: str) -> str:
        return f"{self.steps.name}!{self.steps.layout.absolute_cell(name)}"

    def _array_formula(self, frame: Frame) -> str | None:
        if frame.formula is None:
            return None
        shapes = {name: shape for name, shape in self.shapes.items() if shape}
        printer = MatrixPrinter(self.area, self._cell, self._parameter, shapes)
        text = printer.text(frame.formula)
        self.longest = max(self.longest, len(text))
        return text

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        own = {frame.name: frame.quantity.shape for frame in self.sizes.frames}
        return {**self.sizes.arrays.shapes, **own}

    def _looked_up(self, frame: Frame, name: str) -> str:
        """The formula for a cell that is computed elsewhere."""
        ended = self.sizes.by_name.get(NEW + frame.name)
        if self.before is not None and ended is not None:
            return self.before.cell_of(ended, name)
        letter = self.steps.layout.by_name[name].letter
        first, last = self.steps.layout.first_row, self.steps.last_row
        if not self.chosen or first == last:
            return f"{self.steps.name}!{letter}{first + self.shown}"
        return (
            f"INDEX({self.steps.name}!${letter}${first}:${letter}${last},${CHOICE[0]}${CHOICE[1:]})"
        )

    def cell_of(self, frame: Frame, name: str) -> str:
        """The cell of one entry of an array."""
        _, i, k = self.sizes.entries[name]
        return f"{get_column_letter(frame.column + k)}{self._row(frame) + i}"

    def _value(self, frame: Frame, name: str) -> float:
        row = self.run.values[self.shown]
        position = self.run.program.position
        if not frame.name.startswith(NEW):
            return float(row[position[name]])
        change = self.run.program.adjustment_of(name)
        return float(row[position[name]] + (0.0 if change is None else row[position[change]]))

    def _largest(self, frame: Frame) -> float:
        places = [self.run.program.position[c.name] for c in frame.quantity.columns.ravel() if c]
        return float(np.abs(self.run.values[: FIRST_ITERATIONS + 1, places]).max())


def _text_lines(frame: Frame) -> int:
    """The lines that the formula above an array takes."""
    if frame.room == 1:
        return min(4, 1 + int(len(frame.says) / frame.columns) // WORDS)
    return max(1, -(-len(frame.says) // (CHARACTERS * frame.room)))


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
