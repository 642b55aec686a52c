"""The base of all printers: precedence, parentheses and the walk through the tree.

A printer has a table from node type to method. A node without an entry raises ProgramError,
and a test shows that every printer has an entry for every node.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from enum import IntEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, get_args

from bpsheet.errors import ProgramError
from bpsheet.formula import tree as expr
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Text,
    children,
    upwards,
)

__all__ = ["NODES", "Binding", "Printer", "binding"]

# From so many levels on, a formula is printed from its leaves upwards.
DEEP = 50
NODES: tuple[type[Any], ...] = get_args(expr.Expr)


class Binding(IntEnum):
    """How tightly a node holds together; an operand that binds less tightly gets parentheses."""

    COMPARE = 1
    SUM = 2
    PRODUCT = 3
    FACTOR = 4  # on the right of a product
    POWER = 5
    ATOM = 6


# Of what holds together less tightly than an atom.
BINDINGS: Mapping[type[Any], Binding] = {
    Compare: Binding.COMPARE,
    Sum: Binding.SUM,
    Sub: Binding.SUM,
    Mul: Binding.PRODUCT,
    Div: Binding.PRODUCT,
    Pow: Binding.POWER,
}
# What binds just more tightly: the operand to the right of a difference or a quotient.
TIGHTER = dict(pairwise(Binding))


def binding(node: Expr) -> Binding:
    """How tightly a node holds together, as most languages print it.

    A choice is a call in most languages. `Printer.operand` deals with minus signs.
    """
    return BINDINGS.get(type(node), Binding.ATOM)


class Printer(ABC):
    """The walk through a tree, with arithmetic as most languages write it.

    `table` names the method for each type of node, except for the symbols that only pages write.
    A language fills in the abstract methods.
    """

    table: ClassVar[Mapping[type[Any], str]] = {
        Num: "number",
        Text: "word",
        Ref: "reference",
        Param: "param",
        Lookup: "lookup",
        Neg: "negation",
        Sum: "addition",
        Sub: "subtraction",
        Mul: "product",
        Div: "quotient",
        Pow: "power",
        Call: "call",
        Compare: "comparison",
        If: "choice",
    }
    plus = "+"
    minus = "-"
    times = "*"

    # How deep the walk is at present, and the texts of operands that are printed already.
    _level = 0
    _ready: Mapping[int, str] = MappingProxyType({})

    def text(self, node: Expr) -> str:
        """The node in this language."""
        ready = self._ready.get(id(node))
        if ready is not None:
            return ready
        if self._level >= DEEP:
            return self._from_below(node)
        self._level += 1
        try:
            return self._printed(node)
        finally:
            self._level -= 1

    def _from_below(self, node: Expr) -> str:
        """The text of what is deeper than a method should call itself: operands first."""
        known = self._ready
        texts: list[str] = []
        try:
            for part in upwards(node, lambda part: () if id(part) in known else children(part)):
                if (text := known.get(id(part))) is not None:
                    texts.append(text)
                    continue
                operands = children(part)
                first = len(texts) - len(operands)
                self._ready = dict(zip(map(id, operands), texts[first:], strict=True))
                texts[first:] = [self._printed(part)]
        finally:
            self._ready = known
        return texts[0]

    def _printed(self, node: Expr) -> str:
        method = self.table.get(type(node))
        if method is None:
            raise ProgramError(f"{type(self).__name__} has no rule for {type(node).__name__}")
        printed: Callable[[Any], str] = getattr(self, method)
        return printed(node)

    def binding(self, node: Expr) -> Binding:
        """How tightly the printed text holds together in this language."""
        return binding(node)

    def parenthesised(self, text: str) -> str:
        """The text in this language's parentheses."""
        return f"({text})"

    def operand(self, node: Expr, least: Binding, *, first: bool = False) -> str:
        """An operand, in parentheses if it binds less tightly than `least`.

        An operand that begins with a minus sign gets parentheses too, unless it is `first`:
        nobody should have to read `a+-b` or ask what `-a^2` means.
        """
        text = self.text(node)
        loose = self.binding(node) < least
        if loose or (not first and text.startswith(("-", "−"))):
            return self.enclosed(node, text)
        return text

    def enclosed(self, _node: Expr, text: str) -> str:
        """An operand's text in parentheses."""
        return self.parenthesised(text)

    def infix(self, left: Expr, sign: str, right: Expr, level: Binding) -> str:
        """A left-associative operator with its operands; the right one must bind more tightly."""
        first = self.operand(left, level, first=True)
        return f"{first}{sign}{self.operand(right, TIGHTER[level])}"

    def negation(self, node: Neg) -> str:
        return "-" + self.operand(node.operand, Binding.ATOM)

    def addition(self, node: Sum) -> str:
        first, *rest = node.terms
        return self.plus.join(
            [self.operand(first, Binding.SUM, first=True)]
            + [self.operand(term, Binding.PRODUCT) for term in rest]
        )

    def subtraction(self, node: Sub) -> str:
        return self.infix(node.left, self.minus, node.right, Binding.SUM)

    def product(self, node: Mul) -> str:
        return self.infix(node.left, self.times, node.right, Binding.PRODUCT)

    def quotient(self, node: Div) -> str:
        return self.infix(node.left, "/", node.right, Binding.PRODUCT)

    def power(self, node: Pow) -> str:
        base = self.operand(node.base, Binding.ATOM)
        return f"{base}^{self.operand(node.exponent, Binding.ATOM)}"

    @abstractmethod
    def number(self, node: Num) -> str: ...

    @abstractmethod
    def word(self, node: Text) -> str: ...

    @abstractmethod
    def reference(self, node: Ref) -> str: ...

    @abstractmethod
    def param(self, node: Param) -> str: ...

    @abstractmethod
    def lookup(self, node: Lookup) -> str: ...

    @abstractmethod
    def call(self, node: Call) -> str: ...

    @abstractmethod
    def comparison(self, node: Compare) -> str: ...

    @abstractmethod
    def choice(self, node: If) -> str: ...
