"""What an experiment file may say: its tables, their keys, types and defaults.

The models hold and check single values; how they fit together is `bpsheet.checks`.
They are the public classes too: `bp.Layer(neurons=["g"], activation="tanh")`. The descriptions
of the keys stand in the JSON schema and in templates/README.md; a last sentence "Default: …" is
for a default that is not the field's own value.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic import ValidationError as PydanticError

from bpsheet.errors import ExperimentError
from bpsheet.functions import ACTIVATIONS, LOSSES
from bpsheet.problems import shown, translate

__all__ = [
    "Data",
    "Graph",
    "Initial",
    "Layer",
    "Network",
    "Schedule",
    "Spec",
    "Test",
    "Training",
    "without_examples",
]


def without_examples(schema: dict[str, Any]) -> None:
    """In the JSON schema a table's description is its docstring, but not the code in it."""
    schema["description"] = schema.get("description", "").partition(">>>")[0].strip()


class Spec(BaseModel):
    """A table of the experiment file. Unknown keys are refused; nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=without_examples)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except PydanticError as error:
            raise ExperimentError(translate(error, type(self)), type(self).__name__) from None

    # Without this mark pydantic would call __init__ for nested tables too, one at a time,
    # and a file's problems could not be collected into one list.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    def replaced(self, **changes: Any) -> Self:
        """A copy with some values changed, checked like the first."""
        values = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self)(**(values | changes))


def _plain(value: Any) -> Any:
    """NumPy's arrays and numbers as Python's; everything else as it is."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _whole_or_all(value: Any) -> int | str:
    value = _plain(value)
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value  # type: ignore[no-any-return]
    raise ValueError(f'a whole number from 1, or "all", expected; got {shown(value)}')


def _order(value: Any) -> str | list[int]:
    value = _plain(value)
    if value in ("cyclic", "shuffled"):
        return str(value)
    if isinstance(value, list | tuple | range) and value:
        wrong = [item for item in value if isinstance(item, bool) or not isinstance(item, int)]
        if not wrong:
            return list(value)
        raise ValueError(f"example numbers (from 1) expected; got {shown(wrong[0])}")
    raise ValueError(
        f'"cyclic", "shuffled" or a list of example numbers expected; got {shown(value)}'
    )


def _bias(value: Any) -> bool | list[float]:
    value = _plain(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        for item in value:
            is_number = isinstance(item, int | float) and not isinstance(item, bool)
            if not is_number or not np.isfinite(item):
                raise ValueError(f"finite numbers expected; got {shown(item)}")
        return [float(item) for item in value]
    raise ValueError(
        f"a list with a number for each neuron, or false, expected; got {shown(value)}"
    )


def _seed(value: Any) -> int:
    value = _plain(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64:
        return value
    raise ValueError(f"a whole number from 0 to 2^64 - 1 expected; got {shown(value)}")


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Row = Annotated[list[Number], BeforeValidator(_plain)]
Matrix = Annotated[list[Row], BeforeValidator(_plain)]
Name = Annotated[str, Field(min_length=1, max_length=60)]
Scalar = Annotated[float, Field(strict=True, allow_inf_nan=False), BeforeValidator(_plain)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0), BeforeValidator(_plain)]
NotNegative = Annotated[
    float, Field(strict=True, allow_inf_nan=False, ge=0), BeforeValidator(_plain)
]
# From 0 to less than 1.
Share = Annotated[
    float, Field(strict=True, allow_inf_nan=False, ge=0, lt=1), BeforeValidator(_plain)
]
Count = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_plain)]
Seed = Annotated[int, PlainValidator(_seed), WithJsonSchema({"type": "integer", "minimum": 0})]
_POSITIVE = {"type": "integer", "minimum": 1}


class Layer(Spec):
    """One layer of neurons.

    `weights` has a row for each neuron and a column for each input (as PyTorch stores
    them), `bias` a number for each neuron; `False` means that the layer has none.

    >>> Layer(neurons=["g"], activation="tanh", weights=[[0.6, -0.1]], bias=[0.3]).activation
    'tanh'
    """

    neurons: list[Name] | None = Field(
        None, description="The neurons' names. A layer has either these or `units`."
    )
    units: Count | None = Field(
        None,
        description="Instead of names: how many neurons. They are called `h1`, `h2`, … (with several "
        "hidden layers `h1_1`, …), the output `out` (or `out1`, …).",
    )
    activation: str = Field(
        "logistic",
        description="`linear`, `logistic`, `tanh`, `relu`, `leaky_relu`, `softplus`, `softmax`, "
        '`sign`, or a formula of `z`, the weighted sum: `"2*z"`, `"max(0, z)"`, '
        '`"if(z > 0, z, 0.1*z)"`.',
        json_schema_extra={"anyOf": [{"enum": [*ACTIVATIONS, "softmax"]}, {"type": "string"}]},
    )
    weights: Matrix | None = Field(
        None,
        description="A row for each neuron, a column for each input (as PyTorch stores them). "
        "Default: drawn by `[initial]`.",
    )
    bias: Annotated[
        bool | list[float],
        PlainValidator(_bias),
        WithJsonSchema(
            {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "number"}}]}
        ),
    ] = Field(
        True,
        description="A number for each neuron. `false`: the layer has none; `true`: drawn by "
        "`[initial]`.",
    )
    name: Name | None = Field(
        None,
        description="The layer's name, `{source}` and `{name}` in the notation. Default: what the "
        "neurons' names begin with.",
    )


class Network(Spec):
    """Inputs, layers and the loss.

    >>> Network(inputs=["x"], targets=["y"], loss="squared_error", layers=[Layer(units=1)]).loss
    'squared_error'
    """

    inputs: list[Name] = Field(description="The inputs' names.")
    targets: list[Name] = Field(description="The targets' names, one for each output.")
    loss: str | None = Field(
        None,
        description="`half_squared_error`, `squared_error`, `mean_squared_error` (mean over the "
        "outputs), `binary_cross_entropy`, `cross_entropy`; to be maximised: "
        "`gaussian_log_likelihood`, `bernoulli_log_likelihood`, `multinomial_log_likelihood`. "
        "Every rule but `perceptron` needs one.",
        json_schema_extra={"enum": [*LOSSES, None]},
    )
    output_error: Literal["chain_rule", "simplified"] = Field(
        "chain_rule",
        description="How the output's error term is written: as the product of the chain rule "
        '(for softmax with its non-local terms), or `"simplified"`: output minus target, for a '
        "logistic or softmax output with its cross-entropy or log likelihood. Both give the same "
        "numbers. The simplified form never divides by an output that has become 0.",
    )
    layers: list[Layer] = Field(description="The layers, from the first hidden one to the output.")


class Graph(Spec):
    """Formulas of one's own, instead of a network.

    >>> Graph(inputs=["x"], parameters={"w": 0.5}, forward=["e = (x - w)^2"], loss="e").loss
    'e'
    """

    inputs: list[Name] = Field(description="The names of the data that the formulas use.")
    parameters: dict[Name, Scalar] = Field(
        default_factory=dict, description="What is trained, with first values: `{ w = 0.5 }`."
    )
    forward: list[Annotated[str, Field(max_length=2000)]] = Field(
        description='The formulas in order: `"t = x + y"`. Each may use inputs, parameters and the '
        "names before it."
    )
    loss: Name = Field(
        description="The formula's name that is minimised, or by `gradient_ascent` maximised."
    )
    gradient_of: list[Name] = Field(
        default_factory=list, description="Inputs that get a derivative of the loss too."
    )


class Data(Spec):
    """The examples and the order in which they are presented.

    >>> Data(examples=[[-0.9, 0.1, 1.0]]).order
    'cyclic'
    """

    columns: list[Name] | None = Field(
        None,
        description="What the columns of `examples` are: every input and target, in any order. For "
        "a file without a header line: what its columns are. Default: the inputs, then the targets.",
    )
    examples: Matrix | None = Field(
        None,
        description="A row for each example: inputs, then targets. Either this or `file` is needed.",
    )
    file: str | None = Field(
        None,
        description="Instead of `examples`: a CSV file beside the experiment file (comma, semicolon "
        "or tab). Its columns are found by the names in its header line.",
    )
    label: Name | None = Field(
        None,
        description="A column of the file that holds the name of the target that is 1. The other "
        "targets are 0.",
    )
    order: Annotated[
        str | list[int],
        PlainValidator(_order),
        WithJsonSchema(
            {
                "anyOf": [
                    {"enum": ["cyclic", "shuffled"]},
                    {"type": "array", "items": _POSITIVE, "minItems": 1},
                ]
            }
        ),
    ] = Field(
        "cyclic",
        description='`"cyclic"`; `"shuffled"`: anew in every epoch, with `seed`; or a list of example '
        "numbers (from 1), an iteration each. A longer run begins the list again.",
    )
    seed: Seed = Field(0, description='The seed of the order `"shuffled"`.')


class Schedule(Spec):
    """How the learning rate changes: a formula of k, the updates (or epochs) made before.

    >>> Schedule(kind="exponential", factor=0.99).per
    'update'
    """

    kind: Literal["constant", "step", "exponential", "inverse_time", "cosine"] = Field(
        "constant",
        description='`"step"`: the learning rate times `factor^int(k/every)`; `"exponential"`: times '
        '`factor^k`; `"inverse_time"`: divided by `1 + decay*k`; `"cosine"`: half a wave down to '
        "`lowest`, where it stays.",
    )
    per: Literal["update", "epoch"] = Field(
        "update", description='What `k` counts, from 0: updates, or `"epoch"`.'
    )
    factor: Positive | None = Field(
        None, description="Of `step` and `exponential`. Default: 0.5 for `step`."
    )
    every: Positive | None = Field(None, description="Of `step`: how many pass between two steps.")
    decay: NotNegative | None = Field(None, description="Of `inverse_time`.")
    over: Positive | None = Field(None, description="Of `cosine`: when the lowest is reached.")
    lowest: NotNegative | None = Field(
        None, description="Of `cosine`: the lowest rate. Default: 0."
    )
    warmup: Positive | None = Field(
        None,
        description="The rate first rises to the schedule's, in this many equal parts.",
    )


class Training(Spec):
    """The rule and how long it is applied.

    >>> Training(learning_rate=0.1, iterations=500).rule
    'gradient_descent'
    """

    rule: Literal[
        "gradient_descent",
        "gradient_ascent",
        "momentum",
        "nesterov",
        "adagrad",
        "rmsprop",
        "adam",
        "adamw",
        "perceptron",
    ] = Field(
        "gradient_descent",
        description='`"gradient_ascent"` for a likelihood; `"momentum"`, `"nesterov"`, `"adagrad"`, '
        '`"rmsprop"`, `"adam"`, `"adamw"`, which go down a loss and up a likelihood; '
        '`"perceptron"` for one layer with the activation `sign` and no loss.',
    )
    learning_rate: Scalar = Field(
        0.1, description="The step size. It is a cell of the sheet, as all that follow."
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
        description="Of `adagrad`, `rmsprop`, `adam` and `adamw`: it is added to the root that is "
        "divided by. Default: 1e-8; `adagrad` 1e-10.",
    )
    weight_decay: NotNegative | None = Field(
        None,
        description="This times the weight is added to the gradient (`adamw`: times the learning "
        "rate, to the step). Default: none; `adamw` 0.01.",
    )
    clip_value: Positive | None = Field(
        None, description="No single gradient counts for more than this."
    )
    clip_norm: Positive | None = Field(
        None, description="A gradient longer than this, over all weights, is shortened to it."
    )
    schedule: Schedule | None = Field(
        None, description="How the learning rate changes: `[training.schedule]`."
    )
    batch_size: Annotated[
        int | str,
        PlainValidator(_whole_or_all),
        WithJsonSchema({"anyOf": [_POSITIVE, {"const": "all"}]}),
    ] = Field(
        1,
        description='Presentations between two updates, or `"all"`: every example. The last batch '
        "of an epoch is as short as the data leave it.",
    )
    reduction: Literal["sum", "mean"] = Field(
        "sum",
        description='Whether a batch\'s gradients are added, or averaged: `"mean"`.',
    )
    iterations: Count | None = Field(
        None,
        description="Presentations: rows of the sheet. Either this or `epochs` is needed. Default: with "
        "a list as `order`, the list's length.",
    )
    epochs: Count | None = Field(
        None, description="Instead of `iterations`: how many times the number of examples."
    )
    freeze: list[Name] | None = Field(None, description="Names of weights that are never updated.")
    only: list[Name] | None = Field(None, description="Names of the only weights that are updated.")


class Initial(Spec):
    """How weights that are not given are drawn; they stand in the sheet as numbers."""

    method: Literal[
        "xavier_uniform", "xavier_normal", "he_uniform", "he_normal", "uniform", "zeros"
    ] = Field(
        "xavier_uniform",
        description="`xavier_uniform`, `xavier_normal`, `he_uniform`, `he_normal`, `uniform` or "
        "`zeros`. Biases begin at 0, except with `uniform`.",
    )
    range: Positive = Field(
        0.5, description="Of `uniform`: weights and biases lie between minus this and this."
    )
    seed: Seed = Field(0, description="The seed of the draw.")


class Test(Spec):
    """Examples that each row is tested on: does its network get each of them right?"""

    __test__: ClassVar[bool] = False  # not a class of tests, whatever pytest makes of its name

    examples: Matrix = Field(description="A row for each: inputs, then targets.")
    correct: Literal["threshold", "sign", "largest"] = Field(
        "threshold",
        description='`"threshold"`: each output is on its target\'s side of the threshold; '
        '`"sign"`: each output has its target\'s sign; `"largest"`: the largest output is the one '
        "with the largest target.",
    )
    threshold: Scalar = Field(0.5, description='Of `correct = "threshold"`.')
    names: list[Name] | None = Field(
        None, description="The columns' names. Default: `test 1`, `test 2`, …"
    )
    gap: bool = Field(
        False, strict=True, description="In the layout book: an empty column before the tests."
    )
