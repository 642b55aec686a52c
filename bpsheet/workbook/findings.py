"""What the search for edits finds, put together cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bpsheet.plan.plan import Plan
from bpsheet.runs.excerpt import Part
from bpsheet.runs.run import Run
from bpsheet.workbook.edits import Edit, Kind
from bpsheet.workbook.placing import Placed, Places
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.contents import Formula
from bpsheet.xlsx.spelling import text_at

__all__ = ["CLOSE", "Findings", "RecordedRun", "Spot", "read_input"]

# What a workbook shows: a run, or a part of one.
RecordedRun = Run | Part
# A cell of our own sheets: the number of the sheet, of its row and of its column, from 0.
Spot = tuple[int, int, int]
# Some programs save 15 digits of a number.
CLOSE = 1e-14


@dataclass
class Findings:
    """What a workbook shows, where it stands, and what was found so far.

    numbers: every input that differs from the text's own, by the names of `Plan.changed`, to the last
             digit
    typed:   the same for numbers that are typed in each row, by row (from 0) and column
    order:   the examples that the rows present, where they are typed
    spots, losses, hidden: see `bpsheet.workbook.revision.Revision`
    """

    experiment: Plan
    table: RecordedRun
    sheets: Sequence[Sheet]
    places: Places
    numbers: dict[str, float | str] = field(default_factory=dict)
    typed: dict[tuple[int, str], float] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    losses: list[Edit] = field(default_factory=list)
    spots: set[Spot] = field(default_factory=set)
    hidden: set[Spot] = field(default_factory=set)

    @cached_property
    def run(self) -> list[Placed]:
        """The sheets of the run: Steps, Steps 2 and so on."""
        return [p for p in self.places.sheets if p.sheet.recording is self.table.recording]

    def lose(self, edit: Edit) -> None:
        """Note an edit that takes other cells what they refer to."""
        self.edits.append(edit)
        self.losses.append(edit)

    def spot(self, placed: Placed, index: int, place: int) -> Spot:
        """A cell of a sheet's rows."""
        return (self.sheets.index(placed.sheet), index, place)

    def iteration(self, placed: Placed, index: int) -> int | None:
        """The iteration of a row of the run; None on other sheets."""
        if placed not in self.run:
            return None
        row = placed.sheet.rows.start + index
        if isinstance(self.table, Part):
            if self.table.keep.last is not None:
                return self.table.first + row
            return min(row * (self.table.keep.every or 1) + 1, self.experiment.iterations)
        return row + 1

    def before(self, placed: Placed, index: int, name: str) -> float:
        """A value of the run of the text's own; in rows that it does not have, that of its last row."""
        position = self.table.program.position[name]
        return float(placed.sheet.values[min(index, len(placed.sheet) - 1), position])


def read_input(
    value: object, formula: Formula | None, blank: Edit, *, words: bool = False
) -> tuple[Edit | None, float | str | None]:
    """What was done to an input cell, and the number (or word) that it holds, if any.

    `blank` is the edit without what stands there now. A formula that somebody has typed counts by its
    stored value.
    """
    before = blank.before
    if isinstance(value, str) and words and formula is None:
        return (replace(blank, after=value) if value != before else None), value
    if isinstance(value, int | float) and not isinstance(value, bool):
        is_same = isinstance(before, int | float) and abs(value - before) <= CLOSE * abs(before)
        return (None if is_same else replace(blank, after=value)), value
    lost = replace(blank, is_taken=False)
    if formula is not None:
        text = text_at(formula, blank.row, blank.column)
        return replace(lost, kind=Kind.FORMULA, before="a typed number", after=text), None
    if value is None:
        return replace(lost, kind=Kind.EMPTIED), None
    return replace(lost, kind=Kind.TEXT, after=str(value)), None
