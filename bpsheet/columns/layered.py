"""A network with layers of other kinds, as the formulas that its layers stand for.

Each layer is a row of `bpsheet.textbook.layers`: its formulas, with names of the network's instead of
its own, become lines of a graph. A name that several layers have gets the layer's number.

>>> from bpsheet.tables.network import Layer, Network
>>> from bpsheet.tables.training import Initial
>>> network = Network(
...     inputs=["x"], targets=["t"], shapes={"x": [2, 1]}, loss="half_squared_error",
...     layers=[Layer(kind="rnn", units=1), Layer(kind="last"), Layer(units=1, activation="linear")],
... )
>>> graph_of(network, Initial()).forward[:2]
['z1[t] = b1 + Wx @ x[t] + Wh @ h[t - 1]', 'h[t] = tanh(z1[t])']
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bpsheet.columns.initial import drawn_array
from bpsheet.columns.presentation import INPUTS, TARGETS
from bpsheet.errors import ExperimentError, Problem
from bpsheet.formula.arrays import Array, entry_names, step_name
from bpsheet.formula.parse import MAX_LENGTH, NAME
from bpsheet.tables.graph import Graph
from bpsheet.tables.network import Layer, Network
from bpsheet.tables.training import Initial
from bpsheet.textbook.activations import activation_of, is_joint
from bpsheet.textbook.layers import KINDS, Given, Kind, Made, Unfit
from bpsheet.textbook.losses import loss_of
from bpsheet.words import among, listing, shown

__all__ = ["activation_text", "arrays_of", "graph_of", "names_by_layer", "parameters_by_layer"]

# A name in a formula; the name of a function has a parenthesis after it.
NAMES = re.compile(rf"({NAME})(?!\w|\()")
LOSS = "loss"
# A worksheet holds 16,384 columns; several sheets hold more.
MOST_COLUMNS = 100_000


@dataclass(frozen=True)
class _Flow:
    """What a layer gives to the next one: its names (one for each channel), and the shape of each."""

    names: tuple[str, ...]
    shape: tuple[int, ...]
    by_step: bool = False


def arrays_of(
    names: Sequence[str], shapes: Mapping[str, Sequence[int]], plain: str
) -> dict[str, Array]:
    """The arrays that an example gives, and the names of their columns.

    Names without a shape are one vector, `plain`.
    """
    arrays = {name: entry_names(name, tuple(shapes[name])) for name in names if name in shapes}
    numbers = [name for name in names if name not in shapes]
    return ({plain: np.array(numbers, object)} if numbers else {}) | arrays


def graph_of(network: Network, initial: Initial) -> Graph:
    """The formulas of a network. Raises ExperimentError with what does not fit."""
    return _Expansion(network, initial).graph()


def parameters_by_layer(network: Network, initial: Initial) -> list[dict[str, str]]:
    """Each layer's parameters: the names in the network by those of the layer."""
    expansion = _Expansion(network, initial)
    expansion.graph()
    return expansion.parameters_by_layer


def names_by_layer(network: Network, initial: Initial) -> list[dict[str, str]]:
    """All that each layer has: the names in the network by those of the layer.

    A layer calls what it is given `x`, and what it gives `y`. Several channels have no such name.
    """
    expansion = _Expansion(network, initial)
    expansion.graph()
    return expansion.names_by_layer


class _Expansion:
    """Builds the layers one after another; a first round finds the names that several of them have."""

    def __init__(self, network: Network, initial: Initial) -> None:
        self.network = network
        self.initial = initial
        self.inputs = arrays_of(network.inputs, network.shapes, INPUTS)
        self.targets = arrays_of(network.targets, network.shapes, TARGETS)
        self.taken = Counter([*self.inputs, *self.targets, LOSS])
        self._begin()
        self._layers()
        for made in self.made:
            self.taken.update(_own_names(made))
        # A name with a layer's number, y3, may be what another layer calls something of its own.
        numbered = {
            step_name(own, number)
            for number, made in enumerate(self.made, start=1)
            for own in _own_names(made)
            if self.taken[own] > 1
        }
        self.taken.update(numbered)
        self._begin()

    def _begin(self) -> None:
        self.random = np.random.default_rng(self.initial.seed)
        self.size = 0
        self.parameters_by_layer: list[dict[str, str]] = []
        self.names_by_layer: list[dict[str, str]] = []
        self.made: list[Made] = []
        self.lines: list[str] = []
        self.meanings: dict[str, str] = {}
        self.shapes: dict[str, list[int]] = {}
        self.parameters: dict[str, Any] = {}
        self.constants: dict[str, Any] = {}
        self.masks: dict[str, float] = {}
        self.repeat: dict[str, str] = {}

    def graph(self) -> Graph:
        output = self._layers()
        if self.network.loss is not None:
            self._loss(output)
        given = self.inputs | self.targets
        self.shapes |= {name: list(names.shape) for name, names in given.items()}
        return Graph(
            inputs=list(given),
            shapes=self.shapes,
            parameters=self.parameters,
            constants=self.constants,
            masks=self.masks,
            meanings=self.meanings,
            repeat=self.repeat,
            forward=self.lines,
            loss=None if self.network.loss is None else LOSS,
        )

    def _layers(self) -> _Flow:
        if len({names.shape for names in self.inputs.values()}) != 1:
            said = "numbers, one array with its shape, or channels of one shape, expected"
            raise _problem("network.inputs", said)
        if self.network.loss is not None and len(self.targets) != 1:
            raise _problem("network.targets", "numbers, or one array with its shape, expected")
        flow = _Flow(tuple(self.inputs), next(iter(self.inputs.values())).shape)
        self.outputs = {flow.names[0]: flow}
        self.weights: dict[str, tuple[str, tuple[int, ...]]] = {}
        for number, layer in enumerate(self.network.layers, start=1):
            flow = self._layer(number, layer, flow)
            if layer.name is not None:
                self.outputs[layer.name] = flow
                if "W" in self.made[-1].parameters:
                    shape = self.made[-1].parameters["W"]
                    self.weights[layer.name] = self._name(number, "W"), tuple(shape)
        return flow

    # One layer

    def _layer(self, number: int, layer: Layer, flow: _Flow) -> _Flow:
        path = f"network.layers[{number}]"
        kind = KINDS.get(layer.kind)
        if kind is None:
            raise _problem(
                f"{path}.kind",
                f"unknown kind {shown(layer.kind)}; {among(layer.kind, list(KINDS))}",
            )
        what = _what(flow)
        if what not in kind.takes:
            said = f"a {' or a '.join(kind.takes)} expected; it is given a {what}"
            raise _problem(path, f"{said}, {_size(flow.shape)}")
        if flow.by_step and not kind.by_step:
            flow = self._as_matrix(flow)
        settings = _settings(path, layer, kind) | {
            "by_step": flow.by_step,
            "activation": partial(activation_text, layer.activation),
            "has_bias": layer.bias is not False,
            "is_trained": self.network.loss is not None,
        }
        if layer.of is not None:
            is_tied = layer.kind == "tied"
            settings["of"] = (self._weights if is_tied else self._earlier)(path, layer.of)
        places = [_PLACE.format(index) for index in range(len(flow.names))]
        try:
            made = kind.build(Given(places[0], flow.shape, settings, places))
        except Unfit as error:
            raise _problem(path, str(error)) from None
        self.made.append(made)
        self._check_size(path, made)
        self._put(path, number, layer, made, dict(zip(places, flow.names, strict=True)))
        name = partial(self._name, number)
        return _Flow(tuple(map(name, _outputs(made))), tuple(made.shape), made.by_step)

    def _check_size(self, path: str, made: Made) -> None:
        """Nothing is drawn for a network that no sheet can hold."""
        shapes = [*made.parameters.values(), *made.constants.values()]
        self.size += 3 * sum(map(math.prod, shapes)) + math.prod(made.shape) * len(made.formulas)
        if self.size > MOST_COLUMNS:
            said = f"so far the network makes about {self.size:,} columns; {MOST_COLUMNS:,} at the most"
            raise _problem(path, said)

    def _name(self, number: int, own: str) -> str:
        return step_name(own, number) if self.taken[own] > 1 else own

    def _earlier(self, path: str, name: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
        flow = self.outputs.get(name)
        if flow is None:
            said = f"no earlier layer is named {shown(name)}; {among(name, list(self.outputs))}"
            raise _problem(f"{path}.of", said)
        if flow.by_step:
            flow = self._as_matrix(flow)
        return flow.names, flow.shape

    def _weights(self, path: str, name: str) -> tuple[str, tuple[int, ...]]:
        """The weights of an earlier dense layer."""
        if name not in self.weights:
            said = (
                f"no earlier dense layer is named {shown(name)}; {among(name, list(self.weights))}"
            )
            raise _problem(f"{path}.of", said)
        return self.weights[name]

    def _as_matrix(self, flow: _Flow) -> _Flow:
        """A sequence whose steps are quantities of their own, as a matrix with a row for each."""
        whole = f"{flow.names[0]}_all"
        line = f"{whole} = rows({', '.join(f'{flow.names[0]}[{t + 1}]' for t in range(flow.shape[0]))})"
        if len(line) > MAX_LENGTH:
            said = f"{flow.shape[0]:,} steps do not fit into one formula; give a shorter sequence"
            raise _problem("network.shapes", said)
        if line not in self.lines:
            self.lines.append(line)
            self.meanings[whole] = "all steps, one below the other"
        return _Flow((whole,), flow.shape)

    def _put(
        self, path: str, number: int, layer: Layer, made: Made, given: Mapping[str, str]
    ) -> None:
        kind = layer.kind.replace("_", " ")
        own = {name: self._name(number, name) for name in _own_names(made)}
        own |= {name: _begins(self._name(number, _stem(name)), name) for name in made.constants}
        for line in made.formulas:
            stepped, left = "[t]" in line.text, LEFT.match(line.text)
            text = NAMES.sub(lambda found: own.get(found[1], found[1]), line.text)
            for place, source in given.items():
                text = text.replace(place, source)
            self.lines.append(text)
            assert left is not None
            self.meanings[own[left[0]]] = f"{line.meaning}, in layer {number} ({kind})"
            if stepped:
                self.repeat["t"] = f"1:{made.shape[0]}"
        first = self._first_values(path, layer, made)
        # The name of a constant begins its sequence: h0. That of the tenth filter's bias, b10, does not.
        begins = {name: _begins(self._name(number, _stem(name)), name) for name in made.constants}
        renamed = {name: begins.get(name) or self._name(number, name) for name in first}
        self.parameters |= {renamed[name]: first[name] for name in made.parameters}
        self.constants |= {renamed[name]: first[name] for name in made.constants}
        self.parameters_by_layer.append(renamed)
        ends = {"x": list(given.values()), "y": [own[name] for name in _outputs(made)]}
        single = {name: found[0] for name, found in ends.items() if len(found) == 1}
        self.names_by_layer.append(single | own | renamed)
        for name, share in made.drawn.items():
            self.masks[own[name]] = share
            self.shapes[own[name]] = list(made.shape)
        for name in renamed.values():
            self.meanings.setdefault(name, f"of layer {number}, {kind}")

    def _first_values(self, path: str, layer: Layer, made: Made) -> dict[str, Any]:
        """The first values of a layer's parameters: those of the file, and drawn ones."""
        given: dict[str, Any] = dict(layer.parameters)
        if layer.weights is not None:
            given["W"] = layer.weights
        if isinstance(layer.bias, list):
            given["b"] = layer.bias
        if layer.is_bias_shared:
            raise _problem(f"{path}.bias", "a number for each neuron, or false, expected")
        shapes = {**made.parameters, **made.constants}
        for name, value in given.items():
            if name not in shapes:
                said = f"this layer has no {shown(name)}; {among(name, list(shapes))}"
                raise _problem(f"{path}.parameters.{name}", said)
            if np.shape(value) != shapes[name]:
                said = f"{_size(shapes[name])} expected; got {_size(np.shape(value))}"
                raise _problem(f"{path}.parameters.{name}", said)
        values: dict[str, Any] = {}
        for name, shape in shapes.items():
            begin = 1.0 if name in made.ones else 0.0
            drawn = np.full(shape, begin)
            if name in made.parameters and name not in made.ones:
                fans = made.fans.get(name, (shape[-1], shape[0]) if len(shape) == 2 else None)
                drawn = drawn_array(self.initial, shape, fans, self.random)
            values[name] = given.get(name, made.values.get(name, drawn.tolist()))
        return values

    # The loss

    def _loss(self, flow: _Flow) -> None:
        """The line of the loss."""
        ((target, names),) = self.targets.items()
        if flow.by_step:
            flow = self._as_matrix(flow)
        if len(flow.names) > 1:
            raise _problem(
                "network.layers", 'channels come out; a layer of kind "flatten" joins them'
            )
        if flow.shape != names.shape:
            said = f"{_size(flow.shape)} expected, as many as the outputs; got {_size(names.shape)}"
            raise _problem("network.targets", said)
        kind = loss_of(str(self.network.loss))
        numbers = {
            name: repr(default if (given := getattr(self.network, name)) is None else given)
            for name, default in kind.settings.items()
        }
        operands = {"y": flow.names[0], "t": target} | numbers
        term = NAMES.sub(lambda found: operands.get(found[1], found[1]), kind.term)
        count = str(math.prod(names.shape))
        parts = {"s": f"sum({term})", "n": count}
        whole = NAMES.sub(lambda found: parts.get(found[1], found[1]), kind.whole)
        self.lines.append(f"{LOSS} = {whole}")
        self.meanings[LOSS] = kind.meaning


# What stands for the names of what a layer is given, until its own names are replaced.
_PLACE = "§{}§"
LEFT = re.compile(NAME)


def _own_names(made: Made) -> list[str]:
    """The names that a layer brings: of its quantities, parameters and masks."""
    left = [LEFT.match(line.text) for line in made.formulas]
    names = [found[0] for found in left if found is not None]
    return list(dict.fromkeys([*names, *made.parameters, *map(_stem, made.constants), *made.drawn]))


def _outputs(made: Made) -> tuple[str, ...]:
    """The layer's own names for what it gives."""
    return (made.output,) if isinstance(made.output, str) else tuple(made.output)


def _stem(name: str) -> str:
    """The sequence that a constant begins: h of h0."""
    return name.removesuffix("0")


def _begins(stem: str, name: str) -> str:
    """The name of a constant, from that of its sequence."""
    return step_name(stem, 0) if name.endswith("0") else stem


def _what(flow: _Flow) -> str:
    if len(flow.shape) == 1:
        return "vector"
    return "picture" if len(flow.names) > 1 else "sequence"


def _size(shape: Sequence[int]) -> str:
    return " × ".join(map(str, shape)) + " numbers" if shape else "a number"


def activation_text(text: str, z: str) -> str:
    """The formula of a layer's outputs."""
    if is_joint(text):
        return f"softmax({z})"
    return NAMES.sub(lambda found: z if found[1] == "z" else found[1], activation_of(text).formula)


def _settings(path: str, layer: Layer, kind: Kind) -> dict[str, Any]:
    """The keys that a kind of layer uses, with its defaults."""
    used = {*kind.needs, *kind.settings}
    for key in sorted(LAYER_KEYS):
        if getattr(layer, key) is not None and key not in used:
            users = [
                name for name, other in KINDS.items() if key in (*other.needs, *other.settings)
            ]
            raise _problem(f"{path}.{key}", f"used by {listing(users)} only; leave it out")
    for key in kind.needs:
        if getattr(layer, key) is None and not (key == "units" and layer.neurons):
            raise _problem(f"{path}.{key}", f"missing, and needed by {layer.kind}")
    values = {key: getattr(layer, key) for key in used}
    defaults = {key: value for key, value in kind.settings.items() if values[key] is None}
    if "units" in values and layer.neurons:
        defaults["units"] = len(layer.neurons)
    return values | defaults


LAYER_KEYS = {key for kind in KINDS.values() for key in (*kind.needs, *kind.settings)}


def _problem(path: str, message: str) -> ExperimentError:
    return ExperimentError([Problem(path, message)], "this network")
