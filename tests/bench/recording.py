"""Recording an iteration, with every column, against loops that people write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec

import numpy as np

import bpsheet as bp
from bpsheet.engine.engine import run

from .loops import (
    numpy_layers,
    numpy_tuned,
    numpy_wide,
    torch_two_neuron,
    torch_wide,
    wide_experiment,
)
from .measure import Result, best_times

__all__ = ["recording"]

LONG, SHORT, FEW = 100_000, 5_000, 500
WIDE, WIDE_TORCH = 200, 100


def _write(rows: int, columns: int) -> np.ndarray:
    """A memory write of the same size, in new memory: no recording can be faster."""
    values = np.empty((rows, columns))
    values[:] = 0.5
    return values


def recording() -> Iterator[Result]:
    """Ratios of the time for an iteration."""
    program = bp.load("two-neuron").program(LONG)
    width = len(program)
    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (partial(run, program, LONG), LONG),
        "layers": (partial(numpy_layers, SHORT), SHORT),
        "tuned": (partial(numpy_tuned, SHORT), SHORT),
        "write": (partial(_write, LONG, width), LONG),
    }
    if find_spec("torch"):
        tasks["torch"] = (partial(torch_two_neuron, FEW), FEW)
    times = _each(tasks)
    ours = f"{width} columns: {times['ours'] * 1e6:.2f} µs"
    what = "recording, two-neuron"
    yield _ratio(what, times, "layers", 20, ours)
    yield _ratio(what, times, "tuned", None, ours)
    if "torch" in times:
        yield _ratio(what, times, "torch", 80, ours)
    yield _limit(what, times)
    yield from _wide()


def _wide() -> Iterator[Result]:
    experiment = wide_experiment(WIDE)
    program = experiment.program()
    width, few = len(program), wide_experiment(WIDE_TORCH)
    once = best_times({"ours": partial(run, program, 1)}, rounds=3)["ours"]
    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (partial(run, program, WIDE), WIDE),
        "layers": (partial(numpy_wide, experiment), WIDE),
        "write": (partial(_write, WIDE, width), WIDE),
    }
    if find_spec("torch"):
        tasks["torch"] = (partial(torch_wide, few), WIDE_TORCH)
    times = _each(tasks)
    # What is made once for a run of any length is not part of an iteration.
    times["ours"] -= once / WIDE
    ours = f"{width:,} columns: {times['ours'] * 1e6:.0f} µs, and {once:.2f} s once"
    what = "recording, 64-32-10"
    yield _ratio(what, times, "layers", 3, ours)
    if "torch" in times:
        yield _ratio(what, times, "torch", 3, ours)
    yield _limit(what, times)


def _each(tasks: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Seconds for one iteration of each."""
    found = best_times({name: task for name, (task, _) in tasks.items()})
    return {name: found[name] / count for name, (_, count) in tasks.items()}


AGAINST = {
    "layers": "NumPy loop over matrices",
    "tuned": "NumPy loop over vectors, tuned",
    "torch": "PyTorch autograd, one thread",
}


def _ratio(what: str, times: dict[str, float], other: str, bar: float | None, ours: str) -> Result:
    detail = f"{ours}; theirs {times[other] * 1e6:.1f} µs"
    return Result(what, AGAINST[other], times[other] / times["ours"], bar=bar, detail=detail)


def _limit(what: str, times: dict[str, float]) -> Result:
    detail = f"{times['write'] * 1e6:.2f} µs for the same bytes"
    figure = times["ours"] / times["write"]
    return Result(what, "the limit: a memory write", figure, "times its time", detail=detail)
