"""What does not fit together in an experiment file: shapes, words, names."""

from __future__ import annotations

import pytest

from tests.helpers.experiment_files import (
    CYCLIC,
    EXAMPLES,
    LAYER1,
    LAYER2,
    LOSS,
    PERCEPTRON,
    WEIGHTS,
    edited,
    refusal,
)

UNFIT = [
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
        "softmax with one output is always 1; use logistic, or at least two outputs",
    ),
    (
        'activation = "tanh"',
        'activation = "sign"',
        f"{LAYER1}.activation",
        "it needs the rule perceptron",
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
        "largest needs at least two outputs",
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
        "an iteration's number (1 or more) expected",
    ),
    (
        '"1" = { g = "-0.25" }',
        '"one" = { g = "1" }',
        "hand.one",
        "an iteration's number (1 or more) expected",
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
        '"x1" is there twice',
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


@pytest.mark.sample(18)
@pytest.mark.parametrize(("old", "new", "place", "said"), UNFIT)
def test_what_does_not_fit_is_refused_with_its_place(old, new, place, said):
    found = refusal(edited((old, new)))
    assert place in found
    assert said in found[place]


@pytest.mark.sample(26)
@pytest.mark.parametrize(("old", "new", "place"), [row[:3] for row in UNFIT])
def test_one_mistake_is_reported_once(old, new, place):
    """What does not fit must not bring down a rain of further complaints about itself."""
    if not any(part in new for part in SEVERAL):
        assert list(refusal(edited((old, new)))) == [place]


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


def test_a_renaming_of_nothing_is_refused():
    text = edited(("[hand]", '[notation.rename]\nw_xg9 = "alpha"\n\n[hand]'))
    assert "w_xg" in refusal(text)["notation.rename.w_xg9"]
