"""Numbers come from NumPy, pandas and PyTorch as they are; what is no number stays refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

import bpsheet as bp


class Tensor:
    """What all of PyTorch's tensors have that matters here: `tolist` and a `dtype` of its own."""

    def __init__(self, values, dtype):
        self.values, self.dtype = np.array(values, dtype), f"torch.{dtype}"

    def tolist(self):
        return self.values.tolist()

    def __iter__(self):
        if not self.values.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return (Tensor(value, self.values.dtype.name) for value in self.values)


def tensor(values, dtype):
    """A tensor of PyTorch's where it is installed; else what is like one."""
    try:
        import torch
    except ImportError:
        return Tensor(values, dtype)
    return torch.tensor(values, dtype=getattr(torch, dtype))


NUMBERS = {
    "float64": np.float64(0.5),
    "float32": np.float32(0.5),
    "array": np.array(0.5),
    "tensor": tensor(0.5, "float32"),
    "like-a-tensor": Tensor(0.5, "float64"),
}
WHOLE = {
    "int64": np.int64(2),
    "uint8": np.uint8(2),
    "array": np.array(2),
    "tensor": tensor(2, "int64"),
    "like-a-tensor": Tensor(2, "int64"),
}
LISTS = {
    "tuple": (0.5, np.float32(0.25)),
    "array": np.array([0.5, 0.25]),
    "series": pd.Series([0.5, 0.25], index=[7, 9]),
    "index": pd.Index([0.5, 0.25]),
    "nullable": pd.Series([0.5, 0.25], dtype="Float64"),
    "tensor": tensor([0.5, 0.25], "float32"),
    "like-a-tensor": Tensor([0.5, 0.25], "float32"),
}
NO_NUMBERS = {
    "true": True,
    "numpy-true": np.True_,
    "tensor-true": tensor(True, "bool"),
    "text": "0.5",
    "numpy-text": np.str_("2"),
    "none-of-two": [0.5, 0.25],
    "array-of-one": np.array([0.5]),
}

SHORT = bp.load("two-neuron").changed({"iterations": 3})
TRACE = SHORT.run()
LAYER = {"neurons": ["o", "p"]}
# For each public way in for a number: what it makes of one.
TAKES_A_NUMBER = {
    "field": lambda x: bp.Training(learning_rate=x).learning_rate,
    "positive-field": lambda x: bp.Training(clip_norm=x).clip_norm,
    "schedule": lambda x: bp.Schedule(kind="step", factor=x).factor,
    "range": lambda x: bp.Initial(range=x).range,
    "threshold": lambda x: bp.Test(examples=[[1.0]], threshold=x).threshold,
    "parameter": lambda x: bp.Graph(
        inputs=["x"], parameters={"w": x}, forward=["e = x - w"], loss="e"
    ).parameters["w"],
    "in-a-row": lambda x: bp.Data(examples=[[x, 1]]).examples[0][0],
    "bias": lambda x: bp.Layer(**LAYER, bias=[x, 0]).bias[0],
    "changed-rate": lambda x: SHORT.changed({"learning_rate": x}).training.learning_rate,
    "changed-weight": lambda x: SHORT.changed({"w_xg1": x}).network.layers[0].weights[0][0],
    "changed-data": lambda x: SHORT.changed({"x1[1]": x}).data.examples[0][0],
    "replaced": lambda x: SHORT.training.replaced(learning_rate=x).learning_rate,
    "grid": lambda x: bp.sweep(SHORT, {"learning_rate": [x]}).runs["learning_rate"].item(),
    "delta": lambda x: TRACE.check_gradient(1, delta=x).delta,
}
TAKES_A_WHOLE_NUMBER = {
    "explain": lambda n: int(repr(TRACE.explain(n)).split("Iteration ")[1].split()[0]),
    "check_gradient": lambda n: TRACE.check_gradient(n).iteration,
    "curvature": lambda n: TRACE.curvature(n).iteration,
    "row_of": lambda n: TRACE.row_of(n) + 1,
    "run": lambda n: len(SHORT.run(n)),
    "changed": lambda n: SHORT.changed({"iterations": n}).iterations,
    "iterations": lambda n: bp.Training(iterations=n).iterations,
    "batch_size": lambda n: bp.Training(batch_size=n).batch_size,
    "units": lambda n: bp.Layer(units=n).units,
    "order": lambda n: bp.Data(examples=[[1.0]], order=[n]).order[0],
    "seed": lambda n: bp.Initial(seed=n).seed,
    "grid-seed": lambda n: bp.sweep(SHORT, {"seed": [n]}).runs["seed"].item(),
    "grid-iterations": lambda n: bp.sweep(SHORT, {"iterations": [n]}).runs["iterations"].item(),
}
TAKES_A_LIST = {
    "weights": lambda row: bp.Layer(**LAYER, weights=[row]).weights[0],
    "bias": lambda row: bp.Layer(**LAYER, bias=row).bias,
    "examples": lambda row: bp.Data(examples=[row]).examples[0],
    "tests": lambda row: bp.Test(examples=[row]).examples[0],
    "parameter": TAKES_A_NUMBER["parameter"],
    "grid": lambda row: bp.sweep(SHORT, {"learning_rate": row}).runs["learning_rate"].tolist(),
}


def by_name(argument, table):
    return pytest.mark.parametrize(argument, table.values(), ids=table)


@pytest.mark.sample(45)
@by_name("number", NUMBERS)
@by_name("takes", TAKES_A_NUMBER)
def test_a_number_is_taken_from_anywhere(takes, number):
    found = takes(number)
    assert (type(found), found) == (float, 0.5)


@pytest.mark.sample(38)
@by_name("number", WHOLE)
@by_name("takes", TAKES_A_WHOLE_NUMBER)
def test_a_whole_number_is_taken_from_anywhere(takes, number):
    found = takes(number)
    assert (type(found), found) == (int, 2)


@pytest.mark.sample(20)
@by_name("row", LISTS)
@by_name("takes", TAKES_A_LIST)
def test_numbers_in_a_row_are_taken_from_anywhere(takes, row):
    found = takes(row)
    assert ([type(number) for number in found], found) == ([float, float], [0.5, 0.25])


# A parameter of [graph] may be a vector.
ALSO_A_LIST = TAKES_A_NUMBER["parameter"]
WRONG = [
    pytest.param(takes, wrong, id=f"{name}-{kind}")
    for name, takes in (TAKES_A_NUMBER | TAKES_A_WHOLE_NUMBER).items()
    for kind, wrong in NO_NUMBERS.items()
    if takes is not ALSO_A_LIST or kind not in ("none-of-two", "array-of-one")
]


@pytest.mark.sample(87)
@pytest.mark.parametrize(("takes", "wrong"), WRONG)
def test_what_is_no_number_is_refused_in_words(takes, wrong):
    with pytest.raises(bp.BpsheetError, match="expected"):
        takes(wrong)


@pytest.mark.parametrize("method", ["explain", "check_gradient", "curvature", "row_of", "draw"])
def test_a_float_is_no_iteration_even_where_it_is_whole(method):
    with pytest.raises(bp.ExperimentError, match=r"iteration: a whole number expected; got 2\.0"):
        getattr(TRACE, method)(2.0)


@pytest.mark.sample(2)
@by_name("number", WHOLE)
def test_a_picture_and_a_sheet_take_the_iteration_from_anywhere(number, tmp_path):
    picture = TRACE.draw(number)
    assert any("iteration 2," in text.get_text() for text in picture.axes[0].texts)
    path = TRACE.to_excel(tmp_path / "a.xlsx", sheets={"gradient-check": {"iteration": number}})
    cells = pd.read_excel(path, sheet_name="Gradient check", header=None).iloc[:6, :4]
    assert 2 in cells.to_numpy().ravel().tolist()


@by_name("number", NUMBERS)
def test_a_hand_value_may_be_a_number_from_anywhere(number):
    """It claims the digits that it is printed with: half is 0.5, whatever holds it."""
    assert TRACE.compare({"g": number})["written"].tolist() == ["0.5"]


@pytest.mark.parametrize("kind", [np.float32, partial(np.array, dtype="float32"), Tensor, tensor])
def test_a_hand_value_of_single_precision_claims_no_more_digits_than_it_has(kind):
    number = kind(-0.2449, "float32") if kind in (Tensor, tensor) else kind(-0.2449)
    assert TRACE.compare({"g": number})[["written", "verdict"]].to_numpy().tolist() == [
        ["-0.2449", "correct"]
    ]


@by_name("number", WHOLE)
def test_hand_values_may_be_of_an_iteration_from_anywhere(number):
    if not isinstance(number, np.ndarray):  # which cannot be a key
        assert TRACE.compare({number: {"g": "0.1"}})["iteration"].tolist() == [2]


def test_a_row_of_a_frame_is_hand_values_of_its_iteration():
    row = TRACE.forward.loc[3]
    found = TRACE.compare(row)
    assert found["iteration"].unique().tolist() == [3]
    assert found["verdict"].unique().tolist() == ["correct"]
    assert TRACE.compare({3: row})["verdict"].unique().tolist() == ["correct"]
    bare = pd.Series({"g": -0.24})
    assert TRACE.compare(bare)[["iteration", "verdict"]].to_numpy().tolist() == [[1, "correct"]]


def test_a_frame_of_single_precision_keeps_its_own_digits():
    """And what is missing in it is blank."""
    frame = pd.DataFrame({"g": [-0.2449, np.nan], "f": [0.42, 0.43]}, dtype="float32", index=[1, 2])
    found = TRACE.compare(frame.rename_axis("iteration"))
    assert found["written"].tolist()[:2] == ["-0.2449", "0.42"]
    assert "nan" not in found["written"].tolist()


def test_a_row_of_weights_is_where_another_run_begins():
    assert SHORT.changed(TRACE.weights.loc[3]).run().frame.loc[1, "f"] == TRACE.frame.loc[3, "f"]


@pytest.mark.parametrize("wrong", [None, 0.5, ["learning_rate"]])
def test_changes_without_names_are_refused(wrong):
    with pytest.raises(bp.ExperimentError, match="numbers by their names expected"):
        SHORT.changed(wrong)


def test_names_may_be_the_columns_of_a_frame():
    frame = pd.DataFrame([[0.5, 1.0]], columns=["x", "y"])
    network = bp.Network(
        inputs=frame.columns[:1],
        targets=frame.columns[1:],
        loss="squared_error",
        layers=[bp.Layer(neurons=pd.Index(["o"]))],
    )
    experiment = bp.Experiment(
        network=network, data=bp.Data(examples=frame), training=bp.Training(iterations=1)
    )
    assert experiment.data_names == ("x", "y")
