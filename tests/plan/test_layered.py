"""What an experiment file may say of layers of other kinds, and what it is told where it errs."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.sweeps.variant import variant
from bpsheet.textbook.layers import KINDS
from bpsheet.verifying.verify import verify

LSTM = {"kind": "lstm", "units": 2}
OUT = {"units": 1, "activation": "linear"}


def tables(*layers, x=(3, 2), t=(1,), training=None, **more):
    shapes = {"x": list(x), "t": list(t)}
    count = int(np.prod(x) + np.prod(t))
    return {
        "network": {
            "inputs": ["x"],
            "targets": ["t"],
            "shapes": shapes,
            "loss": "half_squared_error",
            "layers": list(layers),
        }
        | more.pop("network", {}),
        "data": {"examples": [[0.1 * n for n in range(count)]]} | more.pop("data", {}),
        "training": {"iterations": 3} | (training or {}),
        **more,
    }


LAST = {"kind": "last"}


@pytest.mark.parametrize(
    ("file", "where", "said"),
    [
        (
            tables({"kind": "lsmt", "units": 1}),
            "layers[1].kind",
            'unknown kind "lsmt"; did you mean',
        ),
        (tables({"kind": "lstm"}), "layers[1].units", "missing, and needed by lstm"),
        (tables(LSTM | {"kernel": 2}), "layers[1].kernel", "used by convolution, max_pool"),
        (tables(LSTM, OUT), "network.targets", "1 numbers expected"),
        (tables(LSTM, x=(3,)), "layers[1]", "a sequence expected; it is given a vector, 3 numbers"),
        (tables(LSTM, {"kind": "residual", "of": "first"}), "layers[2].of", "no earlier layer is"),
        (tables(LSTM, {"kind": "residual", "of": "x"} | {}, x=(3, 4)), "layers[2]", "one shape"),
        (tables({"kind": "convolution", "kernel": 4}), "layers[1]", "a kernel of at most 2"),
        (tables({"kind": "convolution", "kernel": 1, "filters": 2}), "network.layers", "flatten"),
        (tables({"kind": "attention", "heads": 3}), "layers[1]", "that 3 heads can share"),
        (tables({"kind": "batch_norm"}, x=(1, 2)), "layers[1]", "each of at least 2 examples"),
        (tables(LSTM | {"parameters": {"Wx": [[1]]}}), "layers[1].parameters.Wx", 'has no "Wx"'),
        (
            tables(LSTM | {"parameters": {"bi": [1]}}),
            "layers[1].parameters.bi",
            "2 numbers expected",
        ),
        (tables(OUT | {"bias": 0.5}, x=(3,)), "layers[1].bias", "a number for each neuron"),
        (
            tables(LSTM, LAST, OUT | {"activation": "2*q"}),
            "layers[3].activation",
            "unknown name 'q'",
        ),
        (tables(LSTM, LAST, OUT, network={"loss": None}), "network.loss", "missing, and needed"),
        (tables(LSTM, LAST, OUT, training={"l2": 0.1}), "training.l2", "dense layers only"),
        (tables(LSTM, LAST, OUT, test={"examples": [[0] * 7]}), "test", "dense layers only"),
        (tables(OUT, {"kind": "tied", "of": "code"}, x=(3,)), "layers[2].of", "no earlier dense"),
        (
            tables(OUT | {"name": "o"}, OUT | {"units": 3}, {"kind": "tied", "of": "o"}, x=(3,)),
            "layers[3]",
            "a layer of 3 neurons",
        ),
        (
            tables(OUT, x=(3,), network={"loss": "cross_entropy"}),
            "network.loss",
            "needs the output",
        ),
        (tables(LSTM | {"units": 90}, x=(3, 200)), "layers[1]", "about"),
    ],
)
def test_a_layer_that_does_not_fit_is_said_with_its_place(file, where, said):
    with pytest.raises(bp.ExperimentError) as caught:
        bp.Experiment.from_dict(file)
    (problem,) = caught.value.problems
    assert where in problem.place
    assert said in problem.message


@pytest.mark.slow
def test_every_kind_can_be_used():
    """Each alone, or after what it needs."""
    settings = {"units": 2, "kernel": 2, "rate": 0.5, "tokens": 3, "of": "x"}
    for name, kind in KINDS.items():
        if name == "tied":
            continue
        shape = {"vector": (4,), "sequence": (4, 2)}[kind.takes[0]]
        layer = {"kind": name} | {key: settings[key] for key in kind.needs}
        file = tables(layer, {"kind": "flatten"}, OUT, x=shape)
        if name in ("last", "mean"):
            file = tables(layer, OUT, x=shape)
        count = int(np.prod(shape))
        file["data"] = {"examples": [[float(1 + n % 3) for n in range(count)] + [0.5]]}
        trace = bp.Experiment.from_dict(file).run()
        assert np.isfinite(trace.values).all(), name


@pytest.mark.slow
def test_parameters_can_be_changed_by_name_and_are_written_by_layer():
    experiment = bp.Experiment.from_dict(tables(LSTM, LAST, OUT))
    changed = experiment.changed({"Wi_1_2": 0.25, "h0_2": -0.5})
    assert changed.network.layers[0].parameters["Wi"][0][1] == 0.25
    assert changed.network.layers[0].parameters["h0"] == [0.0, -0.5]
    first, second = experiment.run(), changed.run()
    position = first.program.position
    kept = [n for n in experiment.model.weights if n not in ("Wi_1_2", "h0_2")]
    places = [position[name] for name in kept]
    np.testing.assert_array_equal(first.values[0, places], second.values[0, places])
    again = bp.Experiment.from_dict(changed.to_dict()).run()
    assert again.values.tobytes() == second.values.tobytes()


def test_the_constant_state_stays_while_the_weights_move():
    trace = bp.load("lstm-two-steps").changed({"h0_1": 0.3}).run(5)
    values = trace.values[:, trace.program.position["h0_1"]]
    assert values.tolist() == [0.3] * 5


def test_forward_passes_alone_need_no_targets():
    experiment = bp.load("cnn-3x3")
    forward = experiment.forward().run()
    trained = experiment.run(4)
    column = trained.program.position["y4_1"]
    assert forward.values[0, forward.program.position["y4_1"]] == trained.values[0, column]
    assert not any(column.name.startswith("dloss") for column in forward.program)


SOFTMAX = {"units": 3, "activation": "softmax"}


@pytest.mark.slow
def test_the_targets_of_each_step_are_shares(tmp_path):
    """Two steps with three classes each; the workbook is right after changes of the targets, too."""
    file = tables(LSTM, SOFTMAX, x=(2, 1), t=(2, 3), network={"loss": "cross_entropy"})
    file["data"] = {"examples": [[0.5, -1, 1, 0, 0, 0, 0.5, 0.5]]}
    path = bp.Experiment.from_dict(file).run().to_excel(tmp_path / "s.xlsx")
    assert verify(path).passed
    file["data"] = {"examples": [[0.5, -1, 1, 0, 0, 0, 0.5, 0.25]]}
    with pytest.raises(bp.ExperimentError, match=r"targets that add up to 1; got 0, 0.5, 0.25"):
        bp.Experiment.from_dict(file)


@pytest.mark.slow
def test_a_workbook_of_pictures_is_right_after_changes(tmp_path):
    path = bp.load("cnn-3x3").run(8).to_excel(tmp_path / "c.xlsx", "matrix")
    assert verify(path).passed


def test_a_running_value_may_not_lead_to_the_loss():
    graph = {
        "inputs": ["x"],
        "parameters": {"w": 1.0},
        "forward": ["m = 0.9*last(m, 0) + 0.1*x", "loss = (w*m)^2"],
        "loss": "loss",
    }
    file = {"graph": graph, "data": {"examples": [[1.0]]}, "training": {"iterations": 2}}
    with pytest.raises(bp.ExperimentError, match="nothing that leads to the loss may use it"):
        bp.Experiment.from_dict(file)


def test_a_sweep_of_seeds_draws_the_weights_and_leaves_the_first_state():
    experiment = bp.load("rnn").changed({"h0_1": 0.3})
    first, second = (variant(experiment, {"seed": seed}).model.graph for seed in (1, 2))
    assert first.constants == second.constants == {"h0": [0.3, 0.0]}
    assert (
        first.parameters["Wh"] != second.parameters["Wh"] != experiment.model.graph.parameters["Wh"]
    )


def test_a_layers_number_gives_no_name_that_a_channel_has():
    """y of layer 2 would be y2, the second channel of layer 1."""
    maps = {"kind": "convolution", "kernel": 1, "filters": 3}
    file = tables(maps, {"kind": "flatten"}, OUT, x=(2, 2))
    file["data"] = {"examples": [[1, 2, 3, 4, 5]]}
    experiment = bp.Experiment.from_dict(file)
    columns = [column.name for column in experiment.columns]
    assert len(set(columns)) == len(columns)
    assert np.isfinite(experiment.run().values).all()
