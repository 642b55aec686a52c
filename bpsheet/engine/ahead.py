"""Columns that training does not touch, computed for many rows at once.

The iteration's number, its epoch and example, and what the example holds depend on nothing
that is learned. They are filled in with NumPy before the rows are run, by operations that
give the same bits in an array as they do one by one (+ − × ÷, int, mod, comparisons, lookups).
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
from bpsheet.program.program import Column, Program

__all__ = ["Ahead"]

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    # Python's floor knows no -0.
    "int": lambda value: np.floor(value) + 0.0,
    "mod": np.mod,
}
# Whole numbers below 2^53 are exact: 2^50 and 2^30 steps of 2^20 stay below.
MOST_START, MOST_STEP = 2.0**50, 2.0**20
EXACT = (Num, Text, Param, Ref, Lookup, Neg, Sum, Sub, Mul, Div, Compare, If)


class Ahead:
    """The columns of a program that can be computed before it runs.

    places: their positions in the program
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        # NumPy's numbers: they raise where Python's would become infinite.
        self._parameters = {
            p.name: p.value if isinstance(p.value, str) else np.float64(p.value)
            for p in program.parameters
        }
        self._tables = {name: np.array(table, float) for name, table in program.tables.items()}
        known: dict[str, int] = {}
        for place, column in enumerate(program):
            if column.formula is None or _counts(column) or _is_known(column, known):
                known[column.name] = place
        self.places = tuple(known.values())
        self._lookups = self._together()
        together = {place for places, _ in self._lookups.values() for place in places}
        self._singly = [place for place in self.places if place not in together]

    def fill(self, values: npt.NDArray[np.float64], first: int) -> None:
        """Write these columns' values into the rows from number `first` (from 0) on.

        NaN where one has no value.
        """
        rows = np.arange(first, first + len(values), dtype=float)
        with np.errstate(all="raise"):
            for index in self._singly:
                column = self._program.columns[index]
                if column.formula is None:
                    given = self._program.given[column.name]
                    values[:, index] = given[first : first + len(values)]
                elif column.start is not None:
                    values[:, index] = column.start + rows * _step(column)
                else:
                    self._compute(values, index)
            for name, (places, table) in self._lookups.items():
                self._look_up(values, self._program.position[name], places, table)

    def _compute(self, values: npt.NDArray[np.float64], index: int) -> None:
        """One column of these rows. Where that fails, half of them at a time."""
        formula = self._program.columns[index].formula
        place = self._program.position
        assert formula is not None
        try:
            values[:, index] = self._value(formula, lambda ref: values[:, place[ref.name]])
        except (ArithmeticError, ValueError):
            _halved(values, lambda half: self._compute(half, index), index)

    def _look_up(
        self,
        values: npt.NDArray[np.float64],
        at: int,
        places: list[int],
        table: npt.NDArray[np.float64],
    ) -> None:
        """Columns that are looked up at the same place, together."""
        try:
            found = self._at(table, [values[:, at]])
        except (ArithmeticError, ValueError):
            _halved(values, lambda half: self._look_up(half, at, places, table), places)
            return
        if places == list(range(places[0], places[-1] + 1)):
            values[:, places[0] : places[-1] + 1] = found
        else:
            values[:, places] = found

    def _together(self) -> dict[str, tuple[list[int], npt.NDArray[np.float64]]]:
        """The columns that look something up at the same column's number, and their tables
        beside one another. They are computed last: nothing known depends on them here.
        """
        found: dict[str, list[int]] = {}
        for index in self.places:
            match self._program.columns[index].formula:
                case Lookup(table, Ref(name, 0), None) if self._tables[table].ndim == 1:
                    found.setdefault(name, []).append(index)
        used = {
            ref.name for index in self.places for ref in self._program.columns[index].references
        }
        groups = {}
        for name, places in found.items():
            chosen = [p for p in places if self._program.columns[p].name not in used]
            tables = [self._tables[self._program.columns[p].tables[0]] for p in chosen]
            if len(chosen) > 1 and len({len(table) for table in tables}) == 1:
                groups[name] = (chosen, np.column_stack(tables))
        return groups

    def _value(self, node: Expr, column: Callable[[Ref], Any]) -> Any:
        def value(node: Expr) -> Any:
            match node:
                case Text(word):
                    return word
                case Num(found):
                    return np.float64(found)
                case Param(name):
                    return self._parameters[name]
                case Ref():
                    return column(node)
                case Lookup(table):
                    return self._found(table, [value(place) for place in children(node)])
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

    def _found(self, table: str, places: list[Any]) -> Any:
        return self._at(self._tables[table], places)

    @staticmethod
    def _at(found: npt.NDArray[np.float64], places: list[Any]) -> Any:
        """The entries of a table at these places (from 1). Raises ValueError beyond its edge."""
        indices = tuple(np.asarray(place).astype(np.intp) - 1 for place in places)
        for index, size in zip(indices, found.shape, strict=False):
            if index.size and (index.min() < 0 or index.max() >= size):
                raise ValueError
        return found[indices]


def _halved(
    values: npt.NDArray[np.float64],
    compute: Callable[[npt.NDArray[np.float64]], None],
    places: int | list[int],
) -> None:
    """Compute both halves of the rows; a single row has no value."""
    middle = len(values) // 2
    if middle == 0:
        values[:, places] = np.nan
        return
    compute(values[:middle])
    compute(values[middle:])


def _step(column: Column) -> float:
    """What a counter grows by in each row; 0 where it is none."""
    match column.formula:
        case Sum((Ref(name, 1), Num(step))) if name == column.name and step.is_integer():
            # So that after a billion rows every number on the way has been exact.
            return step if abs(step) <= MOST_STEP else 0.0
    return 0.0


def _counts(column: Column) -> bool:
    """Whether it is a counter of whole numbers, as the iteration's number is."""
    start = column.start
    if start is None or not start.is_integer() or abs(start) > MOST_START:
        return False
    return _step(column) != 0


def _is_known(column: Column, known: Mapping[str, int]) -> bool:
    """Whether its formula uses only what is known, in operations that are exact."""
    if column.formula is None or column.is_state:
        return False
    return all(ref.lag == 0 and ref.name in known for ref in column.references) and all(
        isinstance(node, EXACT) or (isinstance(node, Call) and node.function in FUNCTIONS)
        for node in walk(column.formula)
    )
