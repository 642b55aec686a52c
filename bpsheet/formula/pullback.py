"""The derivatives of the loss with respect to the arrays in a formula, as formulas of arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bpsheet.formula.arrays import OPERATIONS, Shape, Shapes, shape_of, shaped_as, sum_of
from bpsheet.formula.derivative import derivatives, times
from bpsheet.formula.tree import (
    ZERO,
    Expr,
    Operation,
    Ref,
    children,
    rebuild,
    replace_refs,
    total,
)

__all__ = ["pulled_back"]


def pulled_back(
    formula: Expr, whole: Expr, shapes: Shapes, only: Collection[str] | None = None
) -> dict[str, Expr]:
    """The derivatives of the loss with respect to the arrays in a formula (or `only` some).

    `whole` is the derivative with respect to the formula's value. Equation: for Z = A B and
    D = ∂L/∂Z, the derivatives are ∂L/∂A = D Bᵀ and ∂L/∂B = Aᵀ D. What combines arrays entry by
    entry is differentiated as a formula of numbers is.

    >>> from bpsheet.formula.arrays import product
    >>> shapes = {"W": (3, 2), "a": (2,), "d": (3,)}
    >>> pulled_back(product(Ref("W"), Ref("a")), Ref("d"), shapes)["W"]
    Mul(left=Operation(kind='as column', operands=(Ref(name='d', lag=0),)), right=Ref(name='a', lag=0))
    """
    shares: dict[str, list[Expr]] = {}
    for name, share in _pulled(formula, whole, shapes, only):
        shares.setdefault(name, []).append(share)
    return {name: total(each) for name, each in shares.items()}


def _pulled(
    formula: Expr, whole: Expr, shapes: Shapes, only: Collection[str] | None
) -> Iterator[tuple[str, Expr]]:
    inner: dict[str, Operation] = {}
    by_entry = _without_operations(formula, inner)
    here = shape_of(formula, shapes)
    match whole:
        case Operation("shaped as", (repeated, _)):
            # The slopes that it is multiplied with repeat it too.
            whole = repeated
    wanted = None if only is None else {*only, *inner}
    for name, slope in derivatives(by_entry, wanted).items():
        share = times(whole, replace_refs(slope, lambda ref: inner.get(ref.name, ref)))
        if share == ZERO:
            continue
        if shape_of(share, shapes) != here:
            share = shaped_as(share, formula)
        node = inner.get(name)
        share = _fitted(share, here, shape_of(node or Ref(name), shapes))
        if node is None:
            yield name, share
            continue
        for part, derivative in OPERATIONS[node.kind].back(node, share, shapes):
            yield from _pulled(part, derivative, shapes, only)


def _without_operations(formula: Expr, found: dict[str, Operation]) -> Expr:
    """The formula with a name for each operation on arrays in it; `found` gets the operations."""
    if isinstance(formula, Operation):
        name = f"operation {len(found)}"
        found[name] = formula
        return Ref(name)
    parts = children(formula)
    return (
        rebuild(formula, tuple(_without_operations(p, found) for p in parts)) if parts else formula
    )


def _fitted(share: Expr, here: Shape, operand: Shape) -> Expr:
    """A derivative, summed over the entries for which the operand was repeated."""
    if operand == here:
        return share
    if operand == ():
        return sum_of(share)
    if operand == (here[0], 1):
        # The column is summed where the vector is that it was made of.
        return share
    return Operation("sum down", (share,))
