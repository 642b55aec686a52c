"""By how much rounding may move what follows from typed answers, as formulas.

A typed answer stands for all numbers that round to it. To first order, half the width of what follows
is the sum of the half widths of what it uses, each times the partial derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bpsheet.errors import LimitError
from bpsheet.exercises.livemarks import HALF, Candidate
from bpsheet.formula.derivative import derivatives
from bpsheet.formula.tree import ZERO, Expr, Ref, replace_refs
from bpsheet.hand.following import WIDE_DIGITS
from bpsheet.hand.student import TOGETHER

__all__ = ["followed_width", "typed_width"]

# The most characters of a formula.
MAX_FORMULA = 8_192


def followed_width(formula: Expr, widths: Mapping[Ref, str], text: Callable[[Expr], str]) -> str:
    """Half the width of a formula's value, from the cells of the half `widths` of its references.

    `text` prints a formula. Rounding is taken to move nothing where a derivative is an error, or is
    too long for a cell.
    """
    # A derivative is one by a column of the same row, and so each reference becomes one for a while.
    columns = {ref: Ref(str(number)) for number, ref in enumerate(widths)}
    back = {column: ref for ref, column in columns.items()}
    try:
        slopes = derivatives(replace_refs(formula, columns), {column.name for column in back})
    except LimitError:
        return "0"
    moves = [
        f"ABS({text(replace_refs(slope, back))})*{widths[back[Ref(name)]]}"
        for name, slope in slopes.items()
        if slope != ZERO
    ]
    width = f"IFERROR({TOGETHER}*({'+'.join(moves)}),0)" if moves else "0"
    return width if len(width) < MAX_FORMULA else "0"


def typed_width(row: int, candidates: Sequence[Candidate], otherwise: str) -> str:
    """Half the width of what a row's answer stands for; `otherwise` is that of what follows, if blank.

    With few digits, not everything that rounds to a right answer is believed to have been it.
    """
    off = ",".join(
        f"IF({one.agrees}{row},ABS(J{row}-{one.value}{row}*10^I{row}),0)" for one in candidates
    )
    right = ",".join(f"{one.agrees}{row}" for one in candidates)
    few = f"AND(ABS(J{row})<{10 ** (WIDE_DIGITS - 1)},OR({right}))"
    return f"IF(H{row},IF({few},MIN({HALF},2*MAX({off})),{HALF})/10^I{row},{otherwise})"
