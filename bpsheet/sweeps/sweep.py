"""Many runs of one experiment: over a grid of settings, over seeds, on any executor.

>>> import bpsheet as bp
>>> result = bp.sweep(bp.load("two-neuron"), {"learning_rate": [0.1, 1.0]})
>>> result.runs["final_loss"].round(6).tolist()
[0.004041, 0.000285]
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import (
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
)
from contextlib import contextmanager
from functools import partial
from itertools import islice, product
from multiprocessing import Event
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bpsheet.errors import BpsheetError, EngineError, ExperimentError, LimitError, Problem
from bpsheet.guard.signals import signals_wait
from bpsheet.plan.plan import Plan
from bpsheet.sweeps.grid import Grid, plain_grid
from bpsheet.sweeps.kept import Kept
from bpsheet.sweeps.outcomes import Outcome, Outcomes, Results, Settings
from bpsheet.sweeps.variant import SEED, train, variant
from bpsheet.sweeps.workers import begin
from bpsheet.tables.plain import AnyNumber
from bpsheet.words import shown

if TYPE_CHECKING:
    from bpsheet.sweeps.folder import Parts

__all__ = ["Sweep", "sweep"]

# What is kept of a run in memory: 800 MB.
MOST_VALUES = 100_000_000

# A sweep of fewer values than this is over before a pool of processes has started.
SMALL = 20_000_000
# The plan of a run is checked and its program made before its first iteration. That takes as long as
# so many iterations.
PREPARING = 10_000
# How many runs are handed out at a time: enough for a cluster, few enough for memory.
HANDED_OUT = 512
CONTINUES = "runs in a folder are kept, and the sweep continues from them"


@runtime_checkable
class Client(Protocol):
    """A cluster's client that has executors, such as `dask.distributed.Client`."""

    def get_executor(self, *, pure: bool) -> Executor: ...


class Sweep(Outcomes):
    """The runs of a sweep, as tidy DataFrames.

    runs:    a row for each run, by its number: its settings, `first_loss` and `final_loss` (the
             means of the first and of the last epoch, so that no single example decides), and
             `first_error`, the first iteration in which a value overflowed, or NA. With
             `keep="metrics"` also, as far as the experiment has them, `final_accuracy` (the share of
             examples that the last epoch gets right, where the targets are classes),
             `final_validation_loss` and `final_tests_right` (those of the last iteration)
    losses:  a row for each run and kept iteration: run, the settings, iteration, loss, and with
             `keep="metrics"` `is_right` (1 or 0), `validation_loss` and `tests_right`
    weights: with `keep="weights"`, a row for each run and kept iteration: the weights after its update

    The losses and the weights of a sweep with a folder are in the folder, and are read from there.
    """

    def to_excel(self, path: str | Path) -> Path:
        """Write a workbook with a line for each run, the loss against the settings, and a chart.

        If the runs are few and small, each run has its own sheet with live formulas: change a
        learning rate on the sheet Summary, and its loss follows. Returns the path. An existing
        file is replaced. Raises OutputError where the file cannot be written.
        """
        from bpsheet.sweeps.summary import write_summary

        write_summary(self, Path(path))
        return Path(path)


def sweep(
    experiment: Plan,
    grid: Mapping[str, Iterable[AnyNumber | str]],
    executor: Executor | Client | None = None,
    *,
    keep: str | None = None,
    folder: str | Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Sweep:
    """Run an experiment with every combination of settings.

    `grid` has the values of each setting. The settings are those of `Experiment.changed`
    (`learning_rate`, a weight, `iterations`, `batch_size`, `x1[2]`), and `seed` for the weights
    that are drawn at random.
    `executor` is an executor of `concurrent.futures` or of its kind, such as MPI's, or a Dask
    cluster's `Client`. The default is a pool with a process for each processor.
    `keep` says which iterations are kept ("every:100", "last:1"), and that each has its metrics
    and the weights after its update: "every:100,metrics,weights". Default: the loss of each iteration.
    `folder` gets each run as it ends, as Parquet in the files losses/run-1.parquet, run-2.parquet …,
    and at the end `runs` as _runs.parquet. An interrupted sweep continues from its folder.
    `progress` is called with the number of runs done.

    Raises ExperimentError for settings that do not fit, OutputError for a folder that holds
    something else, EngineError for a process that dies or an executor that fails.

    >>> import bpsheet as bp
    >>> result = bp.sweep(bp.load("two-neuron"), {"seed": range(3), "iterations": [10]})
    >>> result.losses.shape
    (30, 5)
    >>> bp.sweep(bp.load("two-neuron"), {"seed": [1]}, keep="last:1,weights").weights.shape
    (1, 5)
    """
    if not isinstance(experiment, Plan):
        said = f'an experiment expected, such as bp.load("two-neuron"); got {shown(experiment)}'
        raise ExperimentError([Problem("experiment", said)], "sweep")
    given = _executor_of(executor)
    values = plain_grid(grid, experiment.model.weights)
    kept = Kept.of(keep, experiment) if keep is not None else Kept()
    settings = _combinations(experiment, values, kept)
    parts: Parts | None = None
    done: dict[int, Results] = {}
    # Without a folder all that is kept is in memory.
    held: dict[int, Outcome] = {}
    if folder is not None:
        from bpsheet.sweeps.folder import Parts

        parts = Parts(Path(folder), experiment, values, settings, kept)
        done = parts.results()
    tell = progress or (lambda _count: None)
    tables = json.dumps(experiment.to_dict())
    left = [number for number in range(len(settings)) if number not in done]
    tell(len(done))
    with _chosen(given, experiment, len(left)) as pool:
        tasks = ((number, (train, tables, settings[number], kept)) for number in left)
        for number, outcome in _results(pool, tasks):
            if parts is None:
                held[number] = outcome
            else:
                parts.write(number, outcome)
            done[number] = outcome.results
            tell(len(done))
    results = [done[number] for number in range(len(settings))]
    take = parts.outcome if parts is not None else held.__getitem__
    result = Sweep(experiment, settings, kept, results, take)
    if parts is not None:
        parts.finish(result.runs)
    return result


def _executor_of(given: Executor | Client | None) -> Executor | None:
    """The executor, or that of a cluster's client. Raises ExperimentError for anything else."""
    if isinstance(given, type) or not (given is None or hasattr(given, "submit")):
        reason = (
            "an executor expected, such as ThreadPoolExecutor(4) of concurrent.futures, or a "
            f"Dask Client; got {shown(given)}"
        )
        raise ExperimentError([Problem("executor", reason)], "sweep")
    if not isinstance(given, Client):
        return given
    if getattr(given, "asynchronous", False):
        reason = "this client is asynchronous, but a sweep needs a client that waits for its runs"
        raise ExperimentError([Problem("executor", reason)], "sweep")
    # Pure runs that are the same in two sweeps would be one, and cancelled with either of them.
    return given.get_executor(pure=False)


def _combinations(experiment: Plan, grid: Grid, kept: Kept) -> list[Settings]:
    """The settings of each run. Each value is tried, so that a slip is found at once.

    Raises ExperimentError, with every problem.
    """
    if experiment.model.loss is None:
        raise ExperimentError([Problem("", "this experiment has no loss to compare")], "sweep")
    _check_memory(experiment, kept)
    problems = []
    for name, values in grid.items():
        # All seeds are allowed if one is, so only the first is tried.
        for value in values[:1] if name == SEED else values:
            try:
                _check_memory(variant(experiment, {name: value}), kept)
            except ExperimentError as error:
                problems += [Problem(name, problem.message) for problem in error.problems]
    if problems:
        raise ExperimentError(list(dict.fromkeys(problems)), "sweep")
    return [dict(zip(grid, row, strict=True)) for row in product(*grid.values())]


def _check_memory(experiment: Plan, kept: Kept) -> None:
    """Raise LimitError for a run of which more is kept than fits in memory."""
    iterations = experiment.iterations
    values = iterations * (1 + len(kept.metrics))
    if kept.weights:
        values += kept.iterations.count(iterations) * len(experiment.model.weights)
    if values > MOST_VALUES:
        raise LimitError(
            f"a run of {iterations:,} iterations has {values:,} losses, metrics and kept weights, "
            f"which a sweep holds in memory; {MOST_VALUES:,} at the most. Ask for fewer iterations, "
            "or keep the weights of fewer"
        )


@contextmanager
def _chosen(executor: Executor | None, experiment: Plan, runs: int) -> Iterator[Executor | None]:
    """The given executor, a pool of processes, or None for a sweep that is faster without one."""
    size = runs * (experiment.iterations + PREPARING) * len(experiment.columns)
    if executor is not None or size < SMALL:
        yield executor
        return
    workers = min(os.cpu_count() or 1, runs)
    try:
        stopped = Event()
        processes = ProcessPoolExecutor(workers, initializer=partial(begin, stopped))
    except OSError:
        # Processes communicate through /dev/shm, which is missing or full here.
        yield None
        return
    with processes as pool:
        try:
            yield pool
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


def _results(
    pool: Executor | None, tasks: Iterator[tuple[int, tuple[Any, ...]]]
) -> Iterator[tuple[int, Outcome]]:
    """The outcomes, in the order in which they come."""
    if pool is None:
        for number, (call, *arguments) in tasks:
            yield number, call(*arguments)
        return
    running: dict[Future[Outcome], int] = {}
    ended: SimpleQueue[Future[Outcome]] = SimpleQueue()
    try:
        while True:
            with signals_wait():
                for number, task in islice(tasks, HANDED_OUT - len(running)):
                    future = _submitted(pool, task)
                    running[future] = number
                    future.add_done_callback(ended.put)
            if not running:
                return
            first = ended.get()
            with signals_wait():
                number, outcome = running.pop(first), first.result()
            yield number, outcome
    except BpsheetError:
        raise
    except BrokenExecutor:
        said = "a process of the sweep was ended from outside, perhaps for lack of memory"
        raise EngineError(f"{said}; {CONTINUES}") from None
    except CancelledError:
        # A cluster's client cancels what it has when it loses its connection to the cluster.
        said = "the executor has cancelled runs of the sweep, perhaps because its connection to a cluster was lost"
        raise EngineError(f"{said}; {CONTINUES}") from None
    except Exception as error:
        # Each kind of executor has errors of its own, for a worker that was lost again and again.
        said = f"the executor failed at a run of the sweep ({type(error).__name__}: {error})"
        raise EngineError(f"{said}; {CONTINUES}") from error
    finally:
        for future in running:
            future.cancel()


def _submitted(pool: Executor, task: tuple[Any, ...]) -> Future[Outcome]:
    try:
        return pool.submit(*task)
    except OSError as error:
        reason = error.strerror or error
        raise EngineError(f"no process can be started for the sweep ({reason})") from None
