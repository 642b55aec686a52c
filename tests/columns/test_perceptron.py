"""The perceptron's rule with the targets 0 and 1, as a plain loop computes it."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp

AND = [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]


def perceptron(examples=AND, **training):
    layer = {"neurons": ["o"], "activation": "step", "weights": [[0.3, -0.1]], "bias": [0.2]}
    return bp.Experiment(
        network={"inputs": ["x1", "x2"], "targets": ["t"], "layers": [layer]},
        data={"examples": examples},
        training={"rule": "perceptron", "learning_rate": 0.1, "epochs": 10} | training,
        test={"examples": examples},
    )


def test_a_step_perceptron_learns_as_a_plain_loop_does():
    trace = perceptron().run()
    weights = np.array([0.2, 0.3, -0.1])
    for index in range(len(trace)):
        row = trace.frame.iloc[index]
        assert row[["w_o_0", "w_o_1", "w_o_2"]].tolist() == weights.tolist()
        *inputs, target = AND[index % 4]
        output = float(weights @ [1.0, *inputs] > 0)
        assert row["o"] == output
        weights = weights + 0.1 * (target - output) * np.array([1.0, *inputs])
    last = trace.frame.iloc[-1]
    assert [last[f"test {n}"] for n in (1, 2, 3, 4)] == [1, 1, 1, 1]


@pytest.mark.slow
def test_a_step_perceptron_recalculates_in_a_spreadsheet(tmp_path):
    pytest.importorskip("ironcalc")
    perceptron().run().to_excel(tmp_path / "x.xlsx")
    assert bp.verify(tmp_path / "x.xlsx").passed


def test_its_targets_are_0_and_1():
    with pytest.raises(bp.ExperimentError, match="needs targets of 0 or 1; got -1"):
        perceptron([[0.0, 0.0, -1.0]])


def test_a_step_has_no_slope_for_other_rules():
    with pytest.raises(bp.ExperimentError, match="step has no slope to descend"):
        perceptron(rule="momentum")
