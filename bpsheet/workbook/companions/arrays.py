"""The sheet Diagram of layers of other kinds and of formulas: a box of cells for each array.

The boxes stand in rows, each array below those that its formula uses. A box has the array's name and
shape, its formula, its numbers, and below them the derivatives of the loss or a weight's adjustments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from openpyxl.styles import Alignment
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.columns.model import NetworkModel
from bpsheet.pictures.quantities import graph_of
from bpsheet.pictures.things import Cells, Node, Things
from bpsheet.program.kinds import Phase
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.boxes import HEAD, SOURCE, VALUE, Boxes, Kind
from bpsheet.workbook.companions.live import Live, address_of
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import put_text

__all__ = ["arrays_for_cells", "fill_arrays"]

# Nobody sees more arrays than this at once, and the graph of more columns takes long to find.
MOST_ARRAYS, MOST_COLUMNS = 60, 5_000
# A larger array is named without its numbers.
MOST_DOWN, MOST_ACROSS = 8, 6
NOTE_ROW, FIRST_ROW = 5, 8
# The width of a column in characters: a signed power of ten, and room at its sides.
WIDTH = 13.5
# A row of boxes of more columns goes on below; a name or formula of more columns is cut. The notes are
# as long as so many columns.
WIDEST, LONGEST, NOTES = 16, 6, 8
# The column of the largest adjustment, in the row of the iteration.
LARGEST = 5
# On paper, in points: a character, and a row. The height of a page by its width.
CHARACTER, ROW, HEIGHT = 5.7, 15.0, 530 / 780
FORMULA = Kind(style.NOTE, "centerContinuous")
PHASES = {"input": Phase.INPUT, "weight": Phase.WEIGHT, "neuron": Phase.FORWARD}
NOTE = (
    "Each box is an array: name and shape, formula, numbers. What a formula uses stands above it."
)
PURPLE = "On purple: the derivatives of the loss with respect to the numbers."


def arrays_for_cells(run: Run) -> Things | None:
    """The arrays, if the experiment is no network of dense layers and they can be seen at once."""
    program = run.program
    if isinstance(run.experiment.model, NetworkModel) or len(program) > MOST_COLUMNS:
        return None
    things = graph_of(program)
    return things if len(things.nodes) + len(things.loose) <= MOST_ARRAYS else None


def fill_arrays(
    sheet: Worksheet, steps: Sheet, values: dict[str, float | str], things: Things
) -> None:
    """Add the boxes, at first the weights that all steps share. `values` gets what the cells hold."""
    content = _Content(sheet, steps, values)
    content.add_row(things.loose)
    for _, nodes in groupby(things.nodes, key=lambda node: node.layer):
        # What is computed stands at the left, so that one reads down along the computation.
        content.add_row(sorted(nodes, key=lambda node: node.kind != "neuron"))
    content.finish()


class _Line(NamedTuple):
    """A line in a box: its first word, and the columns of its numbers.

    phase: BACKWARD for derivatives; UPDATE for adjustments, whose weights are named
    """

    word: str
    names: Sequence[str | None] = ()
    phase: Phase | None = None


class _Content:
    """Rows of boxes, from top to bottom."""

    def __init__(self, sheet: Worksheet, steps: Sheet, values: dict[str, float | str]) -> None:
        self.sheet, self.program = sheet, steps.layout.program
        self.shown = steps.layout.by_name
        self.is_trained = bool(self.program.phase(Phase.UPDATE))
        self.boxes, self.live = Boxes(sheet), Live(sheet, steps, values)
        self.row = FIRST_ROW
        self.last_column = NOTES
        # The row at the top of each row of boxes, with its arrows.
        self.tops: list[int] = []
        self.adjusted: list[str] = []
        self.has_derivatives = False

    def add_row(self, nodes: Sequence[Node]) -> None:
        """Add boxes beside each other. Above each formula stands an arrow, in a row that is free."""
        for shelf in _shelves(nodes):
            self.tops.append(self.row - 1)
            heights, column = [], 1
            for node in shelf:
                heights.append(self._add(node, column))
                column += _width(node) + 1
            self.last_column = max(self.last_column, column - 2)
            self.row += max(heights) + 1

    def finish(self) -> None:
        """The widths, the note, the colours of adjustments, and what is printed."""
        for column in range(1, self.last_column + 1):
            self.sheet.column_dimensions[get_column_letter(column)].width = WIDTH
        for row, note in enumerate([NOTE, PURPLE][: 1 + self.has_derivatives], start=NOTE_ROW):
            put_text(self.sheet, address_of(row, 1), note, style.NOTE)
        self.live.scale(self.adjusted, LARGEST)
        self._break()
        self.sheet.print_area = f"A1:{get_column_letter(self.last_column)}{self.row - 2}"

    def _break(self) -> None:
        """Begin a page between rows of boxes, so that none is cut."""
        page = int(self.last_column * WIDTH * CHARACTER * HEIGHT / ROW)
        begin = 1
        for top, after in pairwise([*self.tops, self.row]):
            if after - begin > page and top > FIRST_ROW:
                self.sheet.row_breaks.append(Break(id=top - 1))
                begin = top

    def _add(self, node: Node, left: int) -> int:
        """Add a box. Returns its height in rows."""
        width, lines = _width(node), list(self._lines(node))
        pale = style.BANDS[PHASES[node.kind]][1]
        kinds = [[HEAD.filled(pale)] * width]
        if node.says:
            kinds.append([FORMULA] * width)
        kinds += [[_dyed(SOURCE, line), *[_dyed(VALUE, line)] * (width - 1)] for line in lines]
        self.boxes.draw(self.row, left, kinds)
        put_text(self.sheet, address_of(self.row, left), _cut(_head(node), width))
        if node.says:
            put_text(self.sheet, address_of(self.row + 1, left), _cut(node.says, width))
            arrow = self.sheet.cell(self.row - 1, left)
            put_text(self.sheet, arrow.coordinate, "↓", style.LABEL)
            arrow.alignment = Alignment(horizontal="center", vertical="center")
        for row, line in enumerate(lines, start=self.row + len(kinds) - len(lines)):
            put_text(self.sheet, address_of(row, left), line.word)
            self._numbers(row, left + width - len(line.names), line)
        bottom = self.row + len(kinds) - 1
        if moved := [line for line in lines if line.phase is Phase.UPDATE]:
            # A weight's adjustments are the last lines of its box, and one area for the scale.
            first = address_of(bottom - len(moved) + 1, left + width - len(moved[0].names))
            self.adjusted.append(f"{first}:{address_of(bottom, left + width - 1)}")
        return len(kinds)

    def _lines(self, node: Node) -> Iterator[_Line]:
        """The lines of numbers in a box, as far as Steps shows them."""
        rows, columns = len(node.cells), len(node.cells[0])
        if rows > MOST_DOWN or columns > MOST_ACROSS:
            yield _Line("numbers on Steps")
            return
        plural = "s" * (rows * columns > 1)
        yield from self._group(node.cells, f"value{plural}")
        if node.kind == "weight":
            if self.is_trained:
                yield from self._group(node.cells, f"adjustment{plural}", Phase.UPDATE)
        else:
            yield from self._group(node.below, f"derivative{plural}", Phase.BACKWARD)

    def _group(self, cells: Cells, word: str, phase: Phase | None = None) -> Iterator[_Line]:
        """Lines, with a word before the first of them."""
        rows = [[None if i is None else self.program.names[i] for i in row] for row in cells]
        if any(name in self.shown for row in rows for name in row):
            for number, row in enumerate(rows):
                yield _Line(word if number == 0 else "", row, phase)

    def _numbers(self, row: int, left: int, line: _Line) -> None:
        """The numbers of a line, live."""
        for column, name in enumerate(line.names, start=left):
            if name is None or name not in self.shown:
                continue
            if line.phase is Phase.UPDATE:
                self.live.adjustment(row, column, name)
            else:
                self.live.value(row, column, name)
        self.has_derivatives |= line.phase is Phase.BACKWARD


def _dyed(kind: Kind, line: _Line) -> Kind:
    """The look of a cell in a line: derivatives stand on purple."""
    is_derivative = line.phase is Phase.BACKWARD
    return kind.filled(style.BANDS[Phase.BACKWARD][1]) if is_derivative else kind


def _shelves(nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """The boxes of a layer, as many beside each other as fit."""
    shelf: list[Node] = []
    used = 0
    for node in nodes:
        if shelf and used + _width(node) > WIDEST:
            yield shelf
            shelf, used = [], 0
        shelf.append(node)
        used += _width(node) + 1
    if shelf:
        yield shelf


def _head(node: Node) -> str:
    return f"{node.name}   {node.shape}".rstrip()


def _width(node: Node) -> int:
    """The columns of a box: of its words and numbers, and as many as its name and formula need."""
    columns = len(node.cells[0])
    numbers = 1 + (columns if columns <= MOST_ACROSS else 1)
    longest = max(len(_head(node)), len(node.says)) + 1
    return max(numbers, min(-(-longest // int(WIDTH)), LONGEST))


def _cut(text: str, width: int) -> str:
    """A text as long as a box is wide, at the most."""
    room = int(width * WIDTH) - 1
    return text if len(text) <= room else f"{text[: room - 1]}…"
