"""The tables `[network]` and `[[network.layers]]`: the layers, their weights and the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from bpsheet.formula.arrays import entry_names
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
    Bias,
    Count,
    Matrix,
    Name,
    OutputForm,
    Positive,
    Row,
    Shape,
    Share,
    Whole,
)
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.layers import KINDS
from bpsheet.textbook.losses import LOSSES

__all__ = ["Layer", "Network"]


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
