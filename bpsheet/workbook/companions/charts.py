"""The sheet Charts: native charts over the live cells of Steps. They follow when a weight changes.

A table of formulas to the right of the charts has the quantities that no column of Steps has:
the mean loss of an epoch, the length of a layer's gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from openpyxl import Workbook
from openpyxl.chart import Reference, ScatterChart, Series
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.layout import Layout as ChartLayout
from openpyxl.chart.layout import ManualLayout
from openpyxl.chart.legend import Legend
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties
from openpyxl.styles import Alignment
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.engine.recording import Recording
from bpsheet.errors import LimitError
from bpsheet.program.groups import groups_of
from bpsheet.program.kinds import Role
from bpsheet.runs.epochs import TestsRight, epoch_means
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import FIRST_ROW, put_number, put_text
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["COMPANION"]

# A chart of more points is slow to draw and shows nothing more.
MOST_ROWS = 20_000
# Charts that nobody asked for should cost little time.
ROWS_BY_DEFAULT = 2_000
# More lines than this cannot be told apart.
MOST_LINES = 10
COLOURS = (
    *("1D5FA8", "C2410C", "2F6B4F", "7A3E9D", "B45309"),
    *("0F6A73", "9D3E6B", "475569", "65A30D", "DC2626"),
)
# The size of a chart in centimetres, and the corner cells of the charts, two to a line.
WIDTH, HEIGHT = 14.6, 8.2
CORNERS = ("A4", "J4", "A22", "J22", "A40", "J40")
# The first column and row of the table of formulas.
TABLE_COLUMN, TABLE_ROW = 20, 4


def _check(_trace: Run, steps: Sheet) -> None:
    if len(steps) > MOST_ROWS:
        raise LimitError(
            f"the sheet Charts would draw {len(steps):,} points; {MOST_ROWS:,} at the most. "
            "Leave the sheet out"
        )


def _is_cheap(_trace: Run, steps: Sheet) -> bool:
    return len(steps) <= ROWS_BY_DEFAULT


def _build(book: Workbook, _trace: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Charts. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    note = "Drawn over the cells of Steps: change a weight, the learning rate or an example there."
    put_text(sheet, "A2", note, style.NOTE)
    charts = _Charts(sheet, book[steps.name], steps)
    charts.draw()
    without_grid(sheet)
    set_page(sheet, "landscape")
    sheet.print_area = f"A1:{get_column_letter(TABLE_COLUMN - 2)}58"
    return charts.values


COMPANION = Companion("charts", "Charts", _check, _is_cheap, _build)


class _Charts:
    def __init__(self, sheet: Worksheet, cells: Worksheet, steps: Sheet) -> None:
        assert isinstance(steps.recording, Recording)
        self.sheet, self.cells, self.steps = sheet, cells, steps
        self.program = steps.layout.program
        self.values: dict[str, float | str] = {}
        self._corners = iter(CORNERS)
        self._column = TABLE_COLUMN

    def draw(self) -> None:
        """Draw the outcome of the run, and each chart for which the run has columns."""
        self._facts()
        losses = self._of_role(Role.LOSS)
        if losses:
            self._lines("loss by iteration", losses)
            self._epochs(losses[0])
        self._lines("weights by iteration", self._of_role(Role.WEIGHT))
        last = self.program.last_layer
        outputs = [name for name in self._of_role(Role.OUTPUT) if self.program[name].layer == last]
        self._lines("outputs and targets by iteration", [*outputs, *self._of_role(Role.TARGET)])
        self._gradients()

    def _facts(self) -> None:
        """The outcome, a cell each: the last loss, the share of right tests, when all were right."""
        steps, last = self.steps, self.steps.last_row
        for name in self._of_role(Role.LOSS)[:1]:
            letter = steps.layout.by_name[name].letter
            value = float(steps.values[-1, self.program.position[name]])
            self._fact("A3", "C3", f"final {name} =", f"={steps.name}!{letter}{last}", value)
        tests = TestsRight(self.program)
        if not tests:
            return
        right = tests.count(steps.values)
        labels = self.program[tests.names[0]].labels
        assert labels is not None
        ends = tests.names[0], tests.names[-1]
        first, final = (steps.layout.by_name[name].letter for name in ends)
        formulas = [
            f'=COUNTIF({steps.name}!{first}{row}:{final}{row},"{labels[1]}")'
            for row in range(FIRST_ROW, last + 1)
        ]
        cells = self._table("tests right", formulas, right)
        letter = get_column_letter(cells.min_col)
        begins, until = TABLE_ROW + 1, TABLE_ROW + len(steps)
        count = len(tests)
        share = f"={letter}{until}/{count}"
        self._fact("D3", "H3", "share of tests right at the end =", share, right[-1] / count)
        self.sheet["H3"].number_format = "0%"
        assert isinstance(steps.recording, Recording)
        since = tests.first(steps.recording) or "never"
        match = f'=IFERROR(MATCH({count},{letter}{begins}:{letter}{until},0),"never")'
        self._fact("J3", "N3", "first iteration with all tests right =", match, since)

    def _fact(self, label: str, address: str, text: str, formula: str, value: float | str) -> None:
        put_text(self.sheet, label, text, style.LABEL)
        self.sheet[address].value = formula
        self.sheet[address].alignment = Alignment(horizontal="left")
        self.values[address] = value if isinstance(value, str) else float(value)

    def _of_role(self, role: Role) -> list[str]:
        shown = self.steps.layout.by_name
        return [c.name for c in self.program if c.role is role and c.name in shown]

    @cached_property
    def _iterations(self) -> Reference:
        """The cells of the iterations' numbers. The layout book has none on Steps."""
        shown = self.steps.layout.by_name.get("iteration")
        if shown is not None:
            return self._reference(shown.place)
        return self._table("iteration", [float(n + 1) for n in range(len(self.steps))])

    def _reference(self, column: int) -> Reference:
        return Reference(self.cells, min_col=column, min_row=FIRST_ROW, max_row=self.steps.last_row)

    def _lines(self, title: str, names: Sequence[str]) -> None:
        """A chart with a line for each column, for as many columns as can be told apart."""
        if not names:
            return
        if len(names) > MOST_LINES:
            title += f" (the first {MOST_LINES} of {len(names):,})"
        chart = self._chart(title, "iteration")
        for name, colour in zip(names[:MOST_LINES], COLOURS, strict=False):
            number = self.steps.layout.by_name[name].place
            cells, across = self._reference(number), self._iterations
            is_target = self.program[name].role is Role.TARGET
            chart.series.append(_series(cells, across, name, colour, dots=is_target))
        self._add(chart, many=len(names) > 1)

    def _epochs(self, loss: str) -> None:
        """The chart of the mean loss of each epoch, where an epoch has several rows."""
        epoch = self.program.example_count
        count = len(self.steps) // epoch if epoch else 0
        if epoch < 2 or count < 2:
            return
        letter = self.steps.layout.by_name[loss].letter
        means = epoch_means(self.steps.values[:, self.program.position[loss]], epoch)
        ranges = [
            f"{self.steps.name}!{letter}{FIRST_ROW + n * epoch}:{letter}{FIRST_ROW + (n + 1) * epoch - 1}"
            for n in range(count)
        ]
        numbers = self._table("epoch", [float(n + 1) for n in range(count)])
        cells = self._table(f"mean {loss}", [f"=AVERAGE({cells})" for cells in ranges], means)
        chart = self._chart("mean loss by epoch", "epoch")
        chart.series.append(_series(cells, numbers, f"mean {loss}", COLOURS[0]))
        self._add(chart, many=False)

    def _gradients(self) -> None:
        """The chart of the length of each layer's gradient in each row."""
        layout = self.steps.layout
        chart = self._chart("length of the gradient by iteration", "iteration")
        for group, colour in zip(groups_of(self.program), COLOURS, strict=False):
            names = [self.program.names[index] for index in group.gradients]
            numbers = [layout.by_name[name].place for name in names if name in layout.by_name]
            adjoin = (
                numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else False
            )
            if not adjoin or len(numbers) != len(names):
                continue
            first, last = (get_column_letter(number) for number in (numbers[0], numbers[-1]))
            rows = range(FIRST_ROW, self.steps.last_row + 1)
            formulas = [f"=SQRT(SUMSQ({self.steps.name}!{first}{r}:{last}{r}))" for r in rows]
            values = self.steps.values[:, list(group.gradients)]
            with np.errstate(over="ignore"):
                lengths = np.sqrt((values**2).sum(axis=1))
            cells = self._table(f"gradient, {group.label}", formulas, lengths)
            chart.series.append(_series(cells, self._iterations, group.label, colour))
        if chart.series:
            self._add(chart, many=True)

    def _table(
        self, head: str, cells: Sequence[str | float], values: Sequence[float] | Any = ()
    ) -> Reference:
        """A column of the table to the right of the charts."""
        column = self._column
        self._column += 1
        letter = get_column_letter(column)
        put_text(self.sheet, f"{letter}{TABLE_ROW}", head, style.HEADER_FONT)
        self.sheet[f"{letter}{TABLE_ROW}"].alignment = style.HEADER_ALIGNMENT
        self.sheet.column_dimensions[letter].width = 16
        for row, cell in enumerate(cells, start=TABLE_ROW + 1):
            if isinstance(cell, str):
                self.sheet[f"{letter}{row}"].value = cell
            else:
                put_number(self.sheet, f"{letter}{row}", cell)
        for row, value in enumerate(values, start=TABLE_ROW + 1):
            self.values[f"{letter}{row}"] = float(value) if np.isfinite(value) else float("nan")
        last = TABLE_ROW + len(cells)
        return Reference(self.sheet, min_col=column, min_row=TABLE_ROW + 1, max_row=last)

    def _chart(self, title: str, across: str) -> ScatterChart:
        chart = ScatterChart()
        chart.scatterStyle = "lineMarker"  # the format asks for one
        chart.title = title
        for paragraph in chart.title.tx.rich.p:  # type: ignore[union-attr]
            for run in paragraph.r:
                run.rPr = CharacterProperties(sz=1200, b=True, solidFill="1F2937")  # 12 points
        chart.style = 13
        chart.width, chart.height = WIDTH, HEIGHT  # type: ignore[assignment]
        chart.x_axis.title = across
        chart.x_axis.delete = chart.y_axis.delete = False
        chart.x_axis.majorGridlines = None
        pale = GraphicalProperties(ln=LineProperties(solidFill="E2E8F0"))
        chart.y_axis.majorGridlines = ChartLines(spPr=pale)
        chart.x_axis.number_format = chart.y_axis.number_format = "General"
        chart.x_axis.scaling.min = 0.0
        # The labels stand below the lowest value, since weights may be negative.
        chart.x_axis.tickLblPos = "low"
        return chart

    def _add(self, chart: ScatterChart, *, many: bool) -> None:
        chart.legend = Legend() if many else None
        inside = ManualLayout(x=0.1, y=0.14, w=0.64 if many else 0.86, h=0.66)
        chart.layout = ChartLayout(manualLayout=inside)
        self.sheet.add_chart(chart, next(self._corners))


def _series(
    values: Reference, across: Reference, name: str, colour: str, *, dots: bool = False
) -> Any:
    """A line, or dots for values that jump from example to example."""
    series = Series(values, across, title=name)
    series.smooth = False
    line = series.graphicalProperties.line
    if dots:
        line.noFill = True
        series.marker.symbol, series.marker.size = "dash", 3
        series.marker.graphicalProperties.solidFill = colour
        series.marker.graphicalProperties.line.solidFill = colour
        return series
    series.marker.symbol = "none"
    line.solidFill = colour
    line.width = 15_000  # of 12,700 to a point
    return series
