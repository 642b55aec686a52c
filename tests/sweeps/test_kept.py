"""What a sweep keeps on request: the weights after each kept iteration, and metrics."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.sweeps.variant import variant
from tests.helpers.samples import sampled

VALIDATED = {
    "network": {
        "inputs": ["x"],
        "targets": ["t"],
        "loss": "squared_error",
        "layers": [{"neurons": ["y"], "activation": "linear", "weights": [[0.5]]}],
    },
    "data": {"examples": [[1.0, 2.0], [2.0, 3.5]]},
    "validation": {"examples": [[3.0, 5.0]]},
    "training": {"learning_rate": 0.05, "iterations": 6},
}


@pytest.fixture(scope="module")
def iris():
    return bp.load("iris").changed({"iterations": 310})


@pytest.mark.sample(1)
@pytest.mark.parametrize("keep", ["weights", "every:10,weights", "weights, last:1"])
def test_the_weights_are_those_that_the_next_row_of_the_trace_has(xor, keep):
    found = bp.sweep(xor, {"learning_rate": [0.1, 1.0], "seed": [3]}, keep=keep)
    assert list(found.weights) == list(xor.model.weights)
    pd.testing.assert_index_equal(
        found.weights.index, pd.MultiIndex.from_frame(found.losses[["run", "iteration"]])
    )
    for run, rate in ((1, 0.1), (2, 1.0)):
        longer = variant(xor, {"learning_rate": rate, "seed": 3, "iterations": 42}).run()
        own = found.weights.loc[run]
        assert own.to_numpy().tolist() == longer.weights.loc[own.index + 1].to_numpy().tolist()


@pytest.mark.parametrize(
    "name",
    sampled(["two-neuron", "iris", "line-adam", "batch-norm", "cnn-3x3", "rnn"], "batch-norm"),
)
def test_the_last_weights_are_those_that_one_more_iteration_would_use(name):
    """Constants, running statistics and frozen weights among them."""
    experiment = bp.load(name).changed({"iterations": 12})
    rate = experiment.training.learning_rate
    found = bp.sweep(experiment, {"learning_rate": [rate]}, keep="last:1,weights")
    expected = {}
    for array, values in experiment.run(13).weights_at(13).items():
        names = experiment.model.weight_arrays[array]
        expected |= dict(zip(names.ravel().tolist(), values.ravel().tolist(), strict=True))
    assert found.weights.loc[(1, 12)].to_dict() == expected


def test_a_weight_that_varies_can_be_kept_too(tmp_path):
    """Its first value is a setting, and its value later has the same name."""
    experiment = bp.load("two-neuron").changed({"iterations": 5})
    grid = {"w_xg1": [0.1, 0.2]}
    found = bp.sweep(experiment, grid, keep="weights", folder=tmp_path / "runs")
    assert set(found.losses.w_xg1) == {0.1, 0.2}
    assert found.weights.w_xg1.nunique() == 10
    again = bp.sweep(experiment, grid, keep="weights", folder=tmp_path / "runs")
    pd.testing.assert_frame_equal(again.weights, found.weights, check_exact=True)
    pd.testing.assert_frame_equal(
        again.weights, bp.sweep(experiment, grid, keep="weights").weights, check_exact=True
    )


def test_an_iteration_is_right_where_the_largest_output_is_that_of_its_class(iris):
    found = bp.sweep(iris, {"seed": [5]}, keep="metrics")
    frame = variant(iris, {"seed": 5}).run().frame
    outputs = frame[iris.network.layers[-1].neurons]
    targets = frame[list(iris.network.targets)]
    right = outputs.to_numpy().argmax(axis=1) == targets.to_numpy().argmax(axis=1)
    assert found.losses.is_right.tolist() == right.tolist()
    assert found.runs.final_accuracy[1] == right[-150:].mean()
    verdicts = frame[iris.test.names].sum(axis=1)
    assert found.losses.tests_right.tolist() == verdicts.tolist()
    assert found.runs.final_tests_right[1] == verdicts.iloc[-1]
    assert "validation_loss" not in found.losses


def test_of_one_output_an_iteration_is_right_on_the_side_of_its_target(xor):
    found = bp.sweep(xor, {"seed": [5]}, keep="metrics,every:3")
    frame = variant(xor, {"seed": 5}).run().frame
    right = (frame[xor.network.layers[-1].neurons[0]] > 0.5) == (frame["y"] == 1)
    assert found.losses.is_right.tolist() == right.iloc[[*range(0, 41, 3), 40]].tolist()
    assert found.runs.final_accuracy[1] == right.iloc[-4:].mean()


def test_the_share_of_right_examples_is_the_one_that_the_workbook_has(xor, tmp_path):
    experiment = xor.changed({"iterations": 40})
    found = bp.sweep(experiment, {"learning_rate": [0.3]}, keep="metrics")
    run = experiment.changed({"learning_rate": 0.3}).run()
    book = load_workbook(run.to_excel(tmp_path / "x.xlsx", sheets=["charts"]), data_only=True)
    assert book["Charts"]["D4"].value == "examples right, last epoch ="
    assert book["Charts"]["H4"].value == found.runs.final_accuracy[1]


def test_the_validation_loss_is_kept_with_the_metrics():
    experiment = bp.Experiment.from_dict(VALIDATED)
    found = bp.sweep(experiment, {"learning_rate": [0.01, 0.05]}, keep="metrics")
    expected = experiment.run().frame["validation_loss"]
    assert found.losses.validation_loss[found.losses.run == 2].tolist() == expected.tolist()
    assert found.runs.final_validation_loss[2] == expected.iloc[-1]
    assert not {"is_right", "tests_right"} & set(found.losses)


def test_where_outputs_overflowed_nobody_knows_whether_they_are_right():
    tables = {key: table for key, table in VALIDATED.items() if key != "validation"}
    tables["data"] = {"examples": [[1.0, 0.0], [2.0, 1.0]]}
    experiment = bp.Experiment.from_dict(tables)
    settings = {"learning_rate": 1e30, "iterations": 20}
    found = bp.sweep(
        experiment, {name: [value] for name, value in settings.items()}, keep="metrics"
    )
    unknown = experiment.changed(settings).run().frame["y"].isna().to_numpy()
    assert 0 < unknown.sum() < 20
    assert found.losses.is_right.isna().tolist() == unknown.tolist()
    assert math.isnan(found.runs.final_accuracy[1])


@pytest.mark.parametrize(
    ("name", "keep"),
    sampled(
        [("book-xor", "every:7,weights,metrics"), ("iris", "metrics"), ("two-neuron", "weights")],
        ("book-xor", "every:7,weights,metrics"),
    ),
)
def test_what_is_kept_is_the_same_from_a_folder(name, keep, tmp_path):
    experiment = bp.load(name).changed({"iterations": 20})
    here = bp.sweep(experiment, {"seed": range(3)}, keep=keep)
    bp.sweep(experiment, {"seed": range(3)}, keep=keep, folder=tmp_path / "runs")
    (tmp_path / "runs" / "losses" / "run-2.parquet").unlink()
    there = bp.sweep(experiment, {"seed": range(3)}, keep=keep, folder=tmp_path / "runs")
    for table in ("runs", "losses", *(["weights"] if "weights" in keep else [])):
        pd.testing.assert_frame_equal(getattr(there, table), getattr(here, table), check_exact=True)


def test_another_choice_of_what_is_kept_is_another_sweep(xor, tmp_path):
    bp.sweep(xor, {"seed": [1]}, keep="last:1", folder=tmp_path / "runs")
    bp.sweep(xor, {"seed": [1]}, keep=" last:1 ", folder=tmp_path / "runs")
    with pytest.raises(bp.OutputError, match="holds another sweep"):
        bp.sweep(xor, {"seed": [1]}, keep="last:1,weights", folder=tmp_path / "runs")


@pytest.mark.parametrize(
    "keep", ["", "all", "weight", "last:1,every:2", "weights,", "every:0,weights"]
)
def test_other_words_are_told_what_may_be_kept(xor, keep):
    with pytest.raises(bp.ExperimentError, match="weights and metrics expected"):
        bp.sweep(xor, {"seed": [1]}, keep=keep)


def test_an_experiment_without_metrics_is_told_what_they_are():
    with pytest.raises(bp.ExperimentError, match=r"no metrics.*no classes.*\[test\]"):
        bp.sweep(bp.load("line-adam"), {"learning_rate": [0.1]}, keep="metrics")


def test_weights_that_were_not_kept_are_told_how_to_keep_them(xor):
    with pytest.raises(bp.ExperimentError, match='keep="weights" keeps them'):
        _ = bp.sweep(xor, {"seed": [1]}).weights


def test_more_weights_than_fit_into_memory_are_refused_before_any_run():
    experiment = bp.load("digits").changed({"iterations": 100_000})
    with pytest.raises(bp.LimitError, match="keep the weights of fewer"):
        bp.sweep(experiment, {"learning_rate": [0.1]}, keep="weights")


def test_a_varied_number_of_iterations_has_the_same_limit(xor):
    with pytest.raises(bp.LimitError, match="100,000,000 at the most"):
        bp.sweep(xor, {"iterations": [10, 10**9]})


def test_a_setting_called_as_a_metric_is_told_so():
    experiment = bp.Experiment.from_dict(
        {
            "graph": {
                "parameters": {"is_right": 1.0},
                "forward": ["f = (is_right - 2)^2"],
                "loss": "f",
            },
            "training": {"learning_rate": 0.1, "iterations": 3},
        }
    )
    with pytest.raises(bp.ExperimentError, match='a column "is_right" of their own'):
        bp.sweep(experiment, {"is_right": [0.5]})


@pytest.mark.slow
def test_the_workbook_says_how_the_metrics_ended(xor, tmp_path):
    found = bp.sweep(xor, {"seed": range(14)}, keep="metrics")
    sheet = load_workbook(found.to_excel(tmp_path / "s.xlsx"), data_only=True)["Summary"]
    heads = [cell.value for cell in sheet[5]][:7]
    assert heads[4:] == [
        "share right in the last epoch",
        "tests right at the end",
        "first error at iteration",
    ]
    for name, letter in (("final_accuracy", "E"), ("final_tests_right", "F")):
        written = [sheet[f"{letter}{row}"].value for row in range(6, 20)]
        assert written == found.runs[name].tolist()
