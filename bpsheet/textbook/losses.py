"""Losses: one table of formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bpsheet.formula.derivative import differentiate
from bpsheet.formula.filling import fill
from bpsheet.formula.tree import ONE, Div, Expr, Num, Param, Ref, replace_refs
from bpsheet.textbook.rules import Setting

__all__ = [
    "LOSSES",
    "LOSS_SETTINGS",
    "PENALTIES",
    "SIMPLIFIED",
    "Loss",
    "Penalty",
    "Simplified",
    "loss_of",
    "smoothed",
]

# The numbers of losses, each a cell of the sheet as the training's are.
LOSS_SETTINGS: Mapping[str, Setting] = {
    "delta": Setting("delta", "the difference from which on the huber loss is a straight line"),
    "label_smoothing": Setting(
        "label smoothing", "the share of each target that is spread over all outputs alike"
    ),
    "l1": Setting("l1", "how strongly the sizes of the weights add to the loss"),
    "l2": Setting("l2", "how strongly half the squares of the weights add to the loss"),
}


@dataclass(frozen=True)
class Loss:
    """An objective, as formulas.

    term:       the part of each output `y` with target `t`
    whole:      the loss, from the sum `s` of these parts and the number `n` of outputs
    derivative: the derivative of the loss with respect to one output, as a textbook writes it;
                empty where the formula is differentiated
    fits:       the output activations that the loss needs; none for any
    targets:    the only targets that the loss knows; none for any
    settings:   its numbers and their defaults; None for one that is only there if it is asked for
    """

    term: str
    whole: str
    derivative: str
    meaning: str
    maximised: bool = False
    fits: tuple[str, ...] = ()
    targets: tuple[float, ...] = ()
    settings: Mapping[str, float | None] = field(default_factory=dict)

    def part(self, target: Expr, output: Expr) -> Expr:
        """The part of one output with its target."""
        return _filled(self.term, t=target, y=output)

    def formula(self, parts: Expr, count: int) -> Expr:
        """The loss of one example, from the sum of the parts of its `count` outputs."""
        return _divided(fill(self.whole, s=parts, n=Num(float(count))))

    def slope(self, target: Expr, output: Expr, count: int) -> Expr:
        """The derivative of the loss with respect to one of `count` outputs."""
        if not self.derivative:
            slope = differentiate(fill(self.term, t=Ref("t"), y=Ref("y")), "y")
            operands = {"t": target, "y": output}
            return replace_refs(slope, lambda ref: operands.get(ref.name, ref))
        return _divided(_filled(self.derivative, t=target, y=output, n=Num(float(count))))


def _filled(text: str, **operands: Expr) -> Expr:
    """A formula of a table with cells for its settings and `operands` for its other names."""
    return fill(text, **{name: Param(name) for name in LOSS_SETTINGS}, **operands)


def smoothed(target: Expr, count: int) -> Expr:
    """A target of one of `count` outputs with label smoothing (Szegedy et al. 2016, section 7).

    Equation: t' = (1 − ε) t + ε/n.
    """
    return _filled("(1 - label_smoothing)*t + label_smoothing/n", t=target, n=Num(float(count)))


@dataclass(frozen=True)
class Penalty:
    """What a weight `w` adds to the loss, and the derivative of that.

    term:   the part of each weight
    factor: what the sum of all parts is multiplied by
    """

    term: str
    factor: str
    derivative: str


PENALTIES: Mapping[str, Penalty] = {
    "l1": Penalty("abs(w)", "l1", "l1*sign(w)"),
    "l2": Penalty("w^2", "0.5*l2", "l2*w"),
}


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
    "absolute_error": Loss(
        "abs(t - y)", "s", "sign(y - t)", "the size of the difference between target and output"
    ),
    "mean_absolute_error": Loss(
        "abs(t - y)",
        "s/n",
        "sign(y - t)/n",
        "the mean over the outputs of the size of the difference between target and output",
    ),
    "huber": Loss(
        "if(abs(t - y) <= delta, 0.5*(t - y)^2, delta*(abs(t - y) - 0.5*delta))",
        "s",
        "if(abs(t - y) <= delta, y - t, delta*sign(y - t))",
        "half the squared difference between target and output, and from delta on a straight line",
        settings={"delta": 1.0},
    ),
    "log_cosh": Loss(
        "ln(cosh(t - y))",
        "s",
        "tanh(y - t)",
        "the logarithm of the hyperbolic cosine of the difference between target and output",
    ),
    "hinge": Loss(
        "max(0, 1 - t*y)",
        "s",
        "if(t*y < 1, -t, 0)",
        "what target times output lacks of 1, and 0 where it lacks nothing",
        targets=(-1.0, 1.0),
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
        settings={"label_smoothing": None},
    ),
    "kl_divergence": Loss(
        "if(t > 0, t*ln(t/y), 0)",
        "s",
        "-(t/y)",
        "how far the outputs, as probabilities, are from the targets (Kullback-Leibler)",
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
    "kl_divergence": Simplified("if(t > 0, t*ln(t), 0) + t*(largest + ln(total) - z)", "y - t"),
    "multinomial_log_likelihood": _SOFTMAX_UP,
}


def loss_of(text: str) -> Loss:
    """The loss of that name, or a loss from a formula of t and y, added up over the outputs.

    >>> loss_of("(t - y)^4").derivative
    ''
    """
    meaning = f"{text}, where t is the target and y the output, added up over the outputs"
    return LOSSES.get(text) or Loss(text, "s", "", meaning)
