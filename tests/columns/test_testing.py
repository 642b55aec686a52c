"""The columns of a test: a verdict for each example."""

from __future__ import annotations

import pytest

from tests.helpers.networks import TWO, experiment

XOR = {
    "neurons": ["o"],
    "activation": "linear",
    "weights": [[1.0, 1.0]],
    "bias": [0.0],
}


@pytest.mark.parametrize(
    ("test", "verdicts"),
    [
        # The outputs are 0.25, 0.75 and -2.
        ({"examples": [[0.25, 0, 0], [0.5, 0.25, 1], [-1, -1, 1]]}, [1, 1, 0]),
        ({"examples": [[0.25, 0, 1], [0.5, 0.25, 0], [-1, -1, 0]]}, [0, 0, 1]),
        ({"examples": [[0.25, 0, 0], [0.5, 0.25, 1]], "threshold": 0.2}, [0, 1]),
        ({"examples": [[0.25, 0, 1], [-1, -1, -1], [-1, -1, 1]], "correct": "sign"}, [1, 1, 0]),
    ],
)
def test_verdicts_say_whether_the_output_is_on_the_targets_side(test, verdicts):
    trace = experiment(XOR, test=test).run()
    names = [f"test {n + 1}" for n in range(len(verdicts))]
    assert trace.tests[names].iloc[0].tolist() == verdicts


def test_an_output_on_the_border_itself_is_right_for_neither_side():
    test = {"examples": [[0.5, 0, 1], [0.5, 0, 0]]}
    assert experiment(XOR, test=test).run().tests[["test 1", "test 2"]].iloc[0].tolist() == [0, 0]


def test_the_largest_output_must_be_the_one_with_the_largest_target():
    layer = {"neurons": ["p", "q", "r"], "weights": [[1, 0], [0, 1], [0, 0]], "bias": False}
    test = {
        "examples": [[2, 1, 1, 0, 0], [1, 2, 1, 0, 0], [1, 2, 0, 1, 0], [2, 2, 1, 0, 0]],
        "correct": "largest",
        "names": ["one", "two", "three", "tie"],
    }
    made = experiment(layer, targets=("a", "b", "c"), examples=((0,) * 5,), test=test)
    assert made.run().tests[["one", "two", "three", "tie"]].iloc[0].tolist() == [1, 0, 1, 0]


def test_several_outputs_must_all_be_right():
    layer = {"neurons": ["p", "q"], "activation": "linear", "weights": [[1, 0], [0, 1]]}
    test = {"examples": [[1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0]]}
    made = experiment(layer, targets=("a", "b"), examples=((0,) * 4,), test=test)
    assert made.run().tests[["test 1", "test 2", "test 3"]].iloc[0].tolist() == [1, 0, 0]


def test_the_test_columns_are_the_forward_pass_on_the_tests_inputs():
    """The same as presenting the example itself, and they do not touch the training."""
    made = experiment(*TWO, test={"examples": [[0.5, -1.0, 1.0]]})
    row = made.run().frame.iloc[0]
    assert row["f (test 1)"] == row["f"]
    assert row["z_g (test 1)"] == row["z_g"]
    plain = experiment(*TWO).run().frame
    assert made.run().frame[plain.columns].equals(plain)
