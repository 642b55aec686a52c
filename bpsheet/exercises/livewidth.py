"""By how much rounding may move what follows from typed answers, as formulas.

Each answer that is typed stands for all numbers that round to it. Half the width of what follows is,
to first order, the sum of theirs, each times the partial derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bpsheet.exercises.livemarks import HALF
from bpsheet.formula.derivative import derivatives
from bpsheet.formula.tree import ZERO, Expr, Ref, replace_refs
from bpsheet.hand.following import WIDE_DIGITS
from bpsheet.hand.student import TOGETHER

__all__ = ["followed_width", "typed_width"]


def followed_width(formula: Expr, widths: Mapping[Ref, str], text: Callable[[Expr], str]) -> str:
    """The half width of a formula's value, from those of the references in `widths`.

    Where a derivative is an error, rounding is taken to move nothing. `text` prints a formula.
    """
    # A derivative is with respect to a column of the same row: each reference is one, for a while.
    columns = {ref: Ref(str(number)) for number, ref in enumerate(widths)}
    back = {column: ref for ref, column in columns.items()}
    slopes = derivatives(replace_refs(formula, columns), {column.name for column in back})
    moves = [
        f"ABS({text(replace_refs(slope, back))})*{widths[back[Ref(name)]]}"
        for name, slope in slopes.items()
        if slope != ZERO
    ]
    return f"IFERROR({TOGETHER}*({'+'.join(moves)}),0)" if moves else "0"


def typed_width(row: int, agreeing: Mapping[str, str], otherwise: str) -> str:
    """The half width of what a row's answer stands for; `otherwise` that of what follows, if blank.

    `agreeing` has the column of each value with which the answer may agree, and that of whether it
    does. With few digits not everything that rounds to a right answer is believed to have been it.
    """
    off = ",".join(
        f"IF({agrees}{row},ABS(J{row}-{value}{row}*10^I{row}),0)"
        for value, agrees in agreeing.items()
    )
    right = ",".join(f"{agrees}{row}" for agrees in agreeing.values())
    few = f"AND(ABS(J{row})<{10 ** (WIDE_DIGITS - 1)},OR({right}))"
    typed = f"IF({few},MIN({HALF},2*MAX({off})),{HALF})/10^I{row}"
    return f"IF(H{row},{typed},{otherwise})"
