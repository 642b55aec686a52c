"""One way through a sheet, from its first value to its last: what is right, what follows, what not.

A value is compared with the exact one, then with what follows from the numbers before it: as they
are written, without their rounding, and with anything in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bpsheet.hand.numbers import Interval, Written, decimals_needed
from bpsheet.hand.student import Boxes, Place, Student
from bpsheet.hand.verdict import Verdict

__all__ = ["WIDE_DIGITS", "Following", "Outcome"]

# A value that is off by no more than this many units in the last digit is a rounding slip, if it
# shows so many digits.
CLOSE = 1.5
CLOSE_DIGITS = 2
# How many times as wide as a value the span may be that rests on what was near by.
NEAR_ROOM = 4.0
# The errors of computed numbers add up to no more than so many times the one that is allowed.
ACCURATE = 10_000.0
# With fewer digits, not everything that rounds to a number is believed to have been it.
WIDE_DIGITS = 3

# What a wrong value would be without its rounding, if a slip explains it.
Explain = Callable[[Place, Written], float | None]


@dataclass(frozen=True)
class Outcome:
    """The verdict on a value, the value that it was compared with, and what it follows from."""

    verdict: Verdict
    compared: float
    sources: tuple[Place, ...] = ()


class Following:
    """The outcomes of a sheet, by place, and the places of the mistakes, in order.

    `leaps` are the places of right values that do not follow from the wrong ones before them. They
    show that those were not used as the program uses them. After more than `most` mistakes and leaps
    the rest is not looked at.
    """

    def __init__(
        self,
        student: Student,
        digits: int | None = None,
        explain: Explain | None = None,
        most: float = math.inf,
    ) -> None:
        self.student = student
        self.digits = digits
        self.outcomes: dict[Place, Outcome] = {}
        self.mistakes: list[Place] = []
        self.leaps: list[Place] = []
        for place in student.places():
            value = student.answers[place]
            outcome = self._outcome(place, value)
            # A 0 that shows no digit of the value may be the exact result of a slip.
            is_nought = outcome.verdict is Verdict.FEW_DIGITS and not value.value
            if outcome.verdict is Verdict.WRONG or is_nought:
                found = explain(place, value) if explain is not None else None
                if found is not None:
                    outcome = replace(outcome, verdict=Verdict.WRONG)
                    student.own[place] = found
            self.outcomes[place] = outcome
            if outcome.verdict is not Verdict.WRONG:
                self._settle(place, value, outcome)
                continue
            self.mistakes.append(place)
            if self.flaws > most:
                return

    def _outcome(self, place: Place, value: Written) -> Outcome:
        student = self.student
        exact = student.exact(place)
        lines = student.followed(place)
        sources = tuple(student.sources(place)) if lines else ()
        few = None
        for right, verdict, is_known in self._right(place, value, exact, sources):
            if self._is_enough(value, right, is_known=is_known):
                if verdict is Verdict.CORRECT:
                    self._note_leap(place, value, sources)
                return Outcome(verdict, right, () if verdict is Verdict.CORRECT else sources)
            few = few or Outcome(Verdict.FEW_DIGITS, right, sources)
        if few is not None:
            return few
        # With fewer digits than were asked, nearly right is not right.
        if value.significant >= (self.digits or 1):
            for found in (exact, *lines):
                if value.is_cut_from(found):
                    return Outcome(Verdict.CUT, found, sources)
        if value.significant >= (self.digits or CLOSE_DIGITS) and not value.is_exact:
            for found in (exact, *lines):
                if value.agrees(found, CLOSE):
                    return Outcome(Verdict.CLOSE, found, sources)
        return Outcome(Verdict.WRONG, exact, sources)

    def _right(
        self, place: Place, value: Written, exact: float, sources: tuple[Place, ...]
    ) -> Iterator[tuple[float, Verdict, bool]]:
        """The values with which a written one agrees, the simplest explanation first, and whether
        such a value is known to its last digit.
        """
        if value.agrees(exact):
            yield exact, Verdict.CORRECT, True
        if sources:
            verdict = self._followed(sources)
            for found in self.student.followed(place):
                if value.agrees(found):
                    yield found, verdict, True
            for boxes, room in ((self.student.wide, 1.0), (self.student.near, NEAR_ROOM)):
                inside = self._inside(place, value, boxes, room)
                if inside is not None:
                    yield inside, verdict, False

    def _is_enough(self, value: Written, right: float, *, is_known: bool) -> bool:
        """Whether a value that agrees has the digits that were asked.

        Zeros at the end may be missing, but only of a value whose zeros are known.
        """
        if self.digits is None or not value.says(right):
            return value.says(right)
        if is_known:
            return value.shows(right, self.digits)
        enough = value.decimals >= decimals_needed(right, self.digits)
        return enough or value.significant >= self.digits

    def _note_leap(self, place: Place, value: Written, sources: tuple[Place, ...]) -> None:
        if any(not self.was_right(source) for source in sources):
            lines = self.student.followed(place)
            inside = self._inside(place, value, self.student.wide, 1.0)
            if inside is None and not any(map(value.agrees, lines)):
                self.leaps.append(place)

    def _followed(self, sources: tuple[Place, ...]) -> Verdict:
        if any(self._shows_little(place) for place in sources):
            return Verdict.FEW_DIGITS
        off = any(not self.was_right(place) for place in sources)
        return Verdict.CARRIED if off else Verdict.ROUNDED

    @property
    def flaws(self) -> int:
        """How much a reading leaves unexplained: mistakes, and right values that leap."""
        return len(self.mistakes) + len(self.leaps)

    def _shows_little(self, place: Place) -> bool:
        """Whether an earlier value has too few digits for anything to follow from it."""
        outcome = self.outcomes.get(place)
        return outcome is not None and outcome.verdict is Verdict.FEW_DIGITS

    def was_right(self, place: Place) -> bool:
        """Whether an earlier value was right without following from a mistake."""
        outcome = self.outcomes.get(place)
        return outcome is None or outcome.verdict in (Verdict.CORRECT, Verdict.ROUNDED)

    def _inside(self, place: Place, value: Written, boxes: Boxes, room: float) -> float | None:
        """The value nearest to the written one that follows with some rounding, if one agrees.

        A span wider than `room` times the value would confirm almost anything.
        """
        lines = self.student.followed(place)
        if value.is_exact and not any(value.agrees(found, ACCURATE) for found in lines):
            return None
        low, high = self.student.span(place, boxes)
        if not high - low < room * abs(value.value):
            return None
        nearest = min(max(value.value, low), high)
        return nearest if value.agrees(nearest) and value.says(nearest) else None

    def _settle(self, place: Place, value: Written, outcome: Outcome) -> None:
        """Note for what a right or nearly right value stands in all that follows."""
        student = self.student
        if place not in student.written:
            return
        low, high = value.interval
        if outcome.verdict is Verdict.CUT:
            end = value.value + (value.unit if value.value > 0 else -value.unit)
            student.wide[place] = student.near[place] = (
                min(value.value, end),
                max(value.value, end),
            )
            student.own[place] = outcome.compared
            return
        if outcome.verdict is Verdict.CLOSE:
            student.wide[place] = student.near[place] = (
                min(low, outcome.compared),
                max(high, outcome.compared),
            )
            student.own[place] = outcome.compared
            return
        near = [
            found
            for found in (outcome.compared, *student.followed(place), student.exact(place))
            if low <= found <= high
        ]
        if near:
            own = student.followed(place)[-1:]
            student.own[place] = own[0] if own and low <= own[0] <= high else near[0]
            # Without rounding the value was one of these, or a mixture.
            student.near[place] = _around([value.value, *near], low, high)
            if value.significant < WIDE_DIGITS:
                # So few digits leave too much room for everything that rounds to them.
                student.wide[place] = student.near[place]


def _around(values: list[float], low: float, high: float) -> Interval:
    """The interval of some values, wider by its own width on both sides, within another one."""
    least, most = min(values), max(values)
    room = most - least
    return max(low, least - room), min(high, most + room)
