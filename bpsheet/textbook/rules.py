"""Training rules and learning-rate schedules: one table of formulas each.

A rule makes an adjustment from a weight's gradient `g`. It may remember quantities from update to
update: `last` is the quantity's previous value, `last_squares` that of the quantity `squares`.
`learning_rate` is the learning rate of this update, `rate` the same with the sign of the direction:
minus for a descent. `t` is the number of updates up to and including this one, and `w` the weight.
Each rule that PyTorch has is PyTorch's optimiser of that name; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
    "setting_of",
]

# The names of the rules, for type checkers too. The perceptron's rule is not in RULES: it uses no
# gradient, and its formula is in `bpsheet.columns.presentation`. Nor is "formula": the experiment
# gives its formulas; nor "none", by which only forward passes are computed.
RuleName = Literal[
    "gradient_descent",
    "gradient_ascent",
    "momentum",
    "nesterov",
    "adagrad",
    "rmsprop",
    "adam",
    "adamw",
    "amsgrad",
    "adadelta",
    "adamax",
    "nadam",
    "radam",
    "rprop",
    "lion",
    "momentum_with_rate",
    "nesterov_with_rate",
    "formula",
    "perceptron",
    "none",
]
ScheduleName = Literal[
    "constant",
    "step",
    "multi_step",
    "exponential",
    "inverse_time",
    "linear",
    "polynomial",
    "cosine",
    "restarts",
    "one_cycle",
    "plateau",
]


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
    "epsilon": Setting("epsilon", "a small number, so that nothing is divided by 0"),
    "momentum_decay": Setting("momentum decay", "how fast Nadam's momentum rises to beta 1"),
    "first_velocity": Setting("first velocity", "the velocity before the first update"),
    "eta_minus": Setting("eta minus", "the factor of a step size whose gradient turned round"),
    "eta_plus": Setting("eta plus", "the factor of a step size whose gradient kept its sign"),
    "smallest_step": Setting("smallest step", "the least step size"),
    "largest_step": Setting("largest step", "the greatest step size"),
    "weight_decay": Setting("weight decay", "how strongly each weight is pulled towards 0"),
    "clip_value": Setting("clip value", "the largest size a single gradient may have"),
    "clip_norm": Setting("clip norm", "the largest length the gradient as a whole may have"),
    "patience": Setting(
        "patience",
        "how many epochs the validation loss may stay without becoming better",
        whole=True,
    ),
    "schedule_factor": Setting(
        "factor", "the number by which the learning rate is multiplied each time"
    ),
    # Whole: some spreadsheets round a quotient just below a whole number up to it, others do not.
    "schedule_every": Setting(
        "every", "how many updates (or epochs) pass between two steps", whole=True
    ),
    "schedule_milestones": Setting("milestone", "a number of updates (or epochs) before a step"),
    "schedule_growth": Setting(
        "growth", "how many times as long as the last one each period is", whole=True
    ),
    "schedule_power": Setting("power", "the power of what is left of the time"),
    "schedule_rise": Setting(
        "rise", "the share of the updates (or epochs) in which the rate rises"
    ),
    "schedule_first_divisor": Setting(
        "first divisor", "the learning rate over the rate at the beginning"
    ),
    "schedule_last_divisor": Setting(
        "last divisor", "the rate at the beginning over the rate at the end"
    ),
    "schedule_decay": Setting("decay of the rate", "how fast the learning rate falls"),
    "schedule_over": Setting("over", "the number of updates (or epochs) until the lowest rate"),
    "schedule_lowest": Setting("lowest", "the learning rate at the end of the schedule"),
    "schedule_patience": Setting(
        "patience",
        "how often the validation loss may be no better before the rate falls",
        whole=True,
    ),
    "schedule_threshold": Setting("threshold", "the part by which a better loss must be smaller"),
    "schedule_warmup": Setting("warm-up", "the number of updates (or epochs) until the full rate"),
}


def setting_of(cell: str) -> Setting:
    """The setting of a cell; a cell of a list has its number after the list's name.

    >>> setting_of("schedule_milestones_2").label
    'milestone 2'
    """
    if cell in SETTINGS:
        return SETTINGS[cell]
    name, _, number = cell.rpartition("_")
    return replace(SETTINGS[name], label=f"{SETTINGS[name].label} {number}")


@dataclass(frozen=True)
class Quantity:
    """A column for each {weight}: its name in the notation, its formula and its meaning.

    kept:   whether the rule remembers it from update to update
    begins: a formula for its previous value at the first update
    shared: whether it is one column for all weights, with `name` as its name
    """

    name: str
    formula: str
    meaning: str
    kept: bool = True
    begins: str = "0"
    shared: bool = False


@dataclass(frozen=True)
class Rule:
    """A training rule: how a gradient becomes an adjustment.

    quantities: columns for each weight, in order
    adjustment: the formula of Δw
    settings:   its hyper-parameters and their defaults
    how:        the adjustment in words; {minus} is "minus " on the way down, {sign} minus or plus
    counts:     whether it uses `t`
    paced:      whether its quantities use the learning rate, which then comes before them
    decoupled:  whether the weight decay is part of the adjustment, not of the gradient
    uphill:     the formula of Δw when the loss is maximised, if it is a different one: the decay
                then needs the other sign
    """

    adjustment: str
    how: str
    quantities: tuple[Quantity, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)
    counts: bool = False
    paced: bool = False
    decoupled: bool = False
    uphill: str = ""


_PLAIN = Rule("rate*g", "{minus}the learning rate times the gradient")
_VELOCITY = Quantity(
    "velocity",
    "momentum*last + g",
    "velocity of {weight}: momentum times the last one, plus the gradient",
)
_ADAM = (
    Quantity(
        "first_moment",
        "beta1*last + (1 - beta1)*g",
        "running mean of {weight}'s gradient: beta 1 times the last one, plus (1 - beta 1) times the "
        "gradient",
    ),
    Quantity(
        "second_moment",
        "beta2*last + (1 - beta2)*g^2",
        "running mean of {weight}'s squared gradient: beta 2 times the last one, plus (1 - beta 2) "
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
_FIRST, _SECOND, _CORRECTED_FIRST, _CORRECTED_SECOND = _ADAM
_ADAM_STEP = "corrected_first/(sqrt(corrected_second) + epsilon)"
_BETAS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
# Reddi and others (2018): the root is of the largest mean square so far. As in PyTorch, it is
# the largest of the means before their correction.
_AMSGRAD = (
    _FIRST,
    _SECOND,
    Quantity(
        "largest_moment",
        "max(last, second_moment)",
        "the largest running mean of {weight}'s squared gradient so far",
    ),
    _CORRECTED_FIRST,
    Quantity(
        "corrected_second",
        "largest_moment/(1 - beta2^t)",
        "the largest running mean of {weight}'s squared gradient, corrected for its beginning at 0",
        kept=False,
    ),
)
# Zeiler (2012).
_ADADELTA = (
    Quantity(
        "squares",
        "decay*last + (1 - decay)*g^2",
        "running mean of {weight}'s squared gradient: decay times the last one, plus (1 - decay) "
        "times the square",
    ),
    Quantity(
        "step",
        "sqrt(last_step_squares + epsilon)/sqrt(squares + epsilon)*g",
        "step of {weight}: its gradient, times the root of the mean square of its steps so far, "
        "over the root of the mean square of its gradients",
        kept=False,
    ),
    Quantity(
        "step_squares",
        "decay*last + (1 - decay)*step^2",
        "running mean of {weight}'s squared step: decay times the last one, plus (1 - decay) times "
        "the square",
    ),
)
# Kingma and Ba (2015), section 7.
_ADAMAX = (
    _FIRST,
    Quantity(
        "largest_gradient",
        "max(beta2*last, abs(g) + epsilon)",
        "the largest size of {weight}'s gradient so far, where each update takes a share of it away",
    ),
    _CORRECTED_FIRST,
)
# Dozat (2016).
_NADAM = (
    Quantity(
        "mu",
        "beta1*(1 - 0.5*0.96^(t*momentum_decay))",
        "the momentum of this update, which rises to beta 1",
        kept=False,
        shared=True,
    ),
    Quantity(
        "mu_next",
        "beta1*(1 - 0.5*0.96^((t + 1)*momentum_decay))",
        "the momentum of the next update",
        kept=False,
        shared=True,
    ),
    Quantity(
        "mu_product",
        "last*mu",
        "the product of the momenta of all updates so far",
        begins="1",
        shared=True,
    ),
    _FIRST,
    _SECOND,
    _CORRECTED_SECOND,
)
# Liu and others (2020).
_RADAM = (
    Quantity(
        "rho",
        "2/(1 - beta2) - 1 - 2*t*beta2^t/(1 - beta2^t)",
        "how many squared gradients the running mean of the squares is worth",
        kept=False,
        shared=True,
    ),
    Quantity(
        "rectification",
        "if(rho > 5, sqrt((rho - 4)*(rho - 2)/rho"
        "*(2/(1 - beta2) - 1)/((2/(1 - beta2) - 5)*(2/(1 - beta2) - 3))), 0)",
        "the factor that makes up for a mean of few squares; 0 where they are too few to divide by",
        kept=False,
        shared=True,
    ),
    _FIRST,
    _SECOND,
    _CORRECTED_FIRST,
)
# Riedmiller and Braun (1993), without their way back.
_RPROP = (
    Quantity(
        "step_size",
        "max(smallest_step, min(largest_step, last*if(g*last_gradient_kept > 0, eta_plus, "
        "if(g*last_gradient_kept < 0, eta_minus, 1))))",
        "step size of {weight}: larger where the gradient keeps its sign, smaller where it turns",
        begins="learning_rate",
    ),
    Quantity(
        "gradient_kept",
        "if(g*last < 0, 0, g)",
        "gradient of {weight}, or 0 where it has turned round",
    ),
)
# Chen and others (2023).
_LION = (
    Quantity(
        "direction",
        "beta1*last_first_moment + (1 - beta1)*g",
        "beta 1 times the last running mean of {weight}'s gradient, plus (1 - beta 1) times the "
        "gradient; its sign is the direction",
        kept=False,
    ),
    Quantity(
        "first_moment",
        "beta2*last + (1 - beta2)*g",
        "running mean of {weight}'s gradient: beta 2 times the last one, plus (1 - beta 2) times the "
        "gradient",
    ),
)
# As Sutskever and others (2013) and Keras write it.
_VELOCITY_WITH_RATE = Quantity(
    "velocity",
    "momentum*last + rate*g",
    "velocity of {weight}: momentum times the last one, {sign} the learning rate times the gradient",
    begins="first_velocity",
)

RULES: Mapping[RuleName, Rule] = {
    "gradient_descent": _PLAIN,
    "gradient_ascent": _PLAIN,
    "momentum": Rule(
        "rate*velocity",
        "{minus}the learning rate times the velocity",
        (_VELOCITY,),
        {"momentum": 0.9},
    ),
    "nesterov": Rule(
        "rate*(g + momentum*velocity)",
        "{minus}the learning rate times the sum of the gradient and the momentum times the velocity",
        (_VELOCITY,),
        {"momentum": 0.9},
    ),
    "adagrad": Rule(
        "rate*g/(sqrt(squares) + epsilon)",
        "{minus}the learning rate times the gradient, over the root of the sum of its squares so far",
        (Quantity("squares", "last + g^2", "sum of {weight}'s squared gradients so far"),),
        {"epsilon": 1e-10},
    ),
    "rmsprop": Rule(
        "rate*g/(sqrt(squares) + epsilon)",
        "{minus}the learning rate times the gradient, over the root of the running mean of its squares",
        (
            Quantity(
                "squares",
                "decay*last + (1 - decay)*g^2",
                "running mean of {weight}'s squared gradient: decay times the last one, plus "
                "(1 - decay) times the square",
            ),
        ),
        {"decay": 0.99, "epsilon": 1e-8},
    ),
    "adam": Rule(
        f"rate*{_ADAM_STEP}",
        "{minus}the learning rate times the corrected mean of the gradient, over the root of the "
        "corrected mean of its squares",
        _ADAM,
        _BETAS,
        counts=True,
    ),
    "adamw": Rule(
        f"rate*({_ADAM_STEP} + weight_decay*w)",
        "{minus}the learning rate times the sum of Adam's step and the weight decay times the weight",
        _ADAM,
        _BETAS | {"weight_decay": 0.01},
        counts=True,
        decoupled=True,
        uphill=f"rate*({_ADAM_STEP} - weight_decay*w)",
    ),
    "amsgrad": Rule(
        f"rate*{_ADAM_STEP}",
        "{minus}the learning rate times the corrected mean of the gradient, over the root of the "
        "largest mean of its squares so far",
        _AMSGRAD,
        _BETAS,
        counts=True,
    ),
    "adadelta": Rule(
        "rate*step",
        "{minus}the learning rate times the step",
        _ADADELTA,
        {"decay": 0.9, "epsilon": 1e-6},
    ),
    "adamax": Rule(
        "rate*corrected_first/largest_gradient",
        "{minus}the learning rate times the corrected mean of the gradient, over its largest size",
        _ADAMAX,
        _BETAS,
        counts=True,
    ),
    "nadam": Rule(
        "rate*((1 - mu)*g/(1 - mu_product) + mu_next*first_moment/(1 - mu_product*mu_next))"
        "/(sqrt(corrected_second) + epsilon)",
        "{minus}the learning rate times the corrected sum of gradient and next momentum times mean "
        "gradient, over the root of the corrected mean of its squares",
        _NADAM,
        _BETAS | {"momentum_decay": 0.004},
        counts=True,
    ),
    "radam": Rule(
        "if(rho > 5, rate*rectification*corrected_first*sqrt(1 - beta2^t)"
        "/(sqrt(second_moment) + epsilon), rate*corrected_first)",
        "{minus}the learning rate times the corrected mean of the gradient; where the mean of its "
        "squares is worth more than 5 of them, over its root and times the rectification",
        _RADAM,
        _BETAS,
        counts=True,
    ),
    "rprop": Rule(
        "-(sign(gradient_kept)*step_size)",
        "{minus}the step size times the gradient's sign",
        _RPROP,
        {"eta_minus": 0.5, "eta_plus": 1.2, "smallest_step": 1e-6, "largest_step": 50.0},
        paced=True,
        uphill="sign(gradient_kept)*step_size",
    ),
    "lion": Rule(
        "rate*(sign(direction) + weight_decay*w)",
        "{minus}the learning rate times the sum of the direction's sign and the weight decay times "
        "the weight",
        _LION,
        {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
        decoupled=True,
        uphill="rate*(sign(direction) - weight_decay*w)",
    ),
    "momentum_with_rate": Rule(
        "velocity",
        "the velocity",
        (_VELOCITY_WITH_RATE,),
        {"momentum": 0.9, "first_velocity": 0.0},
        paced=True,
    ),
    "nesterov_with_rate": Rule(
        "momentum*velocity + rate*g",
        "momentum times the velocity, {sign} the learning rate times the gradient",
        (_VELOCITY_WITH_RATE,),
        {"momentum": 0.9, "first_velocity": 0.0},
        paced=True,
    ),
}


@dataclass(frozen=True)
class RateFormula:
    """The learning rate of an update: a formula of `k`, the number of updates (or epochs) before.

    settings: its hyper-parameters and their defaults; the file must give one whose default is None
    parts:    columns of their own before it, which it uses; `last_…` is the value in the row before
    each:     a formula of one `milestone`; the sum of it over all milestones is `passed`
    """

    formula: str
    how: str
    settings: Mapping[str, float | None] = field(default_factory=dict)
    parts: tuple[Quantity, ...] = ()
    each: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The keys of [training.schedule] that it uses."""
        listed = ("milestones",) if self.each else ()
        return (*(name.removeprefix("schedule_") for name in self.settings), *listed)


# Loshchilov and Hutter (2017). Period n begins at every·(growth^n − 1)/(growth − 1). The number
# of periods before k comes from a logarithm, which may lie a hair below a whole number.
_RESTARTS = (
    Quantity(
        "restarts",
        "if(schedule_growth = 1, int(k/schedule_every), "
        "int(ln(1 + k*(schedule_growth - 1)/schedule_every)/ln(schedule_growth) + 0.000000001))",
        "number of restarts of the learning rate so far",
    ),
    Quantity(
        "since_restart",
        "if(schedule_growth = 1, k - schedule_every*restarts, "
        "k - schedule_every*(schedule_growth^restarts - 1)/(schedule_growth - 1))",
        "updates (or epochs) since the last restart of the learning rate",
    ),
)
# Smith and Topin (2019), in the two phases that PyTorch has.
_TOP = "(schedule_rise*schedule_over - 1)"
_START = "learning_rate/schedule_first_divisor"
_ONE_CYCLE = (
    Quantity(
        "cycle_share",
        f"if(k < {_TOP}, k/{_TOP}, "
        f"(min(k, schedule_over - 1) - {_TOP})/(schedule_over*(1 - schedule_rise)))",
        "the share of the rise, or of the fall, of the learning rate that is over",
    ),
)


# As in PyTorch. `judged` is 1 in the rows in which the validation loss is looked at.
_PLATEAU = (
    Quantity(
        "plateau_better",
        "if(judged = 1, if(validation_loss < last_plateau_best*(1 - schedule_threshold), 1, 0), 0)",
        "1 where the validation loss is better than the best one, by more than the threshold",
    ),
    Quantity(
        "plateau_best",
        "if(plateau_better = 1, validation_loss, last_plateau_best)",
        "best validation loss so far; at first a number that any loss is better than",
        begins="1e300",
    ),
    Quantity(
        "plateau_waited",
        "if(plateau_better = 1, 0, "
        "if(last_plateau_waited > schedule_patience, 0, last_plateau_waited) + judged)",
        "how often in a row it was not better, since the rate last fell",
    ),
)

SCHEDULES: Mapping[ScheduleName, RateFormula] = {
    "constant": RateFormula("learning_rate", "the learning rate itself"),
    "step": RateFormula(
        "learning_rate*schedule_factor^int(k/schedule_every)",
        "the learning rate, multiplied by the factor at regular intervals",
        {"schedule_factor": 0.5, "schedule_every": None},
    ),
    "multi_step": RateFormula(
        "learning_rate*schedule_factor^passed",
        "the learning rate, multiplied by the factor at each milestone",
        {"schedule_factor": 0.1},
        each="if(k >= milestone, 1, 0)",
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
    "linear": RateFormula(
        "learning_rate + (schedule_lowest - learning_rate)*min(k, schedule_over)/schedule_over",
        "a straight line from the learning rate down to the lowest, where it stays",
        {"schedule_over": None, "schedule_lowest": 0.0},
    ),
    "polynomial": RateFormula(
        "schedule_lowest + (learning_rate - schedule_lowest)"
        "*(1 - min(k, schedule_over)/schedule_over)^schedule_power",
        "a power of the time that is left, from the learning rate down to the lowest",
        {"schedule_over": None, "schedule_power": 2.0, "schedule_lowest": 0.0},
    ),
    "cosine": RateFormula(
        "schedule_lowest + (learning_rate - schedule_lowest)"
        "*(1 + cos(pi()*min(k, schedule_over)/schedule_over))/2",
        "half a cosine wave from the learning rate down to the lowest, where it stays",
        {"schedule_over": None, "schedule_lowest": 0.0},
    ),
    "restarts": RateFormula(
        "schedule_lowest + (learning_rate - schedule_lowest)"
        "*(1 + cos(pi()*since_restart/(schedule_every*schedule_growth^restarts)))/2",
        "half a cosine wave down to the lowest, again and again from the learning rate",
        {"schedule_every": None, "schedule_growth": 1.0, "schedule_lowest": 0.0},
        _RESTARTS,
    ),
    "one_cycle": RateFormula(
        f"if(k < {_TOP}, "
        f"learning_rate + ({_START} - learning_rate)*(1 + cos(pi()*cycle_share))/2, "
        f"{_START}/schedule_last_divisor + (learning_rate - {_START}/schedule_last_divisor)"
        "*(1 + cos(pi()*cycle_share))/2)",
        "half a cosine wave up to the learning rate, and a longer one down to next to nothing",
        {
            "schedule_over": None,
            "schedule_rise": 0.3,
            "schedule_first_divisor": 25.0,
            "schedule_last_divisor": 10_000.0,
        },
        _ONE_CYCLE,
    ),
    "plateau": RateFormula(
        "if(judged = 1, if(plateau_waited > schedule_patience, last_rate*schedule_factor, last_rate), "
        "last_rate)",
        "the learning rate, multiplied by the factor when the validation loss has not become better "
        "for longer than the patience",
        {"schedule_factor": 0.1, "schedule_patience": 10.0, "schedule_threshold": 1e-4},
        _PLATEAU,
    ),
}
# A warm-up raises the rate to the schedule's in equal parts.
WARMUP = "({rate})*min(1, (k + 1)/schedule_warmup)"
