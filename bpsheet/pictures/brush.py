"""Circles, boxes, arrows and labels, drawn by matplotlib at the places of a placement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bpsheet.pictures.labels import Box
from bpsheet.pictures.letters import fitted, shortened, width_of
from bpsheet.pictures.spots import HEAD, LINE, TEXT, Grid, Placement, Spot, Wire

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bpsheet.pictures.reading import Reading

__all__ = [
    "FILLED",
    "GROWS",
    "INK",
    "LIT",
    "PALE",
    "SHRINKS",
    "SOFT",
    "STILL",
    "THIN",
    "WIDE",
    "Brush",
]

GROWS, SHRINKS, STILL = "#1B7A3D", "#B42318", "#94A3B8"
INK, SOFT, PALE, FILLED, WEIGHT = "#1F2937", "#64748B", "#F8FAFC", "#E2E8F0", "#FFF4D6"
LIT, BACK = "#FDE68A", "#7A3E9D"
# Of a dot and of a shade: the colours of its least, its middle and its greatest value.
SHADES = ("#B45309", "#FFFFFF", "#1D5FA8")
# The widths of arrows, in points of the picture.
THIN, WIDE = 1.0, 5.5
# More than MANY arrows are fine lines without heads.
MANY, FINE = 100, 0.45


class Brush:
    """Draws into axes whose unit is a point of the picture.

    scale: points of type for each point of the picture
    names: the names of all columns
    least: the least size of letters, in points of type. A text whose font is smaller is left out; a
           long number is written in this size where its neighbours are.
    """

    def __init__(self, axes: Axes, scale: float, names: Sequence[str], least: float = 0.0) -> None:
        self.axes, self.scale, self.names, self.least = axes, scale, names, least
        self.reading: Reading | None = None
        self.largest = 0.0

    def draw(self, placed: Placement, reading: Reading | None) -> None:
        """Draw arrows, then nodes over them, then labels over both."""
        self.reading = reading
        moves = [abs(self._move(wire)) for wire in placed.wires]
        self.largest = max((move for move in moves if np.isfinite(move)), default=0.0)
        if len(placed.wires) > MANY:
            self._many(placed.wires)
        else:
            for wire in placed.wires:
                self._wire(wire)
        for spot in placed.spots:
            getattr(self, f"_{spot.look}")(spot)
        for wire in placed.wires:
            self._label(wire)
        for grid in placed.grids:
            self._grid(grid)

    def heading(self, x: float, y: float, title: str) -> None:
        """The title, with its middle and its upper edge here."""
        self._text(x, y, title, 13.0, va="top")

    def legend(self, placed: Placement, reading: Reading, y: float) -> None:
        """What the colours and widths mean, around the middle of the picture."""
        if not any(wire.arrow.weight is not None for wire in placed.wires):
            if any(spot.look == "array" for spot in placed.spots):
                loss = reading.run.program.loss
                of = "" if loss is None else f" of {loss.name}"
                said = f"purple: the derivative{of}; after →: what a weight becomes"
                self._text(placed.width / 2, y, said, TEXT, color=SOFT)
            return
        parts = [(GROWS, "-", "weight grows (+)"), (SHRINKS, "--", "weight shrinks (−)")]
        moves = (
            f"widest: moves by {self.largest:.2g}" if self.largest > 0 else "no weight moves here"
        )
        parts.append((STILL, "-", moves))
        widths = [width_of(text, TEXT) + 58 for *_, text in parts]
        x = placed.width / 2 - sum(widths) / 2
        for (colour, style, text), width in zip(parts, widths, strict=True):
            thick = 3.0 if colour != STILL else WIDE if self.largest > 0 else THIN
            self.axes.plot(
                [x, x + 34], [y, y], color=colour, linestyle=style, linewidth=thick * self.scale
            )
            self._text(x + 40, y, text, TEXT, ha="left")
            x += width

    def _move(self, wire: Wire) -> float:
        return 0.0 if self.reading is None else self.reading.move(wire.arrow.move)

    def _look(self, wire: Wire) -> tuple[str, str, float]:
        """The colour, the style and the width of an arrow."""
        moved = self._move(wire)
        share = abs(moved) / self.largest if self.largest > 0 and np.isfinite(moved) else 0.0
        colour = GROWS if moved > 0 else SHRINKS if moved < 0 else STILL
        return colour, "--" if moved < 0 else "-", (THIN + (WIDE - THIN) * share) * self.scale

    def _wire(self, wire: Wire) -> None:
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        colour, style, width = self._look(wire)
        self.axes.add_patch(
            FancyArrowPatch(
                path=Path(wire.points),
                arrowstyle="-|>",
                mutation_scale=HEAD * self.scale,
                shrinkA=0,
                shrinkB=0,
                linewidth=width,
                linestyle=style,
                color=colour,
                alpha=0.9,
                joinstyle="round",
                zorder=1,
            )
        )

    def _many(self, wires: Sequence[Wire]) -> None:
        """Very many arrows: fine lines without heads, in one piece."""
        from matplotlib.collections import LineCollection

        looks = [self._look(wire) for wire in wires]
        lines = LineCollection(
            [wire.points for wire in wires],
            colors=[colour for colour, _, _ in looks],
            linestyles=[style for _, style, _ in looks],
            linewidths=[FINE * width for _, _, width in looks],
            zorder=1,
        )
        self.axes.add_collection(lines, autolim=False)

    def _label(self, wire: Wire) -> None:
        """A weight on its arrow: its name, or its value and what it becomes."""
        weight, move = wire.arrow.weight, wire.arrow.move
        if wire.label is None or weight is None:
            return
        if self.reading is None:
            self._lines(wire.label, [self.names[weight]])
            return
        before, after = self.reading.said(weight), self.reading.after(weight, move)
        in_two = wire.label.height > 1.5 * LINE
        texts = [before, after] if in_two and after else [f"{before} {after}".strip()]
        self._lines(wire.label, [text for text in texts if text])

    def _circle(self, spot: Spot) -> None:
        from matplotlib.patches import Circle

        (index,) = spot.node.cells[0]
        x, y = spot.box.middle
        face = FILLED if spot.node.kind == "input" else PALE
        face = LIT if self._is_new(spot) else face
        line = 1.2 * self.scale
        self.axes.add_patch(
            Circle((x, y), spot.box.width / 2, facecolor=face, edgecolor=INK, lw=line, zorder=3)
        )
        if self.reading is None:
            self._text(x, y, spot.title, spot.size, zorder=4)
        else:
            value = self.reading.said(index) or "?"
            self._text(x, y - LINE / 2, spot.title, spot.size, zorder=4)
            room = spot.box.width - 12
            self._text(x, y + LINE / 2, value, fitted(value, 12.0, room), zorder=4, weight="bold")
        if spot.terms is None:
            return
        if self.reading is None:
            bias = spot.node.bias
            self._lines(spot.terms, [] if bias is None else [self.names[bias]])
            return
        lines = round(spot.terms.height / LINE)
        self._lines(spot.terms, self.reading.terms(spot.node, lines))

    def _dot(self, spot: Spot) -> None:
        from matplotlib.patches import Circle

        (index,) = spot.node.cells[0]
        colour = self._shade(index, 1.0) if self._is_seen(index) else PALE
        self.axes.add_patch(
            Circle(
                spot.box.middle, spot.box.width / 2, facecolor=colour,
                edgecolor=INK, lw=0.8 * self.scale, zorder=3,
            )
        )  # fmt: skip

    def _image(self, spot: Spot) -> None:
        """Pixels in grey: the least number is white, the greatest black."""
        x, y, width, height = spot.box
        if self.reading is not None:
            numbers = [[self.reading.number(i or 0) for i in row] for row in spot.node.cells]
            shown = np.ma.masked_invalid(np.array(numbers))
            extent = (x, x + width, y + height, y)
            self.axes.imshow(
                shown,
                cmap="gray_r",
                extent=extent,
                aspect="auto",
                zorder=3,
                interpolation="nearest",
            )
        self._frame(spot.box, "none" if self.reading is not None else FILLED)
        self._text(x + width / 2, y - LINE / 2 - 2, spot.title, spot.size)

    def _array(self, spot: Spot) -> None:
        node, (x, y, width, _) = spot.node, spot.box
        face = {"input": FILLED, "weight": WEIGHT}.get(node.kind, PALE)
        if node.kind == "again":
            self._frame(spot.box, "white", dashed=True)
            self._text(*spot.box.middle, spot.title, spot.size, zorder=4, color=SOFT)
            return
        self._frame(spot.box, LIT if self._is_new(spot) else face)
        self._text(x + width / 2, y + LINE / 2 + 3, spot.title, spot.size, zorder=4, weight="bold")
        top = y + LINE + 3
        if node.says:
            text = shortened(node.says, TEXT, width - 8)
            self._text(x + width / 2, top + LINE / 2, text, TEXT, zorder=4, color=SOFT)
            top += LINE
        if spot.cell[0] and self.reading is not None:
            self._cells(spot, top + 3)

    def _cells(self, spot: Spot, top: float) -> None:
        """The numbers of an array, or their shades."""
        assert self.reading is not None
        node, (wide, high) = spot.node, spot.cell
        left = spot.box.x + (spot.box.width - wide * len(node.cells[0])) / 2
        is_shaded = wide < high * 1.5 and wide < 2 * LINE
        every = [self.reading.number(i) for row in node.cells for i in row if i is not None]
        greatest = max((abs(v) for v in every if np.isfinite(v)), default=1.0) or 1.0
        for down, row in enumerate(node.cells):
            for across, index in enumerate(row):
                box = Box(left + across * wide, top + down * high, wide, high)
                if is_shaded:
                    colour = self._shade(index, greatest) if self._is_seen(index) else "white"
                    self._frame(box, colour, line=0.3)
                    continue
                second = node.below[down][across]
                x, y = box.middle
                y -= LINE / 2 if high > 1.5 * LINE else 0
                value = self.reading.said(index) or "?"
                self._text(x, y, value, fitted(value, TEXT, wide - 4), zorder=4)
                below = self.reading.below(node, index, second)
                size = fitted(below, TEXT, wide - 4)
                if below:
                    colour = self._of_move(second) if node.kind == "weight" else BACK
                    self._text(x, y + LINE, below, size, zorder=4, color=colour)

    def _grid(self, grid: Grid) -> None:
        """A table below the network."""
        x, y, width, height = grid.box
        step = height / (len(grid.rows) + 1)
        cell = (width - grid.left) / len(grid.heads)
        for column, head in enumerate(grid.heads):
            at = x + grid.left + (column + 0.5) * cell
            self._text(at, y + step / 2, f"→ {head}", TEXT, weight="bold")
        for number, (head, cells) in enumerate(grid.rows, start=1):
            line = y + (number + 0.5) * step
            self.axes.plot([x, x + width], [line - step / 2] * 2, color=FILLED, lw=self.scale)
            self._text(x, line, head, TEXT, ha="left", weight="bold")
            for column, (index, move) in enumerate(cells):
                at = x + grid.left + (column + 0.5) * cell
                text = self._said(index, move)
                size = fitted(text, TEXT, cell - 6)
                self._text(at, line, text, size, color=self._of_move(move))

    def _said(self, index: int | None, move: int | None) -> str:
        if self.reading is None:
            return "" if index is None else self.names[index]
        return self.reading.change(index, move)

    def _of_move(self, move: int | None) -> str:
        moved = 0.0 if self.reading is None else self.reading.move(move)
        return GROWS if moved > 0 else SHRINKS if moved < 0 else INK

    def _is_seen(self, index: int | None) -> bool:
        return index is not None and self.reading is not None and self.reading.sees(index)

    def _is_new(self, spot: Spot) -> bool:
        new = () if self.reading is None else self.reading.new
        return bool(new) and any(index in new for index in spot.node.columns)

    def _shade(self, index: int | None, greatest: float) -> Any:
        from matplotlib.colors import LinearSegmentedColormap

        assert self.reading is not None
        value = self.reading.number(index or 0)
        share = np.clip(value / greatest, -1.0, 1.0) if np.isfinite(value) else 0.0
        return LinearSegmentedColormap.from_list("shades", SHADES)(0.5 + share / 2)

    def _frame(self, box: Box, face: Any, *, line: float = 1.2, dashed: bool = False) -> None:
        from matplotlib.patches import Rectangle

        self.axes.add_patch(
            Rectangle(
                (box.x, box.y), box.width, box.height, facecolor=face, edgecolor=INK,
                lw=line * self.scale, linestyle=":" if dashed else "-", zorder=3,
            )
        )  # fmt: skip

    def _lines(self, box: Box, texts: Sequence[str]) -> None:
        """Lines of text in a box, over a white ground of their size."""
        from matplotlib.patches import Rectangle

        shown = [(text, fitted(text, TEXT, box.width - 4)) for text in texts if text]
        if not shown or TEXT * self.scale < self.least:
            return
        x, y = box.middle
        width = max(width_of(text, size) for text, size in shown) + 4
        height = LINE * len(shown) + 2
        corner = (x - width / 2, y - height / 2)
        self.axes.add_patch(Rectangle(corner, width, height, facecolor="white", lw=0, zorder=2))
        for number, (text, size) in enumerate(shown):
            self._text(x, y + LINE * (number - (len(shown) - 1) / 2), text, size)

    def _text(self, x: float, y: float, text: str, size: float, **more: Any) -> None:
        if TEXT * self.scale < self.least:
            return
        settings: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "color": INK,
            "zorder": 4,
        } | more
        self.axes.text(
            x, y, text.replace("$", r"\$"), fontsize=max(size * self.scale, self.least), **settings
        )
