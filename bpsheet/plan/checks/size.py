"""How large an experiment would be, counted before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from bpsheet.errors import Problem
from bpsheet.plan.checks.shapes import network_of, units_of
from bpsheet.words import thousands

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["length_problems", "width_problems"]

MAX_COLUMNS = 100_000
MAX_ITERATIONS = 1_000_000_000


def _count_columns(experiment: Tables) -> tuple[int, int]:
    """The numbers of weights and, roughly, of columns, counted without building them."""
    if experiment.graph is not None:
        graph = experiment.graph
        weights = sum(math.prod(shape) for shape in graph.parameter_shapes.values())
        named = sum(math.prod(graph.shapes.get(name, ())) for name in graph.inputs)
        named = 2 * named + 2 * len(graph.forward)
        return weights, 3 * weights + named
    network = network_of(experiment)
    counts = [len(network.inputs)]
    counts += [units_of(experiment, n + 1) for n in range(len(network.layers))]
    weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(counts))
    tests = len(experiment.test.examples) if experiment.test else 0
    return weights, 3 * weights + 5 * sum(counts) + tests * 2 * sum(counts[1:])


def width_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with networks too wide to look at, found before their names are made."""
    weights, columns = _count_columns(experiment)
    if columns > MAX_COLUMNS:
        yield Problem(
            "network.layers" if experiment.graph is None else "graph",
            f"{weights:,} weights make about {columns:,} columns; {MAX_COLUMNS:,} at the most "
            f"(a worksheet holds 16,384). Use fewer {'neurons' if experiment.graph is None else 'formulas'}",
        )


def length_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with runs that nobody could wait for."""
    if experiment.iterations > MAX_ITERATIONS:
        key = "epochs" if experiment.training.epochs is not None else "iterations"
        yield Problem(
            f"training.{key}",
            f"{MAX_ITERATIONS:,} iterations at the most; got {thousands(experiment.iterations)}",
        )
