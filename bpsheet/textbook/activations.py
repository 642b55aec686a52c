"""Activations: one table of formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ACTIVATIONS", "Activation", "activation_of"]


@dataclass(frozen=True)
class Activation:
    """An activation function: a formula of `z`, its derivative in `z` or `y`, and its meaning."""

    formula: str
    derivative: str
    meaning: str


# Softmax is not here: each of its outputs depends on every weighted sum (see `bpsheet.columns.network`).
ACTIVATIONS: Mapping[str, Activation] = {
    "linear": Activation("z", "1", "the weighted sum itself"),
    "logistic": Activation("logistic(z)", "y*(1 - y)", "the logistic function of the weighted sum"),
    "tanh": Activation("tanh(z)", "1 - y^2", "the hyperbolic tangent of the weighted sum"),
    "relu": Activation(
        "max(0, z)", "if(z > 0, 1, 0)", "the weighted sum where it is positive, else 0"
    ),
    "leaky_relu": Activation(
        "if(z > 0, z, 0.01*z)",
        "if(z > 0, 1, 0.01)",
        "the weighted sum where it is positive, else a hundredth of it",
    ),
    # ln(1 + e^z), written so that a large z does not overflow.
    "softplus": Activation(
        "max(z, 0) + ln(1 + exp(-abs(z)))",
        "logistic(z)",
        "the logarithm of 1 + e^z, a smooth form of relu",
    ),
    "sign": Activation("sign(z)", "0", "the sign of the weighted sum: 1, 0 or -1"),
}


def activation_of(text: str) -> Activation:
    """The activation of that name, or an activation from a formula of z.

    >>> activation_of("2*z").derivative
    ''
    """
    known = ACTIVATIONS.get(text)
    return known or Activation(text, "", f"{text}, where z is the weighted sum")
