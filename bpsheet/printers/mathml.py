"""Formulas as MathML, which browsers show without a script, and column names as symbols.

A formula is a row of elements. `<mrow>` makes one element of it where MathML needs one.
"""

from __future__ import annotations

import re
from html import escape

from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Neg,
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

__all__ = [
    "MathMLPrinter",
    "element",
    "fenced",
    "formula_mathml",
    "number_mathml",
    "symbol_mathml",
]

_PARAMETERS = {"learning_rate": "η"}
_OPERATORS = {"<>": "≠", "<=": "≤", ">=": "≥"}
_FENCES = {"abs": ("|", "|"), "int": ("⌊", "⌋")}
_HEADS = {"logistic": "S", "pi": "π"}
MINUS = "<mo>−</mo>"
# A sign has no space after it, a minus between two numbers has.
SIGN = "<mo form='prefix'>−</mo>"


def element(tag: str, text: str) -> str:
    """A MathML element that contains text.

    >>> element("mi", "a<b")
    '<mi>a&lt;b</mi>'
    """
    clean = "".join(char if char.isprintable() else " " for char in text)
    return f"<{tag}>{escape(clean)}</{tag}>"


def _row(content: str) -> str:
    return f"<mrow>{content}</mrow>"


def fenced(content: str) -> str:
    """Content in parentheses, which grow with it where it is tall.

    Browsers draw parentheses that may grow with much space around them.
    """
    tall = "<mfrac" in content or "<mtable" in content
    left, right = (
        element("mo", sign) if tall else f"<mo stretchy='false'>{sign}</mo>" for sign in "()"
    )
    return _row(left + content + right)


def _primed(base: str, primes: str) -> str:
    return f"<msup>{base}{element('mo', '′' * len(primes))}</msup>" if primes else base


def _word(text: str) -> str:
    """One part of a name: a letter or Greek letter in italics, a word upright."""
    if text in GREEK:
        return element("mi", GREEK[text])
    stem = text.rstrip("'")
    primes = text[len(stem) :]
    if re.fullmatch(r"[A-Za-z][0-9]+", stem):
        base = f"<msub>{element('mi', stem[0])}{element('mn', stem[1:])}</msub>"
        return _primed(base, primes)
    if stem.isdigit() and stem.isascii():
        return _primed(element("mn", stem), primes)
    return _primed(element("mi", stem), primes)


def symbol_mathml(name: str) -> str:
    """A column's name as one element of MathML.

    >>> symbol_mathml("w_xg1")
    '<msub><mi>w</mi><mi>xg1</mi></msub>'
    """
    return _symbol(read_name(name))


def _symbol(name: MathName) -> str:
    match name:
        case Derivative(upper, lower):
            over, under = (_row(f"<mo>∂</mo>{_symbol(part)}") for part in (upper, lower))
            return f"<mfrac>{over}{under}</mfrac>"
        case Staged(stage, of):
            before = element("mo", "∑") if stage == "sum" else element("mtext", f"{stage} ")
            return _row(before + _symbol(of))
        case Applied(head, argument, primes):
            inside = fenced(_symbol(argument))
            return _row(_symbol(head) + _primed(inside, "'" * primes))
        case Change(of):
            return _row(f"<mo>Δ</mo>{_symbol(of)}")
        case Letter():
            return _letter(name)


def _letter(name: Letter) -> str:
    letter, primes = _word(name.head), "'" * name.primes
    if name.hat:
        letter = f"<mover>{letter}<mo>^</mo></mover>"
    if not name.below:
        return _primed(letter, primes)
    below = "<mo>,</mo>".join(
        element("mi", part) if re.fullmatch(r"[A-Za-z0-9]{1,3}", part) else _word(part)
        for part in name.below
    )
    below = below if len(name.below) == 1 else _row(below)
    if primes:
        return f"<msubsup>{letter}{below}{element('mo', '′' * name.primes)}</msubsup>"
    return f"<msub>{letter}{below}</msub>"


def number_mathml(text: str) -> str:
    """A number in MathML, with its minus sign and its power of ten.

    >>> number_mathml("-0.25")
    "<mo form='prefix'>−</mo><mn>0.25</mn>"
    """
    mantissa, _, exponent = text.partition("e")
    sign = SIGN if mantissa.startswith("-") else ""
    number = f"{sign}{element('mn', mantissa.removeprefix('-'))}"
    if not exponent:
        return number
    power = _row(number_mathml(str(int(exponent))))
    return f"{number}<mo>·</mo><msup><mn>10</mn>{power}</msup>"


class MathMLPrinter(Printer):
    """Prints products with a centred dot, quotients as fractions, choices as cases."""

    plus = "<mo>+</mo>"
    minus = MINUS
    times = "<mo>·</mo>"

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
        return fenced(text)

    def operand(self, node: Expr, least: Binding, *, first: bool = False) -> str:
        text = super().operand(node, least)
        # Text in parentheses begins with <mrow>: text that begins with a minus has none yet.
        return self.parenthesised(text) if not first and text.startswith(SIGN) else text

    def number(self, node: Num) -> str:
        value = node.value
        whole = value == int(value) and abs(value) < 1e15
        return number_mathml(str(int(value)) if whole else repr(value))

    def word(self, node: Text) -> str:
        return element("mtext", node.value)

    def reference(self, node: Ref) -> str:
        name = symbol_mathml(node.name)
        if not node.lag:
            return name
        before = fenced("<mi>n</mi><mo>−</mo><mn>1</mn>")
        return f"<msup>{name}{before}</msup>"

    def param(self, node: Param) -> str:
        known = _PARAMETERS.get(node.name)
        return element("mi", known) if known else symbol_mathml(node.name)

    def lookup(self, node: Lookup) -> str:
        indices = "<mo>,</mo>".join(self.text(index) for index in children(node))
        return f"{symbol_mathml(node.table)}<mo>[</mo>{indices}<mo>]</mo>"

    def negation(self, node: Neg) -> str:
        return SIGN + self.operand(node.operand, Binding.ATOM)

    def quotient(self, node: Div) -> str:
        return f"<mfrac>{_row(self.text(node.left))}{_row(self.text(node.right))}</mfrac>"

    def power(self, node: Pow) -> str:
        base = self.operand(node.base, Binding.ATOM)
        if isinstance(node.base, Div):
            base = self.parenthesised(base)  # otherwise the power seems to be the denominator's
        return f"<msup>{_row(base)}{_row(self.text(node.exponent))}</msup>"

    def call(self, node: Call) -> str:
        parts = [self.text(part) for part in node.arguments]
        if node.function == "mod":
            left, right = (self.operand(part, Binding.POWER) for part in node.arguments)
            return f"{left}<mo>mod</mo>{right}"
        if node.function == "exp":
            return f"<msup><mi>e</mi>{_row(parts[0])}</msup>"
        if node.function == "sqrt":
            return f"<msqrt>{_row(parts[0])}</msqrt>"
        if node.function in _FENCES:
            before, after = _FENCES[node.function]
            return _row(f"{element('mo', before)}{parts[0]}{element('mo', after)}")
        head = element("mi", _HEADS.get(node.function, node.function))
        if not parts:
            return head
        return head + self.parenthesised("<mo>,</mo>".join(parts))

    def comparison(self, node: Compare) -> str:
        left = self.operand(node.left, Binding.SUM, first=True)
        right = self.operand(node.right, Binding.SUM, first=True)
        return f"{left}{element('mo', _OPERATORS.get(node.operator, node.operator))}{right}"

    def choice(self, node: If) -> str:
        then, test, otherwise = (self.text(part) for part in (node.then, node.test, node.otherwise))
        rows = (
            f"<mtr><mtd>{then}</mtd><mtd><mtext>if\u00a0</mtext>{test}</mtd></mtr>"
            f"<mtr><mtd>{otherwise}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>"
        )
        return _row(f"<mo>{{</mo><mtable>{rows}</mtable>")


def formula_mathml(name: str, expr: Expr) -> str:
    """An equation in MathML: the column's symbol equals its formula.

    >>> formula_mathml("s", Neg(Ref("z")))
    "<mi>s</mi><mo>=</mo><mo form='prefix'>−</mo><mi>z</mi>"
    """
    return f"{symbol_mathml(name)}<mo>=</mo>{MathMLPrinter().text(expr)}"
