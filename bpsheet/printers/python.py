"""The program as Python source: straight-line code over local variables.

Names never reach the code (column 7 is `v7`), so nothing that a user writes is run.
The code uses `math`, not NumPy: `math` agrees with spreadsheets far more often, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bpsheet.formula import arithmetic
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.tree import (
    Call,
    Div,
    Expr,
    If,
    Lookup,
    Num,
    Param,
    Pow,
    Ref,
    Sum,
    Text,
    children,
)
from bpsheet.printers.base import Binding
from bpsheet.printers.code import CodePrinter

__all__ = ["ENVIRONMENT", "PythonPrinter", "function_name"]

# A sum of more terms is written as a call of `added`, not as a chain of +.
LONGEST_CHAIN = 500
# Functions whose names mean something else to Python.
SPELLINGS = {"abs": "fabs", "int": "floor", "ln": "log"}


_OPERATORS = {"=": "==", "<>": "!="}


def _is_long(node: Expr) -> bool:
    return isinstance(node, Sum) and len(node.terms) > LONGEST_CHAIN


def function_name(name: str) -> str:
    """The name of a function in the generated code."""
    return SPELLINGS.get(name, name)


# The functions that the generated code may call.
ENVIRONMENT: Mapping[str, Callable[..., Any]] = {
    "added": arithmetic.added,
    "finite": arithmetic.finite,
    "power": arithmetic.power,
    **{function_name(name): function.value for name, function in FUNCTIONS.items()},
}


class PythonPrinter(CodePrinter):
    """Prints with `variable(ref)` for columns, `parameter(name)` and `lookup_table(name)`."""

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
        indices = "".join(f"[int({self.text(index)})]" for index in children(node))
        return f"{self.lookup_table(node.table)}{indices}"

    def binding(self, node: Expr) -> Binding:
        return Binding.ATOM if _is_long(node) else super().binding(node)

    def addition(self, node: Sum) -> str:
        """A sum, as a chain of + or as a call: Python cannot compile a chain of thousands."""
        if not _is_long(node):
            return super().addition(node)
        return f"added({','.join(self.text(term) for term in node.terms)})"

    def quotient(self, node: Div) -> str:
        left = self.operand(node.left, Binding.PRODUCT, first=True)
        return f"{left}/{self.guarded(node.right, Binding.POWER)}"

    def power(self, node: Pow) -> str:
        small = self.small_power(node.base, node.exponent)
        return small or f"power({self.guarded(node.base)},{self.guarded(node.exponent)})"

    def call(self, node: Call) -> str:
        arguments = ",".join(self.guarded(argument) for argument in node.arguments)
        return f"{function_name(node.function)}({arguments})"

    def sign(self, operator: str) -> str:
        return _OPERATORS.get(operator, operator)

    def choice(self, node: If) -> str:
        return (
            f"({self.text(node.then)} if {self.text(node.test)} else {self.text(node.otherwise)})"
        )
