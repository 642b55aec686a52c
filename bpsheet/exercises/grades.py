"""The results of marking: marks, marked sheets, refused files, a class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bpsheet.exercises.roster import Roster
from bpsheet.hand.causes import Cause
from bpsheet.hand.judge import Judgement
from bpsheet.hand.verdict import Verdict
from bpsheet.runs.run import Run

__all__ = ["Grades", "Mark", "MarkedSheet", "Refusal"]


@dataclass(frozen=True)
class Mark:
    """The mark of one value: its judgement, the final verdict and reason, and the right value.

    `most` is the mark of a right value.
    """

    judgement: Judgement
    verdict: str
    reason: str
    mark: float
    expected: str
    most: float = 1.0

    @property
    def is_mistake(self) -> bool:
        """Whether the feedback mentions the value."""
        return not self.judgement.verdict.is_right


@dataclass(frozen=True)
class MarkedSheet:
    """A marked sheet, its marks in the order of the sheet.

    `warnings` are what a teacher should look at before anything else: whose sheet it is. `notes` are
    how it was read. `trace` is the run that the sheet asks for.
    """

    path: Path
    student: str
    fingerprint: str
    marks: tuple[Mark, ...]
    out_of: float
    notes: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    warnings: tuple[str, ...] = ()
    trace: Run | None = field(default=None, compare=False, repr=False)

    @property
    def total(self) -> float:
        """The sum of the marks, 0 at the least."""
        return max(0.0, sum(mark.mark for mark in self.marks))

    @property
    def first_mistake(self) -> Mark | None:
        """The first value, in the order of computing, that is not right."""
        return next((mark for mark in self.marks if mark.is_mistake), None)

    @property
    def is_blank(self) -> bool:
        """Whether nothing that was asked is filled in."""
        missing = [mark.judgement.verdict is Verdict.MISSING for mark in self.marks]
        return bool(missing) and all(missing)

    @property
    def slips(self) -> dict[str, None]:
        """The kinds of its slips, in order. If several fit one mistake, the likeliest has "perhaps"."""
        return {
            kinds[0] if len(kinds) == 1 else f"perhaps {kinds[0]}": None
            for mark in self.marks
            if (kinds := mark.judgement.slips) and mark.judgement.verdict is Verdict.SLIP
        }


@dataclass(frozen=True)
class Refusal:
    """A file that was not marked, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Grades:
    """A class: the marked sheets, the refused files, the students without a sheet, and the files that
    are no sheets. `roster` has the columns that go with the students.
    """

    sheets: tuple[MarkedSheet, ...]
    refused: tuple[Refusal, ...]
    absent: tuple[str, ...] = ()
    skipped: tuple[Refusal, ...] = ()
    roster: Roster | None = None

    @property
    def slips(self) -> Counter[str]:
        """The number of students for each slip."""
        return Counter(kind for sheet in self.sheets for kind in sheet.slips)
