"""The changes in a workbook before it is recalculated: those of its reader, and those of a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bpsheet.engine.recording import Recording
from bpsheet.errors import ExperimentError, Problem, WorkbookError
from bpsheet.formula.evaluate import ERRORS
from bpsheet.guard.package import Guarded
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import EXAMPLE, Role
from bpsheet.runs.excerpt import Part
from bpsheet.runs.run import Run
from bpsheet.textbook.losses import LOSSES
from bpsheet.words import nearest
from bpsheet.workbook.about import DATA
from bpsheet.workbook.layout import STEPS, Layout
from bpsheet.workbook.reading import StoredCells, settings_in
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = [
    "RecordedRun",
    "cells_of",
    "changed_table",
    "default_changes",
    "edited_inputs",
    "edited_order",
    "moved_settings",
    "refuse_what_has_no_cell",
    "stored_settings",
    "typed_weights",
]


# What a workbook shows: a run, or a part of one.
RecordedRun = Run | Part


def changed_table(table: RecordedRun, changes: Mapping[str, float | str]) -> RecordedRun:
    """With other numbers in the cells of these names."""
    if isinstance(table, Run):
        return Run.of(table.experiment.changed(changes))
    names = set(typed_weights(table))
    return table.changed(
        {name: float(value) for name, value in changes.items() if name in names},
        {name: value for name, value in changes.items() if name not in names},
    )


def typed_weights(table: RecordedRun) -> dict[str, float]:
    """The weights, with their values in the first row."""
    assert isinstance(table.recording, Recording)
    row = table.recording.first_row.tolist()
    return {
        column.name: value
        for column, value in zip(table.program, row, strict=True)
        if column.role is Role.WEIGHT
    }


def stored_settings(package: Guarded, sheet: Sheet) -> dict[str, float | str]:
    """The values of a study's hyper-parameters in the file, which its reader may have changed.

    Raises WorkbookError for a value that the cell does not allow.
    """
    settings: dict[str, float | str] = {}
    stored = settings_in(package, sheet)
    for cell in sheet.layout.program.parameters:
        value = stored[cell.name]
        if not isinstance(value, int | float | str) or not cell.allows(value):
            address = f"{sheet.name}!{sheet.layout.parameter_cells[cell.name]}"
            raise WorkbookError(f"{package.name}: {address}: {cell.expected} expected; got {value}")
        settings[cell.name] = value
    return settings


def moved_settings(sheet: Sheet) -> dict[str, float | str]:
    """Other settings of a study: another iteration, another step, another method."""
    moved: dict[str, float | str] = {}
    for cell in sheet.layout.program.parameters:
        if isinstance(cell.value, str):
            moved[cell.name] = next(word for word in cell.choices if word != cell.value)
        elif cell.whole:
            moved[cell.name] = cell.value + 1 if cell.allows(cell.value + 1) else cell.between[0]
        else:
            moved[cell.name] = cell.value * 0.75
    return moved


def edited_inputs(table: RecordedRun, inputs: dict[str, object]) -> dict[str, float | str]:
    """The inputs that differ from the experiment's: somebody has changed them in the file."""
    program = table.program
    before: dict[str, float | str] = {p.name: p.value for p in program.parameters}
    before |= typed_weights(table)
    for name, data in program.tables.items():
        before |= {f"{name}[{number}]": value for number, value in enumerate(data, start=1)}
    return {
        name: value
        for name, value in inputs.items()
        if isinstance(value, int | float | str)
        and not isinstance(value, bool)
        and value != before[name]
        and value not in ERRORS
    }


def edited_order(sheets: Sequence[Sheet], values: Sequence[StoredCells]) -> list[int]:
    """The examples that the rows present, where somebody has typed others; else nothing."""
    layout = sheets[0].layout
    for index, shown in enumerate(layout.shown):
        if shown.column.name == EXAMPLE and shown.formula is None:
            numbers, before = [], []
            for sheet, cells in zip(sheets, values, strict=True):
                if sheet.layout.program is layout.program:
                    typed = [int(c) if isinstance(c, int | float) else 0 for c in cells[:, index]]
                    numbers += typed
                    before += sheet.values[:, layout.program.position[EXAMPLE]].tolist()
            if numbers != before and all(1 <= number <= layout.examples for number in numbers):
                return numbers
    return []


def refuse_what_has_no_cell(
    changes: Mapping[str, float | str], table: RecordedRun, layout: Layout
) -> None:
    """Raise ExperimentError for changes of quantities that have no cell in this workbook."""
    weights = set(typed_weights(table))
    data = {
        f"{name}[{number}]"
        for name in table.program.tables
        for number in range(1, layout.examples + 1)
    }
    known = [*layout.parameter_cells, *weights, *data]
    wrong = [
        Problem(name, f"this workbook has no cell for it; {nearest(name, known)}")
        for name in changes
        if name not in known
    ]
    if wrong:
        raise ExperimentError(wrong, "verify")


def default_changes(table: RecordedRun) -> dict[str, float | str]:
    """Every first weight, every hyper-parameter and every example, each moved by a little.

    A formula that has a number instead of a reference is found only if that number changes.
    """
    experiment = table.experiment
    changes: dict[str, float | str] = {
        parameter.name: parameter.value + 1 if parameter.whole else parameter.value * 0.75
        for parameter in table.program.parameters
        if isinstance(parameter.value, float) and parameter.name != "batch_size"
    }
    for index, (name, value) in enumerate(typed_weights(table).items()):
        if np.isfinite(value):
            changes[name] = value + (index % 7 + 1) / 64
    for name, data in table.program.tables.items():
        for number, value in enumerate(data, start=1):
            changes[f"{name}[{number}]"] = _moved(experiment, name, value, number)
    return changes


def _moved(experiment: Plan, name: str, value: float, number: int) -> float:
    """A changed number of the data. A target stays within the range of the loss and the rule."""
    network = experiment.network
    if network is None or name in network.inputs:
        return value + (number % 5 + 1) / 32
    if network.loss is None:
        return value
    if LOSSES[network.loss].fits:
        return 0.875 * value + 0.125 / max(2, len(network.targets))
    return value + 1 / 32


def cells_of(
    changes: Mapping[str, float | str], table: RecordedRun, sheets: Sequence[Sheet]
) -> dict[tuple[str, str], float | str]:
    """The cells (sheet and address) of the changes, with their values."""
    layout = sheets[0].layout
    cells: dict[tuple[str, str], float | str] = {}
    for name, value in changes.items():
        if name in layout.parameter_cells:
            cells[STEPS, layout.parameter_cells[name]] = value
        elif name in layout.by_name:
            cells[STEPS, f"{layout.by_name[name].letter}{FIRST_ROW}"] = value
        else:
            data, _, number = name.rpartition("[")
            example = int(number.removesuffix("]"))
            if layout.traits.data_sheet:
                cells[DATA, f"{layout.data_letters[data]}{example + 1}"] = value
                continue
            letter = layout.by_name[data].letter
            assert isinstance(table.recording, Recording)
            presented = table.recording.values[:, table.program.position[EXAMPLE]]
            for row in np.flatnonzero(presented == example):
                sheet = sheets[int(row) // layout.rows_per_sheet]
                cells[sheet.name, f"{letter}{row - sheet.rows.start + FIRST_ROW}"] = value
    return cells
