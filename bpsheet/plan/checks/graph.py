"""Whether the formulas of a graph can be read, each by those before it, and name a loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bpsheet.columns.formulas import read_line
from bpsheet.errors import FormulaError, Problem
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import is_name
from bpsheet.tables.spec import Graph
from bpsheet.words import among, shown, unfit_name

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["graph_problems"]

# Of lines that cannot be read the first few are told: the others often follow from them.
MOST_TOLD = 5
WORDS = (*FUNCTIONS, "if", "sum")


def graph_problems(experiment: Tables) -> Iterator[Problem]:
    """What is wrong with [graph], and with what does not go with it."""
    graph = experiment.graph
    assert graph is not None
    for key, names in (("inputs", graph.inputs), ("parameters", list(graph.parameters))):
        yield from _names(key, names, [] if key == "inputs" else graph.inputs)
    if not graph.inputs:
        yield Problem("graph.inputs", "at least one name expected")
    yield from _formulas(graph)
    for index, name in enumerate(graph.gradient_of, start=1):
        place = f"graph.gradient_of[{index}]"
        if name not in graph.inputs:
            yield Problem(place, f"no input {shown(name)}; {among(name, graph.inputs)}")
        elif name in graph.gradient_of[: index - 1]:
            yield Problem(place, f"{shown(name)} stands there twice")
    if "initial" in experiment.model_fields_set:
        yield Problem("initial", "a graph's parameters have their values; leave it out")
    if experiment.training.rule == "perceptron":
        yield Problem("training.rule", "the rule perceptron is for a network")


def _names(key: str, names: Sequence[str], taken: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names, start=1):
        place = f"graph.{key}[{index}]" if key == "inputs" else f"graph.{key}.{name}"
        if name in (*taken, *names[: index - 1]):
            yield Problem(place, f"{shown(name)} stands there twice")
        elif unfit_name(name) is not None or not is_name(name) or name.lower() in WORDS:
            yield Problem(
                place,
                "a name that formulas can use expected (letters, digits and underscores, no "
                f"function's name); got {shown(name)}",
            )


def _formulas(graph: Graph) -> Iterator[Problem]:
    known = [*graph.inputs, *graph.parameters]
    made: list[str] = []
    told = 0
    for index, line in enumerate(graph.forward, start=1):
        place = f"graph.forward[{index}]"
        try:
            name, _ = read_line(line, known)
        except FormulaError as error:
            yield Problem(place, str(error))
            told += 1
            if told == MOST_TOLD:
                return
            # What the line was to define may be used below: only its own mistake is told.
            name = line.partition("=")[0].strip()
            if not is_name(name):
                return
        if name in known:
            yield Problem(place, f"{shown(name)} is defined already; give it another name")
        elif name.lower() in WORDS:
            yield Problem(place, f"{shown(name)} is a function's name; give it another")
        known.append(name)
        made.append(name)
    if not graph.forward:
        yield Problem("graph.forward", 'at least one formula expected, such as "e = (x - w)^2"')
    elif graph.loss not in made:
        yield Problem(
            "graph.loss", f"no formula defines {shown(graph.loss)}; {among(graph.loss, made)}"
        )
