"""The picture of a computational graph: boxes with their numbers, each behind those that it uses.

Boxes stand in layers from left to right. A long graph goes on in further rows, as text does: there a
small box with only a name stands for an array of a row above. An arrow that passes a layer has a lane
of its own between the boxes, so that no arrow runs through a box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bpsheet.pictures.labels import Box
from bpsheet.pictures.letters import fitted, shortened, width_of
from bpsheet.pictures.spots import CELL, LINE, TEXT, TITLE, Grid, Spot, Wire
from bpsheet.pictures.things import Arrow, Node, Things

__all__ = ["flow"]

# An array of more numbers is drawn as shades of grey, one of more than MOST_SHADES as its name alone.
MOST_NUMBERS, MOST_COLUMNS, MOST_SHADES = 9, 4, 32
SHADE, PAD = 9.0, 6.0
# The least and the greatest width of a box without numbers.
NARROW, BROAD = 58.0, 190.0
# The space between layers, between boxes, and the height of a lane.
ACROSS, DOWN, LANE = 44.0, 16.0, 10.0
# A row of layers is at most as wide as this.
WIDEST = 1250.0
SWEEPS = 6


@dataclass
class _Item:
    """A box or a lane in a layer of a row."""

    node: Node | None
    width: float
    height: float
    column: int = 0
    before: list[_Item] = field(default_factory=list)
    after: list[_Item] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    # The left and the right edge of its layer.
    left: float = 0.0
    right: float = 0.0

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def flow(things: Things) -> tuple[list[Spot], list[Wire], list[Grid]]:
    """Where the boxes and arrows of a computational graph stand."""
    rows = _rows(things) if things.nodes else []
    spots: list[Spot] = []
    wires: list[Wire] = []
    top = 0.0
    for row in rows:
        made = _Row(things, row, top)
        first = len(spots)
        spots += made.spots
        wires += [
            Wire(Arrow(first + wire.arrow.start, first + wire.arrow.end), wire.points)
            for wire in made.wires
        ]
        top = max(spot.box.y + spot.box.height for spot in spots) + 3 * DOWN
    spots += _loose(things.loose, top, max((s.box.x + s.box.width for s in spots), default=0.0))
    return spots, wires, []


def _rows(things: Things) -> list[range]:
    """The layers of each row: as many as fit, in rows of about the same width."""
    count = 1 + max(node.layer for node in things.nodes)
    widths = [
        max((_size(n)[0] for n in things.nodes if n.layer == layer), default=0.0) + ACROSS
        for layer in range(count)
    ]
    wanted = -(-sum(widths) // WIDEST) or 1
    share = sum(widths) / wanted
    rows: list[range] = []
    begin, used = 0, 0.0
    for layer, width in enumerate(widths):
        if layer > begin and used + width / 2 > share and len(rows) < wanted - 1:
            rows.append(range(begin, layer))
            begin, used = layer, 0.0
        used += width
    return [*rows, range(begin, count)]


def _size(node: Node) -> tuple[float, float]:
    """The width and height of a node's box."""
    if node.kind == "again":
        return width_of(node.name, TEXT) + 2 * PAD, LINE + 4
    cell = _cell(node)
    rows, columns = len(node.cells), len(node.cells[0])
    title = width_of(f"{node.name}  {node.shape}", TITLE)
    wanted = max(title, width_of(node.says, TEXT), columns * cell[0], NARROW - 2 * PAD)
    width = max(min(wanted, BROAD), columns * cell[0]) + 2 * PAD
    height = LINE + 3 + (LINE if node.says else 0) + (rows * cell[1] + PAD if cell[0] else 0) + PAD
    return width, height


def _cell(node: Node) -> tuple[float, float]:
    """The width and height of a node's cells: for numbers, for shades, or none."""
    rows, columns = len(node.cells), len(node.cells[0])
    if rows * columns <= MOST_NUMBERS and columns <= MOST_COLUMNS:
        has_second = any(index is not None for row in node.below for index in row)
        return CELL, (2 if has_second else 1) * LINE
    return (SHADE, SHADE) if max(rows, columns) <= MOST_SHADES else (0.0, 0.0)


def _spot(node: Node, x: float, y: float) -> Spot:
    width, height = _size(node)
    room = width - 2 * PAD + 2
    text = f"{node.name}  {node.shape}".strip()
    base = TEXT if node.kind == "again" else TITLE
    size = max(fitted(text, base, room), 0.7 * base)
    shown = node.name if node.kind == "again" else text
    cell = (0.0, 0.0) if node.kind == "again" else _cell(node)
    return Spot(
        node, Box(x, y, width, height), "array", shortened(shown, size, room), size, cell=cell
    )


class _Row:
    """The layers of one row: boxes, lanes, and what stands in for boxes of other rows."""

    def __init__(self, things: Things, layers: range, top: float) -> None:
        self.things = things
        # Column 0 is for what comes from rows above, and for what only the first layer uses.
        self.columns: list[list[_Item]] = [[] for _ in range(len(layers) + 1)]
        self.boxes: dict[int, _Item] = {}
        self.ends: list[list[_Item]] = []
        users = _users(things)
        for index, node in enumerate(things.nodes):
            column = node.layer - layers.start + 1
            first = min((things.nodes[u].layer for u in users[index]), default=node.layer)
            if not node.says and users[index] and node.kind != "neuron":
                # What is given stands in the row of what uses it.
                column = first - layers.start if first in layers else -1
            if 0 <= column < len(self.columns) and (column > 0 or node.kind != "neuron"):
                self._add(index, node, column)
        self._join(layers)
        if not self.columns[0]:
            self.columns.pop(0)
        self._order()
        self._place(top)
        self.spots, self.wires = self._drawn()

    def _add(self, key: int, node: Node, column: int) -> _Item:
        item = _Item(node, *_size(node), column)
        self.columns[column].append(item)
        self.boxes[key] = item
        return item

    def _join(self, layers: range) -> None:
        """The arrows of this row, through lanes where they pass layers."""
        copies: dict[tuple[int, int], _Item] = {}
        for start, end, *_ in self.things.arrows:
            if self.things.nodes[end].layer not in layers:
                continue
            target, source = self.boxes[end], self.boxes.get(start)
            if source is None:
                key = start, target.column - 1
                if key not in copies:
                    node = self.things.nodes[start]
                    again = Node(
                        node.name, "again", 0, node.cells, node.below, columns=node.columns
                    )
                    copies[key] = self._add(-1 - len(copies), again, target.column - 1)
                source = copies[key]
            path = [source]
            for column in range(source.column + 1, target.column):
                lane = _Item(None, 0.0, LANE, column)
                self.columns[column].append(lane)
                path.append(lane)
            path.append(target)
            for one, next_one in pairwise(path):
                one.after.append(next_one)
                next_one.before.append(one)
            self.ends.append(path)

    def _order(self) -> None:
        """Bring those who belong together to the same height, to and fro some times."""
        for column in self.columns:
            _stack(column)
        for sweep in range(SWEEPS):
            forwards = sweep % 2 == 0
            for column in self.columns if forwards else reversed(self.columns):
                wish = {
                    id(item): _mean(
                        [o.middle for o in (item.before if forwards else item.after)], item
                    )
                    for item in column
                }
                column.sort(key=lambda item: wish[id(item)])
                _settle(column, [wish[id(item)] for item in column])
        for column in self.columns:
            both = [_mean([o.middle for o in (*i.before, *i.after)], i) for i in column]
            _settle(column, both)

    def _place(self, top: float) -> None:
        left = 0.0
        highest = min(item.y for column in self.columns for item in column)
        for column in self.columns:
            width = max((item.width for item in column), default=0.0)
            for item in column:
                item.left, item.right = left, left + width
                item.x = left + (width - item.width) / 2
                item.y += top - highest
            left += width + ACROSS

    def _drawn(self) -> tuple[list[Spot], list[Wire]]:
        items = [item for column in self.columns for item in column if item.node is not None]
        number = {id(item): index for index, item in enumerate(items)}
        spots = [_spot(item.node, item.x, item.y) for item in items if item.node is not None]
        wires = []
        for path in self.ends:
            start, end = path[0], path[-1]
            # Within a layer each arrow is level, so that it meets no other box there.
            y = _port(start, path[1], start.after)
            points = [(start.x + start.width, y), (start.right, y)]
            for lane in path[1:-1]:
                points += [(lane.left, lane.middle), (lane.right, lane.middle)]
            y = _port(end, path[-2], end.before)
            points += [(end.left, y), (end.x, y)]
            arrow = Arrow(number[id(start)], number[id(end)])
            wires.append(Wire(arrow, tuple(dict.fromkeys(points))))
        return spots, wires


def _users(things: Things) -> list[list[int]]:
    users: list[list[int]] = [[] for _ in things.nodes]
    for start, end, *_ in things.arrows:
        users[start].append(end)
    return users


def _mean(heights: Sequence[float], item: _Item) -> float:
    return sum(heights) / len(heights) if heights else item.middle


def _port(item: _Item, other: _Item, others: Sequence[_Item]) -> float:
    """The height at which an arrow leaves or enters a box, in the order of its other ends."""
    order = sorted(others, key=lambda one: one.middle)
    place = next(index for index, one in enumerate(order) if one is other)
    spread = min(item.height - 8, 14.0 * (len(order) - 1))
    return item.middle + (spread * (place / (len(order) - 1) - 0.5) if len(order) > 1 else 0.0)


def _stack(column: Sequence[_Item]) -> None:
    """Put items below one another, around height 0."""
    _settle(column, [0.0] * len(column))


def _settle(column: Sequence[_Item], wishes: Sequence[float]) -> None:
    """Put items in their order as near to their wishes as they can be without touching.

    Items that are in one another's way are a block, which stands at the mean of its wishes.
    """
    blocks: list[tuple[list[_Item], float, float]] = []
    for item, wish in zip(column, wishes, strict=True):
        # Of a block: its items, the top at which it wants to stand, and its height.
        block: tuple[list[_Item], float, float] = (
            [item],
            wish - item.height / 2,
            item.height + DOWN,
        )
        while blocks and blocks[-1][1] + blocks[-1][2] > block[1]:
            above = blocks.pop()
            count, other = len(above[0]), len(block[0])
            top = (above[1] * count + (block[1] - above[2]) * other) / (count + other)
            block = (above[0] + block[0], top, above[2] + block[2])
        blocks.append(block)
    for items, top, _ in blocks:
        y = top
        for item in items:
            item.y = y
            y += item.height + DOWN


def _loose(nodes: Sequence[Node], top: float, right: float) -> Iterator[Spot]:
    """Boxes without arrows, beside one another in lines."""
    x, y, height = 0.0, top, 0.0
    for node in nodes:
        width, own = _size(node)
        if x > 0 and x + width > max(right, WIDEST / 2):
            x, y, height = 0.0, y + height + DOWN, 0.0
        yield _spot(node, x, y)
        x, height = x + width + DOWN, max(height, own)
