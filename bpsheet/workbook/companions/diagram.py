"""The sheet Diagram: the network in cells at one iteration, live.

From left to right stand the inputs, the layers, the targets and the loss. A layer has its
weights with their adjustments, then its neurons with their sums, outputs and error terms.
Layers of other kinds and formulas have a box for each array (see `arrays`). What is too large for
cells is shown as a picture of the first iteration.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.columns.model import NetworkModel
from bpsheet.columns.names import LayerNames
from bpsheet.pictures.matplot import need_matplotlib, picture_bytes
from bpsheet.pictures.network import check_drawable, draw_network, network_size
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import Phase
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions import walkthrough
from bpsheet.workbook.companions.arrays import arrays_for_cells, fill_arrays
from bpsheet.workbook.companions.boxes import HEAD, NAME, SOURCE, VALUE, Boxes
from bpsheet.workbook.companions.chosen import CHOICE, put_choice, put_label
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.companions.live import Live, address_of
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import put_text
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["COMPANION", "network_for_cells"]

# Nobody sees a network of more lines or layers than this at once.
MOST_LINES, MOST_LAYERS = 60, 4
BAND_ROW, FIRST_ROW = 6, 8
# The widths of the columns of numbers, in characters.
VALUES, ADJUSTMENTS = 12, 13.5
ROW_HEIGHT = 18
# The lines of a neuron's box.
WORDS = ("sum", "output", ERROR := "error term")
# Pixels to an inch, as spreadsheets measure pictures.
PIXELS = 96
COLOURS = (
    "Adjustments: green where the weight grows, red where it shrinks; the stronger "
    "the colour, the larger the adjustment."
)


def network_for_cells(experiment: Plan) -> NetworkModel | None:
    """The network, if the experiment has one that is small enough to be seen at once in cells."""
    model = experiment.model
    if not isinstance(model, NetworkModel) or len(model.layers) > MOST_LAYERS:
        return None
    return model if _lines(model) <= MOST_LINES else None


def _check(trace: Run, steps: Sheet) -> None:
    """Refuse an experiment that neither cells nor a picture can show.

    Raises LimitError for more neurons or arrays than can be told apart, OutputError where a
    picture is needed and matplotlib is missing.
    """
    if not _is_cheap(trace, steps):
        check_drawable(trace.experiment)
        need_matplotlib()


def _is_cheap(trace: Run, _steps: Sheet) -> bool:
    """Whether it needs no picture."""
    return network_for_cells(trace.experiment) is not None or arrays_for_cells(trace) is not None


def _build(book: Workbook, trace: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Diagram. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    values: dict[str, float | str] = {}
    network, things = network_for_cells(trace.experiment), arrays_for_cells(trace)
    if network is None and things is None:
        _picture(sheet, trace)
    else:
        shown = "network" if things is None else "computation"
        follows = walkthrough.COMPANION.name in book.sheetnames
        values = _choice(sheet, shown, len(steps), follows=follows)
        if trace.program.phase(Phase.UPDATE):
            put_text(sheet, "A4", COLOURS, style.NOTE)
    if network is not None:
        _Content(sheet, steps, values).fill(network)
    elif things is not None:
        fill_arrays(sheet, steps, values, things)
    without_grid(sheet)
    # Rows of boxes go on over several pages.
    set_page(sheet, "landscape", down=None if things is None else 0)
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    return values


COMPANION = Companion("diagram", "Diagram", _check, _is_cheap, _build)


def _choice(
    sheet: Worksheet, shown: str, iterations: int, *, follows: bool
) -> dict[str, float | str]:
    """The cell with the iteration that is shown: its own, or (`follows`) that of Walkthrough."""
    if not follows:
        note = (
            f"The {shown} at one iteration. Type another number into the blue cell, and the {shown} "
            "follows."
        )
        put_text(sheet, "A2", note, style.NOTE)
        put_choice(sheet, iterations)
        return {}
    note = f"The {shown} at the iteration that is chosen on the sheet {walkthrough.COMPANION.name}."
    put_text(sheet, "A2", note, style.NOTE)
    put_label(sheet, "A3", "iteration")
    sheet[CHOICE].value = f"={walkthrough.COMPANION.name}!$B$3"
    sheet[CHOICE].alignment = Alignment(horizontal="left")
    return {CHOICE: 1.0}


def _picture(sheet: Worksheet, trace: Run) -> None:
    """The picture of `bpsheet draw`, with a note that nothing in it is live."""
    note = "This picture shows the first iteration. It does not follow changes on the sheets."
    put_text(sheet, "A2", note, style.NOTE)
    image = Image(io.BytesIO(picture_bytes(draw_network(trace, 1), ".png")))
    image.width, image.height = (int(PIXELS * inches) for inches in network_size(trace))
    sheet.add_image(image, "A4")


def _lines(model: NetworkModel) -> int:
    """The number of rows of the tallest layer: a line for each weight, or four for a neuron."""
    return max(
        len(model.inputs) * 2,
        *(len(layer.outputs) * (_group(layer) + 1) for layer in model.layers),
    )


def _group(layer: LayerNames) -> int:
    """The number of rows of a neuron: a line for each weight and the bias, or its box."""
    return max(len(layer.leading_to(0)), 4)


class _Content:
    """Blocks of columns, from left to right."""

    def __init__(self, sheet: Worksheet, steps: Sheet, values: dict[str, float | str]) -> None:
        self.sheet, self.steps = sheet, steps
        self.shown = steps.layout.by_name
        self.boxes = Boxes(sheet)
        self.live = Live(sheet, steps, values)
        self.column = 1
        self.height = 0
        # The columns of the adjustments.
        self.moved: list[int] = []

    def fill(self, model: NetworkModel) -> None:
        self.height = _lines(model)
        for row in range(BAND_ROW, FIRST_ROW + self.height):
            self.sheet.row_dimensions[row].height = ROW_HEIGHT
        self._singles("Inputs", model.network.inputs, Phase.INPUT, least=12)
        for layer in model.layers:
            self._gap(2)
            self._weights(layer)
            arrows = self._gap(3.5)
            self._neurons(layer, arrows, is_last=layer is model.layers[-1])
        if model.network.targets:
            self._gap(2)
            self._singles("Targets", model.network.targets, Phase.INPUT)
        if model.loss is not None:
            self._gap(2)
            self._singles("Loss", [model.loss], Phase.FORWARD)
        bottom = FIRST_ROW + self.height - 1
        letters = map(get_column_letter, self.moved)
        self.live.scale([f"{x}{FIRST_ROW}:{x}{bottom}" for x in letters], self.moved[0])
        last = get_column_letter(self.column - 1)
        self.sheet.print_area = f"A1:{last}{bottom}"

    def _gap(self, width: float) -> int:
        """A column between blocks."""
        return self._block("", None, [width])

    def _block(self, title: str, phase: Phase | None, widths: Sequence[float]) -> int:
        """Take the next columns, with a title above them. Returns the number of the first."""
        left = self.column
        for column, width in enumerate(widths, start=left):
            self.sheet.column_dimensions[get_column_letter(column)].width = width
            if phase is not None:
                self.sheet.cell(BAND_ROW, column).fill = style.solid(style.BANDS[phase][0])
        if title:
            put_text(self.sheet, address_of(BAND_ROW, left), title, style.BAND_FONT)
        self.column += len(widths)
        return left

    def _tops(self, count: int, lines: int) -> list[int]:
        """The first rows of `count` boxes of `lines` lines each, spread evenly over the height."""
        share = self.height / count
        return [FIRST_ROW + int((index + 0.5) * share - lines / 2) for index in range(count)]

    def _singles(self, title: str, names: Sequence[str], phase: Phase, least: float = 7) -> None:
        """Quantities with a line each: name and value."""
        left = self._block(title, phase, [_width(names, least), VALUES])
        kinds = [NAME.filled(style.BANDS[phase][1]), VALUE]
        for name, row in zip(names, self._tops(len(names), 1), strict=True):
            self.boxes.draw(row, left, [kinds])
            put_text(self.sheet, address_of(row, left), name)
            self.live.value(row, left + 1, name)

    def _weights(self, layer: LayerNames) -> None:
        """A line for each weight of the layer, beside the neuron to which it leads."""
        sources = ["1"] * bool(layer.biases) + list(layer.inputs)
        names = [layer.leading_to(index) for index in range(len(layer.outputs))]
        widths = [_width(sources, 4), _width([name for some in names for name in some], 7), VALUES]
        left = self._block("Weights", Phase.WEIGHT, widths)
        self.moved.append(self._block("Adjustments", Phase.UPDATE, [ADJUSTMENTS]))
        kinds = [SOURCE, NAME, VALUE.filled(style.BANDS[Phase.WEIGHT][1]), VALUE]
        for top, weights in zip(self._tops(len(names), len(sources)), names, strict=True):
            self.boxes.draw(top, left, [kinds] * len(sources), strong=False)
            for row, (source, weight) in enumerate(zip(sources, weights, strict=True), start=top):
                put_text(self.sheet, address_of(row, left), source)
                put_text(self.sheet, address_of(row, left + 1), weight)
                self.live.value(row, left + 2, weight)
                self.live.adjustment(row, left + 3, weight)

    def _neurons(self, layer: LayerNames, arrows: int, *, is_last: bool) -> None:
        """A box for each neuron: its sum (where the layout shows it), output and error term."""
        title = "Output layer" if is_last else f"Layer {layer.number}"
        # The name stands across both columns.
        least = _width(layer.neurons, 7) - VALUES
        left = self._block(title, Phase.FORWARD, [_width(WORDS, least), VALUES])
        pale, error = style.BANDS[Phase.FORWARD][1], style.BANDS[Phase.BACKWARD][1]
        for index, name in enumerate(layer.neurons):
            lines = self._neuron(layer, index)
            top = self._tops(len(layer.neurons), len(lines) + 1)[index]
            kinds = [
                [NAME.filled(error), VALUE.filled(error)] if word == ERROR else [NAME, VALUE]
                for word, _ in lines
            ]
            self.boxes.draw(top, left, [[HEAD.filled(pale)] * 2, *kinds])
            put_text(self.sheet, address_of(top, left), name)
            for row, (word, quantity) in enumerate(lines, start=top + 1):
                put_text(self.sheet, address_of(row, left), word)
                self.live.value(row, left + 1, quantity)
            arrow = self.sheet.cell(top + (len(lines) + 1) // 2, arrows)
            put_text(self.sheet, arrow.coordinate, "→", style.LABEL)
            arrow.alignment = Alignment(horizontal="center", vertical="center")

    def _neuron(self, layer: LayerNames, index: int) -> list[tuple[str, str]]:
        """The quantities in a neuron's box: the words and the names."""
        program = self.steps.layout.program
        weighted_sum = layer.sums[index]
        names = weighted_sum, layer.outputs[index], program.derivative_of(weighted_sum)
        pairs = zip(WORDS, names, strict=True)
        return [(word, name) for word, name in pairs if name in self.shown]  # type: ignore[misc]


def _width(words: Sequence[str], least: float) -> float:
    return max(least, 3 + max(map(len, words)))
