"""Problems of an experiment file are reported all at once, each on a line of its own."""

from __future__ import annotations

import pytest

from bpsheet.errors import ExperimentError
from tests.helpers.experiment_files import (
    CYCLIC,
    EXAMPLES,
    LAYER1,
    LAYER2,
    LONG,
    LOSS,
    WEIGHTS,
    edited,
    read,
    refusal,
)


def test_every_problem_is_reported_at_once():
    """Types, unknown keys, shapes and words, in one report."""
    found = refusal(
        edited(
            ("learning_rate = 0.1", "learning_rate = true"),
            ("batch_size = 1", "batchsize = 1"),
            (WEIGHTS, "weights = [[0.6, -0.1, 0.2]]"),
            ("bias = [-0.2]", "bias = [-0.2, 1.0]"),
            ('activation = "tanh"', 'activation = "tahn"'),
            (EXAMPLES, "examples = [[-0.9, 0.1, 1.0], [0.4, 0.2]]"),
            (LOSS, 'loss = "crossentropy"'),
            ("[[-1, -1, 0], [1, 1, 1]]", "[[-1, -1], [1, 1, 1]]"),
        )
    )
    assert {
        "training.learning_rate",
        "training.batchsize",
        f"{LAYER1}.activation",
        "data.examples[2]",
        "network.loss",
        "test.examples[1]",
    } <= set(found)


def test_shapes_are_checked_beside_wrong_types():
    found = refusal(
        edited(
            ("learning_rate = 0.1", 'learning_rate = "fast"'),
            (WEIGHTS, "weights = [[0.6, -0.1, 0.2]]"),
            ("bias = [-0.2]", "bias = [-0.2, 1.0]"),
            (CYCLIC, "order = [7]"),
        )
    )
    assert set(found) == {
        "training.learning_rate",
        f"{LAYER1}.weights",
        f"{LAYER2}.bias",
        "data.order[1]",
    }


def test_the_report_says_how_many_and_lists_each_on_a_line():
    with pytest.raises(ExperimentError) as caught:
        read(edited(("learning_rate = 0.1", "learning_rate = true"), (LONG, "iterations = 0")))
    first, *lines = str(caught.value).split("\n")
    assert first == "x.toml: 2 problems"
    assert lines == [
        "  training.learning_rate: a number expected; got true (a boolean)",
        "  training.iterations: a number of at least 1 expected; got 0",
    ]


def test_long_values_are_cut_short_in_messages():
    long, short = (
        refusal(edited(('rule = "gradient_descent"', f'rule = "{"x" * count}"')))["training.rule"]
        for count in (5000, 1)
    )
    assert len(long) < len(short) + 70


def test_a_wrong_needed_key_does_not_silence_the_rest():
    """Inputs that cannot be read leave the loss, the activation and the rate to be looked at."""
    text = edited(
        ('inputs = ["x1", "x2"]', 'inputs = ["x1", 3]'),
        ('loss = "half_squared_error"', 'loss = "half"'),
        ('activation = "tanh"', 'activation = "tahn"'),
    )
    assert refusal(text).keys() == {"network.inputs[2]", "network.loss", f"{LAYER1}.activation"}
