"""The lines of Python that a program becomes."""

from __future__ import annotations

import numpy as np

from bpsheet.engine.engine import run
from bpsheet.engine.lines import Lines
from bpsheet.formula.tree import Num, Ref
from bpsheet.program.program import Program
from tests.helpers.one_by_one import assert_same, column, counting


def test_names_never_reach_the_generated_code():
    """A column may be called anything; the code knows it by its place."""
    evil = 'x"]); import os #'
    program = Program((column(evil, Num(1.0)), column("__class__", Ref(evil))))
    assert "import" not in Lines(program, ()).source
    assert run(program, 1).values.tolist() == [[1.0, 1.0]]


def test_a_row_that_cannot_be_computed_is_told_and_those_before_it_are_there():
    lines = Lines(counting("1/(n - 3)"), ())
    rows = np.zeros((5, 2))
    assert lines.compute(rows, None) == 2
    assert rows[:2].tolist() == [[1.0, -0.5], [2.0, -1.0]]


def test_rows_go_on_from_the_row_before():
    lines = Lines(counting("n*n"), ())
    rows = np.zeros((3, 2))
    assert lines.compute(rows, np.array([7.0, 49.0])) == 3
    assert rows.tolist() == [[8.0, 64.0], [9.0, 81.0], [10.0, 100.0]]


def test_states_that_need_one_another_move_on_at_once():
    """Each takes the other's value of the row before, not the one that was just computed."""
    one = column("a", Ref("b", 1), start=1.0)
    other = column("b", Ref("a", 1), start=2.0)
    recording = assert_same(Program((one, other)), 4)
    assert recording.values.tolist() == [[1.0, 2.0], [2.0, 1.0], [1.0, 2.0], [2.0, 1.0]]


def test_what_is_computed_ahead_is_handed_in_where_it_is_used():
    program = counting("n*n")
    lines = Lines(program, (0,))
    assert (lines.loop, lines.handed_in) == ([1], [0])
    rows = np.array([[3.0, 0.0], [5.0, 0.0]])
    assert lines.compute(rows, None) == 2
    assert rows[:, 1].tolist() == [9.0, 25.0]
