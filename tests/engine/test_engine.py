"""Running a program: the compiled code against one formula at a time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.engine import engine
from bpsheet.engine.engine import MAX_VALUES, run
from bpsheet.errors import LimitError
from bpsheet.formula.tree import Compare, If, Mul, Num, Param, Ref, Sub, Sum, Text
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Parameter, Program
from tests.helpers.one_by_one import assert_same, column, counting, programs
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments, graphs


@given(experiments())
@draws(60)
def test_a_networks_run_is_its_formulas_computed_one_by_one(experiment):
    assert_same(experiment.program(), experiment.iterations)


@pytest.mark.slow
@given(graphs())
@draws(40)
def test_a_graphs_run_is_its_formulas_computed_one_by_one(experiment):
    assert_same(experiment.program(), experiment.iterations)


@pytest.mark.slow
@given(programs(), st.sampled_from([1, 2, 3, 4096]))
@draws(200)
def test_any_program_runs_as_its_formulas_computed_one_by_one(program, chunk):
    """With overflows, divisions by zero and logarithms of negatives anywhere, and the fast
    code left and entered again at any row."""
    usual = engine.MOST_ROWS
    engine.MOST_ROWS = chunk
    try:
        assert_same(program, 9)
    finally:
        engine.MOST_ROWS = usual


def test_words_are_compared_with_words():
    formula = If(Compare("=", Param("reduction"), Text("mean")), Num(1.0), Num(2.0))
    for word, expected in (("mean", 1.0), ("sum", 2.0)):
        program = Program((column("o", formula),), (Parameter("reduction", word, "reduction"),))
        assert run(program, 2).values[:, 0].tolist() == [expected] * 2


def test_comparisons_are_1_or_0_and_their_product_is_both():
    n = Ref("n")
    both = Mul(Compare(">", n, Num(1.0)), Compare("<=", n, Num(3.0)))
    program = Program((*counting("n").columns[:1], column("o", both)))
    assert run(program, 4).values[:, 1].tolist() == [0.0, 1.0, 1.0, 0.0]


def test_more_values_than_memory_holds_are_refused_before_they_are_allocated():
    with pytest.raises(LimitError, match=r"100,000,001 iterations of 2 columns are 200,000,002"):
        run(counting("n"), MAX_VALUES // 2 + 1)


def test_progress_is_reported_to_the_end():
    done = []
    run(counting("n"), 10_000, done.append)
    assert done == sorted(done)
    assert len(done) > 1
    assert done[-1] == 10_000


def test_the_first_row_has_no_row_before_it():
    """A column without a first value of its own is an error there, whatever memory holds."""
    count = Column("n", Phase.INPUT, Role.ITERATION, Sum((Ref("n", 1), Num(1.0))), start=1.0)
    step = Column("d", Phase.FORWARD, Role.OUTPUT, Sub(Ref("n"), Ref("n", 1)))
    recording = run(Program((count, step)), 4)
    assert recording.first_error_row == 0
    assert recording.values[1:, 1].tolist() == [1.0, 1.0, 1.0]
