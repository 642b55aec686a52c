"""Validation examples: their loss in each row, and the training that stops itself."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp

EXAMPLES = [[0.1, 0.3], [0.6, 0.5], [-0.4, 0.9]]
# Far from where the training leads: the loss there soon rises.
HELD_OUT = [[0.2, 0.4], [-0.5, -0.8]]


def experiment(**training):
    return bp.Experiment(
        network={
            "inputs": ["x"],
            "targets": ["t"],
            "loss": "half_squared_error",
            "layers": [
                {"neurons": ["h1", "h2"], "activation": "tanh", "weights": [[0.6], [-0.4]]},
                {"neurons": ["o"], "activation": "linear", "weights": [[0.5, -0.3]], "bias": [0.1]},
            ],
        },
        data={"examples": EXAMPLES},
        training={"learning_rate": 0.2, "epochs": 12} | training,
        validation={"examples": HELD_OUT},
    )


def loss_by_hand(row):
    losses = []
    for x, t in HELD_OUT:
        h = [np.tanh(row[f"w_{n}_0"] + row[f"w_{n}_1"] * x) for n in ("h1", "h2")]
        o = row["w_o_0"] + row["w_o_1"] * h[0] + row["w_o_2"] * h[1]
        losses.append((t - o) ** 2 / 2)
    return np.mean(losses)


def test_each_row_has_the_mean_loss_of_its_own_weights_over_the_validation_examples():
    trace = experiment(l2=0.1).run()
    for _, row in trace.frame.iterrows():
        assert row["validation_loss"] == pytest.approx(loss_by_hand(row), rel=1e-13)
    assert "validation_loss" in trace.validation


@pytest.mark.sample(6)
@pytest.mark.parametrize("rule", ["gradient_descent", "momentum", "adam"])
@pytest.mark.parametrize("batch_size", [1, 2, "all"])
def test_the_training_stops_when_the_patience_is_at_its_end(rule, batch_size):
    """An own loop over the recorded losses says from which row on no weight moves."""
    trace = experiment(rule=rule, batch_size=batch_size, patience=2).run()
    free = experiment(rule=rule, batch_size=batch_size).run()
    best, waited, stop = np.inf, 0, None
    for row in range(0, len(free), len(EXAMPLES)):
        loss = free.frame["validation_loss"].iloc[row]
        if row == 0 or loss < best:
            best, waited = loss, 0
        else:
            waited += 1
        if waited >= 2:
            stop = row
            break
    assert stop, "it never stops, and the test says nothing"
    assert np.array_equal(trace.weights[: stop + 1], free.weights[: stop + 1])
    assert (trace.weights.iloc[stop:] == trace.weights.iloc[stop]).all(axis=None)
    assert trace.frame["stopped"].tolist() == [0.0] * stop + [1.0] * (len(trace) - stop)


def test_a_loss_that_stays_the_same_is_not_better():
    """Nothing moves at a learning rate of 0, and the patience ends."""
    trace = experiment(learning_rate=0, patience=3).run()
    waited = trace.frame["epochs_waited"].iloc[:: len(EXAMPLES)].tolist()
    assert waited == list(range(12))
    assert trace.frame["stopped"].tolist().index(1.0) == 3 * len(EXAMPLES)


@pytest.mark.slow
def test_a_training_that_stops_is_live_in_the_sheet(tmp_path):
    pytest.importorskip("ironcalc")
    for kind in ("full", "book"):
        experiment(patience=2).run().to_excel(tmp_path / f"{kind}.xlsx", kind)
        assert bp.verify(tmp_path / f"{kind}.xlsx", changes={"patience": 1}).passed


def test_it_is_explained_written_back_and_put_on_a_page(tmp_path):
    made = experiment(patience=2)
    assert bp.Experiment.from_dict(made.to_dict()) == made
    assert made.changed({"patience": 5}).training.patience == 5
    assert "validation_loss" in str(made.run().explain(2))
    made.to_page(tmp_path / "x.html", rules=False)
    assert "validation_loss" in (tmp_path / "x.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"validation": None}, "it needs the examples of"),
        ({"validation": {"examples": [[1.0]]}}, r"2 numbers expected \(x, t\); got 1"),
        ({"validation": {"examples": []}}, "at least one example expected"),
    ],
)
def test_what_is_wrong_is_said(change, said):
    tables = experiment(patience=2).to_dict()
    for key, value in change.items():
        tables.pop(key)
        if value is not None:
            tables[key] = value
    with pytest.raises(bp.ExperimentError, match=said):
        bp.Experiment.from_dict(tables)
