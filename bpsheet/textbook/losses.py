"""Losses: one table of formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bpsheet.formula.filling import fill
from bpsheet.formula.tree import ONE, Div, Expr, Num

__all__ = ["LOSSES", "SIMPLIFIED", "Loss", "Simplified"]


@dataclass(frozen=True)
class Loss:
    """An objective, as formulas.

    term:       the part of each output `y` with target `t`
    whole:      the loss, from the sum `s` of these parts and the number `n` of outputs
    derivative: the derivative of the loss with respect to one output, as a textbook writes it
    fits:       the output activations that the loss needs; none for any
    """

    term: str
    whole: str
    derivative: str
    meaning: str
    maximised: bool = False
    fits: tuple[str, ...] = ()

    def formula(self, parts: Expr, count: int) -> Expr:
        """The loss of one example, from the sum of the parts of its `count` outputs."""
        return _divided(fill(self.whole, s=parts, n=Num(float(count))))

    def slope(self, target: Expr, output: Expr, count: int) -> Expr:
        """The derivative of the loss with respect to one of `count` outputs."""
        return _divided(fill(self.derivative, t=target, y=output, n=Num(float(count))))


def _divided(formula: Expr) -> Expr:
    """The formula, without a division by 1."""
    return formula.left if isinstance(formula, Div) and formula.right == ONE else formula


SQUARES = "(t - y)^2"
BERNOULLI = "t*ln(y) + (1 - t)*ln(1 - y)"

LOSSES: Mapping[str, Loss] = {
    "half_squared_error": Loss(
        SQUARES, "0.5*s", "-(t - y)", "half the squared difference between target and output"
    ),
    "squared_error": Loss(
        SQUARES, "s", "2*(y - t)", "the squared difference between target and output"
    ),
    "mean_squared_error": Loss(
        SQUARES,
        "s/n",
        "2*(y - t)/n",
        "the mean over the outputs of the squared difference between target and output",
    ),
    "binary_cross_entropy": Loss(
        BERNOULLI,
        "-(s)",
        "-(t/y - (1 - t)/(1 - y))",
        "minus the logarithm of the probability given to the target",
        fits=("logistic",),
    ),
    "cross_entropy": Loss(
        "t*ln(y)",
        "-(s)",
        "-(t/y)",
        "minus the logarithm of the probability given to the right class",
        fits=("softmax",),
    ),
    "gaussian_log_likelihood": Loss(
        SQUARES,
        "-0.5*s",
        "t - y",
        "the log likelihood of the target under a normal distribution around the output",
        maximised=True,
    ),
    "bernoulli_log_likelihood": Loss(
        BERNOULLI,
        "s",
        "t/y - (1 - t)/(1 - y)",
        "the logarithm of the probability given to the target",
        maximised=True,
        fits=("logistic",),
    ),
    "multinomial_log_likelihood": Loss(
        "t*ln(y)",
        "s",
        "t/y",
        "the logarithm of the probability given to the right class",
        maximised=True,
        fits=("softmax",),
    ),
}


@dataclass(frozen=True)
class Simplified:
    """A loss together with the output's activation: a formula of the weighted sums `z`.

    `derivative` is the derivative of the loss with respect to one weighted sum: the products of
    the chain rule cancel, and nothing divides by an output that has become 0.
    `largest` and `total` are softmax's shift and its sum of exponentials.
    """

    term: str
    derivative: str


_LOGISTIC = Simplified("max(z, 0) - z*t + ln(1 + exp(-abs(z)))", "y - t")
_LOGISTIC_UP = Simplified("z*t - max(z, 0) - ln(1 + exp(-abs(z)))", "t - y")
_SOFTMAX = Simplified("t*(largest + ln(total) - z)", "y - t")
_SOFTMAX_UP = Simplified("t*(z - largest - ln(total))", "t - y")

SIMPLIFIED: Mapping[str, Simplified] = {
    "binary_cross_entropy": _LOGISTIC,
    "bernoulli_log_likelihood": _LOGISTIC_UP,
    "cross_entropy": _SOFTMAX,
    "multinomial_log_likelihood": _SOFTMAX_UP,
}
