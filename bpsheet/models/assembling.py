"""The layers of a model, its loss and its examples become the tables of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpsheet.columns.layered import parameters_by_layer
from bpsheet.columns.names import wire
from bpsheet.formula.arrays import entry_names
from bpsheet.models.examples import Examples
from bpsheet.models.imported import Draft, Imported
from bpsheet.tables.data import Data
from bpsheet.tables.network import Network
from bpsheet.tables.notation import Notation
from bpsheet.tables.training import Initial
from bpsheet.words import unfit_name

__all__ = ["Objective", "assembled"]


@dataclass(frozen=True)
class Objective:
    """The loss of a model, as keys of [network].

    settings:   the keys: `loss`, and `delta`, `label_smoothing` … where they belong to it
    activation: what the loss does with the model's outputs first; it becomes the last activation
    reduction:  how a framework puts the losses of a batch together: "mean" or "sum"
    classes:    whether targets may be the numbers of classes, from 0
    """

    settings: Mapping[str, Any]
    activation: str = ""
    reduction: str = "mean"
    classes: bool = False


def assembled(  # noqa: PLR0917 - the parts of an experiment, in their order
    draft: Draft,
    inputs: Sequence[int],
    outputs: Sequence[int],
    data: Any = None,
    objective: Objective | None = None,
    training: Mapping[str, Any] | None = None,
    *,
    channels: int = 0,
    first_token: int | None = None,
    together: int = 1,
    dtype: str = "float64",
    others: Mapping[str, Any] | None = None,
    title: str = "",
) -> Imported:
    """The tables of a model's experiment.

    inputs, outputs: the shapes of one example; with `channels`, of each channel
    data:        None, a `Data`, inputs alone, or (inputs, targets)
    objective:   the loss; None for forward passes alone, which take no targets
    first_token: the number of the first token, where the inputs are tokens: ours count from 1
    together:    how many examples of the model are one of ours, a batch

    Raises ModelError with everything in the model that is not covered.
    """
    if objective is not None and objective.activation:
        draft.activation(objective.activation)
    draft.check()
    is_dense = len(inputs) == 1 and not channels and all("kind" not in at for at in draft.layers)
    examples = None
    if data is not None and not isinstance(data, Data):
        examples = Examples.of(data, draft.source)
        if first_token is not None:
            examples = examples.moved(1 - first_token)
        examples = examples.together(together)
    network: dict[str, Any] = {"layers": draft.layers}
    if is_dense:
        network["inputs"] = _named(examples.names if examples is not None else (), "x", inputs[0])
        names = {"targets": _counted("y", outputs[0])}
    else:
        network["inputs"] = _counted("x", channels or 1)
        network["shapes"] = {name: list(inputs) for name in network["inputs"]}
        names = {"targets": ["t"]}
    if objective is not None:
        network |= names | dict(objective.settings)
        if not is_dense:
            network["shapes"] |= {"t": list(outputs)}
    tables: dict[str, Any] = {"title": title} if title else {}
    tables["network"] = network
    if isinstance(data, Data):
        tables["data"] = data.model_dump(exclude_unset=True)
    elif examples is None:
        tables["data"] = {"examples": []}
    else:
        whole = [*([channels] if channels else []), *inputs]
        classes = objective is not None and objective.classes
        rows = examples.rows(whole, None if objective is None else outputs, classes=classes)
        tables["data"] = {"examples": rows}
    tables["training"] = {"rule": "none"} if objective is None else dict(training or {})
    if objective is not None:
        frozen, memory = _frozen(network, draft), _memory(network, draft)
        tables["training"] |= {"freeze": frozen} if frozen else {}
        tables["training"] |= {"memory": memory} if memory else {}
    return Imported(tables, draft.framework, draft.names, dtype, others or {})


def _counted(name: str, count: int) -> list[str]:
    return [name] if count == 1 else [f"{name}{number + 1}" for number in range(count)]


def _named(given: Sequence[str], name: str, count: int) -> list[str]:
    """The names of the inputs: those of the data's columns, if they can be names of columns."""
    are_fit = len(given) == count and not any(map(unfit_name, given))
    return list(given) if are_fit else _counted(name, count)


def _frozen(network: Mapping[str, Any], draft: Draft) -> list[str]:
    """The names of the weights that the model does not train."""
    if not draft.frozen:
        return []
    spec, names = Network(**network), list[str]()
    if spec.is_dense:
        layers = wire(spec, Notation())
        for key in draft.frozen:
            number, _, own = key.partition(".")
            wired = layers[int(number) - 1]
            names += [name for row in wired.weights for name in row] if own == "W" else wired.biases
        return names
    by_layer = parameters_by_layer(spec, Initial())
    for key in draft.frozen:
        number, _, own = key.partition(".")
        layer = draft.layers[int(number) - 1]
        given = {"W": layer.get("weights"), "b": layer.get("bias")} | layer.get("parameters", {})
        shape = np.shape(given[own])
        names += map(str, entry_names(by_layer[int(number) - 1][own], shape).ravel())
    return names


def _memory(network: Mapping[str, Any], draft: Draft) -> dict[str, dict[str, Any]]:
    """What the training rule remembers, by its quantity and by the arrays of weights."""
    if not draft.memory:
        return {}
    spec = Network(**network)
    by_layer = parameters_by_layer(spec, Initial()) if not spec.is_dense else []

    def name_of(key: str) -> str:
        number, _, own = key.partition(".")
        if not own:
            return key
        return by_layer[int(number) - 1][own] if by_layer else f"{own}{number}"

    return {
        quantity: {name_of(key): values for key, values in arrays.items()}
        for quantity, arrays in draft.memory.items()
    }
