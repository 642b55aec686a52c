"""Traces: DataFrames over one array, which work as users of pandas expect."""

from __future__ import annotations

import csv
import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import bpsheet as bp
from bpsheet.program.kinds import Phase
from tests.helpers.samples import draws
from tests.helpers.strategies import experiments

FRAMES = ("frame", "inputs", "weights", "forward", "backward", "update")


@pytest.fixture(scope="module")
def trace():
    return bp.load("two-neuron").run(iterations=20)


def with_tests():
    experiment = bp.load("two-neuron")
    return bp.Experiment(
        **(experiment.to_dict() | {"test": {"examples": [[-0.9, 0.1, 1.0], [0.9, 0.1, 0.0]]}})
    ).run(iterations=4)


COUNTERS = {"epoch", "example", "batch_row", "batch_end", "updates"}


def are_views(frame, traced):
    """Whether all columns of a frame are views of the array, except for those that count."""
    return all(
        np.shares_memory(frame[name].to_numpy(), traced.values) for name in {*frame} - COUNTERS
    )


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_views_of_the_one_array(trace, name):
    frame = getattr(trace, name)
    assert are_views(frame, trace)
    assert trace.values.dtype == np.float64
    if name not in ("frame", "inputs"):
        assert np.shares_memory(frame.to_numpy(), trace.values)


def test_frames_of_a_run_with_tests_are_views_too():
    traced = with_tests()
    for name in (*FRAMES, "tests"):
        assert are_views(getattr(traced, name), traced)


def test_counters_are_whole_numbers_in_the_frames():
    """All of them, and nothing else: also the number of updates, in the middle of the others."""
    tables = bp.load("n-samples").to_dict()
    tables["training"] |= {"rule": "adam", "learning_rate": 0.01}
    traced = bp.Experiment(**tables).run(10)
    whole = {name for name, kind in traced.frame.dtypes.items() if kind == np.int64}
    assert whole == COUNTERS
    assert traced.frame["updates"].tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert list(traced.frame.query("example == 2").groupby("epoch").groups) == [1, 2, 3]
    assert set(traced.frame.drop(columns=list(COUNTERS)).dtypes) == {np.dtype(float)}


@pytest.mark.parametrize("name", FRAMES)
def test_iterations_count_from_1_and_are_the_index(trace, name):
    frame = getattr(trace, name)
    assert frame.index.name == "iteration"
    assert frame.index.tolist() == list(range(1, 21))
    assert "iteration" not in frame.columns
    assert len(trace) == 20


def test_the_steps_have_the_sources_own_names_in_the_order_of_computation(trace):
    weights = ["w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1"]
    assert list(trace.inputs) == ["epoch", "example", "x1", "x2", "y"]
    assert list(trace.weights) == weights
    assert list(trace.forward) == ["z_g", "g", "z_f", "f", "MSE"]
    assert list(trace.backward) == ["MSE'", "f'", "f_error", "g'", "g_error"] + [
        f"dMSE / d{name}" for name in weights
    ]
    assert list(trace.update) == [f"delta_{name}" for name in weights]
    parts = [getattr(trace, name) for name in FRAMES[1:]]
    assert list(trace.frame) == [name for part in parts for name in part]


def test_a_step_that_a_run_does_not_have_is_an_empty_frame(trace):
    assert trace.tests.shape == (20, 0)
    assert trace.tests.index.equals(trace.frame.index)


def test_verdicts_are_numbers_in_the_tests():
    tests = with_tests().tests
    assert list(tests)[-2:] == ["test 1", "test 2"]
    assert set(np.unique(tests[["test 1", "test 2"]])) <= {0.0, 1.0}


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.__setitem__("g", 0.0),
        lambda frame: frame.loc.__setitem__((1, "g"), 99.0),
        lambda frame: frame.iloc.__setitem__((0, 0), 99.0),
        lambda frame: frame.insert(0, "new", 1.0),
        lambda frame: frame.pop("g"),
        lambda frame: frame.update(frame * 0),
        lambda frame: setattr(frame, "columns", [name.upper() for name in frame]),
    ],
)
def test_a_frame_may_be_changed_and_the_trace_stays_as_it_was(trace, change):
    before = trace.values.copy()
    names = list(trace.frame)
    change(trace.frame)
    change(trace.forward)
    np.testing.assert_array_equal(trace.values, before)
    assert list(trace.frame) == names


def test_frames_can_be_queried(trace):
    late = trace.frame.query("MSE < 0.16 and iteration > 5")
    assert 0 < len(late) < 20
    assert (late["MSE"] < 0.16).all()
    assert (trace.frame.query("`dMSE / dw_xg1` > 0")["dMSE / dw_xg1"] > 0).all()


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_written_as_csv_to_the_last_bit(trace, name):
    frame = getattr(trace, name)
    header, *rows = csv.reader(io.StringIO(frame.to_csv()))
    assert header == ["iteration", *frame]
    assert [int(row[0]) for row in rows] == list(frame.index)
    again = np.array([[float(cell) for cell in row[1:]] for row in rows])
    assert again.tobytes() == frame.to_numpy(copy=True).tobytes()


def test_frames_are_drawn(trace):
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    axes = trace.frame[["g", "f"]].plot()
    drawn = [line.get_xydata() for line in axes.get_lines()]
    assert [label.get_text() for label in axes.get_legend().get_texts()] == ["g", "f"]
    assert axes.get_xlabel() == "iteration"
    np.testing.assert_array_equal(drawn[0][:, 0], range(1, 21))
    np.testing.assert_array_equal(drawn[1][:, 1], trace.frame["f"])
    trace.update.plot()
    plt.close("all")


def test_frames_are_aggregated(trace):
    assert trace.forward.mean()["f"] == pytest.approx(trace.values[:, 14].mean(), rel=1e-14)
    assert trace.frame.groupby("epoch")["MSE"].size().tolist() == [1] * 20
    assert trace.frame.tail(1)["f"].item() == trace.frame.loc[20, "f"]


def test_steps_have_three_rows_for_each_iteration(trace):
    steps = trace.steps
    assert len(steps) == 60
    assert steps.index.names == ["iteration", "step"]
    assert steps.index[:4].tolist() == [
        (1, "forward"),
        (1, "backward"),
        (1, "update"),
        (2, "forward"),
    ]
    assert list(steps) == list(trace.frame)


def test_a_row_of_steps_holds_what_its_step_computes_and_nothing_else(trace):
    steps = trace.steps
    forward = steps.xs("forward", level="step")
    own = [*trace.inputs, *trace.weights, *trace.forward]
    floats = trace.frame[own].astype(float)
    pd.testing.assert_frame_equal(forward[own], floats, check_index_type=False)
    assert forward.drop(columns=own).isna().all(axis=None)
    for name in ("backward", "update"):
        part = steps.xs(name, level="step")
        own = list(getattr(trace, name))
        pd.testing.assert_frame_equal(part[own], trace.frame[own], check_index_type=False)
        assert part.drop(columns=own).isna().all(axis=None)


def test_every_quantity_stands_in_one_step_of_each_iteration():
    traced = with_tests()
    assert (traced.steps.notna().groupby("iteration").sum() == 1).all(axis=None)


def test_steps_are_made_anew_so_that_changing_them_changes_nothing_else(trace):
    before = trace.values.copy()
    steps = trace.steps
    steps.loc[:, "g"] = 0.0
    np.testing.assert_array_equal(trace.values, before)
    assert trace.steps["g"].notna().any()


def test_the_columns_say_what_each_one_is(trace):
    columns = trace.columns
    assert list(columns.index) == list(trace.program.names)
    f_error = columns.loc["f_error"]
    assert f_error["phase"] == "backward"
    assert f_error["role"] == "error term"
    assert f_error["layer"] == 2
    assert f_error["neuron"] == "f"
    assert f_error["formula"] == "MSE'*f'"
    assert f_error["latex"] == r"f_{\mathrm{error}} = \mathrm{MSE}' \cdot f'"
    assert f_error["meaning"].startswith("error term of f")
    assert columns.loc["z_g", "formula"] == "1*w_xg0 + x1*w_xg1 + x2*w_xg2"
    assert columns["meaning"].str.len().min() > 10


def test_the_columns_say_whose_gradient_and_whose_adjustment_each_one_is():
    """With a memory of the rule between them, and weights that are never updated."""
    tables = bp.load("n-samples").to_dict()
    tables["training"] |= {"rule": "adam", "learning_rate": 0.01, "freeze": ["w1_12"]}
    columns = bp.Experiment(**tables).run(4).columns
    weights = columns[columns["role"] == "weight"]
    assert list(weights["weight"]) == list(weights.index)
    assert weights.loc[["w2_12", "w1_12"], ["layer", "neuron", "input"]].values.tolist() == [
        [2, "out1", "a1_2"],
        [1, "h1", "x_2"],
    ]
    assert pd.isna(weights.loc["b2_1", "input"])
    assert weights.index[weights["is_bias"]].tolist() == ["b1_1", "b1_2", "b2_1", "b2_2"]
    of_weights = columns[columns["weight"].notna() & (columns["role"] != "weight")]
    roles = ("gradient", "running sum of a gradient", "memory of the rule", "adjustment")
    assert set(of_weights["role"]) >= set(roles)
    for name, row in of_weights.iterrows():
        assert row["weight"] in name
        whose = weights.loc[row["weight"]]
        for key in ("layer", "neuron", "input", "is_bias"):
            assert whose[key] == row[key] or (pd.isna(whose[key]) and pd.isna(row[key]))
    assert "w1_12" not in set(of_weights.loc[of_weights["role"] == "adjustment", "weight"])
    errors = columns[columns["role"] == "error term"]
    assert errors[["layer", "neuron"]].values.tolist() == [
        [2, "out2"],
        [2, "out1"],
        [1, "h2"],
        [1, "h1"],
    ]
    assert errors["weight"].isna().all()


def test_the_columns_of_layers_of_other_kinds_have_their_layer():
    trace = bp.load("rnn").run(1)
    columns = trace.columns
    first, _, last = (names.get("b") for names in trace.experiment.model.names_by_layer)
    assert columns.loc["Wh_1_2", "layer"] == columns.loc["delta_Wh_1_2", "layer"] == 1
    names = [f"{first}_1", f"{last}_1", "W_1_1", "dloss_dW_1_1"]
    assert columns.loc[names, "layer"].tolist() == [1, 3, 3, 3]
    assert columns.loc[names, "is_bias"].tolist() == [True, True, False, False]
    assert columns.loc[f"dloss_d{last}_1", "weight"] == f"{last}_1"
    assert bp.load("formula").run(1).columns["layer"].isna().all()


def test_the_excel_formulas_of_the_columns_refer_to_each_other(trace):
    """As they stand in the row of the second iteration of the full layout."""
    excel = trace.columns["excel"]
    assert excel["z_g"] == "1*G9+D9*H9+E9*I9"
    assert excel["w_xg1"] == "H8+AB8"
    assert excel["delta_w_xg1"] == "-$B$5*W9"
    assert excel["f"] == "IF(N9<-709,0,1/(1+EXP(-N9)))"
    assert (excel != "").all()


def test_given_columns_have_no_formula():
    order = {"examples": [[-0.9, 0.1, 1.0]], "order": [1, 1, 1]}
    tables = bp.load("two-neuron").to_dict() | {"data": order}
    example = bp.Experiment(**tables).run().columns.loc["example"]
    assert (example["formula"], example["excel"], example["latex"]) == ("", "", "")


def test_the_phases_of_the_columns_are_those_of_the_frames(trace):
    columns = trace.columns
    assert set(columns["phase"]) <= {str(phase) for phase in Phase}
    for name, phase in (("weights", "weight"), ("forward", "forward"), ("update", "update")):
        assert columns.index[columns["phase"] == phase].tolist() == list(getattr(trace, name))


def test_a_trace_says_what_it_is(trace):
    assert repr(trace) == "<Trace of two-neuron: 20 iterations, 31 columns>"
    assert trace.first_error is None


@given(experiments())
@draws(40)
def test_the_frames_of_any_run_are_its_array(experiment):
    traced = experiment.run()
    frame = traced.frame
    assert are_views(frame, traced)
    np.testing.assert_array_equal(frame.to_numpy(), traced.values[:, 1:])
    assert len(traced.steps) == 3 * len(frame)
    parts = [*FRAMES[1:-1], "validation", FRAMES[-1]]
    together = [name for part in parts for name in getattr(traced, part)]
    assert together == list(frame)
