"""How many operations a forward and a backward pass take."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.gradients.studies import by_size, operations


def test_operations_are_those_that_a_person_counts():
    """z = 1·w0 + x·w1, y = tanh z, e = ½(t − y)²: by hand, operation for operation."""
    experiment = bp.Experiment(
        network={
            "inputs": ["x"],
            "targets": ["t"],
            "loss": "half_squared_error",
            "layers": [{"neurons": ["y"], "activation": "tanh"}],
        },
        data={"examples": [[1.0, 2.0]]},
        training={"iterations": 1},
    )
    found = operations(experiment.program())
    # Forward: 1·w0, x·w1, +; tanh; t − y, ^2, 0.5·.
    assert found["forward"].to_dict() == {
        "additions": 2, "multiplications": 3, "divisions": 0, "powers": 1, "functions": 1,
        "comparisons": 0, "total": 7,
    }  # fmt: skip
    # Backward: −(t − y); 1 − y²; the error's product; two gradients.
    assert found.loc["total", "backward"] == 6
    assert found.loc["total", "brute force"] == 3 * 7


@pytest.mark.slow
def test_the_gradient_costs_about_one_forward_pass_more_at_any_size():
    frame = by_size([1, 4, 16, 64])
    assert frame["backward/forward"].between(0.4, 1.5).all()
    assert (frame["brute/forward"] == frame["weights"] + 1).all()
