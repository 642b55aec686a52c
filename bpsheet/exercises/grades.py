"""The results of marking: marks, marked sheets, refused files, a class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from bpsheet.hand.judge import Judgement, Verdict

__all__ = ["Grades", "Mark", "MarkedSheet", "Refusal"]


@dataclass(frozen=True)
class Mark:
    """The mark of one value: its judgement, the final verdict and reason, and the right value."""

    judgement: Judgement
    verdict: str
    reason: str
    mark: float
    expected: str

    @property
    def is_mistake(self) -> bool:
        """Whether the feedback mentions the value."""
        return self.verdict not in (Verdict.CORRECT, Verdict.ROUNDED, Verdict.CARRIED)


@dataclass(frozen=True)
class MarkedSheet:
    """A marked sheet, its marks in the order of the sheet."""

    path: Path
    student: str
    fingerprint: str
    marks: tuple[Mark, ...]
    out_of: float
    notes: tuple[str, ...] = ()

    @property
    def total(self) -> float:
        """The sum of the marks."""
        return sum(mark.mark for mark in self.marks)

    @property
    def first_mistake(self) -> Mark | None:
        """The first value, in the order of computing, that is not right."""
        return next((mark for mark in self.marks if mark.is_mistake), None)

    @property
    def slips(self) -> Counter[str]:
        """The number of times for each slip. Of several that fit, the likeliest has "perhaps"."""
        counts: Counter[str] = Counter()
        for mark in self.marks:
            kinds = mark.judgement.slips
            if kinds and mark.verdict == Verdict.SLIP:
                counts[kinds[0] if len(kinds) == 1 else f"perhaps {kinds[0]}"] += 1
        return counts


@dataclass(frozen=True)
class Refusal:
    """A file that could not be marked, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Grades:
    """A class: the marked sheets, the refused files, and the students without a sheet."""

    sheets: tuple[MarkedSheet, ...]
    refused: tuple[Refusal, ...]
    absent: tuple[str, ...] = ()

    @property
    def slips(self) -> Counter[str]:
        """The number of times for each slip in the class."""
        counts: Counter[str] = Counter()
        for sheet in self.sheets:
            counts += sheet.slips
        return counts
