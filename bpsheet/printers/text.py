"""Formulas as plain text, in the names of the source; `parse_formula` reads them back."""

from __future__ import annotations

from bpsheet.formula.tree import (
    Call,
    Compare,
    Expr,
    If,
    Lookup,
    Num,
    Param,
    Ref,
    Text,
    children,
)
from bpsheet.printers.base import Binding, Printer

__all__ = ["TextPrinter", "formula_text"]


class TextPrinter(Printer):
    """Prints sums and differences with spaces, products without: `1*w0 + x1*w1`.

    `source` is the text after a look-up: `x1 of example in the data`. That of an example which the
    formula itself names is `x1[2]`.
    """

    plus = " + "
    minus = " - "

    def __init__(self, source: str = "in the data") -> None:
        self.source = source

    def number(self, node: Num) -> str:
        value = node.value
        return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)

    def word(self, node: Text) -> str:
        return f'"{node.value}"'

    def reference(self, node: Ref) -> str:
        # A name such as "dMSE / dw" would read as part of the formula.
        name = f"({node.name})" if set(node.name) & set(" +-*/^") else node.name
        return f"last {name}" if node.lag else name

    def param(self, node: Param) -> str:
        return node.name

    def lookup(self, node: Lookup) -> str:
        if isinstance(node.row, Num) and node.column is None:
            return f"{node.table}[{self.number(node.row)}]"
        indices = ", ".join(self.text(index) for index in children(node))
        return f"{node.table} of {indices} {self.source}"

    def call(self, node: Call) -> str:
        inside = ", ".join(self.text(part) for part in node.arguments)
        match node.arguments:
            case [Ref(name=name)] if inside == f"({name})":
                # The parentheses of the function set its only name apart.
                inside = name
        return f"{node.function}({inside})"

    def comparison(self, node: Compare) -> str:
        left = self.operand(node.left, Binding.SUM, first=True)
        return f"{left} {node.operator} {self.operand(node.right, Binding.SUM, first=True)}"

    def choice(self, node: If) -> str:
        sides = (node.test, node.then, node.otherwise)
        return f"if({', '.join(self.text(side) for side in sides)})"


def formula_text(expr: Expr, source: str = "in the data") -> str:
    """A formula in plain text; `source` is the text after a look-up.

    >>> from bpsheet.formula.tree import Mul, Sum
    >>> formula_text(Sum((Mul(Num(1.0), Ref("w0")), Mul(Ref("x1"), Ref("w1")))))
    '1*w0 + x1*w1'
    """
    return TextPrinter(source).text(expr)
