"""Numbers of each student's own."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.program.kinds import Role
from tests.helpers.exercises import BOTH, printed, two_neurons
from tests.helpers.samples import small_templates


@pytest.mark.parametrize("name", [n for n in small_templates() if n != "exploding"])
def test_numbers_are_short_and_no_neuron_is_saturated(name):
    task = Exercise(bp.load(name), vary=BOTH, seed=2).task("Ada")
    program = task.trace.program
    for line in task.lines:
        if isinstance(line.value, float) and line.iteration == 1:
            assert len(f"{line.value:g}".strip("-0.").replace(".", "")) <= 2, line
    for column in program:
        value = abs(task.trace.values[0, program.position[column.name]])
        if column.role is Role.OUTPUT_DERIVATIVE:
            assert value >= 0.04
        if column.role is Role.ERROR:
            assert value >= 0.001


def test_numbers_differ_between_students_and_seeds_and_stay_for_the_same():
    ada = printed(two_neurons(vary=BOTH).task("Ada"))
    assert printed(two_neurons(vary=BOTH).task("Ada")) == ada
    assert printed(two_neurons(vary=BOTH).task("Bob")) != ada
    assert printed(two_neurons(vary=BOTH, seed=1).task("Ada")) != ada


def test_only_what_is_named_is_varied():
    base = printed(two_neurons().task())
    weights = printed(two_neurons(vary=("weights",)).task("Ada"))
    assert {n: weights[n] for n in ("x1", "x2", "y", "lr")} == {
        n: base[n] for n in ("x1", "x2", "y", "lr")
    }
    data = printed(two_neurons(vary=("data",)).task("Ada"))
    assert data["w_xg0"] == base["w_xg0"]
    assert data["x1"] != base["x1"]


def test_where_no_nice_numbers_are_found_it_says_so():
    """An input of a thousand saturates tanh whatever its weight is."""
    large = bp.load("two-neuron").changed({"x1[1]": 1000.0})
    with pytest.raises(bp.ExperimentError, match="saturate a neuron or give a gradient of zero"):
        Exercise(large, vary=("weights",)).task("Ada")
