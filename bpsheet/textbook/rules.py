"""Training rules and learning-rate schedules: one table of formulas each.

A rule makes an adjustment from a weight's gradient `g`. It may remember quantities from update to
update (`last` is the quantity's previous value). `rate` is the learning rate with the sign of
the direction: minus for a descent. Each rule is the optimiser of that name in PyTorch; a test
compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "RULES",
    "SCHEDULES",
    "SETTINGS",
    "WARMUP",
    "Quantity",
    "RateFormula",
    "Rule",
    "RuleName",
    "ScheduleName",
    "Setting",
]

# The names of the rules, for type checkers too. The perceptron's rule is not in RULES: it uses no
# gradient, and its formula is in `bpsheet.columns.presentation`.
RuleName = Literal[
    "gradient_descent",
    "gradient_ascent",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
    "perceptron",
]
ScheduleName = Literal["constant", "step", "exponential", "inverse_time", "cosine"]


@dataclass(frozen=True)
class Setting:
    """A hyper-parameter: one cell of the sheet, with `label` beside it.

    `whole` says that only whole numbers make sense.
    """

    label: str
    meaning: str
    whole: bool = False


SETTINGS: Mapping[str, Setting] = {
    "momentum": Setting("momentum", "how much of the last velocity is kept"),
    "decay": Setting("decay", "how much of the last mean square is kept"),
    "beta1": Setting("beta 1", "how much of the last mean of the gradients is kept"),
    "beta2": Setting("beta 2", "how much of the last mean of their squares is kept"),
    "epsilon": Setting("epsilon", "a small number that keeps the division from overflowing"),
    "weight_decay": Setting("weight decay", "how strongly each weight is pulled towards 0"),
    "clip_value": Setting("clip value", "the largest size a single gradient may have"),
    "clip_norm": Setting("clip norm", "the largest length the gradient as a whole may have"),
    "schedule_factor": Setting(
        "factor", "the number by which the learning rate is multiplied each time"
    ),
    # Whole: some spreadsheets round a quotient just below a whole number up to it, others do not.
    "schedule_every": Setting(
        "every", "how many updates (or epochs) pass between two steps", whole=True
    ),
    "schedule_decay": Setting("decay of the rate", "how fast the learning rate falls"),
    "schedule_over": Setting("over", "the number of updates (or epochs) until the lowest rate"),
    "schedule_lowest": Setting("lowest", "the learning rate at the end of the schedule"),
    "schedule_warmup": Setting("warm-up", "the number of updates (or epochs) until the full rate"),
}


@dataclass(frozen=True)
class Quantity:
    """A column for each {weight}: its name in the notation, its formula and its meaning.

    kept: whether the rule remembers it from update to update; it begins at 0
    """

    name: str
    formula: str
    meaning: str
    kept: bool = True


@dataclass(frozen=True)
class Rule:
    """A training rule: how a gradient becomes an adjustment.

    quantities: columns for each weight, in order
    adjustment: the formula of Δw
    settings:   its hyper-parameters and their defaults
    how:        the adjustment in words
    counts:     whether it uses `t`, the number of updates up to and including this one
    decoupled:  whether the weight decay is part of the adjustment, not of the gradient
    uphill:     the formula of Δw when the loss is maximised, if it is a different one: the decay
                then needs the other sign
    """

    adjustment: str
    how: str
    quantities: tuple[Quantity, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    counts: bool = False
    decoupled: bool = False
    uphill: str = ""


_PLAIN = Rule("rate*g", "the learning rate times the gradient")
_VELOCITY = Quantity(
    "velocity",
    "momentum*last + g",
    "velocity of {weight}: momentum times the last one, plus the gradient",
)
_ADAM = (
    Quantity(
        "first_moment",
        "beta1*last + (1 - beta1)*g",
        "running mean of {weight}'s gradient: beta 1 times the last one, plus 1 - beta 1 times the "
        "gradient",
    ),
    Quantity(
        "second_moment",
        "beta2*last + (1 - beta2)*g^2",
        "running mean of {weight}'s squared gradient: beta 2 times the last one, plus 1 - beta 2 "
        "times the square",
    ),
    Quantity(
        "corrected_first",
        "first_moment/(1 - beta1^t)",
        "running mean of {weight}'s gradient, corrected for its beginning at 0",
        kept=False,
    ),
    Quantity(
        "corrected_second",
        "second_moment/(1 - beta2^t)",
        "running mean of {weight}'s squared gradient, corrected for its beginning at 0",
        kept=False,
    ),
)
_ADAM_STEP = "corrected_first/(sqrt(corrected_second) + epsilon)"
_BETAS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}

RULES: Mapping[RuleName, Rule] = {
    "gradient_descent": _PLAIN,
    "gradient_ascent": _PLAIN,
    "momentum": Rule(
        "rate*velocity", "the learning rate times the velocity", (_VELOCITY,), {"momentum": 0.9}
    ),
    "nesterov": Rule(
        "rate*(g + momentum*velocity)",
        "the learning rate times the sum of the gradient and the momentum times the velocity",
        (_VELOCITY,),
        {"momentum": 0.9},
    ),
    "adagrad": Rule(
        "rate*g/(sqrt(squares) + epsilon)",
        "the learning rate times the gradient, over the root of the sum of its squares so far",
        (Quantity("squares", "last + g^2", "sum of {weight}'s squared gradients so far"),),
        {"epsilon": 1e-10},
    ),
    "rmsprop": Rule(
        "rate*g/(sqrt(squares) + epsilon)",
        "the learning rate times the gradient, over the root of the running mean of its squares",
        (
            Quantity(
                "squares",
                "decay*last + (1 - decay)*g^2",
                "running mean of {weight}'s squared gradient: decay times the last one, plus "
                "1 - decay times the square",
            ),
        ),
        {"decay": 0.99, "epsilon": 1e-8},
    ),
    "adam": Rule(
        f"rate*{_ADAM_STEP}",
        "the learning rate times the corrected mean of the gradient, over the root of the "
        "corrected mean of its squares",
        _ADAM,
        _BETAS,
        counts=True,
    ),
    "adamw": Rule(
        f"rate*({_ADAM_STEP} + weight_decay*w)",
        "the learning rate times the sum of Adam's step and the weight decay times the weight",
        _ADAM,
        _BETAS | {"weight_decay": 0.01},
        counts=True,
        decoupled=True,
        uphill=f"rate*({_ADAM_STEP} - weight_decay*w)",
    ),
}


@dataclass(frozen=True)
class RateFormula:
    """The learning rate of an update: a formula of `k`, the number of updates (or epochs) before.

    The file must give a setting whose default is None.
    """

    formula: str
    how: str
    settings: Mapping[str, float | None] = field(default_factory=dict)


SCHEDULES: Mapping[ScheduleName, RateFormula] = {
    "constant": RateFormula("learning_rate", "the learning rate itself"),
    "step": RateFormula(
        "learning_rate*schedule_factor^int(k/schedule_every)",
        "the learning rate, multiplied by the factor at regular intervals",
        {"schedule_factor": 0.5, "schedule_every": None},
    ),
    "exponential": RateFormula(
        "learning_rate*schedule_factor^k",
        "the learning rate, multiplied by the factor each time",
        {"schedule_factor": None},
    ),
    "inverse_time": RateFormula(
        "learning_rate/(1 + schedule_decay*k)",
        "the learning rate over 1 plus the decay times the time",
        {"schedule_decay": None},
    ),
    "cosine": RateFormula(
        "schedule_lowest + (learning_rate - schedule_lowest)"
        "*(1 + cos(pi()*min(k, schedule_over)/schedule_over))/2",
        "half a cosine's wave from the learning rate down to the lowest, where it stays",
        {"schedule_over": None, "schedule_lowest": 0.0},
    ),
}
# A warm-up raises the rate to the schedule's in equal parts.
WARMUP = "({rate})*min(1, (k + 1)/schedule_warmup)"
