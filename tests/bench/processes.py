"""Whole processes, and what is made once for a wide network."""

from __future__ import annotations

import compileall
import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import bpsheet as bp
from bpsheet.engine.engine import run

from .measure import Result, Rounds, in_turn, process, rounds_of

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
            pairs = [("run", "pandas and openpyxl"), ("bpsheet", "pandas")]
            rounds = rounds_of(in_turn(tasks), pairs)
        finally:
            os.chdir(here)
    yield _ratio("bpsheet run two-neuron", rounds, *pairs[0], 1.25)
    yield _ratio("import bpsheet", rounds, *pairs[1], 1.15)
    yield from _wide()


def _ratio(what: str, rounds: Rounds, one: str, other: str, bar: float) -> Result:
    detail = f"{rounds.seconds(one).value:.2f} s; theirs {rounds.seconds(other).value:.2f} s"
    return rounds.ratio(one, other).result(
        what, f"import {other}", bar=bar, at_most=True, detail=detail
    )


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


def _first_row(experiment: bp.Experiment) -> int:
    """How many columns it has."""
    program = experiment.program()
    run(program, 1)
    return len(program)


def _wide() -> Iterator[Result]:
    units = {"large": 70, "small": 17}
    columns, fewer = (_first_row(network(number)) for number in units.values())

    def measured() -> dict[str, float]:
        made = {name: network(number) for name, number in units.items()}
        return in_turn({name: partial(_first_row, made[name]) for name in made})()

    rounds = rounds_of(measured, [("large", "small")], within=60)
    seconds, small, ratio = *map(rounds.seconds, units), rounds.ratio(*units)
    detail = f"{columns:,} columns: {seconds.value:.2f} s; {fewer:,}: {small.value:.2f} s"
    what = "from an experiment to its first row"
    yield seconds.result(what, "a second", unit="s", bar=1, at_most=True, detail=detail)
    per_column = ratio._replace(value=ratio.value / columns * fewer)
    yield per_column.result(
        what, "a quarter of the columns", unit="times per column", detail=detail
    )
