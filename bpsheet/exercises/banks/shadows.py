"""Shadows of a task: what a student writes at each asked place who makes one slip and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bpsheet.exercises.exercise import Task
from bpsheet.formula.tree import Expr
from bpsheet.hand.numbers import Interval, Written, decimals_needed, read_number
from bpsheet.hand.slips import Slip, Slips
from bpsheet.hand.student import Place, Student
from bpsheet.program.kinds import Phase

__all__ = ["Shadow", "shadows_of", "spans_of"]

# Slips that any value may have.
GENERAL = ("wrong sign", "factor 2 or ½")
# The most slips of a task: the likeliest. A bank of thousands of rules a question helps nobody.
MOST_SLIPS = 400


@dataclass(frozen=True)
class Shadow:
    """The values at the asked places, with all digits and with rounding at every step, after a slip.

    `spoilt` are the places that the slip itself makes wrong: what follows from them is right again.
    Without a slip: what is right.
    """

    key: str
    idea: str
    slip: Slip | None
    exact: Sequence[float]
    rounded: Sequence[float]
    spoilt: frozenset[Place] = frozenset()

    def hull(self, number: int) -> Interval:
        """The value with all digits, and the one of rounded numbers."""
        return self.exact[number], self.rounded[number]

    @property
    def is_general(self) -> bool:
        """Whether any value may have the slip."""
        return self.slip is not None and self.slip.kind in GENERAL

    def said(self, name: str) -> str:
        """The slip as a part of a sentence about a quantity."""
        assert self.slip is not None
        where = "" if self.slip.column == name else f"in {self.slip.column} "
        return where + self.slip.reason


def shadows_of(task: Task) -> Iterator[Shadow]:
    """What is right, then what is written after each slip, the likeliest first: in its own column
    alone, and in all columns like it.
    """
    program = task.trace.program
    student = Student(program, task.trace.values, {})
    asked = [line.place for line in task.lines if line.is_asked]
    own = {name: formula for _, name in asked if (formula := program[name].formula) is not None}
    digits = task.exercise.digits
    places = frozenset(asked)

    def kept(place: Place, value: float) -> float:
        return round(value, decimals_needed(value, digits)) if place in places else value

    def worked(changed: Mapping[str, Expr]) -> tuple[list[float], list[float]]:
        exact = student.values_with(asked, changed)
        return exact, student.values_with(asked, {**own, **changed}, kept)

    yield Shadow("", "", None, *worked({}))
    ideas: dict[tuple[object, ...], str] = {}
    for number, (slip, changed) in enumerate(islice(_changes(task, own), MOST_SLIPS)):
        spoilt = _spoilt(task, places, changed)
        if spoilt:
            idea = ideas.setdefault((slip.kind, program[slip.column].role), f"i{len(ideas)}")
            yield Shadow(f"s{number}", idea, slip, *worked(changed), spoilt)


def spans_of(task: Task) -> list[Interval]:
    """What each asked value may become if the values before it are used as they are written.

    Written are the exact values, or those of rounding at every step, with the digits that are asked. A
    span wider than its value would confirm almost anything, and counts for nothing.
    """
    program, digits = task.trace.program, task.exercise.digits
    right = next(shadows_of(task))
    asked = [line.place for line in task.lines if line.is_asked]
    found = [right.hull(number) for number in range(len(asked))]
    found = [(min(hull), max(hull)) for hull in found]
    for values in (right.exact, right.rounded):
        texts = (f"{value:.{decimals_needed(value, digits)}f}" for value in values)
        read = {place: read_number(text) for place, text in zip(asked, texts, strict=True)}
        answers = {place: value for place, value in read.items() if isinstance(value, Written)}
        student = Student(program, task.trace.values, answers)
        for place in student.places():
            if student.followed(place):
                low, high = student.span(place, student.wide)
                if high - low < abs(student.exact(place)):
                    number = asked.index(place)
                    found[number] = min(low, found[number][0]), max(high, found[number][1])
    return found


def _changes(task: Task, own: Mapping[str, Expr]) -> Iterator[tuple[Slip, Mapping[str, Expr]]]:
    """The slips of all that is worked out, with the formulas that they change, the likeliest first."""
    program = task.trace.program
    printed = {line.name for line in task.lines if line.iteration and not line.is_asked}
    names = [
        column.name
        for column in program
        if column.phase not in (Phase.INPUT, Phase.VALIDATION, Phase.TEST)
        and column.formula is not None
        and (column.name in own or column.name not in printed)
    ]
    slips = Slips(program)
    known = set()
    for slip in sorted((slip for name in names for slip in slips.of(name)), key=lambda s: s.rank):
        for changed in ({slip.column: slip.formula}, slips.alike(slip, names)):
            key = frozenset(changed.items())
            if key not in known:
                known.add(key)
                yield slip, changed


def _spoilt(task: Task, asked: frozenset[Place], changed: Mapping[str, Expr]) -> frozenset[Place]:
    """The asked places to which a changed formula leads without another asked place on the way."""
    found: set[Place] = set()
    for row in range(1, task.exercise.iterations + 2):
        for column in task.trace.program:
            if column.formula is None or (column.is_state and row == 1):
                continue
            sources = ((row - ref.lag, ref.name) for ref in column.references)
            if column.name in changed or any(
                source in found and source not in asked for source in sources
            ):
                found.add((row, column.name))
    return frozenset(found & asked)
