"""The tables of an experiment file: their keys, types and defaults.

The classes check single values; `bpsheet.plan.checks` checks whether the values fit together.
They are public: `bp.Layer(neurons=["g"], activation="tanh")`.

A field has the type that the table stores. Its `__init__`, which only type checkers and editors
read, has the types that it accepts: a matrix may be an array or a tensor, and is stored as
lists of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, model_validator

from bpsheet.formula.arrays import entry_names
from bpsheet.tables.plain import (
    AnyMatrix,
    AnyNames,
    AnyNumber,
    AnyRow,
    AnyWhole,
    Listed,
    column_names,
)
from bpsheet.tables.table import Spec
from bpsheet.tables.values import (
    Array,
    BatchSize,
    Bias,
    Correct,
    Count,
    Matrix,
    Method,
    Name,
    NotNegative,
    Order,
    OutputForm,
    Per,
    Positive,
    Reduction,
    Scalar,
    Seed,
    Shape,
    Share,
)
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.rules import RuleName, ScheduleName

__all__ = [
    "Data",
    "Graph",
    "Initial",
    "Layer",
    "Network",
    "Schedule",
    "Test",
    "Training",
]


class Layer(Spec):
    """One layer of neurons.

    `weights` has a row for each neuron and a column for each input (as PyTorch stores them).
    `bias` has a number for each neuron; `False` means that the layer has no biases.

    >>> Layer(neurons=["g"], activation="tanh", weights=[[0.6, -0.1]], bias=[0.3]).activation
    'tanh'
    """

    neurons: list[Name] | None = Field(
        None, description="The neurons' names. A layer has either these or `units`."
    )
    units: Count | None = Field(
        None,
        description=(
            "Instead of names: how many neurons. They are called `h1`, `h2`, … (with several "
            "hidden layers `h1_1`, …), the output `out` (or `out1`, …)."
        ),
    )
    activation: str = Field(
        "logistic",
        description=(
            "`linear`, `logistic`, `tanh`, `relu`, `leaky_relu`, `softplus`, `softmax`, "
            '`sign`, or a formula of `z`, the weighted sum: `"2*z"`, `"max(0, z)"`, '
            '`"if(z > 0, z, 0.1*z)"`.'
        ),
        json_schema_extra={"anyOf": [{"enum": [*ACTIVATIONS]}, {"type": "string"}]},
    )
    weights: Matrix | None = Field(
        None,
        description=(
            "A row for each neuron, a column for each input (as PyTorch stores them). "
            "Default: drawn by `[initial]`."
        ),
    )
    bias: Bias = Field(
        True,
        description=(
            "A number for each neuron. `false`: the layer has none; `true`: drawn by `[initial]`."
        ),
    )
    name: Name | None = Field(
        None,
        description=(
            "The layer's name, `{source}` and `{name}` in the notation. Default: the common "
            "beginning of the neurons' names."
        ),
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            neurons: AnyNames | None = None,
            units: AnyWhole | None = None,
            activation: str = "logistic",
            weights: AnyMatrix | None = None,
            bias: bool | AnyRow = True,
            name: str | None = None,
        ) -> None: ...


class Network(Spec):
    """Inputs, layers and the loss.

    >>> Network(inputs=["x"], targets=["y"], loss="squared_error", layers=[Layer(units=1)]).loss
    'squared_error'
    """

    inputs: list[Name] = Field(description="The inputs' names.")
    targets: list[Name] = Field(description="The targets' names, one for each output.")
    loss: str | None = Field(
        None,
        description=(
            "`half_squared_error`, `squared_error`, `mean_squared_error` (mean over the "
            "outputs), `binary_cross_entropy`, `cross_entropy`; to be maximised: "
            "`gaussian_log_likelihood`, `bernoulli_log_likelihood`, `multinomial_log_likelihood`. "
            "Every rule except `perceptron` needs a loss."
        ),
        json_schema_extra={"enum": [*LOSSES, None]},
    )
    output_error: OutputForm = Field(
        "chain_rule",
        description=(
            "How the output's error term is written: as the product of the chain rule "
            '(for softmax with its non-local terms), or `"simplified"`: output minus target, for a '
            "logistic or softmax output with its cross-entropy or log likelihood. Both give the same "
            "numbers. The simplified form never divides by an output that has become 0."
        ),
    )
    layers: list[Layer] = Field(description="The layers, from the first hidden one to the output.")

    @property
    def output_activation(self) -> str:
        """The activation of the last layer; empty without layers."""
        return self.layers[-1].activation if self.layers else ""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            inputs: AnyNames,
            targets: AnyNames,
            loss: str | None = None,
            output_error: OutputForm = "chain_rule",
            layers: Sequence[Layer | dict[str, Any]],
        ) -> None: ...


class Graph(Spec):
    """The user's own formulas, instead of a network.

    >>> Graph(inputs=["x"], parameters={"w": 0.5}, forward=["e = (x - w)^2"], loss="e").loss
    'e'
    """

    inputs: list[Name] = Field(description="The names of the data that the formulas use.")
    shapes: dict[Name, Shape] = Field(
        default_factory=dict,
        description=(
            "The inputs that are vectors or matrices: `{ x = [2], K = [3, 4] }`. Their columns of the "
            "data are `x_1`, `x_2`, `K_1_1`, `K_1_2`, …"
        ),
    )
    parameters: dict[Name, Array] = Field(
        default_factory=dict,
        description=(
            "The quantities that are trained, with first values: numbers, vectors or matrices, "
            "`{ w = 0.5, b = [0, 0], W = [[1, 2], [3, 4]] }`."
        ),
    )
    repeat: dict[Name, str] = Field(
        default_factory=dict,
        description=(
            'The range of a step: `{ t = "1:3" }`. Formulas in a row that define `h[t]` are there once '
            "for each step."
        ),
    )
    forward: list[Annotated[str, Field(max_length=2000)]] = Field(
        description=(
            'The formulas in order: `"t = x + y"`, `"a = tanh(W @ x + b)"`. Each may use inputs, '
            "parameters and the names before it."
        )
    )
    loss: Name = Field(
        description="The name of the formula to minimise (with `gradient_ascent`: to maximise)."
    )
    gradient_of: list[Name] = Field(
        default_factory=list, description="Inputs that get a derivative of the loss too."
    )

    @property
    def input_entries(self) -> list[str]:
        """The names of all numbers that an example gives, array by array."""
        return [
            str(entry)
            for name in self.inputs
            for entry in entry_names(name, tuple(self.shapes.get(name, ()))).ravel()
        ]

    @property
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of each parameter."""
        return {name: np.shape(value) for name, value in self.parameters.items()}

    @property
    def parameter_entries(self) -> dict[str, float]:
        """The first value of each number among the parameters, by its name."""
        found: dict[str, float] = {}
        for name, value in self.parameters.items():
            numbers = np.asarray(value, float)
            entries = entry_names(name, numbers.shape)
            found |= dict(zip(entries.ravel(), numbers.ravel().tolist(), strict=True))
        return found

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            inputs: AnyNames,
            shapes: Mapping[str, Sequence[int]] = ...,
            parameters: Mapping[str, AnyNumber | Sequence[AnyNumber] | AnyMatrix] = ...,
            repeat: Mapping[str, str] = ...,
            forward: AnyNames,
            loss: str,
            gradient_of: AnyNames = ...,
        ) -> None: ...


class Data(Spec):
    """The examples and the order in which they are presented.

    >>> Data(examples=[[-0.9, 0.1, 1.0]]).order
    'cyclic'
    """

    columns: list[Name] | None = Field(
        None,
        description=(
            "The names of the columns of `examples`: every input and target, in any order. For "
            "a file without a header line: the names of its columns. Default: the inputs, then the "
            "targets."
        ),
    )
    examples: Matrix | None = Field(
        None,
        description="A row for each example: inputs, then targets. Either this or `file` is needed.",
    )
    file: str | None = Field(
        None,
        description=(
            "Instead of `examples`: a CSV file beside the experiment file (comma, semicolon "
            "or tab). The names in its header line say which column is which."
        ),
    )
    label: Name | None = Field(
        None,
        description=(
            "The file's column that holds, for each example, the name of the target that is 1. "
            "The other targets are 0."
        ),
    )
    order: Order = Field(
        "cyclic",
        description=(
            '`"cyclic"`; `"shuffled"`: again in every epoch, with `seed`; or a list of example '
            "numbers (from 1), one for each iteration. A longer run repeats the list."
        ),
    )
    seed: Seed = Field(0, description='The seed of the order `"shuffled"`.')

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, values: Any) -> Any:
        """A DataFrame's column names become `columns`, so that their order does not matter."""
        if isinstance(values, dict) and values.get("columns") is None:
            names = column_names(values.get("examples"))
            return values if names is None else values | {"columns": names}
        return values

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            columns: AnyNames | None = None,
            examples: AnyMatrix | None = None,
            file: str | None = None,
            label: str | None = None,
            order: Order | Sequence[AnyWhole] | Listed = "cyclic",
            seed: AnyWhole = 0,
        ) -> None: ...


class Schedule(Spec):
    """How the learning rate changes: a formula of k, the number of updates (or epochs) before.

    >>> Schedule(kind="exponential", factor=0.99).per
    'update'
    """

    kind: ScheduleName = Field(
        "constant",
        description=(
            '`"step"`: the learning rate times `factor^int(k/every)`; `"exponential"`: times '
            '`factor^k`; `"inverse_time"`: divided by `1 + decay*k`; `"cosine"`: half a cosine wave '
            "down to `lowest`, where it stays."
        ),
    )
    per: Per = Field("update", description='What `k` counts, from 0: updates, or `"epoch"`.')
    factor: Positive | None = Field(
        None, description="Of `step` and `exponential`. Default: 0.5 for `step`."
    )
    every: Positive | None = Field(
        None, description="Of `step`: how many updates (or epochs) pass between two steps."
    )
    decay: NotNegative | None = Field(None, description="Of `inverse_time`.")
    over: Positive | None = Field(
        None, description="Of `cosine`: the `k` at which the lowest rate is reached."
    )
    lowest: NotNegative | None = Field(
        None, description="Of `cosine`: the lowest rate. Default: 0."
    )
    warmup: Positive | None = Field(
        None, description="The rate first rises to the schedule's, in this many equal steps."
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            kind: ScheduleName = "constant",
            per: Per = "update",
            factor: AnyNumber | None = None,
            every: AnyNumber | None = None,
            decay: AnyNumber | None = None,
            over: AnyNumber | None = None,
            lowest: AnyNumber | None = None,
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
            '`"rmsprop"`, `"adam"`, `"adamw"`, which go down a loss and up a likelihood; '
            '`"perceptron"` for one layer with the activation `sign` and no loss.'
        ),
    )
    learning_rate: Scalar = Field(
        0.1, description="The step size: a cell of the sheet, like every hyper-parameter."
    )
    momentum: Share | None = Field(
        None,
        description="Of `momentum` and `nesterov`: how much of the velocity is kept. Default: 0.9.",
    )
    decay: Share | None = Field(
        None, description="Of `rmsprop`: how much of the mean square is kept. Default: 0.99."
    )
    beta1: Share | None = Field(
        None,
        description="Of `adam` and `adamw`: how much of the mean gradient is kept. Default: 0.9.",
    )
    beta2: Share | None = Field(
        None,
        description="Of `adam` and `adamw`: how much of the mean square is kept. Default: 0.999.",
    )
    epsilon: Positive | None = Field(
        None,
        description=(
            "Of `adagrad`, `rmsprop`, `adam` and `adamw`: it is added to the root in the "
            "denominator. Default: 1e-8; `adagrad` 1e-10."
        ),
    )
    weight_decay: NotNegative | None = Field(
        None,
        description=(
            "This number times the weight is added to the gradient (`adamw`: to the step, times "
            "the learning rate). Default: none; `adamw` 0.01."
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
            "a list as `order`, the list's length."
        ),
    )
    epochs: Count | None = Field(
        None, description="Instead of `iterations`: how often all examples are presented."
    )
    freeze: list[Name] | None = Field(None, description="Names of weights that are never updated.")
    only: list[Name] | None = Field(None, description="Names of the only weights that are updated.")

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
            clip_value: AnyNumber | None = None,
            clip_norm: AnyNumber | None = None,
            schedule: Schedule | dict[str, Any] | None = None,
            batch_size: BatchSize | AnyWhole = 1,
            reduction: Reduction = "sum",
            iterations: AnyWhole | None = None,
            epochs: AnyWhole | None = None,
            freeze: AnyNames | None = None,
            only: AnyNames | None = None,
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


class Test(Spec):
    """Examples that each row is tested on: does its network get each of them right?"""

    __test__: ClassVar[bool] = False  # not a class of tests, although pytest could think so

    examples: Matrix = Field(description="A row for each: inputs, then targets.")
    correct: Correct = Field(
        "threshold",
        description=(
            '`"threshold"`: each output is on its target\'s side of the threshold; '
            '`"sign"`: each output has its target\'s sign; `"largest"`: the largest output is the one '
            "with the largest target."
        ),
    )
    threshold: Scalar = Field(0.5, description='Of `correct = "threshold"`.')
    names: list[Name] | None = Field(
        None, description="The columns' names. Default: `test 1`, `test 2`, …"
    )
    gap: bool = Field(
        False, strict=True, description="In the layout book: an empty column before the tests."
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            examples: AnyMatrix,
            correct: Correct = "threshold",
            threshold: AnyNumber = 0.5,
            names: AnyNames | None = None,
            gap: bool = False,
        ) -> None: ...
