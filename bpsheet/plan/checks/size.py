"""How large an experiment would be, counted before anything is allocated."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from bpsheet.columns.model import GraphModel, model_of
from bpsheet.errors import Problem
from bpsheet.plan.checks.shapes import is_of_formulas, network_of, units_of
from bpsheet.words import thousands

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["length_problems", "width_problems"]

MAX_COLUMNS = 100_000
MAX_ITERATIONS = 1_000_000_000


def _count_columns(experiment: Tables) -> tuple[int, int]:
    """The numbers of weights and, roughly, of columns, counted without building them."""
    model = model_of(experiment) if is_of_formulas(experiment) else None
    if isinstance(model, GraphModel):
        graph = model.graph
        weights = sum(math.prod(shape) for shape in graph.parameter_shapes.values())
        named = sum(math.prod(graph.shapes.get(name, ())) for name in graph.inputs)
        named = 2 * named + 2 * len(graph.forward)
        return weights, 3 * weights + named
    network = network_of(experiment)
    counts = [len(network.inputs)]
    counts += [units_of(experiment, n + 1) for n in range(len(network.layers))]
    weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(counts))
    if experiment.training.rule == "none":
        return weights, weights + 2 * sum(counts)
    return weights, 3 * weights + 5 * sum(counts) + _count_further(experiment, sum(counts[1:]))


def _count_further(experiment: Tables, neurons: int) -> int:
    """The columns of the examples of [test] and [validation], each with a forward pass of its own."""
    tests = sum(len(table.examples) for table in (experiment.test, experiment.validation) if table)
    prepared = sum(len(step.prepared) for step in experiment.prepare)
    return tests * (2 * neurons + prepared)


def width_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with networks too wide to look at, found before their names are made."""
    weights, columns = _count_columns(experiment)
    validation = experiment.validation
    if validation is not None and experiment.network is not None and columns > MAX_COLUMNS:
        neurons = sum(units_of(experiment, n + 1) for n in range(len(experiment.network.layers)))
        further = _count_further(experiment, neurons)
        if columns - further <= MAX_COLUMNS:
            count = len(validation.examples)
            yield Problem(
                "validation.examples",
                f"{count:,} examples, each with a forward pass of its own, make about {further:,} "
                f"columns; {MAX_COLUMNS:,} at the most. Take fewer",
            )
            return
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
