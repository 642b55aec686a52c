"""Pictures for slides, 16:9 and of large letters: an iteration step by step, and the loss of a run.

Where the letters of the whole network would be small, a slide shows only what has just been computed,
and what it is computed from.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bpsheet.columns.model import NetworkModel
from bpsheet.explain.row import Row
from bpsheet.files.ours import MARK
from bpsheet.files.seals import sealed_picture
from bpsheet.files.whole import replacing
from bpsheet.formula.tree import Ref
from bpsheet.pictures.brush import GROWS, INK, SHRINKS, SOFT
from bpsheet.pictures.curves import Plots
from bpsheet.pictures.letters import fitted, width_of
from bpsheet.pictures.matplot import need_matplotlib, titled
from bpsheet.pictures.network import check_drawable, put_picture
from bpsheet.pictures.nodes import things_of
from bpsheet.pictures.placement import placed
from bpsheet.pictures.reading import Reading
from bpsheet.pictures.spots import TEXT, Placement
from bpsheet.pictures.stages import Stage, stages_of
from bpsheet.pictures.things import Arrow, Things
from bpsheet.printers.atoms import AtomText

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bpsheet.runs.run import Run

__all__ = ["FILM", "Slides"]

# Inches and dots: 1920 by 1080 dots, on which 24 points are 32 dots.
WIDE, HIGH, DOTS = 20.0, 11.25, 96
# The size of a title and of a line of text, and the least size of letters in a picture.
LARGE, LETTERS, LEAST = 40.0, 26.0, 22.0
# Where the picture stands, in parts of the slide.
LEFT, BOTTOM, ACROSS, DOWN = 0.015, 0.2, 0.97, 0.66
MOST_LINES, LONGEST = 3, 84
FILM = "film.gif"
FILM_DOTS, SECONDS, LAST_SECONDS = 64, 1.6, 4.0
# The mark on the curve of the loss: at how many iterations, and how long at each.
MARKS, MARK_SECONDS = 16, 0.2


class Slides:
    """The slides of a run: its iteration in steps, then the loss over all iterations.

    Raises ExperimentError for an iteration that was not run, LimitError for more than can be told
    apart, MissingExtraError where matplotlib is missing.
    """

    def __init__(self, run: Run, iteration: int) -> None:
        need_matplotlib()
        check_drawable(run.experiment)
        self.run, self.iteration = run, iteration
        self.row = run.row_of(iteration)
        self.is_network = isinstance(run.experiment.model, NetworkModel)
        self.things = things_of(run.experiment, run.program)
        self.stages = list(stages_of(self.things, run.program))
        self.has_loss = run.experiment.model.loss is not None

    @property
    def names(self) -> list[str]:
        """The names of the files: the still pictures in their order, and the film."""
        names = [stage.name for stage in self.stages] + ["loss"] * self.has_loss
        return [f"{number:02}-{name}.png" for number, name in enumerate(names, start=1)] + [FILM]

    def figures(self) -> Iterator[Figure]:
        """The still pictures."""
        yield from map(self._step, self.stages)
        if self.has_loss:
            yield self._loss(len(self.run) - 1)

    def write(self, folder: Path, progress: Callable[[int], None] | None = None) -> None:
        """Write the pictures into a folder. Each file appears whole or not at all."""
        film = []
        for number, (figure, name) in enumerate(
            zip(self.figures(), self.names, strict=False), start=1
        ):
            content = _png(figure, DOTS)
            with replacing(folder / name) as stream:
                stream.write(sealed_picture(content, ".png"))
            film.append((content, SECONDS))
            if progress is not None:
                progress(number)
        if self.has_loss:
            # The mark moves along the curve, and the whole curve comes last.
            rows = np.unique(np.linspace(0, len(self.run) - 1, MARKS).round().astype(int))[:-1]
            marked = [(_png(self._loss(int(row)), FILM_DOTS), MARK_SECONDS) for row in rows]
            film[-1:-1] = marked
        with replacing(folder / FILM) as stream:
            stream.write(sealed_picture(_gif(film), ".gif"))

    def _step(self, stage: Stage) -> Figure:
        figure = _slide(stage.title, f"iteration {self.iteration}", self.run)
        axes = figure.add_axes((LEFT, BOTTOM, ACROSS, DOWN))
        reading = Reading(self.run, self.row, stage.sees.__contains__, stage.new)
        put_picture(axes, self._placed(stage), reading, legend=False)
        lines = self._lines(stage)
        for number, (text, colour) in enumerate(lines):
            y = BOTTOM - 0.045 - 0.055 * number
            size = fitted(text, LETTERS, 72 * WIDE * ACROSS)
            figure.text(0.5, y, _plain(text), fontsize=size, ha="center", va="center", color=colour)
        return figure

    def _placed(self, stage: Stage) -> Placement:
        """The whole picture, or the part that the step is about where its letters would be small."""
        views = [self._largest(self.things)]
        if not self.is_network and not stage.nodes:
            # What is given, or the weights alone, without the graph around them.
            kinds = ("weight",) if stage.name == "update" else ("input", "weight")
            nodes = [n for n in (*self.things.nodes, *self.things.loose) if n.kind in kinds]
            views.append(self._largest(Things([], [], nodes)))
        for alone in (False, True):
            if stage.nodes and _scale(views[-1]) * TEXT < LEAST:
                views.append(self._largest(_part(self.things, stage, alone=alone)))
        return max(views, key=lambda view: min(_scale(view) * TEXT, LEAST))

    def _largest(self, things: Things) -> Placement:
        """The arrangement with the largest letters on a slide."""
        both = [
            placed(things, self.run.program, is_network=self.is_network, narrow=narrow)
            for narrow in (True, False)
        ]
        return max(
            (replace(one, grids=()) if not one.grids else both[0] for one in both), key=_scale
        )

    def _lines(self, stage: Stage) -> list[tuple[str, str]]:
        """What stands below the picture: the step's first formulas with their numbers."""
        if stage.name == "given":
            return [("the inputs and the weights; nothing is computed yet", SOFT)]
        if stage.name == "update":
            lines = [("each weight moves against its gradient: 0.1 → 0.053", SOFT)]
            return [
                *lines,
                ("green and solid: it grows", GROWS),
                ("red and broken: it shrinks", SHRINKS),
            ]
        row = Row(self.run, self.iteration, 3)
        first = self.things.nodes[stage.nodes[0]].columns
        texts = [self._worked(row, index) for index in first if index in stage.new]
        return [(text, INK) for text in texts if len(text) <= LONGEST][:MOST_LINES]

    def _worked(self, row: Row, index: int) -> str:
        """A formula, its numbers and its value; without the numbers where that is too long."""
        column = self.run.program.columns[index]
        if column.formula is None:
            return ""
        sides = [AtomText(side.atoms).side(side.expr) for side in row.worked(column.formula)]
        result = row.shown(Ref(column.name)).text
        texts = [column.name, *dict.fromkeys([*sides, result])]
        while len(" = ".join(texts)) > LONGEST and len(texts) > 2:
            texts.pop(1)
        return " = ".join(texts)

    def _loss(self, row: int) -> Figure:
        """The loss over the run, with a mark at a row."""
        run, loss = self.run, self.run.experiment.model.loss
        assert loss is not None
        number, last = (int(run.recording.iterations[at]) for at in (row, -1))
        figure = _slide(f"Loss: {titled(loss)}", f"iteration {number:,} of {last:,}", run)
        axes: Any = Plots(run).loss(figure.add_axes((0.1, 0.14, 0.86, 0.68)))
        axes.set_title("")
        axes.set_ylabel("")
        axes.xaxis.label.set_size(LETTERS)
        axes.tick_params(labelsize=LETTERS, width=2, length=8)
        axes.locator_params(nbins=6)
        axes.spines[["top", "right"]].set_visible(False)
        for line in axes.lines:
            line.set_linewidth(3 * line.get_linewidth())
        if axes.get_legend() is not None:
            axes.legend(frameon=False, fontsize=LETTERS)
        if row < len(run) - 1:
            axes.axvline(number, color=SHRINKS, linewidth=4)
        return figure


def _slide(title: str, below: str, run: Run) -> Figure:
    """An empty slide with a title."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, HIGH))
    figure.text(0.03, 0.93, _plain(title), fontsize=LARGE, va="center", weight="bold", color=INK)
    name = titled(run.experiment.title or run.experiment.name)
    room = 72 * WIDE * 0.93 - 1.12 * width_of(title, LARGE)
    text = next((t for t in (f"{name}, {below}", below) if width_of(t, LETTERS) < room), "")
    figure.text(0.97, 0.93, _plain(text), fontsize=LETTERS, va="center", ha="right", color=SOFT)
    return figure


def _plain(text: str) -> str:
    return text.replace("$", r"\$")


def _scale(one: Placement) -> float:
    """Points of type for each point of the picture on a slide."""
    return 72 * min(WIDE * ACROSS / one.width, HIGH * DOWN / one.height)


def _part(things: Things, stage: Stage, *, alone: bool) -> Things:
    """The nodes of a step (`alone`: its first one) with those before them; back: after them."""
    about = set(stage.nodes[:1] if alone else stage.nodes)
    if stage.name == "backward":
        own = [arrow for arrow in things.arrows if arrow.start in about]
        own = own or [arrow for arrow in things.arrows if arrow.end in about]
    else:
        own = [arrow for arrow in things.arrows if arrow.end in about]
    kept = sorted(about.union(*(arrow[:2] for arrow in own)))
    place = {number: index for index, number in enumerate(kept)}
    first = min(things.nodes[number].layer for number in kept)
    # The layers in between, of which nothing is kept, take no room.
    layers = sorted({things.nodes[number].layer for number in kept} | {first})
    nodes = [
        replace(things.nodes[number], layer=layers.index(things.nodes[number].layer))
        for number in kept
    ]
    arrows = [Arrow(place[a.start], place[a.end], a.weight, a.move) for a in own]
    return Things(nodes, arrows)


def _png(figure: Figure, dots: int) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=dots, metadata={"Software": MARK})
    return drawn.getvalue()


def _gif(frames: Sequence[tuple[bytes, float]]) -> bytes:
    """A film of pictures and the seconds for which each stays; the last stays longer."""
    from PIL import Image

    size = round(WIDE * FILM_DOTS), round(HIGH * FILM_DOTS)
    pictures = [
        Image.open(io.BytesIO(content))
        .convert("RGB")
        .resize(size, Image.Resampling.LANCZOS)
        .convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
        for content, _ in frames
    ]
    durations = [round(1000 * seconds) for _, seconds in frames]
    durations[-1] = round(1000 * LAST_SECONDS)
    moving = io.BytesIO()
    pictures[0].save(
        moving, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0
    )
    return moving.getvalue()
