"""The causes of a sheet's mistakes: the slips that explain them, as few as possible.

For each mistake all slips are found that give the written value: in its own formula, or in a formula
that nobody wrote down and that leads to it. Of these the fewest that explain every mistake are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice

from bpsheet.formula.tree import Expr
from bpsheet.hand.numbers import Written
from bpsheet.hand.slips import Slip, Slips
from bpsheet.hand.student import Line, Place, Student
from bpsheet.program.kinds import Role

__all__ = ["Cause", "Found", "Search", "causes_of"]

# With fewer significant digits, slips are looked for in a value's own formula and in so many of the
# nearest alone: chance would find too many elsewhere.
FAR_DIGITS = 4
NEAR = (1, 1, 2, 4)
# With so many digits, a slip need not give the written value itself: what it gives with some
# rounding before counts, within so many units of the last digit.
SPAN_DIGITS, WIDEST = 3, 20
# With so many digits, two slips at once are looked for: among the likely kinds, and so many pairs.
PAIR_DIGITS, LIKELY, MOST_PAIRS = 5, 12, 3_000
# After so many wrong formulas that were tried for a sheet, no further mistake is explained; nor after
# so many values that they were computed for. A slip in a weight's update changes every row before the
# mistake, so that a single try may take thousands of values.
MOST_TRIES, MOST_VALUES = 10_000, 100_000


@dataclass(frozen=True)
class Found:
    """A slip that gives a written value: the slip and its row, the exact wrong value, and the line
    of values that it is over.
    """

    slip: Slip
    row: int
    value: float
    line: Line
    role: Role

    @property
    def idea(self) -> tuple[str, Role]:
        """What two mistakes have in common if they are the same mistake."""
        return self.slip.kind, self.role


@dataclass(frozen=True)
class Cause:
    """A mistake, once: its kind, a sentence, its first place, all its places.

    `explains` is the number of later values that follow correctly from it.
    """

    kind: str
    role: Role
    reason: str
    place: Place
    places: tuple[Place, ...]
    explains: int = 0

    @property
    def idea(self) -> tuple[str, Role]:
        """What its places have in common."""
        return self.kind, self.role


class Search:
    """The search for slips that explain single values of a sheet. None is looked for at `idle` places."""

    def __init__(self, student: Student, slips: Slips, idle: Collection[Place]) -> None:
        self.student = student
        self.slips = slips
        self.idle = idle
        self.found: dict[Place, list[Found]] = {}
        self.tries = 0

    def explain(self, place: Place, value: Written) -> float | None:
        """What a wrong value would be without rounding, by the likeliest slip that explains it."""
        is_left_out = place in self.idle or self.is_over
        found = self.found[place] = [] if is_left_out else self._at(place, value)
        return found[0].value if found else None

    @property
    def is_over(self) -> bool:
        """Whether enough has been tried for this sheet."""
        return self.tries > MOST_TRIES or self.student.computed_again > MOST_VALUES

    def _at(self, place: Place, value: Written) -> list[Found]:
        """The slips that give a value, one of each idea: near before far, then the likeliest."""
        student = self.student
        rows = student.leading_to(place)
        names = list(rows)
        if value.significant < FAR_DIGITS:
            names = names[: NEAR[min(value.significant, FAR_DIGITS - 1)]]
        lines: list[Line] = [student.written, student.own, {}]
        if not value.value:
            # A written 0 may stand for anything small. What is a factor 0 explains nothing.
            lines = lines[1:]
        found: dict[tuple[str, Role], Found] = {}
        for name in names:
            role = student.program[name].role
            for slip in self.slips.of(name):
                if (slip.kind, role) in found:
                    continue
                if self.is_over:
                    break
                for changed in self._variants(slip, names):
                    made = self._matching(place, value, changed, lines)
                    if made is not None:
                        found[slip.kind, role] = Found(slip, rows[name], *made, role)
                        break
            if found:
                # A slip near by is likelier than one further away.
                break
        if not found and value.significant >= SPAN_DIGITS:
            found = self._with_rounding(place, value)
        if not found and value.significant >= PAIR_DIGITS:
            found = self._pairs(place, value, rows)
        return sorted(found.values(), key=lambda one: one.slip.rank)

    def _with_rounding(self, place: Place, value: Written) -> dict[tuple[str, Role], Found]:
        """The slips in the value's own formula that give it with some rounding of what is used."""
        row, name = place
        student = self.student
        role = student.program[name].role
        found: dict[tuple[str, Role], Found] = {}
        for slip in self.slips.of(name):
            low, high = student.span_of(row, slip.formula)
            nearest = min(max(value.value, low), high)
            if high - low < WIDEST * value.unit and value.agrees(nearest):
                made = Found(slip, row, nearest, student.written, role)
                found.setdefault((slip.kind, role), made)
        return found

    def _pairs(
        self, place: Place, value: Written, rows: Mapping[str, int]
    ) -> dict[tuple[str, Role], Found]:
        """Two slips at once, in two formulas of which nobody wrote the first one's value down."""
        student = self.student
        likely = [slip for name in rows for slip in self.slips.of(name) if slip.rank <= LIKELY]
        found: dict[tuple[str, Role], Found] = {}
        pairs = ((a, b) for a, b in combinations(likely, 2) if a.column != b.column)
        for one, other in islice(pairs, MOST_PAIRS):
            if self.is_over:
                break
            changed = {one.column: one.formula, other.column: other.formula}
            made = student.value_with(place, changed, student.own)
            if value.agrees(made) and value.says(made):
                role = student.program[one.column].role
                both = replace(
                    one,
                    kind=f"{one.kind}, and {other.kind}",
                    reason=f"{one.reason}, and {other.reason}",
                )
                found[both.kind, role] = Found(both, rows[one.column], made, student.own, role)
        return found

    def _variants(self, slip: Slip, names: Sequence[str]) -> list[Mapping[str, Expr]]:
        """The slip in its own column, and in all columns like it that lead to the value."""
        one: Mapping[str, Expr] = {slip.column: slip.formula}
        all_alike = self.slips.alike(slip, names)
        return [one, all_alike] if len(all_alike) > 1 else [one]

    def _matching(
        self, place: Place, value: Written, changed: Mapping[str, Expr], lines: list[Line]
    ) -> tuple[float, Line] | None:
        tried: list[float] = []
        for line in lines:
            self.tries += 1
            made = self.student.value_with(place, changed, line)
            if made in tried:
                continue
            if value.agrees(made) and value.says(made):
                own = self.student.value_with(place, changed, self.student.own)
                return (own if value.agrees(own) else made), line
            tried.append(made)
        return None


def causes_of(
    found: Mapping[Place, list[Found]], following: Mapping[Place, Iterable[Place]]
) -> list[Cause]:
    """The fewest causes that explain all mistakes that have an explanation, in their order.

    `following` has the places from which each right value follows.
    """
    left = {place: list(each) for place, each in found.items() if each}
    causes = []
    while left:
        ideas: dict[tuple[str, Role], list[Place]] = {}
        for place, each in left.items():
            for one in each:
                ideas.setdefault(one.idea, []).append(place)
        order = list(left)
        ranks = {one.idea: one.slip.rank for each in left.values() for one in each}
        idea = min(
            ideas, key=lambda key: (-len(ideas[key]), order.index(ideas[key][0]), ranks[key])
        )
        places = ideas[idea]
        first = places[0]
        slip = next(one.slip for one in left[first] if one.idea == idea)
        explained = sum(any(place in places for place in sources) for sources in following.values())
        causes.append(Cause(*idea, slip.reason, first, tuple(places), explained))
        for place in places:
            del left[place]
    return sorted(causes, key=lambda cause: list(found).index(cause.place))
