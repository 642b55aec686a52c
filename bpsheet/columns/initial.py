"""First values of weights. Those that the file does not give are drawn with a seed."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np

from bpsheet.columns.names import LayerNames
from bpsheet.tables.network import Network
from bpsheet.tables.training import Initial

__all__ = ["drawn_array", "initial_values"]


def initial_values(
    network: Network, layers: list[LayerNames], initial: Initial
) -> dict[str, float]:
    """Every weight's and bias's first value, by name.

    xavier: uniform up to ±√(6/(fan_in + fan_out)), or normal of variance 2/(fan_in + fan_out)
    he:     uniform up to ±√(6/fan_in), or normal of variance 2/fan_in

    Biases begin at 0, except with `uniform`, which draws them too.
    """
    # Made only where something is drawn: importing it takes longer than recording a small network.
    random = cache(lambda: np.random.default_rng(initial.seed))
    values: dict[str, float] = {}
    for names, layer in zip(layers, network.layers, strict=True):
        shape = (len(names.neurons), len(names.inputs))
        weights = layer.weights if layer.weights is not None else _draw(initial, shape, random())
        count = 1 if layer.is_bias_shared else shape[0]
        if isinstance(layer.bias, list):
            biases = layer.bias
        elif isinstance(layer.bias, float):
            biases = [layer.bias]
        elif initial.method == "uniform":
            biases = random().uniform(-initial.range, initial.range, count).tolist()
        else:
            biases = [0.0] * count
        for row, row_names in zip(weights, names.weights, strict=True):
            values |= zip(row_names, row, strict=True)
        values |= zip(names.biases, biases, strict=False)
    return values


def _draw(
    initial: Initial, shape: tuple[int, int], random: np.random.Generator
) -> list[list[float]]:
    rows: list[list[float]] = _drawn(initial, shape, shape[::-1], random).tolist()
    return rows


def drawn_array(
    initial: Initial,
    shape: tuple[int, ...],
    fans: tuple[int, int] | None,
    random: np.random.Generator,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The first values of an array of parameters.

    `fans` has the numbers that go into an entry and out of it; None for biases.
    """
    if fans is not None:
        return _drawn(initial, shape, fans, random)
    if initial.method == "uniform":
        return random.uniform(-initial.range, initial.range, shape)
    return np.zeros(shape)


def _drawn(
    initial: Initial,
    shape: tuple[int, ...],
    fans: tuple[int, int],
    random: np.random.Generator,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    fan_in, fan_out = fans
    match initial.method:
        case "xavier_uniform":
            limit = math.sqrt(6 / (fan_in + fan_out))
            return random.uniform(-limit, limit, shape)
        case "xavier_normal":
            return random.normal(0, math.sqrt(2 / (fan_in + fan_out)), shape)
        case "he_uniform":
            limit = math.sqrt(6 / fan_in)
            return random.uniform(-limit, limit, shape)
        case "he_normal":
            return random.normal(0, math.sqrt(2 / fan_in), shape)
        case "uniform":
            return random.uniform(-initial.range, initial.range, shape)
    return np.zeros(shape)
