"""Where engines are known to calculate otherwise: see the table in `bpsheet.verifying.deviations`."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise, product

import numpy as np

from bpsheet import Trace
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Text,
    walk,
)
from bpsheet.workbook.layout import Layout

__all__ = [
    "begins_out_of_sight",
    "calls_erf",
    "compares_what_is_nearly_equal",
    "has_subnormals",
    "overflows",
    "raises_zero_to_zero",
    "subtracts_what_is_nearly_equal",
]

# The value of a formula in a row, None where that is an error.
Value = Callable[[Expr], float | None]

NEARLY_EQUAL = 1e-12
SMALLEST = sys.float_info.min
SMALLEST_DIFFERENCE = 2.0**-48


def _formulas(trace: Trace) -> Iterator[tuple[Expr, Value]]:
    """Every formula of every row, with what evaluates a part of it there."""
    parameters = {cell.name: cell.value for cell in trace.program.parameters}
    for row, column in product(range(len(trace)), trace.program):
        if column.formula is None or (column.start is not None and not row):
            continue

        def recorded(ref: Ref, row: int = row) -> float:
            before = row - ref.lag
            return (
                float(trace.values[before, trace.program.position[ref.name]])
                if before >= 0
                else 0.0
            )

        if any(math.isnan(recorded(ref)) for ref in column.references):
            continue  # an error of another cell

        def value(part: Expr, recorded: Callable[[Ref], float] = recorded) -> float | None:
            try:
                return evaluate(part, recorded, parameters, trace.program.tables)
            except CellError:
                return None

        yield column.formula, value


def calls_erf(trace: Trace) -> bool:
    """Whether some formula takes the error function."""
    return any(
        isinstance(node, Call) and node.function == "erf"
        for column in trace.program
        if column.formula is not None
        for node in walk(column.formula)
    )


def overflows(trace: Trace) -> bool:
    """Whether some value of a run is an error."""
    return bool(np.isnan(trace.values).any())


def has_subnormals(trace: Trace) -> bool:
    """Whether some value of a run, or of a part of a formula, is so small that it has fewer digits."""
    values = np.abs(trace.values)
    if ((values > 0) & (values < SMALLEST)).any():
        return True
    return any(
        0 < abs(number) < SMALLEST
        for formula, value in _formulas(trace)
        for node in walk(formula)
        if not isinstance(node, Num | Ref | Param | Text) and (number := value(node)) is not None
    )


def raises_zero_to_zero(trace: Trace) -> bool:
    """Whether some power of a run is 0^0."""
    return any(
        isinstance(node, Pow) and value(node.base) == value(node.exponent) == 0
        for formula, value in _formulas(trace)
        for node in walk(formula)
    )


def _vanishes_in(formula: Expr, value: Value) -> bool:
    """Whether an operand overflows from which a finite number can come: exp(−∞), 1/∞, ∞ > 0."""
    for node in walk(formula):
        match node:
            case Call(_, arguments):
                operands: tuple[Expr, ...] = arguments
            case Div(_, right):
                operands = (right,)
            case Compare(_, left, right):
                operands = (left, right)
            case _:
                continue
        for operand in operands:
            if not isinstance(operand, Ref | Param | Text) and value(operand) is None:
                return True
    return False


def begins_out_of_sight(trace: Trace, layout: Layout) -> bool:
    """Whether an error begins in a column that is written into another's formula, or where it
    can vanish inside of one.
    """
    if any(_vanishes_in(formula, value) for formula, value in _formulas(trace)):
        return True
    is_error = np.isnan(trace.values)
    place = trace.program.position
    for column in trace.program:
        if column.name not in layout.by_name:
            here = is_error[:, place[column.name]].copy()
            for ref in column.references:
                here &= ~is_error[:, place[ref.name]]
            if here.any():
                return True
    return False


def _is_nearly(left: float | None, right: float | None, relative: float, least: float) -> bool:
    """Whether two numbers are nearly equal, and not equal."""
    if left is None or right is None or left == right:
        return False
    return math.isclose(left, right, rel_tol=relative, abs_tol=least)


def compares_what_is_nearly_equal(trace: Trace) -> bool:
    """Whether some comparison is of unlike numbers that spreadsheets take as equal."""
    return any(
        _is_nearly(value(node.left), value(node.right), NEARLY_EQUAL, NEARLY_EQUAL)
        for formula, value in _formulas(trace)
        for node in walk(formula)
        if isinstance(node, Compare) and Text not in (type(node.left), type(node.right))
    )


def _differences(node: Expr, value: Value) -> Iterator[tuple[float | None, float | None]]:
    """What is subtracted from what, in a difference or in a sum with negative terms."""
    match node:
        case Sub(left, right):
            yield value(left), value(right)
        case Sum(terms):
            for so_far, more in pairwise(accumulate(terms, lambda sum_, term: Sum((sum_, term)))):
                assert isinstance(more, Sum)
                yield value(so_far), value(Neg(more.terms[-1]))


def subtracts_what_is_nearly_equal(trace: Trace) -> bool:
    """Whether some difference is not 0, and so small that LibreOffice says that it is."""
    return any(
        _is_nearly(left, right, SMALLEST_DIFFERENCE, 0.0)
        for formula, value in _formulas(trace)
        for node in walk(formula)
        for left, right in _differences(node, value)
    )
