"""A picture as plain data: where its nodes, arrows, labels and tables stand.

Lengths are points of the picture: a letter of a name is 12 high, and y grows downwards. A text never
is wider than its box: where its numbers are longer than those there was room for, its font is smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bpsheet.pictures.labels import Box
from bpsheet.pictures.things import Arrow, Node

__all__ = ["CELL", "HEAD", "LINE", "TEXT", "TITLE", "Grid", "Placement", "Spot", "Wire"]

# The fonts' sizes: of a name, and of all other texts. The height of a line of text.
TITLE, TEXT, LINE = 12.0, 10.5, 14.0
# The room for a number such as -0.00894 with its neighbour.
CELL = 58.0
# The length of an arrow's head.
HEAD = 11.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Spot:
    """A node, and where it stands.

    box:   its outline: around a circle, a dot, an array or an image
    look:  circle, dot, array or image
    title: its name, shortened where it is too long
    size:  the size of the title's font
    terms: where a neuron's error term and bias stand, outside of it; None where they do not fit
    cell:  the width and height of a cell of an array or an image; (0, 0) where it shows no numbers
    """

    node: Node
    box: Box
    look: str
    title: str
    size: float = TITLE
    terms: Box | None = None
    cell: Point = (0.0, 0.0)


@dataclass(frozen=True)
class Wire:
    """An arrow, the corners of its line, and where its weight stands (None: not on the arrow)."""

    arrow: Arrow
    points: tuple[Point, ...]
    label: Box | None = None


@dataclass(frozen=True)
class Grid:
    """A table of the weights that do not fit on arrows: a row for each source, a column per neuron.

    Each entry has the index of its quantity, and of what is added to it (or None).
    """

    box: Box
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[int | None, int | None]]]]
    left: float


@dataclass(frozen=True)
class Placement:
    """A picture: where everything stands."""

    spots: Sequence[Spot]
    wires: Sequence[Wire]
    width: float
    height: float
    grids: Sequence[Grid] = ()

    def as_data(self) -> dict[str, Any]:
        """Plain tables for a page: nodes, arrows, and the size."""
        nodes = [
            {
                "name": spot.node.name,
                "title": spot.title,
                "size": round(spot.size, 2),
                "kind": spot.node.kind,
                "look": spot.look,
                "box": _rounded(spot.box),
                "cell": _rounded(spot.cell),
                "terms": _rounded(spot.terms),
                "cells": spot.node.cells,
                "below": spot.node.below,
                "bias": spot.node.bias,
                "move": spot.node.move,
                "columns": spot.node.columns,
                "shape": spot.node.shape,
                "says": spot.node.says,
            }
            for spot in self.spots
        ]
        arrows = [
            [*wire.arrow, [_rounded(point) for point in wire.points], _rounded(wire.label)]
            for wire in self.wires
        ]
        return {"nodes": nodes, "arrows": arrows, "size": _rounded((self.width, self.height))}


def _rounded(numbers: Sequence[float] | None) -> list[float] | None:
    return None if numbers is None else [round(number, 1) for number in numbers]
