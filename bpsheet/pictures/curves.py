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

# More lines than this have no names beside them, and only as many are drawn as can be told apart.
MOST_NAMED, MOST_LINES = 12, 60

# Names beside the lines, not over them.
BESIDE: dict[str, Any] = {
    "loc": "center left",
    "bbox_to_anchor": (1.0, 0.5),
    "frameon": False,
    "fontsize": 8,
}


class Plots:
    """The curves of a trace. Each goes into `axes`, or a figure of its own (`axes.figure`), which
    a notebook shows.

    Raises OutputError where matplotlib is missing.
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

        Raises ExperimentError where there is no loss.
        """
        trace = self._trace
        name = trace.experiment.model.loss
        if name is None:
            said = "this experiment has no loss"
            raise ExperimentError([Problem("", said)], "plot")
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
        """Every weight and bias by iteration; of very many as many as can be told apart."""
        trace = self._trace
        places = [i for i, column in enumerate(trace.program) if column.role is Role.WEIGHT]
        shown = places[:: max(1, -(-len(places) // MOST_LINES))]
        label = "weight"
        if len(shown) < len(places):
            label += f" ({len(shown)} of {len(places):,})"
        axes = self._axes(axes, label)
        for place in shown:
            numbers = trace.recording.iterations
            axes.plot(numbers, trace.values[:, place], label=words(trace.program.names[place]))
        if 0 < len(shown) <= MOST_NAMED:
            axes.legend(**BESIDE)
        return axes

    def gradients(self, axes: Axes | None = None) -> Axes:
        """The length of the gradient of each layer, by update, on a logarithmic scale.

        Raises ExperimentError for a run of which only a part was kept, and where nothing is
        trained.
        """
        measures = diagnose(self._trace).over_time
        if measures.empty:
            raise ExperimentError([Problem("", "nothing is trained here")], "plot")
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
        """The mean loss over all examples where two weights vary, and the path that they took.

        The other weights stay as they are at the end. Raises ExperimentError for unknown weights
        and where there is no loss.
        """
        from bpsheet.pictures.surface import draw_surface

        axes = self._axes(axes, second)
        axes.grid(visible=False)
        return draw_surface(self._trace, (first, second), axes)
