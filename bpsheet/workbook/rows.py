"""The rows of a sheet as XML, streamed.

Every formula cell carries its value. A column's formula is stored once and shared by the
cells below, so that a row is one template filled in with its number and its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

import numpy as np
import orjson

from bpsheet.engine import Recording
from bpsheet.evaluate import ERRORS
from bpsheet.expr import Lookup, walk
from bpsheet.workbook.layout import FIRST_ROW, Layout, Shown
from bpsheet.workbook.sheet import Sheet
from bpsheet.workbook.steps import RowStyles

__all__ = ["row_xml"]

CHUNK = 1024
# Stands for the row's number in templates; no formula contains it.
ROW = "@"


def row_xml(
    sheet: Sheet, styles: RowStyles, progress: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """The `<row>` elements of all rows, a chunk of text at a time."""
    layout, recording = sheet.layout, sheet.recording
    cells = [
        _CellWriter(shown, layout, styles[index], index, sheet.last_row)
        for index, shown in enumerate(layout.shown)
    ]
    template = f'<row r="{ROW}">' + "".join(cell.template() for cell in cells) + "</row>"
    places = [layout.program.position[shown.column.name] for shown in layout.shown]
    verdicts = [index for index, shown in enumerate(layout.shown) if shown.column.labels]
    clean_until = recording.first_error_row
    for start in range(0, len(sheet), CHUNK):
        block = np.ascontiguousarray(recording.values[start : start + CHUNK, places])
        numbers = orjson.dumps(block, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        lines = []
        numbers = numbers.replace(".0,", ",").replace(".0]", "]")
        for offset, line in enumerate(numbers[2:-2].split("],[")):
            row = start + offset
            values = line.split(",")
            if row < 2 or row >= clean_until:
                lines.append(_special_row(recording, cells, places, row, values))
                continue
            for index in verdicts:
                values[index] = cells[index].label(values[index])
            lines.append(template.replace(ROW, str(row + FIRST_ROW)) % tuple(values))
        yield "".join(lines).encode()
        if progress is not None:
            progress(min(start + CHUNK, len(sheet)))


def _special_row(
    recording: Recording, cells: list[_CellWriter], places: list[int], row: int, values: list[str]
) -> str:
    """The rows that begin a shared formula, and those that hold errors."""
    codes = (
        recording.errors[row - recording.first_error_row]
        if row >= recording.first_error_row
        else None
    )
    parts = [
        cell.special(row + FIRST_ROW, value, ERRORS[codes[place]] if codes is not None else "")
        for cell, place, value in zip(cells, places, values, strict=True)
    ]
    return f'<row r="{row + FIRST_ROW}">{"".join(parts)}</row>'


class _CellWriter:
    """The cells of one column."""

    def __init__(
        self, shown: Shown, layout: Layout, styles: tuple[int, int], number: int, last: int
    ) -> None:
        self.shown = shown
        self.layout = layout
        self.first_style, self.style = styles
        self.number = number
        self.last = last
        self.labels = shown.column.labels
        # Excel never shares formulas that look into another sheet.
        self.is_shared = shown.formula is not None and not any(
            isinstance(node, Lookup) for node in walk(shown.formula)
        )
        self.begins = FIRST_ROW + 1 if shown.starts_typed else FIRST_ROW

    def label(self, value: str) -> str:
        """A verdict, or a name, in words."""
        assert self.labels is not None
        return escape(self.labels[int(value)])

    def _formula(self, row: int | str) -> str:
        """The `<f>` element of a cell, empty where a number is typed."""
        if self.shown.formula is None or (isinstance(row, int) and row < self.begins):
            return ""
        if self.is_shared and row != self.begins:
            return f'<f t="shared" si="{self.number}"/>'
        text = escape(self.layout.formula(self.shown.column.name, row) or "")
        if not self.is_shared:
            return f"<f>{text}</f>"
        area = f"{self.shown.letter}{self.begins}:{self.shown.letter}{self.last}"
        return f'<f t="shared" ref="{area}" si="{self.number}">{text}</f>'

    def template(self) -> str:
        """A cell of any row but the first two, with places for its row and its value."""
        kind = ' t="str"' if self.labels else ""
        formula = self._formula(ROW).replace("%", "%%")
        return f'<c r="{self.shown.letter}{ROW}" s="{self.style}"{kind}>{formula}<v>%s</v></c>'

    def special(self, row: int, value: str, error: str) -> str:
        """The cell of one row."""
        style = self.first_style if row == FIRST_ROW else self.style
        kind = ' t="e"' if error else ' t="str"' if self.labels else ""
        shown = error or (self.label(value) if self.labels else value)
        formula = self._formula(row)
        return f'<c r="{self.shown.letter}{row}" s="{style}"{kind}>{formula}<v>{shown}</v></c>'
