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
    children,
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
    """Whether an infinite value of the node cannot go unnoticed."""
    waiting = [node]
    while waiting:
        decisive = _decisive(waiting.pop())
        if decisive is None:
            return False
        waiting += decisive
    return True


def _decisive(node: Expr) -> tuple[Expr, ...] | None:
    """The operands that decide whether it goes unnoticed; None where it may."""
    match node:
        case Num() | Text() | Ref() | Param() | Lookup():
            return ()
        case Neg() | Call() | Compare() | If():
            # exp and its kind raise; max, min and abs hand on what they are given.
            return children(node)
        case Sum(terms):
            # 1 + exp(−z): a small number cannot make a finite value overflow.
            small = [term for term in terms if isinstance(term, Num) and abs(term.value) < 1e200]
            rest = [term for term in terms if term not in small]
            return tuple(rest) if len(rest) == 1 else None
    return None
