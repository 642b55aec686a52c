"""The tables of an experiment file: their keys, types and defaults.

The classes check single values; `bpsheet.plan.checks` checks whether the values fit together.
They are public: `bp.Layer(neurons=["g"], activation="tanh")`.

A field has the type that the table stores. Its `__init__`, which only type checkers and editors
read, has the types that it accepts: a matrix may be an array or a tensor, and is stored as
lists of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from bpsheet.formula.arrays import entry_names
from bpsheet.tables.incoming import columns_of, with_targets
from bpsheet.tables.plain import (
    AnyMatrix,
    AnyNames,
    AnyNumber,
    AnyRow,
    AnyWhole,
    Listed,
    column_names,
)
from bpsheet.tables.prepared import default_names
from bpsheet.tables.table import Spec
from bpsheet.tables.values import (
    Array,
    BatchSize,
    Bias,
    Correct,
    Count,
    Formula,
    Frame,
    Matrix,
    Method,
    Milestones,
    Name,
    NotNegative,
    Order,
    OutputForm,
    Per,
    Positive,
    Reduction,
    Row,
    Scalar,
    Seed,
    Shape,
    Share,
    Whole,
)
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.layers import KINDS
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.preparations import PREPARATIONS, PreparationName
from bpsheet.textbook.rules import RuleName, ScheduleName

__all__ = [
    "Data",
    "Graph",
    "Initial",
    "Layer",
    "Network",
    "Origin",
    "Prepare",
    "Schedule",
    "Test",
    "Training",
    "Validation",
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
            "`linear`, `logistic`, `tanh`, `relu`, `leaky_relu`, `softplus`, `elu`, `selu`, "
            "`gelu`, `silu`, `mish`, `softsign`, `hard_sigmoid`, `hard_tanh`, `log_sigmoid`, "
            "`softmax`, `sign`, `step` (0 or 1), the name of a function in `[functions]`, or a formula of `z`, the weighted sum: "
            '`"2*z"`, `"max(0, z)"`, `"if(z > 0, z, 0.1*z)"`.'
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
            "A number for each neuron. `false`: the layer has none; `true`: drawn by `[initial]`. "
            'One number, or `"shared"` (drawn): a single bias `b1` that all neurons of the layer share.'
        ),
    )
    name: Name | None = Field(
        None,
        description=(
            "The layer's name, `{source}` and `{name}` in the notation. Default: the common "
            "beginning of the neurons' names."
        ),
    )
    kind: str = Field(
        "dense",
        description="What the layer does: `" + "`, `".join(KINDS) + "`.",
        json_schema_extra={"enum": [*KINDS]},
    )
    parameters: dict[Name, Array] = Field(
        default_factory=dict,
        description=(
            "Of layers of other kinds: first values of its parameters, by their names. Others are "
            "drawn by `[initial]`."
        ),
    )
    kernel: Count | None = Field(
        None, description="Of `convolution` and the pools: the length of the window's side."
    )
    filters: Count | None = Field(
        None, description="Of `convolution`: how many feature maps. Default: 1."
    )
    stride: Count | None = Field(
        None,
        description=(
            "Of `convolution` and the pools: the distance of two windows. Default: 1; for a pool its "
            "`kernel`."
        ),
    )
    padding: Whole | None = Field(
        None, description="Of `convolution`: so many entries beyond each edge. Default: 0."
    )
    dilation: Count | None = Field(
        None,
        description="Of `convolution`: how far apart the entries of a kernel are. Default: 1, no gaps.",
    )
    groups: Count | None = Field(
        None,
        description=(
            "Of `convolution`: in so many groups the channels come, each with filters of its own. "
            "Default: 1; as many as channels for one kernel each (depthwise)."
        ),
    )
    heads: Count | None = Field(None, description="Of `attention`: how many heads. Default: 1.")
    causal: bool | None = Field(
        None,
        strict=True,
        description="Of `attention`: whether no step sees a later one. Default: false.",
    )
    biases: Whole | None = Field(
        None,
        description=(
            "How many biases each sum has. Of `rnn`, `lstm` and `gru`: 0, 1 or 2 (as PyTorch has "
            "them); of `attention`: 0 or 1. Default: 1; `attention` 0."
        ),
    )
    reset: Literal["after", "before"] | None = Field(
        None,
        description=(
            'Of `gru`: where the reset gate works: `"after"` the product of the state with its weights, '
            'as in PyTorch, or on the state itself, `"before"` it. Default: "after".'
        ),
    )
    rate: Share | None = Field(
        None, description="Of `dropout`: the share of numbers that are left out."
    )
    tokens: Count | None = Field(
        None, description="Of `embedding`: how many tokens there are, numbered from 1."
    )
    of: Name | None = Field(
        None,
        description=(
            "Of `residual`: the name of the layer whose output is added, or of the network's input. Of "
            "`tied`: the name of the dense layer whose weights it takes."
        ),
    )
    epsilon: Positive | None = Field(
        None, description="Of the norms: it is added to the variance. Default: 1e-5."
    )
    momentum: Share | None = Field(
        None,
        description=(
            "Of `batch_norm`: how much of a new batch goes into the running mean. Default: 0.1."
        ),
    )
    running: bool | None = Field(
        None,
        strict=True,
        description=(
            "Of `batch_norm`: whether a training, too, takes the running mean and variance as they "
            "are. Default: false."
        ),
    )

    @property
    def is_bias_shared(self) -> bool:
        """Whether one bias belongs to all neurons."""
        return isinstance(self.bias, float | str)

    def without_numbers(self, **changes: Any) -> Layer:
        """The layer with weights and biases that are to be drawn."""
        bias = "shared" if self.is_bias_shared else self.bias is not False
        return self.model_copy(update={"weights": None, "bias": bias, "parameters": {}} | changes)

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            neurons: AnyNames | None = None,
            units: AnyWhole | None = None,
            activation: str = "logistic",
            weights: AnyMatrix | None = None,
            bias: bool | AnyNumber | str | AnyRow = True,
            name: str | None = None,
            kind: str = "dense",
            parameters: Mapping[str, AnyNumber | Sequence[AnyNumber] | AnyMatrix] = ...,
            kernel: AnyWhole | None = None,
            filters: AnyWhole | None = None,
            stride: AnyWhole | None = None,
            padding: AnyWhole | None = None,
            dilation: AnyWhole | None = None,
            groups: AnyWhole | None = None,
            heads: AnyWhole | None = None,
            causal: bool | None = None,
            biases: AnyWhole | None = None,
            reset: Literal["after", "before"] | None = None,
            rate: AnyNumber | None = None,
            tokens: AnyWhole | None = None,
            of: str | None = None,
            epsilon: AnyNumber | None = None,
            momentum: AnyNumber | None = None,
            running: bool | None = None,
        ) -> None: ...


class Network(Spec):
    """Inputs, layers and the loss.

    >>> Network(inputs=["x"], targets=["y"], loss="squared_error", layers=[Layer(units=1)]).loss
    'squared_error'
    """

    inputs: list[Name] = Field(
        default_factory=list,
        description="The inputs' names. Default: those that a table of `[data]` gives.",
    )
    targets: list[Name] = Field(
        default_factory=list,
        description=(
            "The targets' names, one for each output. Every rule except `none` needs them. Default: "
            "those that a table of `[data]` gives."
        ),
    )
    shapes: dict[Name, Shape] = Field(
        default_factory=dict,
        description=(
            "With layers of other kinds: inputs and targets that are vectors, sequences (steps × "
            "numbers) or pictures, `{ x = [3, 2], y = [2] }`. Their columns of the data are `x_1_1`, "
            "`x_1_2`, …"
        ),
    )
    loss: str | None = Field(
        None,
        description=(
            "`half_squared_error`, `squared_error`, `mean_squared_error` (mean over the "
            "outputs), `absolute_error`, `mean_absolute_error`, `huber`, `log_cosh`, `hinge` (targets "
            "−1 and 1), `binary_cross_entropy`, `cross_entropy`, `kl_divergence`; to be maximised: "
            "`gaussian_log_likelihood`, `bernoulli_log_likelihood`, `multinomial_log_likelihood`. "
            "Or a formula of `t`, the target, and `y`, the output, added up over the outputs: "
            '`"(t - y)^4"`. Every rule except `perceptron` and `none` needs a loss.'
        ),
        json_schema_extra={"anyOf": [{"enum": [*LOSSES, None]}, {"type": "string"}]},
    )
    delta: Positive | None = Field(
        None,
        description=(
            "Of `huber`: the difference from which on it is a straight line. Default: 1. A cell of "
            "the sheet."
        ),
    )
    label_smoothing: Share | None = Field(
        None,
        description=(
            "Of `cross_entropy`: the share of each target that is spread over all outputs alike, "
            "`(1 - s)*t + s/n`. A cell of the sheet."
        ),
    )
    class_weights: Row | None = Field(
        None,
        description="A number for each output, by which its part of the loss is multiplied.",
    )
    output_error: OutputForm = Field(
        "chain_rule",
        description=(
            "How the output's error term is written: as the product of the chain rule "
            '(for softmax with its non-local terms), or `"simplified"`: output minus target, for a '
            "logistic or softmax output with its cross-entropy or log likelihood. Both give the same "
            "numbers. The simplified form never divides by an output that has become 0. "
            '`"target_minus_output"`: the chain rule with the opposite sign, `(t - y)` times the slope, '
            "as many books write it. All that is passed back then is minus the derivative of the loss, "
            "and the update adds it: the weights are the same."
        ),
    )
    layers: list[Layer] = Field(description="The layers, from the first hidden one to the output.")

    @property
    def is_dense(self) -> bool:
        """Whether all of it is vectors and dense layers; else its layers stand for formulas."""
        return not self.shapes and all(layer.kind == "dense" for layer in self.layers)

    @property
    def input_entries(self) -> list[str]:
        """The names of all numbers of the inputs, array by array."""
        return self._entries(self.inputs)

    @property
    def target_entries(self) -> list[str]:
        """The names of all numbers of the targets, array by array."""
        return self._entries(self.targets)

    def _entries(self, names: Sequence[str]) -> list[str]:
        return [
            str(entry)
            for name in names
            for entry in entry_names(name, tuple(self.shapes.get(name, ()))).ravel()
        ]

    @property
    def targets_together(self) -> int:
        """How many targets belong together: those of one step of a sequence, or all."""
        shapes = [self.shapes[name] for name in self.targets if name in self.shapes]
        return shapes[0][-1] if shapes else len(self.targets)

    @property
    def output_activation(self) -> str:
        """The activation of the last layer; empty without layers."""
        return self.layers[-1].activation if self.layers else ""

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            inputs: AnyNames = ...,
            targets: AnyNames = ...,
            shapes: Mapping[str, Sequence[int]] = ...,
            loss: str | None = None,
            delta: AnyNumber | None = None,
            label_smoothing: AnyNumber | None = None,
            class_weights: AnyRow | None = None,
            output_error: OutputForm = "chain_rule",
            layers: Sequence[Layer | dict[str, Any]],
        ) -> None: ...


def _entries(arrays: Mapping[str, Any]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in arrays.items():
        numbers = np.asarray(value, float)
        names = entry_names(name, numbers.shape)
        found |= dict(zip(names.ravel(), numbers.ravel().tolist(), strict=True))
    return found


class Graph(Spec):
    """The user's own formulas, instead of a network.

    >>> Graph(inputs=["x"], parameters={"w": 0.5}, forward=["e = (x - w)^2"], loss="e").loss
    'e'
    """

    inputs: list[Name] = Field(
        default_factory=list,
        description=(
            "The names of the data that the formulas use. Without inputs there is no `[data]` either: "
            "a function of the parameters alone is trained."
        ),
    )
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
    constants: dict[Name, Array] = Field(
        default_factory=dict,
        description="Quantities that are never updated, with their values, as those of `parameters`.",
    )
    masks: dict[Name, Share] = Field(
        default_factory=dict,
        description=(
            "Arrays of 0 and 1 that are drawn anew for each iteration with the seed of `[data]`: the "
            "share of zeros. `shapes` has their shapes: `{ k = 0.5 }`."
        ),
    )
    meanings: dict[str, str] = Field(
        default_factory=dict,
        description='What quantities are, for the notes of their columns: `{ h = "hidden state" }`.',
    )
    repeat: dict[Name, str] = Field(
        default_factory=dict,
        description=(
            'The range of a step: `{ t = "1:3" }`. Formulas in a row that define `h[t]` are there once '
            "for each step."
        ),
    )
    forward: list[Formula] = Field(
        description=(
            'The formulas in order: `"t = x + y"`, `"a = tanh(W @ x + b)"`. Each may use inputs, '
            "parameters and the names before it."
        )
    )
    loss: Name | None = Field(
        None,
        description=(
            "The name of the formula to minimise (with `gradient_ascent`: to maximise). Every rule "
            "except `none` needs it."
        ),
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
        """The shape of each parameter and constant."""
        return {name: np.shape(value) for name, value in (self.constants | self.parameters).items()}

    @property
    def parameter_entries(self) -> dict[str, float]:
        """The first value of each number among the parameters and constants, by its name."""
        return _entries(self.constants | self.parameters)

    @property
    def constant_entries(self) -> frozenset[str]:
        """The names of the numbers that are never updated."""
        return frozenset(_entries(self.constants))

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            inputs: AnyNames = ...,
            shapes: Mapping[str, Sequence[int]] = ...,
            parameters: Mapping[str, AnyNumber | Sequence[AnyNumber] | AnyMatrix] = ...,
            constants: Mapping[str, AnyNumber | Sequence[AnyNumber] | AnyMatrix] = ...,
            masks: Mapping[str, AnyNumber] = ...,
            meanings: Mapping[str, str] = ...,
            repeat: Mapping[str, str] = ...,
            forward: AnyNames,
            loss: str | None = None,
            gradient_of: AnyNames = ...,
        ) -> None: ...


class Data(Spec):
    """The examples and the order in which they are presented.

    A table, `frame` or `file`, becomes examples when an experiment takes it: texts become categories
    or classes, and what is asked for is scaled.

    >>> Data(examples=[[-0.9, 0.1, 1.0]]).order
    'cyclic'
    >>> Data(frame={"size": [1.5, 2.0], "kind": ["a", "b"]}, targets=["kind"], scale="standard").targets
    ['kind']
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
        description=(
            "A row for each example: inputs, then targets. Either this, `file` or `frame` is needed."
        ),
    )
    file: str | None = Field(
        None,
        description=(
            "Instead of `examples`: a file beside the experiment file: CSV (comma, semicolon or tab), "
            "`.tsv`, `.xlsx` or `.parquet`. The names in its header line say which column is which."
        ),
    )
    sheet: str | None = Field(
        None, description="Of an `.xlsx` file: the sheet with the table. Default: the first one."
    )
    frame: Frame | None = Field(
        None,
        description=(
            "Instead of `examples`: a table in Python, which is a DataFrame, a dict of lists by their "
            "names, or an array with a row for each example."
        ),
    )
    inputs: list[Name] | None = Field(
        None,
        description=(
            "The columns of the file or frame for the network's inputs, in their order. Default: those "
            "with the inputs' names; for a network without `inputs` all that are left."
        ),
    )
    targets: list[Name] | None = Field(
        None,
        description=(
            "The columns of the file or frame with the targets. A single column of texts, or of "
            "whole numbers for several outputs, holds classes: a target of 1 for the output of the "
            "class, or for one output two numbers. In Python also an array with them. Default: those "
            "with the targets' names."
        ),
    )
    label: Name | None = Field(
        None,
        description=(
            "The column that holds, for each example, its class: the name of the target that is 1. "
            "The other targets are 0."
        ),
    )
    scale: Literal["standard", "min_max", "max_abs", "robust"] | None = Field(
        None,
        description=(
            "How all inputs of numbers are scaled: `[[prepare]]` gets a step with them, whose constants "
            "are cells that follow from the examples."
        ),
    )
    validation: Share | None = Field(
        None,
        description=(
            "The share of the examples that go into `[validation]`, drawn with `seed`, class by class."
        ),
    )
    meanings: dict[Name, str] = Field(
        default_factory=dict,
        description='What columns are, for the notes above them: `{ x1 = "sepal length (cm)" }`.',
    )
    weight: Name | None = Field(
        None,
        description=(
            "The name of a further column of the data, after the targets: the weight of each "
            "example, by which its loss is multiplied."
        ),
    )
    order: Order = Field(
        "cyclic",
        description=(
            '`"cyclic"`; `"shuffled"`: again in every epoch, with `seed`; or a list of example '
            "numbers (from 1), one for each iteration. A longer run repeats the list."
        ),
    )
    seed: Seed = Field(
        0, description='The seed of the order `"shuffled"`, and of the validation share.'
    )

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, values: Any) -> Any:
        """A DataFrame's column names become `columns`, so that their order does not matter.

        Targets in an array become further columns of the frame.
        """
        if isinstance(values, dict) and values.get("frame") is not None:
            values = values | {"frame": columns_of(values["frame"])}
            values = with_targets(values)
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
            sheet: str | None = None,
            frame: Any = None,
            inputs: AnyNames | None = None,
            targets: AnyNames | AnyMatrix | AnyRow | None = None,
            scale: Literal["standard", "min_max", "max_abs", "robust"] | None = None,
            validation: AnyNumber | None = None,
            meanings: Mapping[str, str] = ...,
            label: str | None = None,
            weight: str | None = None,
            order: Order | Sequence[AnyWhole] | Listed = "cyclic",
            seed: AnyWhole = 0,
        ) -> None: ...


class Prepare(Spec):
    """How some raw inputs are prepared before the first layer: a step, with a cell for each constant.

    The network takes what a step gives by its `names`; the data have the raw inputs, `of`.

    >>> Prepare(kind="standard", of=["length"]).prepared
    ['length_s']
    """

    kind: PreparationName = Field(
        description="What is done: "
        + ", ".join(f"`{name}`, `{row.formula}`" for name, row in PREPARATIONS.items())
        + "."
    )
    of: list[Name] = Field(
        description="What is prepared: columns of the data, or what a step before has given."
    )
    names: list[Name] | None = Field(
        None,
        description=(
            "The names of what comes out, one for each of `of`; with `one_hot` one for each category. "
            "Default: the name with `_s` after it; with `one_hot` with the category."
        ),
    )
    categories: Row | None = Field(
        None,
        description="Of `one_hot`, which prepares one input: the numbers that stand for its categories.",
    )
    words: list[str] | None = Field(
        None,
        description="Of a step for one input: the texts that its numbers 1, 2, … stand for in a table.",
    )
    mean: Row | None = Field(
        None, description="Of `standard`: a number for each of `of`. Default: from the examples."
    )
    sd: Row | None = Field(
        None, description="Of `standard`: the standard deviations. Default: from the examples."
    )
    least: Row | None = Field(
        None, description="Of `min_max`: the least numbers. Default: from the examples."
    )
    span: Row | None = Field(
        None, description="Of `min_max`: the greatest minus the least. Default: from the examples."
    )
    largest: Row | None = Field(
        None, description="Of `max_abs`: the largest sizes. Default: from the examples."
    )
    median: Row | None = Field(
        None, description="Of `robust`: the medians. Default: from the examples."
    )
    spread: Row | None = Field(
        None,
        description="Of `robust`: the distances of the quartiles. Default: from the examples.",
    )
    offset: Row | None = Field(None, description="Of `scaled`: what is subtracted.")
    factor: Row | None = Field(None, description="Of `scaled`: what it is multiplied by then.")
    threshold: Row | None = Field(
        None, description="Of `binary`: the number above which the prepared input is 1."
    )

    @property
    def prepared(self) -> list[str]:
        """The names of what comes out."""
        if self.names is not None:
            return self.names
        return default_names(self.kind, self.of, self.categories or [])

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            kind: PreparationName,
            of: AnyNames,
            names: AnyNames | None = None,
            categories: AnyRow | None = None,
            words: AnyNames | None = None,
            mean: AnyRow | None = None,
            sd: AnyRow | None = None,
            least: AnyRow | None = None,
            span: AnyRow | None = None,
            largest: AnyRow | None = None,
            median: AnyRow | None = None,
            spread: AnyRow | None = None,
            offset: AnyRow | None = None,
            factor: AnyRow | None = None,
            threshold: AnyRow | None = None,
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


class Validation(Spec):
    """Examples that train nothing: each row has its network's mean loss over them.

    >>> Validation(examples=[[0.5, 1.0]]).examples
    [[0.5, 1.0]]
    """

    examples: Matrix = Field(description="A row for each: inputs, then targets.")

    if TYPE_CHECKING:

        def __init__(self, *, examples: AnyMatrix) -> None: ...


class Origin(Spec):
    """The model that an experiment was read from, and what its parameters are called there.

    >>> Origin(framework="torch", names={"1.W": "fc.weight"}).dtype
    'float64'
    """

    framework: str = Field(
        description="`torch`, `onnx`, `keras`, `scikit-learn`, or `arrays`: where the model came from."
    )
    dtype: str = Field("float64", description="The type of the model's numbers, such as `float32`.")
    names: dict[str, str] = Field(
        default_factory=dict,
        description=(
            'By parameter the name in the model: `"1.W" = "fc.weight"` is the W of layer 1. A part '
            "of an array is written behind the name, `[0:4]`, and `.T` where it is turned."
        ),
    )
    others: dict[str, Array] = Field(
        default_factory=dict, description="What else the model holds, and no layer uses."
    )

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            framework: str,
            dtype: str = "float64",
            names: Mapping[str, str] = ...,
            others: Mapping[str, AnyNumber | Sequence[AnyNumber] | AnyMatrix] = ...,
        ) -> None: ...
