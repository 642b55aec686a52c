"""A network whose layers show the weights that are drawn for it.

They count as not given: a copy with another seed draws others, and a file does not have them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bpsheet.columns.model import Model
from bpsheet.tables.network import Layer, Network

__all__ = ["with_drawn"]


def with_drawn(network: Network, model: Model) -> Network:
    """The network with the first values of its weights.

    >>> import bpsheet as bp
    >>> experiment = bp.load("iris")
    >>> len(experiment.network.layers[0].weights), "weights" in experiment.to_dict()["network"]["layers"][0]
    (4, False)
    """
    values = {
        name: np.vectorize(model.first_values.__getitem__, otypes=[float])(names)
        for name, names in model.weight_arrays.items()
        if names.size
    }
    layers = [
        _shown(layer, {own: values[name].tolist() for own, name in arrays.items()})
        for layer, arrays in zip(network.layers, model.weights_by_layer, strict=True)
    ]
    shown = network.model_copy()
    shown.__dict__["layers"] = layers
    return shown


def _shown(layer: Layer, values: dict[str, Any]) -> Layer:
    """A layer with the values of those fields that are not given."""
    fields: dict[str, Any] = {"parameters": values}
    if layer.kind == "dense":
        fields = {"weights": values.get("W"), "bias": values.get("b", False)}
        if "parameters" in layer.model_fields_set:
            return layer
    shown = layer.model_copy()
    shown.__dict__.update(
        {key: value for key, value in fields.items() if key not in layer.model_fields_set}
    )
    return shown
