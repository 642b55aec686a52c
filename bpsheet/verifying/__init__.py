"""Does a workbook compute what it says? Asked of a spreadsheet engine that is not ours.

Three comparisons with a fresh run, cell by cell: the values stored in the file; the
values after a recalculation; and the values after weights, the learning rate and examples
were changed and the workbook was recalculated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bpsheet.errors import EngineError, ExperimentError, Problem, WorkbookError
from bpsheet.evaluate import ERRORS
from bpsheet.excerpt import Part, part_of
from bpsheet.experiment import Experiment
from bpsheet.functions import LOSSES
from bpsheet.gradients import STUDIES, Settings, Study
from bpsheet.guard import OURS, Guarded, opened
from bpsheet.problems import nearest
from bpsheet.program import Role
from bpsheet.recording import Recording
from bpsheet.trace import Trace
from bpsheet.training import EXAMPLE
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.reading import (
    Stored,
    Values,
    inputs_in,
    live_cells,
    read_values,
    read_workbook,
    settings_in,
)
from bpsheet.workbook import sheets_of
from bpsheet.workbook.about import DATA
from bpsheet.workbook.layout import FIRST_ROW, STEPS, Layout
from bpsheet.workbook.sheet import Sheet

__all__ = ["Comparison", "Report", "compare", "verify"]

# What a workbook shows: a run, or a part of one.
Table = Trace | Part

# Unchanged, both sides begin with the same bits; after a change, last digits may grow apart.
UNCHANGED = 1e-12
CHANGED = 1e-10
# Numbers smaller than this share of 1, or of the largest number in their column, are
# compared as if they had that size: a difference of two larger numbers has lost the digits
# that a relative comparison would ask of it.
FLOOR = 1e-3


@dataclass(frozen=True)
class Comparison:
    """One comparison with a fresh run: how many cells, and where they differ most."""

    what: str
    cells: int
    largest: float
    where: str
    tolerance: float
    wrong: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return not self.wrong


@dataclass(frozen=True)
class Report:
    """What `verify` found. `changes` are those that were made, by the names of `--set`."""

    path: Path
    engine: str
    changes: Mapping[str, float | str]
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        return all(comparison.passed for comparison in self.comparisons)


def compare(
    what: str, sheets: Sequence[Sheet], found: Sequence[Values], tolerance: float
) -> Comparison:
    """Hold the cells of sheets against a run: numbers by their size, words and errors as such."""
    largest, where, wrong, cells = 0.0, "", [], 0
    for sheet, there in zip(sheets, found, strict=True):
        before = "" if sheet.is_steps else f"{sheet.name}!"
        cells += there.size
        for index, shown in enumerate(sheet.layout.shown):
            name, labels = shown.column.name, shown.column.labels
            expected = sheet.values[:, sheet.layout.program.position[name]]
            numbers, is_error, other = _sorted_out(there[:, index], labels)
            should_fail = np.isnan(expected)
            off = other | (is_error != should_fail)
            both = ~off & ~should_fail
            floor = FLOOR * max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
            floor = max(floor, sheet.sizes.get(name, 0.0))
            scale = np.maximum(np.maximum(np.abs(expected), np.abs(numbers)), floor)
            difference = np.where(both, np.abs(expected - numbers) / scale, 0.0)
            if difference.size and difference.max() > largest:
                largest = float(difference.max())
                where = f"{before}{shown.letter}{int(difference.argmax()) + FIRST_ROW}"
            wrong += [
                f"{before}{shown.letter}{row + FIRST_ROW} ({name}): "
                f"{_said(there[row, index])} there, {_wanted(expected[row], labels)} expected"
                for row in np.flatnonzero(off | (difference > tolerance))
            ]
    return Comparison(what, cells, largest, where, tolerance, tuple(wrong))


def _sorted_out(
    cells: npt.NDArray[np.object_], labels: tuple[str, ...] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The cells as numbers; which are errors; which are neither."""
    numbers = np.zeros(len(cells))
    is_error = np.zeros(len(cells), dtype=bool)
    other = np.zeros(len(cells), dtype=bool)
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and cell.startswith("#"):
            is_error[row] = True
        elif labels is not None and cell in labels:
            numbers[row] = labels.index(str(cell))
        elif labels is None and isinstance(cell, int | float) and not isinstance(cell, bool):
            numbers[row] = cell
        else:
            other[row] = True
    return numbers, is_error, other


def _said(value: object) -> str:
    return "no formula" if value is None else str(value)


def _wanted(value: float, labels: tuple[str, ...] | None) -> str:
    if np.isnan(value):
        return "an error"
    return labels[int(value)] if labels else repr(float(value))


def verify(
    path: str | Path,
    engine: str = "ironcalc",
    changes: Mapping[str, float | str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check a workbook of ours in another engine ("ironcalc" or "libreoffice").

    `changes` are made before the last comparison, by the names of `Experiment.changed`;
    by default every first weight, the learning rate and the examples move a little. Where the reader
    has changed inputs in the file, those are taken as they stand.

    Raises WorkbookError, EngineError, ExperimentError for changes that do not fit, and
    OutputError where the folder for temporary files takes none.
    """
    if engine not in ENGINES:
        raise EngineError(f'no engine "{engine}"; known are {", ".join(ENGINES)}')
    path = Path(path)
    with opened(path, OURS) as package:
        return _verified(path, package, engine, changes, progress or (lambda _stage: None))


def _verified(
    path: Path,
    package: Guarded,
    engine: str,
    changes: Mapping[str, float | str] | None,
    say: Callable[[str], None],
) -> Report:
    """The report on a workbook; every stage reads the same bytes."""
    say("reading")
    stored = read_workbook(package, path.parent)
    table = _run(stored)
    sheets = sheets_of(table, stored.kind, _studies(table, stored.studies, {}))
    values = [read_values(package, sheet) for sheet in sheets]
    edited = _edited(table, inputs_in(package, sheets[0], values[0]))
    order = _edited_order(sheets, values) if isinstance(table, Trace) else []
    if order:
        data = stored.experiment.data.replaced(order=order, seed=0)
        table = stored.experiment.replaced(data=data).run()
    if edited:
        table = _changed(table, edited)
    closer = sheets[len(sheets) - len(stored.studies) :]
    settings = {
        key: _settings(package, sheet) for key, sheet in zip(stored.studies, closer, strict=True)
    }
    if edited or order or settings:
        sheets = sheets_of(table, stored.kind, _studies(table, stored.studies, settings))
    chosen = dict(changes) if changes is not None else _default_changes(table)
    _refuse_what_has_no_cell(chosen, table, sheets[0].layout)
    changed = _changed(table, chosen)
    cells = _cells(chosen, table, sheets)
    moved = settings
    if changes is None:
        closer = sheets[len(sheets) - len(settings) :]
        moved = {key: _moved_settings(sheet) for key, sheet in zip(settings, closer, strict=True)}
        for sheet, other in zip(closer, moved.values(), strict=True):
            places = sheet.layout.parameter_cells
            cells |= {(sheet.name, places[name]): value for name, value in other.items()}
    after = sheets_of(changed, stored.kind, _studies(changed, stored.studies, moved))
    both = (sheets, after)
    comparisons = _comparisons(package, engine, both, values=values, cells=cells, say=say)
    return Report(path, engine, chosen, comparisons)


def _comparisons(
    package: Guarded,
    engine: str,
    sheets: tuple[Sequence[Sheet], Sequence[Sheet]],
    *,
    values: Sequence[Values],
    cells: Mapping[tuple[str, str], float | str],
    say: Callable[[str], None],
) -> tuple[Comparison, ...]:
    """The three comparisons; `sheets` are what is expected before and after the changes, and
    `values` what the file stores.
    """
    before, after = sheets
    recalculate = ENGINES[engine]
    live = [live_cells(package, sheet) for sheet in before]
    say("recalculating")
    found = [
        ("stored values", before, values, UNCHANGED),
        ("recalculated", before, recalculate(package, before, {}), UNCHANGED),
    ]
    say("recalculating with changes")
    found.append(("recalculated with changes", after, recalculate(package, before, cells), CHANGED))
    return tuple(
        compare(what, expected, list(map(_without_dead, there, live, before)), tolerance)
        for what, expected, there, tolerance in found
    )


def _run(stored: Stored) -> Table:
    """The run that a workbook shows, or the part of it."""
    trace = stored.experiment.run(keep=stored.keep)
    return trace if trace.is_whole else part_of(trace)


def _changed(table: Table, changes: Mapping[str, float | str]) -> Table:
    """With other numbers in the cells of these names."""
    if isinstance(table, Trace):
        return table.experiment.changed(changes).run()
    names = set(_typed(table))
    return table.changed(
        {name: float(value) for name, value in changes.items() if name in names},
        {name: value for name, value in changes.items() if name not in names},
    )


def _typed(table: Table) -> dict[str, float]:
    """The weights, with their values in the first row."""
    assert isinstance(table.recording, Recording)
    row = table.recording.first_row.tolist()
    return {
        column.name: value
        for column, value in zip(table.program, row, strict=True)
        if column.role is Role.WEIGHT
    }


def _studies(table: Table, keys: Sequence[str], settings: Mapping[str, Settings]) -> list[Study]:
    if not isinstance(table, Trace):
        return []
    return [STUDIES[key](table, settings.get(key, {})) for key in keys]


def _settings(package: Guarded, sheet: Sheet) -> dict[str, float | str]:
    """What a study's hyper-parameters are set to in the file, perhaps by its reader."""
    settings: dict[str, float | str] = {}
    found = settings_in(package, sheet)
    for cell in sheet.layout.program.parameters:
        value = found[cell.name]
        if not isinstance(value, int | float | str) or not cell.allows(value):
            place = f"{sheet.name}!{sheet.layout.parameter_cells[cell.name]}"
            raise WorkbookError(f"{package.name}: {place}: {cell.expected} expected; got {value}")
        settings[cell.name] = value
    return settings


def _moved_settings(sheet: Sheet) -> dict[str, float | str]:
    """Another iteration, another step, another method."""
    moved: dict[str, float | str] = {}
    for cell in sheet.layout.program.parameters:
        if isinstance(cell.value, str):
            moved[cell.name] = next(word for word in cell.choices if word != cell.value)
        elif cell.whole:
            moved[cell.name] = cell.value + 1 if cell.allows(cell.value + 1) else cell.between[0]
        else:
            moved[cell.name] = cell.value * 0.75
    return moved


def _edited(table: Table, inputs: dict[str, object]) -> dict[str, float | str]:
    """The inputs that differ from the experiment's: somebody has changed them in the file."""
    program = table.program
    before: dict[str, float | str] = {p.name: p.value for p in program.parameters}
    before |= _typed(table)
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


def _edited_order(sheets: Sequence[Sheet], values: Sequence[Values]) -> list[int]:
    """The examples that the rows present, where somebody has typed others; else nothing."""
    layout = sheets[0].layout
    for index, shown in enumerate(layout.shown):
        if shown.column.name == EXAMPLE and shown.formula is None:
            numbers, before = [], []
            for sheet, there in zip(sheets, values, strict=True):
                if sheet.layout.program is layout.program:
                    typed = [int(c) if isinstance(c, int | float) else 0 for c in there[:, index]]
                    numbers += typed
                    before += sheet.values[:, layout.program.position[EXAMPLE]].tolist()
            if numbers != before and all(1 <= number <= layout.examples for number in numbers):
                return numbers
    return []


def _refuse_what_has_no_cell(
    changes: Mapping[str, float | str], table: Table, layout: Layout
) -> None:
    """Raise ExperimentError for changes that this workbook has no cell for."""
    weights = set(_typed(table))
    data = {
        f"{name}[{number}]"
        for name in table.program.tables
        for number in range(1, layout.examples + 1)
    }
    known = [*layout.parameter_cells, *weights, *data]
    wrong = [
        Problem(f"--set {name}", f"this workbook has no cell for it; {nearest(name, known)}")
        for name in changes
        if name not in known
    ]
    if wrong:
        raise ExperimentError(wrong, "verify")


def _without_dead(values: Values, live: npt.NDArray[np.bool_], sheet: Sheet) -> Values:
    """The values, but None where a cell holds a number in the place of a formula."""
    values = values.copy()
    for index, shown in enumerate(sheet.layout.shown):
        if shown.formula is not None:
            dead = ~live[:, index]
            dead[0] &= not sheet.layout.starts_typed(shown)
            values[dead, index] = None
    return values


def _default_changes(table: Table) -> dict[str, float | str]:
    """Every first weight, every hyper-parameter and every example, each moved by a little.

    A formula with a number where a reference belongs is found only if that number moves.
    """
    experiment = table.experiment
    changes: dict[str, float | str] = {
        parameter.name: parameter.value * 0.75
        for parameter in table.program.parameters
        if isinstance(parameter.value, float) and parameter.name != "batch_size"
    }
    for index, (name, value) in enumerate(_typed(table).items()):
        if np.isfinite(value):
            changes[name] = value + (index % 7 + 1) / 64
    for name, data in table.program.tables.items():
        for number, value in enumerate(data, start=1):
            changes[f"{name}[{number}]"] = _moved(experiment, name, value, number)
    return changes


def _moved(experiment: Experiment, name: str, value: float, number: int) -> float:
    """A number of the data, moved; targets stay what the loss and the rule can take."""
    network = experiment.network
    if network is None or name in network.inputs:
        return value + (number % 5 + 1) / 32
    if network.loss is None:
        return value
    if LOSSES[network.loss].fits:
        return 0.875 * value + 0.125 / max(2, len(network.targets))
    return value + 1 / 32


def _cells(
    changes: Mapping[str, float | str], table: Table, sheets: Sequence[Sheet]
) -> dict[tuple[str, str], float | str]:
    """Where each change is typed in."""
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
            if layout.kind == "full":
                cells[DATA, f"{layout.data_letters[data]}{example + 1}"] = value
                continue
            letter = layout.by_name[data].letter
            assert isinstance(table.recording, Recording)
            presented = table.recording.values[:, table.program.position[EXAMPLE]]
            for row in np.flatnonzero(presented == example):
                sheet = sheets[int(row) // layout.rows_per_sheet]
                cells[sheet.name, f"{letter}{row - sheet.rows.start + FIRST_ROW}"] = value
    return cells
