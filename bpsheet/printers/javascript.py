"""The program as JavaScript: a function for each column, for pages that compute.

Column 7 of a row is `v[7]`, of the row before `u[7]`, a hyper-parameter `p[0]`, a table
`t[0]`: no name reaches the code, so nothing that a user writes is run. The code calls the
functions in `bpsheet/page/assets/engine.js`, which throw an error where a spreadsheet shows one.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from bpsheet.formula.tree import Call, Div, Expr, If, Lookup, Num, Param, Pow, Ref, Text, children
from bpsheet.printers.base import Binding
from bpsheet.printers.code import CodePrinter

__all__ = ["JavaScriptPrinter", "word"]

_OPERATORS = {"=": "===", "<>": "!=="}


def number(value: float) -> str:
    """A number with every digit that tells it from its neighbours.

    >>> number(1.0), number(-0.5), number(1e22)
    ('1', '-0.5', '1e+22')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


def word(text: str) -> str:
    """Text in quotes for a script, without anything that a browser takes for markup."""
    return json.dumps(text).replace("<", "\\u003c")


class JavaScriptPrinter(CodePrinter):
    """Prints with `variable(ref)`, `parameter(name)` and `lookup_table(name)`.

    >>> from bpsheet.formula.tree import Neg
    >>> printer = JavaScriptPrinter(lambda ref: "v[1]", lambda name: "p[0]", lambda name: "t[0]")
    >>> printer.text(Div(Num(1.0), Call("exp", (Neg(Ref("z")),))))
    'divide(1,exp(-v[1]))'
    """

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
        return number(node.value)

    def word(self, node: Text) -> str:
        return word(node.value)

    def reference(self, node: Ref) -> str:
        return self.variable(node)

    def param(self, node: Param) -> str:
        return self.parameter(node.name)

    def lookup(self, node: Lookup) -> str:
        entry = self.lookup_table(node.table)
        for index in children(node):
            entry = f"at({entry},{self.text(index)})"
        return entry

    def quotient(self, node: Div) -> str:
        if _is_number(node.right):
            return super().quotient(node)
        return f"divide({self.text(node.left)},{self.guarded(node.right)})"

    def binding(self, node: Expr) -> Binding:
        if isinstance(node, Div) and not _is_number(node.right):
            return Binding.ATOM  # printed as a call
        return super().binding(node)

    def power(self, node: Pow) -> str:
        small = self.small_power(node.base, node.exponent)
        return small or f"power({self.guarded(node.base)},{self.guarded(node.exponent)})"

    def call(self, node: Call) -> str:
        arguments = ",".join(self.guarded(argument) for argument in node.arguments)
        return f"{node.function}({arguments})"

    def sign(self, operator: str) -> str:
        return _OPERATORS.get(operator, operator)

    def choice(self, node: If) -> str:
        return f"({self.text(node.test)}?{self.text(node.then)}:{self.text(node.otherwise)})"


def _is_number(divisor: Expr) -> bool:
    """Whether the divisor is a number other than 0."""
    return isinstance(divisor, Num) and divisor.value != 0
