"""A run as an animation: the network at some of its iterations, with a mark on the loss curve."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bpsheet.files.seals import sealed_picture
from bpsheet.files.whole import replacing
from bpsheet.pictures.curves import Plots
from bpsheet.pictures.matplot import check_picture
from bpsheet.pictures.network import check_drawable, put_picture, title_of
from bpsheet.pictures.placement import placement_of
from bpsheet.pictures.reading import Reading

if TYPE_CHECKING:
    from bpsheet.runs.run import Run

__all__ = ["MOST_FRAMES", "animate"]

# At a quarter of a second each, MOST_FRAMES take a minute. A longer run is shown in part.
MOST_FRAMES, LEAST_FRAMES, SECONDS = 240, 2, 0.25
# The last picture stays longer.
LAST_SECONDS = 3.0
# Inches and dots: 16 by 9, 1280 by 720.
WIDE, HIGH, DOTS = 12.8, 7.2, 100


def animate(
    trace: Run, path: Path, frames: int = 60, progress: Callable[[int], None] | None = None
) -> int:
    """Write the run as a .gif file. Returns the number of iterations that it shows.

    The first and the last iteration are among them. `progress` is called with the number of
    pictures drawn. Raises LimitError for more neurons or arrays than can be told apart, OutputError
    where the file cannot be written.
    """
    check_picture(path, (".gif",))
    check_drawable(trace.experiment)
    from matplotlib.figure import Figure
    from PIL import Image

    count = min(max(frames, LEAST_FRAMES), MOST_FRAMES, len(trace))
    rows = np.unique(np.linspace(0, len(trace) - 1, count).round().astype(int))
    has_loss = trace.experiment.model.loss is not None
    placed = placement_of(trace.experiment, trace.program, narrow=True)
    pictures = []
    for number, row in enumerate(rows, start=1):
        figure = Figure(figsize=(WIDE, HIGH), dpi=DOTS)
        part = 0.3 if has_loss else 0.0
        above = figure.add_axes((0.01, part + 0.01, 0.98, 0.98 - part))
        put_picture(above, placed, Reading(trace, int(row)), title_of(trace, int(row)))
        if has_loss:
            below = Plots(trace).loss(figure.add_axes((0.08, 0.09, 0.9, part - 0.1)))
            below.set_title("")
            below.axvline(int(trace.recording.iterations[row]), color="#B42318", linewidth=1.2)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        pictures.append(Image.open(drawn).convert("P", palette=Image.Palette.ADAPTIVE, colors=64))
        if progress is not None:
            progress(number)
    durations = [round(1000 * SECONDS)] * (len(pictures) - 1) + [round(1000 * LAST_SECONDS)]
    moving = io.BytesIO()
    pictures[0].save(
        moving,
        format="GIF",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
    )
    with replacing(path) as stream:
        stream.write(sealed_picture(moving.getvalue(), ".gif"))
    return len(rows)
