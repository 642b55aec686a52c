"""A workbook as people have left it, held against the one that its own experiment makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bpsheet.engine.recording import EVERYTHING, Keep
from bpsheet.errors import EditsError, ExperimentError
from bpsheet.plan.followed import changed_cells
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import EXAMPLE
from bpsheet.runs.excerpt import Part, part_of
from bpsheet.runs.run import Run
from bpsheet.workbook.edits import Edit, Kind
from bpsheet.workbook.findings import Findings, RecordedRun, Spot
from bpsheet.workbook.placing import Placed, Places, find_places
from bpsheet.workbook.presented import search_presented
from bpsheet.workbook.retyped import (
    search_data,
    search_first_rows,
    search_settings,
    search_typed,
)
from bpsheet.workbook.reworked import search_formulas, search_rows, search_taken
from bpsheet.workbook.sheet import Sheet
from bpsheet.workbook.writing import check_fits
from bpsheet.xlsx.contents import Contents

__all__ = ["RecordedRun", "Revision", "Spot", "recorded_run", "revision_of", "with_edits"]

P = TypeVar("P", bound=Plan)

ITERATIONS = "iterations"


def recorded_run(experiment: Plan, kind: str, keep: str | None) -> RecordedRun:
    """The run that a workbook shows, or the part of it. Raises LimitError."""
    # A stranger may have written the workbook: it asks for no more than a workbook can show.
    rows = EVERYTHING if keep is None else Keep.of(keep)
    check_fits(experiment, kind, rows.count(experiment.iterations))
    trace = Run.of(experiment, keep=keep)
    return trace if trace.is_whole else part_of(trace)


@dataclass(frozen=True)
class Revision:
    """What a workbook was written from, where its sheets stand now, and what was changed in it.

    table:   the run of the experiment's own text
    sheets:  the sheets that were written of it
    run:     where those of the run stand: Steps, Steps 2 and so on
    numbers: every input that differs from it, by the names of `Plan.changed`, to the last digit
    typed:   the same for numbers that are typed in each row, by row (from 0) and column
    order:   the examples that the rows present, where somebody has typed others; else nothing
    edits:   the changes as people see them: without digits that a program has cut off
    spots:   the cells whose edits a run cannot have
    losses:  the edits that take other cells what they refer to; `hidden` are those cells
    """

    table: RecordedRun
    sheets: Sequence[Sheet]
    places: Places
    run: Sequence[Placed]
    numbers: Mapping[str, float | str]
    typed: Mapping[tuple[int, str], float]
    order: Sequence[int]
    edits: tuple[Edit, ...]
    spots: frozenset[Spot]
    losses: tuple[Edit, ...]
    hidden: frozenset[Spot]

    @property
    def tests_follow(self) -> bool:
        """Whether the tests that repeat an example refer to the sheet Data."""
        return self.sheets[0].layout.tests_follow

    @property
    def iterations(self) -> int | None:
        """Another number of iterations, where rows were filled down or deleted at the end."""
        for edit in self.edits:
            if edit.is_taken and edit.name == ITERATIONS and isinstance(edit.after, int):
                return edit.after
        return None


def revision_of(
    contents: Contents, experiment: Plan, sheets: Sequence[Sheet], table: RecordedRun
) -> Revision:
    """The revision of a workbook with these contents, which shows these sheets of a run."""
    found = Findings(experiment, table, sheets, find_places(contents, sheets))
    for name in found.places.missing:
        found.lose(Edit(name, 0, 0, Kind.SHEET))
    search_settings(found)
    search_data(found)
    search_first_rows(found)
    apart = search_presented(found)
    search_typed(found, apart)
    search_rows(found)
    search_taken(found)
    search_formulas(found)
    _search_length(found)
    return Revision(
        table,
        sheets,
        found.places,
        found.run,
        found.numbers,
        found.typed,
        found.order if _is_another_order(found) else (),
        tuple(found.edits),
        frozenset(found.spots),
        tuple(found.losses),
        frozenset(found.hidden),
    )


def _is_another_order(found: Findings) -> bool:
    if isinstance(found.table, Part) or not found.order:
        return False
    own = found.table.values[:, found.table.program.position[EXAMPLE]].tolist()
    return found.order != own[: len(found.order)] or len(found.order) > len(own)


def _search_length(found: Findings) -> None:
    """Rows filled down, or deleted at the end: a longer or a shorter run."""
    run, table = found.run, found.table
    is_sampled = isinstance(table, Part) and table.keep.last is None
    if not run or is_sampled or any(placed.broken for placed in run):
        return
    more = sum(len(placed) - len(placed.sheet) for placed in run)
    if more:
        last, before = run[-1], found.experiment.iterations
        row = last.rows[-1] if last.rows else last.header
        found.edits.append(
            Edit(
                *(last.name, row, 0),
                Kind.CHANGED,
                ITERATIONS,
                before,
                before + more,
                is_taken=True,
            )
        )


def with_edits(plan: P, revision: Revision) -> P:
    """The experiment with the changed numbers that it can take.

    Raises EditsError for numbers that do not fit.
    """
    taken = [edit for edit in revision.edits if edit.is_taken and edit.name != EXAMPLE]
    try:
        if taken:
            changes = {edit.name: edit.after for edit in taken if edit.after is not None}
            plan = changed_cells(plan, changes, tests_follow=revision.tests_follow)
        if revision.order:
            plan = plan.replaced(data=plan.data.replaced(order=list(revision.order), seed=0))
    except ExperimentError as error:
        cells = {edit.name: f"{edit.cell} ({edit.called or edit.name})" for edit in taken}
        said = "\n".join(
            f"  {cells.get(problem.place.rpartition('.')[2], problem.place)}: {problem.message}"
            for problem in error.problems
        )
        name = revision.places.contents.name
        raise EditsError(f"{name}: the numbers in its cells do not fit:\n{said}") from None
    return plan
