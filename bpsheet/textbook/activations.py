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


# ln(1 + e^z), written so that a large z does not overflow.
_SOFTPLUS = "max(z, 0) + ln(1 + exp(-abs(z)))"

# Where PyTorch has a function of that name, it is that one, with PyTorch's defaults.
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
    "softplus": Activation(
        _SOFTPLUS, "logistic(z)", "the logarithm of 1 + e^z, a smooth form of relu"
    ),
    "elu": Activation(
        "if(z > 0, z, exp(z) - 1)",
        "if(z > 0, 1, exp(z))",
        "the weighted sum where it is positive, else e^z - 1 (exponential linear unit)",
    ),
    # Klambauer and others (2017): with these two numbers, outputs keep mean 0 and variance 1.
    # Fifteen digits of each: a cell takes no more.
    "selu": Activation(
        "1.05070098735548*if(z > 0, z, 1.67326324235438*(exp(z) - 1))",
        "1.05070098735548*if(z > 0, 1, 1.67326324235438*exp(z))",
        "elu, scaled so that outputs keep their mean and variance from layer to layer",
    ),
    "gelu": Activation(
        "z*(1 + erf(z/sqrt(2)))/2",
        "(1 + erf(z/sqrt(2)))/2 + z*exp(-z^2/2)/sqrt(2*pi())",
        "the weighted sum times the probability that a standard normal number lies below it",
    ),
    "silu": Activation(
        "z*logistic(z)",
        "logistic(z)*(1 + z*(1 - logistic(z)))",
        "the weighted sum times its logistic function (swish)",
    ),
    "mish": Activation(
        f"z*tanh({_SOFTPLUS})",
        f"tanh({_SOFTPLUS}) + z*(1 - tanh({_SOFTPLUS})^2)*logistic(z)",
        "the weighted sum times the hyperbolic tangent of its softplus",
    ),
    "softsign": Activation(
        "z/(1 + abs(z))", "1/(1 + abs(z))^2", "the weighted sum over 1 plus its absolute value"
    ),
    "hard_sigmoid": Activation(
        "max(0, min(1, z/6 + 0.5))",
        "if(abs(z) < 3, 1/6, 0)",
        "a straight line from 0 at -3 to 1 at 3, a simple form of logistic",
    ),
    "hard_tanh": Activation(
        "max(-1, min(1, z))",
        "if(abs(z) < 1, 1, 0)",
        "the weighted sum, cut to -1 and 1, a simple form of tanh",
    ),
    "log_sigmoid": Activation(
        "min(z, 0) - ln(1 + exp(-abs(z)))",
        "logistic(-z)",
        "the logarithm of the logistic function of the weighted sum",
    ),
    "sign": Activation("sign(z)", "0", "the sign of the weighted sum: 1, 0 or -1"),
    # Not if(z > 0, 1, 0): spreadsheets compare only the first 15 digits, and what a rounding error
    # leaves of 0 would be 0 there.
    "step": Activation("max(0, sign(z))", "0", "1 where the weighted sum is more than 0, else 0"),
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
