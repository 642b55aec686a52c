"""The picture of an experiment at an iteration, drawn by matplotlib.

Of a network: a circle for each neuron with its output, and an arrow for each weight. An arrow is green
and solid where the weight grows, red and broken where it shrinks, so its sign can be told without
colours. A wider arrow is a larger adjustment. Of other layers and of formulas: a box for each array,
with its numbers, and below each number the derivative of the loss, or what a weight becomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bpsheet.columns.model import NetworkModel
from bpsheet.errors import LimitError
from bpsheet.pictures.matplot import need_matplotlib, titled
from bpsheet.pictures.nodes import things_of
from bpsheet.pictures.placement import placement_of
from bpsheet.pictures.reading import Reading
from bpsheet.pictures.spots import Placement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bpsheet.plan.plan import Plan
    from bpsheet.runs.run import Run

__all__ = [
    "check_drawable",
    "draw_names",
    "draw_network",
    "network_size",
    "put_picture",
    "title_of",
]

# A network with more arrows, a layer with more neurons, or a graph of more arrays is not drawn.
MOST_ARROWS, MOST_NEURONS, MOST_BOXES = 2_000, 128, 150
# How many points of the picture make an inch; the room for the title and for the legend.
POINTS, ABOVE, BELOW = 85.0, 52.0, 34.0
LEAST = 400.0


def check_drawable(experiment: Plan) -> None:
    """Raises LimitError for more neurons, weights or arrays than can be told apart."""
    things = things_of(experiment, experiment.program())
    if not isinstance(experiment.model, NetworkModel):
        count = len(things.nodes) + len(things.loose)
        if count > MOST_BOXES:
            raise LimitError(
                f"the graph has {count} arrays; a picture shows {MOST_BOXES} at the most"
            )
        return
    sizes: dict[int, int] = {}
    for node in things.nodes:
        sizes[node.layer] = sizes.get(node.layer, 0) + 1
    tallest, arrows = max(sizes.values()), len(things.arrows)
    if tallest > MOST_NEURONS or arrows > MOST_ARROWS:
        raise LimitError(
            f"the largest layer has {tallest} neurons, and the network {arrows:,} weights; a "
            f"picture shows layers of {MOST_NEURONS} neurons and {MOST_ARROWS:,} weights at the most"
        )


def draw_network(run: Run, iteration: int, axes: Axes | None = None) -> Figure:
    """The picture of an iteration, by default as a new figure.

    Raises ExperimentError for an iteration that was not run, LimitError for more than can be told
    apart, MissingExtraError where matplotlib is missing.
    """
    need_matplotlib()
    check_drawable(run.experiment)
    placed = placement_of(run.experiment, run.program)
    row = run.row_of(iteration)
    axes = _new_axes(placed) if axes is None else axes
    put_picture(axes, placed, Reading(run, row), title_of(run, row))
    return axes.get_figure(root=True)  # type: ignore[return-value]


def title_of(run: Run, row: int) -> str:
    """The title of a row's picture: the experiment's, the iteration and the loss."""
    loss = run.experiment.model.loss
    said = f", {loss} = {Reading(run, row).said(run.program.position[loss])}" if loss else ""
    title = titled(run.experiment.title or run.experiment.name)
    return f"{title}\niteration {run.recording.iterations[row]:,}{said}"


def draw_names(run: Run) -> Figure:
    """The picture of the network with the names of its weights and neurons, and no number.

    Raises LimitError and MissingExtraError as `draw_network` does.
    """
    need_matplotlib()
    check_drawable(run.experiment)
    placed = placement_of(run.experiment, run.program)
    axes = _new_axes(placed)
    put_picture(axes, placed, None, "", run.program.names)
    return axes.get_figure(root=True)  # type: ignore[return-value]


def network_size(run: Run) -> tuple[float, float]:
    """The width and height of the picture of a run's network, in inches."""
    return _inches(placement_of(run.experiment, run.program))


def _inches(placed: Placement) -> tuple[float, float]:
    width = max(placed.width, LEAST)
    return round(width / POINTS, 2), round((placed.height + ABOVE + BELOW) / POINTS, 2)


def _new_axes(placed: Placement) -> Axes:
    from bpsheet.pictures.figure import Picture

    figure: Any = Picture(figsize=_inches(placed))
    return figure.add_axes((0, 0, 1, 1))  # type: ignore[no-any-return]


def put_picture(
    axes: Axes,
    placed: Placement,
    reading: Reading | None,
    title: str = "",
    names: Sequence[str] = (),
    *,
    legend: bool = True,
    least: float = 0.0,
) -> None:
    """Draw into axes, as large as fits.

    Where nothing is read, the picture has the names of columns in the place of numbers. Letters that
    would be smaller than `least` points of type are left out.
    """
    from bpsheet.pictures.brush import Brush

    figure: Any = axes.get_figure(root=True)
    box = axes.get_position()
    width, height = figure.get_size_inches() * (box.width, box.height)
    above, below = ABOVE if title else 0.0, BELOW if reading is not None and legend else 0.0
    needed = max(placed.width, LEAST), placed.height + above + below
    # Points of type (72 to the inch) for each point of the picture.
    scale = 72 * min(width / needed[0], height / needed[1])
    across, down = 72 * width / scale, 72 * height / scale
    left, top = (across - placed.width) / 2, (down - needed[1]) / 2 + above
    axes.set_axis_off()
    axes.set_xlim(-left, across - left)
    axes.set_ylim(down - top, -top)
    brush = Brush(axes, scale, names, least)
    brush.draw(placed, reading)
    if title:
        brush.heading(placed.width / 2, -above + 8, title)
    if reading is not None and legend:
        brush.legend(placed, reading, placed.height + below / 2)
