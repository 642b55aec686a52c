"""The table `[origin]`: the model that an experiment was read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from bpsheet.tables.plain import (
    AnyMatrix,
    AnyNumber,
)
from bpsheet.tables.table import Spec
from bpsheet.tables.values import (
    Array,
)

__all__ = ["Origin"]


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
