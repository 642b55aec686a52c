"""Whether an experiment's tables fit together: every problem, with its place in the file.

Nothing large is built here: sizes are counted before anything is allocated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bpsheet.columns.assembly import bands_of
from bpsheet.columns.model import NetworkModel, model_of
from bpsheet.columns.preparation import preparation_of
from bpsheet.columns.updates import setting_names
from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.checks.data import (
    data_problems,
    memory_problems,
    test_problems,
    trained_problems,
    training_problems,
    validation_problems,
)
from bpsheet.plan.checks.functions import function_problems
from bpsheet.plan.checks.graph import graph_problems
from bpsheet.plan.checks.layered import layered_problems
from bpsheet.plan.checks.network import (
    activation_problems,
    layer_problems,
    loss_problems,
    name_problems,
    text_problems,
    weight_problems,
)
from bpsheet.plan.checks.prepare import prepare_problems
from bpsheet.plan.checks.rules import formula_problems
from bpsheet.plan.checks.size import length_problems, width_problems
from bpsheet.program.column import Column
from bpsheet.program.kinds import Role
from bpsheet.program.quantities import columns_of
from bpsheet.tables.network import Network
from bpsheet.tables.notation import LONGEST_NAME
from bpsheet.words import nearest, shown, unfit_name

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["problems_of"]

# So many clashing names are reported. Further ones follow from these.
MOST_TOLD = 5


def problems_of(
    experiment: Tables, columns: Callable[[], Sequence[Column]] | None = None
) -> list[Problem]:
    """The problems of an experiment whose single values are all in order.

    `columns` makes the columns of its program, where it is whole. It is called only if nothing else
    is wrong.
    """
    if experiment.network is not None and experiment.graph is not None:
        return [Problem("graph", "either [network] or [graph] expected, not both")]
    if experiment.network is None and experiment.graph is None:
        missing = [Problem("network", "missing, and needed (or [graph], for your own formulas)")]
        if "data" not in experiment.model_fields_set:
            missing.append(Problem("data", "missing, and needed"))
        return missing
    if experiment.network is not None and not experiment.network.inputs:
        # Nothing of the data and of the weights can be checked without them.
        given = "inputs" in experiment.network.model_fields_set
        said = "at least one name expected" if given else "missing, and needed"
        return [Problem("network.inputs", said)]
    functions = list(function_problems(experiment))
    if functions:
        # Formulas that call an unreadable function cannot be read either.
        return functions
    preparation = list(prepare_problems(experiment))
    if preparation:
        # Neither the data nor the network's inputs are known without them.
        return preparation
    is_layered = experiment.network is not None and not experiment.network.is_dense
    if is_layered:
        unknown = list(layered_problems(experiment))
        if unknown:
            return unknown
        try:
            model_of(experiment)
        except ExperimentError as error:
            return list(error.problems)
    notation = [
        Problem(f"notation.{key}", message) for key, message in experiment.notation.problems()
    ]
    wide = list(width_problems(experiment))
    if experiment.graph is not None:
        shape, kinds = [*graph_problems(experiment), *wide], list[Problem]()
    elif is_layered:
        shape, kinds = [*wide], []
    else:
        shape = [*name_problems(experiment), *layer_problems(experiment), *wide]
        kinds = [*activation_problems(experiment), *loss_problems(experiment)]
    tests = [*test_problems(experiment), *validation_problems(experiment)]
    problems = [*text_problems(experiment), *shape, *kinds, *notation]
    if not wide:
        problems += length_problems(experiment)
        if experiment.network is not None and not is_layered:
            problems += weight_problems(experiment)
    formulas = list(formula_problems(experiment.training))
    problems += [*data_problems(experiment), *training_problems(experiment), *formulas, *tests]
    if not wide and not notation:
        problems += trained_problems(experiment)
        problems += memory_problems(experiment)
    if not problems and columns is not None:
        problems += _columns(experiment, columns())
    elif not shape and not notation:
        stand_in = _stand_in(
            experiment,
            are_kinds_known=not kinds,
            are_formulas_known=not formulas,
            with_tests=not tests,
        )
        problems += _columns(experiment, stand_in)
    return problems


def _stand_in(
    experiment: Tables, *, are_kinds_known: bool, are_formulas_known: bool, with_tests: bool
) -> Sequence[Column]:
    """The columns of an experiment in which something else is wrong, for the sake of their names."""
    model = model_of(experiment)
    # What the rule remembers gives no names.
    training = experiment.training.model_copy(update={"memory": {}})
    is_trained = training.rule != "none"
    if isinstance(model, NetworkModel):
        network = _without_numbers(
            model.network, are_kinds_known=are_kinds_known, has_loss=is_trained
        )
        model = NetworkModel(
            network,
            experiment.initial,
            experiment.notation,
            training,
            example_weight=experiment.data.weight,
            own=model.own,
        )
    if not are_kinds_known and is_trained:
        training = training.model_copy(update={"rule": "gradient_descent"})
    if not are_formulas_known:
        training = training.model_copy(update={"rule": "gradient_descent", "schedule": None})
    bands, _ = bands_of(
        model,
        training,
        experiment.test if with_tests else None,
        experiment.notation,
        validation=experiment.validation if with_tests else None,
        preparation=preparation_of(experiment),
        meanings=experiment.data.meanings,
        examples=max(1, experiment.example_count),
        cyclic=experiment.data.order == "cyclic",
    )
    return columns_of(bands)


def _columns(experiment: Tables, columns: Sequence[Column]) -> Iterator[Problem]:
    """Problems with names: of two columns, unfit for a column, or of no column."""
    # A weight and a setting are both changed by name, so they need different names.
    constants = preparation_of(experiment).settings
    settings = setting_names(experiment.training, (*model_of(experiment).settings, *constants))
    taken = {"iterations", *settings}
    reported: set[str] = set()
    seen: dict[str, Column] = {}
    for column in columns:
        why = unfit_name(column.name) if column.name else "a name expected"
        if why is None and len(column.name) > LONGEST_NAME:
            why = f"at most {LONGEST_NAME} characters expected"
        if why is not None:
            sentence = f"{_said(column)} would be named {shown(column.name)}: {why}"
            yield Problem("notation", sentence)
        if column.role is Role.WEIGHT and column.name in taken:
            sentence = (
                f"{shown(column.name)} is the name of a setting; give {_said(column)} another name"
            )
            yield Problem("notation", sentence)
        first = seen.setdefault(column.name, column)
        if first is not column and column.name not in reported and len(reported) < MOST_TOLD:
            reported.add(column.name)
            yield Problem(
                "notation",
                f"two columns would be named {shown(column.name)}: {_said(first)} and "
                f"{_said(column)}; change a name, or a pattern of [notation]",
            )
    # A network that is not trained has fewer names than its notation was written for.
    is_trained = experiment.training.rule != "none"
    for old, new in experiment.notation.rename.items():
        if new not in seen and is_trained:
            yield Problem(
                f"notation.rename.{old}",
                f"no pattern gives the name {shown(old)}; {nearest(old, list(seen))}",
            )
    yield from _hand(experiment, list(seen))


def _said(column: Column) -> str:
    """A column in an error."""
    return f"the {column.role}" + (f" of {column.neuron}" if column.neuron else "")


def _without_numbers(network: Network, *, are_kinds_known: bool, has_loss: bool) -> Network:
    """The network without weights, which its names do not need.

    If an activation or the loss is wrong, plain ones stand in for them. A network that is not
    trained has no loss.
    """
    changes: dict[str, Any] = {} if are_kinds_known else {"activation": "linear"}
    layers = [layer.without_numbers(**changes) for layer in network.layers]
    network = network.model_copy(update={"layers": layers})
    stand_in = {
        "loss": "half_squared_error" if has_loss else None,
        "output_error": "chain_rule",
        "class_weights": None,
        "label_smoothing": None,
    }
    return network if are_kinds_known and has_loss else network.model_copy(update=stand_in)


def _hand(experiment: Tables, known: Sequence[str]) -> Iterator[Problem]:
    for iteration, figures in experiment.hand.items():
        path = f"hand.{iteration}"
        if not re.fullmatch("[1-9][0-9]{0,9}", iteration):
            yield Problem(path, "an iteration's number (1 or more) expected")
        for name in figures:
            if name not in known:
                yield Problem(f"{path}.{name}", f"unknown quantity; {nearest(name, known)}")
