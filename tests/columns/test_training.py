"""Training: the order of examples, batches, update rules, and what is never updated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bpsheet.api.experiment import Experiment
from bpsheet.columns.presentation import example_order
from bpsheet.program.kinds import Phase, Role
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments


def names_of(experiment, role):
    return [column.name for column in experiment.columns if column.role is role]


# ------------------------------------------------------------------------------- order


def test_cyclic_order_presents_the_examples_in_turn():
    assert example_order("cyclic", 3, 7, 0).tolist() == [1, 2, 3, 1, 2, 3, 1]


def test_a_list_is_followed_and_begun_again():
    assert example_order([2, 2, 1], 3, 7, 0).tolist() == [2, 2, 1, 2, 2, 1, 2]


@given(st.integers(1, 9), st.integers(1, 60), st.integers(0, 2**32))
@draws(100)
def test_a_shuffled_epoch_presents_every_example_once(examples, iterations, seed):
    order = example_order("shuffled", examples, iterations, seed).tolist()
    assert len(order) == iterations
    for begin in range(0, iterations - examples + 1, examples):
        assert sorted(order[begin : begin + examples]) == list(range(1, examples + 1))


def test_every_epoch_is_shuffled_anew_and_the_seed_settles_it():
    order = example_order("shuffled", 20, 60, 7).tolist()
    assert order == example_order("shuffled", 20, 60, 7).tolist()
    assert order != example_order("shuffled", 20, 60, 8).tolist()
    assert len({tuple(order[begin : begin + 20]) for begin in (0, 20, 40)}) == 3


def test_a_longer_run_begins_with_the_shorter_one():
    for order in ("cyclic", "shuffled", [3, 1]):
        assert example_order(order, 4, 50, 7)[:9].tolist() == example_order(order, 4, 9, 7).tolist()


ROWS = [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]


def linear(order="cyclic", training=None, examples=ROWS, **data):
    """One neuron, o = w·x + b, whose weights hardly move."""
    return Experiment(
        network={
            "inputs": ["x"],
            "targets": ["y"],
            "loss": "half_squared_error",
            "layers": [
                {"neurons": ["o"], "activation": "linear", "weights": [[0.5]], "bias": [0.25]}
            ],
        },
        data={"examples": examples, "order": order, **data},
        training={"learning_rate": 0.01, **(training or {"iterations": 7})},
    )


@pytest.mark.parametrize("order", ["cyclic", "shuffled", [3, 1, 1, 2]])
def test_each_row_presents_the_example_with_its_number(order):
    experiment = linear(order)
    frame = experiment.run().frame
    expected = example_order(order, 3, 7, 0).tolist()
    assert frame["example"].tolist() == expected
    assert frame["x"].tolist() == [ROWS[n - 1][0] for n in expected]
    assert frame["y"].tolist() == [ROWS[n - 1][1] for n in expected]


def test_an_epoch_is_as_many_presentations_as_there_are_examples():
    assert linear().run().frame["epoch"].tolist() == [1, 1, 1, 2, 2, 2, 3]
    assert linear(training={"epochs": 4}).iterations == 12


def test_a_list_without_iterations_is_followed_once():
    assert linear([3, 1, 1, 2], training={"batch_size": 1}).iterations == 4


def test_the_columns_of_the_data_may_stand_in_any_order():
    turned = linear(examples=[[y, x] for x, y in ROWS], columns=["y", "x"])
    assert turned.run().frame.equals(linear().run().frame)


# --------------------------------------------------------------------- gradient descent


def test_weights_move_by_minus_the_learning_rate_times_the_gradient():
    frame = linear().run().frame
    moved = -0.01 * frame["dloss_dw_o_1"]
    assert frame["delta_w_o_1"].tolist() == moved.tolist()
    after = frame["w_o_1"] + frame["delta_w_o_1"]
    assert frame["w_o_1"].tolist()[1:] == after.tolist()[:-1]


def test_gradient_ascent_climbs_and_takes_the_same_path_as_descent_of_minus_the_loss():
    descent = linear().run().frame
    tables = linear().to_dict()
    tables["network"]["loss"] = "gaussian_log_likelihood"
    tables["training"]["rule"] = "gradient_ascent"
    ascent = Experiment(**tables).run().frame
    assert ascent["w_o_1"].tolist() == descent["w_o_1"].tolist()
    assert ascent["loss"].tolist() == (-descent["loss"]).tolist()
    assert ascent["delta_w_o_1"].tolist() == (0.01 * ascent["dloss_dw_o_1"]).tolist()


@pytest.mark.parametrize(
    ("which", "moving"),
    [({"freeze": ["w_o_0"]}, {"w_o_1"}), ({"only": ["w_o_0"]}, {"w_o_0"}), ({"only": []}, set())],
)
@pytest.mark.parametrize("batch_size", [1, 2])
def test_what_is_frozen_stays_and_has_no_adjustment(which, moving, batch_size):
    """Its gradient is still a column: a reader may want to see what it would have been."""
    experiment = linear(training={"iterations": 7, "batch_size": batch_size, **which})
    frame = experiment.run().frame
    for name in ("w_o_0", "w_o_1"):
        assert (frame[name].nunique() > 1) is (name in moving)
        assert (f"delta_{name}" in frame) is (name in moving)
        assert (f"sum_dloss_d{name}" in frame) is (name in moving and batch_size > 1)
        assert frame[f"dloss_d{name}"].all()


# -------------------------------------------------------------------------- perceptron


def test_the_perceptron_rule_moves_weights_only_where_the_output_is_wrong():
    """Δw = y · input · learning rate; against a loop of its own, on AND with targets ±1."""
    examples = [[-1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]
    order = [4, 1, 3, 2, 2, 4, 1, 1, 3, 4, 4, 2]
    experiment = Experiment(
        network={
            "inputs": ["x1", "x2"],
            "targets": ["y"],
            "layers": [
                {
                    "neurons": ["f"],
                    "activation": "sign",
                    "weights": [[-0.3, 0.4]],
                    "bias": [0.2],
                }
            ],
        },
        data={"examples": examples, "order": order},
        training={"rule": "perceptron", "learning_rate": 0.25, "iterations": 30},
    )
    frame = experiment.run().frame
    weights = np.array([0.2, -0.3, 0.4])
    for row in range(30):
        x1, x2, y = examples[order[row % len(order)] - 1]
        inputs = np.array([1.0, x1, x2])
        here = frame.iloc[row]
        assert here[["w_f_0", "w_f_1", "w_f_2"]].tolist() == pytest.approx(weights, rel=1e-14)
        output = np.sign(weights @ inputs)
        assert here["f"] == output
        step = y * inputs * 0.25 if output != y else np.zeros(3)
        assert here[["delta_w_f_0", "delta_w_f_1", "delta_w_f_2"]].tolist() == step.tolist()
        weights = weights + step
    assert names_of(experiment, Role.LOSS) == []
    assert (frame["f"].tail(12) == frame["y"].tail(12)).all()


# ----------------------------------------------------------------------------- batches

BATCHED = [[0.5, -1.0, 0.3], [1.5, 0.2, -0.4], [-0.7, 0.9, 0.8], [0.1, 0.1, 0.2], [-1.2, -0.4, 0.0]]


def two_layers(batch_size, reduction, iterations=23, order="cyclic"):
    """x1, x2 → two tanh → one linear output."""
    return Experiment(
        network={
            "inputs": ["x1", "x2"],
            "targets": ["y"],
            "loss": "half_squared_error",
            "layers": [
                {
                    "neurons": ["p", "q"],
                    "activation": "tanh",
                    "weights": [[0.3, -0.5], [0.8, 0.1]],
                    "bias": [0.1, -0.2],
                },
                {"neurons": ["o"], "activation": "linear", "weights": [[0.7, -0.6]], "bias": False},
            ],
        },
        data={"examples": BATCHED, "order": order},
        training={
            "learning_rate": 0.2,
            "batch_size": batch_size,
            "reduction": reduction,
            "iterations": iterations,
        },
    )


def by_loop(batch_size, reduction, numbers):
    """The same in NumPy: the weights of each presentation, the gradient sums, the steps."""
    w1 = np.array([[0.1, 0.3, -0.5], [-0.2, 0.8, 0.1]])
    w2 = np.array([0.7, -0.6])
    size = len(BATCHED) if batch_size == "all" else batch_size
    rows = []
    sum1, sum2, inside = np.zeros_like(w1), np.zeros_like(w2), 0
    for position, number in enumerate(numbers):
        x = np.array([1.0, *BATCHED[number - 1][:2]])
        hidden = np.tanh(w1 @ x)
        error = w2 @ hidden - BATCHED[number - 1][2]
        before = [*w1.ravel(), *w2]
        sum2 = sum2 + error * hidden
        sum1 = sum1 + np.outer(error * w2 * (1 - hidden**2), x)
        inside += 1
        sums = [*sum1.ravel(), *sum2]
        steps = np.zeros(8)
        ends_epoch = position % len(BATCHED) == len(BATCHED) - 1
        if inside == size or ends_epoch:
            scale = inside if reduction == "mean" else 1
            steps = -0.2 * np.array(sums) / scale
            w1, w2 = w1 + steps[:6].reshape(2, 3), w2 + steps[6:]
            sum1, sum2, inside = np.zeros_like(w1), np.zeros_like(w2), 0
        rows.append([*before, *sums, *steps])
    return np.array(rows)


@pytest.mark.sample(12)
@pytest.mark.parametrize("order", ["cyclic", "shuffled", [3, 3, 1, 5, 2, 4, 1]])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("batch_size", [2, 3, 4, 5, "all"])
def test_batches_do_what_a_loop_of_numpy_does(batch_size, reduction, order):
    """Weights, running sums and adjustments of all 23 presentations; 5 examples, so that
    most sizes leave a short last batch in every epoch."""
    experiment = two_layers(batch_size, reduction, order=order)
    frame = experiment.run().frame
    expected = by_loop(batch_size, reduction, example_order(order, 5, 23, 0))
    roles = (Role.WEIGHT, Role.GRADIENT_SUM, Role.ADJUSTMENT)
    found = frame[[name for role in roles for name in names_of(experiment, role)]].to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-15)


def test_the_place_in_the_batch_counts_from_1_and_begins_again_in_every_epoch():
    frame = two_layers(2, "sum", iterations=12).run().frame
    assert frame["batch_row"].tolist() == [1, 2, 1, 2, 1, 1, 2, 1, 2, 1, 1, 2]
    assert frame["batch_end"].tolist() == [0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1]


def test_a_short_last_batch_is_averaged_over_its_own_length():
    """Five examples in batches of two: the fifth stands alone, and its gradient counts whole."""
    frame = two_layers(2, "mean", iterations=5).run().frame
    fifth = frame.loc[5]
    assert fifth["delta_w_o_1"] == -0.2 * fifth["dloss_dw_o_1"]
    second = frame.loc[2]
    assert second["delta_w_o_1"] == -0.2 * second["sum_dloss_dw_o_1"] / 2


@pytest.mark.slow
@given(experiments())
@draws(40)
def test_in_any_experiment_weights_stand_still_inside_a_batch(experiment):
    """And move after its last row by the adjustment, which is 0 in all others."""
    frame = experiment.run().frame
    assume("batch_end" in frame)
    ends = frame["batch_end"].to_numpy() == 1
    weights = frame[names_of(experiment, Role.WEIGHT)].to_numpy()
    steps = frame[names_of(experiment, Role.ADJUSTMENT)].to_numpy()
    still = ~ends[:-1]
    assert (steps[~ends] == 0).all()
    assert (weights[1:][still] == weights[:-1][still]).all()
    np.testing.assert_array_equal(weights[1:], weights[:-1] + steps[:-1])


@pytest.mark.slow
@given(experiments())
@draws(40)
def test_in_any_experiment_the_running_sum_begins_anew_with_each_batch(experiment):
    frame = experiment.run().frame
    assume("batch_row" in frame)
    gradients = frame[
        [n for n in names_of(experiment, Role.GRADIENT) if f"sum_{n}" in frame]
    ].to_numpy()
    sums = frame[names_of(experiment, Role.GRADIENT_SUM)].to_numpy()
    first = frame["batch_row"].to_numpy() == 1
    np.testing.assert_array_equal(sums[first], gradients[first])
    later = ~first[1:]
    np.testing.assert_array_equal(sums[1:][later], (sums[:-1] + gradients[1:])[later])


def test_batches_of_one_need_no_columns_of_their_own():
    assert not {"batch_row", "batch_end"} & set(two_layers(1, "mean").run().frame)
    alone = linear(training={"iterations": 2, "batch_size": "all"}, examples=[[1.0, 2.0]])
    assert "batch_row" not in alone.run().frame


@pytest.mark.parametrize("change", [{"batch_size": 4}, {"reduction": "mean"}])
def test_batch_size_and_reduction_are_cells_the_formulas_do_not_depend_on_them(change):
    """Every cell of the sheet stays as it is when one of these is changed there."""
    one = two_layers(2, "sum")
    other = one.changed(change)
    assert [c.formula for c in one.columns] == [c.formula for c in other.columns]
    assert one.program().parameters != other.program().parameters
    assert not one.run().frame.equals(other.run().frame)


def test_columns_stand_in_the_order_of_the_phases():
    order = list(Phase)
    phases = [order.index(column.phase) for column in two_layers(2, "sum").columns]
    assert phases == sorted(phases)
