"""What an experiment trains: a network of layers, or the user's own formulas.

Both give weights, a forward pass and a loss. Only this module needs to know which of the two an
experiment has.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from bpsheet.columns.formulas import formula_bands, parameter_bands
from bpsheet.columns.initial import initial_values
from bpsheet.columns.names import LayerNames, weight_names, wire
from bpsheet.columns.network import forward_bands, weight_bands
from bpsheet.columns.presentation import INPUTS, TARGETS
from bpsheet.formula.arrays import Array, entry_names
from bpsheet.program.quantities import Band, Scope
from bpsheet.tables.notation import Notation
from bpsheet.tables.spec import Graph, Initial, Network
from bpsheet.tables.tables import Tables
from bpsheet.textbook.losses import LOSSES

__all__ = ["GraphModel", "Model", "NetworkModel", "model_of"]


class Model(ABC):
    """Weights, forward columns and a loss.

    inputs, targets: the columns of the data
    weights:  the names of all weights, trained or not
    loss:     the column that is minimised or maximised; None for the perceptron rule
    gradient_of: the inputs that get a derivative of the loss too
    """

    inputs: Sequence[str]
    targets: Sequence[str]
    weights: Sequence[str]
    loss: str | None
    gradient_of: Sequence[str] = ()

    @property
    def uphill(self) -> bool:
        """Whether the loss is by its nature to be maximised, as a likelihood is."""
        return False

    @abstractmethod
    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The names of the columns of each array that an example gives: of inputs, of targets."""

    @abstractmethod
    def weight_bands(self, adjustments: Mapping[str, str], scope: Scope, /) -> list[Band]:
        """The weights; `adjustments` names the adjustment of each one that is trained."""

    @abstractmethod
    def forward_bands(self, scope: Scope, /) -> list[Band]:
        """The forward pass, the loss last."""

    @abstractmethod
    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        """The experiment file's table of this model, with other first values of some weights."""


class NetworkModel(Model):
    """Layers of neurons."""

    def __init__(self, network: Network, initial: Initial, notation: Notation) -> None:
        self.network = network
        self.initial = initial
        self.notation = notation
        self.layers: list[LayerNames] = wire(network, notation)
        self.inputs, self.targets = network.inputs, network.targets
        self.weights = weight_names(self.layers)
        self.loss = notation.name("loss") if network.loss is not None else None

    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        # The perceptron's rule has targets, a network without any has no loss.
        targets = {TARGETS: np.array(self.targets, object)} if self.targets else {}
        return {INPUTS: np.array(self.inputs, object)}, targets

    @property
    def output(self) -> str:
        """The name of the array of the network's outputs."""
        return f"a{len(self.layers)}"

    @property
    def uphill(self) -> bool:
        return self.network.loss is not None and LOSSES[self.network.loss].maximised

    def weight_bands(self, adjustments: Mapping[str, str], scope: Scope) -> list[Band]:
        gradients = {
            name: self.notation.name("gradient", weight=name, loss=self.loss)
            for name in self.weights
            if self.loss is not None
        }
        values = initial_values(self.network, self.layers, self.initial)
        return weight_bands(self.layers, values, adjustments, gradients, scope)

    def forward_bands(self, scope: Scope) -> list[Band]:
        return forward_bands(self.network, self.layers, self.notation, scope)

    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        table = deepcopy(self.network.model_dump(exclude_unset=True))
        if not values:
            return table
        # Drawn weights are written into the table too, beside the given ones.
        every = initial_values(self.network, self.layers, self.initial) | dict(values)
        for names, layer in zip(self.layers, table["layers"], strict=True):
            layer["weights"] = [[every[name] for name in row] for row in names.weights]
            if names.biases:
                layer["bias"] = [every[name] for name in names.biases]
        return table


class GraphModel(Model):
    """The user's own formulas, with parameters that are trained."""

    def __init__(self, graph: Graph, notation: Notation) -> None:
        self.graph = graph
        self.notation = notation
        self.inputs, self.targets = graph.input_entries, []
        self.weights = list(graph.parameter_entries)
        self.loss = graph.loss
        self.gradient_of = graph.gradient_of

    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        shapes = {name: tuple(self.graph.shapes.get(name, ())) for name in self.graph.inputs}
        return {name: entry_names(name, shape) for name, shape in shapes.items()}, {}

    def weight_bands(self, adjustments: Mapping[str, str], scope: Scope) -> list[Band]:
        return parameter_bands(self.graph, self.notation, adjustments, scope)

    def forward_bands(self, scope: Scope) -> list[Band]:
        return formula_bands(self.graph, self.notation, scope)

    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        table = self.graph.model_dump(exclude_unset=True)
        if not values:
            return table
        numbers = self.graph.parameter_entries | dict(values)
        parameters = {
            name: np.vectorize(numbers.__getitem__, otypes=[float])(
                entry_names(name, shape)
            ).tolist()
            for name, shape in self.graph.parameter_shapes.items()
        }
        return table | {"parameters": parameters}


def model_of(tables: Tables) -> Model:
    """What an experiment trains: its network, or its formulas."""
    if tables.graph is not None:
        return GraphModel(tables.graph, tables.notation)
    assert tables.network is not None
    return NetworkModel(tables.network, tables.initial, tables.notation)
