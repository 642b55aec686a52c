"""What is shown of a run at a glance: its first and last rows, and the columns that say most."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.runs.overview import ends_of, main_columns, value_text


@pytest.mark.parametrize(
    ("iterations", "keep", "rows"),
    [
        (2, None, [0, 1]),
        (6, None, [0, 1, 2, 3, 4, 5]),
        (7, None, [0, 1, 2, None, 4, 5, 6]),
        (40, "last:2", [0, 1]),
        (40, "every:10", [0, 1, 2, 3, 4]),
        (70, "every:10", [0, 1, 2, None, 5, 6, 7]),
    ],
)
def test_the_first_and_the_last_rows_are_shown_and_a_gap_between(iterations, keep, rows):
    """A gap is where rows are left out; that every tenth iteration is kept makes none."""
    assert ends_of(bp.load("two-neuron").run(iterations, keep=keep)) == rows


def test_columns_are_taken_as_whole_groups_while_there_is_room(traced):
    """The loss first, then outputs, targets and inputs; they stand in the order of the run."""
    trace = traced("two-neuron", 3)
    shown = {width: [c.name for c in main_columns(trace, width)] for width in (30, 40, 50, 100)}
    assert shown[30] == shown[40] == ["f", "MSE"]
    assert shown[50] == ["y", "f", "MSE"]
    assert shown[100] == ["x1", "x2", "y", "f", "MSE"]


def test_values_are_five_digits_verdicts_words_and_errors_their_names(traced):
    trace = traced("two-neuron", 3)
    assert value_text(trace, 0, trace.program["g"]) == "-0.24492"
    tests = traced("book-perceptron")
    verdict = next(column for column in tests.program if column.labels)
    assert value_text(tests, len(tests) - 1, verdict) in verdict.labels
    exploded = traced("exploding")
    first = exploded.first_error
    column = exploded.program[first.column]
    assert value_text(exploded, first.iteration - 1, column) == first.error
