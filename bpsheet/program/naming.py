"""Names for parts of formulas: what is computed already need not be written out once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bpsheet.formula.tree import Expr, Ref, children, rebuild

__all__ = ["named_formulas", "with_names"]


def named_formulas(formulas: Iterable[tuple[Expr | None, str]]) -> dict[Expr, Ref]:
    """The first name of each formula; a number or a name by itself needs none."""
    found: dict[Expr, Ref] = {}
    for formula, name in formulas:
        if formula is not None and children(formula):
            found.setdefault(formula, Ref(name))
    return found


def with_names(formula: Expr, names: Mapping[Expr, Ref]) -> Expr:
    """A formula with a name for each part that is the formula of a named quantity.

    The derivative of a = tanh(z) is 1 − tanh(z)²: where a is at hand, it is 1 − a².

    >>> from bpsheet.formula.tree import Call, Num, Pow, Sub
    >>> tanh = Call("tanh", (Ref("z"),))
    >>> with_names(Sub(Num(1.0), Pow(tanh, Num(2.0))), {tanh: Ref("a")})
    Sub(left=Num(value=1.0), right=Pow(base=Ref(name='a', lag=0), exponent=Num(value=2.0)))
    """
    if formula in names:
        return names[formula]
    parts = tuple(with_names(part, names) for part in children(formula))
    return rebuild(formula, parts) if parts else formula
