"""What is read from a model: an experiment's tables, and where each parameter came from.

A reader of a framework makes a `Draft`, gives it the model's layers one after another, and takes
what it has become:

>>> draft = Draft("torch", "this model")
>>> draft.layer("dense", {"W": Part("fc.weight", [[1.0, 2.0]]), "b": Part("fc.bias", [0.5])}, units=1)
>>> draft.activation("tanh")
>>> draft.layers
[{'units': 1, 'activation': 'tanh', 'weights': [[1.0, 2.0]], 'bias': [0.5]}]
>>> draft.names
{'1.W': 'fc.weight', '1.b': 'fc.bias'}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.errors import ModelError, Problem

__all__ = ["Draft", "Imported", "Part", "kernel_name"]

# What layers have besides what is trained: statistics and first states.
CONSTANTS = (".rm0", ".rv0", ".h0", ".c0")
# The kinds of layers whose weighted sums have an activation of their own.
WITH_ACTIVATION = ("dense", "tied", "convolution")


@dataclass(frozen=True)
class Imported:
    """An experiment's tables, as `Experiment(**tables)` takes them, with the model's own names.

    framework: "torch", "onnx", "keras", "scikit-learn" or "arrays"
    names:     by our parameter (`1.W` is the W of layer 1; of a graph, its name alone) the name in
               the model. Where ours is a part of the model's array the part follows, `[0:4]`, and
               `.T` where it is turned: ours has a row for each neuron
    dtype:     the type of the model's numbers
    others:    what else the model holds by name, and no layer uses
    """

    tables: Mapping[str, Any]
    framework: str
    names: Mapping[str, str] = field(default_factory=dict)
    dtype: str = "float64"
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def whole(self) -> dict[str, Any]:
        """All tables, that of the origin too."""
        origin = {"framework": self.framework, "dtype": self.dtype, "names": dict(self.names)}
        if self.others:
            origin["others"] = dict(self.others)
        return {**self.tables, "origin": origin}


def kernel_name(filter_: int, channel: int, channels: int, filters: int) -> str:
    """The name of a convolution's kernel. The channel is one of the filter's group.

    channels, filters: how many a group has; filter and channel count from 0

    >>> kernel_name(0, 1, 2, 2), kernel_name(2, 0, 2, 2), kernel_name(2, 0, 1, 2)
    ('K1_c2', 'K3_c3', 'K3')
    """
    if channels == 1:
        return f"K{filter_ + 1}"
    return f"K{filter_ + 1}_c{filter_ // filters * channels + channel + 1}"


class Part:
    """An array of a model, or a part of one, with the name that says which part.

    `axes` is how many axes the model's own array has, where these values have more of one entry.

    >>> gates = Part("lstm.weight_ih_l0", [[1, 2], [3, 4], [5, 6], [7, 8]])
    >>> gates[0:2].turned.name
    'lstm.weight_ih_l0[0:2].T'
    >>> gates[0:2].turned.values.tolist()
    [[1.0, 3.0], [2.0, 4.0]]
    """

    def __init__(self, name: str, values: Any, axes: int | None = None) -> None:
        self.name = name
        self.values: npt.NDArray[np.float64] = np.asarray(values, np.float64)
        self.axes = self.values.ndim if axes is None else axes

    def __getitem__(self, part: Any) -> Part:
        places = part if isinstance(part, tuple) else (part,)
        said = ", ".join(
            str(place)
            if not isinstance(place, slice)
            else ":"
            if place == slice(None)
            else f"{place.start}:{place.stop}"
            for place in places
        )
        return Part(f"{self.name}[{said}]", self.values[part])

    @property
    def turned(self) -> Part:
        """The array with its rows as columns. `.T` stands after a part, so that no name has it."""
        whole = "" if self.name.endswith("]") else "[:]"
        return Part(f"{self.name}{whole}.T", self.values.T)


class Draft:
    """The layers of a model, as they are found, and everything in it that is not covered.

    layers:   the layers as tables of an experiment file
    names:    by our parameter its name in the model
    frozen:   our parameters that the model does not train, `1.W`
    memory:   by quantity of the training rule what it remembers, by our parameters
    problems: what is not covered
    """

    def __init__(self, framework: str, source: str) -> None:
        self.framework = framework
        self.source = source
        self.layers: list[dict[str, Any]] = []
        self.names: dict[str, str] = {}
        self.frozen: list[str] = []
        self.memory: dict[str, dict[str, Any]] = {}
        self.problems: list[Problem] = []

    def layer(
        self,
        kind: str,
        parameters: Mapping[str, Part] | None = None,
        *,
        frozen: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        """Add a layer. `parameters` are its arrays by our names; one without a name is our own.

        A dense layer or a convolution without a bias has none. `frozen` names the parameters that
        stay as they are.
        """
        number = len(self.layers) + 1
        table: dict[str, Any] = {} if kind == "dense" else {"kind": kind}
        table |= {key: value for key, value in settings.items() if value is not None}
        if kind in WITH_ACTIVATION:
            table.setdefault("activation", "linear")
        values = {own: part.values.tolist() for own, part in (parameters or {}).items()}
        if kind == "dense":
            table["weights"] = values["W"]
            table["bias"] = values.get("b", False)
        elif values:
            table["parameters"] = values
        self.layers.append(table)
        self.names |= {
            f"{number}.{own}": part.name for own, part in (parameters or {}).items() if part.name
        }
        self.frozen += [f"{number}.{own}" for own in frozen]

    def activation(self, text: str) -> None:
        """Add an activation: that of the last layer, if it has weighted sums and none so far."""
        if text == "linear":
            return
        last = self.layers[-1] if self.layers else {}
        if last.get("activation") == "linear" and "name" not in last:
            last["activation"] = text
        else:
            self.layer("activation", activation=text)

    @property
    def trained(self) -> list[str]:
        """The model's names of what may be trained: statistics and first states are no part of it."""
        return [name for own, name in self.names.items() if not own.endswith(CONSTANTS)]

    def refuse(self, place: str, said: str) -> None:
        """Note a part of the model that is not covered: its path, what is covered, what to do."""
        self.problems.append(Problem(place, said))

    def check(self) -> None:
        """Raise ModelError with every part that is not covered."""
        if self.problems:
            raise ModelError(self.problems, self.source)
