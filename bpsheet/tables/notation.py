"""Notation: how a source writes names, so that a reader can compare with the book.

>>> notation = Notation(weight="w_{source}{neuron}{input}")
>>> notation.name("weight", source="x", neuron="g", input=1)
'w_xg1'
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from pydantic import Field

from bpsheet.tables.table import Spec
from bpsheet.words import clean, shown

__all__ = ["LONGEST_NAME", "PLACEHOLDERS", "Notation"]

# A longer name fits neither a cell's comment nor a reader's patience.
LONGEST_NAME = 250
# The placeholders that each pattern may use.
_NEURON = ("neuron", "number", "layer", "depth")
_WEIGHT = ("source", "name", "input", "input_name", *_NEURON)
_OUTPUT = ("loss", *_NEURON)
_GRADIENT = ("weight", "loss", "gradient")
PLACEHOLDERS: Mapping[str, tuple[str, ...]] = {
    "weight": _WEIGHT,
    "bias": _WEIGHT,
    "shared_bias": ("layer", "depth", "source", "name"),
    "sum": _NEURON,
    "output": _NEURON,
    "loss": (),
    "loss_derivative": _OUTPUT,
    "output_derivative": _OUTPUT,
    "error": _OUTPUT,
    "derivative": ("value", "loss"),
    "gradient": ("weight", "loss"),
    "gradient_sum": _GRADIENT,
    "gradient_batch": _GRADIENT,
    "gradient_clipped": _GRADIENT,
    "gradient_decayed": _GRADIENT,
    "velocity": _GRADIENT,
    "squares": _GRADIENT,
    "first_moment": _GRADIENT,
    "second_moment": _GRADIENT,
    "corrected_first": _GRADIENT,
    "corrected_second": _GRADIENT,
    "largest_moment": _GRADIENT,
    "largest_gradient": _GRADIENT,
    "step": _GRADIENT,
    "step_squares": _GRADIENT,
    "step_size": _GRADIENT,
    "gradient_kept": _GRADIENT,
    "direction": _GRADIENT,
    "adjustment": ("weight", "loss"),
}


class Notation(Spec):
    """Patterns of names. `{neuron}` is a neuron's name, `{number}` its number in its layer.

    `{layer}` counts the layers of neurons from 1, `{depth}` counts the inputs as layer 1.
    `{input}` is the number of a weight's input (0 for the bias) and `{input_name}` its name.
    `{name}` is the name of the weight's layer, `{source}` the name of the layer before.
    `rename` replaces single names that no pattern gives.
    """

    weight: str = Field(default="w_{neuron}_{input}", description="A weight.")
    bias: str | None = Field(
        default=None, description="A bias. Default: like `weight`, with input 0."
    )
    shared_bias: str = Field(
        default="b{layer}", description="The bias that all neurons of a layer share."
    )
    sum: str = Field(default="z_{neuron}", description="A weighted sum.")
    output: str = Field(default="{neuron}", description="An output.")
    loss: str = Field(default="loss", description="The loss.")
    loss_derivative: str = Field(
        default="d{loss}_d{neuron}",
        description="The derivative of the loss with respect to an output.",
    )
    output_derivative: str = Field(
        default="d{neuron}_dz", description="The derivative of an output with respect to its sum."
    )
    error: str = Field(
        default="{neuron}_error",
        description="An error term: the derivative of the loss with respect to a weighted sum.",
    )
    derivative: str = Field(
        default="d{loss}_d{value}",
        description="In a graph: the derivative of the loss with respect to a value or an input.",
    )
    gradient: str = Field(
        default="d{loss}_d{weight}",
        description="The derivative of the loss with respect to a weight.",
    )
    gradient_sum: str = Field(
        default="sum_{gradient}", description="The running sum of a gradient over a batch."
    )
    gradient_batch: str = Field(
        default="batch_{gradient}",
        description="The batch's gradient, added up or averaged, where a rule needs it in a column.",
    )
    gradient_clipped: str = Field(
        default="clipped_{gradient}", description="The gradient after clipping."
    )
    gradient_decayed: str = Field(
        default="decayed_{gradient}", description="The gradient with the weight decay's part."
    )
    velocity: str = Field(
        default="v_{weight}",
        description=(
            "What momentum remembers: the velocity (`momentum`, `nesterov`, and both with the rate)."
        ),
    )
    squares: str = Field(
        default="s_{weight}",
        description="The sum or mean of squared gradients (`adagrad`, `rmsprop`, `adadelta`).",
    )
    first_moment: str = Field(
        default="m_{weight}", description="The mean of the gradient (Adam and its kin, `lion`)."
    )
    second_moment: str = Field(
        default="v_{weight}", description="The mean of the gradient's square (Adam and its kin)."
    )
    corrected_first: str = Field(
        default="m_hat_{weight}", description="`first_moment`, corrected for its beginning at 0."
    )
    corrected_second: str = Field(
        default="v_hat_{weight}", description="`second_moment`, corrected for its beginning at 0."
    )
    largest_moment: str = Field(
        default="v_max_{weight}", description="The largest `second_moment` so far (`amsgrad`)."
    )
    largest_gradient: str = Field(
        default="u_{weight}", description="The largest size of the gradient so far (`adamax`)."
    )
    step: str = Field(
        default="step_{weight}", description="The step before the learning rate (`adadelta`)."
    )
    step_squares: str = Field(
        default="s_step_{weight}", description="The mean of squared steps (`adadelta`)."
    )
    step_size: str = Field(default="size_{weight}", description="The step size (`rprop`).")
    gradient_kept: str = Field(
        default="kept_{gradient}",
        description="The gradient, or 0 where it has turned round (`rprop`).",
    )
    direction: str = Field(
        default="c_{weight}", description="The mean whose sign is the direction (`lion`)."
    )
    adjustment: str = Field(default="delta_{weight}", description="The adjustment of a weight.")
    rename: dict[str, str] = Field(
        default_factory=dict,
        description=(
            "Single names that no pattern gives, from the pattern's name to the source's: "
            '`w_A_1_1 = "xh_1"`.'
        ),
    )

    def name(self, quantity: str, /, **parts: object) -> str:
        """The name of a quantity: its pattern with the parts filled in, then `rename` applied."""
        pattern = self.weight if quantity == "bias" and not self.bias else getattr(self, quantity)
        name = str(pattern).format(**parts)
        return self.rename.get(name, name)

    def name_of_weight(self, quantity: str, /, **parts: object) -> str:
        """The name of what a rule has for each weight: without a pattern, `{quantity}_{weight}`."""
        if PLACEHOLDERS.get(quantity) == _GRADIENT:
            return self.name(quantity, **parts)
        name = f"{quantity}_{parts['weight']}"
        return self.rename.get(name, name)

    def problems(self) -> list[tuple[str, str]]:
        """What is wrong with the patterns: (key, message) pairs."""
        problems = []
        for quantity, known in PLACEHOLDERS.items():
            pattern = getattr(self, quantity)
            message = _unfit(pattern, known) if pattern is not None else None
            if message:
                problems.append((quantity, message))
        return problems


def _unfit(pattern: str, known: tuple[str, ...]) -> str | None:
    """What is wrong with a pattern; None where nothing is."""
    listed = ", ".join(f"{{{name}}}" for name in known) or "none"
    if not pattern.strip():
        return f"a pattern expected; placeholders known here: {listed}"
    if len(pattern) > LONGEST_NAME:
        return f"at most {LONGEST_NAME} characters expected; got {shown(pattern)}"
    try:
        parts = list(string.Formatter().parse(pattern))
    except ValueError as error:
        return f"{shown(pattern)} is no pattern ({error}); placeholders known here: {listed}"
    for _, name, layout, conversion in parts:
        if name is None:
            continue
        if name not in known or layout or conversion:
            return (
                f"unknown placeholder {{{clean(name[:50])}}} in {shown(pattern)}; "
                f"known here: {listed}"
            )
    return None
