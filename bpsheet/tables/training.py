"""The tables of a training: `[training]`, its schedule, and `[initial]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from bpsheet.tables.plain import (
    AnyMatrix,
    AnyNames,
    AnyNumber,
    AnyRow,
    AnyWhole,
)
from bpsheet.tables.table import Spec
from bpsheet.tables.values import (
    Array,
    BatchSize,
    Count,
    Formula,
    Method,
    Milestones,
    Name,
    NotNegative,
    Per,
    Positive,
    Reduction,
    Scalar,
    Seed,
    Share,
    Whole,
)
from bpsheet.textbook.rules import RuleName, ScheduleName

__all__ = ["Initial", "Schedule", "Training"]


class Schedule(Spec):
    """How the learning rate changes: a formula of k, the number of updates (or epochs) before.

    >>> Schedule(kind="exponential", factor=0.99).per
    'update'
    """

    kind: ScheduleName = Field(
        "constant",
        description=(
            '`"step"`: the learning rate times `factor^int(k/every)`; `"exponential"`: times '
            '`factor^k`; `"multi_step"`: times `factor` at each of the `milestones`; '
            '`"inverse_time"`: divided by `1 + decay*k`; `"linear"`: a straight line down to `lowest`, '
            'where it stays; `"polynomial"`: `(1 - k/over)^power` of the way down; `"cosine"`: half '
            'a cosine wave down to `lowest`; `"restarts"`: such waves one after another; '
            '`"one_cycle"`: half a cosine wave up to the learning rate, and one down; `"plateau"`: '
            "times `factor` where the validation loss has not become better for longer than "
            "`patience`."
        ),
    )
    formula: Formula | None = Field(
        None,
        description=(
            "Instead of `kind`: the learning rate of an update, a formula of `learning_rate` and `k`: "
            '`"learning_rate/(1 + k)"`.'
        ),
    )
    per: Per = Field("update", description='What `k` counts, from 0: updates, or `"epoch"`.')
    factor: Positive | None = Field(
        None,
        description=(
            "Of `step`, `multi_step`, `exponential` and `plateau`. Default: `step` 0.5, `multi_step` 0.1, "
            "`plateau` 0.1."
        ),
    )
    every: Positive | None = Field(
        None,
        description=(
            "Of `step`: how many updates (or epochs) pass between two steps; of `restarts`: until "
            "the first restart."
        ),
    )
    milestones: Milestones | None = Field(
        None, description="Of `multi_step`: the numbers of updates (or epochs) before its steps."
    )
    decay: NotNegative | None = Field(None, description="Of `inverse_time`.")
    over: Positive | None = Field(
        None,
        description=(
            "Of `linear`, `polynomial` and `cosine`: the `k` at which the lowest rate is reached; of "
            "`one_cycle`: the number of updates (or epochs) in all."
        ),
    )
    lowest: NotNegative | None = Field(
        None,
        description=(
            "Of `linear`, `polynomial`, `cosine` and `restarts`: the lowest rate. Default: 0.0."
        ),
    )
    power: Positive | None = Field(None, description="Of `polynomial`. Default: 2.0.")
    growth: Positive | None = Field(
        None,
        description="Of `restarts`: how many times as long as the last one each wave is. Default: 1.0.",
    )
    rise: Share | None = Field(
        None, description="Of `one_cycle`: the share of its time in which it rises. Default: 0.3."
    )
    first_divisor: Positive | None = Field(
        None,
        description="Of `one_cycle`: it begins at the learning rate over this. Default: 25.0.",
    )
    last_divisor: Positive | None = Field(
        None,
        description="Of `one_cycle`: it ends at its first rate over this. Default: 10000.0.",
    )
    patience: Positive | None = Field(
        None,
        description=(
            "Of `plateau`: how often in a row the loss over the `[validation]` examples may be no "
            "better before the rate falls. Default: 10."
        ),
    )
    threshold: NotNegative | None = Field(
        None,
        description="Of `plateau`: the part by which a better loss must be smaller. Default: 0.0001.",
    )
    warmup: Positive | None = Field(
        None, description="The rate first rises to the schedule's, in this many equal steps."
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            kind: ScheduleName = "constant",
            formula: str | None = None,
            per: Per = "update",
            factor: AnyNumber | None = None,
            every: AnyNumber | None = None,
            decay: AnyNumber | None = None,
            over: AnyNumber | None = None,
            lowest: AnyNumber | None = None,
            milestones: AnyRow | None = None,
            power: AnyNumber | None = None,
            growth: AnyNumber | None = None,
            rise: AnyNumber | None = None,
            first_divisor: AnyNumber | None = None,
            last_divisor: AnyNumber | None = None,
            patience: AnyNumber | None = None,
            threshold: AnyNumber | None = None,
            warmup: AnyNumber | None = None,
        ) -> None: ...


class Training(Spec):
    """The training rule, its hyper-parameters and the length of the training.

    >>> Training(learning_rate=0.1, iterations=500).rule
    'gradient_descent'
    """

    rule: RuleName = Field(
        "gradient_descent",
        description=(
            '`"gradient_ascent"` for a likelihood; `"momentum"`, `"nesterov"`, `"adagrad"`, '
            '`"rmsprop"`, `"adam"`, `"adamw"`, `"amsgrad"`, `"adadelta"`, `"adamax"`, `"nadam"`, '
            '`"radam"`, `"rprop"`, `"lion"`, which go down a loss and up a likelihood; '
            '`"momentum_with_rate"` and `"nesterov_with_rate"`, whose velocity has the learning rate '
            'in it, as Keras has it; `"formula"` with an `adjustment` of one\'s own; '
            '`"perceptron"` for one layer with the activation `sign` or `step`, and no loss; `"none"` for forward '
            "passes alone, without targets and loss."
        ),
    )
    learning_rate: Scalar = Field(
        0.1, description="The step size: a cell of the sheet, like every hyper-parameter."
    )
    momentum: Share | None = Field(
        None,
        description=(
            "Of `momentum`, `nesterov` and both with the rate: how much of the velocity is kept. "
            "Default: 0.9."
        ),
    )
    decay: Share | None = Field(
        None,
        description=(
            "Of `rmsprop` and `adadelta`: how much of the mean square is kept. Default: 0.99; "
            "`adadelta` 0.9."
        ),
    )
    beta1: Share | None = Field(
        None,
        description=(
            "Of `adam`, its kin and `lion`: how much of the mean gradient is kept. Default: 0.9."
        ),
    )
    beta2: Share | None = Field(
        None,
        description=(
            "Of `adam` and its kin: how much of the mean square is kept; of `lion`: of the mean "
            "gradient. Default: 0.999; `lion` 0.99."
        ),
    )
    epsilon: Positive | None = Field(
        None,
        description=(
            "Of `adagrad`, `rmsprop`, `adadelta`, `adam` and its kin: it is added to the root in the "
            "denominator. Default: 1e-8; `adagrad` 1e-10, `adadelta` 1e-6."
        ),
    )
    weight_decay: NotNegative | None = Field(
        None,
        description=(
            "This number times the weight is added to the gradient (`adamw` and `lion`: to the step, "
            "times the learning rate). Default: none; `adamw` 0.01, `lion` 0.0."
        ),
    )
    l1: NotNegative | None = Field(
        None,
        description=(
            "This number times the sum of all weights' sizes is added to the loss of each example. "
            "Biases are no part of it."
        ),
    )
    l2: NotNegative | None = Field(
        None,
        description=(
            "Half of this number times the sum of all weights' squares is added to the loss of each "
            "example, so that the gradient grows by `l2*w`. Biases are no part of it."
        ),
    )
    clip_value: Positive | None = Field(
        None, description="The largest size of a single gradient: a larger one is cut to it."
    )
    clip_norm: Positive | None = Field(
        None,
        description="The greatest length of the gradient over all weights: a longer one is shortened.",
    )
    schedule: Schedule | None = Field(
        None, description="How the learning rate changes: `[training.schedule]`."
    )
    batch_size: BatchSize = Field(
        1,
        description=(
            'Presentations between two updates, or `"all"`: every example. The last batch '
            "of an epoch may be shorter."
        ),
    )
    reduction: Reduction = Field(
        "sum", description='Whether a batch\'s gradients are added, or averaged: `"mean"`.'
    )
    iterations: Count | None = Field(
        None,
        description=(
            "Presentations: rows of the sheet. Either this or `epochs` is needed. Default: with "
            "a list as `order`, the list's length; where nothing is trained, one for each example."
        ),
    )
    epochs: Count | None = Field(
        None, description="Instead of `iterations`: how often all examples are presented."
    )
    patience: Positive | None = Field(
        None,
        description=(
            "Early stopping: when the loss over the `[validation]` examples was not better for so "
            "many epochs, no weight moves any more. A cell of the sheet."
        ),
    )
    freeze: list[Name] | None = Field(None, description="Names of weights that are never updated.")
    only: list[Name] | None = Field(None, description="Names of the only weights that are updated.")
    # What single rules need besides.
    adjustment: Formula | None = Field(
        None,
        description=(
            "Of `formula`: the change of a weight, a formula of `g`, the gradient, and `rate`, the "
            'learning rate with its sign (minus on the way down): `"rate*g"`. Also `w`, the weight; '
            "`t`, the number of the update; `learning_rate`; and the names in `remember`."
        ),
    )
    remember: dict[Name, Formula] = Field(
        default_factory=dict,
        description=(
            "Of `formula`: what it keeps for each weight from update to update, beginning at 0: "
            '`{ v = "0.9*last + g" }`. `last` is the value before, `last_v` that of `v`.'
        ),
    )
    updates_before: Whole | None = Field(
        None,
        description=(
            "Of a rule that counts its updates: how many were made before the first row. Default: 0."
        ),
    )
    memory: dict[Name, dict[Name, Array]] = Field(
        default_factory=dict,
        description=(
            "What a rule remembers of the updates before the first row: by its quantity, then by the "
            "array of weights, `{ velocity = { W1 = [[0.1, 0.2]], b1 = [0.3] } }`."
        ),
    )
    first_velocity: Scalar | None = Field(
        None,
        description=(
            "Of `momentum_with_rate` and `nesterov_with_rate`: each weight's velocity before the "
            "first update. Default: 0.0."
        ),
    )
    momentum_decay: NotNegative | None = Field(
        None, description="Of `nadam`: how fast the momentum rises to `beta1`. Default: 0.004."
    )
    eta_minus: Share | None = Field(
        None,
        description="Of `rprop`: the step size's factor where the gradient turns. Default: 0.5.",
    )
    eta_plus: Positive | None = Field(
        None,
        description="Of `rprop`: its factor where the gradient keeps its sign. Default: 1.2.",
    )
    smallest_step: Positive | None = Field(
        None, description="Of `rprop`: the least step size. Default: 1e-6."
    )
    largest_step: Positive | None = Field(
        None, description="Of `rprop`: the greatest step size. Default: 50.0."
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            rule: RuleName = "gradient_descent",
            learning_rate: AnyNumber = 0.1,
            momentum: AnyNumber | None = None,
            decay: AnyNumber | None = None,
            beta1: AnyNumber | None = None,
            beta2: AnyNumber | None = None,
            epsilon: AnyNumber | None = None,
            weight_decay: AnyNumber | None = None,
            l1: AnyNumber | None = None,
            l2: AnyNumber | None = None,
            clip_value: AnyNumber | None = None,
            clip_norm: AnyNumber | None = None,
            schedule: Schedule | dict[str, Any] | None = None,
            batch_size: BatchSize | AnyWhole = 1,
            reduction: Reduction = "sum",
            iterations: AnyWhole | None = None,
            epochs: AnyWhole | None = None,
            patience: AnyNumber | None = None,
            freeze: AnyNames | None = None,
            only: AnyNames | None = None,
            adjustment: str | None = None,
            remember: Mapping[str, str] = ...,
            updates_before: AnyWhole | None = None,
            memory: Mapping[str, Mapping[str, AnyNumber | Sequence[AnyNumber] | AnyMatrix]] = ...,
            first_velocity: AnyNumber | None = None,
            momentum_decay: AnyNumber | None = None,
            eta_minus: AnyNumber | None = None,
            eta_plus: AnyNumber | None = None,
            smallest_step: AnyNumber | None = None,
            largest_step: AnyNumber | None = None,
        ) -> None: ...


class Initial(Spec):
    """How weights that are not given are drawn. The sheet shows them as numbers."""

    method: Method = Field(
        "xavier_uniform",
        description=(
            "`xavier_uniform`, `xavier_normal`, `he_uniform`, `he_normal`, `uniform` or "
            "`zeros`. Biases begin at 0, except with `uniform`."
        ),
    )
    range: Positive = Field(
        0.5, description="Of `uniform`: weights and biases lie between −range and range."
    )
    seed: Seed = Field(0, description="The seed of the draw.")

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            method: Method = "xavier_uniform",
            range: AnyNumber = 0.5,  # noqa: A002
            seed: AnyWhole = 0,
        ) -> None: ...
