"""The row before: its values, and what stands for them in the first row.

>>> last_value("v", Num(0.0))
If(test=Compare(operator='=', left=Ref(name='iteration', lag=0), right=Num(value=1.0)), then=Num(value=0.0), otherwise=Ref(name='v', lag=1))
"""

from __future__ import annotations

from bpsheet.formula.tree import Compare, Expr, If, Num, Ref
from bpsheet.program.kinds import ITERATION

__all__ = ["at_first", "last_value"]


def at_first(first: Expr, later: Expr) -> Expr:
    """A formula for the first row, and one for the rows after it."""
    return If(Compare("=", Ref(ITERATION), Num(1.0)), first, later)


def last_value(name: str, first: Expr) -> Expr:
    """A column's value in the row before; in the first row `first`."""
    return at_first(first, Ref(name, lag=1))
