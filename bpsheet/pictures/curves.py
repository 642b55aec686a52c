"""Curves over a run: the loss, the weights, the size of gradients.

>>> import bpsheet as bp
>>> axes = bp.load("two-neuron").run().plot.loss()
>>> axes.get_ylabel()
'MSE'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bpsheet.errors import ExperimentError, Problem
from bpsheet.health.diagnosis import diagnose
from bpsheet.pictures.matplot import need_matplotlib, words
from bpsheet.program.kinds import Role
from bpsheet.runs.epochs import epoch_means

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bpsheet.runs.run import Run

__all__ = ["Plots"]

# Up to MOST_NAMED lines have their names beside them. At most MOST_LINES can be told apart.
MOST_NAMED, MOST_LINES = 12, 60

# The legend stands beside the lines, not over them.
BESIDE: dict[str, Any] = {
    "loc": "center left",
    "bbox_to_anchor": (1.0, 0.5),
    "frameon": False,
    "fontsize": 8,
}


class Plots:
    """The curves of a trace.

    Each method draws into `axes`, by default into axes of a new figure (`axes.figure`), and
    returns them. A notebook shows the figure. Raises OutputError where matplotlib is missing.
    """

    def __init__(self, trace: Run) -> None:
        need_matplotlib()
        self._trace = trace

    def _axes(self, axes: Axes | None, label: str) -> Axes:
        if axes is None:
            from bpsheet.pictures.figure import Panel, Picture

            figure = Picture(figsize=(7, 4), layout="constrained")
            axes = figure.add_subplot(axes_class=Panel)
        axes.set_xlabel("iteration")
        axes.set_ylabel(words(label))
        title = words(self._trace.experiment.title or self._trace.experiment.name)
        axes.set_title(title, fontsize=11)
        axes.grid(visible=True, color="#E2E8F0", linewidth=0.8)
        axes.set_axisbelow(True)
        return axes

    def loss(self, axes: Axes | None = None) -> Axes:
        """The loss by iteration; with several examples also its mean over each epoch.

        Raises ExperimentError for an experiment without a loss.
        """
        trace = self._trace
        name = trace.experiment.model.loss
        if name is None:
            reason = "this experiment has no loss"
            raise ExperimentError([Problem("", reason)], "plot")
        axes = self._axes(axes, name)
        numbers = trace.recording.iterations
        losses = trace.values[:, trace.program.position[name]]
        examples = trace.experiment.example_count
        if examples > 1 and trace.is_whole and len(trace) >= 2 * examples:
            axes.plot(numbers, losses, color="#94A3B8", linewidth=0.8, label="each iteration")
            means = epoch_means(losses, examples)
            ends = examples * (np.arange(len(means)) + 1)
            axes.plot(ends, means, color="#1D5FA8", linewidth=2, label="mean of each epoch")
            axes.legend(frameon=False)
        else:
            axes.plot(numbers, losses, color="#1D5FA8", linewidth=1.6)
        return axes

    def weights(self, axes: Axes | None = None) -> Axes:
        """Every weight and bias by iteration; of more than 60 weights a part."""
        trace = self._trace
        indices = [i for i, column in enumerate(trace.program) if column.role is Role.WEIGHT]
        shown = indices[:: max(1, -(-len(indices) // MOST_LINES))]
        label = "weight"
        if len(shown) < len(indices):
            label += f" ({len(shown)} of {len(indices):,})"
        axes = self._axes(axes, label)
        for index in shown:
            numbers = trace.recording.iterations
            axes.plot(numbers, trace.values[:, index], label=words(trace.program.names[index]))
        if 0 < len(shown) <= MOST_NAMED:
            axes.legend(**BESIDE)
        return axes

    def gradients(self, axes: Axes | None = None) -> Axes:
        """The length of the gradient of each layer, by update, on a logarithmic scale.

        Raises ExperimentError for a run that kept only a part of its rows, and for an experiment
        that trains nothing.
        """
        measures = diagnose(self._trace).over_time
        if measures.empty:
            raise ExperimentError([Problem("", "this experiment trains nothing")], "plot")
        over_time = measures.xs("gradient", axis="columns", level="measure").to_numpy()
        layers = measures["gradient"].columns
        axes = self._axes(axes, "length of the gradient")
        for layer, lengths in zip(layers, over_time.T, strict=True):
            axes.plot(measures.index.to_numpy(), lengths, label=str(layer))
        if (over_time > 0).any():
            axes.set_yscale("log")
        axes.legend(**BESIDE)
        return axes

    def surface(self, first: str, second: str, axes: Axes | None = None) -> Axes:
        """The mean loss over all examples as a function of two weights, and the path of training.

        The other weights have their last values. Raises ExperimentError for unknown weights and
        for an experiment without a loss.
        """
        from bpsheet.pictures.surface import draw_surface

        axes = self._axes(axes, second)
        axes.grid(visible=False)
        return draw_surface(self._trace, (first, second), axes)
