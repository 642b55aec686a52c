"""Pictures for slides, 16:9 and of large letters: an iteration step by step, and the loss of a run.

Where the letters of the whole network would be small, a slide shows only what has just been computed,
and what it is computed from: without error terms and biases, or of many neurons only some. Of arrays
each has a slide of its own then. Letters that still would be small are left out.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import starmap
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
from bpsheet.pictures.things import Arrow, Node, Things
from bpsheet.printers.atoms import AtomText
from bpsheet.program.kinds import Role

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bpsheet.runs.run import Run

__all__ = ["FILM", "Slides"]

# Inches and dots: 1920 by 1080 dots, on which 24 points are 32 dots.
WIDE, HIGH, DOTS = 20.0, 11.25, 96
# The size of a title and of a line of text, and the least size of letters in a picture.
LARGE, LETTERS, LEAST = 40.0, 26.0, 24.0
# Where the picture stands, in parts of the slide.
LEFT, BOTTOM, ACROSS, DOWN = 0.015, 0.2, 0.97, 0.66
MOST_LINES, LONGEST = 3, 84
# Of more neurons around the one that is computed, the first are drawn.
MOST_NEURONS = 4
FILM = "film.gif"
FILM_DOTS, SECONDS, LAST_SECONDS = 64, 1.6, 4.0
# The mark on the curve of the loss: at how many iterations, and how long at each.
MARKS, MARK_SECONDS = 16, 0.2


@dataclass(frozen=True)
class _View:
    """A picture for a slide, and how many nodes it leaves out."""

    placed: Placement
    left_out: int = 0

    @property
    def letters(self) -> float:
        """The size of its letters on the slide, in points of type."""
        return _scale(self.placed) * TEXT


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
        self._shown = [
            shown
            for stage in stages_of(self.things, run.program)
            for shown in self._slides_of(stage)
        ]
        self.has_loss = run.experiment.model.loss is not None

    @property
    def stages(self) -> list[Stage]:
        """What each slide shows, but for that of the loss."""
        return [stage for stage, _ in self._shown]

    @property
    def names(self) -> list[str]:
        """The names of the files: the still pictures in their order, and the film."""
        names = [stage.name for stage, _ in self._shown] + ["loss"] * self.has_loss
        return [f"{number:02}-{name}.png" for number, name in enumerate(names, start=1)] + [FILM]

    def figures(self) -> Iterator[Figure]:
        """The still pictures."""
        yield from starmap(self._step, self._shown)
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

    def _step(self, stage: Stage, view: _View) -> Figure:
        figure = _slide(stage.title, f"iteration {self.iteration}", self.run)
        axes = figure.add_axes((LEFT, BOTTOM, ACROSS, DOWN))
        reading = Reading(self.run, self.row, stage.sees.__contains__, stage.new)
        put_picture(axes, view.placed, reading, legend=False, least=LEAST)
        lines = self._lines(stage)
        if view.left_out:
            lines = [*lines[: MOST_LINES - 1], (f"not drawn here: {view.left_out} more", SOFT)]
        for number, (text, colour) in enumerate(lines):
            y = BOTTOM - 0.045 - 0.055 * number
            size = fitted(text, LETTERS, 72 * WIDE * ACROSS)
            figure.text(0.5, y, _plain(text), fontsize=size, ha="center", va="center", color=colour)
        return figure

    def _slides_of(self, stage: Stage) -> Iterator[tuple[Stage, _View]]:
        """The slides of a step: one where its letters are large, else of arrays so many at a time."""
        if self.is_network or len(stage.nodes) == 1:
            yield stage, self._view(stage)
            return
        own = _part(self.things, stage) if stage.nodes else Things([], [], self._alone(stage))
        for view in map(self._largest, (self.things, own)):
            if view.letters >= LEAST:
                yield stage, view
                return
        if stage.nodes:
            for number in stage.nodes:
                node = self.things.nodes[number]
                new = stage.new & set(node.columns)
                title = f"{stage.name.capitalize()}: {node.name}"
                one = replace(stage, title=title, new=new, nodes=(number,))
                yield one, self._view(one)
            return
        views = list(self._in_turn(self._alone(stage)))
        for number, part in enumerate(views, start=1):
            yield replace(stage, title=f"{stage.title} ({number} of {len(views)})"), part

    def _in_turn(self, nodes: Sequence[Node]) -> Iterator[_View]:
        """Arrays beside one another, on each slide as many as have large letters."""
        while nodes:
            count = len(nodes)
            view = self._largest(Things([], [], nodes))
            while view.letters < LEAST and count > 1:
                count -= 1
                view = self._largest(Things([], [], nodes[:count]))
            yield view
            nodes = nodes[count:]

    def _alone(self, stage: Stage) -> list[Node]:
        """What is given, or the weights that move, without the graph around them."""
        kinds = ("weight",) if stage.name == "update" else ("input", "weight")
        nodes = [n for n in (*self.things.nodes, *self.things.loose) if n.kind in kinds]
        return [_without_second(node) for node in nodes] if stage.name == "given" else nodes

    def _view(self, stage: Stage) -> _View:
        """The first picture whose letters are large enough, or that with the largest letters."""
        found = []
        for view in self._views(stage):
            found.append(view)
            if view.letters >= LEAST:
                return view
        # The whole picture tells more than a part whose letters are small, too.
        return found[0] if self.is_network and not stage.nodes else max(found, key=_letters)

    def _views(self, stage: Stage) -> Iterator[_View]:
        """Pictures of a step, from the whole network to the least of it."""
        yield self._largest(self.things)
        parts = [_part(self.things, stage, alone=alone) for alone in (False, True) if stage.nodes]
        if self.is_network:
            yield self._largest(self.things, compact=True)
            for part in parts:
                yield self._largest(part)
                yield self._largest(part, compact=True)
            for most in range(MOST_NEURONS, 0, -1) if parts else ():
                yield self._largest(*_first(parts[-1], most), compact=True)
            return
        yield from map(self._largest, parts)
        *others, last = parts[-1].nodes
        for most in range(len(others), -1, -1):
            # Beside one another, without arrows.
            yield self._largest(Things([], [], [*others[:most], last]), len(others) - most)

    def _largest(self, things: Things, left_out: int = 0, *, compact: bool = False) -> _View:
        """The arrangement with the largest letters on a slide."""
        both = [
            placed(
                things, self.run.program, is_network=self.is_network, narrow=narrow, compact=compact
            )
            for narrow in (True, False)
        ]
        views = (replace(one, grids=()) if not one.grids else both[0] for one in both)
        return _View(max(views, key=_scale), left_out)

    def _lines(self, stage: Stage) -> list[tuple[str, str]]:
        """What stands below the picture: the step's first formulas with their numbers."""
        if stage.name == "given":
            return [("the inputs and the weights; nothing is computed yet", SOFT)]
        if stage.name == "update":
            columns = enumerate(self.run.program)
            moves = [index for index, column in columns if column.role is Role.ADJUSTMENT]
            if not self.run.values[self.row, moves].any():
                return [("no weight moves in this iteration", SOFT)]
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


def _letters(view: _View) -> float:
    return view.letters


def _without_second(node: Node) -> Node:
    """An array without room below its numbers."""
    return replace(node, below=[[None] * len(row) for row in node.below])


def _first(things: Things, most: int) -> tuple[Things, int]:
    """A neuron with the first few of those around it; and how many are left out."""
    ends = {a.end for a in things.arrows}
    starts = {a.start for a in things.arrows}
    many = sorted(starts if len(starts) > len(ends) else ends)
    left_out = set(many[most:])
    kept = [number for number in range(len(things.nodes)) if number not in left_out]
    place = {number: index for index, number in enumerate(kept)}
    arrows = [
        Arrow(place[a.start], place[a.end], a.weight, a.move)
        for a in things.arrows
        if a.start in place and a.end in place
    ]
    return Things([things.nodes[number] for number in kept], arrows), len(left_out)


def _part(things: Things, stage: Stage, *, alone: bool = False) -> Things:
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
