"""Weights as arrays by name, W1, b1 …, as a network of dense layers.

A matrix may have a row for each neuron ("weight", as PyTorch stores it) or a row for each input
("kernel", as Keras does). The shapes of a chain often leave one of the two. Where they leave both, as
those of a square matrix do, the answer is asked for and not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from bpsheet.errors import ModelError, Problem
from bpsheet.models.assembling import Objective, assembled
from bpsheet.models.imported import Draft, Imported, Part
from bpsheet.tables.plain import plain
from bpsheet.tables.training import Training
from bpsheet.textbook.losses import LOSSES
from bpsheet.words import among, counted, listing, nearest, shown

__all__ = ["Orientation", "read_arrays"]

Orientation = Literal["weight", "kernel"]
SIDES: tuple[Orientation, ...] = ("weight", "kernel")
MEANING = '"weight" if it has a row for each neuron, "kernel" if it has a row for each input'
# W1, weights_2, b1, bias2; also fc1.weight, dense/kernel:0, layers.0.bias.
NUMBERED = re.compile(r"(?P<what>[A-Za-z]+?)_?(?P<layer>[0-9]+)", re.ASCII)
PATH = re.compile(r"(?P<layer>.*?)[./]?(?P<what>weight|kernel|bias|scale|W|w|b)(:0)?", re.DOTALL)
MATRICES = ("w", "weight", "weights", "kernel", "theta")
BIASES = ("b", "bias", "biases")


@dataclass(frozen=True)
class _Layer:
    """A matrix with its name, and the bias that goes with it.

    side: the orientation that is known; None where the shapes have to tell
    """

    name: str
    matrix: npt.NDArray[np.float64]
    bias_name: str | None = None
    bias: npt.NDArray[np.float64] | None = None
    side: Orientation | None = None

    def size(self, side: Orientation) -> tuple[int, int]:
        """The numbers of inputs and of neurons."""
        rows, columns = self.matrix.shape
        return (columns, rows) if side == "weight" else (rows, columns)

    @property
    def is_square(self) -> bool:
        """Whether both sides are possible by its shape, and differ."""
        rows, columns = self.matrix.shape
        return bool(rows == columns > 1)

    def sides(self) -> list[Orientation]:
        """The orientations that its own shape and its bias leave."""
        if self.side is not None:
            return [self.side]
        count = None if self.bias is None else len(self.bias)
        return [side for side in SIDES if count in (None, self.size(side)[1])]


def read_arrays(
    arrays: Mapping[str, Any],
    data: Any,
    loss: str | None,
    training: Training | None,
    *,
    activations: Sequence[str] | str,
    orientation: Orientation | Mapping[str, Orientation] | None,
    framework: str = "arrays",
    source: str = "these arrays",
) -> Imported:
    """A network of dense layers. See `bpsheet.from_arrays` for the arguments.

    Raises ModelError with everything that does not fit.
    """
    if loss is not None and loss.isidentifier() and loss not in LOSSES:
        known = f"unknown loss {shown(loss)}; {among(str(loss), list(LOSSES))}, or write a formula"
        raise ModelError([Problem("loss", known)], source)
    if not hasattr(arrays, "items") or not len(arrays):
        said = f'arrays by their names expected, such as {{"W1": …, "b1": …}}; got {shown(arrays)}'
        raise ModelError([Problem("arrays", said)], source)
    layers = _turned(_layers(arrays, orientation, source), source)
    functions = [activations] if isinstance(activations, str) else list(activations)
    if len(functions) != len(layers):
        names = listing([layer.name for layer in layers])
        said = f"{counted(len(layers), 'activation')} expected, one for each of {names}; got {len(functions)}"
        raise ModelError([Problem("activations", said)], source)
    draft = Draft(framework, source)
    for layer, function in zip(layers, functions, strict=True):
        part = Part(layer.name, layer.matrix)
        parameters = {"W": part.turned if layer.side == "kernel" else part}
        if layer.bias is not None and layer.bias_name is not None:
            parameters["b"] = Part(layer.bias_name, layer.bias)
        units = len(parameters["W"].values)
        draft.layer("dense", parameters, units=units, activation=str(function))
    objective = None
    if loss is not None:
        classes = loss in LOSSES and "softmax" in LOSSES[loss].fits
        objective = Objective({"loss": loss}, classes=classes)
    rule: dict[str, Any] = {"batch_size": "all", "reduction": "mean", "epochs": 1}
    if training is not None:
        rule = training.model_dump(exclude_unset=True)
    inputs = [len(draft.layers[0]["weights"][0])]
    outputs = [len(draft.layers[-1]["weights"])]
    kinds = {
        str(getattr(value, "dtype", "float64")).rpartition(".")[2] for value in arrays.values()
    }
    dtype = kinds.pop() if len(kinds) == 1 else "float64"
    return assembled(draft, inputs, outputs, data, objective, rule, dtype=dtype)


def _layers(
    arrays: Mapping[str, Any],
    orientation: Orientation | Mapping[str, Orientation] | None,
    source: str,
) -> list[_Layer]:
    """The layers in their order: by the numbers in the names, else as they come."""
    problems: list[Problem] = []
    asked = orientation if isinstance(orientation, Mapping) else {}
    matrices: dict[str, tuple[str, npt.NDArray[np.float64]]] = {}
    biases: dict[str, tuple[str, npt.NDArray[np.float64]]] = {}
    for name, value in arrays.items():
        what, layer = _meaning(str(name))
        numbers = _numbers(value)
        axes = {"matrix": 2, "bias": 1}.get(what, 0)
        if not axes:
            problems.append(
                Problem(str(name), "a name such as W1, b1, fc1.weight or fc1.bias expected")
            )
        elif numbers is None:
            problems.append(Problem(str(name), "an array of finite numbers expected"))
        else:
            numbers = (
                numbers.ravel()
                if axes == 1 and numbers.size == max(numbers.shape, default=1)
                else numbers
            )
            if numbers.ndim != axes:
                shape = f"got one of the shape {numbers.shape}; dense layers alone are covered"
                said = "a matrix" if axes == 2 else "a vector, a number for each neuron,"
                problems.append(Problem(str(name), f"{said} expected; {shape}"))
            (matrices if what == "matrix" else biases)[layer] = (str(name), numbers)
    problems += [
        Problem(name, "a bias without a matrix of the same layer")
        for layer, (name, _) in biases.items()
        if layer not in matrices
    ]
    known = {name for name, _ in matrices.values()}
    for name, side in asked.items():
        if name not in known:
            problems.append(
                Problem(
                    "orientation", f"no matrix is named {shown(name)}; {nearest(str(name), known)}"
                )
            )
        elif side not in SIDES:
            problems.append(_unknown_side(side))
    if isinstance(orientation, str) and orientation not in SIDES:
        problems.append(_unknown_side(orientation))
    if problems or not matrices:
        raise ModelError(problems or [Problem("arrays", "a matrix expected, such as W1")], source)
    order = (
        sorted(matrices, key=_number) if all(key.isdigit() for key in matrices) else list(matrices)
    )
    found: list[_Layer] = []
    for key in order:
        name, matrix = matrices[key]
        bias_name, bias = biases.get(key, (None, None))
        told = asked.get(name) or (orientation if isinstance(orientation, str) else None)
        found.append(
            _Layer(name, matrix, bias_name, bias, told or _framework_side(arrays[name], name))
        )
    return found


def _number(text: str) -> int:
    return int(text)


def _unknown_side(side: object) -> Problem:
    return Problem("orientation", f"{MEANING}, expected; got {shown(side)}")


def _meaning(name: str) -> tuple[str, str]:
    """Whether a name is that of a matrix or of a bias, and of which layer."""
    for pattern in (NUMBERED, PATH):
        found = pattern.fullmatch(name)
        if found is not None:
            what = found["what"].lower()
            if what in MATRICES:
                return "matrix", found["layer"]
            if what in BIASES:
                return "bias", found["layer"]
    return "", ""


def _framework_side(value: Any, name: str) -> Orientation | None:
    """The orientation that a framework's own names tell: PyTorch's tensors `….weight`, and `….kernel`."""
    if name.removesuffix(":0").endswith("kernel"):
        return "kernel"
    is_tensor = type(value).__module__.startswith("torch")
    return "weight" if is_tensor and name.endswith(".weight") else None


def _numbers(value: Any) -> npt.NDArray[np.float64] | None:
    try:
        if type(value).__module__.startswith("torch"):
            value = value.detach().cpu().double().numpy()
        numbers = np.asarray(plain(value), np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.size and np.isfinite(numbers).all() else None


def _turned(layers: Sequence[_Layer], source: str) -> list[_Layer]:
    """The layers with their orientations. Raises ModelError where they cannot be known."""
    problems = [
        Problem(
            "orientation",
            f"{layer.name} is a square matrix, {layer.matrix.shape[0]} × {layer.matrix.shape[0]}, which "
            f"does not tell the side of its neurons; needed is {MEANING}",
        )
        for layer in layers
        if layer.is_square and layer.side is None
    ]
    if problems:
        raise ModelError(problems, source)
    chains = [
        chain
        for side in SIDES
        if (chain := [replace(layer, side=layer.side or side) for layer in layers]) and _fits(chain)
    ]
    if len(chains) == 2 and any(_differ(*pair) for pair in zip(*chains, strict=True)):
        said = (
            f"the shapes fit both ways, as a network {_told(chains[0])} with a row for each neuron and as "
            f"{_told(chains[1])} with a row for each input; needed is {MEANING}"
        )
        raise ModelError([Problem("orientation", said)], source)
    if not chains:
        raise ModelError(_misfits(layers), source)
    return chains[0]


def _differ(one: _Layer, other: _Layer) -> bool:
    """Whether two orientations of a matrix give different layers. A single number has but one."""
    return one.side != other.side and one.matrix.shape != (1, 1)


def _fits(chain: Sequence[_Layer]) -> bool:
    sizes = [layer.size(layer.side or "weight") for layer in chain]
    has_biases = all(
        layer.bias is None or len(layer.bias) == units
        for layer, (_, units) in zip(chain, sizes, strict=True)
    )
    is_chain = all(before[1] == after[0] for before, after in pairwise(sizes))
    return has_biases and is_chain


def _told(chain: Sequence[_Layer]) -> str:
    """The sizes of a network: 2-3-1."""
    sizes = [layer.size(layer.side or "weight") for layer in chain]
    return "-".join(str(n) for n in (sizes[0][0], *(units for _, units in sizes)))


def _misfits(layers: Sequence[_Layer]) -> list[Problem]:
    """Why no orientation gives a network."""
    problems = []
    for layer in layers:
        if not any(
            layer.bias is None or len(layer.bias) == layer.size(side)[1] for side in layer.sides()
        ):
            count = 0 if layer.bias is None else len(layer.bias)
            said = f"{layer.matrix.shape} has no side of {count}, as {layer.bias_name} has numbers"
            problems.append(Problem(layer.name, said))
    if not problems:
        shapes = listing([f"{layer.name} {layer.matrix.shape}" for layer in layers])
        said = (
            f"{shapes} are no chain, neither with a row for each neuron nor with a row for each input: "
            "each layer has as many inputs as the one before has neurons"
        )
        problems.append(Problem(layers[0].name, said))
    return problems
