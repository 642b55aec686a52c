"""The names in a network: of its layers, neurons, weighted sums, outputs, weights and biases.

>>> from bpsheet.tables.notation import Notation
>>> from bpsheet.tables.network import Layer, Network
>>> network = Network(inputs=["x1", "x2"], targets=["y"], layers=[Layer(neurons=["g"])])
>>> wire(network, Notation(weight="w_{source}{neuron}{input}"))[0].weights
(('w_xg1', 'w_xg2'),)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from bpsheet.tables.network import Layer, Network
from bpsheet.tables.notation import Notation

__all__ = ["LayerNames", "neuron_names", "trained_names", "weight_names", "wire"]


@dataclass(frozen=True)
class LayerNames:
    """One layer's names. `weights` has a row for each neuron.

    A layer may have no `biases`, or a single one that its neurons share.
    """

    number: int
    neurons: tuple[str, ...]
    inputs: tuple[str, ...]
    sums: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: tuple[tuple[str, ...], ...]
    biases: tuple[str, ...]
    is_bias_shared: bool = False

    def parts(self, index: int) -> dict[str, object]:
        """The values of the placeholders in a neuron's names."""
        return {
            "neuron": self.neurons[index],
            "number": index + 1,
            "layer": self.number,
            "depth": self.number + 1,
        }

    def bias_of(self, index: int) -> str | None:
        """A neuron's bias, its own or the shared one; None where the layer has none."""
        if not self.biases:
            return None
        return self.biases[0 if self.is_bias_shared else index]

    def leading_to(self, index: int) -> tuple[str, ...]:
        """A neuron's bias, its own or the shared one, and its weights."""
        bias = self.bias_of(index)
        return self.weights[index] if bias is None else (bias, *self.weights[index])

    def of_neuron(self, index: int) -> tuple[str, ...]:
        """A neuron's bias, if it has one, and its weights, in the order of the sheet.

        A shared bias stands with the first neuron.
        """
        return (*self.biases[index : index + 1], *self.weights[index])


def neuron_names(network: Network) -> list[tuple[str, ...]]:
    """The neurons' names, layer by layer: the given ones, else h1, h2 … and out (out1, out2 …)."""
    hidden = len(network.layers) - 1
    layers = []
    for number, layer in enumerate(network.layers, start=1):
        if layer.neurons is not None:
            layers.append(tuple(layer.neurons))
            continue
        units = layer.units or 0
        if number > hidden:
            names = ("out",) if units == 1 else tuple(f"out{n + 1}" for n in range(units))
        elif hidden == 1:
            names = tuple(f"h{n + 1}" for n in range(units))
        else:
            names = tuple(f"h{number}_{n + 1}" for n in range(units))
        layers.append(names)
    return layers


def _layer_name(layer: Layer | None, neurons: Sequence[str], number: int) -> str:
    """A layer's name: the given one, else the common beginning of its neurons' names."""
    if layer is not None and layer.name:
        return layer.name
    if len(neurons) == 1 and number:
        return neurons[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*neurons, strict=False))
    common = "".join(letters[0] for letters in alike).rstrip("0123456789_ ")
    return common or (f"l{number}" if number else "x")


def wire(network: Network, notation: Notation) -> list[LayerNames]:
    """Every name in the network, layer by layer."""
    layers = []
    inputs = tuple(network.inputs)
    source = _layer_name(None, inputs, 0)
    for number, (layer, neurons) in enumerate(
        zip(network.layers, neuron_names(network), strict=True), start=1
    ):
        own = _layer_name(layer, neurons, number)
        names = LayerNames(number, neurons, inputs, (), (), (), ())
        sums, outputs, weights, biases = [], [], [], []
        for index in range(len(neurons)):
            parts = names.parts(index) | {"source": source, "name": own}
            sums.append(notation.name("sum", **names.parts(index)))
            outputs.append(notation.name("output", **names.parts(index)))
            weights.append(
                tuple(
                    notation.name("weight", **parts, input=k, input_name=name)
                    for k, name in enumerate(inputs, start=1)
                )
            )
            if layer.bias is not False and not layer.is_bias_shared:
                biases.append(notation.name("bias", **parts, input=0, input_name="bias"))
        if layer.is_bias_shared:
            parts = {"layer": number, "depth": number + 1, "source": source, "name": own}
            biases = [notation.name("shared_bias", **parts)]
        layers.append(
            LayerNames(
                number,
                neurons,
                inputs,
                tuple(sums),
                tuple(outputs),
                tuple(weights),
                tuple(biases),
                layer.is_bias_shared,
            )
        )
        inputs = tuple(outputs)
        source = own
    return layers


def weight_names(layers: Sequence[LayerNames]) -> list[str]:
    """Every bias and weight, in the order of the sheet."""
    return [
        name
        for layer in layers
        for index in range(len(layer.neurons))
        for name in layer.of_neuron(index)
    ]


def trained_names(
    weights: Sequence[str], freeze: Sequence[str] | None, only: Sequence[str] | None
) -> set[str]:
    """The weights and biases that are updated."""
    every = set(weights)
    if only is not None:
        return every & set(only)
    return every - set(freeze or ())
