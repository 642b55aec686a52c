"""Formulas as code in languages with infinities, where a spreadsheet has errors.

Whoever runs the code looks for infinities in the recorded values. An infinity that vanishes
inside a formula (1/∞ = 0, tanh ∞ = 1) is not recorded, so the code guards those operands.
"""

from __future__ import annotations

from abc import abstractmethod

from bpsheet.formula.tree import (
    Call,
    Compare,
    Expr,
    If,
    Lookup,
    Neg,
    Num,
    Param,
    Ref,
    Sum,
    Text,
)
from bpsheet.printers.base import Binding, Printer

__all__ = ["CodePrinter"]


class CodePrinter(Printer):
    """The base of printers of code: powers with small whole exponents, and guards."""

    def binding(self, node: Expr) -> Binding:
        # Every comparison is printed in parentheses.
        return Binding.ATOM if isinstance(node, Compare) else super().binding(node)

    def guarded(self, node: Expr, least: Binding = Binding.COMPARE) -> str:
        """An operand of an operation in which an infinity could vanish, guarded if necessary.

        Columns need no guard: whoever runs the code looks at every recorded value.
        """
        if _records_overflow(node):
            return self.operand(node, least, first=least is Binding.COMPARE)
        return f"finite({self.text(node)})"

    def small_power(self, base: Expr, exponent: Expr) -> str | None:
        """A power as `x**2`, for the exponents 1 to 4; None for any other exponent."""
        if isinstance(exponent, Num) and exponent.value in (1, 2, 3, 4):
            return f"{self.operand(base, Binding.ATOM)}**{int(exponent.value)}"
        return None

    def comparison(self, node: Compare) -> str:
        return f"({self.guarded(node.left)}{self.sign(node.operator)}{self.guarded(node.right)})"

    @abstractmethod
    def sign(self, operator: str) -> str:
        """The sign of a comparison."""


def _records_overflow(node: Expr) -> bool:
    """Whether an infinite value of the node always shows in a recorded value."""
    match node:
        case Num() | Text() | Ref() | Param() | Lookup():
            return True
        case Neg(operand):
            return _records_overflow(operand)
        case Call(_, arguments):
            # Functions such as exp raise on overflow; max, min and abs pass infinities on.
            return all(map(_records_overflow, arguments))
        case Compare() | If():
            return all(map(_records_overflow, _sides(node)))
        case Sum(terms):
            # 1 + exp(−z): a small number cannot make a finite value overflow.
            small = [term for term in terms if isinstance(term, Num) and abs(term.value) < 1e200]
            rest = [term for term in terms if term not in small]
            return len(rest) == 1 and _records_overflow(rest[0])
    return False


def _sides(node: Compare | If) -> tuple[Expr, ...]:
    return (
        (node.left, node.right)
        if isinstance(node, Compare)
        else (node.test, node.then, node.otherwise)
    )
