"""An experiment file as it is read: what it says, and what stands for what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.api.experiment import Experiment
from bpsheet.errors import ExperimentError
from tests.helpers.experiment_files import GOOD, PERCEPTRON, edited, read


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
    assert layer.activation == "logistic"
    assert not {"bias", "weights"} & layer.model_fields_set
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


def test_a_perceptron_needs_no_loss():
    assert len(read(PERCEPTRON).run()) == 4
