"""The names of PyTorch, Keras and scikit-learn lead to ours: in a file, by --set, in Python."""

import pytest

import bpsheet as bp
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.rules import RULES

FILE = """\
[network]
inputs = ["x"]
targets = ["y"]
loss = "{loss}"

[[network.layers]]
units = 1
activation = "{activation}"

[data]
examples = [[0.5, 0.25]]
{data}

[training]
iterations = 1
rule = "{rule}"
{training}
"""
USUAL = {
    "loss": "squared_error",
    "activation": "tanh",
    "rule": "adam",
    "data": "",
    "training": "",
}
# Their name, what it stands in the place of, and what it leads to.
VALUES = [
    ("sigmoid", "activation", "logistic"),
    ("identity", "activation", "linear"),
    ("ReLU", "activation", "relu"),
    ("swish", "activation", "silu"),
    ("Hardtanh", "activation", "hard_tanh"),
    ("mse", "loss", "mean_squared_error"),
    ("BCELoss", "loss", "binary_cross_entropy"),
    ("categorical_crossentropy", "loss", "cross_entropy"),
    ("RMSprop", "rule", "rmsprop"),
    ("NAdam", "rule", "nadam"),
]
KEYS = [
    ("lr", "training", "learning_rate"),
    ("eps", "training", "epsilon"),
    ("shuffle", "data", 'order = "shuffled"'),
]
OURS = {"activation": ACTIVATIONS, "loss": LOSSES, "rule": RULES}


@pytest.mark.parametrize(("theirs", "what", "ours"), VALUES)
def test_a_value_leads_to_ours(tmp_path, command, theirs, what, ours):
    assert ours in OURS[what]
    path = tmp_path / "theirs.toml"
    path.write_text(FILE.format(**(USUAL | {what: theirs})))
    with pytest.raises(bp.ExperimentError, match=f'"{ours}"'):
        bp.load(path)
    status, _, err = command("run", "two-neuron", "--set", f"{theirs}=1")
    assert status == 2
    assert f'--set {theirs}: no such number; the {what} "{ours}" is set in the experiment' in err


@pytest.mark.parametrize(("theirs", "table", "ours"), KEYS)
def test_a_key_leads_to_ours(tmp_path, command, theirs, table, ours):
    path = tmp_path / "theirs.toml"
    path.write_text(FILE.format(**(USUAL | {table: f"{theirs} = 1"})))
    with pytest.raises(bp.ExperimentError, match=f'unknown key; here it is "?{ours}'):
        bp.load(path)
    status, _, err = command("run", "two-neuron", "--set", f"{theirs}=1")
    assert status == 2
    assert f"--set {theirs}: no such number; here it is " in err
    assert ours in err
    model = {"training": bp.Training, "data": bp.Data}[table]
    with pytest.raises(bp.ExperimentError, match=ours):
        model(**{theirs: 1})


def test_words_that_a_setting_cannot_have_lead_to_ours():
    experiment = bp.load("two-neuron")
    with pytest.raises(bp.ExperimentError, match='got "average"; here it is "mean"'):
        experiment.changed({"reduction": "average"})
    with pytest.raises(bp.ExperimentError, match="the loss is set in the experiment file"):
        experiment.changed({"loss": "mse"})


def test_a_sweep_of_a_name_says_that_an_experiment_is_expected():
    with pytest.raises(bp.ExperimentError, match=r'such as bp.load.*; got "two-neuron"'):
        bp.sweep("two-neuron", {"learning_rate": [0.1]})
