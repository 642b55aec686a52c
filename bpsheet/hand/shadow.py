"""The values that follow from a student's earlier values.

Marking by follow-through evaluates the same program over other numbers: a written value replaces
the exact value. A value that follows rightly from wrong values is a carried error, not a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.tree import Expr, Ref
from bpsheet.hand.numbers import Written
from bpsheet.runs.run import Run

__all__ = ["Shadow", "Values"]

# A column's value in this row (lag 0) or the row before (lag 1); raises CellError.
Values = Callable[[Ref], float]
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
        self.parameters = {p.name: p.value for p in self.program.parameters}
        self._followed: dict[tuple[int, str], float] = {}
        self._touched: set[tuple[int, str]] = set()

    def exact(self, iteration: int, name: str) -> float:
        """The exact value of the run; NaN for an error."""
        return float(self.trace.values[iteration - 1, self.program.position[name]])

    def exact_values(self, iteration: int) -> Values:
        """The run's values, as an iteration's formulas refer to them."""
        return lambda ref: self._known(self.exact(iteration - ref.lag, ref.name))

    def shadow(self, iteration: int, name: str) -> float:
        """The written value or, without one, the value that follows from other written values."""
        self._rows  # noqa: B018 - computed on first use
        answer = self.answers.get((iteration, name))
        if answer is not None:
            return answer.value
        return self.followed(iteration, name)

    def shadow_values(self, iteration: int) -> Values:
        """The student's values, as an iteration's formulas refer to them."""
        return lambda ref: self._known(self.shadow(iteration - ref.lag, ref.name))

    def followed(self, iteration: int, name: str) -> float:
        """The value of the column's formula over the student's values."""
        self._rows  # noqa: B018 - computed on first use
        found = self._followed.get((iteration, name))
        return self.exact(iteration, name) if found is None else found

    def depends_on_answers(self, iteration: int, name: str) -> bool:
        """Whether this value depends on a written value."""
        self._rows  # noqa: B018 - computed on first use
        return (iteration, name) in self._touched

    def value(self, expr: Expr, values: Values) -> float:
        """The value of a formula over certain values; NaN for an error."""
        try:
            return evaluate(expr, values, self.parameters, self.program.tables)
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
        for iteration in range(min(iterations), max(iterations) + 1):
            before, current = current, {}

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
                    self._touched.add(place)
                    self._followed[place] = self.value(column.formula, look)
                    current[column.name] = self._followed[place]
                if place in self.answers:
                    current[column.name] = self.answers[place].value
