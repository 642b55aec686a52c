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
from bpsheet.verifying.comparison import Comparison, compare
from bpsheet.verifying.engines import ENGINES, exactness
from bpsheet.workbook.reading import (
    Stored,
    StoredCells,
    inputs_in,
    live_cells,
    read_values,
    read_workbook,
)
from bpsheet.workbook.sheet import Sheet
from bpsheet.workbook.writing import check_fits, sheets_of

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
    comparisons = _comparisons(package, engine, both, values=values, cells=cells, say=say)
    return Report(path, engine, chosen, comparisons)


def _comparisons(
    package: Guarded,
    engine: str,
    sheets: tuple[Sequence[Sheet], Sequence[Sheet]],
    *,
    values: Sequence[StoredCells],
    cells: Mapping[tuple[str, str], float | str],
    say: Callable[[str], None],
) -> tuple[Comparison, ...]:
    """The three comparisons.

    `sheets` are the expected sheets before and after the changes. `values` are the values that
    the file stores.
    """
    before, after = sheets
    recalculate = ENGINES[engine]
    least = exactness(engine, before)
    live = [live_cells(package, sheet) for sheet in before]
    say("recalculating")
    stages = [
        ("stored values", before, values, UNCHANGED),
        ("recalculated", before, recalculate(package, before, {}), max(UNCHANGED, least)),
    ]
    say("recalculating with changes")
    changed = recalculate(package, before, cells)
    stages.append(("recalculated with changes", after, changed, max(CHANGED, least)))
    return tuple(
        compare(what, expected, list(map(_without_dead, actual, live, before)), tolerance)
        for what, expected, actual, tolerance in stages
    )


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
