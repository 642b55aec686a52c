"""What an exercise asks, and what it prints."""

from __future__ import annotations

import math
import re

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.hand.numbers import decimals_needed
from tests.helpers.exercises import printed, two_neurons
from tests.helpers.samples import small_templates


def asked(task) -> list[tuple[int, str]]:
    return [line.place for line in task.lines if line.is_asked]


def test_the_groups_ask_for_their_quantities():
    forward = [(1, name) for name in ("z_g", "g", "z_f", "f", "MSE")]
    assert asked(two_neurons("forward").task()) == forward
    backward = ["MSE'", "f'", "f_error", "g'", "g_error"]
    gradients = [f"dMSE / d{w}" for w in ("w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1")]
    assert asked(two_neurons("backward").task()) == [(1, n) for n in (*backward, *gradients)]
    update = asked(two_neurons("update").task())
    assert update[0] == (1, "delta_w_xg0")
    assert update[-1] == (2, "w_gf1")
    assert len(update) == 10


def test_the_inputs_weights_and_learning_rate_are_printed():
    given = {"lr": 0.1, "w_xg0": 0.3, "w_xg1": 0.6, "w_xg2": -0.1, "w_gf0": -0.2, "w_gf1": 0.5}
    assert printed(two_neurons().task()) == {**given, "x1": -0.9, "x2": 0.1, "y": 1.0}


def test_what_is_not_asked_but_needed_is_printed():
    assert {"g", "f", "x1"} <= printed(two_neurons("backward").task()).keys()
    assert {"dMSE / dw_gf1", "w_gf1"} <= printed(two_neurons("update").task()).keys()


def test_nothing_is_printed_that_gives_an_answer_away():
    """The gradients of g's weights are g_error times an input: they would tell it."""
    task = two_neurons("z_g", "g_error").task()
    assert asked(task) == [(1, "z_g"), (1, "g_error")]
    assert not {"z_g", "g", "f", "f_error", "g_error", "dMSE / dw_xg0"} & printed(task).keys()


# The first overflows; the others have no gradient, or nothing to update.
OTHERS = ("exploding", "book-perceptron", "formula")
NETWORKS = [name for name in small_templates() if name not in OTHERS]


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ask", ["forward", "backward", "update"])
def test_no_printed_value_is_computed_from_an_answer(name, ask):
    """But for a weight where no update is asked: it stands in the place of the update."""
    task = Exercise(bp.load(name), (ask,)).task()
    program = task.trace.program
    answers = {quantity for row, quantity in asked(task) if row == 1}
    values = [line.name for line in task.lines if line.value is not None and line.iteration == 1]
    for column in (program[quantity] for quantity in values):
        if not column.is_state:
            assert not answers & {ref.name for ref in column.references}


def test_a_weight_is_asked_as_it_is_after_the_update():
    assert asked(two_neurons("w_gf1").task()) == [(2, "w_gf1")]


def test_two_iterations_ask_twice_and_the_second_uses_the_first():
    task = two_neurons(iterations=2).task()
    assert len(asked(task)) == 50
    headings = [line.name for line in task.lines if line.is_heading]
    assert "Iteration 2: forward pass" in headings
    assert "Iteration 1: new weights" in headings


def test_without_the_update_the_second_iterations_weights_are_printed():
    task = two_neurons("forward", iterations=2).task()
    second = [line for line in task.lines if line.place == (2, "w_gf1")]
    assert second[0].value == task.trace.frame.loc[2, "w_gf1"]


def test_within_a_batch_adjustments_are_not_asked():
    """The weights of n-samples move on every fourth row."""
    task = Exercise(bp.load("n-samples"), ("update",), iterations=4).task()
    places = asked(task)
    assert {row for row, name in places if name.startswith("delta")} == {4}
    assert {row for row, name in places if re.match("[wb][12]_", name)} == {5}
    headings = [line.name for line in task.lines if line.is_heading]
    assert "Iteration 3: The weights stay as they are until the batch ends" in headings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ask": ("forwards",)}, 'did you mean "forward"'),
        ({"ask": ("x1",)}, "x1"),
        ({"ask": ()}, "nothing is asked"),
        ({"iterations": 0}, "iterations: 1 to 50 expected; got 0"),
        ({"digits": 11}, "digits: 1 to 10 expected; got 11"),
        ({"vary": ("targets",)}, "known are weights, data"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_does_not_fit_is_refused(options, said):
    with pytest.raises(bp.ExperimentError, match=re.escape(said)):
        Exercise(bp.load("two-neuron"), **options)


@pytest.mark.slow
def test_more_than_a_sheet_holds_is_refused():
    task = Exercise(bp.load("iris"), iterations=50).task()
    with pytest.raises(bp.LimitError, match=r"at most 1,000. Ask for fewer"):
        _ = task.lines


def test_decimals_for_significant_digits():
    assert decimals_needed(0.0001, 3) == 6
    assert decimals_needed(123.4, 3) == 0
    assert decimals_needed(math.nan, 3) == 0


def asked_of(name, **how):
    task = Exercise(bp.load(name), **how).task()
    return task, [line.name for line in task.lines if line.is_asked]


def test_softmax_is_asked_as_textbooks_write_it():
    """e^z, not e^(z − the largest z), which nobody works by hand; the outputs are the same."""
    task, asked = asked_of("iris")
    row = task.trace.frame.loc[1]
    assert "max_z2" not in asked
    assert row["exp_p_setosa"] == math.exp(row["z_p_setosa"])
    run = bp.load("iris").run(2).frame.loc[1]
    for name in ("p_setosa", "loss", "dloss / dz_p_setosa"):
        assert row[name] == pytest.approx(run[name], rel=1e-12)


def test_what_is_the_same_whatever_one_does_is_not_asked():
    """A constant derivative; a gradient times an input of 0, and the weight that it leaves as it is."""
    _, asked = asked_of("log-likelihood")
    assert "dy1 / ds_y1" not in asked
    task, asked = asked_of("n-samples")
    assert task.trace.frame.loc[1, "x_1"] == 0
    assert "dC / dw1_11" not in asked
    assert "sum_dC / dw1_11" not in asked
    assert "dC / db1_1" in asked
