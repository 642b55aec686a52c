"""The grid of a sweep: the values of each setting, as plain numbers and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from math import prod
from typing import Any

from bpsheet.errors import ExperimentError, Problem
from bpsheet.sweeps.metrics import FINAL
from bpsheet.sweeps.variant import SEED
from bpsheet.tables.plain import AnyNumber, plain
from bpsheet.tables.training import Initial
from bpsheet.words import shown

__all__ = ["MOST_RUNS", "Grid", "plain_grid"]

# The columns of a sweep's tables that are not settings.
COLUMNS = (
    *("run", "first_loss", "final_loss", "first_error", "iteration", "loss", "weights"),
    *(name for pair in FINAL.items() for name in pair),
)
# The settings of all runs are in memory. More runs than this are a slip or an endless generator.
MOST_RUNS = 1_000_000
# A whole number outside this range does not fit a table's column of whole numbers.
SMALLEST, LARGEST = -(2**63), 2**63 - 1

Grid = dict[str, list[float | str]]


def plain_grid(grid: Mapping[str, Iterable[AnyNumber | str]], weights: Iterable[str]) -> Grid:
    """The values of each setting as Python numbers and words, each value once.

    `grid` may have any iterables: a NumPy array, a range, a generator. `weights` are the names of
    the experiment's weights. Whole numbers among floats become floats, so that a setting has one
    type in every table. Raises ExperimentError, with every problem, for anything that is no grid.

    >>> import numpy as np
    >>> plain_grid({"learning_rate": np.array([0.1, 1]), "seed": iter([1, 2.0, 2])}, [])
    {'learning_rate': [0.1, 1.0], 'seed': [1, 2]}
    """
    if not isinstance(grid, Mapping):
        said = f'the values of each setting expected, such as {{"seed": [1, 2]}}; got {shown(grid)}'
        raise ExperimentError([Problem("grid", said)], "sweep")
    problems: list[Problem] = []
    taken = {*COLUMNS, SEED}.intersection(weights)
    found: Grid = {}
    for name, values in grid.items():
        if not isinstance(name, str):
            problems.append(Problem("grid", f"a setting's name expected; got {shown(name)}"))
        elif name in taken:
            problems.append(Problem(name, _collision(name)))
        else:
            try:
                found[name] = _values(name, values)
            except ExperimentError as error:
                problems += [Problem(name, problem.message) for problem in error.problems]
    if not problems and not found:
        problems = [Problem("grid", 'nothing varies; give values, such as {"seed": [1, 2]}')]
    runs = prod(map(len, found.values()))
    if not problems and runs > MOST_RUNS:
        problems = [Problem("grid", f"{runs:,} runs; {MOST_RUNS:,} at the most")]
    if problems:
        raise ExperimentError(list(dict.fromkeys(problems)), "sweep")
    return found


def _collision(name: str) -> str:
    """Why a weight of this name cannot be varied."""
    if name == SEED:
        return (
            "a sweep varies its random numbers under this name, and this experiment has a "
            "weight of this name; give the weight another name"
        )
    return (
        f'the tables of a sweep have a column "{name}" of their own, and this '
        "experiment has a weight of this name; give the weight another name"
    )


def _values(name: str, values: Iterable[Any]) -> list[float | str]:
    """The values of one setting. Raises ExperimentError, with every problem."""
    given, values = values, plain(values)
    # A list's values are each looked at below; an array of more than one axis is no list.
    is_single = isinstance(values, str | bytes) or not isinstance(values, Iterable)
    if is_single or (hasattr(given, "tolist") and any(isinstance(row, list) for row in values)):
        raise ExperimentError([Problem(name, f"a list of values expected; got {shown(values)}")])
    found: list[float | str] = []
    problems: list[Problem] = []
    for value in islice(values, MOST_RUNS + 1):
        try:
            found.append(_seed(value) if name == SEED else _plain(value))
        except ExperimentError as error:
            problems += error.problems
    if len(found) > MOST_RUNS:
        problems = [Problem(name, f"more than {MOST_RUNS:,} values")]
    elif not found and not problems:
        problems = [Problem(name, "no value given")]
    if problems:
        raise ExperimentError(problems)
    if any(isinstance(value, float) for value in found):
        found = [float(value) if isinstance(value, int) else value for value in found]
    return list(dict.fromkeys(found))


def _plain(value: Any) -> float | str:
    """A value as a Python number or word. Raises ExperimentError for any other value."""
    value = plain(value)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if SMALLEST <= value <= LARGEST:
            return value
        with suppress(OverflowError):
            return float(value)
    if isinstance(value, float):
        return value
    raise ExperimentError([Problem("", f"a number or a word expected; got {shown(value)}")])


def _seed(value: Any) -> int:
    """A value as a seed. A float that is a whole number is allowed."""
    return Initial(seed=_whole(plain(value))).seed


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
