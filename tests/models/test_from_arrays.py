"""Arrays by name as networks: which side the neurons are on is known, or asked for, never guessed."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from tests.helpers.samples import draws


def arrays(sizes, *, side="weight", biases=True, seed=0):
    """Random arrays of a network with these sizes."""
    random = np.random.default_rng(seed)
    found = {}
    for number, (inner, outer) in enumerate(pairwise(sizes), start=1):
        shape = (outer, inner) if side == "weight" else (inner, outer)
        found[f"W{number}"] = random.normal(size=shape)
        if biases:
            found[f"b{number}"] = random.normal(size=outer)
    return found


def outputs(found, x, side):
    """tanh layers, computed by hand."""
    for number in range(1, 1 + sum(name.startswith("W") for name in found)):
        matrix = found[f"W{number}"]
        x = x @ (matrix.T if side == "weight" else matrix) + found.get(f"b{number}", 0)
        x = np.tanh(x)
    return x


SIZES = st.lists(st.integers(1, 4), min_size=2, max_size=4)


@pytest.mark.slow
@draws(100)
@given(SIZES, st.sampled_from(["weight", "kernel"]), st.booleans(), st.integers(0, 99))
def test_a_network_is_read_as_it_is_or_its_orientation_is_asked_for(sizes, side, biases, seed):
    """Without a word on it, the answer is the right one or an error; with it, always the right one."""
    found = arrays(sizes, side=side, biases=biases, seed=seed)
    x = np.random.default_rng(seed).normal(size=(2, sizes[0]))
    expected = outputs(found, x, side)
    options = {"activations": ["tanh"] * (len(sizes) - 1)}
    sides = [side]
    with suppress(bp.ModelError):
        assert bp.from_arrays(found, **options)
        sides.append(None)
    for chosen in sides:
        trace = bp.from_arrays(found, x, orientation=chosen, **options).run()
        layer = trace.experiment.model.layers[-1]
        np.testing.assert_allclose(trace.frame[list(layer.outputs)], expected, atol=1e-14)
        given_back = trace.state_dict()
        assert all((given_back[name] == found[name]).all() for name in found)


@draws(100)
@given(SIZES, st.booleans())
def test_a_square_matrix_is_never_guessed(sizes, biases):
    found = arrays(sizes, biases=biases)
    square = [name for name, a in found.items() if a.ndim == 2 and a.shape[0] == a.shape[1] > 1]
    if not square:
        return
    with pytest.raises(bp.ModelError, match="orientation") as refused:
        bp.from_arrays(found, activations=["tanh"] * (len(sizes) - 1))
    for name in square:
        assert f"{name} is a square matrix" in str(refused.value)
    told = dict.fromkeys(square, "weight")
    bp.from_arrays(found, activations=["tanh"] * (len(sizes) - 1), orientation=told)


def test_a_chain_that_fits_both_ways_names_both():
    found = {"W1": np.ones((2, 3)), "W2": np.ones((3, 2))}
    with pytest.raises(bp.ModelError, match=r"2-3-2.*\n?.*3-2-3|3-2-3.*2-3-2"):
        bp.from_arrays(found, activations=["relu", "relu"])
    kernel = bp.from_arrays(found, activations=["relu", "relu"], orientation="kernel")
    assert kernel.first_weights["W1"].shape == (3, 2)


@pytest.mark.parametrize(
    ("found", "options", "said"),
    [
        ({}, {}, "arrays by their names expected"),
        ({"W1": np.ones((2, 3)), "W2": np.ones((4, 5))}, {}, "are no chain"),
        ({"W1": np.ones((2, 3)), "b1": np.ones(4)}, {}, "has no side of 4"),
        ({"W1": np.ones((2, 3)), "b2": np.ones(2)}, {}, "a bias without a matrix"),
        ({"conv.weight": np.ones((2, 3, 3, 3))}, {}, "dense layers alone are covered"),
        ({"gamma": np.ones(3)}, {}, "a name such as W1, b1, fc1.weight"),
        ({"W1": [["a"]]}, {}, "an array of finite numbers expected"),
        ({"W1": [[np.nan]]}, {}, "an array of finite numbers expected"),
        ({"W1": np.ones((2, 3))}, {"activations": [], "orientation": "weight"}, "1 activation expected, one for each of W1"),
        ({"W1": np.ones((2, 3))}, {"orientation": "rows"}, 'got "rows"'),
        ({"W1": np.ones((2, 3))}, {"orientation": {"W7": "weight"}}, 'no matrix is named "W7"'),
        ({"W1": np.ones((2, 3))}, {"data": [[1, 2]], "orientation": "weight"}, "examples of 3 numbers"),
        ({"W1": np.ones((2, 3))}, {"loss": "mse", "orientation": "weight"}, 'here it is "mean_squared_error"'),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(found, options, said):
    with pytest.raises(bp.ModelError) as refused:
        bp.from_arrays(found, **({"activations": ["tanh"] * max(1, len(found))} | options))
    assert said in str(refused.value)


def test_weights_go_out_by_layer_and_in_again():
    experiment = bp.load("iris")
    trace = experiment.run(7)
    weights = trace.weights_at(7)
    assert list(weights) == ["W1", "b1", "W2", "b2"]
    assert (
        weights["W1"].ravel() == trace.weights.iloc[6][experiment.model.weight_arrays["W1"].ravel()]
    ).all()
    assert (weights.layer(2)["b"] == weights["b2"]).all()
    last = trace.final_weights
    assert (last["W2"] == experiment.run(8).weights_at(8)["W2"]).all()
    again = trace.experiment.with_weights(last)
    assert again == trace.trained()
    by_layer = trace.experiment.with_weights(
        {number + 1: layer for number, layer in enumerate(last.layers)}
    )
    assert by_layer == again
    with pytest.raises(bp.ExperimentError) as refused:
        experiment.with_weights({"W1": [[1]], "W9": [[1]]})
    assert len(refused.value.problems) == 2


def test_layers_of_other_kinds_and_formulas_give_their_weights_too():
    trace = bp.load("batch-norm").run(3)
    running = [trace.frame[column].iloc[-1] for column in trace.experiment.model.carried.values()]
    last = trace.final_weights
    assert [*last["rm0"], *last["rv0"]] == running
    assert trace.weights_at(1)["rv0"].tolist() == [1, 1]
    assert (trace.weights_at(3)["rm0"] == trace.experiment.run(2).final_weights["rm0"]).all()
    line = bp.load("line-adam").run(5)
    assert line.weights_at(2)["a"] == line.weights["a"].iloc[1]
    with pytest.raises(bp.ExperimentError, match="formulas have no layers"):
        line.final_weights.layer(1)


def test_drawn_weights_are_visible_and_are_drawn_anew_with_another_seed():
    experiment = bp.load("iris")
    assert experiment.network.layers[0].weights == experiment.run(1).weights_at(1)["W1"].tolist()
    other = experiment.replaced(initial=bp.Initial(seed=8))
    assert other.network.layers[0].weights != experiment.network.layers[0].weights
    assert "weights =" not in experiment.to_toml()


def save_safetensors(path, found):
    head, body = {"__metadata__": {"format": "np"}}, b""
    for name, array in found.items():
        content = array.astype("<f8").tobytes()
        head[name] = {
            "dtype": "F64",
            "shape": array.shape,
            "data_offsets": [len(body), len(body) + len(content)],
        }
        body += content
    text = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


@pytest.mark.parametrize("ending", [".npz", ".safetensors"])
def test_a_file_of_arrays_is_imported_and_runs(ending, tmp_path, command):
    found = arrays([2, 3, 1])
    path = tmp_path / f"mine{ending}"
    np.savez(path, **found) if ending == ".npz" else save_safetensors(path, found)
    (tmp_path / "exams.csv").write_text("hours,sleep,grade\n1,2,0.5\n0.3,1,0.1\n")
    out = tmp_path / "mine.toml"
    options = (
        "--activation",
        "tanh",
        "--activation",
        "tanh",
        "--data",
        str(tmp_path / "exams.csv"),
    )
    status, said, error = command("import", str(path), *options, "-o", str(out))
    assert (status, error) == (0, "")
    assert f"Wrote {out}" in said.replace("\n", "")
    experiment = bp.load(out)
    assert experiment.network.inputs == ["hours", "sleep"]
    result = experiment.run().frame["out"]
    np.testing.assert_allclose(
        result, outputs(found, np.array([[1, 2], [0.3, 1]]), "weight").ravel()
    )


def test_a_model_without_examples_becomes_a_file_that_asks_for_them(tmp_path, command):
    np.savez(tmp_path / "mine.npz", **arrays([2, 3, 1]))
    out = tmp_path / "mine.toml"
    activations = ("--activation", "relu", "--activation", "linear")
    status, said, _ = command("import", str(tmp_path / "mine.npz"), *activations, "-o", str(out))
    assert status == 0
    assert "a table [data]" in " ".join(said.split())
    status, _, error = command("run", str(out))
    assert status == 2
    assert "data: missing, and needed" in error


def test_a_square_matrix_on_the_command_line_asks_for_the_option(tmp_path, command):
    np.savez(tmp_path / "mine.npz", **arrays([2, 2]))
    arguments = (
        "import",
        str(tmp_path / "mine.npz"),
        "--activation",
        "tanh",
        "-o",
        str(tmp_path / "m.toml"),
    )
    status, _, error = command(*arguments)
    assert status == 2
    assert "--orientation: W1 is a square matrix" in error
    assert not (tmp_path / "m.toml").exists()
    assert command(*arguments, "--orientation", "kernel")[0] == 0


@pytest.mark.parametrize("ending", [".npz", ".safetensors", ".pt", ".bin"])
@pytest.mark.parametrize(
    "content", [b"", b"PK\3\4rest", b"\xff" * 40, b"\x20" + b"\0" * 7 + b"{" * 32]
)
def test_a_damaged_file_is_said_and_nothing_is_written(ending, content, tmp_path, command):
    if ending == ".pt":
        pytest.importorskip("torch")
    path = tmp_path / f"mine{ending}"
    path.write_bytes(content)
    status, _, error = command("import", str(path), "-o", str(tmp_path / "m.toml"))
    assert status == 2
    assert "mine" in error
    assert "Traceback" not in error
    assert not (tmp_path / "m.toml").exists()


def test_an_experiment_waits_for_its_examples():
    experiment = bp.from_arrays(arrays([2, 3, 1]), activations=["tanh", "linear"])
    for work in (experiment.run, experiment.program, lambda: experiment.to_page("never.html")):
        with pytest.raises(
            bp.ExperimentError, match=r"data\.examples: at least one example expected"
        ):
            work()
    assert len(experiment.replaced(data=bp.Data(examples=[[1, 2], [3, 4]])).run()) == 2


def test_a_whole_model_is_imported_and_needs_no_activations(tmp_path, command):
    """From a file in the format ONNX, which a run of ours has written."""
    pytest.importorskip("onnx")
    trace = bp.load("two-neuron").run(3)
    path = trace.to_onnx(tmp_path / "two.onnx")
    out = tmp_path / "two.toml"
    status, _, error = command("import", str(path), "--activation", "tanh", "-o", str(out))
    assert (status, "--activation: for files of arrays alone" in error) == (2, True)
    (tmp_path / "two.csv").write_text("x1,x2\n-0.9,0.1\n")
    data = ("--data", str(tmp_path / "two.csv"))
    status, _, error = command("import", str(path), *data, "-o", str(out))
    assert (status, error) == (0, "")
    forward = trace.trained().forward().run()
    ours = bp.load(out).run()
    assert ours.frame.iloc[0, -1] == pytest.approx(forward.frame.iloc[0, -1], rel=1e-12)


@pytest.mark.parametrize("ending", [".npz", ".pt", ".pth", ".safetensors", ".keras"])
def test_a_model_is_to_be_imported_before_it_runs(ending, tmp_path, command):
    path = tmp_path / f"mine{ending}"
    path.write_bytes(b"PK")
    status, _, error = command("run", str(path))
    assert status == 2
    assert "import it as one first" in error
    path.unlink()
    assert "no such file" in command("run", str(path))[2]
