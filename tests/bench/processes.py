"""Whole processes, and what is made once for a wide network."""

from __future__ import annotations

import compileall
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import bpsheet as bp
from bpsheet.engine.engine import run

from .measure import Result, median_times, process

__all__ = ["processes"]

RUN = (
    "import sys; from bpsheet.cli import main; sys.argv = ['bpsheet', 'run', 'two-neuron']; main()"
)


def processes() -> Iterator[Result]:
    """Ratios of seconds."""
    code = {
        "run": RUN,
        "pandas and openpyxl": "import pandas, openpyxl",
        "bpsheet": "import bpsheet",
        "pandas": "import pandas",
    }
    # As installing does.
    compileall.compile_dir(str(Path(bp.__file__).parent), quiet=2)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            tasks = {name: partial(process, "-c", source) for name, source in code.items()}
            times = median_times(tasks, rounds=7)
        finally:
            os.chdir(here)
    yield _ratio("bpsheet run two-neuron", times, ("run", "pandas and openpyxl"), 1.25)
    yield _ratio("import bpsheet", times, ("bpsheet", "pandas"), 1.15)
    yield from _wide()


def _ratio(what: str, times: dict[str, float], pair: tuple[str, str], bar: float) -> Result:
    ours, theirs = (times[name] for name in pair)
    detail = f"{ours:.2f} s; theirs {theirs:.2f} s"
    return Result(what, f"import {pair[1]}", ours / theirs, bar=bar, at_most=True, detail=detail)


def network(units: int) -> bp.Experiment:
    """A network of 64 inputs, a hidden layer and 10 outputs."""
    return bp.Experiment(
        network=bp.Network(
            inputs=[f"x{n + 1}" for n in range(64)],
            targets=[f"t{n}" for n in range(10)],
            loss="half_squared_error",
            layers=[
                bp.Layer(units=units, activation="tanh"),
                bp.Layer(units=10, activation="logistic"),
            ],
        ),
        data=bp.Data(examples=[[0.5] * 74]),
        training=bp.Training(learning_rate=0.1, iterations=1),
    )


def _compiled(units: int) -> tuple[float, int]:
    """Seconds from an experiment to its first row; how many columns."""
    best = float("inf")
    for _ in range(3):
        experiment = network(units)
        begun = time.perf_counter()
        program = experiment.program()
        run(program, 1)
        best = min(best, time.perf_counter() - begun)
    return best, len(program)


def _wide() -> Iterator[Result]:
    large, columns = _compiled(70)
    small, fewer = _compiled(17)
    detail = f"{columns:,} columns: {large:.2f} s; {fewer:,}: {small:.2f} s"
    what = "from an experiment to its first row"
    yield Result(what, "a second", large, "s", bar=1, at_most=True, detail=detail)
    figure = large / columns / (small / fewer)
    yield Result(what, "a quarter of the columns", figure, "times per column", detail=detail)
