"""Whether the formulas of a graph can be read in order, and define the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bpsheet.columns.formulas import Formulas, lines_of, steps_of
from bpsheet.errors import FormulaError, Problem
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import WORDS as LANGUAGE
from bpsheet.formula.parse import is_name
from bpsheet.tables.graph import Graph
from bpsheet.words import among, listing, shown, unfit_name

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["graph_problems"]

# So many unreadable lines are reported. Further ones often follow from these.
MOST_TOLD = 5
WORDS = (*FUNCTIONS, *LANGUAGE)


def graph_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of [graph], and of other tables that do not go with a graph."""
    graph = experiment.graph
    assert graph is not None
    for key, names in (("inputs", graph.inputs), ("parameters", list(graph.parameters))):
        yield from _names(key, names, [] if key == "inputs" else graph.inputs)
    if not graph.inputs and not graph.parameters:
        yield Problem("graph", "at least one of inputs or of parameters expected")
    yield from _shapes(graph)
    ranges = list(_ranges(graph))
    yield from ranges or _formulas(experiment, graph)
    for index, name in enumerate(graph.gradient_of, start=1):
        path = f"graph.gradient_of[{index}]"
        if name not in graph.input_entries:
            yield Problem(path, f"no input {shown(name)}; {among(name, graph.input_entries)}")
        elif name in graph.gradient_of[: index - 1]:
            yield Problem(path, f"{shown(name)} is there twice")
    if "initial" in experiment.model_fields_set:
        yield Problem("initial", "a graph's parameters have given values; leave it out")
    if experiment.training.rule == "perceptron":
        yield Problem("training.rule", "the rule perceptron is for a network")


def _names(key: str, names: Sequence[str], taken: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names, start=1):
        path = f"graph.{key}[{index}]" if key == "inputs" else f"graph.{key}.{name}"
        if name in (*taken, *names[: index - 1]):
            yield Problem(path, f"{shown(name)} is there twice")
        elif unfit_name(name) is not None or not is_name(name) or name.lower() in WORDS:
            yield Problem(
                path,
                "a name that formulas can use expected (letters, digits and underscores, no "
                f"function's name); got {shown(name)}",
            )


def _shapes(graph: Graph) -> Iterator[Problem]:
    for name in graph.shapes:
        if name not in graph.inputs:
            said = f"no input {shown(name)}; {among(name, graph.inputs)}"
            yield Problem(f"graph.shapes.{name}", said)


def _ranges(graph: Graph) -> Iterator[Problem]:
    for name, text in graph.repeat.items():
        if not is_name(name):
            yield Problem(f"graph.repeat.{name}", "a name of letters expected")
        try:
            steps_of(text)
        except FormulaError as error:
            yield Problem(f"graph.repeat.{name}", str(error))


def _formulas(experiment: Tables, graph: Graph) -> Iterator[Problem]:
    # Dictionaries keep the order and are quick to search: a graph may have thousands of formulas.
    reader = Formulas(graph, experiment.own)
    given = dict.fromkeys(reader.known)
    defined: dict[str, None] = {}
    reported: set[int] = set()
    for line in lines_of(graph):
        path = f"graph.forward[{line.number}]"
        before = dict.fromkeys(reader.known)
        try:
            name = reader.read(line)[-1].name
        except FormulaError as error:
            if line.number in reported:
                continue
            yield Problem(path, str(error))
            reported.add(line.number)
            if len(reported) == MOST_TOLD:
                return
            # Later lines may use the name that this line should define: it is no second problem.
            name = line.text.partition("=")[0].strip()
            if not is_name(name):
                return
            reader.known[name] = None
        if name in before:
            yield Problem(path, f"{shown(name)} is defined already; give it another name")
        elif name.lower() in WORDS:
            yield Problem(path, f"{shown(name)} is a function's name; give it another")
        defined[name] = None
    if not graph.forward:
        yield Problem("graph.forward", 'at least one formula expected, such as "e = (x - w)^2"')
    elif graph.loss is None:
        if experiment.training.rule != "none":
            known = [name for name in defined if name not in given]
            yield Problem("graph.loss", f"missing, and needed: one of {listing(known)}")
    elif graph.loss not in defined:
        known = [name for name in defined if name not in given]
        yield Problem(
            "graph.loss", f"no formula defines {shown(graph.loss)}; {among(graph.loss, known)}"
        )
    elif shape := reader.shapes.get(graph.loss):
        size = " × ".join(map(str, shape))
        yield Problem(
            "graph.loss", f"{graph.loss} is {size} numbers; sum or mean makes one of them"
        )
