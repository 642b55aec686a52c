"""Verifying that a workbook computes the right values, in an independent spreadsheet engine.

Three comparisons with a fresh run, cell by cell: the values that the file stores; the values
after a recalculation; and the values after a recalculation with other weights, another learning
rate and other examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bpsheet.errors import WorkbookError
from bpsheet.gradients.study import Settings
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.plan.plan import Plan
from bpsheet.runs.run import Run
from bpsheet.verifying.changes import (
    cells_of,
    changed_table,
    default_changes,
    edited_table,
    moved_settings,
    refuse_what_has_no_cell,
    stored_settings,
    typed_statistics,
)
from bpsheet.verifying.comparison import Compared, Comparison, compare
from bpsheet.verifying.engine import Asked, Block, Engine, values_in
from bpsheet.verifying.engines import engine_of
from bpsheet.verifying.further import Further
from bpsheet.workbook.edits import Edit
from bpsheet.workbook.placing import Placed, StoredCells
from bpsheet.workbook.reading import contents_of, described, revision_in, studies_of
from bpsheet.workbook.revision import RecordedRun, Revision
from bpsheet.workbook.sheet import Sheet
from bpsheet.workbook.writing import sheets_of
from bpsheet.xlsx.contents import Contents

__all__ = ["Prepared", "Report", "verify"]


# Without changes both sides begin with the same bits. After changes the last digits may differ.
UNCHANGED = 1e-12
CHANGED = 1e-10


# Sheets as they should be, each with its place in the file.
_Sheets = Sequence[tuple[Sheet, Placed]]

NO_VALUES = "the file stores no values of formulas"


@dataclass(frozen=True)
class Report:
    """What `verify` found.

    `changes` are those that were made, by the names that `Experiment.changed` takes. `edits` are those
    that somebody has made in the file: changed numbers, which the fresh run has too, and others.
    """

    path: Path
    engine: str
    changes: Mapping[str, float | str]
    comparisons: tuple[Comparison, ...]
    edits: tuple[Edit, ...] = ()

    @property
    def passed(self) -> bool:
        return all(comparison.passed for comparison in self.comparisons)


def verify(
    path: str | Path,
    engine: str = "ironcalc",
    changes: Mapping[str, float | str] | None = None,
    progress: Callable[[str], None] | None = None,
    *,
    original: bool = False,
) -> Report:
    """Check a workbook that bpsheet wrote in another engine, such as "ironcalc" or "gnumeric".

    `changes` are applied before the last comparison, by the names of `Experiment.changed`. By
    default every first weight, the learning rate and the examples move a little. Inputs that the
    reader has changed in the file are used as they stand, rows filled down are a longer run, and the
    report lists these edits. With `original` the file is held against the numbers that it was written
    with. `progress` is called with the name of each stage.

    Raises WorkbookError for a file that cannot be read, EngineError for an engine that is missing
    or fails, ExperimentError for changes that do not fit, and OutputError where no temporary file
    can be written.
    """
    calculates = engine_of(engine)
    say = progress or (lambda _stage: None)
    say("reading")
    prepared = Prepared.of(Path(path), changes, original=original)
    say("recalculating, changed and unchanged")
    return prepared.report(calculates, calculates.recalculated(prepared.asked))


@dataclass(frozen=True)
class _Checked:
    """A workbook that is checked: what stands in it, and the run that it should show."""

    contents: Contents
    revision: Revision
    kind: str
    studies: tuple[str, ...]
    tests_follow: bool
    table: RecordedRun
    settings: Mapping[str, Settings]

    @classmethod
    def of(cls, contents: Contents, *, original: bool) -> _Checked:
        stored = described(contents, Plan)
        revision = revision_in(contents, stored)
        if not revision.run:
            said = "no sheet has the columns of the run; was the sheet Steps deleted?"
            raise WorkbookError(f"{contents.name}: {said}")
        if original:
            spots = revision.spots | _inputs(revision)
            revision = replace(revision, spots=spots)
            table = revision.table
        else:
            table = edited_table(revision, stored.kind, stored.keep)
        placed = {place.sheet.name: place for place in revision.places.sheets}
        names = [
            sheet.name for sheet in revision.sheets[len(revision.sheets) - len(stored.studies) :]
        ]
        try:
            settings = {
                key: stored_settings(placed[name])
                for key, name in zip(stored.studies, names, strict=True)
                if name in placed
            }
        except WorkbookError as error:
            raise WorkbookError(f"{contents.name}: {error}") from None
        return cls(
            contents, revision, stored.kind, stored.studies, stored.tests_follow, table, settings
        )

    def sheets(self, table: RecordedRun, settings: Mapping[str, Settings]) -> _Sheets:
        """The sheets as they should be, each with its place in the file."""
        studies = studies_of(table, self.studies, dict(settings))
        sheets = sheets_of(table, self.kind, studies, tests_follow=self.tests_follow)
        placed = {place.sheet.name: place for place in self.revision.places.sheets}
        return [(sheet, placed[sheet.name]) for sheet in sheets if sheet.name in placed]

    def names_of_studies(self) -> dict[str, str]:
        sheets = self.revision.sheets
        names = [sheet.name for sheet in sheets[len(sheets) - len(self.studies) :]]
        return dict(zip(self.studies, names, strict=True))


@dataclass(frozen=True)
class Prepared:
    """A workbook with all that an engine has to be asked: it as it stands, and it with changes.

    asked:  the two workbooks to be calculated
    before: the sheets as they should be, and their places; `after` with the changes
    """

    path: Path
    checked: _Checked
    changes: Mapping[str, float | str]
    asked: tuple[Asked, Asked]
    before: _Sheets
    after: _Sheets
    further: Further | None

    @classmethod
    def of(
        cls, path: Path, changes: Mapping[str, float | str] | None, *, original: bool = False
    ) -> Prepared:
        """Read a workbook, and make the run that it should show. Raises as `verify` does."""
        with opened(path, OURS) as package:
            contents = contents_of(package)
        checked = _Checked.of(contents, original=original)
        table, revision = checked.table, checked.revision
        chosen = dict(changes) if changes is not None else default_changes(table)
        before = checked.sheets(table, checked.settings)
        refuse_what_has_no_cell(chosen, table, before[0][0].layout)
        changed = changed_table(table, chosen, tests_follow=checked.tests_follow)
        cells = cells_of(chosen, table, revision) | typed_statistics(changed, revision)
        moved = dict(checked.settings)
        if changes is None:
            names = {sheet.name: (sheet, placed) for sheet, placed in before}
            for key, name in checked.names_of_studies().items():
                if name in names:
                    sheet, placed = names[name]
                    moved[key] = moved_settings(sheet)
                    cells |= {placed.parameters[n]: value for n, value in moved[key].items()}
        after = checked.sheets(changed, moved)
        blocks = [
            Block(placed.name, placed.rows[: len(sheet)], placed.columns)
            for sheet, placed in before
        ]
        further = None
        if isinstance(table, Run) and isinstance(changed, Run):
            further = Further.of(contents, (table, changed), (before[0][0], after[0][0]))
        if further is not None:
            blocks.append(further.block)
        asked = (Asked(contents, blocks), Asked(contents, blocks, cells))
        return cls(path, checked, chosen, asked, before, after, further)

    def report(self, engine: Engine, values: Sequence[Sequence[StoredCells]]) -> Report:
        """The three comparisons with what an engine has calculated: unchanged, and with changes."""
        contents, (recalculated, with_changes) = self.checked.contents, values
        least = engine.exactness([sheet for sheet, _ in self.before])
        stored = [values_in(contents, block) for block in self.asked[0].blocks]
        stages = [
            ("stored values", self.before, stored, UNCHANGED),
            ("recalculated", self.before, recalculated, max(UNCHANGED, least)),
            ("recalculated with changes", self.after, with_changes, max(CHANGED, least)),
        ]
        comparisons = [self._comparison(*stage) for stage in stages]
        if not contents.has_values:
            comparisons[0] = Comparison("stored values", 0, 0.0, "", UNCHANGED, (), note=NO_VALUES)
        edits = self.checked.revision.edits
        return Report(self.path, engine.name, self.changes, tuple(comparisons), edits)

    def _comparison(
        self, what: str, sheets: _Sheets, found: Sequence[StoredCells], tolerance: float
    ) -> Comparison:
        """One comparison of all sheets."""
        compared = [
            Compared(sheet, placed, values, placed.live()[: len(values)])
            for (sheet, placed), values in zip(sheets, found, strict=False)
        ]
        revision = self.checked.revision
        comparison = compare(what, compared, tolerance, revision.spots, revision.hidden)
        lost = list(map(str, revision.losses))
        if lost and (comparison.left_out or revision.places.missing):
            comparison = replace(comparison, wrong=(*lost, *comparison.wrong))
        if self.further is not None and not comparison.left_out:
            is_changed = sheets is self.after
            comparison = self.further.compared(comparison, found[-1], is_changed=is_changed)
        return comparison


def _inputs(revision: Revision) -> set[tuple[int, int, int]]:
    """The changed numbers on the sheets of the run, as cells that differ from the text's own."""
    spots = set()
    for number, placed in enumerate(revision.places.sheets):
        for edit in revision.edits:
            index = placed.index_of_row.get(edit.row)
            place = placed.index_of_column.get(edit.column)
            if edit.sheet == placed.name and index is not None and place is not None:
                spots.add((number, index, place))
    return spots
