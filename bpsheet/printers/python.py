"""The program as Python source: straight-line code over local variables.

Names never reach the code (column 7 is `v7`), so nothing that a user writes is run.
`math` is used, not NumPy, for it equals what spreadsheets compute far more often.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from bpsheet.formula.tree import Call, Div, If, Lookup, Num, Param, Pow, Ref, Text, children
from bpsheet.printers.base import Binding
from bpsheet.printers.code import CodePrinter

__all__ = ["ENVIRONMENT", "FUNCTION_NAMES", "LOWEST_SUM", "PythonPrinter"]

# Below this, 1/(1 + EXP(-z)) is an error in a spreadsheet, and 0 as far as numbers go.
LOWEST_SUM = -709.0


def _finite(value: float) -> float:
    """Raise where a spreadsheet would: in the middle of a formula too."""
    if math.isfinite(value):
        return value
    raise OverflowError


def _power(base: float, exponent: float) -> float:
    """As Excel has it: 0^0 is an error there, and (-8)^(1/3) is -2."""
    if base == 0 == exponent:
        raise ValueError
    if base < 0 and 0 < abs(exponent) < 1 and (1 / exponent) % 2 == 1:
        return -math.pow(-base, exponent)
    return math.pow(base, exponent)


def _logistic(z: float) -> float:
    return 0.0 if z < LOWEST_SUM else 1.0 / (1.0 + math.exp(-z))


def _relu(z: float) -> float:
    return max(0.0, z)


def _sign(z: float) -> float:
    return float((z > 0.0) - (z < 0.0))


# What the generated code may call.
ENVIRONMENT: Mapping[str, Callable[..., Any]] = {
    "cos": math.cos,
    "exp": math.exp,
    "fabs": math.fabs,
    "finite": _finite,
    "floor": lambda value: float(math.floor(value)),
    "log": math.log,
    "logistic": _logistic,
    "power": _power,
    "pi": lambda: math.pi,
    "relu": _relu,
    "sign": _sign,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "max": max,
    "min": min,
}

FUNCTION_NAMES = {
    "abs": "fabs",
    "cos": "cos",
    "exp": "exp",
    "int": "floor",
    "ln": "log",
    "logistic": "logistic",
    "max": "max",
    "min": "min",
    "pi": "pi",
    "relu": "relu",
    "sign": "sign",
    "sin": "sin",
    "sqrt": "sqrt",
    "tanh": "tanh",
}
_OPERATORS = {"=": "==", "<>": "!="}


class PythonPrinter(CodePrinter):
    """Prints with `variable(ref)` for columns, `parameter(name)` and `table_name(name)`."""

    def __init__(
        self,
        variable: Callable[[Ref], str],
        parameter: Callable[[str], str],
        lookup_table: Callable[[str], str],
    ) -> None:
        self.variable = variable
        self.parameter = parameter
        self.lookup_table = lookup_table

    def number(self, node: Num) -> str:
        return repr(node.value)

    def word(self, node: Text) -> str:
        return repr(node.value)

    def reference(self, node: Ref) -> str:
        return self.variable(node)

    def param(self, node: Param) -> str:
        return self.parameter(node.name)

    def lookup(self, node: Lookup) -> str:
        places = "".join(f"[int({self.text(place)})]" for place in children(node))
        return f"{self.lookup_table(node.table)}{places}"

    def quotient(self, node: Div) -> str:
        left = self.operand(node.left, Binding.PRODUCT, first=True)
        return f"{left}/{self.guarded(node.right, Binding.POWER)}"

    def power(self, node: Pow) -> str:
        small = self.small_power(node.base, node.exponent)
        return small or f"power({self.guarded(node.base)},{self.guarded(node.exponent)})"

    def call(self, node: Call) -> str:
        arguments = [self.guarded(argument) for argument in node.arguments]
        if node.function == "mod":
            return f"({arguments[0]}%{arguments[1]})"
        return f"{FUNCTION_NAMES[node.function]}({','.join(arguments)})"

    def sign(self, operator: str) -> str:
        return _OPERATORS.get(operator, operator)

    def choice(self, node: If) -> str:
        return (
            f"({self.text(node.then)} if {self.text(node.test)} else {self.text(node.otherwise)})"
        )
