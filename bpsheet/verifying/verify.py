"""Verifying that a workbook computes the right values, in an independent spreadsheet engine.

Three comparisons with a fresh run, cell by cell: the values that the file stores; the values
after a recalculation; and the values after a recalculation with other weights, another learning
rate and other examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from openpyxl.utils.cell import coordinate_to_tuple

from bpsheet.engine.recording import EVERYTHING, Keep
from bpsheet.errors import EngineError
from bpsheet.gradients.studies import STUDIES, Settings, Study
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import Guarded, opened
from bpsheet.plan.plan import Plan
from bpsheet.runs.excerpt import part_of
from bpsheet.runs.run import Run
from bpsheet.verifying.changes import (
    RecordedRun,
    cells_of,
    changed_table,
    default_changes,
    edited_inputs,
    edited_order,
    moved_settings,
    refuse_what_has_no_cell,
    stored_settings,
)
from bpsheet.verifying.comparison import Comparison, compare, with_cells
from bpsheet.verifying.engines import ENGINES, exactness
from bpsheet.workbook.companions.choice import COMPANIONS
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.reading import (
    Stored,
    StoredCells,
    chosen_in,
    inputs_in,
    live_cells,
    read_values,
    read_workbook,
    sheet_names,
)
from bpsheet.workbook.sheet import Area, Readable, Sheet
from bpsheet.workbook.writing import check_fits, sheets_of
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = ["Report", "verify"]


# Without changes both sides begin with the same bits. After changes the last digits may differ.
UNCHANGED = 1e-12
CHANGED = 1e-10


@dataclass(frozen=True)
class Report:
    """What `verify` found. `changes` are those that were made, by the names that `Experiment.changed` takes."""

    path: Path
    engine: str
    changes: Mapping[str, float | str]
    comparisons: tuple[Comparison, ...]

    @property
    def passed(self) -> bool:
        return all(comparison.passed for comparison in self.comparisons)


def verify(
    path: str | Path,
    engine: str = "ironcalc",
    changes: Mapping[str, float | str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check a workbook that bpsheet wrote in another engine ("ironcalc" or "libreoffice").

    `changes` are applied before the last comparison, by the names of `Experiment.changed`. By
    default every first weight, the learning rate and the examples move a little. Inputs that the
    reader has changed in the file are used as they stand. `progress` is called with the name of
    each stage.

    Raises WorkbookError for a file that cannot be read, EngineError for an engine that is missing
    or fails, ExperimentError for changes that do not fit, and OutputError where no temporary file
    can be written.
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
    """The report on a workbook. Every stage reads the same bytes."""
    say("reading")
    stored = read_workbook(package)
    table = _run(stored)
    sheets = sheets_of(table, stored.kind, _studies(table, stored.studies, {}))
    values = [read_values(package, sheet) for sheet in sheets]
    edited = edited_inputs(table, inputs_in(package, sheets[0], values[0]))
    order = edited_order(sheets, values) if isinstance(table, Run) else []
    if order:
        data = stored.experiment.data.replaced(order=order, seed=0)
        table = Run.of(stored.experiment.replaced(data=data))
    if edited:
        table = changed_table(table, edited)
    closer = sheets[len(sheets) - len(stored.studies) :]
    settings = {
        key: stored_settings(package, sheet)
        for key, sheet in zip(stored.studies, closer, strict=True)
    }
    if edited or order or settings:
        sheets = sheets_of(table, stored.kind, _studies(table, stored.studies, settings))
    chosen = dict(changes) if changes is not None else default_changes(table)
    refuse_what_has_no_cell(chosen, table, sheets[0].layout)
    changed = changed_table(table, chosen)
    cells = cells_of(chosen, table, sheets)
    moved = settings
    if changes is None:
        closer = sheets[len(sheets) - len(settings) :]
        moved = {key: moved_settings(sheet) for key, sheet in zip(settings, closer, strict=True)}
        for sheet, other in zip(closer, moved.values(), strict=True):
            addresses = sheet.layout.parameter_cells
            cells |= {(sheet.name, addresses[name]): value for name, value in other.items()}
    after = sheets_of(changed, stored.kind, _studies(changed, stored.studies, moved))
    both = (sheets, after)
    companion = _compared(package, sheets[0])
    further = None
    if companion is not None and isinstance(table, Run) and isinstance(changed, Run):
        further = _Further.of(package, companion, (table, changed), (sheets[0], after[0]))
    comparisons = _comparisons(package, engine, both, further, values=values, cells=cells, say=say)
    return Report(path, engine, chosen, comparisons)


def _comparisons(
    package: Guarded,
    engine: str,
    sheets: tuple[Sequence[Sheet], Sequence[Sheet]],
    further: _Further | None,
    *,
    values: Sequence[StoredCells],
    cells: Mapping[tuple[str, str], float | str],
    say: Callable[[str], None],
) -> tuple[Comparison, ...]:
    """The three comparisons.

    `sheets` are the expected sheets before and after the changes, and `further` is a sheet that looks
    into them. `values` are the values that the file stores.
    """
    before, after = sheets
    recalculate = ENGINES[engine]
    least = exactness(engine, before)
    live = [live_cells(package, sheet) for sheet in before]
    areas: list[Readable] = [] if further is None else [further.area]
    say("recalculating")
    stored = [*values, *(read_values(package, area) for area in areas)]
    stages = [
        ("stored values", before, stored, UNCHANGED),
        (
            "recalculated",
            before,
            recalculate(package, [*before, *areas], {}),
            max(UNCHANGED, least),
        ),
    ]
    say("recalculating with changes")
    changed = recalculate(package, [*before, *areas], cells)
    stages.append(("recalculated with changes", after, changed, max(CHANGED, least)))
    comparisons = []
    for what, expected, actual, tolerance in stages:
        rows = list(map(_without_dead, actual, live, before))
        comparison = compare(what, expected, rows, tolerance)
        if further is not None:
            comparison = further.compared(comparison, actual[-1], is_changed=expected is after)
        comparisons.append(comparison)
    return tuple(comparisons)


def _compared(package: Guarded, steps: Sheet) -> Companion | None:
    """The companion whose numbers are compared: one that the layout needs, or that is there."""
    names = sheet_names(package)
    return next(
        (
            companion
            for key, companion in COMPANIONS.items()
            if companion.numbers is not None
            and (companion.name in names or key == steps.layout.traits.first)
        ),
        None,
    )


@dataclass(frozen=True)
class _Further:
    """A sheet that looks into the rows of Steps: its cells, and their numbers before and after changes."""

    area: Area
    before: Mapping[str, float]
    after: Mapping[str, float]

    @classmethod
    def of(
        cls,
        package: Guarded,
        companion: Companion,
        runs: tuple[Run, Run],
        steps: tuple[Sheet, Sheet],
    ) -> _Further | None:
        """The sheet of a companion, as it shows the iteration that the file's reader chose."""
        if companion.numbers is None:
            return None
        chosen = chosen_in(package, companion.name)
        is_one = isinstance(chosen, int) and 1 <= chosen <= len(runs[0])
        iteration = chosen if isinstance(chosen, int) and is_one else 1
        before, after = (
            companion.numbers(run, sheet, iteration) for run, sheet in zip(runs, steps, strict=True)
        )
        places = [coordinate_to_tuple(address) for address in before]
        rows = max(row for row, _ in places) - FIRST_ROW + 1
        columns = range(1, max(column for _, column in places) + 1)
        return cls(Area(companion.name, rows, tuple(columns)), before, after)

    def compared(
        self, comparison: Comparison, values: StoredCells, *, is_changed: bool
    ) -> Comparison:
        """A comparison, with the cells of this sheet."""
        expected = self.after if is_changed else self.before
        found = {}
        for address in expected:
            row, column = coordinate_to_tuple(address)
            found[address] = values[row - FIRST_ROW, column - 1]
        return with_cells(comparison, self.area.name, expected, found)


def _run(stored: Stored[Plan]) -> RecordedRun:
    """The run that a workbook shows, or the part of it."""
    experiment = stored.experiment
    # A stranger may have written the workbook: it asks for no more than a workbook can show.
    rows = EVERYTHING if stored.keep is None else Keep.of(stored.keep)
    check_fits(experiment, stored.kind, rows.count(experiment.iterations))
    trace = Run.of(experiment, keep=stored.keep)
    return trace if trace.is_whole else part_of(trace)


def _studies(
    table: RecordedRun, keys: Sequence[str], settings: Mapping[str, Settings]
) -> list[Study]:
    if not isinstance(table, Run):
        return []
    return [STUDIES[key](table, settings.get(key, {})) for key in keys]


def _without_dead(values: StoredCells, live: npt.NDArray[np.bool_], sheet: Sheet) -> StoredCells:
    """The values, but None where a cell holds a number in the place of a formula."""
    values = values.copy()
    for index, shown in enumerate(sheet.layout.shown):
        if shown.formula is not None:
            dead = ~live[:, index]
            dead[0] &= not sheet.layout.starts_typed(shown)
            values[dead, index] = None
    return values
