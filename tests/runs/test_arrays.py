"""The arrays of a run: by layer, by name, with named axes, in one order."""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import bpsheet as bp
from tests.helpers.samples import draws, sampled
from tests.helpers.strategies import experiments

NETWORKS = ["two-neuron", "two-hidden-layers", "book-xor", "iris", "n-samples", "one-weight"]
FORMULAS = ["formula", "rnn", "cnn-3x3", "attention", "lstm-two-steps", "batch-norm"]


def wide(**training):
    """Three inputs, layers of 4 tanh and 2 logistic neurons, three examples."""
    rng = np.random.default_rng(5)
    return bp.Experiment(
        network={
            "inputs": ["p", "q", "r"],
            "targets": ["s", "t"],
            "loss": "half_squared_error",
            "layers": [
                {"units": 4, "activation": "tanh", "weights": rng.normal(size=(4, 3)), "bias": rng.normal(size=4)},
                {"units": 2, "activation": "logistic", "weights": rng.normal(size=(2, 4)), "bias": rng.normal(size=2)},
            ],
        },
        data={"examples": rng.normal(size=(3, 5))},
        training={"learning_rate": 0.3, "iterations": 12} | training,
    )  # fmt: skip


def by_numpy(experiment, iterations):
    """The same training in NumPy, with every array of every iteration."""
    first, second = experiment.network.layers
    w1, b1, w2, b2 = map(np.array, (first.weights, first.bias, second.weights, second.bias))
    examples = np.array(experiment.data.examples)
    kept = {name: [] for name in "x W1 b1 z1 y1 W2 b2 z2 y2 d2 d1 dW2 dW1 db1 db2".split()}
    for number in range(iterations):
        x, t = np.split(examples[number % len(examples)], [3])
        z1 = w1 @ x + b1
        y1 = np.tanh(z1)
        z2 = w2 @ y1 + b2
        y2 = 1 / (1 + np.exp(-z2))
        d2 = (y2 - t) * y2 * (1 - y2)
        d1 = (w2.T @ d2) * (1 - y1**2)
        now = (x, w1, b1, z1, y1, w2, b2, z2, y2, d2, d1, np.outer(d2, y1), np.outer(d1, x), d1, d2)
        for name, value in zip(kept, now, strict=True):
            kept[name].append(value)
        w1, b1 = w1 - 0.3 * np.outer(d1, x), b1 - 0.3 * d1
        w2, b2 = w2 - 0.3 * np.outer(d2, y1), b2 - 0.3 * d2
    return {name: np.array(values) for name, values in kept.items()}


def test_the_arrays_of_the_layers_are_those_of_a_program_in_numpy():
    """Square nowhere, so that neither rows and columns nor layers can be exchanged."""
    experiment = wide()
    trace, theirs = experiment.run(), by_numpy(experiment, 12)
    one, two = trace.layer(1), trace.layer(2)
    assert one.W.shape == (12, 4, 3)
    ours = {
        "x": one.x, "W1": one.W, "b1": one.b, "z1": one.z, "y1": one.y, "d1": one.delta,
        "dW1": one.dW, "db1": one.db, "W2": two.W, "b2": two.b, "z2": two.z, "y2": two.y,
        "d2": two.delta, "dW2": two.dW, "db2": two.db,
    }  # fmt: skip
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-12, atol=1e-14, err_msg=name)
    np.testing.assert_array_equal(two.x, one.y)
    np.testing.assert_allclose(one.adjustment_W, -0.3 * theirs["dW1"], rtol=1e-12)
    np.testing.assert_allclose(two.adjustment_b, -0.3 * theirs["db2"], rtol=1e-12)


@pytest.mark.parametrize("name", sampled(NETWORKS, "two-neuron", "iris"))
def test_an_entry_of_an_array_is_the_column_of_its_neuron_and_input(traced, name):
    """As `trace.columns` has them, in the order of the neurons: not as the backward columns stand."""
    trace = traced(name, 12)
    columns = trace.columns
    for number in range(1, len(trace.experiment.network.layers) + 1):
        own = columns[(columns["layer"] == number) & (columns["phase"] != "test")]
        layer = trace.layer(number)
        sums = own[own["role"] == "weighted sum"]
        neurons = sums["neuron"].tolist()
        for role, array in (
            ("weighted sum", layer.z),
            ("output", layer.y),
            ("error term", layer.delta),
        ):
            names = own[own["role"] == role].set_index("neuron")
            assert array.shape == (12, len(neurons))
            for index, neuron in enumerate(neurons):
                quantity = own.index[(own["role"] == role) & (own["neuron"] == neuron)].item()
                np.testing.assert_array_equal(array[:, index], trace.frame[quantity])
            assert len(names) == len(neurons)
        weights = own[(own["role"] == "weight") & ~own["is_bias"]]
        inputs = list(dict.fromkeys(weights["input"]))
        for role, key in (("weight", "W"), ("gradient", "dW"), ("adjustment", "ΔW")):
            if not (own["role"] == role).any():
                # A layer that is not trained has no adjustments, here as on the sheet.
                assert key not in set(layer.keys())
                continue
            array = layer[key]
            assert array.shape == (12, len(neurons), len(inputs))
            found = own[(own["role"] == role) & ~own["is_bias"]]
            assert len(found) == array[0].size
            for quantity, row in found.iterrows():
                place = neurons.index(row["neuron"]), inputs.index(row["input"])
                np.testing.assert_array_equal(array[:, *place], trace.frame[quantity])


def test_a_quantity_by_its_name_is_a_series_or_an_array(traced):
    trace = traced("n-samples", 12)
    f = trace["out1" if "out1" in trace else "a2_1"]
    assert isinstance(f, pd.Series)
    assert f.index.name == "iteration"
    pd.testing.assert_series_equal(f, trace.frame[f.name])
    np.testing.assert_array_equal(trace["W1"], trace.layer(1).W)
    np.testing.assert_array_equal(trace["dz2"], trace.layer(2).delta)
    assert trace["epoch"].dtype == np.int64
    assert trace["iteration"].tolist() == list(range(1, 13))
    assert list(trace) == list(trace.program.names)
    assert "w1_12" in trace
    assert "W1" not in trace


def test_a_name_that_is_unknown_leads_to_those_that_are_known(traced):
    trace = traced("two-neuron", 12)
    with pytest.raises(
        bp.ExperimentError, match=r'"W3": no quantity of this run; known here: x, t, b1, W1'
    ):
        trace["W3"]
    with pytest.raises(bp.ExperimentError, match="no quantity of this run"):
        trace[0]
    with pytest.raises(bp.ExperimentError, match="layer: 1 to 2 expected; got 3"):
        trace.layer(3)
    with pytest.raises(bp.ExperimentError, match="a whole number expected"):
        trace.layer(1.5)
    with pytest.raises(bp.ExperimentError, match="formulas without layers"):
        traced("formula", 12).layer(1)
    with pytest.raises(bp.ExperimentError, match='"b": layer 1 has none; '):
        _ = traced("one-weight", 12).layer(1).b


def test_numpy_makes_an_array_of_a_trace(traced):
    trace = traced("two-neuron", 12)
    whole = np.asarray(trace)
    np.testing.assert_array_equal(whole, trace.values)
    assert np.shares_memory(whole, trace.values)
    with pytest.raises(ValueError, match="read-only"):
        whole[0, 0] = 1.0
    own = np.array(trace)
    own[0, 0] = 99.0
    assert trace.values[0, 0] == 1.0
    assert np.asarray(trace, dtype=np.float32).dtype == np.float32
    assert np.stack([trace, trace]).shape == (2, 12, 31)


def test_a_bias_that_the_neurons_share_stands_for_each_of_them():
    tables = wide().to_dict()
    tables["network"]["layers"][0]["bias"] = 0.25
    layer = bp.Experiment(**tables).run(5).layer(1)
    assert layer.b.shape == (5, 1)
    sums = np.einsum("kni,ki->kn", layer.W, layer.x) + layer.b
    np.testing.assert_allclose(layer.z, sums, rtol=1e-12)
    np.testing.assert_allclose(layer.db, layer.delta.sum(axis=1, keepdims=True), rtol=1e-12)


def test_weights_that_are_never_updated_have_adjustments_of_0():
    frozen = wide().model.weights[1]
    layer = wide(freeze=[frozen]).run().layer(1)
    assert (layer.adjustment_W == 0).all(axis=0).tolist()[0] == [True, False, False]
    assert (np.diff(layer.W, axis=0) == layer.adjustment_W[:-1]).all(
        where=layer.adjustment_W[:-1] == 0
    )
    assert not np.isnan(layer.dW).any()


@pytest.mark.parametrize("name", sampled(FORMULAS, "rnn", "cnn-3x3"))
def test_each_array_of_formulas_has_the_shape_of_its_quantity(traced, name):
    """And each column of the program is an entry of just one of them."""
    trace = traced(name, 6)
    seen = []
    for quantity in trace.program.quantities:
        if quantity.shape:
            assert trace[quantity.name].shape == (6, *quantity.shape)
            seen += [c.name for c in quantity.columns.ravel() if c is not None]
            first = trace[quantity.name].reshape(6, -1)[:, 0]
            np.testing.assert_array_equal(first, trace.frame[quantity.first.name])
    assert len(seen) == len(set(seen))


def test_the_steps_of_a_sequence_are_an_axis_from_the_first_to_the_last(traced):
    """Also those of the derivatives, which are computed from the last to the first."""
    trace = traced("rnn", 6)
    layer = trace.layer(1)
    assert layer["h"].shape == layer.y.shape == trace["dh"].shape == (6, 3, 2)
    for step, unit in itertools.product(range(3), range(2)):
        own = f"h{step + 1}_{unit + 1}"
        np.testing.assert_array_equal(layer["h"][:, step, unit], trace[own])
        np.testing.assert_array_equal(layer["dh"][:, step, unit], trace[f"dloss_d{own}"])
    np.testing.assert_array_equal(trace["h[2]"], trace["h"][:, 1])
    np.testing.assert_array_equal(layer["ΔWh"], trace["ΔWh"])
    assert set(layer.keys()) >= {"Wx", "Wh", "b", "dWx", "dz", "ΔWh", "x"}
    # The gradient of the weights of the last layer, by the formula of a dense one.
    last = trace.layer(3)
    np.testing.assert_allclose(last.dW, last.delta[:, :, None] * last.x[:, None, :], rtol=1e-12)


@given(experiments())
@draws(25)
def test_the_arrays_of_any_network_obey_its_equations(experiment):
    trace = experiment.run(3)
    layers = [trace.layer(n + 1) for n in range(len(experiment.network.layers))]
    for layer in layers:
        if not np.isfinite(trace.values).all():
            return
        biases = layer.b if "b" in layer else 0.0
        sums = np.einsum("kni,ki->kn", layer.W, layer.x) + biases
        np.testing.assert_allclose(layer.z, sums, rtol=1e-9, atol=1e-9)
        if "ΔW" in layer:
            np.testing.assert_array_equal(layer.W[1:], layer.W[:-1] + layer.adjustment_W[:-1])


# With named axes


@pytest.mark.slow
def test_xarray_has_an_axis_for_the_neurons_of_each_layer(traced):
    pytest.importorskip("xarray")
    trace = traced("iris", 12)
    found = trace.to_xarray()
    assert (
        found["W2"].dims
        == found["dW2"].dims
        == found["ΔW2"].dims
        == ("iteration", "layer2", "layer1")
    )
    assert found["x"].dims == ("iteration", "input")
    assert found["dz1"].dims == found["a1'"].dims == ("iteration", "layer1")
    petal = found["W1"].sel(layer1="h3", input="petal_width", iteration=5).item()
    assert petal == trace.frame.loc[5, "w_h3_petal_width"]
    assert found["epoch"].dtype == np.int64
    assert found["loss"].attrs["role"] == "loss"
    again = (found["W1"] * found["x"]).sum("input") + found["b1"]
    np.testing.assert_allclose(again, found["z1"], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled([*NETWORKS, *FORMULAS], "rnn", "formula"))
def test_xarray_has_every_number_of_a_run_once(traced, name):
    pytest.importorskip("xarray")
    trace = traced(name, 6)
    found = trace.to_xarray()
    numbers = np.concatenate([array.to_numpy().ravel() for array in found.data_vars.values()])
    np.testing.assert_array_equal(np.sort(numbers), np.sort(trace.values[:, 1:].ravel()))


def test_names_of_quantities_are_no_names_of_axes():
    pytest.importorskip("xarray")
    graph = {
        "inputs": ["input"],
        "parameters": {"step": 0.5, "target": [1.0, 2.0]},
        "forward": ["layer1 = target * (step * input)", "e = sum(layer1^2)"],
        "loss": "e",
    }
    made = bp.Experiment(graph=graph, data={"examples": [[2.0]]}, training={"iterations": 3})
    found = made.run().to_xarray()
    assert found["target"].shape == (3, 2)
    assert found["layer1"].isel(iteration=0).to_numpy().tolist() == [1.0, 2.0]


def test_without_xarray_an_error_says_how_to_install_it(traced, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(bp.MissingExtraError, match=r'pip install "bpsheet\[xarray\]"'):
        traced("two-neuron", 12).to_xarray()
