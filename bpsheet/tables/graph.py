"""The table `[graph]`: formulas of one's own in the place of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from bpsheet.formula.arrays import entry_names
from bpsheet.tables.plain import (
    AnyMatrix,
    AnyNames,
    AnyNumber,
)
from bpsheet.tables.table import Spec
from bpsheet.tables.values import (
    Array,
    Formula,
    Name,
    Shape,
    Share,
)

__all__ = ["Graph"]


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
