"""The pictures of the templates' results: `python -m tests.docs.pictures` makes them anew.

Above the network in its last iteration, below the loss over the run. Each picture carries its
result as text, so that a test can tell whether the picture is still of that run.
"""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image, PngImagePlugin

import bpsheet as bp
from bpsheet.pictures.network import draw_network, network_size
from bpsheet.plan.templates import template_names

from .documents import ROOT
from .tables import result_of

__all__ = ["FOLDER", "RESULT"]

FOLDER = ROOT / "templates" / "pictures"
# Under which name the picture has its result.
RESULT = "Result"
DOTS, COLOURS, CURVE_HEIGHT = 90, 48, 2.4


def figure_of(trace: bp.Trace) -> Figure:
    """The network or the weights, and the loss; of a formula that is not trained, its rows."""
    if not trace.weights.shape[1]:
        return _rows(trace)
    is_drawn = trace.experiment.name not in ("digits", "line-adam")
    width, height = network_size(trace) if is_drawn else (9.5, CURVE_HEIGHT)
    figure = Figure(figsize=(width, height + CURVE_HEIGHT), layout="constrained", dpi=DOTS)
    above, below = figure.subplots(2, 1, height_ratios=[height, CURVE_HEIGHT])
    if is_drawn:
        error = trace.first_error
        draw_network(trace, error.iteration - 1 if error else len(trace), above)
    else:
        trace.plot.weights(above)
    curve = trace.plot.loss if trace.experiment.model.loss is not None else trace.plot.weights
    curve(below).set_title("")
    if trace.first_error is not None:
        below.set_yscale("log")
    return figure


def _rows(trace: bp.Trace) -> Figure:
    """The frame as it is."""
    frame = trace.frame.map(lambda value: f"{value:g}")
    figure = Figure(figsize=(1.1 * (frame.shape[1]), 0.4 * (len(frame) + 1)), dpi=DOTS)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    table = axes.table(frame.to_numpy(), colLabels=list(frame), loc="center", bbox=(0, 0, 1, 1))
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    return figure


def write(trace: bp.Trace, path: Path) -> None:
    """Write the picture, in few colours, with its result as text."""
    drawn = io.BytesIO()
    figure_of(trace).savefig(drawn, format="png")
    result = PngImagePlugin.PngInfo()
    result.add_itxt(RESULT, result_of(trace))
    picture = Image.open(drawn).convert("RGB").quantize(COLOURS)
    picture.save(path, optimize=True, pnginfo=result)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in template_names():
        write(bp.load(name).run(), FOLDER / f"{name}.png")
