"""A table of an experiment file by itself: unknown keys, missing ones, values of another kind."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from tests.helpers.experiment_files import (
    CYCLIC,
    EXAMPLES,
    FIRST,
    LAYER1,
    LONG,
    LOSS,
    WEIGHTS,
    edited,
    refusal,
)

REFUSED = [
    # Unknown keys, with the nearest known one.
    (
        "batch_size = 1",
        "batchsize = 1",
        "training.batchsize",
        'unknown key; did you mean "batch_size"?',
    ),
    (
        'activation = "tanh"',
        'activaton = "tanh"',
        f"{LAYER1}.activaton",
        'did you mean "activation"?',
    ),
    ("[initial]", "[intial]", "intial", 'unknown key; did you mean "initial"?'),
    ("seed = 1", "zzz = 1", "initial.zzz", "unknown key; known here: method, range, seed"),
    ('loss = "MSE"', 'wieght = "w"', "notation.wieght", 'did you mean "weight"?'),
    ('correct = "threshold"', 'corect = "sign"', "test.corect", 'did you mean "correct"?'),
    # Missing tables and keys.
    ('inputs = ["x1", "x2"]', "", "network.inputs", "missing, and needed"),
    (LOSS, "", "network.loss", "missing, and needed; known are half_squared_error, squared_error"),
    (EXAMPLES, "", "data", "either examples or file expected"),
    (LONG, "", "training", "iterations or epochs expected: how long to train"),
    (
        LONG,
        "iterations = 6\nepochs = 2",
        "training",
        "either iterations or epochs expected, not both",
    ),
    (FIRST, 'activation = "tanh"', LAYER1, "either neurons or units expected"),
    (FIRST, f"units = 1\n{FIRST}", LAYER1, "either neurons or units expected, not both"),
    # Numbers that are none.
    (
        WEIGHTS,
        "weights = [[0.6, nan]]",
        f"{LAYER1}.weights[1][2]",
        "a finite number expected; got nan",
    ),
    (
        EXAMPLES,
        "examples = [[-0.9, 0.1, 1], [inf, 0, 0]]",
        "data.examples[2][1]",
        "a finite number expected; got inf",
    ),
    ("bias = [0.3]", "bias = [-inf]", f"{LAYER1}.bias", "finite numbers expected; got -inf"),
    (
        "learning_rate = 0.1",
        "learning_rate = nan",
        "training.learning_rate",
        "a finite number expected",
    ),
    (
        "learning_rate = 0.1",
        "learning_rate = 1e999",
        "training.learning_rate",
        "a finite number expected",
    ),
    (
        "learning_rate = 0.1",
        "learning_rate = true",
        "training.learning_rate",
        "a number expected; got true (a boolean)",
    ),
    (
        WEIGHTS,
        "weights = [[0.6, true]]",
        f"{LAYER1}.weights[1][2]",
        "a number expected; got true (a boolean)",
    ),
    (
        "bias = [0.3]",
        "bias = [false]",
        f"{LAYER1}.bias",
        "finite numbers expected; got false (a boolean)",
    ),
    (
        LONG,
        "iterations = true",
        "training.iterations",
        "a whole number expected; got true (a boolean)",
    ),
    (
        "batch_size = 1",
        "batch_size = true",
        "training.batch_size",
        'a whole number of at least 1, or "all", expected; got true',
    ),
    (
        CYCLIC,
        "order = [1, true]",
        "data.order",
        "example numbers (from 1) expected; got true (a boolean)",
    ),
    (CYCLIC, "order = true", "data.order", "list of example numbers expected; got true"),
    ("seed = 1", "seed = true", "initial.seed", "a whole number from 0"),
    ('correct = "threshold"', "threshold = true", "test.threshold", "a number expected; got true"),
    (
        "learning_rate = 0.1",
        'learning_rate = "0.1"',
        "training.learning_rate",
        'a number expected; got "0.1"',
    ),
    (LONG, "iterations = 6.0", "training.iterations", "a whole number expected; got 6.0"),
    (LONG, "iterations = 0", "training.iterations", "a number of at least 1 expected; got 0"),
    (
        "batch_size = 1",
        "batch_size = 0",
        "training.batch_size",
        'a whole number of at least 1, or "all", expected; got 0',
    ),
    ("batch_size = 1", "batch_size = 2.0", "training.batch_size", "a whole number of at least 1"),
    ("seed = 1", "seed = -1", "initial.seed", "a whole number from 0 to 2^64 - 1 expected; got -1"),
    # Other types.
    ('title = "Two neurons"', "title = 3", "title", "text in quotes expected; got 3"),
    ('inputs = ["x1", "x2"]', 'inputs = "x1"', "network.inputs", 'a list expected; got "x1"'),
    (
        'inputs = ["x1", "x2"]',
        'inputs = ["x1", 2]',
        "network.inputs[2]",
        "text in quotes expected; got 2",
    ),
    ('neurons = ["g"]', "neurons = [3]", f"{LAYER1}.neurons[1]", "text in quotes expected; got 3"),
    (
        'inputs = ["x1", "x2"]',
        'inputs = ["x1", ""]',
        "network.inputs[2]",
        "text of at least one character",
    ),
    (
        '"1" = { g = "-0.25" }',
        '"1" = { g = -0.25 }',
        "hand.1.g",
        "text in quotes expected; got -0.25",
    ),
    # Words.
    (
        'activation = "tanh"',
        'activation = "tahn"',
        f"{LAYER1}.activation",
        (
            'unknown activation "tahn"; did you mean "tanh"? (known are linear, logistic, tanh, '
            "relu, leaky_relu, softplus, elu, selu, gelu, silu, mish, softsign, hard_sigmoid, "
            "hard_tanh, log_sigmoid, sign, step, softmax)"
        ),
    ),
    (
        'activation = "tanh"',
        'activation = "2*q"',
        f"{LAYER1}.activation",
        "neither an activation's name nor a formula of z: unknown name 'q'",
    ),
    (
        'activation = "tanh"',
        'activation = ""',
        f"{LAYER1}.activation",
        "neither an activation's name nor a formula of z",
    ),
    (
        'activation = "tanh"',
        'activation = "__import__"',
        f"{LAYER1}.activation",
        'unknown activation "__import__"',
    ),
    (
        LOSS,
        'loss = "crossentropy"',
        "network.loss",
        (
            'unknown loss "crossentropy"; did you mean "cross_entropy"? (known are '
            "half_squared_error, squared_error, mean_squared_error, absolute_error, "
            "mean_absolute_error, huber, log_cosh, hinge, binary_cross_entropy, cross_entropy, "
            "kl_divergence, gaussian_log_likelihood, bernoulli_log_likelihood, "
            'multinomial_log_likelihood), or write a formula of t and y such as "(t - y)^4"'
        ),
    ),
    (
        'rule = "gradient_descent"',
        'rule = "adan"',
        "training.rule",
        (
            'one of "gradient_descent", "gradient_ascent", "momentum", "nesterov", "adagrad", '
            '"rmsprop", "adam", "adamw", "amsgrad", "adadelta", "adamax", "nadam", "radam", "rprop", '
            '"lion", "momentum_with_rate", "nesterov_with_rate", "formula", "perceptron" or "none" expected; got "adan"; '
            'did you mean "adam"?'
        ),
    ),
    (
        'reduction = "sum"',
        'reduction = "max"',
        "training.reduction",
        'one of "sum" or "mean" expected; got "max"',
    ),
    (
        'method = "xavier_uniform"',
        'method = "xavier"',
        "initial.method",
        'or "zeros" expected; got "xavier"',
    ),
    (
        CYCLIC,
        'order = "random"',
        "data.order",
        '"cyclic", "shuffled" or a list of example numbers expected; got "random"',
    ),
    (
        'correct = "threshold"',
        'correct = "maybe"',
        "test.correct",
        'one of "threshold", "sign" or "largest" expected',
    ),
]


@pytest.mark.sample(21)
@pytest.mark.parametrize(("old", "new", "place", "said"), REFUSED)
def test_what_is_wrong_is_refused_with_its_place(old, new, place, said):
    """Places count from 1, as examples and neurons do; the message says what was expected."""
    found = refusal(edited((old, new)))
    assert place in found
    assert said in found[place]


@pytest.mark.sample(25)
@pytest.mark.parametrize(("old", "new", "place"), [row[:3] for row in REFUSED])
def test_one_wrong_value_is_reported_once(old, new, place):
    """A wrong value must not bring down a rain of further complaints about itself."""
    assert list(refusal(edited((old, new)))) == [place]


def test_a_missing_table_is_named():
    assert refusal("") == {
        "network": "missing, and needed (or [graph], for your own formulas)",
        "data": "missing, and needed",
    }
    assert (
        refusal("network = 3\n[data]\nexamples = [[1, 2]]")["network"] == "a table expected; got 3"
    )


def test_code_is_checked_like_a_file():
    with pytest.raises(ExperimentError, match=r"neurons: a list expected; got 3"):
        bp.Layer(neurons=3)
    with pytest.raises(ExperimentError, match=r"layers\[1\].weights: 1 column expected"):
        bp.Experiment(
            network=bp.Network(
                inputs=["x"],
                targets=["y"],
                loss="squared_error",
                layers=[bp.Layer(units=1, weights=[[1.0, 2.0]])],
            ),
            data=bp.Data(examples=[[1, 2]]),
            training=bp.Training(iterations=1),
        )


def test_a_key_of_hand_may_be_any_text():
    found = refusal(edited(('"1" = { g', f"{'1' * 5000} = {{ g")))
    assert any("iteration" in message for message in found.values())


def test_an_empty_pattern_is_refused():
    text = edited(('loss = "MSE"', 'loss = "MSE"\nsum = ""'))
    assert "a pattern expected" in refusal(text)["notation.sum"]
