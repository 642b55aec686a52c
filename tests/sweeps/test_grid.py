"""Grids: whatever holds values is read once; what is no value is refused before any run."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.sweeps import grid as grids
from bpsheet.sweeps import sweep as sweeps
from tests.helpers.samples import sampled, spread
from tests.helpers.sweeps import RATES

HOLDERS = {
    "generator": lambda values: (value for value in values),
    "NumPy array": np.array,
    "pandas Series": pd.Series,
    "tuple": tuple,
}


VALUES = {"learning_rate": RATES, "seed": [1, 2, 3]}


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "holder"),
    spread(
        sampled(
            list(itertools.product(VALUES, HOLDERS)),
            ("learning_rate", "pandas Series"),
            ("learning_rate", "generator"),
            ("seed", "NumPy array"),
            ("seed", "tuple"),
        ),
        2,
    ),
)
def test_values_may_come_in_anything_that_holds_them(xor, tmp_path, name, holder):
    values, holder = VALUES[name], HOLDERS[holder]
    expected = bp.sweep(xor, {name: values})
    for folder in (None, tmp_path / "runs"):
        found = bp.sweep(xor, {name: holder(values)}, folder=folder)
        pd.testing.assert_frame_equal(found.runs, expected.runs, check_exact=True)


def test_a_generator_does_not_bring_back_the_results_of_another(xor, tmp_path):
    bp.sweep(xor, {"seed": iter([1, 2])}, folder=tmp_path / "runs")
    with pytest.raises(bp.OutputError, match="holds another sweep"):
        bp.sweep(xor, {"seed": iter([3, 4])}, folder=tmp_path / "runs")


@pytest.mark.slow
def test_a_setting_has_one_type_in_all_parts_of_a_folder(xor, tmp_path):
    """So that the folder is one table: whole numbers beside others, and numbers beside words."""
    grid = {"learning_rate": [1, 0.5], "batch_size": [2, "all"], "seed": [1, 2**64 - 1]}
    found = bp.sweep(xor, grid, folder=tmp_path / "runs")
    again = bp.sweep(xor, grid, folder=tmp_path / "runs")
    pd.testing.assert_frame_equal(again.runs, found.runs, check_exact=True)
    whole = pd.read_parquet(tmp_path / "runs")
    assert set(whole.learning_rate) == {0.5, 1.0}
    assert set(whole.batch_size) == {"2", "all"}
    assert set(whole.seed) == {1, 2**64 - 1}
    runs = pd.read_parquet(tmp_path / "runs" / "_runs.parquet")
    assert runs.batch_size.tolist() == found.runs.batch_size.astype(str).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("sizes", spread([[2, "all"], ["all", 2]], 1))
def test_numbers_and_words_of_a_setting_stand_in_the_workbook(xor, tmp_path, sizes):
    found = bp.sweep(xor, {"batch_size": sizes})
    sheet = load_workbook(found.to_excel(tmp_path / "sweep.xlsx"), data_only=True)["Summary"]
    assert [sheet["B6"].value, sheet["B7"].value] == sizes


@pytest.mark.sample(17)
@pytest.mark.parametrize("seed", ["a", 1.5, -1, 2**64, True, None, float("nan"), [1], 10**400])
@pytest.mark.parametrize("before", [[], [1]])
def test_a_seed_that_is_none_is_refused_before_any_run(xor, monkeypatch, seed, before):
    monkeypatch.setattr(sweeps, "train", pytest.fail)
    with pytest.raises(bp.ExperimentError, match=r"seed: a whole number from 0 to 2\^64 - 1"):
        bp.sweep(xor, {"seed": [*before, seed]})


def test_a_seed_that_is_a_whole_float_is_the_whole_number(xor):
    found = bp.sweep(xor, {"seed": np.array([1.0, 2.0])})
    pd.testing.assert_frame_equal(found.runs, bp.sweep(xor, {"seed": [1, 2]}).runs)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "nothing varies; give values"),
        ([("seed", [1])], "the values of each setting expected"),
        ({1: [2]}, "a setting's name expected; got 1"),
        ({"learning_rate": 0.1}, "learning_rate: a list of values expected; got 0.1"),
        ({"reduction": "mean"}, 'reduction: a list of values expected; got "mean"'),
        ({"learning_rate": np.array(0.1)}, "learning_rate: a list of values expected"),
        ({"learning_rate": np.eye(2)}, "learning_rate: a list of values expected"),
        ({"learning_rate": [None]}, "learning_rate: a number or a word expected; got None"),
        ({"w_n0_0": [True]}, r"w_n0_0: a number or a word expected; got true \(a boolean\)"),
        ({"w_n0_0": [10**400]}, "w_n0_0: a number or a word expected; got 1000"),
        ({"w_n0_0": [float("inf")]}, "w_n0_0: finite numbers expected"),
        ({"learning_rate": [10**300, "x"]}, 'learning_rate: a number expected; got "x"'),
        ({"learning_rate": itertools.count(1)}, "learning_rate: more than 1,000 values"),
        ({"seed": range(100), "iterations": range(1, 12)}, "1,100 runs; 1,000 at the most"),
    ],
)
def test_what_is_no_grid_is_refused_before_any_run(xor, monkeypatch, grid, said):
    monkeypatch.setattr(grids, "MOST_RUNS", 1_000)
    monkeypatch.setattr(sweeps, "train", pytest.fail)
    with pytest.raises(bp.ExperimentError, match=said):
        bp.sweep(xor, grid)


@pytest.mark.parametrize("name", ["seed", "run", "first_loss", "final_loss", "first_error", "loss"])
def test_a_weight_named_like_a_column_of_the_tables_is_refused(name):
    """In a table two columns of one name cannot be told apart."""
    experiment = bp.Experiment(
        graph={
            "inputs": ["x"],
            "parameters": {name: 0.5},
            "forward": [f"E = (x - {name})^2"],
            "loss": "E",
        },
        data={"examples": [[1.0]]},
        training={"iterations": 2},
    )
    with pytest.raises(bp.ExperimentError, match=f"{name}: .* give the weight another name"):
        bp.sweep(experiment, {name: [1.0, 2.0]})


def test_errors_come_whole_from_another_process():
    """Of a pool's processes an error comes back pickled."""
    with pytest.raises(bp.ExperimentError) as caught:
        bp.load("two-neuron").changed({"learning_rat": 1})
    for error in (caught.value, bp.HandError(["one", "two"], "marks.toml")):
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error)
        assert again.problems == error.problems
