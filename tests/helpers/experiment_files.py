"""One experiment file that is in order, edits of it, and what is said when an edit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpsheet.api.experiment import Experiment
from bpsheet.errors import ExperimentError
from bpsheet.plan.reader import from_text

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
    return from_text(text, base=base, name="x", source="x.toml", made=Experiment)


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


WEIGHTS = "weights = [[0.6, -0.1]]"
EXAMPLES = "examples = [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]"
FIRST = 'neurons = ["g"]\nactivation = "tanh"'
LAYER1, LAYER2 = "network.layers[1]", "network.layers[2]"
CYCLIC = 'order = "cyclic"'
LONG = "iterations = 6"
LOSS = 'loss = "half_squared_error"'
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
