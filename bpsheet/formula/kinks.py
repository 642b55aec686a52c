"""Kinks at one place take one side, so that they cancel in the derivative where they cancel.

`max(a, b)`, `min(a, b)`, `abs(a - b)` and `if(a > b, …)` may have a kink where a = b: two slopes, of
which either is a convention. A formula may have several kinks there and be smooth all the same,
as softplus is, `max(z, 0) + ln(1 + exp(-abs(z)))`: it has a true slope, 0.5 at 0. On each
side of the place the formula is one smooth formula, whose slope is found if all kinks take that
same side, and only then.

The side is that of the first `relu` or `if` with such a test, which say themselves what they
are at the place; else that of the first `max` or `min`, whose slope there is its first argument's.
So `max(0, z)` alone keeps the slope 0, as in PyTorch. An `abs` that meets none of them keeps the
slope 0, also as in PyTorch; that is right in a smooth formula too, which is then an even one.

Two places are known to be one where the differences a - b are written alike, up to a sign, a
factor that is a number, or exp(a) - 1 in the place of a. Kinks in different formulas do not meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bpsheet.formula.tree import Call, Compare, Div, Expr, If, Mul, Neg, Num, Sub, Symbol, children
from bpsheet.formula.tree import rebuild as with_operands

__all__ = ["sides_at_kinks"]

ZERO_THERE = Num(0.0)
# For each comparison of a with b that chooses: whether it chooses at a = b as where a is larger.
LARGER_WHERE_EQUAL = {">": False, "<=": False, ">=": True, "<": True}


class _Kink(NamedTuple):
    """A kink at upper = lower.

    larger: whether its own slope there is that of the side where `upper` is larger; None for abs,
            which has neither
    fixed:  whether it always takes that side
    """

    node: Expr
    upper: Expr
    lower: Expr
    larger: bool | None
    fixed: bool


def sides_at_kinks(expr: Expr, nodes: Iterable[Expr]) -> Mapping[int, bool]:
    """For kinks that meet others at their place: whether to take the side where a > b.

    `nodes` are the parts of `expr` that are differentiated, in which a is the first argument and
    b the second (0 for abs). The keys are the ids of those parts.
    """
    kinks = [kink for node in nodes if (kink := _kink(node)) is not None]
    if len(kinks) < 2:
        return {}
    number = _Numbers(expr)
    placed = [(kink, *_place(kink, number)) for kink in kinks]
    sides: dict[tuple[int, int], bool] = {}
    for fixed in (True, False):
        for kink, place, turned in placed:
            if kink.larger is not None and kink.fixed is fixed:
                sides.setdefault(place, kink.larger is not turned)
    return {
        id(kink.node): sides[place] is not turned
        for kink, place, turned in placed
        if place in sides
    }


def _kink(node: Expr) -> _Kink | None:
    match node:
        case If(Compare(operator, a, b), _, _) if operator in LARGER_WHERE_EQUAL:
            return _Kink(node, a, b, LARGER_WHERE_EQUAL[operator], fixed=True)
        case Call("relu", (a,)):
            return _Kink(node, a, ZERO_THERE, larger=False, fixed=True)
        case Call("max" | "min" as name, (a, b)):
            return _Kink(node, a, b, name == "max", fixed=False)
        case Call("abs", (a,)):
            return _Kink(node, a, ZERO_THERE, None, fixed=False)
    return None


class _Numbers:
    """A number for each part of a formula, the same for parts that are written alike.

    Found from the leaves upwards: comparing trees would descend by recursion.
    """

    def __init__(self, expr: Expr) -> None:
        self.known: dict[Expr, int] = {}
        self.by_id: dict[int, int] = {}
        waiting = [expr]
        while waiting:
            node = waiting[-1]
            parts = children(node)
            missing = [part for part in parts if id(part) not in self.by_id]
            if missing:
                waiting += missing
                continue
            waiting.pop()
            alike = tuple(Symbol(self.by_id[id(part)]) for part in parts)
            self.by_id[id(node)] = self._number(with_operands(node, alike) if parts else node)

    def _number(self, shallow: Expr) -> int:
        return self.known.setdefault(shallow, len(self.known))

    def __call__(self, node: Expr) -> int:
        return self._number(node) if isinstance(node, Num) else self.by_id[id(node)]


def _place(kink: _Kink, number: _Numbers) -> tuple[tuple[int, int], bool]:
    """Where a kink is: the simplest a and b by their numbers, and whether they are turned round."""
    upper, lower, turned = kink.upper, kink.lower, False
    while True:
        match upper, lower:
            case Num(), Num():
                break
            case Num(), _:
                upper, lower, turned = lower, upper, not turned
            case Neg(inner), Num(0.0):
                upper, turned = inner, not turned
            case (Mul(Num(factor), inner) | Mul(inner, Num(factor)), Num(0.0)) if factor:
                upper, turned = inner, turned is not (factor < 0)
            case (Div(inner, Num(factor)), Num(0.0)) if factor:
                upper, turned = inner, turned is not (factor < 0)
            case Sub(first, second), Num(0.0):
                upper, lower = first, second
            case Call("exp", (inner,)), Num(1.0):
                upper, lower = inner, ZERO_THERE
            case _:
                break
    place = number(upper), number(lower)
    if isinstance(lower, Num) or place[0] < place[1]:
        return place, turned
    return place[::-1], not turned
