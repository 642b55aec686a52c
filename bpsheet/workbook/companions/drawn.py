"""What the charts of a run have in common: its cells on Steps, its epochs, the table behind them."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from openpyxl.chart import Reference, ScatterChart
from openpyxl.styles import Alignment
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.engine.recording import Recording
from bpsheet.program.kinds import EXAMPLE, ITERATION, Role
from bpsheet.workbook import style
from bpsheet.workbook.companions.lines import place
from bpsheet.workbook.companions.plotted import Plotted
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import FIRST_ROW, put_number, put_text

__all__ = ["MOST_FORMULAS", "POINTS", "Drawn"]

# Of a longer run some rows are drawn: a chart of more points is slow to draw and shows nothing more.
MOST_DRAWN, POINTS = 2_000, 500
# So many rows have a formula each behind the charts.
MOST_FORMULAS = 20_000
# The corner cells of the charts, two to a line.
CORNERS = ("A6", "J6", "A24", "J24", "A42", "J42")


class Drawn:
    """A run as charts draw it.

    step:       every so many rows are drawn where a line goes over iterations
    epoch:      the number of examples, which are an epoch
    alternates: whether there are epochs of several examples, so that an epoch is a point
    """

    def __init__(self, sheet: Worksheet, cells: Worksheet, steps: Sheet) -> None:
        assert isinstance(steps.recording, Recording)
        self.sheet, self.cells, self.steps = sheet, cells, steps
        self.program = steps.layout.program
        self.shown = steps.layout.by_name
        self.table = Plotted(sheet)
        self._corners = iter(CORNERS)
        count = len(steps)
        self.step = 1 if count <= MOST_DRAWN else math.ceil(count / POINTS)
        self.rows = range(0, count, self.step)
        # Where examples alternate, an epoch is a point; in a long run several epochs together.
        self.epoch = self.program.example_count
        self.epochs = count // self.epoch if self.epoch > 1 else 0
        self.alternates = self.epochs > 1

    def cell(self, name: str, row: int) -> str:
        """The cell of a column of Steps; the row from 0."""
        return f"{self.steps.name}!{self.shown[name].letter}{FIRST_ROW + row}"

    def area(self, first: str, last: str, begin: int, end: int) -> str:
        """The cells of the columns from one to another, in rows (from 0) up to before `end`."""
        left, right = self.shown[first].letter, self.shown[last].letter
        top, bottom = FIRST_ROW + begin, FIRST_ROW + end - 1
        return f"{self.steps.name}!${left}${top}:${right}${bottom}"

    def value(self, name: str, row: int) -> float:
        return float(self.steps.values[row, self.program.position[name]])

    def of_role(self, role: Role) -> list[str]:
        return [c.name for c in self.program if c.role is role and c.name in self.shown]

    @cached_property
    def spans(self) -> list[range]:
        """The rows of each point: an epoch, or in a long run some epochs together."""
        together = math.ceil(self.epochs / POINTS) * self.epoch
        whole = self.epochs * self.epoch
        return [range(b, min(b + together, whole)) for b in range(0, whole, together)]

    @cached_property
    def uneven_epochs(self) -> int:
        """In how many epochs not every example comes once."""
        if not self.alternates:
            return 0
        examples = self.steps.values[: self.epochs * self.epoch, self.program.position[EXAMPLE]]
        each = np.arange(1, self.epoch + 1)
        orders = np.sort(examples.reshape(self.epochs, self.epoch), axis=1)
        return int((orders != each).any(axis=1).sum())

    @property
    def per_epoch(self) -> str:
        together = len(self.spans[0]) // self.epoch
        return "mean of an epoch" if together == 1 else f"mean of {together} epochs"

    @cached_property
    def ends(self) -> Reference:
        """The last iteration of each epoch."""
        return self.table.numbers("end of the epoch", [float(span[-1] + 1) for span in self.spans])

    @cached_property
    def iterations(self) -> Reference:
        """The cells of the iterations' numbers. The layout book has none on Steps."""
        shown = self.shown.get(ITERATION)
        if shown is not None and self.step == 1:
            return self._whole(shown.place)
        return self.table.numbers("iteration", [float(row + 1) for row in self.rows])

    def _whole(self, column: int) -> Reference:
        return Reference(self.cells, min_col=column, min_row=FIRST_ROW, max_row=self.steps.last_row)

    def column(self, name: str) -> Reference:
        """A column of Steps: its cells, or of a long run a table of some of them."""
        if self.step == 1:
            return self._whole(self.shown[name].place)
        values = [self.value(name, row) for row in self.rows]
        return self.table.column(name, [f"={self.cell(name, row)}" for row in self.rows], values)

    def _label(self, address: str, text: str) -> None:
        """What stands before a number, a little apart from the number to its left."""
        put_text(self.sheet, address, text, style.LABEL)
        if not address.startswith("A"):
            self.sheet[address].alignment = Alignment(horizontal="left", indent=1)

    def fact(self, label: str, address: str, text: str, formula: str, value: float | str) -> None:
        self._label(label, text)
        self.sheet[address].alignment = Alignment(horizontal="left")
        self.table.put(address, formula, value)

    def choice(self, label: str, address: str, text: str, most: int) -> None:
        """A blue cell in which the number of what is drawn can be typed."""
        self._label(label, text)
        put_number(self.sheet, address, 1, style.INPUT_FONT)
        self.sheet[address].fill = style.INPUT_FILL
        self.sheet[address].alignment = Alignment(horizontal="left")
        allowed = DataValidation("whole", operator="between", formula1="1", formula2=str(most))
        allowed.showErrorMessage = True
        allowed.error = f"Expected: whole number from 1 to {most}."
        allowed.add(address)
        self.sheet.add_data_validation(allowed)

    def add(self, chart: ScatterChart) -> None:
        """Put a chart on the sheet. It ends at the last iteration, without an empty strip beside it."""
        if len(self.steps) > 1:
            chart.x_axis.scaling.max = float(len(self.steps))
        place(self.sheet, chart, next(self._corners))
