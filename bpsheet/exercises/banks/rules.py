"""The rules of a question bank: what a typed number earns, and what is said to it.

A learning system compares numbers and computes nothing. So everything that `grade` finds out on a
sheet is worked out beforehand: which numbers are right, which follow correctly from a slip before,
which are nearly right, and which a slip gives. Of a blank's rules the first one counts that holds the
number and whose condition is met.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property

from bpsheet.errors import ExperimentError, Problem
from bpsheet.exercises.banks.shadows import Shadow, shadows_of, spans_of
from bpsheet.exercises.exercise import Task
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.questions import Line
from bpsheet.hand.numbers import Interval, decimals_needed
from bpsheet.hand.verdict import Verdict

__all__ = ["Blank", "Kind", "Rule", "blanks_of"]

# The part of a number by which a point is wider than a point.
HAIR = 1e-9
# A number that is off by no more than so many units of the last digit is nearly right.
CLOSE = 1.5
# The part of a value by which rounding before may move it, to be believed.
MOST_MOVED = 0.1
# Rules whose ends differ by less than this part of their width are about the same number.
SAME = 0.02
# The most slips that a sentence names.
MOST_NAMED = 2
NONE: frozenset[str] = frozenset()


class Kind(IntEnum):
    """What a rule is about, in the order in which a blank's rules are looked at."""

    RIGHT = 0
    FOLLOWS = 1
    SHORT = 2
    CLOSE = 3
    SLIP = 4


# How the sentences begin.
STARTS = {Kind.FOLLOWS: "Right with an earlier mistake: ", Kind.SLIP: "A common slip: "}


@dataclass(frozen=True)
class Rule:
    """What every number from `low` to `high` earns: the part `share` of a blank's points, and a
    sentence.

    slips: the slips that the number shows, or of which one must have been made before (`FOLLOWS`)
    ideas: what such a slip has in common with others; if one of them was made before, the number
        earns `again`
    is_general: whether any value may have the slip: a turned sign, twice or half of the value
    """

    kind: Kind
    low: float
    high: float
    share: float
    said: str = ""
    slips: frozenset[str] = NONE
    ideas: frozenset[str] = NONE
    again: float = 0.0
    is_general: bool = False

    @property
    def middle(self) -> float:
        """The number in the middle."""
        return (self.low + self.high) / 2

    @property
    def margin(self) -> float:
        """The distance from the middle to both ends."""
        return (self.high - self.low) / 2

    def holds(self, value: float) -> bool:
        """Whether the rule is about a number."""
        return self.low <= value <= self.high

    def covers(self, other: Rule) -> bool:
        """Whether it holds every number that another rule holds."""
        return self.low <= other.low and other.high <= self.high


@dataclass(frozen=True)
class Blank:
    """An asked value: its line on the sheet, its exact value, its rules, and its points."""

    line: Line
    exact: float
    rules: tuple[Rule, ...]
    points: float

    @cached_property
    def alone(self) -> list[Rule]:
        """The rules for a system that does not know what was typed into the other blanks.

        A number that may be a slip here, or follow from a slip before, counts as the slip here, but
        for slips that any value may have: such a one was rather made before.
        """
        close = [rule for rule in self.rules if rule.kind is Kind.CLOSE]
        kept: list[Rule] = []
        for rule in sorted(self.rules, key=_order_alone):
            is_near = rule.kind is Kind.SLIP and any(near.holds(rule.middle) for near in close)
            if not is_near and not any(known.covers(rule) for known in kept):
                kept.append(rule)
        return kept


def _order_alone(rule: Rule) -> int:
    if rule.kind is Kind.SLIP:
        return 3 if rule.is_general else 1
    return {Kind.RIGHT: 0, Kind.SHORT: 0, Kind.FOLLOWS: 2}.get(rule.kind, 4)


def blanks_of(task: Task, scale: Scale | None = None) -> list[Blank]:
    """The blanks of a task, in the order of its lines, with their rules."""
    scale = scale or Scale()
    program = task.trace.program
    scale.check(program)
    if scale.cause is not None:
        said = "learning systems mark each value by itself; leave it out of the marks for a question bank"
        raise ExperimentError([Problem("cause", said)], "marks")
    right, *slips = shadows_of(task)
    spans = spans_of(task)
    made = []
    for number, line in enumerate(line for line in task.lines if line.is_asked):
        own = _Own(line, right.exact[number], spans[number], task.exercise.digits, scale)
        found = ((shadow, shadow.hull(number)) for shadow in slips)
        points = scale.points_of(program[line.name])
        made.append(Blank(line, task.exact(line), tuple(own.rules(found)), points))
    full = scale.verdicts[Verdict.CORRECT] * sum(blank.points for blank in made)
    if scale.total is None or not full:
        return made
    return [replace(blank, points=blank.points * scale.total / full) for blank in made]


@dataclass(frozen=True)
class _Own:
    """The rules of one blank: from its exact value, what rounding before may make of it, and what
    slips make of it.
    """

    line: Line
    exact: float
    span: Interval
    digits: int
    scale: Scale

    def rules(self, slips: Iterable[tuple[Shadow, Interval]]) -> list[Rule]:
        """All rules, in their order."""
        verdicts = self.scale.verdicts
        low, high = self.span
        half = _half_unit(self.exact, self.digits)
        right = Rule(Kind.RIGHT, low - half, high + half, verdicts[Verdict.CORRECT])
        found = [right, *(rule for rule in self._near() if not right.covers(rule))]
        of_slips: dict[Kind, list[Rule]] = {Kind.FOLLOWS: [], Kind.SLIP: []}
        for shadow, hull in slips:
            if not math.isfinite(hull[0]):
                continue
            is_own = self.line.place in shadow.spoilt
            rule = Rule(
                Kind.SLIP if is_own else Kind.FOLLOWS,
                *self._ends(hull),
                verdicts[Verdict.SLIP if is_own else Verdict.CARRIED],
                shadow.said(self.line.name),
                frozenset({shadow.key}),
                frozenset({shadow.idea}) if is_own else NONE,
                verdicts[Verdict.AGAIN],
                shadow.is_general,
            )
            if not right.covers(rule) and not (is_own and right.holds(hull[0])):
                _add(of_slips[rule.kind], rule)
        for kind, start in STARTS.items():
            found += [replace(rule, said=f"{start}{rule.said}.") for rule in of_slips[kind]]
        return sorted(found, key=lambda rule: rule.kind)

    def _ends(self, hull: Interval) -> Interval:
        """The ends of what a value after a slip is written as: rounding moves it like the right one."""
        value, rounded = hull
        if not abs(rounded - value) <= MOST_MOVED * abs(value):
            rounded = value
        half = _half_unit(value, self.digits)
        below, above = self.exact - self.span[0], self.span[1] - self.exact
        moved = min(max(below, above), half)
        return min(value - moved, rounded) - half, max(value + moved, rounded) + half

    def _near(self) -> Iterator[Rule]:
        """The rules for digits that were cut off, for too few of them, and for a last one that is off."""
        exact, verdicts = self.exact, self.scale.verdicts
        if exact == 0:
            return
        unit = 10.0 ** -decimals_needed(exact, self.digits)
        cut = math.trunc(exact / unit) * unit
        if cut:
            said = "The further digits were cut off, not rounded."
            yield _point(cut, verdicts[Verdict.CUT], said)
        for fewer in range(self.digits - 1, (self.digits - 1) // 2, -1):
            rounded = round(exact, decimals_needed(exact, fewer))
            said = f"Too few digits: {self.digits} significant digits are asked for."
            yield _point(rounded, verdicts[Verdict.FEW_DIGITS], said)
        wide = CLOSE * unit * (1 + HAIR)
        said = "The last digit is off."
        yield Rule(Kind.CLOSE, exact - wide, exact + wide, verdicts[Verdict.CLOSE], said)


def _half_unit(exact: float, digits: int) -> float:
    """Half a unit of the last of so many digits of a value. Of a 0 every digit counts."""
    if exact == 0:
        return HAIR
    return 0.5 * 10.0 ** -decimals_needed(exact, digits) * (1 + HAIR)


def _add(rules: list[Rule], rule: Rule) -> None:
    """Add a rule, or its slip to the rule for the same number that is there already."""
    for index, known in enumerate(rules):
        if abs(known.low - rule.low) + abs(known.high - rule.high) < SAME * rule.margin:
            parts = known.said.split("; or ")
            is_said = rule.said in parts or len(parts) >= MOST_NAMED
            rules[index] = replace(
                known,
                said=known.said if is_said else f"{known.said}; or {rule.said}",
                slips=known.slips | rule.slips,
                ideas=known.ideas | rule.ideas,
                is_general=known.is_general and rule.is_general,
            )
            return
    rules.append(rule)


def _point(value: float, share: float, said: str) -> Rule:
    return Rule(Kind.SHORT, value - HAIR * abs(value), value + HAIR * abs(value), share, said)
