"""The values that follow from a student's earlier values.

Marking by follow-through evaluates the same program over other numbers: a written value replaces
the exact value. A value that follows rightly from wrong values is a carried error, not a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, reduce
from operator import or_

import numpy as np

from bpsheet.engine.rows import Cells, ValueOf
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Expr, Ref
from bpsheet.hand.numbers import Written
from bpsheet.runs.run import Run

__all__ = ["Shadow"]

Answers = Mapping[tuple[int, str], Written]


class Shadow:
    """The exact values of a run, and the values that follow from the written values.

    `answers` are the written numbers by (iteration, column). Rows are computed from the first
    iteration with an answer to the last.
    """

    def __init__(self, trace: Run, answers: Answers) -> None:
        self.trace = trace
        self.program = trace.program
        self.answers = answers
        self.cells = Cells.of(self.program)
        self._followed: dict[tuple[int, str], float] = {}
        # Which written values lead to a written one: a bit for each, so that many cost little.
        self._bits = {place: 1 << number for number, place in enumerate(answers)}
        self._sources: dict[tuple[int, str], int] = {}

    def exact(self, iteration: int, name: str) -> float:
        """The exact value of the run; NaN for an error."""
        return float(self.trace.values[iteration - 1, self.program.position[name]])

    def exact_values(self, iteration: int) -> ValueOf:
        """The run's values, as an iteration's formulas refer to them."""
        return lambda ref: self._known(self.exact(iteration - ref.lag, ref.name))

    def shadow(self, iteration: int, name: str) -> float:
        """The written value or, without one, the value that follows from other written values."""
        self._rows  # noqa: B018 - computed on first use
        answer = self.answers.get((iteration, name))
        if answer is not None:
            return answer.value
        return self.followed(iteration, name)

    def shadow_values(self, iteration: int) -> ValueOf:
        """The student's values, as an iteration's formulas refer to them."""
        return lambda ref: self._known(self.shadow(iteration - ref.lag, ref.name))

    def followed(self, iteration: int, name: str) -> float:
        """The value of the column's formula over the student's values."""
        self._rows  # noqa: B018 - computed on first use
        found = self._followed.get((iteration, name))
        return self.exact(iteration, name) if found is None else found

    def sources(self, iteration: int, name: str) -> list[tuple[int, str]]:
        """The written values that lead to a written one, directly or through unwritten ones.

        Those in its own formula come first, in the order of the formula.
        """
        self._rows  # noqa: B018 - computed on first use
        bits = self._sources.get((iteration, name), 0)
        if not bits:
            return []
        references = self.program[name].references
        near = dict.fromkeys((iteration - ref.lag, ref.name) for ref in references)
        first = [place for place in near if self._bits.get(place, 0) & bits]
        return first + [
            place for place, bit in self._bits.items() if bit & bits and place not in near
        ]

    def value(self, expr: Expr, values: ValueOf) -> float:
        """The value of a formula over these values; NaN where it is an error."""
        try:
            return self.cells.formula(expr, values)
        except CellError:
            return float("nan")

    @staticmethod
    def _known(value: float) -> float:
        if np.isnan(value):
            raise CellError(1)
        return value

    @cached_property
    def _rows(self) -> None:
        """Compute, row by row, the values that depend on written values."""
        if not self.answers:
            return
        iterations = [iteration for iteration, _ in self.answers]
        current: dict[str, float] = {}
        leading: dict[str, int] = {}
        for iteration in range(min(iterations), max(iterations) + 1):
            before, current = current, {}
            leading_before, leading = leading, {}

            def look(ref: Ref, before: Mapping[str, float] = before, now: int = iteration) -> float:
                row = before if ref.lag else current  # noqa: B023 - the row that is being filled
                if ref.name in row:
                    return self._known(row[ref.name])
                return self._known(self.exact(now - ref.lag, ref.name))

            for column in self.program:
                place = (iteration, column.name)
                is_first = column.is_state and iteration == 1
                touched = not is_first and any(
                    ref.name in (before if ref.lag else current) for ref in column.references
                )
                if touched and column.formula is not None:
                    leading[column.name] = reduce(
                        or_,
                        (
                            (leading_before if ref.lag else leading).get(ref.name, 0)
                            for ref in column.references
                        ),
                        0,
                    )
                    self._followed[place] = self.value(column.formula, look)
                    current[column.name] = self._followed[place]
                if place in self.answers:
                    if touched:
                        self._sources[place] = leading[column.name]
                    leading[column.name] = self._bits[place]
                    current[column.name] = self.answers[place].value
