"""Random models in the format ONNX, made node by node, and what onnxruntime says of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

import bpsheet as bp
from bpsheet.models.onnx.writing import _Writer

# Activations: nodes of x, which onnxruntime computes in double precision, too.
ACTIVATIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "relu": [("Relu", {})],
    "tanh": [("Tanh", {})],
    "logistic": [("Sigmoid", {})],
    "softmax": [("Softmax", {"axis": -1})],
    "exp": [("Neg", {}), ("Exp", {})],
}
SINGLE = ["LeakyRelu", "Elu", "Selu", "Softplus", "Softsign", "HardSigmoid", "ThresholdedRelu"]


class Builder:
    """A graph, node by node. `name` is what the last node gives."""

    def __init__(self, random: np.random.Generator, shape: list[Any], dtype: Any) -> None:
        self.random, self.dtype = random, dtype
        self.kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []
        self.name = "x"
        self.input = helper.make_tensor_value_info("x", self.kind, ["batch", *shape])

    def array(self, *shape: int, values: Any = None) -> str:
        name = f"p{len(self.arrays)}"
        given = self.random.normal(size=shape) * 0.6 if values is None else np.asarray(values)
        kind = self.dtype if given.dtype.kind == "f" else given.dtype
        self.arrays.append(numpy_helper.from_array(np.asarray(given, kind), name))
        return name

    def add(self, op: str, *more: str, outputs: int = 1, at: int = 0, **attributes: Any) -> str:
        names = [f"n{len(self.nodes)}_{k}" for k in range(outputs)]
        inputs = [*more[:at], self.name, *more[at:]]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        self.name = names[0]
        return self.name

    def add_to(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node of these inputs."""
        self.name = inputs[0]
        return self.add(op, *inputs[1:], **attributes)

    def model(self, opset: int = 18, *, checked: bool = True) -> Any:
        out = helper.make_tensor_value_info(self.name, self.kind, ["batch", "outputs"])
        graph = helper.make_graph(self.nodes, "g", [self.input], [out], self.arrays)
        versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
        made = helper.make_model(graph, opset_imports=versions, ir_version=9)
        if checked:
            onnx.checker.check_model(made)
        return made


def dense(b: Builder, n: int, m: int) -> None:
    """A dense layer, in one of the forms that exporters write."""
    form = b.random.integers(3)
    if form == 0:
        b.add("Gemm", b.array(m, n), b.array(m), transB=1)
    elif form == 1:
        b.add("Gemm", b.array(n, m), b.array(1, m))
    else:
        b.add("MatMul", b.array(n, m))
        b.add("Add", b.array(m), at=int(b.random.integers(2)))


def activation(b: Builder) -> None:
    names = list(ACTIVATIONS)
    if b.dtype == np.float32:
        names += SINGLE
    name = names[b.random.integers(len(names))]
    for op, attributes in ACTIVATIONS.get(name, [(name, {})]):
        b.add(op, **attributes)


def dense_model(seed: int, dtype: Any) -> tuple[Any, tuple[int, ...]]:
    """Dense layers with activations; now and then an earlier output is added."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 6, size=random.integers(2, 5)).tolist()
    b = Builder(random, [sizes[0]], dtype)
    for n, m in pairwise(sizes):
        before = b.name
        dense(b, n, m)
        activation(b)
        if n == m and random.integers(2):
            b.add("Add", before)
    return b.model(), (sizes[0],)


def picture_model(seed: int, dtype: Any) -> tuple[Any, tuple[int, ...]]:
    """A convolution, a norm or none, a pool and a dense layer: in single precision."""
    random = np.random.default_rng(seed)
    channels, side, filters = (int(random.integers(lo, hi)) for lo, hi in ((1, 3), (5, 7), (2, 4)))
    b = Builder(random, [channels, side, side], dtype)
    padding, stride = int(random.integers(2)), int(random.integers(1, 3))
    b.add(
        "Conv", b.array(filters, channels, 3, 3), b.array(filters),
        kernel_shape=[3, 3], strides=[stride] * 2, pads=[padding] * 4,
    )  # fmt: skip
    side = (side + 2 * padding - 3) // stride + 1
    if random.integers(2):
        variance = b.array(values=random.uniform(0.5, 2, filters))
        b.add("BatchNormalization", b.array(filters), b.array(filters), b.array(filters), variance)
    b.add("Relu")
    kind = random.integers(4)
    if kind == 0 and side > 1:
        b.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
        side = side // 2
    elif kind == 1 and side > 1:
        b.add("AveragePool", kernel_shape=[2, 2], strides=[1, 1], pads=[1, 1, 0, 0])
    elif kind == 2:
        b.add("GlobalAveragePool")
        side = 1
    b.add("Flatten")
    dense(b, filters * side * side, 2)
    return b.model(), tuple(d.dim_value for d in b.input.type.tensor_type.shape.dim[1:])


def sequence_model(seed: int, dtype: Any) -> tuple[Any, tuple[int, ...]]:
    """A recurrent layer in one of three kinds and directions, or attention, and a dense layer."""
    random = np.random.default_rng(seed)
    steps, n, units = (int(random.integers(2, 5)) for _ in range(3))
    b = Builder(random, [steps, n], dtype)
    kind = ["RNN", "LSTM", "GRU", "attention"][random.integers(4)]
    if kind == "attention":
        source = b.name
        queries, keys, values = (_product(b, source, n, units) for _ in range(3))
        turned = b.add_to("Transpose", keys, perm=[0, 2, 1])
        scores = b.add_to("MatMul", queries, turned)
        b.name = scores
        b.add("Mul", b.array(values=np.float64(units**-0.5)))
        b.add("Softmax", axis=-1)
        b.add("MatMul", values)
        b.add("ReduceMean", b.array(values=np.array([1])), keepdims=0)
        dense(b, units, 2)
        return b.model(), (steps, n)
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    both = int(random.integers(1, 3))
    b.add("Transpose", perm=[1, 0, 2])
    bias = [b.array(both, 2 * gates * units)] if random.integers(2) else []
    more = {"linear_before_reset": int(random.integers(2))} if kind == "GRU" else {}
    b.add(
        kind, b.array(both, gates * units, n), b.array(both, gates * units, units), *bias, outputs=2,
        hidden_size=units, direction="bidirectional" if both == 2 else "forward", **more,
    )  # fmt: skip
    if random.integers(2):
        b.name = b.name.replace("_0", "_1")
        b.add("Transpose", perm=[1, 0, 2])
        b.add("Flatten")
        dense(b, both * units, 2)
    else:
        b.add("Transpose", perm=[2, 0, 1, 3])
        b.add("Flatten")
        dense(b, steps * both * units, 2)
    return b.model(), (steps, n)


def _product(b: Builder, source: str, n: int, units: int) -> str:
    b.name = source
    return b.add("MatMul", b.array(n, units))


def written(model: Any, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def outputs_of(experiment: bp.Experiment) -> np.ndarray:
    """The outputs of a run's examples, a row for each."""
    writer = _Writer(experiment, "float64")
    names = [
        column.name
        for name in writer._outputs()
        for column in writer.quantities[name].columns.ravel()
    ]
    return experiment.run().frame[names].to_numpy()


def runtime(path: Path, x: np.ndarray, output: int = -1) -> np.ndarray:
    """onnxruntime's outputs, example by example."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    kind = {"tensor(double)": np.float64, "tensor(int64)": np.int64}.get(given.type, np.float32)
    rows = [session.run(None, {given.name: row[np.newaxis].astype(kind)})[output] for row in x]
    return np.array([np.asarray(row, float).ravel() for row in rows])


def reference(path: Path, x: np.ndarray) -> np.ndarray:
    """The outputs by the format's own reference."""
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(str(path))
    rows = [evaluator.run(None, {"x": row[np.newaxis]})[0] for row in x]
    return np.array([np.asarray(row, float).ravel() for row in rows])
