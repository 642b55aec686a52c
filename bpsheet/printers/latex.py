"""Formulas as LaTeX mathematics, and column names as symbols."""

from __future__ import annotations

import re

from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Num,
    Param,
    Pow,
    Ref,
    Text,
    children,
)
from bpsheet.printers.base import Binding, Printer
from bpsheet.printers.symbols import (
    GREEK,
    Applied,
    Change,
    Derivative,
    Letter,
    MathName,
    Staged,
    read_name,
)

__all__ = ["LatexPrinter", "formula_latex", "symbol"]

_ESCAPES = {char: f"\\{char}" for char in "#$%&_{}"} | {
    "\\": r"\backslash{}",
    "^": r"\hat{}",
    "~": r"\sim{}",
}
# Functions for which LaTeX has a command, and functions that are not written as name(argument).
LATEX_NAMES = frozenset(("cos", "cosh", "ln", "max", "min", "sin", "sinh", "tanh"))
SPELLINGS = {
    "abs": r"\left|{0}\right|",
    "exp": r"e^{{{0}}}",
    "int": r"\left\lfloor {0} \right\rfloor",
    "logistic": r"S\left({0}\right)",
    "mod": r"{0} \bmod {1}",
    "pi": r"\pi",
    "sqrt": r"\sqrt{{{0}}}",
}
_PARAMETERS = {"learning_rate": r"\eta"}
_OPERATORS = {"=": "=", "<>": r"\neq", "<": "<", "<=": r"\leq", ">": ">", ">=": r"\geq"}


def _word(text: str) -> str:
    """One part of a name: a letter or Greek letter in italics, a word upright."""
    if text in GREEK:
        return f"\\{text}"
    if parts := re.fullmatch(r"([A-Za-z]?)([0-9]*)('*)", text):
        letter, digits, primes = parts.groups()
        return letter + (f"_{{{digits}}}" if letter and digits else digits) + primes
    return "\\mathrm{" + "".join(_ESCAPES.get(char, char) for char in text) + "}"


def symbol(name: str) -> str:
    """A column's name as mathematics.

    >>> symbol("w_xg1"), symbol("f'"), symbol("f_error"), symbol("dMSE / dw_xg1")
    ('w_{xg1}', "f'", 'f_{\\\\mathrm{error}}', '\\\\frac{\\\\partial \\\\mathrm{MSE}}{\\\\partial w_{xg1}}')
    """
    return _symbol(read_name(name))


def _symbol(name: MathName) -> str:
    match name:
        case Derivative(upper, lower):
            return rf"\frac{{\partial {_symbol(upper)}}}{{\partial {_symbol(lower)}}}"
        case Staged(stage, of):
            before = r"\sum" if stage == "sum" else rf"\mathrm{{{stage}}}\;"
            return f"{before} {_symbol(of)}"
        case Applied(head, argument, primes):
            return rf"{_symbol(head)}\left({_symbol(argument)}\right)" + "'" * primes
        case Change(of):
            return rf"\Delta {_symbol(of)}"
        case Letter():
            return _letter(name)


def _letter(name: Letter) -> str:
    letter, primes = _word(name.head), "'" * name.primes
    if name.hat:
        letter = rf"\hat{{{letter}}}"
    if not name.below:
        return letter + primes
    below = ",".join(
        part if re.fullmatch(r"[A-Za-z0-9]{1,3}", part) else _word(part) for part in name.below
    )
    if "'" in name.head and primes:
        letter = f"{{{letter}}}"  # x'_a' would have two superscripts
    return f"{letter}_{{{below}}}{primes}"


class LatexPrinter(Printer):
    """Prints products with a centred dot, quotients as fractions, choices as cases."""

    plus = " + "
    minus = " - "
    times = r" \cdot "

    def binding(self, node: Expr) -> Binding:
        match node:
            case Div():
                return Binding.ATOM
            case Call("mod", _):
                return Binding.PRODUCT
            case Call("exp", _):
                return Binding.POWER
            case Num(value) if "e" in repr(value):
                return Binding.PRODUCT
        return super().binding(node)

    def parenthesised(self, text: str) -> str:
        return rf"\left({text}\right)"

    def number(self, node: Num) -> str:
        value = node.value
        text = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
        mantissa, _, exponent = text.partition("e")
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else text

    def word(self, node: Text) -> str:
        return rf"\text{{{node.value}}}"

    def reference(self, node: Ref) -> str:
        return f"{{{symbol(node.name)}}}^{{(n-1)}}" if node.lag else symbol(node.name)

    def param(self, node: Param) -> str:
        return _PARAMETERS.get(node.name) or symbol(node.name)

    def lookup(self, node: Lookup) -> str:
        indices = ", ".join(self.text(index) for index in children(node))
        return rf"{symbol(node.table)}\left[{indices}\right]"

    def quotient(self, node: Div) -> str:
        return rf"\frac{{{self.text(node.left)}}}{{{self.text(node.right)}}}"

    def power(self, node: Pow) -> str:
        base = self.operand(node.base, Binding.ATOM)
        if isinstance(node.base, Div):
            base = self.parenthesised(base)  # otherwise the power seems to be the denominator's
        elif base == self.text(node.base) and isinstance(node.base, Ref | Call):
            base = f"{{{base}}}"  # f'^2 and f_{a}^2 need braces around the base
        return f"{base}^{{{self.text(node.exponent)}}}"

    def call(self, node: Call) -> str:
        if node.function == "mod":
            parts = [self.operand(part, Binding.POWER) for part in node.arguments]
        else:
            parts = [self.text(part) for part in node.arguments]
        spelling = SPELLINGS.get(node.function)
        if spelling is not None:
            return spelling.format(*parts)
        known = node.function in LATEX_NAMES
        head = f"\\{node.function}" if known else rf"\operatorname{{{node.function}}}"
        return rf"{head}\left({', '.join(parts)}\right)"

    def comparison(self, node: Compare) -> str:
        left = self.operand(node.left, Binding.SUM, first=True)
        right = self.operand(node.right, Binding.SUM, first=True)
        return f"{left} {_OPERATORS[node.operator]} {right}"

    def choice(self, node: If) -> str:
        then, test, otherwise = (self.text(part) for part in (node.then, node.test, node.otherwise))
        return (
            rf"\begin{{cases}} {then} & \text{{if }} {test} \\ "
            rf"{otherwise} & \text{{otherwise}} \end{{cases}}"
        )


def formula_latex(name: str, expr: Expr) -> str:
    """An equation in LaTeX: the column's symbol equals its formula.

    >>> from bpsheet.formula.tree import Mul, Sum
    >>> formula_latex("z_g", Sum((Mul(Num(1.0), Ref("w_0")), Mul(Ref("x1"), Ref("w_1")))))
    'z_{g} = 1 \\\\cdot w_{0} + x_{1} \\\\cdot w_{1}'
    """
    return f"{symbol(name)} = {LatexPrinter().text(expr)}"
