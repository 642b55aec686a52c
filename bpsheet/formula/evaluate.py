"""The value of one formula, by a spreadsheet's rules, errors included.

The engine usually runs compiled code; a row with an error is computed here instead. A
spreadsheet has no infinities: an overflow is `#NUM!`, a division by zero is `#DIV/0!`, and an
error spreads to every formula that uses it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
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

    def value(node: Expr) -> float:
        match node:
            case Num(number):
                return number
            case Ref():
                return column(node)
            case Param(name):
                return float(parameters[name])
            case Lookup(table):
                entry: Any = tables[table]
                for child in children(node):
                    number = int(value(child))
                    if not 1 <= number <= len(entry):
                        raise CellError(NUMBER)
                    entry = entry[number - 1]
                return _checked(entry)
            case Neg(operand):
                return -value(operand)
            case Sum(terms):
                whole = value(terms[0])
                for term in terms[1:]:
                    whole = _checked(whole + value(term))
                return whole
            case Sub(left, right):
                return _checked(value(left) - value(right))
            case Mul(left, right):
                return _checked(value(left) * value(right))
            case Div(left, right):
                upper, lower = value(left), value(right)
                if lower == 0:
                    raise CellError(DIVISION)
                return _checked(upper / lower)
            case Pow(base, exponent):
                return _power(value(base), value(exponent))
            case Call(function, arguments):
                return _call(function, [value(argument) for argument in arguments])
            case Compare():
                return float(_holds(node))
            case If(test, then, otherwise):
                chosen = _holds(test) if isinstance(test, Compare) else value(test) != 0
                return value(then if chosen else otherwise)
        raise TypeError(f"{type(node).__name__} has no value")

    def _holds(node: Compare) -> bool:
        left, right = (
            _word(side, parameters) if _is_word(side, parameters) else value(side)
            for side in (node.left, node.right)
        )
        return bool(OPERATORS[node.operator](left, right))

    return value(expr)


def _is_word(node: Expr, parameters: Mapping[str, float | str]) -> bool:
    return isinstance(node, Text) or (
        isinstance(node, Param) and isinstance(parameters[node.name], str)
    )


def _word(node: Expr, parameters: Mapping[str, float | str]) -> str:
    return node.value if isinstance(node, Text) else str(parameters[node.name])  # type: ignore[union-attr]


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
