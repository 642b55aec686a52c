"""The picture of the network at an iteration: neurons, and an arrow for each weight.

A neuron shows its output and its error term. An arrow is green and solid where the weight grows,
red and broken where it shrinks, so its sign can be told without colours. A wider arrow is a
larger adjustment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bpsheet.columns.model import NetworkModel
from bpsheet.columns.names import LayerNames
from bpsheet.errors import ExperimentError, LimitError, Problem
from bpsheet.pictures.matplot import need_matplotlib, words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bpsheet.plan.plan import Plan
    from bpsheet.runs.run import Run

__all__ = ["check_drawable", "draw_network", "network_size"]

GROWS, SHRINKS, STILL = "#1B7A3D", "#B42318", "#94A3B8"
INK, PALE, FILLED = "#1F2937", "#F8FAFC", "#E2E8F0"
# The distances between layers and between neurons, and a neuron's radius.
ACROSS, DOWN, RADIUS = 3.4, 1.5, 0.42
THIN, WIDE = 0.8, 5.0
# The part of an arrow's length at which its weight stands.
LABEL_AT = 0.28
# With more arrows than MOST_LABELS the weights' values would cover each other. A network with more
# arrows, or a layer with more neurons, than the other two is not drawn.
MOST_LABELS, MOST_ARROWS, MOST_NEURONS = 24, 2_000, 60


@dataclass(frozen=True)
class _Values:
    """The values of one iteration, by the names of columns."""

    trace: Run
    row: int

    def number(self, name: str) -> float:
        return float(self.trace.values[self.row, self.trace.program.position[name]])

    def said(self, name: str) -> str:
        value = self.number(name)
        return "overflow" if np.isnan(value) else f"{value:.3g}"

    def adjustment(self, weight: str) -> float:
        """The number that is added to a weight at the end of the iteration; 0 for a fixed weight."""
        adjustment = self.trace.program.adjustment_of(weight)
        return 0.0 if adjustment is None else self.number(adjustment)


def check_drawable(experiment: Plan) -> tuple[NetworkModel, int]:
    """The network, and its number of arrows.

    Raises ExperimentError for formulas without layers, LimitError for too many neurons to tell
    apart.
    """
    model = experiment.model
    if not isinstance(model, NetworkModel):
        said = "formulas have no layers to draw; their derivatives show how they hang together"
        raise ExperimentError([Problem("graph", said)], "draw")
    arrows = sum(len(row) for layer in model.layers for row in layer.weights)
    tallest = max(len(model.network.inputs), *(len(layer.outputs) for layer in model.layers))
    if tallest > MOST_NEURONS or arrows > MOST_ARROWS:
        raise LimitError(
            f"the largest layer has {tallest} neurons, and the network {arrows:,} weights; a "
            f"picture shows layers of {MOST_NEURONS} neurons and {MOST_ARROWS:,} weights at the most"
        )
    return model, arrows


def draw_network(trace: Run, iteration: int, axes: Axes | None = None) -> Figure:
    """The picture of the network at an iteration, by default as a new figure.

    Raises ExperimentError for formulas without layers and an iteration that was not run,
    LimitError for too many neurons to tell apart, OutputError where matplotlib is missing.
    """
    need_matplotlib()
    from bpsheet.pictures.figure import Picture

    model, arrows = check_drawable(trace.experiment)
    values = _Values(trace, trace.row_of(iteration))
    layers = [tuple(model.network.inputs), *(layer.outputs for layer in model.layers)]
    if axes is None:
        size = network_size(trace)
        figure: Figure = Picture(figsize=size, layout="constrained")
        axes = figure.add_subplot()
    else:
        figure = axes.get_figure(root=True)  # type: ignore[assignment]
    picture = _Picture(axes, values, layers)
    picture.draw(model, labelled=arrows <= MOST_LABELS)
    loss = model.loss
    said = f", {words(loss)} = {values.said(loss)}" if loss else ""
    title = words(trace.experiment.title or trace.experiment.name)
    axes.set_title(f"{title}\niteration {iteration}{said}", fontsize=11, color=INK)
    return figure


def network_size(trace: Run) -> tuple[float, float]:
    """The width and height of a picture of the network, in inches."""
    model = trace.experiment.model
    assert isinstance(model, NetworkModel)
    layers = [model.network.inputs, *(layer.outputs for layer in model.layers)]
    return 2.6 + 2.3 * len(layers), max(3.4, 1.15 * max(map(len, layers)) + 1.6)


class _Picture:
    """Draws layers from left to right, each centred vertically."""

    def __init__(self, axes: Axes, values: _Values, layers: list[tuple[str, ...]]) -> None:
        self.axes, self.values, self.layers = axes, values, layers
        tallest = max(map(len, layers))
        middle = (tallest - 1) / 2
        self.places = [
            [(ACROSS * x, DOWN * (middle + (len(names) - 1) / 2 - y)) for y in range(len(names))]
            for x, names in enumerate(layers)
        ]

    def draw(self, model: NetworkModel, *, labelled: bool) -> None:
        self.axes.set_axis_off()
        self.axes.set_aspect("equal")
        arrows = [name for layer in model.layers for row in layer.weights for name in row]
        adjustments = {name: self.values.adjustment(name) for name in arrows}
        sizes = [abs(value) for value in adjustments.values() if np.isfinite(value)]
        largest = max(sizes, default=0.0)
        for number, layer in enumerate(model.layers, start=1):
            for index, weights in enumerate(layer.weights):
                for source, name in enumerate(weights):
                    start, end = self.places[number - 1][source], self.places[number][index]
                    self._arrow(start, end, adjustments[name], largest)
                    if labelled:
                        self._weight(start, end, name)
        for names, places in zip(self.layers[:1], self.places[:1], strict=True):
            for name, place in zip(names, places, strict=True):
                self._neuron(place, name, [self.values.said(name)], is_input=True)
        for number, layer in enumerate(model.layers, start=1):
            for index, name in enumerate(layer.outputs):
                lines = [self.values.said(name)]
                self._neuron(self.places[number][index], name, lines, is_input=False)
                self._beside(self.places[number][index], layer, index)
        self._legend(largest)
        self.axes.autoscale_view()
        self.axes.margins(0.08, 0.12)

    def _arrow(
        self, start: tuple[float, float], end: tuple[float, float], moved: float, largest: float
    ) -> None:
        from matplotlib.patches import FancyArrowPatch

        # The arrow leads from the edge of one neuron to the edge of the other.
        across, down = end[0] - start[0], end[1] - start[1]
        edge = (RADIUS * across / np.hypot(across, down), RADIUS * down / np.hypot(across, down))
        share = abs(moved) / largest if largest > 0 and np.isfinite(moved) else 0.0
        colour = GROWS if moved > 0 else SHRINKS if moved < 0 else STILL
        self.axes.add_patch(
            FancyArrowPatch(
                (start[0] + edge[0], start[1] + edge[1]),
                (end[0] - edge[0], end[1] - edge[1]),
                arrowstyle="-|>",
                mutation_scale=10 + 4 * share,
                shrinkA=0,
                shrinkB=0,
                linewidth=THIN + (WIDE - THIN) * share,
                linestyle="--" if moved < 0 else "-",
                color=colour,
                alpha=0.9,
                zorder=1,
            )
        )

    def _weight(self, start: tuple[float, float], end: tuple[float, float], name: str) -> None:
        """Write a weight's value on its arrow, before arrows cross."""
        x, y = (a + LABEL_AT * (b - a) for a, b in zip(start, end, strict=True))
        moved = self.values.adjustment(name)
        sign = "" if moved == 0 or np.isnan(moved) else f"\n{moved:+.2g}"
        self.axes.text(
            x,
            y,
            f"{self.values.said(name)}{sign}",
            fontsize=7.5,
            ha="center",
            va="center",
            color=INK,
            zorder=2,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        )

    def _neuron(
        self, place: tuple[float, float], name: str, lines: list[str], *, is_input: bool
    ) -> None:
        from matplotlib.patches import Circle

        face = FILLED if is_input else PALE
        self.axes.add_patch(Circle(place, RADIUS, facecolor=face, edgecolor=INK, zorder=3))
        text = "\n".join([words(name), *lines])
        self.axes.text(*place, text, fontsize=8, ha="center", va="center", color=INK, zorder=4)

    def _beside(self, place: tuple[float, float], layer: LayerNames, index: int) -> None:
        """Below a neuron its error term and its bias, with what is added to it."""
        lines = []
        error = self.values.trace.program.derivative_of(layer.sums[index])
        if error is not None:
            lines.append(f"{words(error)} = {self.values.said(error)}")
        if layer.biases:
            bias = layer.biases[index]
            moved = self.values.adjustment(bias)
            sign = "" if moved == 0 or np.isnan(moved) else f" {moved:+.2g}"
            lines.append(f"{words(bias)} = {self.values.said(bias)}{sign}")
        if lines:
            x, y = place
            self.axes.text(
                x,
                y - RADIUS - 0.08,
                "\n".join(lines),
                fontsize=7.5,
                ha="center",
                va="top",
                color=INK,
                zorder=4,
                bbox={
                    "boxstyle": "round,pad=0.1",
                    "facecolor": "white",
                    "edgecolor": "none",
                    "alpha": 0.8,
                },
            )

    def _legend(self, largest: float) -> None:
        from matplotlib.lines import Line2D

        lines = [
            Line2D([], [], color=GROWS, linewidth=3, label="weight grows (+)"),
            Line2D([], [], color=SHRINKS, linewidth=3, linestyle="--", label="weight shrinks (−)"),
        ]
        if largest > 0:
            label = f"the widest: {largest:.2g}"
            lines.append(Line2D([], [], color=STILL, linewidth=WIDE, label=label))
        self.axes.legend(
            handles=lines,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.02),
            ncols=len(lines),
            frameon=False,
            fontsize=8,
            handlelength=4,
        )
