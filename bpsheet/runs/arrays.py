"""The quantities of a run as arrays: the iteration first, then the quantity's own shape.

On the sheet the columns of the backward pass run from the last layer to the first, and in each layer
from the last neuron to the first. Arrays have one order, that of the forward pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from bpsheet.errors import ExperimentError, Problem
from bpsheet.program.kinds import Role
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity
from bpsheet.runs.run import Run
from bpsheet.tables.plain import AnyWhole, whole_number
from bpsheet.words import among, nearest, shown

__all__ = ["Found", "LayerArrays", "array_of", "layer_of", "quantities_of", "values_of"]

Values = npt.NDArray[np.float64]

# A quantity of a sequence's step: h[2], and its derivative dh[2].
STEP = re.compile(r"(.+)\[(\d+)\]")


class Found(NamedTuple):
    """A quantity; or those of all steps of a sequence, which are numbered by `steps`."""

    quantities: Sequence[Quantity]
    steps: Sequence[int] = ()

    @property
    def first(self) -> Quantity:
        return self.quantities[0]

    @property
    def adjoint(self) -> str | None:
        """The name of the derivative of the loss with respect to it."""
        if not self.steps:
            return self.first.adjoint
        step = STEP.fullmatch(self.first.adjoint)
        return None if step is None else step[1]

    def values(self, run: Run) -> Values:
        """Its array: (iteration, …), or (iteration, step, …)."""
        parts = [values_of(quantity, run.program, run.values) for quantity in self.quantities]
        return np.stack(parts, axis=1) if self.steps else parts[0]


def quantities_of(program: Program) -> dict[str, Found]:
    """The quantities by their names; by h those of all steps, h[1], h[2] …, from the first on."""
    found: dict[str, Found] = {}
    steps: dict[str, dict[int, Quantity]] = {}
    for quantity in program.quantities:
        found[quantity.name] = Found((quantity,))
        step = STEP.fullmatch(quantity.name)
        if step is not None:
            steps.setdefault(step[1], {})[int(step[2])] = quantity
    for stem, each in steps.items():
        if len({quantity.shape for quantity in each.values()}) == 1:
            numbers = sorted(each)
            found.setdefault(stem, Found([each[number] for number in numbers], numbers))
    return found


def values_of(quantity: Quantity, program: Program, values: Values) -> Values:
    """The entries of a quantity in some rows of a run, or in one: the rows' axes, then its own.

    A weight that is never updated has no column for its adjustment, which is 0. Any other entry
    without a column is NaN.
    """
    position = program.position
    places = np.array(
        [-1 if column is None else position[column.name] for column in quantity.columns.ravel()],
        dtype=np.intp,
    )
    found: Values = values[..., places]
    if (places < 0).any():
        found[..., places < 0] = 0.0 if quantity.first.role is Role.ADJUSTMENT else np.nan
    return found.reshape(*values.shape[:-1], *quantity.shape)


def array_of(run: Run, name: str) -> Values:
    """A quantity of a run as an array: (iteration, …), and for a sequence (iteration, step, …).

    Raises ExperimentError for an unknown name.
    """
    known = quantities_of(run.program)
    if name not in known:
        arrays = [key for key, found in known.items() if found.first.shape]
        said = f"no quantity of this run; {nearest(str(name), [*arrays, *run.program.names])}"
        raise ExperimentError([Problem(shown(name), said)], run.experiment.name)
    return known[name].values(run)


class LayerArrays:
    """A layer of a run, as arrays: the iteration first, then neurons, then inputs.

    `W` has the shape (iteration, neuron, input); `b`, `z` and `y` have (iteration, neuron), and `x`
    has (iteration, input). `delta` are the error terms, the derivatives of the loss with respect to
    `z`; `dW` and `db` are the gradients, `adjustment_W` and `adjustment_b` the adjustments. Layers of
    other kinds have names of their own: `layer["Wh"]`, its gradient `layer["dWh"]`, its adjustment
    `layer["ΔWh"]`. `layer.keys()` has all names, and `dict(layer)` all arrays.

    Each access makes a new array. Raises ExperimentError for what a layer does not have.

    >>> import bpsheet as bp
    >>> layer = bp.load("two-neuron").run(3).layer(1)
    >>> layer.W.shape, layer.delta.shape
    ((3, 1, 2), (3, 1))
    >>> bool((layer.dW == layer.delta[:, :, None] * layer.x[:, None, :]).all())
    True
    """

    def __init__(self, run: Run, number: int, names: Mapping[str, str]) -> None:
        self.number = number
        self._run = run
        known = quantities_of(run.program)
        own = {name: known[of_all] for name, of_all in names.items() if of_all in known}
        self._found: dict[str, Found] = dict(own)
        for sign, named in (("d", lambda f: f.adjoint), ("Δ", lambda f: _adjustment(run, f.first))):
            for name, found in own.items():
                if (other := named(found)) in known:
                    self._found.setdefault(f"{sign}{name}", known[other])

    def __getitem__(self, name: str) -> Values:
        if name not in self._found:
            said = f"layer {self.number} has none; {among(name, list(self._found))}"
            raise ExperimentError([Problem(shown(name), said)], self._run.experiment.name)
        found = self._found[name].values(self._run)
        # A bias that the neurons share is a number: it stands for each of them.
        return found[:, None] if found.ndim == 1 else found

    def keys(self) -> list[str]:
        """The names of its arrays."""
        return list(self._found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __contains__(self, name: object) -> bool:
        return name in self._found

    def __repr__(self) -> str:
        return f"<Layer {self.number} of {self._run.experiment.name}: {', '.join(self)}>"

    @property
    def x(self) -> Values:
        """What the layer is given: (iteration, input)."""
        return self["x"]

    @property
    def W(self) -> Values:  # noqa: N802 - the letter of the sources
        """The weights that each iteration uses: (iteration, neuron, input)."""
        return self["W"]

    @property
    def b(self) -> Values:
        """The biases that each iteration uses: (iteration, neuron), or (iteration, 1) if shared."""
        return self["b"]

    @property
    def z(self) -> Values:
        """The weighted sums: (iteration, neuron)."""
        return self["z"]

    @property
    def y(self) -> Values:
        """The outputs: (iteration, neuron)."""
        return self["y"]

    @property
    def delta(self) -> Values:
        """The error terms, as derivatives of the loss: (iteration, neuron)."""
        return self["dz"]

    @property
    def dW(self) -> Values:  # noqa: N802 - the letters of the sources
        """The gradients of the weights, in batches those of each example: (iteration, neuron, input)."""
        return self["dW"]

    @property
    def db(self) -> Values:
        """The gradients of the biases: as `b`."""
        return self["db"]

    @property
    def adjustment_W(self) -> Values:  # noqa: N802 - the letter of the sources
        """What each iteration adds to the weights: (iteration, neuron, input)."""
        return self["ΔW"]

    @property
    def adjustment_b(self) -> Values:
        """What each iteration adds to the biases: as `b`."""
        return self["Δb"]


def _adjustment(run: Run, weights: Quantity) -> str | None:
    """The name of what an update adds to an array of weights."""
    if weights.first.role is not Role.WEIGHT:
        return None
    return f"Δ{weights.name}" if weights.shape else run.program.adjustment_of(weights.name)


def layer_of(run: Run, number: AnyWhole) -> LayerArrays:
    """A layer of a run, by its number from 1.

    Raises ExperimentError for formulas without layers, and for a number that no layer has.
    """
    name = run.experiment.name
    layers = run.experiment.model.names_by_layer
    chosen = whole_number(number, "layer", name)
    if not layers:
        said = "these are formulas without layers; trace[…] has their quantities as arrays"
        raise ExperimentError([Problem("layer", said)], name)
    if not 1 <= chosen <= len(layers):
        expected = f"1 to {len(layers)}" if len(layers) > 1 else "1, the only one,"
        raise ExperimentError([Problem("layer", f"{expected} expected; got {chosen}")], name)
    return LayerArrays(run, chosen, layers[chosen - 1])
