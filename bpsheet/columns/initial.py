"""First values of weights. Those that the file does not give are drawn with a seed."""

from __future__ import annotations

import math

import numpy as np

from bpsheet.columns.names import LayerNames
from bpsheet.tables.spec import Initial, Network

__all__ = ["initial_values"]


def initial_values(
    network: Network, layers: list[LayerNames], initial: Initial
) -> dict[str, float]:
    """Every weight's and bias's first value, by name.

    xavier: uniform up to ±√(6/(fan_in + fan_out)), or normal of variance 2/(fan_in + fan_out)
    he:     uniform up to ±√(6/fan_in), or normal of variance 2/fan_in

    Biases begin at 0, except with `uniform`, which draws them too.
    """
    random = np.random.default_rng(initial.seed)
    values: dict[str, float] = {}
    for names, layer in zip(layers, network.layers, strict=True):
        shape = (len(names.neurons), len(names.inputs))
        weights = layer.weights if layer.weights is not None else _draw(initial, shape, random)
        if isinstance(layer.bias, list):
            biases = layer.bias
        elif initial.method == "uniform":
            biases = random.uniform(-initial.range, initial.range, shape[0]).tolist()
        else:
            biases = [0.0] * shape[0]
        for row, row_names in zip(weights, names.weights, strict=True):
            values |= zip(row_names, row, strict=True)
        values |= zip(names.biases, biases, strict=False)
    return values


def _draw(
    initial: Initial, shape: tuple[int, int], random: np.random.Generator
) -> list[list[float]]:
    fan_out, fan_in = shape
    match initial.method:
        case "xavier_uniform":
            limit = math.sqrt(6 / (fan_in + fan_out))
            drawn = random.uniform(-limit, limit, shape)
        case "xavier_normal":
            drawn = random.normal(0, math.sqrt(2 / (fan_in + fan_out)), shape)
        case "he_uniform":
            limit = math.sqrt(6 / fan_in)
            drawn = random.uniform(-limit, limit, shape)
        case "he_normal":
            drawn = random.normal(0, math.sqrt(2 / fan_in), shape)
        case "uniform":
            drawn = random.uniform(-initial.range, initial.range, shape)
        case _:
            drawn = np.zeros(shape)
    rows: list[list[float]] = drawn.tolist()
    return rows
