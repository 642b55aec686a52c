"""The operators of ONNX that are covered: one table.

>>> OPERATORS["Relu"].meaning, len(OPERATORS) > 100
('max(0, x)', True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpsheet.models.onnx import learning, moves, numbers, tables

__all__ = ["OPERATORS", "Operator"]


@dataclass(frozen=True)
class Operator:
    """An operator: the group that it belongs to, what it becomes, and the function that makes it."""

    group: str
    meaning: str
    make: Callable[..., Any]


def _table() -> dict[str, Operator]:
    found: dict[str, Operator] = {}
    groups = {
        "layers": learning.LAYERS,
        "functions": numbers.FUNCTIONS,
        "arithmetic": numbers.ARITHMETIC,
        "sums and means": numbers.REDUCTIONS,
        "shapes": moves.MOVES,
        "scikit-learn": tables.TABLES,
    }
    for group, members in groups.items():
        for name, (meaning, make) in members.items():
            found[name] = Operator(group, meaning, make)
    return found


OPERATORS: Mapping[str, Operator] = _table()
