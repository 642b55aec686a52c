"""Formulas in one line of mathematical writing, with parts below and above the line.

A cell of a sheet has neither fractions nor roots, but it can lower and raise letters. The printer
marks them in its text, and `pieces` takes the marks out again:

>>> from bpsheet.formula.tree import Mul, Num, Pow, Ref, Sum
>>> text = MathTextPrinter().text(Sum((Ref("w_g0"), Mul(Ref("x1"), Pow(Ref("w_g1"), Num(2.0))))))
>>> "".join(f"_{part}" if place is Place.BELOW else part for part, place in pieces(text))
'w_g0 + x_1 · w_g12'
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum

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

__all__ = ["PARAMETERS", "MathTextPrinter", "Place", "pieces", "symbol_text"]


class Place(Enum):
    """Where letters stand."""

    LINE = "line"
    BELOW = "below"
    ABOVE = "above"


# They begin and end what stands below and above the line. No name contains them.
BELOW, ABOVE, END = "\x01", "\x02", "\x03"
PLACES = {BELOW: Place.BELOW, ABOVE: Place.ABOVE}
PARAMETERS = {"learning_rate": "η"}
OPERATORS = {"<>": "≠", "<=": "≤", ">=": "≥"}
HEADS = {"logistic": "σ", "pi": "π", "sqrt": "√"}
FENCES = {"abs": ("|", "|"), "int": ("⌊", "⌋")}
HAT = "\u0302"


def pieces(text: str) -> Iterator[tuple[str, Place]]:
    """The pieces of a printed text, with their places. What stands above stays there as a whole."""
    places: list[Place] = []
    for part in re.split(f"([{BELOW}{ABOVE}{END}])", text):
        if part in PLACES:
            places.append(PLACES[part])
        elif part == END:
            places.pop()
        elif part:
            yield part, Place.ABOVE if Place.ABOVE in places else (places or [Place.LINE])[-1]


def below(text: str) -> str:
    return f"{BELOW}{text}{END}"


def above(text: str) -> str:
    return f"{ABOVE}{text}{END}"


def symbol_text(name: MathName) -> str:
    """A name in mathematical writing: ∂MSE/∂w with xg1 below the line."""
    match name:
        case Derivative(upper, lower):
            return f"∂{symbol_text(upper)}/∂{symbol_text(lower)}"
        case Staged(stage, of):
            return f"{'Σ' if stage == 'sum' else stage} {symbol_text(of)}"
        case Applied(head, argument, primes):
            return f"{symbol_text(head)}({symbol_text(argument)}){'′' * primes}"
        case Change(of):
            return f"Δ{symbol_text(of)}"
    return _letter(name)


def _letter(name: Letter) -> str:
    head, parts = name.head, name.below
    # x1 is x with 1 below it.
    if numbered := re.fullmatch(r"([A-Za-z])([0-9]+)", head):
        head, parts = numbered[1], (numbered[2], *parts)
    head = GREEK.get(head, head)
    if name.hat:
        head = f"{head}{HAT}"  # `read_name` has hats over single letters alone
    under = below(",".join(GREEK.get(part, part) for part in parts)) if parts else ""
    return f"{head}{under}{'′' * name.primes}"


def _is_compound(symbol: str) -> bool:
    """Whether a symbol is more than one: a derivative, a sum."""
    return "/" in symbol or " " in symbol


class MathTextPrinter(Printer):
    """Prints σ, √ and η, and what is below and above the line in marks.

    `symbols` has the names that are not read as they are spelled: error terms as δ.
    """

    plus = " + "
    minus = " − "
    times = " · "
    sign = "−"

    def __init__(self, symbols: Mapping[str, str] | None = None) -> None:
        self.symbols = dict(symbols or {})

    def binding(self, node: Expr) -> Binding:
        if isinstance(node, If):
            return Binding.COMPARE
        if isinstance(node, Call) and node.function == "mod":
            return Binding.PRODUCT
        if isinstance(node, Ref) and not node.lag and _is_compound(self.symbol(node.name)):
            return Binding.FACTOR
        return super().binding(node)

    def symbol(self, name: str) -> str:
        """A column's name."""
        return self.symbols.get(name) or symbol_text(read_name(name))

    def number(self, node: Num) -> str:
        value = node.value
        is_whole = value == int(value) and abs(value) < 1e15
        text = str(int(value)) if is_whole else repr(value)
        mantissa, _, exponent = text.partition("e")
        if not exponent:
            return text.replace("-", self.sign)
        power = f"10{above(str(int(exponent)).replace('-', self.sign))}"
        return power if mantissa == "1" else f"{mantissa.replace('-', self.sign)} · {power}"

    def word(self, node: Text) -> str:
        return f"“{node.value}”"

    def reference(self, node: Ref) -> str:
        name = self.symbol(node.name)
        if not node.lag:
            return name
        return (self.parenthesised(name) if _is_compound(name) else name) + above("old")

    def param(self, node: Param) -> str:
        return PARAMETERS.get(node.name) or self.symbol(node.name)

    def lookup(self, node: Lookup) -> str:
        return f"{self.symbol(node.table)} of {self.text(node.row)}"

    def negation(self, node: Neg) -> str:
        return self.sign + self.operand(node.operand, Binding.PRODUCT)

    def quotient(self, node: Div) -> str:
        return f"{self.operand(node.left, Binding.PRODUCT, first=True)}/{self.operand(node.right, Binding.POWER)}"

    def power(self, node: Pow) -> str:
        return self.raised(self.operand(node.base, Binding.ATOM), node.exponent)

    def raised(self, base: str, exponent: Expr) -> str:
        """A base with its exponent."""
        return f"{base}{above(self.text(exponent))}"

    def call(self, node: Call) -> str:
        if node.function == "mod":
            left, right = (self.operand(part, Binding.POWER) for part in node.arguments)
            return f"{left} mod {right}"
        inside = ", ".join(self.text(part) for part in node.arguments)
        if node.function in FENCES:
            before, after = FENCES[node.function]
            return f"{before}{inside}{after}"
        head = HEADS.get(node.function, node.function)
        if node.function == "sqrt" and isinstance(node.arguments[0], Num):
            return f"{head}{inside}"
        return f"{head}({inside})" if node.arguments else head

    def comparison(self, node: Compare) -> str:
        left = self.operand(node.left, Binding.SUM, first=True)
        sign = OPERATORS.get(node.operator, node.operator)
        return f"{left} {sign} {self.operand(node.right, Binding.SUM, first=True)}"

    def choice(self, node: If) -> str:
        then, test, otherwise = (self.text(part) for part in (node.then, node.test, node.otherwise))
        return f"{then} if {test}; else {otherwise}"
