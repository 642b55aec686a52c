"""A run at a glance, for terminals and notebooks: the columns, rows and sentences to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bpsheet.formula.evaluate import ERRORS
from bpsheet.program.column import Column
from bpsheet.program.kinds import Role
from bpsheet.runs.epochs import TestsRight, epoch_means

if TYPE_CHECKING:
    from bpsheet.runs.run import FirstError, Run

__all__ = [
    "ends_of",
    "first_error_sentence",
    "loss_sentence",
    "main_columns",
    "value_text",
    "verdicts_in_words",
    "verdicts_sentence",
]

# The number of first iterations, and of last iterations, that are shown.
ENDS = 3
NUMBER_WIDTH = 9


def _number(value: float) -> str:
    return f"{value:.5g}"


def value_text(trace: Run, row: int, column: Column) -> str:
    """A value as text: five digits, an error's name, or a verdict's word."""
    index = trace.program.position[column.name]
    value = trace.values[row, index]
    if np.isnan(value):
        return ERRORS[trace.recording.code(row, index)]
    if column.labels is not None:
        return column.labels[int(value)]
    return _number(value)


def main_columns(trace: Run, width: int) -> list[Column]:
    """The most important columns: loss, outputs, targets and inputs, as far as they fit.

    A row has room for `width` characters. A group that does not fit is left out, except that some
    of the outputs are always shown.
    """
    program = trace.program
    outputs = [c for c in program if c.role is Role.OUTPUT and c.layer == program.last_layer]
    if not outputs and program.loss is None:
        # Formulas that are not trained: the last one is what the others lead to.
        outputs = [c for c in program if c.role is Role.VALUE][-1:]
    groups = [[c for c in program if c.role is Role.LOSS], outputs]
    groups += [[c for c in program if c.role is role] for role in (Role.TARGET, Role.DATA)]
    left = width - 10
    shown: list[Column] = []
    for group in groups:
        needed = [max(len(column.name), NUMBER_WIDTH) + 2 for column in group]
        if group is outputs:
            while needed and sum(needed) > max(left, needed[0]):
                needed.pop()
        elif sum(needed) > left:
            continue
        shown += group[: len(needed)]
        left -= sum(needed)
    return sorted(shown, key=lambda column: program.position[column.name])


def ends_of(trace: Run) -> list[int | None]:
    """The rows of the first and the last iterations, with None where rows are left out."""
    count, numbers = len(trace), trace.recording.iterations
    rows = list(range(count)) if count <= 2 * ENDS else [*range(ENDS), *range(count - ENDS, count)]
    step = int(numbers[1] - numbers[0]) if count > 1 else 1
    ends: list[int | None] = []
    before = int(numbers[0]) - step
    for row in rows:
        if numbers[row] > before + step:
            ends.append(None)
        ends.append(row)
        before = int(numbers[row])
    return ends


def loss_sentence(trace: Run) -> str | None:
    """A sentence with the first and the last loss; None where there is no loss.

    With several examples these are the means over the first and the last epoch.
    """
    name = trace.experiment.model.loss
    if name is None:
        return None
    column = trace.program[name]
    examples = trace.experiment.example_count
    losses = trace.values[:, trace.program.position[name]]
    if trace.is_whole and trace.first_error is None and 1 < examples <= len(trace) / 2:
        first, last = (epoch_means(part, examples)[0] for part in (losses, losses[-examples:]))
        return f"{name}: {_number(first)} over the first epoch, {_number(last)} over the last."
    numbers = trace.recording.iterations
    first, last = (value_text(trace, row, column) for row in (0, len(trace) - 1))
    return f"{name}: {first} in iteration {numbers[0]:,}, {last} in iteration {numbers[-1]:,}."


def first_error_sentence(error: FirstError | tuple[int, str, str]) -> str:
    """A sentence about the first value that a spreadsheet cannot hold."""
    iteration, column, code = error
    return (
        f"From iteration {iteration:,} on there are values that a spreadsheet cannot hold: "
        f"{column} is the first ({code})."
    )


def verdicts_in_words(last: int, count: int, first: int | None) -> str:
    """A sentence: how many tests are right at the end, and the first iteration with all right."""
    line = f"Tests right at the last iteration: {last} of {count}."
    return (
        line if first is None else f"{line} All were right for the first time at iteration {first}."
    )


def verdicts_sentence(trace: Run) -> str | None:
    """The sentence about the tests of a run in memory; None where there are no tests."""
    tests = TestsRight(trace.program)
    if not tests:
        return None
    last = int(tests.count(trace.values[-1:])[0])
    return verdicts_in_words(last, len(tests), tests.first(trace.recording))
