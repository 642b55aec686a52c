"""How an overflow spread: which columns it reached, when, and through which others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpsheet.engine.recording import Recording
from bpsheet.formula.evaluate import ERRORS
from bpsheet.program.program import Column, Program

__all__ = ["Reached", "spread"]


@dataclass(frozen=True)
class Reached:
    """A column that became an error: at which iteration (from 1), which error, and through
    which of the columns it uses ("" where it was none of them: it overflowed itself).
    """

    column: Column
    iteration: int
    error: str
    through: str


def spread(program: Program, recording: Recording) -> list[Reached]:
    """Every column that ever became an error, in the order in which they did."""
    if not recording.errors.size:
        return []
    wrong = recording.errors != 0
    ever = np.flatnonzero(wrong.any(axis=0))
    first = {int(place): int(wrong[:, place].argmax()) for place in ever}
    found = []
    for place in sorted(first, key=lambda place: (first[place], place)):
        row, column = first[place], program.columns[place]
        found.append(
            Reached(
                column=column,
                iteration=recording.first_error_row + row + 1,
                error=ERRORS[int(recording.errors[row, place])],
                through=_through(program, column, row, recording.errors),
            )
        )
    return found


def _through(program: Program, column: Column, row: int, errors: np.ndarray) -> str:
    """The first of the columns it refers to that was an error then."""
    for ref in column.references:
        before = row - ref.lag
        if before >= 0 and errors[before, program.position[ref.name]]:
            return ref.name
    return ""
