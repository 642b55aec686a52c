"""Perceptrons: one table of their rules, by the activation of the layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["PERCEPTRONS", "Perceptron"]


@dataclass(frozen=True)
class Perceptron:
    """The perceptron's rule (Rosenblatt 1958) for an activation with two values.

    adjustment: Δw, a formula of the target `t`, the output `y` and the weight's input `x`
    targets:    the two values
    how:        the adjustment in words
    """

    adjustment: str
    targets: tuple[float, float]
    how: str


PERCEPTRONS: Mapping[str, Perceptron] = {
    "sign": Perceptron(
        "if(y = t, 0, t*x*learning_rate)",
        (-1.0, 1.0),
        "target times input times learning rate where the output is wrong, else 0",
    ),
    "step": Perceptron(
        "learning_rate*(t - y)*x",
        (0.0, 1.0),
        "learning rate times target minus output times input, 0 where the output is right",
    ),
}
