"""Recording an iteration, with every column, against loops that people write."""

from __future__ import annotations

import json
import math
import subprocess
import sys
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
from .measure import Result, Rounds, in_turn, rounds_of

__all__ = ["medians", "recording"]

LONG, SHORT, FEW = 100_000, 5_000, 500
WIDE, WIDE_TORCH = 1000, 100
TURNS = 9
# A process lays out its memory once, and is the quicker or the slower for it: so each round is a
# process of its own, which takes turns in itself.
CHILD = "import sys; from tests.bench.recording import medians; medians(sys.argv[1])"

Tasks = dict[str, tuple[Callable[[], object], int]]


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


def _two_neuron_tasks() -> Tasks:
    program = bp.load("two-neuron").program(LONG)
    tasks: Tasks = {
        "ours": (_recorder(program, LONG, fast=False), LONG),
        "fast": (_recorder(program, LONG, fast=True), LONG),
        "layers": (partial(numpy_layers, SHORT), SHORT),
        "tuned": (partial(numpy_tuned, SHORT), SHORT),
        "write": (_write(LONG, len(program)), LONG),
    }
    if find_spec("torch"):
        tasks["torch"] = (partial(torch_two_neuron, FEW), FEW)
    return tasks


def _wide_tasks() -> Tasks:
    experiment = wide_experiment(WIDE)
    program, few = experiment.program(), wide_experiment(WIDE_TORCH)
    stored = numpy_wide(wide_experiment(1)).shape[1]
    tasks: Tasks = {
        "ours": (_recorder(program, WIDE, fast=False), WIDE),
        "fast": (_recorder(program, WIDE, fast=True), WIDE),
        "layers": (partial(numpy_wide, experiment), WIDE),
        "into": (partial(numpy_wide_into, np.zeros((WIDE, stored)), experiment), WIDE),
        "write": (_write(WIDE, len(program)), WIDE),
    }
    if find_spec("torch"):
        tasks["torch"] = (partial(torch_wide, few), WIDE_TORCH)
    return tasks


TASKS = {"two-neuron": _two_neuron_tasks, "64-32-10": _wide_tasks}
# Of each network, what our time and its time with machine code are compared with, and the bar.
BARS: dict[str, dict[tuple[str, str], float | None]] = {
    "two-neuron": {
        ("ours", "layers"): 20,
        ("ours", "fast"): 8,
        ("ours", "tuned"): None,
        ("ours", "torch"): 80,
        ("ours", "write"): None,
    },
    "64-32-10": {
        ("ours", "layers"): 1,
        ("ours", "into"): None,
        ("ours", "torch"): 3,
        ("ours", "write"): None,
        ("fast", "layers"): 3,
        ("fast", "into"): 3,
        ("fast", "write"): 2,
    },
}
AGAINST = {
    "layers": "NumPy loop over matrices",
    "into": "the same loop, into memory that is there",
    "tuned": "NumPy loop over vectors, tuned",
    "torch": "PyTorch autograd, one thread",
    "fast": "the same with the extra fast",
    "write": "the limit: a memory write",
}


def medians(network: str) -> None:
    """Print the seconds of an iteration of each task, as JSON: the process of a round."""
    tasks = TASKS[network]()
    turn = in_turn({name: task for name, (task, _) in tasks.items()})
    turns = Rounds(turn() for _ in range(TURNS))
    print(json.dumps({name: turns.seconds(name).value / tasks[name][1] for name in tasks}))


def recording() -> Iterator[Result]:
    """Ratios of the time for an iteration."""
    there = set(AGAINST) if find_spec("torch") else set(AGAINST) - {"torch"}
    for network, bars in BARS.items():
        pairs = [pair for pair in bars if pair[1] in there]
        rounds = rounds_of(partial(_measured, network), pairs, within=120)
        for pair in pairs:
            yield _line(network, rounds, pair, bars[pair])


def _measured(network: str) -> dict[str, float]:
    code = [sys.executable, "-c", CHILD, network]
    said = subprocess.run(code, check=True, capture_output=True, text=True).stdout
    seconds: dict[str, float] = json.loads(said)
    return seconds


def _line(network: str, rounds: Rounds, pair: tuple[str, str], bar: float | None) -> Result:
    """How often our time goes into theirs; how often that of machine code or the limit into ours."""
    ours, theirs = (rounds.seconds(name).value * 1e6 for name in pair)
    is_limit = pair[1] == "write"
    top, bottom = pair if pair[1] in ("fast", "write") else reversed(pair)
    return rounds.ratio(top, bottom).result(
        f"recording, {network}{', with fast' if pair[0] == 'fast' else ''}",
        AGAINST[pair[1]],
        unit="times its time" if is_limit else "times",
        bar=bar,
        at_most=is_limit,
        detail=f"{ours:.3g} µs; the other {theirs:.3g} µs",
    )
