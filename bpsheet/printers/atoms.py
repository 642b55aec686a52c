"""Printers that show numbers or factors in place of symbols, for explanations.

An explanation prints a tree twice: with its symbols, and with the numbers put in. A printer of
this module asks a function which atom to print for a reference, hyper-parameter or look-up.
Where the function returns None, it prints the usual symbol.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bpsheet.formula.tree import Call, Compare, Expr, Lookup, Num, Param, Ref, Symbol
from bpsheet.printers.base import Binding, Printer
from bpsheet.printers.latex import LatexPrinter, symbol
from bpsheet.printers.mathml import MathMLPrinter, element, number_mathml, symbol_mathml
from bpsheet.printers.text import TextPrinter

__all__ = [
    "Atom",
    "AtomLatex",
    "AtomMathML",
    "AtomText",
    "Atoms",
    "Leaf",
    "Next",
    "Partial",
    "Prime",
    "Value",
    "latex_words",
    "no_atoms",
]

Leaf = Ref | Param | Lookup


@dataclass(frozen=True)
class Value:
    """A rounded number (`-0.2449`, `6.640e-5`), or a word instead: `#NUM!`, `Correct`."""

    text: str

    @property
    def is_number(self) -> bool:
        return re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", self.text) is not None

    @property
    def binding(self) -> Binding:
        """How tightly the value holds together: a negative number only as tightly as a sum."""
        if self.text.startswith("-"):
            return Binding.SUM
        return Binding.PRODUCT if "e" in self.text and self.is_number else Binding.ATOM


@dataclass(frozen=True)
class Partial:
    """∂upper/∂lower: a factor of the chain rule."""

    upper: str
    lower: str


@dataclass(frozen=True)
class Prime:
    """A function's derivative at a weighted sum: tanh'(z_g)."""

    function: str
    argument: str


@dataclass(frozen=True)
class Next:
    """A weight's value in the next iteration."""

    name: str


Atom = Value | Partial | Prime | Next
Atoms = Callable[[Leaf], Atom | None]


def no_atoms(_: Leaf) -> None:
    """No atom: every leaf is printed as its symbol."""


class _WithAtoms(Printer):
    """A printer that asks `atoms` what to print at each leaf."""

    atoms: Atoms

    def __init__(self, atoms: Atoms = no_atoms) -> None:
        self.atoms = atoms

    def _atom(self, node: Expr) -> Atom | None:
        if isinstance(node, Symbol):
            assert isinstance(node.shown, Atom)
            return node.shown
        return self.atoms(node) if isinstance(node, Leaf) else None

    def text(self, node: Expr) -> str:
        atom = self._atom(node)
        return super().text(node) if atom is None else self.atom(atom)

    def binding(self, node: Expr) -> Binding:
        match self._atom(node):
            case Value() as value:
                return value.binding
            case None if isinstance(node, Num) and node.value < 0:
                return Binding.SUM  # as a negative value
            case None:
                return super().binding(node)
        return Binding.ATOM

    def side(self, node: Expr) -> str:
        """One side of an equation. A comparison gets parentheses."""
        return self.operand(node, Binding.SUM, first=True)

    def atom(self, atom: Atom) -> str:
        raise NotImplementedError


_SIGNS = {"<>": "≠", "<=": "≤", ">=": "≥"}


class AtomText(_WithAtoms, TextPrinter):
    """Plain text: ∂MSE/∂f · f_error."""

    times = " · "

    def binding(self, node: Expr) -> Binding:
        match self._atom(node):
            case Value(text) if not text.startswith("-"):
                return Binding.ATOM  # 6.640e-5 is one word here
        return super().binding(node)

    def side(self, node: Expr) -> str:
        # A name such as "dMSE / dw" needs no parentheses when it is the whole side.
        if isinstance(node, Ref) and not node.lag and self._atom(node) is None:
            return node.name
        return super().side(node)

    def call(self, node: Call) -> str:
        inside = (
            self.side(part) if isinstance(part, Ref) else self.text(part) for part in node.arguments
        )
        return f"{node.function}({', '.join(inside)})"

    def comparison(self, node: Compare) -> str:
        left, right = map(self.side, (node.left, node.right))
        return f"{left} {_SIGNS.get(node.operator, node.operator)} {right}"

    def atom(self, atom: Atom) -> str:
        match atom:
            case Value(text):
                return text
            case Partial(upper, lower):
                return f"∂{upper}/∂{lower}"
            case Prime(function, argument):
                return f"{function}'({argument})"
            case Next(name):
                return f"new {name}"


_SPECIALS = {char: f"\\{char}" for char in "#$%&_{}"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "-": "-{}",
    "`": r"\textasciigrave{}",
}


def latex_words(text: str) -> str:
    """Text for LaTeX, with LaTeX's special characters escaped.

    >>> latex_words("50 % of w_1")
    '50 \\\\% of w\\\\_1'
    """
    return "".join(_SPECIALS.get(char, char) for char in text)


class AtomLatex(_WithAtoms, LatexPrinter):
    """LaTeX mathematics."""

    def atom(self, atom: Atom) -> str:
        match atom:
            case Value(text):
                if not atom.is_number:
                    return rf"\text{{{latex_words(text)}}}"
                mantissa, _, exponent = text.partition("e")
                return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text
            case Partial(upper, lower):
                return rf"\frac{{\partial {symbol(upper)}}}{{\partial {symbol(lower)}}}"
            case Prime(function, argument):
                head = {"logistic": "S"}.get(function) or rf"\operatorname{{{function}}}"
                return rf"{head}'\left({symbol(argument)}\right)"
            case Next(name):
                return rf"{{{symbol(name)}}}^{{\text{{new}}}}"


class AtomMathML(_WithAtoms, MathMLPrinter):
    """MathML's presentation elements."""

    def atom(self, atom: Atom) -> str:
        match atom:
            case Value(text):
                return number_mathml(text) if atom.is_number else element("mtext", text)
            case Partial(upper, lower):
                over, under = (
                    f"<mrow><mo>∂</mo>{symbol_mathml(name)}</mrow>" for name in (upper, lower)
                )
                return f"<mfrac>{over}{under}</mfrac>"
            case Prime(function, argument):
                head = "S" if function == "logistic" else function
                return (
                    f"<msup>{element('mi', head)}<mo>′</mo></msup>"
                    f"{self.parenthesised(symbol_mathml(argument))}"
                )
            case Next(name):
                return f"<msup>{symbol_mathml(name)}<mtext>new</mtext></msup>"
