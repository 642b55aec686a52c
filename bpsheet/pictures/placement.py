"""Where everything stands in the picture of an experiment, for all that draw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bpsheet.columns.model import NetworkModel
from bpsheet.pictures.flow import flow
from bpsheet.pictures.labels import Box
from bpsheet.pictures.layers import layers
from bpsheet.pictures.nodes import things_of
from bpsheet.pictures.spots import Grid, Placement, Spot, Wire
from bpsheet.pictures.things import Things

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan
    from bpsheet.program.program import Program

__all__ = ["placed", "placement_of"]

# The space around a picture.
MARGIN = 14.0


def placement_of(experiment: Plan, program: Program, *, narrow: bool = False) -> Placement:
    """Where the neurons of a network stand, or the arrays of formulas and of other layers.

    narrow: whether the picture is to be narrow, with labels of two lines and without the tables of
            weights that do not fit on their arrows

    >>> import bpsheet as bp
    >>> experiment = bp.load("two-neuron")
    >>> [spot.title for spot in placement_of(experiment, experiment.program()).spots]
    ['x1', 'x2', 'g', 'f']
    """
    is_network = isinstance(experiment.model, NetworkModel)
    return placed(things_of(experiment, program), program, is_network=is_network, narrow=narrow)


def placed(
    things: Things, program: Program, *, is_network: bool, narrow: bool, compact: bool = False
) -> Placement:
    """Where these nodes and arrows stand: neurons in layers, or the arrays of a graph.

    compact: whether neurons stand close together, without their error terms and biases
    """
    if is_network:
        return _framed(*layers(things, program.names, narrow=narrow, compact=compact))
    return _framed(*flow(things))


def _framed(spots: Sequence[Spot], wires: Sequence[Wire], grids: Sequence[Grid]) -> Placement:
    """The same picture, moved so that all of it stands at the right and below of (0, 0)."""
    boxes = [spot.box for spot in spots]
    boxes += [spot.terms for spot in spots if spot.terms is not None]
    boxes += [wire.label for wire in wires if wire.label is not None]
    boxes += [grid.box for grid in grids]
    left = min(box.x for box in boxes) - MARGIN
    top = min(box.y for box in boxes) - MARGIN
    right = max(box.x + box.width for box in boxes) + MARGIN
    bottom = max(box.y + box.height for box in boxes) + MARGIN

    def moved(box: Box | None) -> Any:
        return None if box is None else Box(box.x - left, box.y - top, box.width, box.height)

    return Placement(
        [replace(spot, box=moved(spot.box), terms=moved(spot.terms)) for spot in spots],
        [
            Wire(wire.arrow, tuple((x - left, y - top) for x, y in wire.points), moved(wire.label))
            for wire in wires
        ],
        right - left,
        bottom - top,
        [replace(grid, box=moved(grid.box)) for grid in grids],
    )
