"""What an exercise asks and prints."""

from __future__ import annotations

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise

BOTH = ("weights", "data")


def printed(task) -> dict[str, float]:
    return {line.name: line.value for line in task.lines if line.value is not None}


def two_neurons(*ask: str, **options) -> Exercise:
    return Exercise(bp.load("two-neuron"), ask or ("forward", "backward", "update"), **options)


Z_G_ROW = 19  # z_g is -0.25
