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

__all__ = ["FOLDER", "RESULT", "save"]

FOLDER = ROOT / "templates" / "pictures"
# Under which name the picture has its result.
RESULT = "Result"
DOTS, COLOURS, CURVE_HEIGHT, NARROWEST = 90, 128, 2.4, 7.5
# The most inches of a picture's height (of a higher one the weights are shown); the most dots.
TALLEST, WIDEST, HIGHEST = 13.0, 860, 860


def figure_of(trace: bp.Trace) -> Figure:
    """The network or the weights, and the loss; of a formula that is not trained, its rows."""
    if not trace.weights.shape[1]:
        return _rows(trace)
    width, height = network_size(trace)
    is_drawn = height <= TALLEST
    if not is_drawn:
        width, height = 9.5, CURVE_HEIGHT
    width, whole = max(width, NARROWEST), height + CURVE_HEIGHT
    figure = Figure(figsize=(width, whole), dpi=DOTS)
    share = CURVE_HEIGHT / whole
    has_loss = trace.experiment.model.loss is not None
    below = figure.add_axes((0.09, 0.2 * share, 0.88 if has_loss else 0.7, 0.72 * share))
    if is_drawn:
        error = trace.first_error
        above = figure.add_axes((0, share, 1, 1 - share))
        draw_network(trace, error.iteration - 1 if error else len(trace), above)
    else:
        trace.plot.weights(figure.add_axes((0.09, share + 0.12, 0.7, 0.8 - share)))
    curve = trace.plot.loss if has_loss else trace.plot.weights
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
    """Write the picture, with its result as text."""
    drawn = io.BytesIO()
    figure_of(trace).savefig(drawn, format="png")
    save(Image.open(drawn), path, result_of(trace))


def save(picture: Image.Image, path: Path, result: str = "", highest: int = HIGHEST) -> None:
    """Save a picture in few colours, not too wide and not too high, with a result as text."""
    shown = picture.convert("RGB")
    scale = min(1.0, WIDEST / shown.width, highest / shown.height)
    if scale < 1:
        size = round(shown.width * scale), round(shown.height * scale)
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    text = PngImagePlugin.PngInfo()
    text.add_itxt(RESULT, result)
    # The colours that are far apart stay: a thin red arrow is to be red among many shades of grey.
    few = shown.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE)
    few.save(path, optimize=True, pnginfo=text)


if __name__ == "__main__":
    from . import gallery

    FOLDER.mkdir(exist_ok=True)
    for name in template_names():
        write(bp.load(name).run(), FOLDER / f"{name}.png")
    gallery.make()
