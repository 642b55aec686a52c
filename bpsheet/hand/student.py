"""The student's run: what follows from the numbers that were written.

The program is run over the student's numbers in two ways. In the line `written` each written number
stands for itself, as for a student who goes on with rounded numbers. In the line `own` stands what
the student would have had without rounding, as for a student who keeps all digits in a calculator.
Between the two lies everything that rounding can do: `span` gives it as an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bpsheet.engine.rows import Cells, ValueOf
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Expr, Ref, references
from bpsheet.hand.numbers import Interval, Written
from bpsheet.program.column import Column
from bpsheet.program.kinds import BATCH_END
from bpsheet.program.program import Program

__all__ = ["TOGETHER", "Boxes", "Line", "Place", "Student", "Values"]

# An iteration, from 1, and the name of a quantity.
Place = tuple[int, str]
Line = Mapping[Place, float]
Boxes = dict[Place, Interval]
Values = npt.NDArray[np.float64]
# Rounding moves several numbers at once. One after another they move a value a little less.
TOGETHER = 1.02
# The most values that are computed again for a changed formula.
MOST_AGAIN = 4_000

NAN = float("nan")


class Student:
    """A run over written numbers, which `places` computes from the first row to the last.

    program: the formulas of the run
    values:  its exact values, a row for each iteration
    answers: the written numbers
    written: the values of the first line, where they differ from the run's
    own:     those of the second line
    wide:    the interval of all numbers that round to each written one
    near:    the interval of what each written number was without rounding, as far as that is known
    """

    def __init__(self, program: Program, values: Values, answers: Mapping[Place, Written]) -> None:
        self.program = program
        self.values = values
        self.answers = answers
        self.cells = Cells.of(program)
        self.written: dict[Place, float] = {}
        self.own: dict[Place, float] = {}
        self.wide: Boxes = {}
        self.near: Boxes = {}
        # How many values `value_with` has computed so far.
        self.computed_again = 0
        # What the formulas of written numbers give over each line.
        self._followed: dict[Place, tuple[float, float]] = {}
        # The spans over each kind of intervals.
        self._spans: tuple[Boxes, Boxes] = ({}, {})
        # Which written values lead to a value: a bit for each, so that many cost little.
        self._bits: dict[Place, int] = {}
        self._places: list[Place] = []
        self._following: dict[tuple[str, ...], frozenset[str]] = {}
        self._leading: dict[Place, int] = {}

    def places(self) -> Iterator[Place]:
        """The written places, in the order in which they are computed.

        What leads to a place is computed before it is given. Whoever takes it may set what it
        stands for from there on, in `own`, `wide` and `near`.
        """
        rows = [iteration for iteration, _ in self.answers]
        for row in range(min(rows, default=1), max(rows, default=0) + 1):
            for column in self.program:
                place = (row, column.name)
                self._compute(place, column)
                answer = self.answers.get(place)
                if answer is None:
                    continue
                # What a program computed as the run did moves nothing.
                if not (answer.is_exact and answer.agrees(self.exact(place))):
                    self._bits[place] = 1 << len(self._places)
                    self._places.append(place)
                    self.written[place] = self.own[place] = answer.value
                    self.wide[place] = self.near[place] = answer.interval
                yield place

    def _compute(self, place: Place, column: Column) -> None:
        row = place[0]
        if column.formula is None or (column.is_state and row == 1):
            return
        used = [(row - ref.lag, ref.name) for ref in column.references]
        bits = 0
        for source in used:
            if source in self.answers:
                bits |= self._bits.get(source, 0)
            else:
                bits |= self._leading.get(source, 0)
        if not bits:
            return
        self._leading[place] = bits
        written = self.value(column.formula, self.over(row, self.written))
        own = self.value(column.formula, self.over(row, self.own))
        if place in self.answers:
            self._followed[place] = written, own
        else:
            self.written[place], self.own[place] = written, own

    def place_of(self, row: int, ref: Ref) -> Place:
        """The place that a row's formula refers to. With the lag -1 it lies after the update."""
        if ref.lag >= 0:
            return row - ref.lag, ref.name
        end = self.program.position.get(BATCH_END)
        if end is not None:
            while row <= len(self.values) and not self.values[row - 1, end]:
                row += 1
        return row + 1, ref.name

    def exact(self, place: Place) -> float:
        """The exact value of the run; NaN for an error."""
        return float(self.values[place[0] - 1, self.program.position[place[1]]])

    def followed(self, place: Place) -> tuple[float, ...]:
        """What the formula of a written place gives over the two lines; () where it uses neither."""
        return self._followed.get(place, ())

    def sources(self, place: Place) -> list[Place]:
        """The written places that lead to a place, directly or through unwritten ones.

        Those in its own formula come first, in the order of the formula.
        """
        bits = self._leading.get(place, 0)
        near = {
            source: None
            for ref in self.program[place[1]].references
            if (source := (place[0] - ref.lag, ref.name)) in self._bits
        }
        first = [source for source in near if self._bits[source] & bits]
        others = []
        while bits:
            lowest = bits & -bits
            others.append(self._places[lowest.bit_length() - 1])
            bits ^= lowest
        return [*first, *(place for place in others if place not in near)]

    def over(self, row: int, line: Line) -> ValueOf:
        """The values of a line, as the formulas of a row refer to them."""

        def look(ref: Ref) -> float:
            place = self.place_of(row, ref)
            found = line.get(place)
            if found is None:
                found = self.exact(place) if place[0] <= len(self.values) else NAN
            return _known(found)

        return look

    def value(self, formula: Expr, values: ValueOf) -> float:
        """The value of a formula over these values; NaN where it is an error."""
        try:
            return self.cells.formula(formula, values)
        except CellError:
            return NAN

    def span(self, place: Place, boxes: Boxes) -> Interval:
        """The values that a place's formula takes when each written number may be any number of its
        interval in `boxes` (`wide` or `near`).

        Each number is moved by itself, and what the moves do is added.
        """
        spans = self._spans[boxes is self.near]
        waiting = [place]
        while waiting:
            at = waiting[-1]
            row, name = at
            formula = self.program[name].formula
            assert formula is not None
            below = [
                source
                for source in self._moving(row, formula)
                if source not in self.answers and source not in spans
            ]
            if at in spans or not below:
                spans[at] = spans.get(at) or self._span(row, formula, boxes)
                waiting.pop()
            else:
                waiting += below
        return spans[place]

    def span_of(self, row: int, formula: Expr) -> Interval:
        """The same for any formula in a row, over the intervals `wide`."""
        for source in self._moving(row, formula):
            if source not in self.answers:
                self.span(source, self.wide)
        return self._span(row, formula, self.wide)

    def _moving(self, row: int, formula: Expr) -> list[Place]:
        """The places in a formula that are written, or follow from written ones."""
        used = ((row - ref.lag, ref.name) for ref in references(formula))
        return [source for source in used if source in self.written]

    def _span(self, row: int, formula: Expr, boxes: Boxes) -> Interval:
        spans = self._spans[boxes is self.near]
        middle = self.value(formula, self.over(row, self.written))
        low = high = 0.0
        for source in self._moving(row, formula):
            ends = boxes[source] if source in self.answers else spans[source]
            moved = [
                self.value(formula, self._over_moved(row, source, end)) - middle for end in ends
            ]
            low += min(0.0, *moved)
            high += max(0.0, *moved)
        return middle + TOGETHER * low, middle + TOGETHER * high

    def _over_moved(self, row: int, place: Place, value: float) -> ValueOf:
        """The first line, as a row's formulas refer to it, with another value in one place."""
        look, moved = self.over(row, self.written), Ref(place[1], row - place[0])
        return lambda ref: _known(value) if ref == moved else look(ref)

    @cached_property
    def _users(self) -> Mapping[str, tuple[str, ...]]:
        """The columns that use a column."""
        found: dict[str, list[str]] = {}
        for column in self.program:
            for ref in column.references:
                found.setdefault(ref.name, []).append(column.name)
        return {name: tuple(dict.fromkeys(users)) for name, users in found.items()}

    def following(self, names: Iterable[str]) -> frozenset[str]:
        """Some columns, and all that depend on them, in the same row or a later one."""
        key = tuple(names)
        if key not in self._following:
            self._following[key] = self._dependent(key)
        return self._following[key]

    def _dependent(self, names: tuple[str, ...]) -> frozenset[str]:
        found = set(names)
        waiting = list(found)
        while waiting:
            for name in self._users.get(waiting.pop(), ()):
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return frozenset(found)

    def leading_to(self, place: Place) -> dict[str, int]:
        """The unwritten columns that lead to a place, and its own, the nearest first.

        Each has the row in which it is nearest.
        """
        found = {place[1]: place[0]}
        waiting = [place]
        seen = {place}
        while waiting and len(seen) < MOST_AGAIN:
            row, name = waiting.pop(0)
            column = self.program[name]
            if column.is_state and row == 1:
                continue
            for ref in column.references:
                source = (row - ref.lag, ref.name)
                if source in seen or source in self.answers or source[0] < 1:
                    continue
                seen.add(source)
                found.setdefault(source[1], source[0])
                waiting.append(source)
        return found

    def value_with(self, place: Place, changed: Mapping[str, Expr], line: Line) -> float:
        """A place's value over a line, if some columns had other formulas in every row.

        `Ref(name, -1)` in such a formula is a weight after the update.

        A written number on the way stays as it is. NaN where the value is an error, or needs too
        many others.
        """
        again = _Again(self, changed, line)
        value = again.value(place)
        self.computed_again += len(again.known)
        return value

    def values_with(
        self,
        places: Iterable[Place],
        changed: Mapping[str, Expr],
        kept: Callable[[Place, float], float] | None = None,
    ) -> list[float]:
        """The values of several places, if some columns had other formulas and nothing was written.

        `kept` gives the number that is used later for the value of a place: a rounded one, for
        example.
        """
        again = _Again(self, changed, {}, kept)
        return [again.value(place) for place in places]


class _Again:
    """The values of one line once more, with other formulas for some columns."""

    def __init__(
        self,
        student: Student,
        changed: Mapping[str, Expr],
        line: Line,
        kept: Callable[[Place, float], float] | None = None,
    ) -> None:
        self.student = student
        self.kept = kept
        self.changed = changed
        self.line = line
        self.affected = student.following(changed)
        self.known: dict[Place, float] = {}
        self.target: Place | None = None

    def value(self, place: Place) -> float:
        """The value of a written place, as if it had not been written."""
        self.target = place
        try:
            return self._value(place)
        except (CellError, _TooMany, RecursionError):
            return NAN

    def _value(self, place: Place) -> float:
        found = self.known.get(place)
        if found is not None:
            return found
        row, name = place
        student = self.student
        column = student.program[name]
        is_kept = place in student.answers and place != self.target
        is_start = row == 1 and column.is_state
        if is_kept or is_start or name not in self.affected or column.formula is None:
            value = self.line.get(place) if place != self.target else None
            if value is None:
                if row > len(student.values):
                    raise _TooMany
                value = student.exact(place)
            return _known(value)
        if len(self.known) > MOST_AGAIN:
            raise _TooMany
        # A formula that leads to itself by way of the next row has no value.
        self.known[place] = NAN
        formula = self.changed.get(name, column.formula)
        value = student.cells.formula(
            formula, lambda ref: _known(self._value(student.place_of(row, ref)))
        )
        self.known[place] = value if self.kept is None else self.kept(place, value)
        return self.known[place]


class _TooMany(Exception):  # noqa: N818 - no error: such a value is not looked for
    """Too many values would have to be computed again."""


def _known(value: float) -> float:
    if value != value:  # noqa: PLR0124 - NaN alone; np.isnan takes ten times as long
        raise CellError(1)
    return value
