"""The workbook of a sweep: a line for each run, the loss against the settings, a chart.

If the runs are few and small, each run has its own sheet with live formulas. The sheet takes its
hyper-parameters from the run's line: change a learning rate there, and its loss follows.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.chart import Reference, ScatterChart, Series
from openpyxl.chart.layout import Layout as ChartLayout
from openpyxl.chart.layout import ManualLayout
from openpyxl.styles import Border
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.errors import OutputError
from bpsheet.runs.run import Run
from bpsheet.sweeps.outcomes import Outcomes
from bpsheet.sweeps.variant import SEED, variant
from bpsheet.words import counted
from bpsheet.workbook import style
from bpsheet.workbook.about import DATA, build_data
from bpsheet.workbook.layout import quoted
from bpsheet.workbook.rows import Reader, row_xml
from bpsheet.workbook.sheet import Sheet
from bpsheet.workbook.steps import UNTITLED, build_sheet
from bpsheet.workbook.writing import sheets_of
from bpsheet.xlsx.cells import FIRST_ROW, Looks, put_number, put_text
from bpsheet.xlsx.package import Rows, write_package
from bpsheet.xlsx.view import set_page

__all__ = ["SUMMARY", "write_summary"]

SUMMARY = "Summary"
HEADER, FIRST = 5, 6
COLOUR = "1D5FA8"
# The most runs, and the most cells of all runs, for which each run has a sheet of its own.
LIVE_RUNS, LIVE_CELLS = 12, 400_000
# The range that six decimals show well.
SMALLEST, LARGEST = 1e-4, 1e6
# An axis is logarithmic if its largest number is more than this many times its smallest.
WIDE = 20.0

HEADS = {"first_loss": "loss of the first epoch", "final_loss": "loss of the last epoch"}
FURTHER_HEADS = {
    "final_accuracy": "share right in the last epoch",
    "final_validation_loss": "validation loss at the end",
    "final_tests_right": "tests right at the end",
}
STATISTICS = {"median": "MEDIAN", "lowest": "MIN", "highest": "MAX"}


def write_summary(sweep: Outcomes, path: Path) -> None:
    """Write the workbook of a sweep. Raises OutputError where the file cannot be written."""
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SUMMARY
    live = _live_sheets(sweep)
    values = {SUMMARY: _table(sheet, sweep, live)}
    styles = [build_sheet(book, run) for run in live]
    rows: dict[str, Rows] = {}
    if live:
        rows[DATA] = build_data(book, Run.of(sweep.experiment, 1), live[0].layout)
        book.move_sheet(DATA, -len(live))
        values |= {run.name: run.formulas_above for run in live}
    rows |= {
        run.name: Rows(run.area, row_xml(run, numbers, Reader(run.recording)))
        for run, numbers in zip(live, styles, strict=True)
    }
    write_package(book, rows, path, values)


def _live_sheets(sweep: Outcomes) -> list[Sheet]:
    """A sheet for each run if the runs are few and small and differ only in cells; else none."""
    experiment, count = sweep.experiment, len(sweep.settings)
    data = any(name.endswith("]") for name in sweep.settings[0])
    columns = len(experiment.columns)
    if count > LIVE_RUNS or data or count * columns * experiment.iterations > LIVE_CELLS:
        return []
    sheets = []
    for number, settings in enumerate(sweep.settings):
        changed = variant(experiment, settings)
        if columns * changed.iterations > LIVE_CELLS:
            return []
        (steps,) = sheets_of(Run.of(changed), "full")
        names = list(settings)
        taken = {
            parameter.name: f"{SUMMARY}!{get_column_letter(names.index(parameter.name) + 2)}"
            f"{FIRST + number}"
            for parameter in steps.layout.program.parameters
            if parameter.name in settings
        }
        title = f"Run {number + 1}: {experiment.title or UNTITLED}"
        sheets.append(replace(steps, name=f"Run {number + 1}", title=title, taken=taken))
    return sheets


def _table(sheet: Worksheet, sweep: Outcomes, live: list[Sheet]) -> dict[str, float | str]:
    """Write the lines of the runs, the statistics and the chart. Returns the formulas' values."""
    runs = sweep.runs
    names = list(sweep.settings[0])
    put_text(sheet, "A1", sweep.experiment.title or UNTITLED, style.TITLE)
    sheet.row_dimensions[1].height = 22
    note = f"{counted(len(runs), 'run')}, a line each."
    if any(run.taken for run in live):
        note += " Blue cells may be changed: the runs on the other sheets follow."
    put_text(sheet, "A2", note, style.NOTE)
    examples = sweep.experiment.example_count
    said = f"The losses are means over the {examples} rows of an epoch." if examples > 1 else ""
    put_text(sheet, "A3", said, style.NOTE)
    heads = ["run", *names, *HEADS.values()]
    # Numbers that would not follow are left out where the others do.
    further = [] if live else [name for name in FURTHER_HEADS if name in runs]
    if not live:
        heads += [*(FURTHER_HEADS[name] for name in further), "first error at iteration"]
    for column, head in enumerate(heads, start=1):
        _head(sheet, column, head)
    looks = Looks()
    values: dict[str, float | str] = {}
    taken = set().union(*(run.taken for run in live)) if live else set()
    shape = _number_format(runs)
    for row, (number, line) in enumerate(runs.iterrows(), start=FIRST):
        put_number(sheet, f"A{row}", number, style.BODY)  # type: ignore[arg-type]
        for column, name in enumerate(names, start=2):
            cell = sheet.cell(row, column)
            _put(sheet, cell.coordinate, line[name])
            looks.give(cell, name in taken, _as_input if name in taken else _as_body)
        for column, which in enumerate(HEADS, start=len(names) + 2):
            cell = sheet.cell(row, column)
            if live:
                cell.value = f"={_mean(live[row - FIRST], which, examples or 1)}"
                values[cell.coordinate] = float(line[which])
            else:
                _put(sheet, cell.coordinate, line[which])
            looks.give(cell, which, _as_body)
            cell.number_format = shape
        for column, name in enumerate(further, start=len(heads) - len(further)):
            _put(sheet, sheet.cell(row, column).coordinate, line[name])
        if not live and not pd.isna(line["first_error"]):
            put_number(sheet, sheet.cell(row, len(heads)).coordinate, int(line["first_error"]))
    values |= _statistics(sheet, sweep, len(heads) + 2, shape)
    _chart(sheet, sweep, len(names) + 3, len(heads) + 2)
    sheet.freeze_panes = f"B{FIRST}"
    set_page(sheet, "landscape", down=0)
    sheet.print_title_rows = f"{HEADER}:{HEADER}"
    return values


def _number_format(runs: pd.DataFrame) -> str:
    """The number format of the losses: six decimals if they show every loss well."""
    losses = runs[list(HEADS)].to_numpy()
    sizes = np.abs(losses[np.isfinite(losses) & (losses != 0)])
    fits = bool(sizes.size) and sizes.min() >= SMALLEST and sizes.max() < LARGEST
    return "0.000000" if fits else style.SCIENTIFIC


def _head(sheet: Worksheet, column: int, text: str) -> None:
    cell = sheet.cell(HEADER, column)
    put_text(sheet, cell.coordinate, text, style.HEADER_FONT)
    cell.fill = style.solid("E2E8F0")
    cell.alignment = style.HEADER_ALIGNMENT
    cell.border = Border(bottom=style.BORDER.bottom)
    sheet.column_dimensions[get_column_letter(column)].width = max(11.0, min(len(text) + 2.0, 16.0))
    sheet.row_dimensions[HEADER].height = 32


def _put(sheet: Worksheet, address: str, value: Any) -> None:
    if isinstance(value, str):
        put_text(sheet, address, value)
    elif math.isfinite(value):
        put_number(sheet, address, float(value))
    else:
        put_text(sheet, address, "overflow")


def _as_input(cell: Any) -> None:
    cell.font, cell.fill = style.INPUT_FONT, style.INPUT_FILL


def _as_body(cell: Any) -> None:
    cell.font = style.BODY


def _mean(run: Sheet, which: str, epoch: int) -> str:
    """The mean loss of the first or the last epoch of a run, from its sheet."""
    assert run.layout.program.loss is not None
    loss = run.layout.by_name[run.layout.program.loss.name]
    epoch = min(epoch, len(run))
    first = FIRST_ROW if which == "first_loss" else run.last_row - epoch + 1
    sheet = quoted(run.name)
    if epoch == 1:
        return f"{sheet}!{loss.letter}{first}"
    return f"AVERAGE({sheet}!{loss.letter}{first}:{loss.letter}{first + epoch - 1})"


def _statistics(
    sheet: Worksheet, sweep: Outcomes, column: int, shape: str
) -> dict[str, float | str]:
    """Write, for each value of the first setting, the median and extremes of the last losses."""
    runs, name = sweep.runs, next(iter(sweep.settings[0]))
    each = runs.groupby(name, sort=False)["final_loss"]
    count = int(each.size().iloc[0])
    values: dict[str, float | str] = {}
    if count == 1:
        return values
    loss = get_column_letter(len(sweep.settings[0]) + 3)
    for offset, head in enumerate([name, "runs", *STATISTICS]):
        _head(sheet, column + offset, head)
    for index, (_, losses) in enumerate(each):
        row, first = FIRST + index, FIRST + index * count
        sheet.cell(row, column).value = f"=B{first}"
        values[sheet.cell(row, column).coordinate] = sweep.settings[index * count][name]
        put_number(sheet, sheet.cell(row, column + 1).coordinate, count)
        known = losses.dropna()
        for offset, (statistic, function) in enumerate(STATISTICS.items(), start=2):
            if known.empty:
                continue
            cell = sheet.cell(row, column + offset)
            cell.value = f"={function}({loss}{first}:{loss}{first + count - 1})"
            cell.number_format = shape
            compute = {"median": known.median, "lowest": known.min, "highest": known.max}
            values[cell.coordinate] = float(compute[statistic]())
    return values


def _chart(sheet: Worksheet, sweep: Outcomes, loss: int, left: int) -> None:
    """Draw the loss of the last epoch against the first setting that is a number."""
    runs, last = sweep.runs, FIRST + len(sweep.runs) - 1
    names = list(sweep.settings[0])
    # A setting with words cannot be an axis.
    numeric = [n for n in names if n != SEED and pd.api.types.is_numeric_dtype(runs[n])]
    name = next((n for n in numeric if len(set(runs[n])) > 1), None)
    column = names.index(name) + 2 if name is not None else 1
    chart = ScatterChart()
    chart.scatterStyle = "lineMarker"  # the format asks for one
    chart.style = 13
    chart.title = None
    chart.legend = None
    chart.height, chart.width = 9, 16
    chart.x_axis.title, chart.y_axis.title = name or "run", HEADS["final_loss"]
    chart.x_axis.delete = chart.y_axis.delete = False
    across = runs[name] if name is not None else pd.Series(dtype=float)
    for axis, shown in ((chart.x_axis, across), (chart.y_axis, runs["final_loss"].dropna())):
        if len(shown) and shown.min() > 0 and shown.max() > WIDE * shown.min():
            axis.scaling.logBase = 10
            axis.crosses = "min"
        axis.number_format = "General"
        axis.majorGridlines = axis.majorGridlines if axis is chart.y_axis else None
    series = Series(
        Reference(sheet, min_col=loss, min_row=FIRST, max_row=last),
        Reference(sheet, min_col=column, min_row=FIRST, max_row=last),
    )
    series.marker.symbol, series.marker.size = "circle", 6
    series.marker.graphicalProperties.solidFill = COLOUR
    series.marker.graphicalProperties.line.solidFill = COLOUR
    if name is not None and len(set(runs[name])) == len(runs):
        series.graphicalProperties.line.solidFill = COLOUR
        series.graphicalProperties.line.width = 19_000  # of 12,700 to a point
    else:
        series.graphicalProperties.line.noFill = True
    series.smooth = False
    chart.series.append(series)
    chart.layout = ChartLayout(manualLayout=ManualLayout(x=0.14, y=0.05, w=0.8, h=0.72))
    values = len(set(runs[names[0]]))
    below = FIRST + values + 1 if values < len(runs) else FIRST
    sheet.add_chart(chart, f"{get_column_letter(left)}{below}")
