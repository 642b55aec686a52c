"""The changes in a workbook before it is recalculated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bpsheet.engine.recording import Recording
from bpsheet.errors import ExperimentError, Problem, WorkbookError
from bpsheet.plan.followed import changed_cells
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import EXAMPLE, Role
from bpsheet.program.program import Parameter
from bpsheet.runs.run import Run
from bpsheet.textbook.losses import loss_of
from bpsheet.words import nearest
from bpsheet.workbook.layout import Layout
from bpsheet.workbook.placing import Placed
from bpsheet.workbook.revision import RecordedRun, Revision, recorded_run
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.contents import Address

__all__ = [
    "cells_of",
    "changed_table",
    "default_changes",
    "edited_table",
    "moved_settings",
    "refuse_what_has_no_cell",
    "stored_settings",
    "typed_statistics",
    "typed_weights",
]


def changed_table(
    table: RecordedRun,
    changes: Mapping[str, float | str],
    rows: Mapping[tuple[int, str], float] | None = None,
    *,
    tests_follow: bool,
) -> RecordedRun:
    """With other numbers in the cells of these names, and of these rows; tests may follow the data."""
    if isinstance(table, Run):
        return Run.of(changed_cells(table.experiment, changes, tests_follow=tests_follow))
    names = set(typed_weights(table))
    return table.changed(
        {name: float(value) for name, value in changes.items() if name in names},
        {name: value for name, value in changes.items() if name not in names},
        rows,
        tests_follow=tests_follow,
    )


def edited_table(revision: Revision, kind: str, keep: str | None) -> RecordedRun:
    """The run with every number as it stands in the file, to the last digit."""
    table = revision.table
    plan = table.experiment
    if revision.iterations is not None:
        if keep is not None:
            keep = f"last:{len(table) + revision.iterations - plan.iterations}"
        plan = plan.changed({"iterations": revision.iterations})
    if revision.order:
        plan = plan.replaced(data=plan.data.replaced(order=list(revision.order), seed=0))
    if plan is not table.experiment:
        table = recorded_run(plan, kind, keep)
    if not (revision.numbers or revision.typed):
        return table
    follow = revision.tests_follow
    return changed_table(table, revision.numbers, revision.typed, tests_follow=follow)


def typed_weights(table: RecordedRun) -> dict[str, float]:
    """The weights, with their values in the first row."""
    assert isinstance(table.recording, Recording)
    row = table.recording.first_row.tolist()
    return {
        column.name: value
        for column, value in zip(table.program, row, strict=True)
        if column.role is Role.WEIGHT
    }


def stored_settings(placed: Placed) -> dict[str, float | str]:
    """The values of a study's hyper-parameters in the file, which its reader may have changed.

    Raises WorkbookError for a value that the cell does not allow.
    """
    settings: dict[str, float | str] = {}
    for cell in _own_parameters(placed.sheet):
        address = placed.parameters[cell.name]
        value = placed.grid.value(address.row, address.column)
        if not isinstance(value, int | float | str) or not cell.allows(value):
            raise WorkbookError(f"{address}: {cell.expected} expected; got {value}")
        settings[cell.name] = value
    return settings


def _own_parameters(sheet: Sheet) -> list[Parameter]:
    """The hyper-parameters of a study that it does not take from Steps."""
    return [cell for cell in sheet.layout.program.parameters if cell.name not in sheet.taken]


def moved_settings(sheet: Sheet) -> dict[str, float | str]:
    """Other settings of a study: another iteration, another step, another method."""
    moved: dict[str, float | str] = {}
    for cell in _own_parameters(sheet):
        if isinstance(cell.value, str):
            moved[cell.name] = next(word for word in cell.choices if word != cell.value)
        elif cell.whole:
            moved[cell.name] = cell.value + 1 if cell.allows(cell.value + 1) else cell.between[0]
        else:
            moved[cell.name] = cell.value * 0.75
    return moved


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
    following = layout.following
    cells = [name for name in layout.parameter_cells if name not in following]
    known = [*cells, *weights, *data]
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
        if isinstance(parameter.value, float)
        and parameter.name != "batch_size"
        and parameter.follows is None
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
    if network is None or name in experiment.raw_inputs:
        return value + (number % 5 + 1) / 32
    if network.loss is None or loss_of(network.loss).targets:
        return value
    if name in network.target_entries and loss_of(network.loss).fits:
        return 0.875 * value + 0.125 / max(2, network.targets_together)
    return value + 1 / 32


def cells_of(
    changes: Mapping[str, float | str], table: RecordedRun, revision: Revision
) -> dict[Address, float | str]:
    """The cells of the changes in the file, with their values."""
    steps, data = revision.run[0], revision.places.data
    shown = {entry.column.name: index for index, entry in enumerate(steps.sheet.layout.shown)}
    cells: dict[Address, float | str] = {}
    for name, value in changes.items():
        if name in steps.parameters:
            cells[steps.parameters[name]] = value
        elif name in shown:
            cells[steps.address(0, shown[name])] = value
        else:
            named, _, number = name.rpartition("[")
            example = int(number.removesuffix("]"))
            if data is not None:
                row = data.rows[example - 1]
                cells[Address(data.name, row, data.columns[named])] = value
            elif named in shown:
                for cell in _presenting(example, table, revision.run, shown[named]):
                    cells[cell] = value
    return {cell: value for cell, value in cells.items() if cell.row and cell.column}


def _presenting(
    example: int, table: RecordedRun, run: Sequence[Placed], place: int
) -> Iterator[Address]:
    """The cells of a column in the rows that present an example."""
    assert isinstance(table.recording, Recording)
    presented = table.recording.values[:, table.program.position[EXAMPLE]]
    before = 0
    for placed in run:
        for index in np.flatnonzero(presented[before : before + len(placed)] == example).tolist():
            yield placed.address(index, place)
        before += len(placed)


def typed_statistics(changed: RecordedRun, revision: Revision) -> dict[Address, float | str]:
    """The cells of numbers that follow from the data but are typed, with the values after changes."""
    steps = revision.run[0]
    return {
        steps.parameters[parameter.name]: parameter.value
        for parameter in changed.program.parameters
        if parameter.follows is not None and parameter.name not in steps.sheet.taken
    }
