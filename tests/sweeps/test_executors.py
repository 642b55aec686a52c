"""Who may run a sweep: executors, clients of clusters, and what else is told what to give."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor

import dask
import pandas as pd
import pytest
from dask.distributed import Client

import bpsheet as bp
from bpsheet.sweeps import sweep as sweeps

# A cluster within this process.
CLUSTER = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": ":0"}


@pytest.mark.slow
def test_a_dask_client_runs_a_sweep(xor):
    with Client(**CLUSTER) as client:
        there = bp.sweep(xor, {"seed": range(5)}, client)
        assert client.status == "running"
    here = bp.sweep(xor, {"seed": range(5)})
    pd.testing.assert_frame_equal(there.runs, here.runs, check_exact=True)


def test_an_asynchronous_client_is_told_that_a_sweep_waits(xor):
    """It would wait for the very thread in which it waits."""

    async def given():
        async with Client(**CLUSTER, asynchronous=True) as client:
            bp.sweep(xor, {"seed": [1]}, client)

    # In a thread of its own: this one may have an event loop that runs, for tests of pages.
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(lambda: asyncio.run(given()))
        with pytest.raises(bp.ExperimentError, match="executor: this client is asynchronous"):
            done.result()


@pytest.mark.parametrize("given", [4, "threads", ThreadPoolExecutor], ids=str)
def test_what_runs_nothing_is_told_what_to_give(xor, monkeypatch, given):
    monkeypatch.setattr(sweeps, "train", pytest.fail)
    with pytest.raises(bp.ExperimentError, match=r"executor: .*such as ThreadPoolExecutor\(4\)"):
        bp.sweep(xor, {"seed": [1]}, given)


def test_an_executor_of_any_kind_that_breaks_is_one_clear_error(xor):
    class Broken:
        def submit(self, *_task):
            future = Future()
            future.set_exception(BrokenExecutor("gone"))
            return future

    with pytest.raises(bp.EngineError, match="was ended from outside"):
        bp.sweep(xor, {"seed": [1]}, Broken())


class KilledWorkerError(Exception):
    """As Dask calls a run of which several workers died."""


@pytest.mark.parametrize("moment", ["handing out", "running"])
def test_an_error_of_the_executors_own_is_one_clear_error(xor, moment):
    class Failing:
        def submit(self, *_task):
            if moment == "handing out":
                raise KilledWorkerError("3 workers died")
            future = Future()
            future.set_exception(KilledWorkerError("3 workers died"))
            return future

    said = r"executor failed .*\(KilledWorkerError: 3 workers died\); runs in a folder are kept"
    with pytest.raises(bp.EngineError, match=said) as caught:
        bp.sweep(xor, {"seed": [1]}, Failing())
    assert isinstance(caught.value.__cause__, KilledWorkerError)


def test_an_executor_that_is_closed_is_one_clear_error(xor):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(bp.EngineError, match=r"failed at a run .* after shutdown"):
        bp.sweep(xor, {"seed": [1]}, pool)


TWO_WORKERS = """
import bpsheet as bp
from dask.distributed import Client, LocalCluster

if __name__ == "__main__":
    experiment = bp.load("two-neuron").changed({"iterations": 5})
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            bp.sweep(experiment, {"seed": range(1000)}, client, folder="runs", keep="last:1,weights")
"""


@pytest.mark.slow
def test_killed_again_and_again_a_sweep_on_two_workers_loses_no_run_and_has_none_twice(tmp_path):
    (tmp_path / "cluster.py").write_text(TWO_WORKERS)
    command, count = [sys.executable, "cluster.py"], 0
    for more in (50, 300):
        child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
        while len(list(tmp_path.glob("runs/losses/*"))) < count + more:
            assert child.poll() is None
            time.sleep(0.01)
        child.kill()
        child.wait()
        count = len(list(tmp_path.glob("runs/losses/*")))
    assert count < 1000
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    experiment = bp.load("two-neuron").changed({"iterations": 5})
    whole = bp.sweep(experiment, {"seed": range(1000)}, keep="last:1,weights")
    found = pd.read_parquet(tmp_path / "runs" / "losses")
    assert found["run"].tolist() == list(range(1, 1001))
    assert found["loss"].tolist() == whole.losses["loss"].tolist()
    weights = [list(row.values()) for row in found["weights"]]
    assert weights == whole.weights.to_numpy().tolist()


@pytest.mark.slow
def test_a_cluster_that_ends_meanwhile_is_one_clear_error_and_the_folder_is_kept(xor, tmp_path):
    def end(done):
        if done == 3:
            client.close()

    grid = {"seed": range(40)}
    with Client(**CLUSTER) as client:
        with pytest.raises(bp.EngineError, match="cancelled runs of the sweep"):
            bp.sweep(xor, grid, client, folder=tmp_path / "runs", progress=end)
    with Client(**CLUSTER) as client:
        there = bp.sweep(xor, grid, client, folder=tmp_path / "runs")
    pd.testing.assert_frame_equal(there.runs, bp.sweep(xor, grid).runs, check_exact=True)


@pytest.mark.slow
def test_a_cluster_that_has_lost_its_workers_is_an_error_where_it_is_not_to_wait(xor):
    """Dask waits for others without end, unless it is told for how long.

    It says that no worker is running, or stumbles over an outcome that the last worker took along.
    """

    def leave(done):
        if done == 3:
            client.cluster.scale(0)

    with dask.config.set({"distributed.scheduler.no-workers-timeout": "1 s"}):
        with Client(**CLUSTER) as client:
            with pytest.raises(bp.EngineError, match="the executor failed at a run of the sweep"):
                bp.sweep(xor, {"seed": range(2000)}, client, progress=leave)


def test_the_same_sweep_twice_at_once_on_a_cluster_is_not_one_for_both(xor):
    """Dask takes calls with the same arguments for one: whoever calls one off would stop the other."""
    with Client(**CLUSTER) as client:
        submit, keys = client.submit, []

        def watched(*arguments, **options):
            keys.append((future := submit(*arguments, **options)).key)
            return future

        client.submit = watched
        for _ in range(2):
            bp.sweep(xor, {"seed": range(3)}, client)
    assert len(set(keys)) == 6


def test_what_waits_in_an_executor_is_called_off_when_a_sweep_stops(xor):
    """Else an executor of one's own would go on with runs that nobody reads."""

    class Slow:
        def __init__(self):
            self.futures = []

        def submit(self, call, *arguments):
            self.futures.append(Future())
            if len(self.futures) == 1:
                self.futures[0].set_result(call(*arguments))
            return self.futures[-1]

    def stop(done):
        if done:
            raise KeyboardInterrupt

    executor = Slow()
    with pytest.raises(KeyboardInterrupt):
        bp.sweep(xor, {"seed": range(5)}, executor, progress=stop)
    assert [future.cancelled() for future in executor.futures] == [False, True, True, True, True]


def test_runs_that_the_executor_cancels_are_one_clear_error(xor):
    """A Dask client that loses its connection to the cluster does so."""

    class Lost:
        def submit(self, *_task):
            future = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    with pytest.raises(bp.EngineError, match="has cancelled runs of the sweep"):
        bp.sweep(xor, {"seed": [1]}, Lost())
