"""The formula tree: what a cell says, kept as it was written.

The nodes are a small closed set of frozen data classes. Other modules print, evaluate and
differentiate them. Nothing here reorders or simplifies, because readers compare a formula
with the one in their book.

>>> z = Sum((Mul(Num(1.0), Ref("w0")), Mul(Ref("x1"), Ref("w1"))))
>>> sorted(ref.name for ref in references(z))
['w0', 'w1', 'x1']
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from bpsheet.errors import ProgramError

__all__ = [
    "ONE",
    "ZERO",
    "Call",
    "Compare",
    "Div",
    "Expr",
    "If",
    "Lookup",
    "Mul",
    "Neg",
    "Num",
    "Operation",
    "Param",
    "Pow",
    "Ref",
    "Sub",
    "Sum",
    "Symbol",
    "Text",
    "children",
    "depth",
    "nodes_of",
    "rebuild",
    "references",
    "replace_refs",
    "rewrite",
    "size",
    "total",
    "upwards",
    "walk",
]


@dataclass(frozen=True, slots=True)
class Num:
    """A number written into the formula, such as the 0.5 of a half squared error."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A word to compare a parameter with: `reduction = "mean"`."""

    value: str


@dataclass(frozen=True, slots=True)
class Ref:
    """Another column: in the same row (lag 0) or in the row before (lag 1)."""

    name: str
    lag: int = 0


@dataclass(frozen=True, slots=True)
class Param:
    """A hyper-parameter's one cell, such as the learning rate."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a page shows instead of a formula: ∂e/∂w, a rounded number. It has no value.

    `shown` is one of the atoms that `bpsheet.printers.atoms` knows.
    """

    shown: Hashable


@dataclass(frozen=True, slots=True)
class Lookup:
    """The value of a data table for an example; `row` gives the example's number (from 1).

    `column` gives the number of the column (from 1) where the table has several.
    """

    table: str
    row: Expr
    column: Expr | None = None


@dataclass(frozen=True, slots=True)
class Neg:
    """Minus one operand."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Sum:
    """Two or more terms, added from left to right."""

    terms: tuple[Expr, ...]

    def __post_init__(self) -> None:
        if len(self.terms) < 2:
            raise ProgramError(f"a sum has at least two terms; got {len(self.terms)}")


@dataclass(frozen=True, slots=True)
class Sub:
    """left − right."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Mul:
    """left × right."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Div:
    """left ÷ right."""

    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Pow:
    """base to the power of exponent."""

    base: Expr
    exponent: Expr


@dataclass(frozen=True, slots=True)
class Call:
    """A known function (see `bpsheet.formula.functions`) of its arguments."""

    function: str
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison: `=`, `<>`, `<`, `<=`, `>` or `>=`. As a number it is 1 or 0."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class If:
    """`then` where the test holds, else `otherwise`. Only the chosen side is computed."""

    test: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation on whole arrays, such as the product of two matrices.

    `kind` is one of the rows of `bpsheet.formula.arrays.OPERATIONS`. A program's cells have none:
    each cell has its own formula, in which the operation is written out.
    """

    kind: str
    operands: tuple[Expr, ...]


Expr = (
    Num
    | Text
    | Ref
    | Param
    | Symbol
    | Lookup
    | Neg
    | Sum
    | Sub
    | Mul
    | Div
    | Pow
    | Call
    | Compare
    | If
    | Operation
)

LEAVES = frozenset({Num, Text, Ref, Param, Symbol})

ZERO = Num(0.0)
ONE = Num(1.0)


def _none(_: Any) -> tuple[Expr, ...]:
    return ()


def _of_lookup(node: Lookup) -> tuple[Expr, ...]:
    return (node.row,) if node.column is None else (node.row, node.column)


def _of_neg(node: Neg) -> tuple[Expr, ...]:
    return (node.operand,)


# The operands of each kind of node. (A table, for matching a node against each kind takes five times
# as long, and every reader of formulas comes by here.)
_OPERANDS: Mapping[type, Callable[[Any], tuple[Expr, ...]]] = {
    **dict.fromkeys(LEAVES, _none),
    **dict.fromkeys((Sub, Mul, Div, Compare), attrgetter("left", "right")),
    Lookup: _of_lookup,
    Neg: _of_neg,
    Sum: attrgetter("terms"),
    Pow: attrgetter("base", "exponent"),
    Call: attrgetter("arguments"),
    If: attrgetter("test", "then", "otherwise"),
    Operation: attrgetter("operands"),
}


def children(expr: Expr) -> tuple[Expr, ...]:
    """The operands of a node, from left to right."""
    try:
        return _OPERANDS[type(expr)](expr)
    except KeyError:
        raise ProgramError(f"not a formula node: {expr!r}") from None


def rebuild(expr: Expr, operands: tuple[Expr, ...]) -> Expr:
    """The same node over other operands (as many as `children` gives)."""
    match expr:
        case Num() | Text() | Ref() | Param() | Symbol():
            return expr
        case Lookup(table, _):
            return Lookup(table, *operands)
        case Sum():
            return Sum(operands)
        case Call(function, _):
            return Call(function, operands)
        case Compare(operator, _, _):
            return Compare(operator, *operands)
        case Operation(kind, _):
            return Operation(kind, operands)
        case _:
            return type(expr)(*operands)


def walk(expr: Expr) -> Iterator[Expr]:
    """Every node of the tree, parents before children, from left to right."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if type(node) not in LEAVES:
            stack.extend(children(node)[::-1])


def upwards(expr: Expr, below: Callable[[Expr], tuple[Expr, ...]] = children) -> list[Expr]:
    """Every node of the tree, operands before what uses them, from left to right.

    `below` gives the operands that are followed. Whoever works upwards needs no recursion, and
    a formula may be as deep as it likes.
    """
    found, waiting = [], [expr]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting.extend(below(node))
    return found[::-1]


def nodes_of(expr: Expr) -> Iterator[Expr]:
    """Every node of the tree, parents before children, from left to right.

    A derivative has the same parts in many places: each is looked through once.
    """
    seen: set[int] = set()
    waiting = [expr]
    while waiting:
        node = waiting.pop()
        yield node
        if type(node) not in LEAVES and id(node) not in seen:
            seen.add(id(node))
            waiting.extend(children(node)[::-1])


def references(expr: Expr) -> dict[Ref, None]:
    """The columns that a formula refers to, in order of first appearance."""
    return {node: None for node in nodes_of(expr) if isinstance(node, Ref)}


def depth(expr: Expr) -> int:
    """The number of nodes on the longest way from the root to a leaf."""
    level, count = [expr], 0
    while level:
        level = [operand for node in level for operand in children(node)]
        count += 1
    return count


def size(expr: Expr) -> int:
    """The number of nodes in the tree."""
    return sum(1 for _ in walk(expr))


def replace_refs(expr: Expr, replacement: Callable[[Ref], Expr] | Mapping[Ref, Expr]) -> Expr:
    """The formula with references replaced, for example by the formulas of other columns.

    >>> replace_refs(Neg(Ref("z")), {Ref("z"): Num(2.0)})
    Neg(operand=Num(value=2.0))
    """
    if isinstance(replacement, Mapping):
        table = replacement
        return replace_refs(expr, lambda ref: table.get(ref, ref))
    replaced = replacement
    return rewrite(expr, lambda node: replaced(node) if isinstance(node, Ref) else node)


def rewrite(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """The formula with each part changed, operands before what uses them.

    >>> rewrite(Neg(Num(2.0)), lambda node: node.operand if isinstance(node, Neg) else node)
    Num(value=2.0)
    """
    made: list[Expr] = []
    for node in upwards(expr):
        operands = children(node)
        first = len(made) - len(operands)
        made[first:] = [change(rebuild(node, tuple(made[first:])) if operands else node)]
    return made[0]


def total(terms: tuple[Expr, ...] | list[Expr]) -> Expr:
    """The sum of any number of terms: 0 for no term, the term itself for one."""
    if not terms:
        return ZERO
    return terms[0] if len(terms) == 1 else Sum(tuple(terms))
