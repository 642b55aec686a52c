"""The formulas of the package's tables as trees, with operands in place of their letters."""

from __future__ import annotations

from functools import cache

from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Expr, replace_refs

__all__ = ["expand", "fill"]


@cache
def _parsed(text: str, names: tuple[str, ...]) -> Expr:
    return parse_formula(text, names)


def fill(text: str, **operands: Expr) -> Expr:
    """The tree of a formula from a table, with its letters replaced by operands.

    >>> from bpsheet.formula.tree import Ref
    >>> fill("1 - y^2", y=Ref("g"))
    Sub(left=Num(value=1.0), right=Pow(base=Ref(name='g', lag=0), exponent=Num(value=2.0)))
    """
    template = _parsed(text, tuple(operands))
    return replace_refs(template, lambda ref: operands.get(ref.name, ref))


def expand(name: str, argument: Expr, *, guard: bool) -> Expr:
    """A function that spreadsheets lack, written with functions that they have.

    `guard` asks for the form that no argument makes overflow, where there is one.
    """
    function = FUNCTIONS[name]
    return fill(function.guarded if guard and function.guarded else function.spelled, a=argument)
