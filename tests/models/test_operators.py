"""Each operator of ONNX that is covered gives what the format's own reference gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.models.onnx.operators import OPERATORS

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from tests.models.onnx_models import Builder, outputs_of, reference, runtime, written

RANDOM = np.random.default_rng(7)


class Case(NamedTuple):
    """The shape of one example, a node's arrays after `x` and its attributes."""

    shape: tuple[int, ...] = (4,)
    arrays: tuple[Any, ...] = ()
    attributes: dict[str, Any] = {}  # noqa: RUF012 - nothing changes it
    outputs: int = 1
    domain: str = ""
    positive: bool = False
    opset: int = 18


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def some(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape)


ML = "ai.onnx.ml"
PLAIN = (
    "Relu Sigmoid Tanh LeakyRelu Elu Selu Softplus Softsign HardSigmoid ThresholdedRelu Celu Mish HardSwish "
    "Abs Neg Exp Erf Sin Cos Sinh Cosh Sign Floor Ceil Identity Flatten GlobalAveragePool GlobalMaxPool Shrink"
).split()
CASES: dict[str, list[Case]] = {name: [Case()] for name in PLAIN} | {
    "GlobalAveragePool": [Case((2, 3, 3))],
    "GlobalMaxPool": [Case((2, 3, 3))],
    "LeakyRelu": [Case(attributes={"alpha": 0.25})],
    "Log": [Case(positive=True)],
    "Sqrt": [Case(positive=True)],
    "Reciprocal": [Case(positive=True)],
    "PRelu": [Case((4,), (some(4),)), Case((4,), (some(1),))],
    "Gelu": [Case(opset=20), Case(attributes={"approximate": "tanh"}, opset=20)],
    "Swish": [Case(attributes={"alpha": 0.5}, opset=24)],
    "Clip": [Case((4,), (np.float64(-0.5), np.float64(0.7)))],
    "Gemm": [Case((4,), (some(4, 3), some(3))), Case((4,), (some(3, 4), some(3)), {"transB": 1, "alpha": 0.5, "beta": 2.0})],
    "MatMul": [Case((4,), (some(4, 3),)), Case((2, 4), (some(4, 3),))],
    "Conv": [
        Case((2, 4, 4), (some(3, 2, 3, 3), some(3)), {"pads": [1, 1, 1, 1]}),
        Case((2, 5, 4), (some(2, 1, 2, 3),), {"group": 2, "strides": [2, 1], "pads": [0, 1, 1, 0]}),
        Case((2, 5), (some(3, 2, 2), some(3)), {"strides": [2]}),
        Case((1, 4, 4), (some(2, 1, 2, 2),), {"auto_pad": "SAME_UPPER"}),
    ],
    "MaxPool": [Case((2, 4, 4), (), {"kernel_shape": [2, 2], "strides": [2, 2]}), Case((1, 5, 5), (), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]})],
    "AveragePool": [
        Case((2, 4, 4), (), {"kernel_shape": [2, 2], "strides": [2, 2]}),
        Case((1, 5, 5), (), {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 0]}),
        Case((1, 4), (), {"kernel_shape": [3], "pads": [1, 1], "count_include_pad": 1}),
    ],
    "BatchNormalization": [Case((3,), (some(3), some(3), some(3), abs(some(3)) + 0.5)), Case((2, 2, 3), (some(2), some(2), some(2), abs(some(2)) + 0.5))],
    "LayerNormalization": [Case((4,), (some(4), some(4))), Case((2, 3), (some(3),))],
    "InstanceNormalization": [Case((2, 2, 3), (some(2), some(2)))],
    "GroupNormalization": [Case((4, 2, 2), (some(4), some(4)), {"num_groups": 2}, opset=21)],
    "RMSNormalization": [Case((4,), (some(4),), opset=23)],
    "Softmax": [Case((4,)), Case((2, 3, 2), (), {"axis": 1})],
    "LogSoftmax": [Case((4,))],
    "RNN": [Case((3, 2), (some(1, 3, 2), some(1, 3, 3), some(1, 6)), {"hidden_size": 3, "activations": ["Relu"]}, 2)],
    "LSTM": [Case((3, 2), (some(1, 12, 2), some(1, 12, 3), some(1, 24)), {"hidden_size": 3}, 3)],
    "GRU": [Case((3, 2), (some(1, 9, 2), some(1, 9, 3), some(1, 18)), {"hidden_size": 3, "linear_before_reset": n}, 2) for n in (0, 1)],
    "Attention": [Case((3, 4), (some(1, 3, 4), some(1, 3, 4)), {"q_num_heads": 2, "kv_num_heads": 2, "is_causal": n}, opset=23) for n in (0, 1)],
    **{name: [Case((4,), (some(4) + 3,), positive=True)] for name in ("Add", "Sub", "Mul", "Div", "Pow", "Sum", "Max", "Min", "Mean")},
    "Mod": [Case((4,), (np.array([2.0, 3.0, 2.5, 4.0]),), {"fmod": 1}, positive=True)],
    "ReduceMean": [Case((2, 3), (whole(1),), {"keepdims": 0}), Case((2, 2, 3), (whole(2, 3),)), Case((2, 3), (whole(-1),), {"keepdims": 0})],
    "ReduceSum": [Case((2, 3), (whole(2),), {"keepdims": 0})],
    "ReduceMax": [Case((2, 3), (whole(2),), {"keepdims": 0})],
    "ReduceMin": [Case((4,), (whole(1),))],
    "ReduceL1": [Case((4,), (whole(1),))],
    "ReduceL2": [Case((4,), (whole(1),))],
    "ReduceSumSquare": [Case((4,), (whole(1),))],
    "Reshape": [Case((2, 6), (whole(0, -1, 3),))],
    "Transpose": [Case((2, 3), (), {"perm": [0, 2, 1]})],
    "Squeeze": [Case((1, 3), (whole(1),))],
    "Unsqueeze": [Case((3,), (whole(1),))],
    "Concat": [Case((3,), (), {"axis": 1})],
    "Split": [Case((4,), (whole(1, 3),), {"axis": 1}, 2)],
    "Slice": [Case((5,), (whole(3), whole(-9), whole(1), whole(-2)))],
    "Gather": [Case((5,), (whole(3, 0, 3),), {"axis": 1})],
    "GatherElements": [Case((3,), (np.array([[2, 0]]),), {"axis": 1})],
    "Expand": [Case((1, 3), (whole(1, 2, 3),))],
    "Tile": [Case((3,), (whole(1, 2),))],
    "Pad": [Case((3,), (whole(0, 1, 0, 2),)), Case((3,), (whole(0, 1, 0, 1),), {"mode": "reflect"})],
    "DepthToSpace": [Case((4, 1, 2), (), {"blocksize": 2})],
    "Scaler": [Case((2,), (), {"offset": [1.0, 2.0], "scale": [0.5, 0.25]}, domain=ML)],
    "Normalizer": [Case((3,), (), {"norm": n}, domain=ML) for n in ("L1", "L2")],
    "Binarizer": [Case((3,), (), {"threshold": 0.25}, domain=ML)],
    "Dropout": [Case()],
    "LinearRegressor": [Case((2,), (), {"coefficients": [0.5, -2.0], "intercepts": [0.25]}, domain=ML)],
}  # fmt: skip
# What needs more nodes than one around it, and tests of its own in this folder.
ELSEWHERE = set(
    "Cast CastLike Constant ConstantOfShape Shape Size Range Where Equal Greater GreaterOrEqual Less LessOrEqual "
    "And Or Not ReduceProd OneHot Trilu ArgMax ArgMin TopK LinearClassifier OneHotEncoder LabelEncoder ZipMap "
    "ArrayFeatureExtractor FeatureVectorizer Imputer Erfc".split()
)
# The reference computes some in single precision. Some are onnxruntime's alone.
IN_SINGLE = (
    "Selu",
    "HardSigmoid",
    "HardSwish",
    "Erf",
    "Gelu",
    "LayerNormalization",
    "GroupNormalization",
)
BY_RUNTIME = ("Scaler", "Normalizer", "Binarizer", "LinearRegressor", "GRU", "RNN")


def test_every_operator_has_a_case() -> None:
    assert set(CASES) | ELSEWHERE == set(OPERATORS)


EVERY = [(name, case) for name, cases in CASES.items() for case in cases]
# A sample runs by default.
PARAMETERS = [
    pytest.param(name, case, id=f"{name}-{k}", marks=() if k % 4 == 0 else pytest.mark.slow)
    for k, (name, case) in enumerate(EVERY)
]


@pytest.mark.sample(11)
@pytest.mark.parametrize(("name", "case"), PARAMETERS)
def test_an_operator_gives_what_the_reference_gives(name: str, case: Case, tmp_path: Path) -> None:
    b = Builder(RANDOM, list(case.shape), np.float32 if name in BY_RUNTIME else np.float64)
    if name in ("RNN", "LSTM", "GRU"):
        b.add("Transpose", perm=[1, 0, 2])
    arrays = [b.array(values=values) for values in case.arrays]
    if name == "Concat":
        arrays = [b.name]
    more = {"domain": case.domain} if case.domain else {}
    b.add(name, *arrays, outputs=case.outputs, **case.attributes, **more)
    model = b.model(opset=case.opset, checked=False)
    path = written(model, tmp_path)
    x = np.random.default_rng(1).normal(size=(2, *case.shape)).astype(np.float32).astype(float)
    x = abs(x) + 0.5 if case.positive else x
    experiment = bp.from_onnx(path, x, shapes={"x": case.shape})
    expected = runtime(path, x, 0) if name in BY_RUNTIME else reference(path, x)
    got = outputs_of(experiment)[:, : expected.shape[1]]
    tolerance = 2e-6 if name in (*BY_RUNTIME, *IN_SINGLE) else 1e-12
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def test_conditions_choose_entry_by_entry(tmp_path: Path) -> None:
    b = Builder(RANDOM, [4], np.float64)
    zero, source = b.array(values=np.float64(0.1)), b.name
    tests = []
    for op in ("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"):
        b.name = source
        tests.append(b.add(op, zero))
    b.name = tests[0]
    b.add("And", tests[1])
    b.add("Or", tests[2])
    b.add("Not")
    b.add("Where", source, zero)
    path = written(b.model(), tmp_path)
    x = np.array([[0.1, 0.5, -0.2, 3.0], [-1.0, 0.0, 0.1, 0.2]])
    np.testing.assert_allclose(outputs_of(bp.from_onnx(path, x)), reference(path, x))


@pytest.mark.parametrize("kind", [9, 7])
def test_numbers_become_truths_and_whole_numbers(kind: int, tmp_path: Path) -> None:
    """Cast to a boolean (not 0) and to an integer (towards 0); what is one already stays as it is."""
    b = Builder(RANDOM, [4], np.float64)
    for to in (kind, kind, 11):
        b.add("Cast", to=to)
    path = written(b.model(), tmp_path)
    x = np.array([[0.0, 0.5, -2.5, 3.0]])
    experiment = bp.from_onnx(path, x)
    assert outputs_of(experiment).tolist() == reference(path, x).tolist()
    assert experiment.network is not None
    assert len(experiment.network.layers) == 1


def test_shapes_are_worked_out_as_the_model_is_read(tmp_path: Path) -> None:
    b = Builder(RANDOM, [2, 3], np.float64)
    source = b.name
    shape = b.add("Shape")
    first = b.add_to("Gather", shape, b.array(values=np.int64(0)))
    b.name = first
    b.add("Unsqueeze", b.array(values=np.array([0])))
    b.add("Concat", b.array(values=np.array([-1])), axis=0)
    target = b.add("Cast", to=7)
    b.name = source
    b.add("Reshape", target)
    experiment = bp.from_onnx(written(b.model(), tmp_path), np.arange(6.0).reshape(1, 2, 3))
    assert outputs_of(experiment).tolist() == [[0, 1, 2, 3, 4, 5]]
