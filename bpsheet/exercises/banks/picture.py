"""The network's picture for a question: neurons, arrows and the weights' names, without any value."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from bpsheet.columns.model import NetworkModel
from bpsheet.exercises.exercise import Task
from bpsheet.pictures.labels import Box
from bpsheet.pictures.letters import fitted, width_of
from bpsheet.pictures.placement import placement_of
from bpsheet.pictures.spots import TEXT, Spot, Wire
from bpsheet.plan.plan import Plan
from bpsheet.program.program import Program

__all__ = ["picture", "picture_of_names"]

INK, PALE, INPUT = "#1F2937", "#F8FAFC", "#E2E8F0"
# With more nodes nothing can be told apart.
MOST_NODES = 40


def picture(task: Task) -> str | None:
    """The picture of a task's network as SVG, as `picture_of_names` makes it."""
    return picture_of_names(task.exercise.experiment, task.trace.program)


def picture_of_names(experiment: Plan, program: Program) -> str | None:
    """The picture as SVG. None for formulas without layers, and for networks of very many neurons."""
    if not isinstance(experiment.model, NetworkModel):
        return None
    placed = placement_of(experiment, program, narrow=True)
    if len(placed.spots) > MOST_NODES:
        return None
    drawn = [_line(wire) for wire in placed.wires]
    drawn += [text for wire in placed.wires for text in _label(wire, program.names)]
    drawn += [text for spot in placed.spots for text in _spot(spot)]
    size = f'width="{placed.width:g}" height="{placed.height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {placed.width:g} {placed.height:g}" '
        f'{size} font-family="sans-serif"><rect {size} fill="white"/>{"".join(drawn)}</svg>\n'
    )


def _line(wire: Wire) -> str:
    (x1, y1), (x2, y2) = wire.points[0], wire.points[-1]
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{INK}"/>'


def _label(wire: Wire, names: tuple[str, ...]) -> Iterator[str]:
    """The weight's name, on white: else the line would show between its letters."""
    if wire.label is not None and wire.arrow.weight is not None:
        name = names[wire.arrow.weight]
        size = fitted(name, TEXT, wire.label.width)
        left, top, width, height = Box.around(*wire.label.middle, width_of(name, size), size)
        yield f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="white"/>'
        yield _text(wire.label.middle, name, size)


def _spot(spot: Spot) -> Iterator[str]:
    fill = INPUT if spot.node.kind == "input" else PALE
    (x, y), radius = spot.box.middle, spot.box.width / 2
    if spot.look == "image":
        left, top, width, height = spot.box
        yield (
            f'<rect x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" fill="{INPUT}" '
            f'stroke="{INK}"/>'
        )
    else:
        yield f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{INK}"/>'
    if spot.title:
        yield _text((x, y), spot.title, spot.size)


def _text(at: tuple[float, float], text: str, size: float) -> str:
    x, y = at
    return (
        f'<text x="{x:g}" y="{y + size / 3:g}" font-size="{size:g}" text-anchor="middle" '
        f'fill="{INK}" stroke="white" stroke-width="3" paint-order="stroke">{escape(text)}</text>'
    )
