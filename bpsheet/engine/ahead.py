"""Columns that do not depend on weights, computed for many rows at once.

The numbers of iteration, epoch and example, and the example's data, do not depend on anything
that is learned. NumPy computes them before the rows are run. Only operations are used that give
the same bits for an array as for single numbers (+ − × ÷, int, mod, comparisons, look-ups).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.formula.evaluate import OPERATORS
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Ref,
    Sub,
    Sum,
    Text,
    children,
    walk,
)
from bpsheet.program.column import Column
from bpsheet.program.program import Program

__all__ = ["Ahead"]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    # Python's floor never gives -0; adding 0 makes 0 of NumPy's -0.
    "int": lambda value: np.floor(value) + 0.0,
    "mod": np.mod,
}
# Whole numbers below 2^53 are exact, and 2^50 plus 2^30 steps of 2^20 is below that.
MOST_START, MOST_STEP = 2.0**50, 2.0**20
EXACT = (Num, Text, Param, Lookup, Neg, Sum, Sub, Mul, Div, Compare, If)


class Ahead:
    """The columns of a program that can be computed before it runs.

    indices: the indices of these columns in the program
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        # NumPy's numbers raise where Python's would become infinite.
        self._parameters = {
            p.name: p.value if isinstance(p.value, str) else np.float64(p.value)
            for p in program.parameters
        }
        self._tables = {name: np.array(table, float) for name, table in program.tables.items()}
        known: dict[str, int] = {}
        for index, column in enumerate(program):
            if column.formula is None or _is_counter(column) or _is_known(column, known):
                known[column.name] = index
        self.indices = tuple(known.values())
        self._lookups = self._lookup_groups()
        grouped = {index for indices, _ in self._lookups.values() for index in indices}
        self._others = [index for index in self.indices if index not in grouped]

    def fill(self, values: npt.NDArray[np.float64], first: int) -> None:
        """Write these columns' values into rows; `first` is the first row's number, from 0.

        A column without a value in a row gets NaN there.
        """
        rows = np.arange(first, first + len(values), dtype=float)
        with np.errstate(all="raise"):
            for index in self._others:
                column = self._program.columns[index]
                if column.formula is None:
                    given = self._program.given[column.name]
                    values[:, index] = given[first : first + len(values)]
                elif column.start is not None:
                    values[:, index] = column.start + rows * _step(column)
                else:
                    self._compute(values, index)
            for name, (indices, table) in self._lookups.items():
                self._look_up(values, self._program.position[name], indices, table)

    def _compute(self, values: npt.NDArray[np.float64], index: int) -> None:
        """Compute one column of these rows. Where that fails, compute the rows by halves."""
        formula = self._program.columns[index].formula
        position = self._program.position
        assert formula is not None
        try:
            values[:, index] = self._value(formula, lambda ref: values[:, position[ref.name]])
        except (ArithmeticError, ValueError):
            _compute_halves(values, lambda half: self._compute(half, index), index)

    def _look_up(
        self,
        values: npt.NDArray[np.float64],
        at: int,
        indices: list[int],
        table: npt.NDArray[np.float64],
    ) -> None:
        """Look up several columns of these rows together; column `at` has the table's row."""
        try:
            entries = self._entries(table, [values[:, at]])
        except (ArithmeticError, ValueError):
            _compute_halves(values, lambda half: self._look_up(half, at, indices, table), indices)
            return
        if indices == list(range(indices[0], indices[-1] + 1)):
            values[:, indices[0] : indices[-1] + 1] = entries
        else:
            values[:, indices] = entries

    def _lookup_groups(self) -> dict[str, tuple[list[int], npt.NDArray[np.float64]]]:
        """The columns that look up the row given by the same column, with their joined tables.

        They are computed last, so a column on which another one here depends is not in a group.
        """
        by_row: dict[str, list[int]] = {}
        for index in self.indices:
            match self._program.columns[index].formula:
                case Lookup(table, Ref(name, 0), None) if self._tables[table].ndim == 1:
                    by_row.setdefault(name, []).append(index)
        used = {
            ref.name for index in self.indices for ref in self._program.columns[index].references
        }
        groups = {}
        for name, indices in by_row.items():
            chosen = [i for i in indices if self._program.columns[i].name not in used]
            tables = [self._tables[self._program.columns[i].tables[0]] for i in chosen]
            if len(chosen) > 1 and len({len(table) for table in tables}) == 1:
                groups[name] = (chosen, np.column_stack(tables))
        return groups

    def _value(self, node: Expr, column: Callable[[Ref], Any]) -> Any:
        def value(node: Expr) -> Any:
            match node:
                case Text(word):
                    return word
                case Num(number):
                    return np.float64(number)
                case Param(name):
                    return self._parameters[name]
                case Ref():
                    return column(node)
                case Lookup(table):
                    return self._entries(self._tables[table], list(map(value, children(node))))
                case Neg(operand):
                    return -value(operand)
                case Sum(terms):
                    whole = value(terms[0])
                    for term in terms[1:]:
                        whole = whole + value(term)
                    return whole
                case Sub(left, right):
                    return value(left) - value(right)
                case Mul(left, right):
                    return value(left) * value(right)
                case Div(left, right):
                    return np.divide(value(left), value(right))
                case Call(function, arguments):
                    return FUNCTIONS[function](*map(value, arguments))
                case Compare(sign, left, right):
                    return np.where(OPERATORS[sign](value(left), value(right)), 1.0, 0.0)
                case If(test, then, otherwise):
                    return np.where(value(test) != 0, value(then), value(otherwise))
            raise TypeError(f"{type(node).__name__} is not computed ahead")

        return value(node)

    @staticmethod
    def _entries(table: npt.NDArray[np.float64], numbers: list[Any]) -> Any:
        """The entries of a table with these numbers (from 1). Raises ValueError beyond its edge."""
        indices = tuple(np.asarray(number).astype(np.intp) - 1 for number in numbers)
        for index, size in zip(indices, table.shape, strict=False):
            if index.size and (index.min() < 0 or index.max() >= size):
                raise ValueError
        return table[indices]


def _compute_halves(
    values: npt.NDArray[np.float64],
    compute: Callable[[npt.NDArray[np.float64]], None],
    indices: int | list[int],
) -> None:
    """Compute both halves of the rows. A single row that failed gets NaN."""
    middle = len(values) // 2
    if middle == 0:
        values[:, indices] = np.nan
        return
    compute(values[:middle])
    compute(values[middle:])


def _step(column: Column) -> float:
    """What a counter grows by in each row; 0 for a column that is no counter."""
    match column.formula:
        case Sum((Ref(name, 1), Num(step))) if name == column.name and step.is_integer():
            # With so small a step every number is exact, up to a billion rows.
            return step if abs(step) <= MOST_STEP else 0.0
    return 0.0


def _is_counter(column: Column) -> bool:
    """Whether a column counts in whole numbers, as the iteration's number does."""
    start = column.start
    if start is None or not start.is_integer() or abs(start) > MOST_START:
        return False
    return _step(column) != 0


def _is_known(column: Column, known: Mapping[str, int]) -> bool:
    """Whether a column's formula uses only known columns, in operations that NumPy repeats."""
    if column.formula is None or column.is_state:
        return False
    # Most columns end at their first reference: no other part of their formulas is looked at.
    return all(
        (not node.lag and node.name in known)
        if isinstance(node, Ref)
        else isinstance(node, EXACT) or (isinstance(node, Call) and node.function in FUNCTIONS)
        for node in walk(column.formula)
    )
