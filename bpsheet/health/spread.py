"""The spread of an overflow: the columns that it reached, when, and through which columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bpsheet.engine.recording import Recording
from bpsheet.formula.evaluate import ERRORS
from bpsheet.program.column import Column
from bpsheet.program.program import Program

__all__ = ["Reached", "spread"]


@dataclass(frozen=True)
class Reached:
    """A column that became an error.

    `iteration` counts from 1. `through` is the column of its formula that was an error before;
    it is "" for a column that overflowed itself.
    """

    column: Column
    iteration: int
    error: str
    through: str


def spread(program: Program, recording: Recording) -> list[Reached]:
    """The columns that became errors, in the order in which they became errors."""
    if not recording.errors.size:
        return []
    wrong = recording.errors != 0
    ever = np.flatnonzero(wrong.any(axis=0))
    first = {int(index): int(wrong[:, index].argmax()) for index in ever}
    reached = []
    for index in sorted(first, key=lambda index: (first[index], index)):
        row, column = first[index], program.columns[index]
        reached.append(
            Reached(
                column=column,
                iteration=recording.first_error_row + row + 1,
                error=ERRORS[int(recording.errors[row, index])],
                through=_through(program, column, row, recording.errors),
            )
        )
    return reached


def _through(program: Program, column: Column, row: int, errors: np.ndarray) -> str:
    """The first column of its formula that was an error in this row."""
    for ref in column.references:
        before = row - ref.lag
        if before >= 0 and errors[before, program.position[ref.name]]:
            return ref.name
    return ""
