"""The numbers of one iteration as a picture writes them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bpsheet.pictures.layers import bias_name, error_name
from bpsheet.pictures.things import Node

if TYPE_CHECKING:
    from bpsheet.runs.run import Run

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """The values of one iteration, by the indices of columns.

    sees: whether a column's value is shown yet
    new:  the columns that have just been computed
    """

    run: Run
    row: int
    sees: Callable[[int], bool] = lambda _: True
    new: Collection[int] = field(default=frozenset())

    def number(self, index: int) -> float:
        return float(self.run.values[self.row, index])

    def said(self, index: int | None) -> str:
        """A value of three significant digits; nothing where it is not shown yet."""
        if index is None or not self.sees(index):
            return ""
        return _text(self.number(index))

    def move(self, index: int | None) -> float:
        """The number that is added to a weight at the end of the iteration; 0 for a fixed one."""
        return self.number(index) if index is not None and self.sees(index) else 0.0

    def change(self, weight: int | None, move: int | None) -> str:
        """A weight, and after an arrow what it becomes: 0.1 → 0.053."""
        after = self.after(weight, move)
        return f"{self.said(weight)} {after}".strip()

    def after(self, weight: int | None, move: int | None) -> str:
        """The arrow and the new value of a weight; nothing where it does not change."""
        moved = self.move(move)
        if weight is None or moved == 0 or np.isnan(moved):
            return ""
        before, after = self.said(weight), self.number(weight) + moved
        digits = 3
        # A small step must be seen: 0.5 → 0.4998.
        while (text := _text(after, digits)) == before and digits < 6:
            digits += 1
        return f"→ {text}"

    def below(self, node: Node, weight: int | None, index: int | None) -> str:
        """What stands under a number of an array: a weight's new value, else the derivative."""
        return self.after(weight, index) if node.kind == "weight" else self.said(index)

    def terms(self, node: Node, lines: int) -> list[str]:
        """A neuron's error term and its bias, with what it becomes, in so many lines."""
        names = self.run.program.names
        texts = []
        error, bias = node.below[0][0], node.bias
        if error is not None:
            texts.append(
                f"{error_name(node, names)} = {self.said(error)}" if self.sees(error) else ""
            )
        if bias is not None:
            before, after = self.said(bias), self.after(bias, node.move)
            named = f"{bias_name(node, names)} = {before}"
            texts += [named, after] if len(texts) + 1 < lines else [f"{named} {after}".strip()]
        return texts


def _text(value: float, digits: int = 3) -> str:
    # −0 + 0 is 0.
    return "overflow" if np.isnan(value) else f"{value + 0.0:.{digits}g}"
