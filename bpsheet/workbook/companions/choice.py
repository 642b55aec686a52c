"""The sheets over the rows of Steps: all of them, and which of them a workbook has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.errors import LimitError
from bpsheet.runs.longrun import IN_MEMORY
from bpsheet.runs.run import Run
from bpsheet.workbook.companions import charts, diagram, matrices, walkthrough
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.sheet import Sheet

__all__ = ["COMPANIONS", "choose_companions"]

# By their keys, in the order of the workbook.
COMPANIONS: Mapping[str, Companion] = {
    companion.key: companion
    for companion in (
        matrices.COMPANION,
        walkthrough.COMPANION,
        diagram.COMPANION,
        charts.COMPANION,
    )
}


def choose_companions(trace: Run, steps: Sheet, asked: Sequence[str] | None) -> list[Companion]:
    """The companions that are asked for; without such a list, those that fit and cost little. A layout
    may have one that is always there.

    A long run has none by default, so that writing it piece by piece gives the same workbook.
    Raises LimitError where nobody could read a companion, and what a companion's own check raises.
    """
    first = steps.layout.traits.first
    if first is not None:
        asked = [first, *(key for key in asked or () if key != first)]
    if asked is not None:
        companions = [COMPANIONS[key] for key in asked]
        for companion in companions:
            _check(companion, trace, steps)
        return companions
    if not steps.layout.traits.more or trace.values.size > IN_MEMORY:
        return []
    return [companion for companion in COMPANIONS.values() if _is_cheap(companion, trace, steps)]


def _is_cheap(companion: Companion, trace: Run, steps: Sheet) -> bool:
    """Whether a companion fits, and takes little time."""
    if not companion.cheap(trace, steps):
        return False
    try:
        _check(companion, trace, steps)
    except LimitError:
        return False
    return True


def _check(companion: Companion, trace: Run, steps: Sheet) -> None:
    if steps.rows:
        raise LimitError(
            f"the sheet {companion.name} reads a single sheet Steps, but this run fills "
            "several; ask for fewer iterations"
        )
    companion.check(trace, steps)
