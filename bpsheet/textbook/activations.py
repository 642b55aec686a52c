"""Activations: one table of formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ACTIVATIONS", "Activation", "JointActivation", "activation_of", "is_joint"]


@dataclass(frozen=True)
class Activation:
    """An activation function: a formula of `z`, its derivative in `z` or `y`, and its meaning."""

    formula: str
    derivative: str
    meaning: str


@dataclass(frozen=True)
class JointActivation(Activation):
    """An activation whose every output depends on all weighted sums of its layer.

    formula: a formula of `power`, which is e^(z - largest z), and `whole`, the sum of all powers
    across:  the derivative with respect to the weighted sum of an `other` output of the layer
    """

    across: str


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
    # ∂y_k/∂z_i = y_k (δ_ik − y_i), with the 0 of δ_ik written as the source has it.
    "softmax": JointActivation(
        "power/whole",
        "y*(1 - y)",
        "its share of the exponentials of all weighted sums (softmax)",
        across="y*(0 - other)",
    ),
}


def is_joint(text: str) -> bool:
    """Whether each output of a layer with this activation depends on all its weighted sums."""
    return isinstance(ACTIVATIONS.get(text), JointActivation)


def activation_of(text: str) -> Activation:
    """The activation of that name, or an activation from a formula of z.

    >>> activation_of("2*z").derivative
    ''
    """
    known = ACTIVATIONS.get(text)
    return known or Activation(text, "", f"{text}, where z is the weighted sum")
