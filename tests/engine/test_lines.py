"""The lines of Python that a program becomes."""

from __future__ import annotations

from bpsheet.engine.engine import run
from bpsheet.engine.lines import Lines
from bpsheet.formula.tree import Num, Ref
from bpsheet.program.program import Program
from tests.helpers.one_by_one import column


def test_names_never_reach_the_generated_code():
    """A column may be called anything; the code knows it by its place."""
    evil = 'x"]); import os #'
    program = Program((column(evil, Num(1.0)), column("__class__", Ref(evil))))
    assert "import" not in Lines(program, ()).source
    assert run(program, 1).values.tolist() == [[1.0, 1.0]]
