"""A run as a dataset of xarray: an array for each quantity, with named axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpsheet.columns.presentation import INPUTS, ITERATION, TARGETS
from bpsheet.errors import MissingExtraError
from bpsheet.program.kinds import COUNTERS, Role
from bpsheet.program.program import unlike
from bpsheet.runs.arrays import Found, quantities_of
from bpsheet.runs.run import Run

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["dataset_of"]


def dataset_of(run: Run) -> xr.Dataset:
    """The dataset. Raises MissingExtraError without xarray."""
    try:
        import xarray as xr
    except ImportError:
        raise MissingExtraError("to_xarray needs xarray", "xarray") from None

    known = quantities_of(run.program)
    axes = _Axes(run)
    whole = {step.name for found in known.values() if found.steps for step in found.quantities}
    variables: dict[str, Any] = {}
    for name, found in known.items():
        if name != ITERATION and name not in whole:
            about = {"phase": str(found.first.phase), "role": str(found.first.first.role)}
            values = found.values(run)
            if found.first.first.role in COUNTERS:
                values = values.astype(np.int64)
            variables[name] = (axes.of(name, found), values, about)
    experiment = run.experiment
    coordinates = {ITERATION: run.recording.iterations} | axes.coordinates
    attributes = {"experiment": experiment.name, "title": experiment.title}
    return xr.Dataset(variables, coordinates, attributes)


class _Axes:
    """The names of axes, and what stands along them: neurons, inputs, targets, steps."""

    def __init__(self, run: Run) -> None:
        self.coordinates: dict[str, list[Any]] = {}
        # The names of the inputs and of the neurons, layer by layer.
        self.neurons: dict[int, list[str]] = {}
        self.inputs: dict[int, list[str]] = {}
        # What a derivative or an adjustment belongs to, whose axes it has.
        self.origin: dict[str | None, str] = {}
        self.known = quantities_of(run.program)
        for name, found in self.known.items():
            self.origin[found.adjoint] = name
            first = found.first.first
            columns = found.first.columns
            if first.role is Role.WEIGHT:
                self.origin |= {column.name: name for column in columns.ravel()}
            if first.layer is None or found.first.shape == ():
                continue
            if first.role is Role.SUM:
                self.neurons[first.layer] = [column.neuron for column in columns]
            elif first.role is Role.WEIGHT and columns.ndim == 2:
                self.inputs[first.layer] = [column.input for column in columns[0]]

    def of(self, name: str, found: Found) -> list[str]:
        """The names of an array's axes."""
        quantity, axes = found.first, [ITERATION]
        weight = quantity.first.weight
        name = self.origin.get(name if weight is None else weight, name)
        if found.steps:
            axes.append(self._axis("step", list(found.steps), f"{name}_step"))
        layer = quantity.first.layer
        for number, size in enumerate(quantity.shape):
            own = f"{name}_{number}"
            if name in (INPUTS, TARGETS) and len(quantity.shape) == 1:
                labels = [column.name for column in quantity.columns]
                axes.append(self._axis("input" if name == INPUTS else "target", labels, own))
            elif layer is not None and number == 0 and len(self.neurons.get(layer, ())) == size:
                axes.append(self._axis(f"layer{layer}", self.neurons[layer], own))
            elif layer is not None and number == 1 and len(self.inputs.get(layer, ())) == size:
                before = "input" if layer == 1 else f"layer{layer - 1}"
                labels = self.inputs[layer] if layer == 1 else self.neurons[layer - 1]
                axes.append(self._axis(before, labels, own))
            else:
                axes.append(unlike(own, self.known))
        return axes

    def _axis(self, name: str, labels: list[Any], own: str) -> str:
        """An axis that several arrays share; one of its `own` where the labels are others."""
        name, own = (unlike(axis, self.known) for axis in (name, own))
        name = name if self.coordinates.setdefault(name, labels) == labels else own
        self.coordinates.setdefault(name, labels)
        return name
