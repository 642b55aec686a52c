"""Models in the format ONNX become experiments with the same outputs, and trained ones go back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import bpsheet as bp
from bpsheet.cli import cli

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from tests.models import onnx_models  # noqa: E402
from tests.models.onnx_models import (  # noqa: E402
    Builder,
    dense_model,
    outputs_of,
    reference,
    runtime,
    written,
)

KINDS = ("dense", "picture", "sequence")


def check_model(kind: str, seed: int, folder: Path) -> None:
    """The outputs of a random model: double precision to 1e-12, single precision to 2e-6."""
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-6)):
        model, shape = getattr(onnx_models, f"{kind}_model")(seed, dtype)
        path = written(model, folder)
        x = np.random.default_rng(seed).normal(size=(2, *shape)).astype(dtype)
        # onnxruntime has no convolutions and recurrent layers in double precision.
        witness = runtime if dtype is np.float32 or kind == "dense" else reference
        expected = witness(path, x)
        got = outputs_of(bp.from_onnx(path, x))
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_random_models_give_what_onnxruntime_gives(kind: str, seed: int, tmp_path: Path) -> None:
    check_model(kind, seed, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_many_random_models_give_what_onnxruntime_gives(
    kind: str, first: int, tmp_path: Path
) -> None:
    for seed in range(first, first + 50):
        check_model(kind, seed + 2, tmp_path)


def line(folder: Path, **changes: Any) -> Path:
    """y = 2 x1 - x2 + 0.5, in a file."""
    weights = numpy_helper.from_array(np.array([[2.0, -1.0]]), "line.weight")
    bias = numpy_helper.from_array(np.array([0.5]), "line.bias")
    node = helper.make_node("Gemm", ["x", "line.weight", "line.bias"], ["y"], name="line", transB=1)
    x = helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["batch", 1])
    graph = helper.make_graph([node], "g", [x], [y], [weights, bias])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    for change in changes.values():
        change(model)
    return written(model, folder)


def test_a_dense_model_is_a_network_with_the_very_weights_and_their_names(tmp_path: Path) -> None:
    experiment = bp.from_onnx(line(tmp_path), [[1.0, 2.0]])
    assert experiment.network is not None
    (layer,) = experiment.network.layers
    assert layer.weights == [[2.0, -1.0]]
    assert layer.bias == [0.5]
    assert layer.activation == "linear"
    assert experiment.origin is not None
    assert experiment.origin.names == {"1.W": "line.weight", "1.b": "line.bias"}


def test_square_weights_are_turned_as_the_node_says(tmp_path: Path) -> None:
    square = np.array([[1.0, 2.0], [3.0, 4.0]])
    for form, expected in (({"transB": 1}, square), ({}, square.T)):
        b = Builder(np.random.default_rng(0), [2], np.float64)
        b.add("Gemm", b.array(values=square), **form)
        experiment = bp.from_onnx(written(b.model(), tmp_path))
        assert experiment.network is not None
        assert experiment.network.layers[0].weights == expected.tolist()


@pytest.mark.slow
def test_ten_filters_and_more_have_names_of_their_own(tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(0), [2, 3], np.float32)
    b.add("Conv", b.array(11, 2, 2), b.array(11))
    b.add("Relu")
    b.add("Flatten")
    b.add("Gemm", b.array(22, 2), b.array(2))
    path = written(b.model(), tmp_path)
    x = np.random.default_rng(1).normal(size=(1, 2, 3)).astype(np.float32)
    experiment = bp.from_onnx(path, x)
    assert experiment.network is not None
    np.testing.assert_allclose(outputs_of(experiment), runtime(path, x), rtol=1e-5)
    trained = bp.from_onnx(path, (x, [[0, 1]]), "mean_squared_error", {"epochs": 2}).run()
    assert trained.frame.notna().all().all()


def test_weights_in_single_precision_are_exact(tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(0), [1], np.float32)
    b.add("Gemm", b.array(values=np.array([[0.1]])), b.array(values=np.array([1 / 3])))
    experiment = bp.from_onnx(written(b.model(), tmp_path))
    assert experiment.network is not None
    assert experiment.network.layers[0].weights == [[float(np.float32(0.1))]]
    assert experiment.network.layers[0].bias == [float(np.float32(1 / 3))]


def test_run_writes_a_workbook_with_an_example_that_is_said_to_be_a_placeholder(
    tmp_path: Path,
) -> None:
    path = line(tmp_path)
    done = CliRunner().invoke(cli, ["run", str(path), "-o", str(tmp_path / "line.xlsx")])
    assert done.exit_code == 0
    experiment = bp.load(tmp_path / "line.xlsx")
    assert experiment.data.examples == [[1.0, 1.0]]
    assert "placeholder" in experiment.notes
    assert outputs_of(experiment).tolist() == [[1.5]]


def test_a_loss_and_a_training_come_from_the_caller(tmp_path: Path) -> None:
    data = ([[1.0, 2.0], [0.5, -1.0]], [1.0, 0.0])
    training = bp.Training(learning_rate=0.1, batch_size="all", epochs=3, reduction="mean")
    trace = bp.from_onnx(line(tmp_path), data, "mean_squared_error", training).run()
    w, b, x, t = np.array([[2.0, -1.0]]), np.array([0.5]), np.array(data[0]), np.array(data[1])
    for _ in range(3):
        error = x @ w[0] + b - t
        w, b = w - 0.1 * (2 * error @ x / 2), b - 0.1 * np.mean(2 * error)
    experiment = trace.trained()
    assert experiment.network is not None
    np.testing.assert_allclose(experiment.network.layers[0].weights, w, rtol=1e-12)
    np.testing.assert_allclose(experiment.network.layers[0].bias, b, rtol=1e-12)


def test_classes_of_log_softmax_are_trained_as_those_of_softmax(tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(0), [2], np.float64)
    b.add("Gemm", b.array(2, 3), b.array(3))
    b.add("LogSoftmax", axis=-1)
    path = written(b.model(), tmp_path)
    x = np.array([[0.3, -0.7]])
    np.testing.assert_allclose(outputs_of(bp.from_onnx(path, x)), reference(path, x), rtol=1e-12)
    experiment = bp.from_onnx(path, (x, [2]), "cross_entropy", {"epochs": 2})
    assert experiment.network is not None
    assert experiment.network.layers[-1].activation == "softmax"
    assert experiment.data.examples == [[0.3, -0.7, 0, 0, 1]]
    assert experiment.run().frame.shape[0] == 2


def test_a_mean_of_one_number_is_that_number_and_its_training_is_the_chain_rule(
    tmp_path: Path,
) -> None:
    """What an axis of one entry leaves; a vector that is made of a number has a derivative."""
    b = Builder(np.random.default_rng(0), [2, 1], np.float64)
    b.add("MatMul", b.array(values=[[1.5]]))
    b.add("ReduceMean", b.array(values=np.array([2])), keepdims=0)
    b.add("ReduceSum", b.array(values=np.array([1])), keepdims=1)
    b.add("MatMul", b.array(values=[[2.0]]))
    path = written(b.model(), tmp_path)
    trace = bp.from_onnx(
        path, ([[[1.0], [3.0]]], [10.0]), "half_squared_error", {"epochs": 1}
    ).run()
    assert trace.final_weights["W1"].item() == 1.5 - 0.1 * (12 - 10) * 2 * 4


def loop(b: Builder, steps: int) -> None:
    """A recurrent layer of 3 units as tf2onnx writes it: a loop whose body looks at each step of x."""
    state = b.array(values=np.zeros((1, 3)))
    inner, outer, bias = b.array(2, 3), b.array(3, 3), b.array(3)
    counts = [b.array(values=np.array(n)) for n in (steps, 1)]
    b.add("Transpose", perm=[1, 0, 2])
    nodes = [
        helper.make_node("Gather", [b.name, "i"], ["step"]),
        helper.make_node("MatMul", ["step", inner], ["inside"]),
        helper.make_node("MatMul", ["h", outer], ["before"]),
        helper.make_node("Add", ["before", bias], ["moved"]),
        helper.make_node("Add", ["inside", "moved"], ["z"]),
        helper.make_node("Tanh", ["z"], ["new"]),
        helper.make_node("Add", ["i", counts[1]], ["next"]),
        helper.make_node("Less", ["next", counts[0]], ["on"]),
        helper.make_node("Identity", ["new"], ["row"]),
    ]
    kinds = {"i": 7, "was": 9, "h": 11, "on": 9, "next": 7, "new": 11, "row": 11}
    infos = {n: helper.make_tensor_value_info(n, k, None) for n, k in kinds.items()}
    ends = ("on", "new", "row")
    body = helper.make_graph(
        nodes, "body", [infos[n] for n in ("i", "was", "h")], [infos[n] for n in ends]
    )
    true = b.array(values=np.array(True))
    b.nodes.append(helper.make_node("Loop", [counts[0], true, state], ["last", "rows"], body=body))


def test_a_loop_is_written_out_and_its_steps_share_their_weights(tmp_path: Path) -> None:
    """The last state and all states are the reference's; the operator RNN trains to the same weights."""
    x, t = np.random.default_rng(2).normal(size=(2, 4, 2)), [[0.5, -0.5, 0.0]] * 2
    trained = []
    for op in ("Loop", "RNN"):
        b = Builder(np.random.default_rng(1), [4, 2], np.float64)
        if op == "Loop":
            loop(b, 4)
            b.add_to("ReduceMax", "rows", b.array(values=np.array([0])), keepdims=0)
            path = written(b.model(), tmp_path)
            rows = outputs_of(bp.from_onnx(path, x))
            np.testing.assert_allclose(rows, reference(path, x), rtol=1e-12)
            b.add_to("Identity", "last")
        else:
            b.array(values=np.zeros((1, 3)))
            w, r, bias = b.array(2, 3), b.array(3, 3), b.array(3)
            arrays = {a.name: numpy_helper.to_array(a) for a in b.arrays}
            b.add("Transpose", perm=[1, 0, 2])
            both = np.concatenate([arrays[bias], np.zeros(3)])[None]
            given = [b.array(values=v) for v in (arrays[w].T[None], arrays[r].T[None], both)]
            b.add("RNN", *given, outputs=2, hidden_size=3)
            b.name = b.name.replace("_0", "_1")
            b.add("Squeeze", b.array(values=np.array([0])))
        path = written(b.model(), tmp_path)
        trace = bp.from_onnx(path, (x, t), "mean_squared_error", {"epochs": 5}).run()
        trained.append(outputs_of(bp.from_onnx(path, x).with_weights(trace.final_weights)))
    np.testing.assert_allclose(*trained, rtol=0, atol=1e-13)


def test_a_loop_as_long_as_its_input_says_is_refused(tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(1), [4, 2], np.float64)
    loop(b, 4)
    count = helper.make_node("ReduceSum", ["x"], ["count"], keepdims=0)
    b.nodes.insert(0, count)
    b.nodes[-1].input[0] = "count"
    b.add_to("Identity", "last")
    with pytest.raises(bp.ModelError, match="a number of steps that does not depend on the inputs"):
        bp.from_onnx(written(b.model(checked=False), tmp_path))


@pytest.mark.parametrize("chosen", [True, False])
def test_a_branch_that_the_model_chooses_is_taken(chosen: bool, tmp_path: Path) -> None:  # noqa: FBT001
    b = Builder(np.random.default_rng(0), [3], np.float64)
    out = helper.make_tensor_value_info("made", 11, None)
    branches = {
        f"{key}_branch": helper.make_graph([helper.make_node(op, ["x"], ["made"])], key, [], [out])
        for key, op in (("then", "Tanh"), ("else", "Neg"))
    }
    condition = b.array(values=np.array(chosen))
    b.nodes.append(helper.make_node("If", [condition], ["y"], **branches))
    b.add_to("Identity", "y")
    path = written(b.model(), tmp_path)
    x = np.random.default_rng(1).normal(size=(2, 3))
    np.testing.assert_allclose(outputs_of(bp.from_onnx(path, x)), reference(path, x), rtol=1e-14)


def test_the_workbook_of_a_graph_recalculates_to_the_models_outputs(tmp_path: Path) -> None:
    """Attention, whose pieces are no chain of layers, in a spreadsheet engine."""
    pytest.importorskip("ironcalc")
    model, shape = onnx_models.sequence_model(3, np.float64)
    path = written(model, tmp_path)
    x = np.random.default_rng(0).normal(size=(1, *shape))
    workbook = bp.from_onnx(path, x).run().to_excel(tmp_path / "model.xlsx", sheets=[])
    assert bp.verify(workbook, changes={}).passed


def test_everything_that_is_not_covered_is_named_at_once(tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(0), [4], np.float64)
    b.add("Det")
    b.name = "x"
    b.add("NonZero")
    with pytest.raises(bp.ModelError) as caught:
        bp.from_onnx(written(b.model(checked=False), tmp_path))
    assert [str(p) for p in caught.value.problems] == [
        "node n0_0 (Det of x): the operator Det is not covered",
        "node n1_0 (NonZero of x): the operator NonZero is not covered",
    ]


def test_what_depends_on_a_node_that_is_not_covered_is_no_further_problem(tmp_path: Path) -> None:
    b = Builder(np.random.default_rng(0), [4], np.float64)
    b.add("Det")
    b.add("Relu")
    with pytest.raises(bp.ModelError) as caught:
        bp.from_onnx(written(b.model(checked=False), tmp_path))
    assert len(caught.value.problems) == 1


# Files that are damaged, or mean harm.


def outside(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "../secret.bin"), ("length", "16")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def huge(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.dims[:] = [1 << 40, 2]


def circle(model: Any) -> None:
    model.graph.node[0].input[0] = "y"


def own_function(model: Any) -> None:
    node = helper.make_node("f", ["a"], ["b"], domain="own")
    function = helper.make_function(
        "own", "f", ["a"], ["b"], [node], [helper.make_opsetid("own", 1)]
    )
    model.functions.append(function)


def long_axis(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1 << 40


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (outside, "only files in the model's own folder are read"),
        (huge, "more than 2,000,000 numbers"),
        (circle, "nothing makes its input y"),
        (own_function, "functions that call each other in a circle"),
        (long_axis, "at most 100,000 numbers expected"),
    ],
)
def test_a_hostile_model_is_refused_in_words(change: Any, said: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(16))
    folder = tmp_path / "inner"
    folder.mkdir()
    with pytest.raises(bp.BpsheetError, match=said):
        bp.from_onnx(line(folder, change=change))


def test_arrays_beside_the_model_are_read_from_its_folder(tmp_path: Path) -> None:
    path = line(tmp_path)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    experiment = bp.from_onnx(path)
    assert experiment.network is not None
    assert experiment.network.layers[0].weights == [[2.0, -1.0]]
    (tmp_path / "weights.bin").write_bytes(b"short")
    with pytest.raises(bp.InputError, match="too short"):
        bp.from_onnx(path)


@pytest.mark.parametrize("cut", [0, 1, 40, 120])
def test_a_cut_file_is_no_model(cut: int, tmp_path: Path) -> None:
    path = line(tmp_path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(bp.InputError):
        bp.load(path)


@pytest.mark.slow
def test_damaged_files_are_refused_and_never_a_traceback(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    path = tmp_path / "damaged.onnx"
    content = dense_model(1, np.float64)[0].SerializeToString()
    said = []
    for _ in range(60):
        damaged = bytearray(content)
        for place in random.integers(0, len(content), size=2):
            damaged[place] = random.integers(256)
        path.write_bytes(bytes(damaged))
        try:
            # A number of a weight may have changed: that is a model, too.
            assert bp.load(path).run(1).values.size
        except bp.BpsheetError as error:
            said.append(str(error))
    assert len(said) > 10
    assert all("damaged.onnx" in text for text in said)


# Out again


def round_trip(experiment: bp.Experiment, folder: Path) -> None:
    """The trained network by onnxruntime, by the reference, and read again: the same outputs."""
    trace = experiment.run(min(experiment.iterations, 5))
    path = trace.to_onnx(folder / "trained.onnx")
    forward = trace.trained().forward()
    expected = outputs_of(forward)
    (names,) = forward.model.given()[0].values()
    x = forward.run().frame[[str(n) for n in names.ravel()]].to_numpy().reshape(-1, *names.shape)
    model = onnx.load(path)
    given = {model.graph.input[0].name: x}
    from onnx.reference import ReferenceEvaluator

    by_reference = ReferenceEvaluator(model).run(None, given)[0].reshape(len(x), -1)
    np.testing.assert_allclose(by_reference, expected, rtol=1e-12, atol=1e-12)
    single = bool({"Conv", "AveragePool", "Erf"} & {node.op_type for node in model.graph.node})
    if single:
        trace.to_onnx(path, dtype="float32")
    tolerance = 1e-5 if single else 1e-12
    by_runtime = runtime(path, x, 0)
    np.testing.assert_allclose(by_runtime, expected, rtol=tolerance, atol=tolerance)
    again = outputs_of(bp.from_onnx(path, x))
    np.testing.assert_allclose(again, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "name",
    ["two-neuron", "iris", "cnn-3x3", "rnn", "lstm-two-steps", "attention", "transformer-block"],
)
def test_a_trained_network_gives_the_same_as_a_model(name: str, tmp_path: Path) -> None:
    round_trip(bp.load(name), tmp_path)


def test_a_models_arrays_keep_their_names_and_orientation(tmp_path: Path) -> None:
    for seed in range(4):
        model, shape = dense_model(seed, np.float64)
        path = written(model, tmp_path)
        x = np.random.default_rng(0).normal(size=(2, *shape))
        again = onnx.load(bp.from_onnx(path, x).run().to_onnx(tmp_path / "again.onnx"))
        arrays = {a.name: numpy_helper.to_array(a) for a in model.graph.initializer}
        found = {a.name: numpy_helper.to_array(a) for a in again.graph.initializer}
        kept = [name for name in arrays if name in found]
        assert len(kept) == len(arrays)
        for name in kept:
            assert np.array_equal(found[name].ravel(), arrays[name].ravel())


def test_what_the_format_cannot_hold_is_said(tmp_path: Path) -> None:
    trace = bp.load("two-neuron").run(1)
    with pytest.raises(bp.ExperimentError, match='"float64" or "float32" expected'):
        trace.to_onnx(tmp_path / "two.onnx", dtype="int8")  # type: ignore[arg-type]
    with pytest.raises(bp.ExperimentError, match="no such quantity"):
        trace.to_onnx(tmp_path / "two.onnx", outputs=["nothing"])
    assert not list(tmp_path.iterdir())
