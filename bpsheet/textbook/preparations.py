"""How raw inputs are prepared before the first layer: one table of formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["PREPARATIONS", "Preparation", "PreparationName"]

PreparationName = Literal["standard", "min_max", "max_abs", "robust", "scaled", "binary", "one_hot"]


@dataclass(frozen=True)
class Preparation:
    """A way to prepare an input.

    formula:   the prepared input, a formula of the raw input `x`, of the constants and of `category`
    constants: the names of its constants, each a cell of the sheet; with each the name of the
               statistic of the data that it is where no number is given, None where one is needed
    meaning:   what it does, as the end of a sentence
    """

    formula: str
    constants: Mapping[str, str | None]
    meaning: str

    @property
    def by_category(self) -> bool:
        """Whether there is a prepared input for each of some numbers."""
        return "category" in self.formula


PREPARATIONS: Mapping[str, Preparation] = {
    "standard": Preparation(
        "(x - mean)/sd",
        {"mean": "mean", "sd": "sd"},
        "minus its mean, over its standard deviation",
    ),
    "min_max": Preparation(
        "(x - least)/span",
        {"least": "least", "span": "span"},
        "minus its least number, over the distance to the greatest",
    ),
    "max_abs": Preparation("x/largest", {"largest": "largest"}, "over its largest size"),
    "robust": Preparation(
        "(x - median)/spread",
        {"median": "median", "spread": "spread"},
        "minus its median, over the distance of its quartiles",
    ),
    "scaled": Preparation(
        "(x - offset)*factor", {"offset": None, "factor": None}, "minus an offset, times a factor"
    ),
    "binary": Preparation(
        "if(x > threshold, 1, 0)", {"threshold": None}, "1 above a threshold, else 0"
    ),
    "one_hot": Preparation("if(x = category, 1, 0)", {}, "1 for one of its categories, else 0"),
}
