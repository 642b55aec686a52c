"""The picture of a network of layers: circles from left to right, and labels on the arrows.

Labels are tried in wider and wider pictures. Where those of a layer cannot stand free, its weights and
error terms go into a table below the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from math import hypot, sqrt

from bpsheet.pictures.labels import Box, Line, chosen, crosses, overlap
from bpsheet.pictures.letters import fitted, shortened, width_of
from bpsheet.pictures.spots import CELL, HEAD, LINE, TEXT, TITLE, Grid, Spot, Wire
from bpsheet.pictures.things import Node, Things

__all__ = ["error_name", "layers"]

# A layer of more neurons than FULL is drawn as dots without text, in columns of TALLEST.
FULL, TALLEST, DOT = 10, 16, 9.0
SMALLEST, LARGEST = 34.0, 47.0
# The radius of neurons that stand close together, and the space between two of them.
CLOSE, CLOSE_GAP = 27.0, 5.0
# The height of the two lines of text in a circle, and the space beside them.
IN_CIRCLE, BESIDE = 30.0, 3.0
# The lines of a label, and the free space between two layers: from narrow to wide.
OPTIONS = ((1, 190), (2, 170), (1, 260), (2, 230), (1, 340), (2, 300))
NARROW = ((2, 105), (2, 135), (2, 170), (2, 230), (2, 300))
# A layer of more weights than these has no labels on its arrows; a table has at most MOST_CELLS.
MOST_LABELS, MOST_CELLS = 24, 130
# What the numbers take: a value, and a value with its new one.
NUMBER, CHANGE = "-0.00894", "-0.392 → -0.401"
PICTURE, PIXEL = 170.0, 22.0
# Names that are longer than this are written δ or b beside a neuron.
LONGEST = 9
GAP = 10.0


def layers(
    things: Things, names: Sequence[str], *, narrow: bool, compact: bool = False
) -> tuple[list[Spot], list[Wire], list[Grid]]:
    """Where the neurons, arrows, labels and tables of a network stand.

    names:   of all columns
    narrow:  whether the picture is to be narrow, and has no tables
    compact: whether neurons stand close together, without their error terms and biases
    """
    options = NARROW if narrow else OPTIONS
    best: tuple[list[Spot], list[Wire], set[int]] | None = None
    for lines, gap in options:
        found = _Try(things, names, lines, gap, compact=compact).labelled()
        if best is None or len(found[2]) < len(best[2]):
            best = found
        if not best[2]:
            break
    assert best is not None
    spots, wires, bare = best
    if len(bare) == max(node.layer for node in things.nodes):
        spots, wires = _Try(things, names, 0, 170, compact=compact).bare()
    grids = list(_grids(spots, wires, bare)) if not narrow else []
    return spots, wires, grids


def error_name(node: Node, names: Sequence[str]) -> str:
    """What a neuron's error term is called beside it."""
    index = node.below[0][0]
    return "" if index is None else _short(names[index], "δ")


def bias_name(node: Node, names: Sequence[str]) -> str:
    """What a neuron's bias is called beside it."""
    return "" if node.bias is None else _short(names[node.bias], "b")


def _short(name: str, letter: str) -> str:
    return name if len(name) <= LONGEST else letter


class _Try:
    """The picture with labels of some lines, and a gap between the layers."""

    def __init__(
        self, things: Things, names: Sequence[str], lines: int, gap: float, *, compact: bool
    ) -> None:
        self.things, self.names, self.lines, self.gap = things, names, lines, gap
        self.compact = compact
        self.by_layer = [list(group) for _, group in groupby(things.nodes, lambda node: node.layer)]
        full = [n for layer in self.by_layer if len(layer) <= FULL for n in layer]
        self.radius = CLOSE if compact else _radius(full)
        self.spots = self._spots()
        self.wires = [
            Wire(arrow, _between(self.spots[arrow.start], self.spots[arrow.end]))
            for arrow in things.arrows
        ]

    def _spots(self) -> list[Spot]:
        downs = [self._down(layer) for layer in self.by_layer]
        full = [
            len(layer) * down
            for layer, down in zip(self.by_layer, downs, strict=True)
            if len(layer) <= FULL
        ]
        spots: list[Spot] = []
        left = 0.0
        for layer, down in zip(self.by_layer, downs, strict=True):
            if layer[0].kind == "image":
                spots.append(_image(layer[0], left))
            elif len(layer) <= FULL:
                for index, node in enumerate(layer):
                    y = (index - (len(layer) - 1) / 2) * down
                    spots.append(self._circle(node, left + self.radius, y))
            else:
                spots += _dots(layer, left, max(full, default=0.0))
            left = max(spot.box.x + spot.box.width for spot in spots) + self.gap
        return spots

    def _down(self, layer: Sequence[Node]) -> float:
        """From one neuron of a layer to the next, with room for what stands below each."""
        if self.compact:
            return 2 * self.radius + CLOSE_GAP
        terms = max(self._term_size(node)[1] for node in layer) if self.lines else 0.0
        return 2 * self.radius + (terms + 26 if terms else 30 if self.lines else 14)

    def _circle(self, node: Node, x: float, y: float) -> Spot:
        room = 2 * (sqrt(self.radius**2 - (IN_CIRCLE / 2) ** 2) - BESIDE)
        size = max(fitted(node.name, TITLE, room), 0.75 * TITLE)
        title = shortened(node.name, size, room)
        box = Box.around(x, y, 2 * self.radius, 2 * self.radius)
        return Spot(node, box, "circle", title, size)

    def _term_size(self, node: Node) -> tuple[float, float]:
        """The width and height of a neuron's error term and bias."""
        if self.compact:
            return 0.0, 0.0
        error, bias = error_name(node, self.names), bias_name(node, self.names)
        texts = [f"{error} = {NUMBER}"] if error else []
        if bias:
            moved = node.move is not None
            both = f"{bias} = {CHANGE if moved and self.lines == 1 else NUMBER}"
            texts += [both, f"→ {NUMBER}"] if moved and self.lines == 2 else [both]
        if not texts:
            return 0.0, 0.0
        return max(width_of(text, TEXT) for text in texts) + 4, LINE * len(texts) + 2

    def bare(self) -> tuple[list[Spot], list[Wire]]:
        return self.spots, self.wires

    def labelled(self) -> tuple[list[Spot], list[Wire], set[int]]:
        """With labels where they can stand free; and the layers whose labels cannot."""
        spots, wires = list(self.spots), list(self.wires)
        outlines = [spot.box for spot in spots]
        lines: list[Line] = [(*wire.points[0], *wire.points[-1]) for wire in wires]
        heads = [_head(wire) for wire in wires]
        taken: list[Box] = []
        bare: set[int] = set()
        number = {id(spot.node): index for index, spot in enumerate(spots)}
        for layer, nodes in enumerate(self.by_layer[1:], start=1):
            own = [i for i, w in enumerate(wires) if spots[w.arrow.end].node.layer == layer]
            weighted = [i for i in own if wires[i].arrow.weight is not None]
            ends = [number[id(node)] for node in nodes if any(self._term_size(node))]
            has_dots = any(spots[k].look == "dot" for i in own for k in wires[i].arrow[:2])
            if has_dots or len(weighted) > MOST_LABELS or len(weighted) < len(own):
                bare.add(layer)
                continue
            candidates = []
            for index in weighted:
                boxes = list(self._on(wires[index]))
                others = lines[:index] + lines[index + 1 :]
                candidates.append(_free(boxes, others, heads, [*outlines, *taken]))
            for index in ends:
                boxes = list(self._beside(spots[index], is_last=layer == len(self.by_layer) - 1))
                candidates.append(_free(boxes, lines, heads, [*outlines, *taken]))
            boxes_chosen = chosen(candidates)
            if boxes_chosen is None:
                bare.add(layer)
                continue
            taken += boxes_chosen
            for index, box in zip(weighted, boxes_chosen, strict=False):
                wires[index] = replace(wires[index], label=box)
            for index, box in zip(ends, boxes_chosen[len(weighted) :], strict=True):
                spots[index] = replace(spots[index], terms=box)
        return spots, wires, bare

    def _on(self, wire: Wire) -> Iterator[Box]:
        """Where a weight can stand on its arrow, the best place first."""
        (x1, y1), (x2, y2) = wire.points
        moves = wire.arrow.move is not None
        text = CHANGE if self.lines == 1 and moves else f"→ {NUMBER}" if moves else NUMBER
        width = width_of(text, TEXT) + 4
        height = LINE * (self.lines if moves else 1) + 2
        for part in sorted((k / 50 for k in range(5, 43)), key=lambda part: abs(part - 0.36)):
            yield Box.around(x1 + part * (x2 - x1), y1 + part * (y2 - y1), width, height)

    def _beside(self, spot: Spot, *, is_last: bool) -> Iterator[Box]:
        """Where a neuron's error term and bias can stand: below it, above it, at the right."""
        width, height = self._term_size(spot.node)
        x, y = spot.box.middle
        away = self.radius + 4 + height / 2
        for aside in (0.0, 0.2, -0.2, 0.4, -0.4, 0.6, -0.6):
            yield Box.around(x + aside * width, y + away, width, height)
        for aside in (0.0, 0.2, -0.2, 0.4, -0.4, 0.6, -0.6):
            yield Box.around(x + aside * width, y - away, width, height)
        if is_last:
            yield Box.around(x + self.radius + 6 + width / 2, y, width, height)


def _free(
    boxes: Sequence[Box], lines: Sequence[Line], heads: Sequence[Box], taken: Sequence[Box]
) -> list[Box]:
    """Those boxes that touch no line, no arrow's head, and nothing that stands there."""
    on_lines, on_things = crosses(boxes, lines, 2.0), overlap(boxes, [*heads, *taken], 1.0)
    return [box for i, box in enumerate(boxes) if not (on_lines[i].any() or on_things[i].any())]


def _radius(nodes: Sequence[Node]) -> float:
    """The radius of circles in which the longest name fits, within bounds."""
    widest = max((width_of(node.name, TITLE) for node in nodes), default=0.0)
    wanted = sqrt((widest / 2 + BESIDE) ** 2 + (IN_CIRCLE / 2) ** 2)
    return min(max(wanted, SMALLEST), LARGEST)


def _dots(layer: Sequence[Node], left: float, height: float) -> list[Spot]:
    """Dots in columns beside one another, about as high as the other layers."""
    columns = -(-len(layer) // TALLEST)
    rows = -(-len(layer) // columns)
    down = min(max(height / rows, 2.9 * DOT), 4 * DOT)
    spots = []
    for index, node in enumerate(layer):
        in_column = min(rows, len(layer) - rows * (index // rows))
        x = left + DOT + 3.2 * DOT * (index // rows)
        y = down * (index % rows - (in_column - 1) / 2)
        spots.append(Spot(node, Box.around(x, y, 2 * DOT, 2 * DOT), "dot", ""))
    return spots


def _image(node: Node, left: float) -> Spot:
    """An image, with room for its name below the pixels."""
    rows, columns = len(node.cells), len(node.cells[0])
    cell = min(PIXEL, PICTURE / max(rows, columns))
    width, height = columns * cell, rows * cell
    room = max(width, 60.0)
    size = max(fitted(node.name, TEXT, room), 0.75 * TEXT)
    title = shortened(node.name, size, room)
    box = Box(left, -height / 2, width, height)
    return Spot(node, box, "image", title, size, cell=(cell, cell))


def _between(start: Spot, end: Spot) -> tuple[tuple[float, float], tuple[float, float]]:
    """The line from the edge of one node to the edge of another."""
    (x1, y1), (x2, y2) = start.box.middle, end.box.middle
    if start.look == "image":
        x1 = start.box.x + start.box.width
    length = hypot(x2 - x1, y2 - y1)
    across, down = (x2 - x1) / length, (y2 - y1) / length
    begin = 0.0 if start.look == "image" else start.box.width / 2
    until = end.box.width / 2
    return (
        (x1 + begin * across, y1 + begin * down),
        (x2 - until * across, y2 - until * down),
    )


def _head(wire: Wire) -> Box:
    """The box around the head of an arrow."""
    (x1, y1), (x2, y2) = wire.points[-2:]
    length = hypot(x2 - x1, y2 - y1) or 1.0
    part = HEAD / 2 / length
    return Box.around(x2 - part * (x2 - x1), y2 - part * (y2 - y1), HEAD, HEAD)


def _grids(spots: Sequence[Spot], wires: Sequence[Wire], bare: set[int]) -> Iterator[Grid]:
    """A table for each layer whose weights do not stand on its arrows, where a table can hold them."""
    edges = [box for s in spots for box in (s.box, s.terms) if box is not None]
    right = max(box.x + box.width for box in edges)
    top = max(box.y + box.height for box in edges) + 2 * GAP
    for layer in sorted(bare):
        ends = [index for index, spot in enumerate(spots) if spot.node.layer == layer]
        own = [wire for wire in wires if wire.arrow.end in set(ends)]
        starts = sorted({wire.arrow.start for wire in own})
        looks = {spots[index].look for index in (*starts, *ends)}
        if looks != {"circle"} or len(own) > MOST_CELLS:
            continue
        by_pair = {wire.arrow[:2]: wire.arrow[2:] for wire in own}
        nodes = [spots[index].node for index in ends]
        rows = [(spots[s].node.name, [by_pair[s, e] for e in ends]) for s in starts]
        if any(node.bias is not None for node in nodes):
            rows.insert(0, ("bias", [(node.bias, node.move) for node in nodes]))
        if any(node.below[0][0] is not None for node in nodes):
            rows.append(("error term", [(node.below[0][0], None) for node in nodes]))
        left = max(width_of(head, TEXT) for head, _ in rows) + 2 * GAP
        width, height = left + 2 * CELL * len(ends), (len(rows) + 1) * (LINE + 3)
        middle = (min(box.x for box in edges) + right) / 2
        heads = [shortened(node.name, TEXT, 2 * CELL - GAP) for node in nodes]
        yield Grid(Box(middle - width / 2, top, width, height), heads, rows, left)
        top += height + 2 * GAP
