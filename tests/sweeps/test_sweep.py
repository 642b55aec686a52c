"""Sweeps: every run is the run, on whatever executor; interrupted ones go on; the workbook."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import ironcalc
import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet import sweeps
from bpsheet.commands.sweep import grid_of
from bpsheet.sweeps import variant

RATES = [0.01, 0.1, 1.0]


@pytest.fixture
def xor():
    return bp.load("book-xor").changed({"iterations": 41})


def test_every_combination_is_run_as_it_would_be_alone(xor):
    """The losses of the first and last epoch are means over its four rows."""
    found = bp.sweep(xor, {"learning_rate": RATES, "seed": [1, 2], "iterations": [9, 41]})
    assert len(found.runs) == 12
    assert list(found.runs) == [
        *["learning_rate", "seed", "iterations", "first_loss", "final_loss", "first_error"]
    ]
    for number, line in found.runs.iterrows():
        settings = {"learning_rate": line.learning_rate, "iterations": int(line.iterations)}
        alone = variant(xor, settings | {"seed": int(line.seed)}).run().frame["MSE"]
        own = found.losses[found.losses.run == number]
        assert own.loss.tolist() == alone.tolist()
        assert own.iteration.tolist() == alone.index.tolist()
        assert set(own.learning_rate) == {line.learning_rate}
        assert line.first_loss == alone.iloc[:4].mean()
        assert line.final_loss == alone.iloc[-4:].mean()
        assert line.first_error is pd.NA


@pytest.mark.parametrize("keep", ["every:10", "last:3"])
def test_losses_are_thinned_out_as_runs_are(xor, keep):
    found = bp.sweep(xor, {"learning_rate": RATES}, keep=keep)
    numbers = [1, 11, 21, 31, 41] if keep == "every:10" else [39, 40, 41]
    assert found.losses.iteration.tolist() == numbers * 3
    whole = bp.sweep(xor, {"learning_rate": RATES})
    pd.testing.assert_frame_equal(found.runs, whole.runs)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_any_executor_gives_the_same_tables(xor, kind):
    grid = {"learning_rate": RATES, "seed": range(5)}
    here = bp.sweep(xor, grid)
    with kind(2) as pool:
        there = bp.sweep(xor, grid, pool)
    pd.testing.assert_frame_equal(there.runs, here.runs, check_exact=True)
    pd.testing.assert_frame_equal(there.losses, here.losses, check_exact=True)


def test_large_sweeps_go_to_a_pool_of_processes(xor, monkeypatch):
    monkeypatch.setattr(sweeps, "SMALL", 0)
    seen = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers, initializer):
            assert callable(initializer)
            seen.append(workers)
            super().__init__(workers)

    monkeypatch.setattr(sweeps, "ProcessPoolExecutor", Pool)
    found = bp.sweep(xor, {"learning_rate": RATES})
    assert seen == [min(os.cpu_count(), 3)]
    assert len(found.runs) == 3


def test_no_more_runs_are_handed_out_than_a_cluster_needs(xor, monkeypatch):
    monkeypatch.setattr(sweeps, "HANDED_OUT", 2)
    waiting = []

    class Counting(ThreadPoolExecutor):
        def submit(self, call, *arguments):
            future = super().submit(call, *arguments)
            waiting.append(future)
            assert sum(not future.done() for future in waiting) <= 2
            return future

    with Counting(1) as pool:
        assert len(bp.sweep(xor, {"seed": range(9)}, pool).runs) == 9
    assert len(waiting) == 9


CLUSTER = """
import os, signal, threading, time
import bpsheet as bp
from dask.distributed import Client, LocalCluster

def kill(client):
    time.sleep(0.5)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)

if __name__ == "__main__":
    experiment = bp.load("book-xor").changed({"iterations": 1000})
    grid = {"learning_rate": [0.1, 1.0], "seed": range(100)}
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            thread = threading.Thread(target=kill, args=[client])
            thread.start()
            there = bp.sweep(experiment, grid, client.get_executor(), keep="last:2")
            killed = not thread.is_alive()
            thread.join()
    here = bp.sweep(experiment, grid, keep="last:2")
    assert there.runs.equals(here.runs) and there.losses.equals(here.losses)
    print("the same", killed)
"""


@pytest.mark.slow
def test_a_dask_cluster_runs_a_sweep_and_outlives_a_killed_worker(tmp_path):
    (tmp_path / "cluster.py").write_text(CLUSTER)
    done = subprocess.run(
        [sys.executable, "cluster.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stdout.strip() == "the same True", done.stderr


def test_a_process_that_dies_is_one_clear_error(xor):
    with ProcessPoolExecutor(1) as pool:
        pool.submit(os._exit, 1)
        with pytest.raises(bp.EngineError, match="was ended from outside"):
            bp.sweep(xor, {"seed": range(3)}, pool)


def test_ctrl_c_stops_a_sweep_without_a_word_from_its_processes(tmp_path):
    """The signal reaches all of them; what was written to the folder is kept."""
    main = "from bpsheet.cli import main; main()"
    grid = ["sweep", "book-xor", "--seeds", "1:5000", "--folder", "runs", "--keep", "last:1"]
    child = subprocess.Popen(
        [sys.executable, "-c", main, *grid],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while len(list(tmp_path.glob("runs/run=*"))) < 10 and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Traceback" not in err
    assert b"Stopped; runs is kept, and the same command goes on from it." in err
    assert len(list(tmp_path.glob("runs/run=*/losses.parquet"))) >= 9
    assert not list(tmp_path.rglob(".bpsheet-*"))


# settings


def test_a_seed_draws_what_is_left_to_chance():
    """Weights without values; the order where it is shuffled; else every trained weight."""
    iris = bp.load("iris")
    one, other = (variant(iris, {"seed": seed}) for seed in (1, 2))
    assert one.initial.seed == one.data.seed == 1
    assert one.program().given["example"] != other.program().given["example"]
    drawn = [column.start for column in one.columns] != [column.start for column in other.columns]
    assert drawn
    matrix = bp.load("two-neuron")
    starts = {c.name: c.start for c in variant(matrix, {"seed": 1}).columns}
    assert starts == {c.name: c.start for c in variant(matrix, {"seed": 1}).columns}
    assert starts["w_xg1"] not in (0.6, variant(matrix, {"seed": 2}).columns[7].start)


def test_a_seed_leaves_frozen_weights_alone():
    given = bp.load("two-neuron")
    frozen = given.replaced(training=given.training.replaced(freeze=["w_xg1"]), hand={})
    starts = {c.name: c.start for c in variant(frozen, {"seed": 5}).columns}
    assert starts["w_xg1"] == 0.6
    assert starts["w_xg2"] != -0.1


@pytest.mark.parametrize(
    ("name", "grid", "said"),
    [
        ("two-neuron", {"learning_rat": [1]}, 'did you mean "learning_rate"'),
        ("two-neuron", {"learning_rate": []}, "no value given"),
        ("two-neuron", {"learning_rate": [0.1, -1, "x"]}, "learning_rate"),
        ("formula", {"seed": [1]}, "formulas leave nothing to chance"),
        ("book-perceptron", {"seed": [1]}, "no loss to compare"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_any_run(monkeypatch, name, grid, said):
    monkeypatch.setattr(sweeps, "train", pytest.fail)
    with pytest.raises(bp.ExperimentError, match=said):
        bp.sweep(bp.load(name), grid)


# folders


def test_a_folder_is_one_table(xor, tmp_path):
    grid = {"learning_rate": RATES, "seed": [3, 4]}
    found = bp.sweep(xor, grid, folder=tmp_path / "runs")
    table = (
        pd.read_parquet(tmp_path / "runs").astype({"run": int}).sort_values(["run", "iteration"])
    )
    pd.testing.assert_frame_equal(
        table[list(found.losses)].reset_index(drop=True), found.losses, check_exact=True
    )
    runs = pd.read_parquet(tmp_path / "runs" / "_runs.parquet")
    pd.testing.assert_frame_equal(runs, found.runs, check_exact=True, check_index_type=False)


class StopError(Exception):
    pass


@pytest.mark.parametrize("kind", [None, ThreadPoolExecutor])
def test_an_interrupted_sweep_goes_on_where_it_was(xor, tmp_path, monkeypatch, kind):
    grid = {"learning_rate": RATES, "seed": range(4)}
    whole = bp.sweep(xor, grid)

    def stop(count):
        if count == 5:
            raise StopError

    pool = None if kind is None else kind(2)
    with pytest.raises(StopError):
        bp.sweep(xor, grid, pool, folder=tmp_path / "runs", progress=stop)
    there = len(list((tmp_path / "runs").glob("run=*/losses.parquet")))
    assert there == 5
    count = []
    train = sweeps.train
    monkeypatch.setattr(sweeps, "train", lambda *a: count.append(1) or train(*a))
    found = bp.sweep(xor, grid, folder=tmp_path / "runs")
    assert len(count) == 12 - there
    pd.testing.assert_frame_equal(found.runs, whole.runs, check_exact=True)
    pd.testing.assert_frame_equal(found.losses, whole.losses, check_exact=True)


def test_errors_and_overflow_come_back_from_a_folder(tmp_path):
    experiment, grid = bp.load("exploding"), {"learning_rate": [0.1, 1.0]}
    first = bp.sweep(experiment, grid, folder=tmp_path / "runs")
    again = bp.sweep(experiment, grid, folder=tmp_path / "runs")
    pd.testing.assert_frame_equal(first.runs, again.runs, check_exact=True)
    assert again.runs.first_error.tolist() == [pd.NA, 8]
    assert math.isnan(again.runs.final_loss[2])


def test_a_folder_of_something_else_is_left_alone(xor, tmp_path):
    bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "runs")
    with pytest.raises(bp.OutputError, match="holds another sweep"):
        bp.sweep(xor, {"seed": [1, 2]}, folder=tmp_path / "runs")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(bp.OutputError, match="is not empty, and holds no sweep"):
        bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "full")
    (tmp_path / "runs" / "run=1" / "losses.parquet").write_bytes(b"PAR1")
    with pytest.raises(bp.OutputError, match="remove it to run it anew"):
        bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "runs")


# the workbook


def recalculated(path, changes=()):
    """The sheet Summary in another engine, after numbers were typed into it."""
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    for (row, column), value in changes:
        model.update_cell_with_number(0, row, column, value)
    model.evaluate()
    return lambda row, column: model.get_cell_value(0, row, column)


@pytest.mark.parametrize("name", ["two-neuron", "book-xor"])
def test_the_table_of_losses_is_live_where_it_is_small(tmp_path, name):
    """Another learning rate typed into a run's line gives the loss of a fresh run with it."""
    experiment = bp.load(name).changed({"iterations": 60})
    found = bp.sweep(experiment, {"learning_rate": RATES})
    path = found.to_excel(tmp_path / "sweep.xlsx")
    stored = load_workbook(path, data_only=True)
    assert stored.sheetnames == ["Summary", "Data", "Run 1", "Run 2", "Run 3"]
    cells = stored["Summary"]
    for row, line in enumerate(found.runs.itertuples(), start=6):
        assert cells.cell(row, 2).value == line.learning_rate
        assert math.isclose(cells.cell(row, 3).value, line.first_loss, rel_tol=1e-12)
        assert math.isclose(cells.cell(row, 4).value, line.final_loss, rel_tol=1e-12)
        assert stored[f"Run {row - 5}"]["B5"].value == line.learning_rate
    assert len(cells._charts) == 1
    cell = recalculated(path)
    for row, line in enumerate(found.runs.itertuples(), start=6):
        assert math.isclose(cell(row, 4), line.final_loss, rel_tol=1e-10)
    cell = recalculated(path, [((7, 2), 0.5)])
    (line,) = bp.sweep(experiment, {"learning_rate": [0.5]}).runs.itertuples()
    assert math.isclose(cell(7, 4), line.final_loss, rel_tol=1e-10)
    assert math.isclose(cell(6, 4), found.runs.final_loss[1], rel_tol=1e-10)


def test_larger_sweeps_have_a_line_each_and_live_statistics(xor, tmp_path):
    found = bp.sweep(xor, {"learning_rate": RATES, "seed": range(1, 8)})
    path = found.to_excel(tmp_path / "sweep.xlsx")
    stored = load_workbook(path, data_only=True)
    assert stored.sheetnames == ["Summary"]
    lines = [[cell.value for cell in row[:5]] for row in stored["Summary"]["A6:E26"]]
    frame = found.runs[["learning_rate", "seed", "first_loss", "final_loss"]].reset_index()
    assert np.array(lines, dtype=float).tolist() == frame.to_numpy(dtype=float).tolist()
    cell = recalculated(path)
    each = found.runs.groupby("learning_rate")["final_loss"]
    for row, (rate, losses) in enumerate(each, start=6):
        expected = [rate, 7, losses.median(), losses.min(), losses.max()]
        kept = [stored["Summary"].cell(row, column).value for column in range(8, 13)]
        assert kept == expected
        assert [cell(row, column) for column in range(8, 13)] == pytest.approx(expected, rel=1e-12)


def test_a_sweep_with_overflow_is_a_workbook_too(tmp_path):
    found = bp.sweep(bp.load("exploding"), {"learning_rate": [0.1, 1.0]})
    stored = load_workbook(found.to_excel(tmp_path / "live.xlsx"), data_only=True)["Summary"]
    assert stored["D7"].value == "#NUM!"
    many = bp.sweep(bp.load("exploding"), {"learning_rate": np.linspace(0.1, 1, 14).tolist()})
    stored = load_workbook(many.to_excel(tmp_path / "many.xlsx"), data_only=True)["Summary"]
    assert stored["D19"].value == "overflow"
    assert stored["E19"].value == 8


# the command


def test_the_command_sweeps_and_tells_the_best(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["sweep", "book-xor", "--grid", "learning_rate=0.1,1", "--seeds", "1:6"]
    status, out, _ = command(*arguments, "--folder", "runs", "--set", "iterations=40")
    assert status == 0
    assert "12 runs" in out
    assert "Wrote outputs/book-xor-sweep.xlsx: a line for each run." in out
    assert len(list((tmp_path / "runs").glob("run=*"))) == 12
    table = [line.split() for line in out.split("\n")[2:10]]
    losses = [float(line[-1]) for line in table]
    assert losses == sorted(losses)
    assert command(*arguments, "--set", "iterations=40", "-o", "x.csv")[0] == 0
    assert len(pd.read_csv("x.csv")) == 12
    assert command(*arguments, "--set", "iterations=40", "-o", "x.parquet")[0] == 0
    assert len(pd.read_parquet("x.parquet")) == 12


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "something to vary expected"),
        (["--grid", "learning_rate"], "NAME=VALUE,VALUE,… expected"),
        (["--grid", "=1,2"], "NAME=VALUE,VALUE,… expected"),
        (["--grid", "learning_rate="], "NAME=VALUE,VALUE,… expected"),
        (["--seeds", "5:1"], "FIRST:LAST expected"),
        (["--seeds", "1-3"], "FIRST:LAST expected"),
        (["--seeds", "1:3", "-o", "x.txt"], "ends in .xlsx, .csv, .parquet expected"),
        (["--seeds", "1:3", "--keep", "all"], "every:100 or last:1000"),
    ],
)
def test_the_command_says_what_it_expects(command, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = command("sweep", "two-neuron", *arguments)
    assert status in (1, 2)
    assert said in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_grids_read_numbers_and_words():
    assert grid_of(["reduction=sum,mean", "x1[2] = 1, 2"], "7") == {
        "reduction": ["sum", "mean"],
        "x1[2]": [1.0, 2.0],
        "seed": [7],
    }


def test_futures_of_other_kinds_do(xor):
    """An executor need only have submit: MPI's and Dask's have little more."""

    class Plain:
        def submit(self, call, *arguments):
            future = Future()
            future.set_result(call(*arguments))
            return future

    assert len(bp.sweep(xor, {"seed": [1, 2]}, Plain()).runs) == 2
