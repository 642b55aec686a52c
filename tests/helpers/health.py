"""Layers of a kind, over a cloud of points that a small network can learn."""

from __future__ import annotations

import numpy as np

import bpsheet as bp

RANDOM = np.random.default_rng(3)
CLOUD = RANDOM.uniform(-1, 1, (8, 2))
# What a small network can learn: is the sum above 0?
LABELLED = [[*map(float, point), float(point.sum() > 0)] for point in CLOUD]


def layered(*layers, data=LABELLED, loss="half_squared_error", method="xavier_uniform", **training):
    """A network over two inputs (or as many as the data have but one), one target."""
    inputs = [f"x{n + 1}" for n in range(len(data[0]) - 1)]
    tables = {
        "network": {"inputs": inputs, "targets": ["t"], "loss": loss, "layers": list(layers)},
        "data": {"examples": data},
        "training": {"iterations": 400, **training},
        "initial": {"method": method, "seed": 5},
    }
    return bp.Experiment(**tables)
