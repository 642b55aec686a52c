"""The value of one formula, by a spreadsheet's rules, errors included.

The engine usually runs compiled code; a row with an error is computed here instead. A
spreadsheet has no infinities: an overflow is `#NUM!`, a division by zero is `#DIV/0!`, and an
error spreads to every formula that uses it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    # What is still to be done, the next last: no formula is too deep for a list. A node whose
    # operands have their values comes with their number. (Types are compared, for matching each
    # node takes twice as long.)
    waiting: list[Any] = [expr]
    values: list[Any] = []
    while waiting:
        node = waiting.pop()
        kind = type(node)
        if kind is Ref:
            values.append(column(node))
        elif kind is Num or kind is Text:
            values.append(node.value)
        elif kind is tuple:
            ready, count = node
            operands = values[-count:] if count else []
            del values[len(values) - count :]
            if type(ready) is Lookup:
                values.append(_checked(_found(tables[ready.table], operands)))
            else:
                values.append(_applied(ready, operands))
        elif kind is Param:
            values.append(parameters[node.name])
        elif kind is If:
            waiting += (_Choose(node.then, node.otherwise), node.test)
        elif kind is _Choose:
            waiting.append(node.then if values.pop() else node.otherwise)
        elif kind is Sum:
            # Added one by one: a sum that overflows is found before what follows it.
            for term in node.terms[:0:-1]:
                waiting += ((node, 2), term)
            waiting.append(node.terms[0])
        else:
            below = children(node)
            waiting += ((node, len(below)), *below[::-1])
    return float(values[0])


@dataclass(frozen=True, slots=True)
class _Choose:
    """The sides of a choice whose test has its value."""

    then: Expr
    otherwise: Expr


def _applied(node: Expr, operands: list[Any]) -> float:
    """A node's value, from the values of its operands."""
    kind = type(node)
    if kind is Mul:
        return _checked(operands[0] * operands[1])
    if kind is Sum:
        return _checked(operands[0] + operands[1])
    if kind is Sub:
        return _checked(operands[0] - operands[1])
    match node, operands:
        case Neg(), [operand]:
            return -operand  # type: ignore[no-any-return]
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
