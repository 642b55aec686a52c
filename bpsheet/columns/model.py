"""What an experiment trains: a network of layers, or the user's own formulas.

Both give weights, a forward pass and a loss. Only this module needs to know which of the two an
experiment has.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from bpsheet.columns.formulas import formula_bands, parameter_bands
from bpsheet.columns.initial import initial_values
from bpsheet.columns.layered import arrays_of, graph_of, names_by_layer, parameters_by_layer
from bpsheet.columns.names import LayerNames, weight_names, wire
from bpsheet.columns.network import (
    TURNED,
    biases_of,
    forward_bands,
    loss_quantity,
    weight_bands,
)
from bpsheet.columns.presentation import INPUTS, TARGETS
from bpsheet.formula.arrays import Array, entry_names, step_name
from bpsheet.formula.parse import OwnFunctions
from bpsheet.program.quantities import Band, Quantity, Scope
from bpsheet.tables.graph import Graph
from bpsheet.tables.network import Network
from bpsheet.tables.notation import Notation
from bpsheet.tables.tables import Tables
from bpsheet.tables.training import Initial, Training
from bpsheet.textbook.losses import PENALTIES, loss_of

__all__ = ["GraphModel", "LayeredModel", "Model", "NetworkModel", "model_of"]


# A formula of a value that it takes from the row before: m = 0.9*last(m, m0) + …
RUNNING = re.compile(r"\s*(\w+) = .*\blast\(\1,")


class Model(ABC):
    """Weights, forward columns and a loss.

    inputs, targets: the columns of the data
    weights:  the names of all weights, trained or not
    loss:     the column that is minimised or maximised; None for the rules perceptron and none
    gradient_of: the inputs that get a derivative of the loss too
    constants: those weights that are never updated
    masks:     the arrays that are drawn for each iteration: their columns and the share of zeros
    example_weight: the column of the data that the loss of an example is multiplied by
    settings: the numbers of the loss, each a cell of the sheet
    """

    inputs: Sequence[str]
    targets: Sequence[str]
    weights: Sequence[str]
    loss: str | None
    gradient_of: Sequence[str] = ()
    example_weight: str | None = None
    settings: Mapping[str, float] = MappingProxyType({})
    constants: Collection[str] = ()

    @property
    def masks(self) -> Mapping[str, tuple[Array, float]]:
        return {}

    @property
    def carried(self) -> Mapping[str, str]:
        """The constants with which running values begin, with the columns that these run in."""
        return {}

    @property
    def names_by_layer(self) -> Sequence[Mapping[str, str]]:
        """The arrays of each layer, by its own names for them: W, b, z, y, and x for its input."""
        return ()

    @property
    def uphill(self) -> bool:
        """Whether the loss is by its nature to be maximised, as a likelihood is."""
        return False

    @property
    def turned(self) -> bool:
        """Whether the backward pass has minus the derivatives of the loss: target minus output."""
        return False

    @property
    @abstractmethod
    def weight_arrays(self) -> Mapping[str, Array]:
        """All weights as arrays of their names, by the array's name: W1, b1 …"""

    @property
    @abstractmethod
    def first_values(self) -> Mapping[str, float]:
        """The first value of each weight by its name, given or drawn."""

    @property
    def weights_by_layer(self) -> Sequence[Mapping[str, str]]:
        """Each layer's arrays: the names among `weight_arrays` by those of the layer, W and b."""
        return []

    @abstractmethod
    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """The names of the columns of each array that an example gives: of inputs, of targets."""

    @abstractmethod
    def weight_bands(self, adjustments: Mapping[str, str], scope: Scope, /) -> list[Band]:
        """The weights; `adjustments` names the adjustment of each one that is trained."""

    @abstractmethod
    def forward_bands(self, scope: Scope, /) -> list[Band]:
        """The forward pass, the loss last."""

    def example_loss(self, _scope: Scope, /) -> Quantity | None:
        """The loss of an example by itself: without its weight, and without penalties."""
        return None

    @abstractmethod
    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        """The experiment file's table of this model, with other first values of some weights."""


class NetworkModel(Model):
    """Layers of neurons."""

    def __init__(
        self,
        network: Network,
        initial: Initial,
        notation: Notation,
        training: Training,
        *,
        example_weight: str | None = None,
        own: OwnFunctions | None = None,
    ) -> None:
        self.network = network
        self.initial = initial
        self.notation = notation
        self.own = own or {}
        self.layers: list[LayerNames] = wire(network, notation)
        self.inputs, self.targets = network.inputs, network.targets
        self.weights = weight_names(self.layers)
        self.loss = notation.name("loss") if network.loss is not None else None
        self.example_weight = example_weight
        self.penalties = [name for name in PENALTIES if getattr(training, name) is not None]
        self.settings = loss_settings(network) | {
            name: getattr(training, name) for name in self.penalties
        }

    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        # A network that is not trained has no targets.
        targets = {TARGETS: np.array(self.targets, object)} if self.targets else {}
        return {INPUTS: np.array(self.inputs, object)}, targets

    @property
    def names_by_layer(self) -> Sequence[Mapping[str, str]]:
        return [
            {"x": INPUTS if layer.number == 1 else f"a{layer.number - 1}"}
            | ({"b": biases_of(layer)} if layer.biases else {})
            | {"W": f"W{layer.number}", "z": f"z{layer.number}", "y": f"a{layer.number}"}
            for layer in self.layers
        ]

    @property
    def weight_arrays(self) -> Mapping[str, Array]:
        arrays: dict[str, Array] = {}
        for layer in self.layers:
            arrays[f"W{layer.number}"] = np.array(layer.weights, object)
            if layer.biases:
                names = layer.biases[0] if layer.is_bias_shared else layer.biases
                arrays[biases_of(layer)] = np.array(names, object)
        return arrays

    @property
    def weights_by_layer(self) -> Sequence[Mapping[str, str]]:
        return [{own: names[own] for own in "Wb" if own in names} for names in self.names_by_layer]

    @property
    def output(self) -> str:
        """The name of the array of the network's outputs."""
        return f"a{len(self.layers)}"

    @property
    def uphill(self) -> bool:
        return self.network.loss is not None and loss_of(self.network.loss).maximised

    @property
    def turned(self) -> bool:
        return self.network.output_error == TURNED

    def weight_bands(self, adjustments: Mapping[str, str], scope: Scope) -> list[Band]:
        gradients = {
            name: self.notation.name("gradient", weight=name, loss=self.loss)
            for name in self.weights
            if self.loss is not None
        }
        return weight_bands(self.layers, self.first_values, adjustments, gradients, scope)

    @cached_property
    def first_values(self) -> Mapping[str, float]:
        return initial_values(self.network, self.layers, self.initial)

    def forward_bands(self, scope: Scope) -> list[Band]:
        return forward_bands(
            self.network,
            self.layers,
            self.notation,
            scope,
            self.own,
            weight=self.example_weight,
            penalties=self.penalties,
        )

    def example_loss(self, scope: Scope) -> Quantity | None:
        if self.loss is None:
            return None
        return loss_quantity(self.network, self.layers, self.loss, scope, weight=None, penalties=())

    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        table = deepcopy(self.network.model_dump(exclude_unset=True))
        if not values:
            return table
        # Drawn weights are written into the table too, beside the given ones.
        every = {**self.first_values, **values}
        for names, layer in zip(self.layers, table["layers"], strict=True):
            layer["weights"] = [[every[name] for name in row] for row in names.weights]
            if names.biases:
                biases = [every[name] for name in names.biases]
                layer["bias"] = biases[0] if names.is_bias_shared else biases
        return table


def loss_settings(network: Network) -> dict[str, float]:
    """The numbers of the network's loss, with defaults for those not given."""
    if network.loss is None:
        return {}
    defaults = loss_of(network.loss).settings
    given = {name: getattr(network, name) for name in defaults}
    values = {name: defaults[name] if value is None else value for name, value in given.items()}
    return {name: value for name, value in values.items() if value is not None}


class GraphModel(Model):
    """The user's own formulas, with parameters that are trained."""

    def __init__(self, graph: Graph, notation: Notation, own: OwnFunctions | None = None) -> None:
        self.graph = graph
        self.notation = notation
        self.own = own or {}
        self.inputs, self.targets = graph.input_entries, []
        self.weights = list(graph.parameter_entries)
        self.loss = graph.loss
        self.gradient_of = graph.gradient_of
        self.constants = graph.constant_entries

    @property
    def masks(self) -> Mapping[str, tuple[Array, float]]:
        shapes = self.graph.shapes
        return {
            name: (entry_names(name, tuple(shapes.get(name, ()))), share)
            for name, share in self.graph.masks.items()
        }

    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        shapes = {name: tuple(self.graph.shapes.get(name, ())) for name in self.graph.inputs}
        return {name: entry_names(name, shape) for name, shape in shapes.items()}, {}

    def weight_bands(self, adjustments: Mapping[str, str], scope: Scope) -> list[Band]:
        return parameter_bands(self.graph, self.notation, adjustments, scope)

    def forward_bands(self, scope: Scope) -> list[Band]:
        return formula_bands(self.graph, self.notation, self.own, scope)

    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        table = self.graph.model_dump(exclude_unset=True)
        if values:
            self.put({"graph": table}, self._arrays(values))
        return table

    @property
    def first_values(self) -> Mapping[str, float]:
        return self.graph.parameter_entries

    @property
    def weight_arrays(self) -> Mapping[str, Array]:
        shapes = self.graph.parameter_shapes
        return {name: entry_names(name, shape) for name, shape in shapes.items()}

    def _arrays(self, values: Mapping[str, float]) -> dict[str, Any]:
        """The first values of all parameters and constants, some of them changed."""
        numbers = self.graph.parameter_entries | dict(values)
        return {
            name: np.vectorize(numbers.__getitem__, otypes=[float])(
                entry_names(name, shape)
            ).tolist()
            for name, shape in self.graph.parameter_shapes.items()
        }

    @property
    def carried(self) -> Mapping[str, str]:
        shapes = self.graph.parameter_shapes
        running = (found[1] for line in self.graph.forward if (found := RUNNING.match(line)))
        begins = {step_name(name, 0): name for name in running}
        return {
            str(first): str(column)
            for constant, name in begins.items()
            if constant in self.graph.constants
            for first, column in zip(
                entry_names(constant, shapes[constant]).ravel(),
                entry_names(name, shapes[constant]).ravel(),
                strict=True,
            )
        }

    def put(self, tables: dict[str, Any], parameters: Mapping[str, Any]) -> None:
        """Write first values of all parameters and constants into the experiment's tables."""
        for key in ("parameters", "constants"):
            own = getattr(self.graph, key)
            if own:
                tables["graph"][key] = {name: parameters[name] for name in own}


class LayeredModel(GraphModel):
    """A network with layers of other kinds: the formulas that they stand for."""

    def __init__(
        self,
        network: Network,
        initial: Initial,
        notation: Notation,
        own: OwnFunctions | None = None,
    ) -> None:
        super().__init__(graph_of(network, initial), notation, own)
        self.network = network
        self.initial = initial
        inputs, targets = self.given()
        self.inputs, self.targets = (
            [str(name) for names in arrays.values() for name in names.ravel()]
            for arrays in (inputs, targets)
        )

    @property
    def names_by_layer(self) -> Sequence[Mapping[str, str]]:
        return names_by_layer(self.network, self.initial)

    @property
    def uphill(self) -> bool:
        return self.network.loss is not None and loss_of(self.network.loss).maximised

    def given(self) -> tuple[dict[str, Array], dict[str, Array]]:
        network = self.network
        return (
            arrays_of(network.inputs, network.shapes, INPUTS),
            arrays_of(network.targets, network.shapes, TARGETS),
        )

    @property
    def weights_by_layer(self) -> Sequence[Mapping[str, str]]:
        return parameters_by_layer(self.network, self.initial)

    def with_weights(self, values: Mapping[str, float]) -> dict[str, Any]:
        table = deepcopy(self.network.model_dump(exclude_unset=True))
        if not values:
            return table
        self.put({"network": table}, self._arrays(values))
        return table

    def put(self, tables: dict[str, Any], parameters: Mapping[str, Any]) -> None:
        names = parameters_by_layer(self.network, self.initial)
        for own, layer in zip(names, tables["network"]["layers"], strict=True):
            layer.pop("weights", None)
            if isinstance(layer.get("bias"), list):
                layer.pop("bias")
            if own:
                layer["parameters"] = {name: parameters[of_all] for name, of_all in own.items()}


def model_of(tables: Tables) -> Model:
    """What an experiment trains: its network, or its formulas."""
    if tables.graph is not None:
        return GraphModel(tables.graph, tables.notation, tables.own)
    assert tables.network is not None
    if not tables.network.is_dense:
        return LayeredModel(tables.network, tables.initial, tables.notation, tables.own)
    return NetworkModel(
        tables.network,
        tables.initial,
        tables.notation,
        tables.training,
        example_weight=tables.data.weight,
        own=tables.own,
    )
