"""The value of one formula, by a spreadsheet's rules, errors included.

The engine usually runs compiled code; a row with an error is computed here instead. A
spreadsheet has no infinities: an overflow is `#NUM!`, a division by zero is `#DIV/0!`, and an
error spreads to every formula that uses it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from bpsheet.formula import arithmetic
from bpsheet.formula.functions import FUNCTIONS
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
    Pow,
    Ref,
    Sub,
    Sum,
    Text,
    children,
)

__all__ = ["DIVISION", "ERRORS", "NUMBER", "OPERATORS", "CellError", "evaluate"]

# The errors that a cell can hold. A trace keeps an error's index; 0 means no error.
ERRORS = ("", "#NUM!", "#DIV/0!")
NUMBER, DIVISION = 1, 2


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class CellError(Exception):
    """The value of a formula is an error: `code` is its index in ERRORS."""

    def __init__(self, code: int) -> None:
        self.code = code


def _checked(value: float) -> float:
    if math.isfinite(value):
        return value
    raise CellError(NUMBER)


def evaluate(
    expr: Expr,
    column: Callable[[Ref], float],
    parameters: Mapping[str, float | str],
    tables: Mapping[str, Sequence[Any]],
) -> float:
    """The value of a formula.

    `column` gives a column's value or raises its CellError, `parameters` holds the
    hyper-parameters, and `tables` what `Lookup` reads. Raises CellError where a cell would
    show an error.

    >>> evaluate(Div(Num(1.0), Num(4.0)), lambda ref: 0.0, {}, {})
    0.25
    """
    # What is still to be done, the next last: no formula is too deep for a list.
    waiting: list[Expr | _Apply | _Choose] = [expr]
    values: list[Any] = []
    while waiting:
        match waiting.pop():
            case Num(value) | Text(value):
                values.append(value)
            case Ref() as ref:
                values.append(column(ref))
            case Param(name):
                values.append(parameters[name])
            case _Apply(node, operands):
                first = len(values) - operands
                values[first:] = [_applied(node, values[first:], tables)]
            case If(test, then, otherwise):
                waiting += (_Choose(then, otherwise), test)
            case _Choose(then, otherwise):
                waiting.append(then if values.pop() else otherwise)
            case Sum(terms) as node:
                # Added one by one: a sum that overflows is found before what follows it.
                for term in terms[:0:-1]:
                    waiting += (_Apply(node, 2), term)
                waiting.append(terms[0])
            case node:
                below = children(node)
                waiting += (_Apply(node, len(below)), *below[::-1])
    return float(values[0])


class _Apply(NamedTuple):
    """A node whose operands, so many, have their values."""

    node: Expr
    operands: int


class _Choose(NamedTuple):
    """The sides of a choice whose test has its value."""

    then: Expr
    otherwise: Expr


def _applied(node: Expr, operands: list[Any], tables: Mapping[str, Sequence[Any]]) -> float:
    match node, operands:
        case Neg(), [operand]:
            return -operand  # type: ignore[no-any-return]
        case Sum(), [left, right]:
            return _checked(left + right)
        case Sub(), [left, right]:
            return _checked(left - right)
        case Mul(), [left, right]:
            return _checked(left * right)
        case Div(), [upper, lower]:
            if lower == 0:
                raise CellError(DIVISION)
            return _checked(upper / lower)
        case Pow(), [base, exponent]:
            return _power(base, exponent)
        case Call(function), _:
            return _call(function, operands)
        case Compare(operator), [left, right]:
            return float(OPERATORS[operator](left, right))
        case Lookup(table), _:
            return _checked(_found(tables[table], operands))
    raise TypeError(f"{type(node).__name__} has no value")


def _found(table: Any, places: list[float]) -> Any:
    for place in map(int, places):
        if not 1 <= place <= len(table):
            raise CellError(NUMBER)
        table = table[place - 1]
    return table


def _power(base: float, exponent: float) -> float:
    if base == 0 and exponent < 0:
        raise CellError(DIVISION)
    try:
        return _checked(float(arithmetic.power(base, exponent)))
    except (OverflowError, ValueError):
        raise CellError(NUMBER) from None


def _call(function: str, arguments: list[float]) -> float:
    try:
        return _checked(float(FUNCTIONS[function].value(*arguments)))
    except ZeroDivisionError:
        raise CellError(DIVISION) from None
    except (OverflowError, ValueError):
        raise CellError(NUMBER) from None
