"""Many runs of one experiment: over a grid of settings, over seeds, on any executor.

>>> import bpsheet as bp
>>> found = bp.sweep(bp.load("two-neuron"), {"learning_rate": [0.1, 1.0]})
>>> found.runs["final_loss"].round(6).tolist()
[0.004041, 0.000285]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from multiprocessing import Event
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bpsheet.engine import pieces
from bpsheet.errors import EngineError, ExperimentError, Problem
from bpsheet.experiment import Experiment
from bpsheet.initial import initial_values
from bpsheet.model import NetworkModel
from bpsheet.recording import EVERYTHING, Keep
from bpsheet.wiring import trained_names
from bpsheet.workers import begin, is_stopped

if TYPE_CHECKING:
    from bpsheet.parts import Parts

__all__ = ["RESULTS", "SEED", "Sweep", "sweep", "variant"]

SEED = "seed"
# What the table of runs says of each, after its settings.
RESULTS = ("first_loss", "final_loss", "first_error")
# A sweep of fewer values than this is over before a pool of processes has started.
SMALL = 20_000_000
# So many runs are handed out at a time: enough for a cluster, and no more is held for it.
HANDED_OUT = 512

Settings = dict[str, float | str]


@dataclass(frozen=True)
class Outcome:
    """What a run leaves: the loss of the iterations kept, and where errors began (or 0)."""

    iterations: np.ndarray
    losses: np.ndarray
    first_loss: float
    final_loss: float
    first_error: int


class Sweep:
    """The runs of a sweep, as two tidy DataFrames.

    runs:   a row for each run, by its number: its settings, `first_loss` and `final_loss` (the
            mean of the first and of the last epoch, so that no single example decides), and
            `first_error`, the iteration in which a value overflowed, or NA
    losses: a row for each run and iteration kept: run, the settings, iteration, loss
    """

    def __init__(
        self, experiment: Experiment, settings: Sequence[Settings], outcomes: Sequence[Outcome]
    ) -> None:
        self.experiment = experiment
        self.settings = list(settings)
        self._outcomes = list(outcomes)
        numbers = pd.RangeIndex(1, len(self.settings) + 1, name="run")
        frame = pd.DataFrame(self.settings, index=numbers)
        first, final, failed = RESULTS
        frame[first] = [outcome.first_loss for outcome in outcomes]
        frame[final] = [outcome.final_loss for outcome in outcomes]
        errors = [outcome.first_error or None for outcome in outcomes]
        frame[failed] = pd.array(errors, dtype="Int64")
        self.runs = frame

    def __repr__(self) -> str:
        return f"<Sweep of {self.experiment.name}: {len(self.runs)} runs>\n{self.runs}"

    def _repr_html_(self) -> str:
        return self.runs._repr_html_()  # type: ignore[operator, no-any-return]

    @property
    def losses(self) -> pd.DataFrame:
        parts = zip(self.runs.index, self.settings, self._outcomes, strict=True)
        frames = [losses_frame(run, settings, outcome) for run, settings, outcome in parts]
        return pd.concat(frames, ignore_index=True)

    def to_excel(self, path: str | Path) -> Path:
        """Write a workbook: a line for each run, the loss against the settings, and a chart.

        Where the runs are few and small they are in it, each on a sheet of its own with live
        formulas: change a learning rate on the sheet Summary, and its loss follows.
        Returns the path; a file that is there is replaced. Raises OutputError where it cannot
        be written.
        """
        from bpsheet.workbook.summary import write_summary

        write_summary(self, Path(path))
        return Path(path)


def losses_frame(run: int, settings: Settings, outcome: Outcome) -> pd.DataFrame:
    """The losses of one run, tidy."""
    columns: dict[str, Any] = {"run": run, **settings}
    columns |= {"iteration": outcome.iterations, "loss": outcome.losses}
    return pd.DataFrame(columns)


def variant(experiment: Experiment, settings: Mapping[str, float | str]) -> Experiment:
    """The experiment with other settings: those of `Experiment.changed`, and `seed`.

    A seed draws the weights that the experiment leaves to chance, and the order of examples
    where it is shuffled; where it leaves nothing to chance, all weights that are trained.
    Raises ExperimentError for what does not fit.
    """
    rest = {name: value for name, value in settings.items() if name != SEED}
    changed = experiment.changed(rest) if rest else experiment
    if SEED not in settings:
        return changed
    seed = int(settings[SEED])
    is_shuffled = changed.data.order == "shuffled"
    if not isinstance(changed.model, NetworkModel):
        if not is_shuffled:
            said = (
                "formulas leave nothing to chance; sweep over their first values instead (--grid)"
            )
            raise ExperimentError([Problem(SEED, said)], "sweep")
        return changed.replaced(data=changed.data.replaced(seed=seed))
    parts: dict[str, Any] = {"initial": changed.initial.replaced(seed=seed)}
    if is_shuffled:
        parts["data"] = changed.data.replaced(seed=seed)
    drawn = changed.replaced(**parts)
    model = drawn.model
    assert isinstance(model, NetworkModel)
    if is_shuffled or any(layer.weights is None for layer in model.network.layers):
        return drawn
    layers = [
        layer.replaced(weights=None, bias=layer.bias is not False) for layer in model.network.layers
    ]
    free = model.network.replaced(layers=layers)
    values = initial_values(free, model.layers, drawn.initial)
    trained = trained_names(model.weights, drawn.training.freeze, drawn.training.only)
    return drawn.changed({name: value for name, value in values.items() if name in trained})


def train(tables: dict[str, Any], settings: Settings, keep: Keep) -> Outcome:
    """One run. What comes and goes is plain, so that it can be sent to any process."""
    experiment = variant(Experiment(**tables), settings)
    program, iterations = experiment.program(), experiment.iterations
    place = program.position[experiment.model.loss or ""]
    numbers, losses = [], np.empty(iterations)
    first_error = 0
    for piece in pieces(program, iterations):
        if is_stopped():
            raise EngineError("the sweep was stopped")
        losses[piece.iterations - 1] = piece.values[:, place]
        numbers.append(piece.iterations[keep.chosen(piece.iterations, iterations)])
        if len(piece.errors) and not first_error:
            first_error = int(piece.iterations[piece.first_error_row])
    kept = np.concatenate(numbers)
    epoch = min(len(experiment.data.examples or ()) or 1, iterations)
    with np.errstate(over="ignore"):
        first, final = float(losses[:epoch].mean()), float(losses[-epoch:].mean())
    return Outcome(kept, losses[kept - 1], first, final, first_error)


def sweep(
    experiment: Experiment,
    grid: Mapping[str, Iterable[float | str]],
    executor: Executor | None = None,
    *,
    keep: str | None = None,
    folder: str | Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Sweep:
    """Run an experiment with every combination of settings.

    `grid` has the values of each setting: of `Experiment.changed` (`learning_rate`, a weight,
    `iterations`, `batch_size`, `x1[2]`), and `seed` for the weights that are drawn.
    `executor` is any of `concurrent.futures` or of its kind, such as a Dask cluster's
    (`client.get_executor()`) or MPI's; by default a pool with a process for each processor.
    `keep` thins out the losses ("every:100", "last:1000"). With `folder`, each run is written
    there as it ends, as Parquet in folders run=1, run=2 …, at the end `runs` as _runs.parquet,
    and a sweep that was interrupted goes on where it was.
    `progress` is called with the number of runs done.

    Raises ExperimentError for settings that do not fit, OutputError where the folder holds
    something else, EngineError where a process dies.

    >>> import bpsheet as bp
    >>> found = bp.sweep(bp.load("two-neuron"), {"seed": range(3), "iterations": [10]})
    >>> found.losses.shape
    (30, 5)
    """
    chosen = Keep.of(keep) if keep is not None else EVERYTHING
    settings = _combinations(experiment, grid)
    parts: Parts | None = None
    done: dict[int, Outcome] = {}
    if folder is not None:
        from bpsheet.parts import Parts

        parts = Parts(Path(folder), experiment, grid, chosen)
        done = parts.read(len(settings))
    tell = progress or (lambda _count: None)
    tables = experiment.to_dict()
    left = [number for number in range(len(settings)) if number not in done]
    tell(len(done))
    with _chosen(executor, experiment, len(left)) as pool:
        tasks = ((number, (train, tables, settings[number], chosen)) for number in left)
        for number, outcome in _results(pool, tasks):
            done[number] = outcome
            if parts is not None:
                parts.write(number, losses_frame(number + 1, settings[number], outcome), outcome)
            tell(len(done))
    found = Sweep(experiment, settings, [done[number] for number in range(len(settings))])
    if parts is not None:
        parts.finish(found.runs)
    return found


def _combinations(
    experiment: Experiment, grid: Mapping[str, Iterable[float | str]]
) -> list[Settings]:
    """The settings of each run; each value is tried out, so that a slip is found at once."""
    if experiment.model.loss is None:
        raise ExperimentError([Problem("", "this experiment has no loss to compare")], "sweep")
    values = {name: list(dict.fromkeys(found)) for name, found in grid.items()}
    problems = [Problem(name, "no value given") for name, found in values.items() if not found]
    for name, found in values.items():
        for value in found[:1] if name == SEED else found:
            try:
                variant(experiment, {name: value})
            except ExperimentError as error:
                problems += [Problem(name, problem.message) for problem in error.problems]
    if problems:
        raise ExperimentError(list(dict.fromkeys(problems)), "sweep")
    return [dict(zip(values, row, strict=True)) for row in product(*values.values())]


@contextmanager
def _chosen(
    executor: Executor | None, experiment: Experiment, runs: int
) -> Iterator[Executor | None]:
    """The executor given, a pool of processes, or none where that would only cost time."""
    size = runs * experiment.iterations * len(experiment.columns)
    if executor is not None or size < SMALL:
        yield executor
        return
    workers = min(os.cpu_count() or 1, runs)
    try:
        stopped = Event()
        processes = ProcessPoolExecutor(workers, initializer=partial(begin, stopped))
    except OSError:
        # Processes talk through /dev/shm, which is missing here, or full.
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
    try:
        while True:
            for number, task in islice(tasks, HANDED_OUT - len(running)):
                running[_submitted(pool, task)] = number
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()
    except BrokenProcessPool:
        raise EngineError(
            "a process of the sweep was ended from outside, perhaps for want of memory; what was "
            "written to a folder is kept, and the sweep goes on from it"
        ) from None
    finally:
        for future in running:
            future.cancel()


def _submitted(pool: Executor, task: tuple[Any, ...]) -> Future[Outcome]:
    try:
        return pool.submit(*task)
    except OSError as error:
        said = error.strerror or error
        raise EngineError(f"no process can be started for the sweep ({said})") from None
