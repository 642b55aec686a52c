"""The sheet Diagram: the network in cells at one iteration, live.

From left to right: the inputs, then for each layer the weights that lead into it, each with its
adjustment, and its neurons with their sums, outputs and error terms; at last targets and loss.
A network that is too large for cells is a picture instead, of the first iteration.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import chain

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
from bpsheet.workbook.pages import walkthrough
from bpsheet.workbook.pages.boxes import HEAD, NAME, SOURCE, VALUE, Boxes
from bpsheet.workbook.pages.chosen import CHOICE, look_up, put_choice, put_label
from bpsheet.workbook.pages.page import Page
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import put_text
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["PAGE", "network_for_cells"]

# More lines or layers than this are no network that anybody sees at once.
MOST_LINES, MOST_LAYERS = 60, 4
BAND_ROW, FIRST_ROW = 6, 8
# How wide the columns of numbers are.
VALUES, ADJUSTMENTS = 12, 13.5
ROW_HEIGHT = 18
# The lines of a neuron's box.
WORDS = ("sum", "output", ERROR := "error term")
# Pixels to an inch, as spreadsheets measure pictures.
PIXELS = 96
COLOURS = (
    "Adjustments: green where the weight grows, red where it shrinks; the stronger, the larger."
)


def network_for_cells(experiment: Plan) -> NetworkModel | None:
    """The network, where there is one and it is small enough to be seen at once in cells."""
    model = experiment.model
    if not isinstance(model, NetworkModel) or len(model.layers) > MOST_LAYERS:
        return None
    return model if _lines(model) <= MOST_LINES else None


def _check(trace: Run, _steps: Sheet) -> None:
    """Refuse what neither cells nor a picture can show.

    Raises ExperimentError for formulas without layers, LimitError for too many neurons,
    OutputError where a picture is needed and matplotlib is missing.
    """
    if network_for_cells(trace.experiment) is None:
        check_drawable(trace.experiment)
        need_matplotlib()


def _is_cheap(trace: Run, _steps: Sheet) -> bool:
    """Whether it needs no picture."""
    return network_for_cells(trace.experiment) is not None


def _build(book: Workbook, trace: Run, steps: Sheet) -> dict[str, float | str]:
    """Put the sheet together; the values of its formulas."""
    sheet = book.create_sheet(PAGE.name)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    values: dict[str, float | str] = {}
    network = network_for_cells(trace.experiment)
    if network is not None:
        values = _choice(sheet, len(steps), follows=walkthrough.PAGE.name in book.sheetnames)
        _Page(sheet, steps, values).fill(network)
    else:
        _picture(sheet, trace)
    without_grid(sheet)
    set_page(sheet, "landscape")
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    return values


PAGE = Page("diagram", "Diagram", _check, _is_cheap, _build)


def _choice(sheet: Worksheet, iterations: int, *, follows: bool) -> dict[str, float | str]:
    """Which iteration it shows: the one on Walkthrough, where that sheet is, or its own."""
    put_text(sheet, "A4", COLOURS, style.NOTE)
    if not follows:
        note = "The network at one iteration. Type another number into the blue cell: it follows."
        put_text(sheet, "A2", note, style.NOTE)
        put_choice(sheet, iterations)
        return {}
    note = f"The network at the iteration that is chosen on the sheet {walkthrough.PAGE.name}."
    put_text(sheet, "A2", note, style.NOTE)
    put_label(sheet, "A3", "iteration")
    sheet[CHOICE].value = f"={walkthrough.PAGE.name}!$B$3"
    sheet[CHOICE].alignment = Alignment(horizontal="left")
    return {CHOICE: 1.0}


def _picture(sheet: Worksheet, trace: Run) -> None:
    """The picture of `bpsheet draw`. It has nothing live, and says so."""
    note = (
        "The network at iteration 1. It is too large for cells, and a picture: it does not follow."
    )
    put_text(sheet, "A2", note, style.NOTE)
    image = Image(io.BytesIO(picture_bytes(draw_network(trace, 1), ".png")))
    image.width, image.height = (int(PIXELS * inches) for inches in network_size(trace))
    sheet.add_image(image, "A4")


def _lines(model: NetworkModel) -> int:
    """How many rows the tallest layer takes: a line for each weight, or a neuron's four."""
    return max(
        len(model.inputs) * 2,
        *(len(layer.outputs) * (_group(layer) + 1) for layer in model.layers),
    )


def _group(layer: LayerNames) -> int:
    """How many rows a neuron takes: a line for each weight and the bias, or its box."""
    return max(len(layer.of_neuron(0)), 4)


class _Page:
    """Blocks of columns, from left to right."""

    def __init__(self, sheet: Worksheet, steps: Sheet, values: dict[str, float | str]) -> None:
        self.sheet, self.steps, self.values = sheet, steps, values
        self.shown = steps.layout.by_name
        self.boxes = Boxes(sheet)
        self.column = 1
        self.height = 0
        # The columns of the adjustments, and what they show.
        self.moved: dict[str, list[float | str]] = {}

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
        self._gap(2)
        self._singles("Targets", model.network.targets, Phase.INPUT)
        if model.loss is not None:
            self._gap(2)
            self._singles("Loss", [model.loss], Phase.FORWARD)
        if self.moved:
            self._scale()
        last = get_column_letter(self.column - 1)
        self.sheet.print_area = f"A1:{last}{FIRST_ROW + self.height - 1}"

    def _gap(self, width: float) -> int:
        """A column between blocks."""
        return self._block("", None, [width])

    def _block(self, title: str, phase: Phase | None, widths: Sequence[float]) -> int:
        """The next columns, with a title above them. The first one's number."""
        left = self.column
        for column, width in enumerate(widths, start=left):
            self.sheet.column_dimensions[get_column_letter(column)].width = width
            if phase is not None:
                self.sheet.cell(BAND_ROW, column).fill = style.solid(style.BANDS[phase][0])
        if title:
            put_text(self.sheet, _place(BAND_ROW, left), title, style.BAND_FONT)
        self.column += len(widths)
        return left

    def _tops(self, count: int, lines: int) -> list[int]:
        """Where things of so many lines begin, evenly over the height."""
        share = self.height / count
        return [FIRST_ROW + int((index + 0.5) * share - lines / 2) for index in range(count)]

    def _singles(self, title: str, names: Sequence[str], phase: Phase, least: float = 7) -> None:
        """Quantities on lines of their own: name and value."""
        left = self._block(title, phase, [_width(names, least), VALUES])
        kinds = [NAME.filled(style.BANDS[phase][1]), VALUE]
        for name, row in zip(names, self._tops(len(names), 1), strict=True):
            self.boxes.draw(row, left, [kinds])
            put_text(self.sheet, _place(row, left), name)
            self._value(row, left + 1, name)

    def _weights(self, layer: LayerNames) -> None:
        """A line for each weight of the layer, beside the neuron to which it leads."""
        sources = ["1"] * bool(layer.biases) + list(layer.inputs)
        names = [layer.of_neuron(index) for index in range(len(layer.outputs))]
        widths = [_width(sources, 4), _width([name for some in names for name in some], 7), VALUES]
        left = self._block("Weights", Phase.WEIGHT, widths)
        self._block("Adjustments", Phase.UPDATE, [ADJUSTMENTS])
        kinds = [SOURCE, NAME, VALUE.filled(style.BANDS[Phase.WEIGHT][1]), VALUE]
        for top, weights in zip(self._tops(len(names), len(sources)), names, strict=True):
            self.boxes.draw(top, left, [kinds] * len(sources), strong=False)
            for row, (source, weight) in enumerate(zip(sources, weights, strict=True), start=top):
                put_text(self.sheet, _place(row, left), source)
                put_text(self.sheet, _place(row, left + 1), weight)
                self._value(row, left + 2, weight)
                self._adjustment(row, left + 3, weight)

    def _adjustment(self, row: int, column: int, weight: str) -> None:
        """What is added to a weight; a word where the weight is never moved."""
        adjustment = self.steps.layout.program.adjustment_of(weight)
        if adjustment is None:
            put_text(self.sheet, _place(row, column), "fixed")
            return
        value = self._value(row, column, adjustment)
        self.moved.setdefault(get_column_letter(column), []).append(value)

    def _neurons(self, layer: LayerNames, arrows: int, *, is_last: bool) -> None:
        """A box for each neuron: its sum where the layout shows it, its output, its error term."""
        title = "Output layer" if is_last else f"Layer {layer.number}"
        left = self._block(title, Phase.FORWARD, [_width(WORDS, 7), VALUES])
        pale, error = style.BANDS[Phase.FORWARD][1], style.BANDS[Phase.BACKWARD][1]
        for index, name in enumerate(layer.neurons):
            lines = self._neuron(layer, index)
            top = self._tops(len(layer.neurons), len(lines) + 1)[index]
            kinds = [
                [NAME.filled(error), VALUE.filled(error)] if word == ERROR else [NAME, VALUE]
                for word, _ in lines
            ]
            self.boxes.draw(top, left, [[HEAD.filled(pale)] * 2, *kinds])
            put_text(self.sheet, _place(top, left), name)
            for row, (word, quantity) in enumerate(lines, start=top + 1):
                put_text(self.sheet, _place(row, left), word)
                self._value(row, left + 1, quantity)
            arrow = self.sheet.cell(top + (len(lines) + 1) // 2, arrows)
            put_text(self.sheet, arrow.coordinate, "→", style.LABEL)
            arrow.alignment = Alignment(horizontal="center", vertical="center")

    def _neuron(self, layer: LayerNames, index: int) -> list[tuple[str, str]]:
        """The quantities in a neuron's box, in words and by their names."""
        program = self.steps.layout.program
        weighted_sum = layer.sums[index]
        names = weighted_sum, layer.outputs[index], program.derivative_of(weighted_sum)
        pairs = zip(WORDS, names, strict=True)
        return [(word, name) for word, name in pairs if name in self.shown]  # type: ignore[misc]

    def _value(self, row: int, column: int, name: str) -> float | str:
        place = _place(row, column)
        self.values[place] = look_up(self.sheet, place, self.steps, name)
        return self.values[place]

    def _scale(self) -> None:
        """Colours from the largest adjustment down to the largest up, white where nothing moves."""
        letters, values = list(self.moved), list(chain.from_iterable(self.moved.values()))
        areas = [f"{x}{FIRST_ROW}:{x}{FIRST_ROW + self.height - 1}" for x in letters]
        place, cells = f"{letters[0]}3", ",".join(areas)
        label = get_column_letter(self.sheet[place].column - 1)
        put_label(self.sheet, f"{label}3", "largest adjustment")
        self.sheet[place].value = f"=MAX(MAX({cells}),-MIN({cells}))"
        self.sheet[place].number_format = style.SIZE
        errors = [value for value in values if isinstance(value, str)]
        self.values[place] = errors[0] if errors else max(map(abs, values))  # type: ignore[arg-type]
        largest = f"MAX(${letters[0]}$3,1E-300)"
        self.sheet.conditional_formatting.add(" ".join(areas), style.colour_scale(largest))


def _place(row: int, column: int) -> str:
    return f"{get_column_letter(column)}{row}"


def _width(words: Sequence[str], least: float) -> float:
    return max(least, 3 + max(map(len, words)))
