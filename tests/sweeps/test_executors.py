"""Who may run a sweep: executors, clients of clusters, and what else is told what to give."""

from __future__ import annotations

import asyncio
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor

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
