"""Recording an iteration, with every column, against loops that people write."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from unittest.mock import patch

import numpy as np

import bpsheet as bp
from bpsheet.engine import engine, native
from bpsheet.program.program import Program

from .loops import (
    numpy_layers,
    numpy_tuned,
    numpy_wide,
    numpy_wide_into,
    torch_two_neuron,
    torch_wide,
    wide_experiment,
)
from .measure import Result, median_times

__all__ = ["recording"]

LONG, SHORT, FEW = 100_000, 5_000, 500
WIDE, WIDE_TORCH = 1000, 100
ROUNDS = 21


def _write(rows: int, columns: int) -> Callable[[], object]:
    """A memory write of the same size: no recording can be faster."""
    values = np.zeros((rows, columns))

    def write() -> np.ndarray:
        values[:] = 0.5
        return values

    return write


def _recorder(program: Program, rows: int, *, fast: bool) -> Callable[[], object]:
    """Records so many rows. What is made once for a run of any length is made before, and so is the
    memory: how fast a machine hands out new memory changes from one moment to the next.
    """
    with patch.object(native, "WORTH_IT", 0 if fast else math.inf):
        runner = engine._Runner(program, rows)
    values = np.zeros((rows, len(program)))

    def record() -> np.ndarray:
        runner._done, runner._before, runner._codes = 0, None, None
        for first in range(0, rows, runner.rows):
            runner.fill(values[first : first + runner.rows])
        return values

    return record


def recording() -> Iterator[Result]:
    """Ratios of the time for an iteration."""
    program = bp.load("two-neuron").program(LONG)
    width = len(program)
    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (_recorder(program, LONG, fast=False), LONG),
        "fast": (_recorder(program, LONG, fast=True), LONG),
        "layers": (partial(numpy_layers, SHORT), SHORT),
        "tuned": (partial(numpy_tuned, SHORT), SHORT),
        "write": (_write(LONG, width), LONG),
    }
    if find_spec("torch"):
        tasks["torch"] = (partial(torch_two_neuron, FEW), FEW)
    times = _each(tasks)
    ours = f"{width} columns: {times['ours'] * 1e6:.2f} µs"
    what = "recording, two-neuron"
    yield _ratio(what, times, "layers", 20, ours)
    detail = f"{times['fast'] * 1e9:.0f} ns"
    yield Result(
        what, "the same with the extra fast", times["ours"] / times["fast"], bar=8, detail=detail
    )
    yield _ratio(what, times, "tuned", None, ours)
    if "torch" in times:
        yield _ratio(what, times, "torch", 80, ours)
    yield _limit(what, times)
    yield from _wide()


def _wide() -> Iterator[Result]:
    experiment = wide_experiment(WIDE)
    program = experiment.program()
    width, few = len(program), wide_experiment(WIDE_TORCH)
    stored = numpy_wide(wide_experiment(1)).shape[1]
    tasks: dict[str, tuple[Callable[[], object], int]] = {
        "ours": (_recorder(program, WIDE, fast=False), WIDE),
        "fast": (_recorder(program, WIDE, fast=True), WIDE),
        "layers": (partial(numpy_wide, experiment), WIDE),
        "into": (partial(numpy_wide_into, np.zeros((WIDE, stored)), experiment), WIDE),
        "write": (_write(WIDE, width), WIDE),
    }
    if find_spec("torch"):
        tasks["torch"] = (partial(torch_wide, few), WIDE_TORCH)
    times = _each(tasks)
    ours = f"{width:,} columns: {times['ours'] * 1e6:.0f} µs"
    what = "recording, 64-32-10"
    yield _ratio(what, times, "layers", 1, ours)
    yield _ratio(what, times, "into", None, ours)
    fast = dict(times) | {"ours": times["fast"]}
    said = f"{times['fast'] * 1e6:.1f} µs"
    yield _ratio(f"{what}, with fast", fast, "layers", 3, said)
    yield _ratio(f"{what}, with fast", fast, "into", 3, said)
    yield _limit(f"{what}, with fast", fast, 2)
    if "torch" in times:
        yield _ratio(what, times, "torch", 3, ours)
    yield _limit(what, times)


def _each(tasks: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Seconds for one iteration of each."""
    found = median_times({name: task for name, (task, _) in tasks.items()}, rounds=ROUNDS)
    return {name: found[name] / count for name, (_, count) in tasks.items()}


AGAINST = {
    "layers": "NumPy loop over matrices",
    "into": "the same loop, into memory that is there",
    "tuned": "NumPy loop over vectors, tuned",
    "torch": "PyTorch autograd, one thread",
}


def _ratio(what: str, times: dict[str, float], other: str, bar: float | None, ours: str) -> Result:
    detail = f"{ours}; theirs {times[other] * 1e6:.1f} µs"
    return Result(what, AGAINST[other], times[other] / times["ours"], bar=bar, detail=detail)


def _limit(what: str, times: dict[str, float], bar: float | None = None) -> Result:
    detail = f"{times['write'] * 1e6:.2f} µs for the same bytes"
    figure = times["ours"] / times["write"]
    against = "the limit: a memory write"
    return Result(what, against, figure, "times its time", bar, at_most=True, detail=detail)
