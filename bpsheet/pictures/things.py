"""The nodes and arrows of a picture, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Arrow", "Node", "Things"]

Cells = Sequence[Sequence[int | None]]


@dataclass(frozen=True)
class Node:
    """A neuron, an input, an image or an array.

    kind:    input, image, neuron, weight, or again: the name of a node that stands elsewhere
    layer:   its layer from left to right, from 0
    cells:   the indices of the columns whose values it shows, row by row
    below:   what belongs to each cell: of a weight its adjustment, else the derivative of the loss
    bias, move: the indices of a neuron's bias and the bias's adjustment
    columns: the indices of all columns that belong to it
    shape:   the shape of an array, such as 2 × 3
    says:    the formula of an array
    step:    which step of a sequence it belongs to
    """

    name: str
    kind: str
    layer: int
    cells: Cells
    below: Cells
    bias: int | None = None
    move: int | None = None
    columns: tuple[int, ...] = ()
    shape: str = ""
    says: str = ""
    step: int | None = None


class Arrow(NamedTuple):
    """An arrow from node to node, with the indices of its weight and adjustment (or None)."""

    start: int
    end: int
    weight: int | None = None
    move: int | None = None


@dataclass(frozen=True)
class Things:
    """What a picture shows. `loose` nodes have no arrows: the weights that all steps share."""

    nodes: Sequence[Node]
    arrows: Sequence[Arrow]
    loose: Sequence[Node] = ()
