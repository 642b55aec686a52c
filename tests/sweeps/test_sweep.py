"""Sweeps: every run is the run that it would be alone, on whatever executor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import pandas as pd
import pytest

import bpsheet as bp
from bpsheet.sweeps import sweep as sweeps
from bpsheet.sweeps.variant import variant
from tests.helpers.samples import sampled
from tests.helpers.sweeps import RATES


@pytest.mark.slow
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


@pytest.mark.sample(1)
@pytest.mark.parametrize("keep", ["every:10", "last:3"])
def test_losses_are_thinned_out_as_runs_are(xor, keep):
    found = bp.sweep(xor, {"learning_rate": RATES}, keep=keep)
    numbers = [1, 11, 21, 31, 41] if keep == "every:10" else [39, 40, 41]
    assert found.losses.iteration.tolist() == numbers * 3
    whole = bp.sweep(xor, {"learning_rate": RATES})
    pd.testing.assert_frame_equal(found.runs, whole.runs)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", sampled([ThreadPoolExecutor, ProcessPoolExecutor], ProcessPoolExecutor)
)
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


def test_many_small_runs_go_to_processes_too(monkeypatch):
    """Each of them takes as long to prepare as some thousand iterations."""

    class ChosenError(Exception):
        pass

    def chosen(*_arguments, **_options):
        raise ChosenError

    monkeypatch.setattr(sweeps, "ProcessPoolExecutor", chosen)
    experiment = bp.load("two-neuron").changed({"iterations": 1})
    assert len(bp.sweep(experiment, {"seed": range(9)}).runs) == 9
    with pytest.raises(ChosenError):
        bp.sweep(experiment, {"seed": range(10_000)})


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


@pytest.mark.slow
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
    try:
        until = time.monotonic() + 60
        while len(list(tmp_path.glob("runs/losses/run-*"))) < 10 and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(child.pid, signal.SIGINT)
        _, err = child.communicate(timeout=60)
    finally:
        if child.poll() is None:
            # What hangs would disturb all tests that follow.
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
    assert child.returncode == 130
    assert b"Traceback" not in err
    assert b"Stopped; runs is kept, and the same command goes on from it." in err
    assert len(list(tmp_path.glob("runs/losses/run-*.parquet"))) >= 9
    assert not list(tmp_path.rglob(".bpsheet-*"))


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
        ("formula", {"seed": [1]}, "formulas have no random numbers"),
        ("book-perceptron", {"seed": [1]}, "no loss to compare"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_any_run(monkeypatch, name, grid, said):
    monkeypatch.setattr(sweeps, "train", pytest.fail)
    with pytest.raises(bp.ExperimentError, match=said):
        bp.sweep(bp.load(name), grid)


def test_futures_of_other_kinds_do(xor):
    """An executor need only have submit: MPI's and Dask's have little more."""

    class Plain:
        def submit(self, call, *arguments):
            future = Future()
            future.set_result(call(*arguments))
            return future

    assert len(bp.sweep(xor, {"seed": [1, 2]}, Plain()).runs) == 2


def test_more_iterations_than_losses_fit_into_memory_are_refused_before_any_run():
    experiment = bp.load("two-neuron").changed({"iterations": 1_000_000_000})
    with pytest.raises(bp.LimitError, match="100,000,000 at the most"):
        bp.sweep(experiment, {"seed": [1, 2]})
