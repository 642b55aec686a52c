"""Numbers that were hardly worked out: nothing is explained by them, and nothing follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from bpsheet.hand.numbers import Written
from bpsheet.hand.student import Place, Values
from bpsheet.program.kinds import PRESENTED, Role
from bpsheet.program.program import Program

__all__ = ["idle_places"]

# A wrong number that stands in more cells than these, and in this share of all, was not computed.
SAME, SAME_SHARE = 3, 0.25


def idle_places(
    program: Program, values: Values, answers: Mapping[Place, Written]
) -> frozenset[Place]:
    """The places of numbers that were hardly worked out: one number all over, or given ones."""
    position = program.position
    wrong = {
        place: value.value
        for place, value in answers.items()
        if not value.agrees(float(values[place[0] - 1, position[place[1]]])) or not value.value
    }
    counts = Counter(wrong.values())
    often = max(SAME, SAME_SHARE * len(answers))
    given = {
        float(value)
        for column, value in zip(program, values[0], strict=True)
        if column.role in (*PRESENTED, Role.WEIGHT)
    }
    copies = [place for place, value in wrong.items() if value in given]
    same = [place for place, value in answers.items() if counts[value.value] > often]
    return frozenset([*same, *(copies if len(copies) > often else ())])
