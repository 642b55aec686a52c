"""Experiments with some numbers changed, and runs of another length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.errors import ExperimentError
from tests.helpers.experiment_files import GOOD, WEIGHTS, edited, read
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments


@pytest.mark.parametrize(
    ("key", "value", "column"),
    [
        ("w_xg1", 0.7, "w_xg1"),
        ("w_xg0", -3.0, "w_xg0"),
        ("w_gf1", 2, "w_gf1"),
        ("x1[1]", 5.0, "x1"),
        ("y[1]", 0.25, "y"),
    ],
)
def test_a_changed_number_stands_in_the_first_row(key, value, column):
    experiment = read(GOOD)
    before = experiment.to_dict()
    changed = experiment.changed({key: value})
    first, old = changed.run().frame.iloc[0], experiment.run().frame.iloc[0]
    assert first[column] == value
    assert old[column] != value
    assert experiment.to_dict() == before
    inputs = [
        c.name for c in experiment.columns if c.phase in ("input", "weight") and c.name in first
    ]
    assert [name for name in inputs if first[name] != old[name]] == [column]


def test_hyper_parameters_can_be_changed():
    changed = read(GOOD).changed(
        {"learning_rate": 0.5, "batch_size": 2, "reduction": "mean", "iterations": 9}
    )
    training = changed.training
    assert (training.learning_rate, training.batch_size) == (0.5, 2)
    assert (training.reduction, training.iterations) == ("mean", 9)
    assert len(changed.run()) == 9


@pytest.mark.parametrize("method", ["xavier_uniform", "uniform"])
def test_changing_one_drawn_weight_leaves_the_others_as_they_were_drawn(method):
    """The biases too, which the method uniform draws and the others leave at 0."""
    given_ones = (WEIGHTS, "weights = [[0.5]]", "bias = [0.3]", "bias = [-0.2]")
    text = edited(*((line, "") for line in given_ones)).replace("xavier_uniform", method)
    experiment = read(text)
    changed = experiment.changed({"w_xg2": 9.0})
    start = {c.name: c.start for c in experiment.columns if c.phase == "weight"}
    other = {c.name: c.start for c in changed.columns if c.phase == "weight"}
    assert other == start | {"w_xg2": 9.0}
    assert start["w_gf1"] != 0
    assert (start["w_xg0"] != 0) is (method == "uniform")


def test_data_whose_columns_stand_in_another_order_are_changed_in_the_right_one():
    text = edited(
        ('columns = ["x1", "x2", "y"]', 'columns = ["y", "x2", "x1"]'),
    )
    changed = read(text).changed({"x1[2]": 7.0})
    assert changed.data.examples == [[-0.9, 0.1, 1.0], [0.4, 0.2, 7.0]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"w_xg9": 1.0}, 'w_xg9: no such number; did you mean "w_xg'),
        ({"x1[3]": 1.0}, "x1[3]: no such number"),
        ({"x1[0]": 1.0}, "x1[0]: no such number"),
        ({"g": 1.0}, "g: no such number"),
        ({"learning_rate": "fast"}, "learning_rate: a number expected"),
        ({"learning_rate": math.nan}, "a finite number expected"),
        ({"iterations": 0}, "a number of at least 1 expected; got 0"),
        ({"batch_size": 5}, "at most 2, the number of examples"),
        ({"w_xg1": math.inf}, "a finite number expected"),
        ({"w_xg0": math.inf}, "finite numbers expected"),
        ({"w_xg0": "a"}, "w_xg0: a number expected"),
    ],
)
def test_what_cannot_be_changed_is_refused(changes, said):
    with pytest.raises(ExperimentError) as caught:
        read(GOOD).changed(changes)
    assert said in str(caught.value)


def test_all_wrong_names_are_reported_together():
    with pytest.raises(ExperimentError) as caught:
        read(GOOD).changed({"one": 1.0, "two": 2.0})
    assert len(caught.value.problems) == 2


@given(experiments(), st.integers(1, 9))
@draws(40)
def test_a_run_of_another_length_begins_or_continues_the_same(experiment, iterations):
    assume(experiment.iterations != iterations)
    one, other = experiment.run().values, experiment.run(iterations).values
    assert len(other) == iterations
    shared = min(len(one), len(other))
    np.testing.assert_array_equal(one[:shared], other[:shared])


def test_a_plan_of_another_length_takes_over_its_quantities():
    """They take most of the time. Whatever else changes makes them anew."""
    plan = bp.load("iris")
    longer = plan.of_length(7)
    assert longer.columns is plan.columns
    anew = bp.Experiment.from_dict(longer.to_dict())
    assert anew.run().values.tobytes() == longer.run().values.tobytes()
    assert plan.changed({"iterations": 7, "learning_rate": 0.5}).columns is not plan.columns
