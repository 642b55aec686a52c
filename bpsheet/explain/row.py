"""One iteration of a trace: its exact values, and the values as they are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpsheet.engine.rows import Cells
from bpsheet.errors import ExperimentError, Problem
from bpsheet.explain.numbers import rounded
from bpsheet.formula.evaluate import ERRORS, NUMBER, CellError
from bpsheet.formula.tree import Compare, Expr, If, Lookup, Num, Param, Ref, children, rebuild
from bpsheet.paper.blocks import Side
from bpsheet.printers.atoms import Leaf, Value
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase
from bpsheet.words import shown

if TYPE_CHECKING:
    from bpsheet.runs.run import Run

__all__ = ["Row"]

MOST_DIGITS = 15
_OPPOSITE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class Row:
    """The values of one iteration. Raises ExperimentError where the trace lacks the iteration."""

    def __init__(self, trace: Run, iteration: int, digits: int = 4) -> None:
        problems = trace.problems_with(iteration)
        if not 1 <= digits <= MOST_DIGITS:
            problems.append(Problem("digits", f"1 to {MOST_DIGITS} expected; got {shown(digits)}"))
        if problems:
            raise ExperimentError(problems, trace.experiment.name)
        self.trace = trace
        self.program = trace.program
        self.iteration = iteration
        self.digits = digits
        self.cells = Cells.of(trace.program)

    def value(self, ref: Ref) -> float:
        """A column's exact value. Raises CellError where the cell holds an error."""
        row = self.iteration - 1 - ref.lag
        if row < 0:
            raise CellError(NUMBER)  # there is no row before the first
        index = self.program.position[ref.name]
        value = float(self.trace.values[row, index])
        if np.isnan(value):
            raise CellError(self.trace.recording.code(row, index))
        return value

    def evaluate(self, expr: Expr) -> float:
        """A formula's exact value in this row. Raises CellError where it is an error."""
        return self.cells.formula(expr, self.value)

    def is_given(self, column: Column) -> bool:
        """Whether a column's value was typed in: data, or a weight that has not changed yet."""
        if column.phase is Phase.INPUT:
            return True
        return column.is_state and self.value(Ref(column.name)) == column.start

    def number(self, value: float, *, given: bool = False) -> Value:
        """A value, rounded."""
        return Value(rounded(value, self.digits, given=given))

    def shown(self, leaf: Leaf) -> Value:
        """The printed value of a column, a hyper-parameter or a look-up."""
        try:
            match leaf:
                case Param(name):
                    cell = self.cells.parameters[name]
                    return Value(cell) if isinstance(cell, str) else self.number(cell, given=True)
                case Lookup():
                    return self.number(self.evaluate(leaf), given=True)
                case Ref(name):
                    column, value = self.program[name], self.value(leaf)
                    if column.labels is not None:
                        return Value(column.labels[int(value)])
                    return self.number(value, given=not leaf.lag and self.is_given(column))
        except CellError as error:
            return Value(ERRORS[error.code])

    def result(self, expr: Expr) -> Value:
        """The printed value of a formula."""
        if isinstance(expr, Ref | Param | Lookup):
            return self.shown(expr)
        try:
            return self.number(self.evaluate(expr), given=isinstance(expr, Num))
        except CellError as error:
            return Value(ERRORS[error.code])

    def resolved(self, expr: Expr) -> tuple[Expr, tuple[Expr, ...]]:
        """The formula with its choices decided, and the conditions that decided them."""
        reasons: dict[Expr, None] = {}

        def walk(node: Expr) -> Expr:
            if isinstance(node, If) and isinstance(node.test, Compare):
                try:
                    holds = bool(self.evaluate(node.test))
                except CellError:
                    return node
                test = node.test
                opposite = Compare(_OPPOSITE[test.operator], test.left, test.right)
                reasons[test if holds else opposite] = None
                return walk(node.then if holds else node.otherwise)
            operands = children(node)
            return rebuild(node, tuple(map(walk, operands))) if operands else node

        return walk(expr), tuple(reasons)

    def worked(self, expr: Expr, result: Value | None = None) -> list[Side]:
        """A formula's sides: with symbols, with its choices decided, with numbers, the result."""
        chosen, reasons = self.resolved(expr)
        sides = [Side(expr)]
        if chosen != expr:
            sides.append(Side(chosen, reasons=reasons))
        sides.append(Side(chosen, self.shown))
        sides.append(Side.of(result or self.result(expr)))
        return sides
