"""The partial derivatives of one formula, as formulas.

They are the local factors of the chain rule. `bpsheet.program.backward` multiplies and adds
them, from the loss back to the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from bpsheet.errors import LimitError, ProgramError
from bpsheet.formula.filling import fill
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.kinks import sides_at_kinks
from bpsheet.formula.tree import (
    ONE,
    ZERO,
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Pow,
    Ref,
    Sub,
    Sum,
    children,
    references,
    total,
    upwards,
)

__all__ = ["derivatives", "differentiate", "times"]

# A cell's formula has a few thousand parts at the most.
MOST_PARTS = 100_000


def differentiate(expr: Expr, name: str) -> Expr:
    """The partial derivative of a formula with respect to a column of the same row.

    The result is not simplified, except that factors 1 and terms 0 are left out where
    differentiation itself brought them in. At a kink the slope is that of one side (see
    `bpsheet.formula.kinks`). Raises ProgramError for a node without derivative,
    LimitError where the result would be vast.

    >>> differentiate(Mul(Num(2.0), Ref("z")), "z")
    Num(value=2.0)
    """
    return derivatives(expr, {name}).get(name, ZERO)


def derivatives(expr: Expr, only: Collection[str] | None = None) -> dict[str, Expr]:
    """The partial derivatives of a formula by the column's name, in order of appearance.

    One walk, operands before what uses them, gives all of them (or `only` some): a formula
    over thousands of cells is neither walked once for each cell nor descended by recursion.
    """
    found: list[dict[str, Expr]] = []
    nodes = upwards(expr, _followed)
    sides = sides_at_kinks(expr, nodes)
    for node in nodes:
        first = len(found) - len(_followed(node))
        found[first:] = [_combined(node, found[first:], only, side=sides.get(id(node)))]
    _refuse_vast(found[0])
    return found[0]


def _refuse_vast(slopes: Mapping[str, Expr]) -> None:
    """Refuse derivatives that nobody could hold: nested choices repeat what they choose from.

    Here a part that stands in many places is one object, so that counting takes little.
    """
    counts: dict[int, int] = {}
    waiting = list(slopes.values())
    while waiting:
        node = waiting[-1]
        missing = [part for part in children(node) if id(part) not in counts]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        counts[id(node)] = 1 + sum(counts[id(part)] for part in children(node))
    for name, derivative in slopes.items():
        if counts[id(derivative)] > MOST_PARTS:
            raise LimitError(
                f"the derivative with respect to {name} would have {counts[id(derivative)]:,} "
                f"parts; {MOST_PARTS:,} at the most. Write the formula as several shorter ones"
            )


def _followed(node: Expr) -> tuple[Expr, ...]:
    """The operands whose derivatives are needed for the derivative of a node."""
    # A comparison is a step: its derivative is 0 wherever it has one.
    return () if isinstance(node, Compare | Lookup) else children(node)


def _combined(
    node: Expr, parts: list[dict[str, Expr]], only: Collection[str] | None, *, side: bool | None
) -> dict[str, Expr]:
    """The derivatives of a node, from those of its operands (which are used up).

    `side` is the one that it takes at a kink, where the kink meets others.
    """
    match node:
        case Ref(name, lag):
            return {name: ONE} if lag == 0 and (only is None or name in only) else {}
        case Compare() | Lookup():
            used = [r.name for r in references(node) if r.lag == 0]
            used = [name for name in used if only is None or name in only]
            if used and isinstance(node, Lookup):
                raise ProgramError(f"no derivative of Lookup with respect to {used[0]}")
            return dict.fromkeys(used, ZERO)
        case Sum():
            return _added(parts)
        case Sub():
            whole, subtracted = parts
            for name, slope in subtracted.items():
                whole[name] = _difference(whole.get(name, ZERO), slope)
            return whole
    if not parts:
        return {}
    slope_of = _rule(node, side=side)
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: slope_of([part.get(name, ZERO) for part in parts]) for name in names}


def _added(parts: list[dict[str, Expr]]) -> dict[str, Expr]:
    """The derivatives of a sum. A column that one term alone uses keeps that term's derivative."""
    whole, *others = parts
    shared: dict[str, list[Expr]] = {}
    for part in others:
        for name, slope in part.items():
            if name in whole:
                shared.setdefault(name, [whole[name]]).append(slope)
            else:
                whole[name] = slope
    for name, slopes in shared.items():
        whole[name] = total([slope for slope in slopes if slope != ZERO])
    return whole


def _rule(node: Expr, *, side: bool | None) -> Callable[[list[Expr]], Expr]:
    """The rule that makes the derivative of a node from the derivatives of its operands."""
    match node:
        case Neg():
            return lambda inner: _negative(inner[0])
        case Mul(left, right):
            return lambda inner: _sum_of([times(inner[0], right), times(left, inner[1])])
        case Div(left, right):
            return lambda inner: _quotient(left, right, *inner)
        case Pow(base, exponent):
            return lambda inner: _power(base, exponent, *inner)
        case If(test, _, _):
            return lambda inner: If(test, inner[1], inner[2])
        case Call(function, arguments):
            slopes = _slopes(function, arguments, side=side)
            return lambda inner: _sum_of(list(map(times, slopes, inner)))
    raise ProgramError(f"no derivative of {type(node).__name__}")


def _sum_of(terms: list[Expr]) -> Expr:
    return total([term for term in terms if term != ZERO])


def times(left: Expr, right: Expr) -> Expr:
    if ZERO in (left, right):
        return ZERO
    # `is`, not `==`: the object ONE comes from differentiation and is dropped. A 1 that the
    # source wrote (a bias's input) is another object and stays.
    if left is ONE:
        return right
    return left if right is ONE else Mul(left, right)


def _negative(operand: Expr) -> Expr:
    return ZERO if operand == ZERO else Neg(operand)


def _difference(left: Expr, right: Expr) -> Expr:
    if right == ZERO:
        return left
    return Neg(right) if left == ZERO else Sub(left, right)


def _quotient(left: Expr, right: Expr, upper: Expr, lower: Expr) -> Expr:
    """(u/v)' = u'/v − u v'/v²"""
    first = ZERO if upper == ZERO else Div(upper, right)
    second = ZERO if lower == ZERO else Div(times(left, lower), Pow(right, Num(2.0)))
    return _difference(first, second)


def _power(base: Expr, exponent: Expr, inner: Expr, upper: Expr) -> Expr:
    """(u^n)' = n u^(n−1) u' where n is constant; u^v (v' ln u + v u'/u) otherwise."""
    if isinstance(exponent, Num):
        less = exponent.value - 1
        reduced = base if less == 1 else Pow(base, Num(less))
        return times(Mul(exponent, reduced) if less else ONE, inner)
    if upper == ZERO:
        return times(Mul(exponent, Pow(base, Sub(exponent, Num(1.0)))), inner)
    outer = times(upper, Call("ln", (base,)))
    along = ZERO if inner == ZERO else Div(times(exponent, inner), base)
    return times(Pow(base, exponent), _sum_of([outer, along]))


def _slopes(function: str, arguments: tuple[Expr, ...], *, side: bool | None) -> list[Expr]:
    """The derivative of a known function with respect to each of its arguments."""
    if function in ("max", "min"):
        # At a kink the slope is the first argument's, unless other kinks there want the second's.
        if side is not None and side is not (function == "max"):
            return _shares(function, arguments[::-1])[::-1]
        return _shares(function, arguments)
    if function == "abs" and side is not None:
        (a,) = arguments
        return [If(Compare(">=" if side else ">", a, Num(0.0)), Num(1.0), Num(-1.0))]
    letters = dict(zip("ab", arguments, strict=False))
    return [fill(text, **letters) for text in FUNCTIONS[function].derivatives]


def _shares(function: str, arguments: tuple[Expr, ...]) -> list[Expr]:
    """1 for the first argument that equals the maximum or minimum, 0 for the others."""
    whole = Call(function, arguments)
    slopes: list[Expr] = []
    for index, argument in enumerate(arguments):
        slope: Expr = If(Compare("=", argument, whole), ONE, ZERO)
        for earlier in reversed(arguments[:index]):
            slope = If(Compare("=", earlier, whole), ZERO, slope)
        slopes.append(slope)
    return slopes
