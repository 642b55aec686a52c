"""Experiment files: what is read, what is refused and with which words, and writing back."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.experiment import Experiment
from bpsheet.reader import from_dict, from_text, load, template_names, template_path
from tests.helpers.strategies import experiments

GOOD = """
title = "Two neurons"

[network]
inputs = ["x1", "x2"]
targets = ["y"]
loss = "half_squared_error"

[[network.layers]]
neurons = ["g"]
activation = "tanh"
weights = [[0.6, -0.1]]
bias = [0.3]

[[network.layers]]
neurons = ["f"]
activation = "logistic"
weights = [[0.5]]
bias = [-0.2]

[data]
columns = ["x1", "x2", "y"]
examples = [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]
order = "cyclic"

[training]
rule = "gradient_descent"
learning_rate = 0.1
batch_size = 1
reduction = "sum"
iterations = 6

[initial]
method = "xavier_uniform"
seed = 1

[test]
examples = [[-1, -1, 0], [1, 1, 1]]
correct = "threshold"

[notation]
weight = "w_{source}{neuron}{input}"
loss = "MSE"

[hand]
"1" = { g = "-0.25" }
"""


def read(text, base=Path()):
    return from_text(text, base=base, name="x", source="x.toml")


def edited(*edits):
    """GOOD with some lines replaced."""
    text = GOOD
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def refusal(text, base=Path()):
    """What is wrong with a text, by place. It must be found at once."""
    with pytest.raises(ExperimentError) as caught:
        read(text, base)
    assert str(caught.value).startswith("x.toml: ")
    found = {}
    for problem in caught.value.problems:
        found.setdefault(problem.place, []).append(problem.message)
    return {place: "\n".join(messages) for place, messages in found.items()}


# ----------------------------------------------------------------------------- reading


def test_the_file_of_the_readme_is_read():
    experiment = read(GOOD)
    assert experiment.title == "Two neurons"
    assert experiment.network.layers[0].weights == [[0.6, -0.1]]
    assert experiment.name == "x"
    assert experiment.text == GOOD
    assert len(experiment.run()) == 6


def test_what_is_left_out_has_a_default():
    text = """
[network]
inputs = ["x"]
targets = ["y"]
loss = "squared_error"
[[network.layers]]
units = 1
[data]
examples = [[1, 2]]
[training]
iterations = 1
"""
    experiment = read(text)
    layer, training = experiment.network.layers[0], experiment.training
    assert (layer.activation, layer.bias, layer.weights) == ("logistic", True, None)
    assert (training.rule, training.learning_rate) == ("gradient_descent", 0.1)
    assert (training.batch_size, training.reduction) == (1, "sum")
    assert (experiment.data.order, experiment.initial.method) == ("cyclic", "xavier_uniform")
    assert experiment.test is None


def test_the_same_is_built_in_code():
    experiment = bp.Experiment(
        title="Two neurons",
        network=bp.Network(
            inputs=["x1", "x2"],
            targets=["y"],
            loss="half_squared_error",
            layers=[
                bp.Layer(neurons=["g"], activation="tanh", weights=[[0.6, -0.1]], bias=[0.3]),
                bp.Layer(neurons=["f"], activation="logistic", weights=[[0.5]], bias=[-0.2]),
            ],
        ),
        data=bp.Data(examples=[[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]),
        training=bp.Training(learning_rate=0.1, iterations=6),
        test=bp.Test(examples=[[-1, -1, 0], [1, 1, 1]]),
        notation=bp.Notation(weight="w_{source}{neuron}{input}", loss="MSE"),
    )
    assert experiment.run().frame.equals(read(GOOD).run().frame)


def test_arrays_of_numpy_are_taken_where_lists_are():
    layer = {"units": 2, "weights": np.array([[1.0, 2.0], [3.0, 4.0]]), "bias": np.zeros(2)}
    experiment = Experiment(
        network={
            "inputs": ["a", "b"],
            "targets": ["t", "u"],
            "loss": "squared_error",
            "layers": [layer],
        },
        data={"examples": np.ones((3, 4)), "order": np.array([3, 1])},
    )
    assert experiment.network.layers[0].weights == [[1.0, 2.0], [3.0, 4.0]]
    assert experiment.iterations == 2
    assert read(experiment.to_toml()).run().frame.equals(experiment.run().frame)


def test_whole_numbers_are_taken_where_numbers_are():
    experiment = read(edited(("learning_rate = 0.1", "learning_rate = 1")))
    assert experiment.run().program.parameters[0].value == 1.0


def test_the_tables_cannot_be_changed_but_copied_with_changes():
    experiment = read(GOOD)
    with pytest.raises(ExperimentError, match="learning_rate: cannot be changed here"):
        experiment.training.learning_rate = 2.0
    other = experiment.training.replaced(learning_rate=2.0)
    assert (experiment.training.learning_rate, other.learning_rate) == (0.1, 2.0)
    with pytest.raises(ExperimentError, match="learning_rate: a number expected"):
        experiment.training.replaced(learning_rate="fast")


# ---------------------------------------------------------------------------- refusals

WEIGHTS = "weights = [[0.6, -0.1]]"
EXAMPLES = "examples = [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]"
FIRST = 'neurons = ["g"]\nactivation = "tanh"'
SECOND = 'neurons = ["f"]\nactivation = "logistic"'
LAYER1, LAYER2 = "network.layers[1]", "network.layers[2]"
CYCLIC = 'order = "cyclic"'
LONG = "iterations = 6"
LOSS = 'loss = "half_squared_error"'

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
    # Shapes.
    (
        WEIGHTS,
        "weights = [[0.6, -0.1, 0.2]]",
        f"{LAYER1}.weights",
        "2 columns expected, one for each of x1, x2; got 3",
    ),
    (
        WEIGHTS,
        "weights = [[0.6, -0.1], [1, 2]]",
        f"{LAYER1}.weights",
        "1 row expected, one for each of g; got 2",
    ),
    (
        "weights = [[0.5]]",
        "weights = []",
        f"{LAYER2}.weights",
        "1 row expected, one for each of f; got 0",
    ),
    (
        "bias = [0.3]",
        "bias = [0.3, 1]",
        f"{LAYER1}.bias",
        "1 number expected, one for each of g; got 2",
    ),
    (
        'targets = ["y"]',
        'targets = ["y", "v"]',
        "network.targets",
        "1 expected, one for each output; got 2",
    ),
    (
        EXAMPLES,
        "examples = [[-0.9, 0.1, 1.0], [0.4, 0.2]]",
        "data.examples[2]",
        "3 numbers expected (x1, x2, y); got 2",
    ),
    (EXAMPLES, "examples = []", "data.examples", "at least one example expected"),
    (
        "[[-1, -1, 0], [1, 1, 1]]",
        "[[-1, -1, 0], [1]]",
        "test.examples[2]",
        "3 numbers expected (x1, x2, y)",
    ),
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
        'a whole number from 1, or "all", expected; got true',
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
    (LONG, "iterations = 0", "training.iterations", "a number from 1 expected; got 0"),
    (
        "batch_size = 1",
        "batch_size = 0",
        "training.batch_size",
        'a whole number from 1, or "all", expected; got 0',
    ),
    ("batch_size = 1", "batch_size = 2.0", "training.batch_size", "a whole number from 1"),
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
            "relu, leaky_relu, softplus, sign, softmax)"
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
            "half_squared_error, squared_error, mean_squared_error, binary_cross_entropy, cross_entropy, "
            "gaussian_log_likelihood, bernoulli_log_likelihood, multinomial_log_likelihood)"
        ),
    ),
    (
        'rule = "gradient_descent"',
        'rule = "adamax"',
        "training.rule",
        (
            'one of "gradient_descent", "gradient_ascent", "momentum", "nesterov", "adagrad", '
            '"rmsprop", "adam", "adamw" or "perceptron" expected; got "adamax"'
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
    # What does not fit together.
    (
        CYCLIC,
        "order = [1, 2, 3]",
        "data.order[3]",
        "an example's number from 1 to 2 expected; got 3",
    ),
    (CYCLIC, "order = [0, 1]", "data.order[1]", "an example's number from 1 to 2 expected; got 0"),
    (CYCLIC, "order = []", "data.order", "a list of example numbers expected; got []"),
    (CYCLIC, "seed = 3", "data.seed", 'used with order = "shuffled" only'),
    (
        'columns = ["x1", "x2", "y"]',
        'columns = ["x1", "y"]',
        "data.columns",
        "every input and target once expected (x1, x2, y); got x1, y",
    ),
    (
        'activation = "logistic"',
        'activation = "softmax"',
        f"{LAYER2}.activation",
        "softmax with one output is always 1; use logistic, or two outputs at least",
    ),
    (
        'activation = "tanh"',
        'activation = "sign"',
        f"{LAYER1}.activation",
        "it goes with the rule perceptron",
    ),
    (
        LOSS,
        'loss = "cross_entropy"',
        "network.loss",
        'cross_entropy needs softmax outputs; the last layer has "logistic"',
    ),
    (
        'activation = "logistic"\nweights = [[0.5]]\nbias = [-0.2]',
        'activation = "tanh"\n[network_]',
        "network_",
        "unknown key",
    ),
    (
        LOSS,
        'loss = "gaussian_log_likelihood"',
        "training.rule",
        "gaussian_log_likelihood is to be maximised: gradient_ascent expected; got",
    ),
    (
        'rule = "gradient_descent"',
        'rule = "gradient_ascent"',
        "training.rule",
        "half_squared_error is to be minimised: gradient_descent expected; got gradient_ascent",
    ),
    (
        LOSS,
        f'{LOSS}\noutput_error = "simplified"',
        "network.output_error",
        "half_squared_error has no simplified form; binary_cross_entropy",
    ),
    (
        "batch_size = 1",
        "batch_size = 3",
        "training.batch_size",
        'at most 2, the number of examples, or "all", expected; got 3',
    ),
    (
        "batch_size = 1",
        'freeze = ["w_xg9"]',
        "training.freeze[1]",
        'unknown weight "w_xg9"; did you mean "w_xg',
    ),
    ("batch_size = 1", 'only = ["g"]', "training.only[1]", 'unknown weight "g"'),
    (
        "batch_size = 1",
        "only = []\nfreeze = []",
        "training",
        "either freeze or only expected, not both",
    ),
    (
        "[[-1, -1, 0], [1, 1, 1]]",
        "[[-1, -1, 0.5]]",
        "test.examples[1]",
        "a target of 0.5 is on neither side",
    ),
    (
        'correct = "threshold"',
        'correct = "largest"',
        "test.correct",
        "largest needs two outputs at least",
    ),
    (
        'correct = "threshold"',
        'names = ["one"]',
        "test.names",
        "2 expected, one for each example; got 1",
    ),
    (
        'correct = "threshold"',
        'correct = "sign"\nthreshold = 2.0',
        "test.threshold",
        'used with correct = "threshold" only',
    ),
    ('"1" = { g = "-0.25" }', '"1" = { h = "-0.25" }', "hand.1.h", "unknown quantity"),
    (
        '"1" = { g = "-0.25" }',
        '"0" = { g = "-0.25" }',
        "hand.0",
        "an iteration's number from 1 expected",
    ),
    (
        '"1" = { g = "-0.25" }',
        '"one" = { g = "1" }',
        "hand.one",
        "an iteration's number from 1 expected",
    ),
    # Names.
    (
        'weight = "w_{source}{neuron}{input}"',
        'weight = "w_{nuron}"',
        "notation.weight",
        "unknown placeholder {nuron}",
    ),
    (
        'weight = "w_{source}{neuron}{input}"',
        'weight = "w_{neuron}"',
        "notation",
        'two columns would be named "w_g": the weight of g and the weight of g',
    ),
    (
        'loss = "MSE"',
        'loss = "g"',
        "notation",
        'two columns would be named "g": the output of g and the loss',
    ),
    (
        'inputs = ["x1", "x2"]',
        'inputs = ["x1", "x1"]',
        "network.inputs[2]",
        '"x1" stands there twice',
    ),
    (
        'neurons = ["g"]',
        'neurons = ["=1+1"]',
        f"{LAYER1}.neurons[1]",
        "a name begins with a letter, a digit or an underscore",
    ),
    (
        'neurons = ["g"]',
        'neurons = ["g\\u0000"]',
        f"{LAYER1}.neurons[1]",
        "printable characters expected",
    ),
    ('loss = "MSE"', 'loss = "=MSE"', "notation", "a name begins with a letter"),
    ('title = "Two neurons"', 'title = "a\\u0001b"', "title", "cannot stand in a cell"),
]


@pytest.mark.parametrize(("old", "new", "place", "said"), REFUSED)
def test_what_is_wrong_is_refused_with_its_place(old, new, place, said):
    """Places count from 1, as examples and neurons do; the message says what was expected."""
    found = refusal(edited((old, new)))
    assert place in found
    assert said in found[place]


# These edits make two mistakes, or one that has several consequences of its own.
SEVERAL = (
    "threshold = 2.0",
    "order = [1, 2, 3]",
    "[network_]",
    'correct = "largest"',
    "w_{neuron}",
    '["y", "v"]',
    '["x1", "x1"]',
)


@pytest.mark.parametrize(("old", "new", "place"), [row[:3] for row in REFUSED])
def test_one_mistake_is_reported_once(old, new, place):
    """A wrong value must not bring down a rain of further complaints about itself."""
    if not any(part in new for part in SEVERAL):
        assert list(refusal(edited((old, new)))) == [place]


def test_a_missing_table_is_named():
    assert refusal("") == {
        "network": "missing, and needed (or [graph], for formulas of one's own)",
        "data": "missing, and needed",
    }
    assert (
        refusal("network = 3\n[data]\nexamples = [[1, 2]]")["network"] == "a table expected; got 3"
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
        "  training.iterations: a number from 1 expected; got 0",
    ]


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


# ------------------------------------------------------------------- large and hostile


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        (
            FIRST,
            'units = 1_000_000_000\nactivation = "tanh"',
            "network.layers",
            "4,000,000,001 weights make about",
        ),
        (
            SECOND,
            'units = 1_000_000_000_000\nactivation = "tanh"',
            "network.layers",
            "100,000 at the most",
        ),
        (
            LONG,
            "iterations = 1_000_000_000_000",
            "training.iterations",
            "1,000,000,000 iterations at the most; got 1,000,000,000,000",
        ),
        (
            LONG,
            "epochs = 9_000_000_000_000_000_000",
            "training.epochs",
            "1,000,000,000 iterations at the most; got 18,000,000,000,000,000,000",
        ),
    ],
)
def test_what_no_memory_holds_is_refused_before_anything_is_allocated(old, new, place, said):
    """With the numbers, and what to do instead."""
    text = edited(
        (old, new),
        (WEIGHTS, ""),
        ("weights = [[0.5]]", ""),
        ("bias = [0.3]", ""),
        ("bias = [-0.2]", ""),
    )
    found = refusal(text)
    assert said in found[place]


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "a = ",
        '[network]\ninputs = ["x"',
        "a = 1\na = 2",
        "a." * 40_000 + "b = 1",
        "[" + "a." * 40_000 + "b]",
        "a = " + "[" * 100_000,
        "a = " + "9" * 100_000,
        'a = "' + "x" * 1_000_000,
        "\x00",
        '"a' * 10_000,
        "x = {" + "a." * 2_000 + "b = 1}",
        "x = {" + "a." * 40_000 + "b = 1}",
        '"=".' + "a." * 12_000 + "b = 1",
        "x = " + "[" * 300 + "]" * 300,
        "title = " + "[" * 200 + "]" * 200,
    ],
)
def test_what_is_no_toml_is_refused_in_no_time(text):
    assert refusal(text)


@pytest.mark.parametrize(
    "formula",
    [
        "z" + "*z" * 99,
        "z" + "-z" * 99,
        "z" + "+z" * 99,
        "z" + "/z" * 99,
        ("-" * 40 + "(") * 4 + "z" + ")" * 4,
        ("-" * 4 + "(") * 32 + "z" + ")" * 32,
        "max(z" + ",z" * 15 + ")",
        "max(0," * 38 + "z" + ")" * 38,
        "exp(" * 38 + "z" + ")" * 38,
        "logistic(" * 38 + "z" + ")" * 38,
        "if(z>0," * 19 + "z" + ",1)" * 19,
        "z^" * 38 + "z",
        "z" + "*z" * 990,
        "z" + "-z" * 990,
        ("-" * 40 + "(") * 39 + "z" + ")" * 39,
        "max(z" + ",z" * 254 + ")",
        "if(z>0," * 38 + "z" + ",1)" * 38,
    ],
    ids=lambda text: f"{text[:12]} ({len(text)})",
)
def test_any_formula_that_is_grammatical_runs_or_is_refused_in_a_moment(formula):
    text = edited(('activation = "tanh"', f'activation = "{formula}"'))
    try:
        trace = read(text).run()
    except ExperimentError as error:
        places = [problem.place for problem in error.problems]
    else:
        places = [f"{LAYER1}.activation"] if len(trace.columns) > 20 else []
    assert places == [f"{LAYER1}.activation"]


def test_a_key_of_hand_may_be_any_text():
    found = refusal(edited(('"1" = { g', f"{'1' * 5000} = {{ g")))
    assert any("iteration" in message for message in found.values())


def test_a_paragraph_may_have_any_number_of_full_stops():
    """Keys of very many dotted parts are refused; a line of notes is no key."""
    notes = "First w = 0.5. Then . . . and so on. " * 2 + "It ends. " * 40
    experiment = read(
        edited(("[network]", f'notes = """\n{notes}\n{"It is. " * 30}"""\n[network]'))
    )
    assert experiment.notes.count("It ends.") == 40


def test_long_values_are_cut_short_in_messages():
    found = refusal(edited(('rule = "gradient_descent"', f'rule = "{"x" * 5000}"')))
    assert len(found["training.rule"]) < 200


# -------------------------------------------------------------------------------- data


def with_file(tmp_path, csv, extra="", name="points.csv"):
    (tmp_path / "points.csv").write_text(csv, encoding="utf-8")
    return edited(('columns = ["x1", "x2", "y"]\n', ""), (EXAMPLES, f'file = "{name}"\n{extra}'))


def test_examples_come_from_a_csv_file_beside_the_experiment(tmp_path):
    """Columns by their names, in any order, others are left aside; a byte order mark is none."""
    csv = "\ufeffy,note,x2 , x1\n1.0,first,0.1,-0.9\n\n0,second,2e-1,.4\n"
    experiment = read(with_file(tmp_path, csv), tmp_path)
    assert experiment.data.examples == [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]
    assert experiment.run().frame.equals(read(GOOD).run().frame)


def test_an_experiment_with_a_file_is_written_with_its_examples(tmp_path):
    """So that a workbook can be made again from itself, without the CSV file."""
    experiment = read(with_file(tmp_path, "x1,x2,y\n-0.9,0.1,1\n0.4,0.2,0\n"), tmp_path)
    again = read(experiment.text)
    assert again.data.examples == experiment.data.examples


def labelled(tmp_path, csv):
    (tmp_path / "points.csv").write_text(csv)
    return read(
        """
[network]
inputs = ["a"]
targets = ["red", "blue"]
loss = "cross_entropy"
[[network.layers]]
units = 2
activation = "softmax"
[data]
file = "points.csv"
label = "colour"
[training]
epochs = 1
""",
        tmp_path,
    )


def test_a_label_becomes_a_target_of_1(tmp_path):
    experiment = labelled(tmp_path, "a,colour\n1,blue\n2,red\n")
    assert experiment.data.examples == [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]


def test_a_label_that_is_no_target_is_refused(tmp_path):
    with pytest.raises(
        ExperimentError, match=r'line 3: "bleu" is none of the targets; did you mean "blue"'
    ):
        labelled(tmp_path, "a,colour\n1,blue\n2,bleu\n")


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("x1,x2,y\n1,nan,0\n", 'points.csv, line 2, x2: a number expected; got "nan"'),
        ("x1,x2,y\n1,inf,0\n", 'a number expected; got "inf"'),
        ("x1,x2,y\n1,1e999,0\n", 'a number expected; got "1e999"'),
        ("x1,x2,y\n1,1_000,0\n", 'a number expected; got "1_000"'),
        ("x1,x2,y\n1,٣,0\n", "a number expected"),
        ("x1,x2,y\n1,,0\n", 'a number expected; got ""'),
        ("x1,x2,y\n1,true,0\n", 'a number expected; got "true"'),
        ('x1,x2,y\n1,"1,5",0\n', 'a number expected; got "1,5"'),
        ("x1,x2,y\n1,2,0\n1,2\n", "line 3: 3 cells expected; got 2"),
        ("x1,x3,y\n1,2,0\n", 'no column "x2"'),
        ("x1,x2,x2,y\n1,2,2,0\n", 'two columns named "x2"'),
        ("x1,x2,y\n", "a header line and a line for each example expected"),
        ("", "a header line and a line for each example expected"),
        ('x1,x2,y\n"1,2,0\n', "cannot be read"),
        ("x1,x2,y\n1,2\x00,0\n", "points.csv"),
    ],
)
def test_a_data_file_that_is_wrong_is_refused_with_its_line(tmp_path, csv, said):
    assert said in refusal(with_file(tmp_path, csv), tmp_path)["data.file"]


def test_a_data_file_that_is_not_there_is_named(tmp_path):
    text = with_file(tmp_path, "", name="nowhere.csv")
    assert "nowhere.csv cannot be read (No such file" in refusal(text, tmp_path)["data.file"]


def test_other_problems_are_reported_beside_a_wrong_data_file(tmp_path):
    text = with_file(tmp_path, "x1,x2,y\n1,nan,0\n").replace(WEIGHTS, "weights = [[1.0]]")
    found = refusal(text.replace("learning_rate = 0.1", "learning_rate = true"), tmp_path)
    assert set(found) == {"data.file", "training.learning_rate", f"{LAYER1}.weights"}


def test_examples_and_a_file_exclude_each_other(tmp_path):
    text = with_file(tmp_path, "x1,x2,y\n1,2,0\n", extra="examples = [[1, 2, 3]]")
    assert refusal(text, tmp_path)["data"] == "either examples or file expected, not both"


@pytest.mark.parametrize(
    ("loss", "targets", "said"),
    [
        ("cross_entropy", "0.5, 0.6", "cross_entropy needs targets that add up to 1; got 0.5, 0.6"),
        ("cross_entropy", "2, -1", "cross_entropy needs targets from 0 to 1; got 2, -1"),
        (
            "binary_cross_entropy",
            "1, 2",
            "binary_cross_entropy needs targets from 0 to 1; got 1, 2",
        ),
    ],
)
def test_targets_that_no_probability_has_are_refused(loss, targets, said):
    activation = "softmax" if loss == "cross_entropy" else "logistic"
    text = f"""
[network]
inputs = ["x"]
targets = ["a", "b"]
loss = "{loss}"
[[network.layers]]
units = 2
activation = "{activation}"
[data]
examples = [[1, 0, 1], [1, {targets}]]
[training]
iterations = 1
"""
    assert refusal(text)["data.examples[2]"] == said


# -------------------------------------------------------------------------- perceptron

PERCEPTRON = """
[network]
inputs = ["x1", "x2"]
targets = ["y"]
[[network.layers]]
neurons = ["f"]
activation = "sign"
[data]
examples = [[1, 1, 1], [0, 0, -1]]
[training]
rule = "perceptron"
iterations = 4
"""


def test_a_perceptron_needs_no_loss():
    assert len(read(PERCEPTRON).run()) == 4


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        (
            'targets = ["y"]',
            'targets = ["y"]\nloss = "squared_error"',
            "network.loss",
            "the rule perceptron has no loss; leave it out",
        ),
        ('"sign"', '"tanh"', "training.rule", 'needs one layer with the activation "sign"'),
        (
            "iterations = 4",
            "iterations = 4\nbatch_size = 2",
            "training.batch_size",
            "1 expected: the rule perceptron has no batches",
        ),
        (
            "iterations = 4",
            'iterations = 4\nreduction = "mean"',
            "training.reduction",
            "the rule perceptron does not use it",
        ),
    ],
)
def test_what_a_perceptron_does_not_have_is_refused(old, new, place, said):
    assert said in refusal(PERCEPTRON.replace(old, new))[place]


# --------------------------------------------------------------------- loading by name


def test_a_template_is_loaded_by_its_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = load("two-neuron")
    assert experiment.name == "two-neuron"
    assert experiment.text == template_path("two-neuron").read_text()
    assert "two-neuron" in template_names()


def test_an_unknown_template_is_refused_with_the_nearest():
    with pytest.raises(
        ExperimentError, match=r'no template "two-neurons"; did you mean "two-neuron"'
    ):
        load("two-neurons")


def test_a_file_is_loaded_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert load(path).name == "mine"
    assert load(str(path)).run().frame.equals(read(GOOD).run().frame)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "no such file, and no template of that name"),
        (lambda path: path.mkdir(), "a folder, not an experiment file"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not a text file (UTF-8 expected)"),
        (
            lambda path: path.write_text("#" * 9_000_000),
            "9,000,000 bytes; an experiment file has 8,000,000",
        ),
    ],
)
def test_a_path_that_is_no_experiment_file_is_refused(tmp_path, make, said):
    path = tmp_path / "mine.toml"
    make(path)
    with pytest.raises(ExperimentError) as caught:
        load(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load(path).title == "Two neurons"


# ------------------------------------------------------------------------ writing back


@given(experiments())
@settings(deadline=None, max_examples=40)
def test_what_is_written_reads_back_to_the_same_run_bit_for_bit(experiment):
    again = read(experiment.to_toml())
    assert again.to_dict() == experiment.to_dict()
    one, other = experiment.run(), again.run()
    assert one.program.names == other.program.names
    assert one.values.tobytes() == other.values.tobytes()


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=4), numbers)
@settings(deadline=None, max_examples=100)
def test_every_number_is_written_to_its_last_bit(examples, rate):
    tables = read(GOOD).to_dict()
    tables["data"]["examples"] = examples
    tables["training"]["learning_rate"] = rate
    again = read(from_dict(tables).to_toml())
    assert np.array(again.data.examples).tobytes() == np.array(examples).tobytes()
    assert math.copysign(1, again.training.learning_rate) == math.copysign(1, rate)
    assert again.training.learning_rate == rate


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40)
    | st.sampled_from(["[1,  2]", "[a,]", 'say "[x,\\n y ]"', "[ [1, 2],\n[3] ]"])
)
@settings(deadline=None, max_examples=40)
def test_any_title_reads_back_as_it_was(text):
    tables = read(GOOD).to_dict() | {"title": text, "notes": text * 2}
    experiment = from_dict(tables)
    again = read(experiment.to_toml())
    assert again.title == text
    assert again.to_dict() == experiment.to_dict()


def test_names_with_spaces_and_brackets_read_back_as_they_were():
    tables = read(GOOD).to_dict()
    tables["network"]["inputs"] = ["x  1", "x[2,]"]
    tables["data"]["columns"] = ["x  1", "x[2,]", "y"]
    assert read(from_dict(tables).to_toml()).network.inputs == ["x  1", "x[2,]"]


def test_a_written_file_has_a_row_of_numbers_on_a_line():
    lines = read(GOOD).to_toml().split("\n")
    assert 'inputs = ["x1", "x2"]' in lines
    assert "    [-0.9, 0.1, 1.0]," in lines


def test_what_was_left_to_its_default_is_not_written():
    text = load("two-neuron").to_toml()
    assert "batch_size" not in text
    assert "[test]" not in text


# ----------------------------------------------------------------------------- changed


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
        ({"w_xg9": 1.0}, '--set w_xg9: no such number; did you mean "w_xg'),
        ({"x1[3]": 1.0}, "--set x1[3]: no such number"),
        ({"x1[0]": 1.0}, "--set x1[0]: no such number"),
        ({"g": 1.0}, "--set g: no such number"),
        ({"learning_rate": "fast"}, "--set learning_rate: a number expected"),
        ({"learning_rate": math.nan}, "a finite number expected"),
        ({"iterations": 0}, "a number from 1 expected; got 0"),
        ({"batch_size": 5}, "at most 2, the number of examples"),
        ({"w_xg1": math.inf}, "a finite number expected"),
        ({"w_xg0": math.inf}, "finite numbers expected"),
        ({"w_xg0": "a"}, "--set w_xg0: a number expected"),
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
@settings(deadline=None, max_examples=40)
def test_a_run_of_another_length_begins_or_continues_the_same(experiment, iterations):
    assume(experiment.iterations != iterations)
    one, other = experiment.run().values, experiment.run(iterations).values
    assert len(other) == iterations
    shared = min(len(one), len(other))
    np.testing.assert_array_equal(one[:shared], other[:shared])


def test_a_renaming_of_nothing_is_refused():
    text = edited(("[hand]", '[notation.rename]\nw_xg9 = "alpha"\n\n[hand]'))
    assert "w_xg" in refusal(text)["notation.rename.w_xg9"]


def test_a_wrong_needed_key_does_not_silence_the_rest():
    """Inputs that cannot be read leave the loss, the activation and the rate to be looked at."""
    text = edited(
        ('inputs = ["x1", "x2"]', 'inputs = ["x1", 3]'),
        ('loss = "half_squared_error"', 'loss = "half"'),
        ('activation = "tanh"', 'activation = "tahn"'),
    )
    assert refusal(text).keys() == {"network.inputs[2]", "network.loss", f"{LAYER1}.activation"}


def test_an_empty_pattern_is_refused():
    text = edited(('loss = "MSE"', 'loss = "MSE"\nsum = ""'))
    assert "a pattern expected" in refusal(text)["notation.sum"]
