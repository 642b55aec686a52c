"""The rows of a sheet as XML, streamed.

Every formula cell carries its value. A column's formula is stored once, and the cells below
share it. So a row is one template, filled in with the row's number and its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import orjson

from bpsheet.engine.recording import Codes, Recorded, Recording
from bpsheet.formula.evaluate import ERRORS
from bpsheet.workbook.layout import Layout, Shown
from bpsheet.workbook.sheet import Sheet
from bpsheet.workbook.steps import RowStyles
from bpsheet.xlsx.cells import FIRST_ROW
from bpsheet.xlsx.markup import escaped

__all__ = ["Reader", "row_templates", "row_xml"]

# A block has at most BLOCK cells and at most MOST_ROWS rows.
BLOCK, MOST_ROWS = 1 << 15, 1024
# The mark for the row's number in a template. No formula contains it.
ROW = "@"


class Reader:
    """Reads a recording's rows from the first to the last, a block at a time."""

    def __init__(self, recording: Recorded) -> None:
        self._pieces = recording.pieces()
        self._piece: Recording | None = None
        self._used = 0

    def rows(self, count: int, most: int) -> Iterator[Recording]:
        """The next `count` rows, at most `most` at a time."""
        while count:
            if self._piece is None or self._used == len(self._piece):
                self._piece, self._used = next(self._pieces), 0
            until = min(self._used + most, self._used + count, len(self._piece))
            yield self._piece.taken(range(self._used, until))
            count -= until - self._used
            self._used = until


def row_xml(
    sheet: Sheet, styles: RowStyles, reader: Reader, progress: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """The `<row>` elements of a sheet's rows, a block at a time.

    `progress` is called with the number of the recording's rows that are written.
    """
    layout = sheet.layout
    cells = [
        _CellWriter(shown, layout, styles[index], index, sheet.last_row)
        for index, shown in enumerate(layout.shown)
    ]
    template = f'<row r="{ROW}">' + "".join(cell.template() for cell in cells) + "</row>"
    indices = [layout.program.position[shown.column.name] for shown in layout.shown]
    verdicts = [index for index, shown in enumerate(layout.shown) if shown.column.labels]
    clean = np.zeros(len(layout.program), dtype=np.uint8)
    number = FIRST_ROW
    most = max(1, min(MOST_ROWS, BLOCK // len(cells)))
    for block in reader.rows(len(sheet), most):
        shown = np.ascontiguousarray(block.values[:, indices])
        text = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY).decode()
        text = text.replace(".0,", ",").replace(".0]", "]")
        lines = []
        for row, line in enumerate(text[2:-2].split("],[")):
            values = line.split(",")
            late = row >= block.first_error_row
            if late or number < FIRST_ROW + 2:
                codes = block.errors[row - block.first_error_row] if late else clean
                lines.append(_special_row(cells, values, codes[indices], number))
            else:
                for index in verdicts:
                    values[index] = cells[index].label(values[index])
                lines.append(template.replace(ROW, str(number)) % tuple(values))
            number += 1
        yield "".join(lines).encode()
        if progress is not None:
            progress(sheet.rows.start + number - FIRST_ROW)


def row_templates(sheet: Sheet, styles: RowStyles) -> list[list[str]]:
    """The cells of the first row, the second and any later one, with marks: @ and %s.

    @ stands for the row's number and %s for a cell's value.
    """
    cells = [
        _CellWriter(shown, sheet.layout, styles[index], index, sheet.last_row)
        for index, shown in enumerate(sheet.layout.shown)
    ]
    return [
        [cell.special(FIRST_ROW, "%s", "", labelled=True) for cell in cells],
        [cell.special(FIRST_ROW + 1, "%s", "", labelled=True) for cell in cells],
        [cell.template().replace("%%", "%") for cell in cells],
    ]


def _special_row(cells: list[_CellWriter], values: list[str], codes: Codes, number: int) -> str:
    """A row that begins a shared formula, or that holds an error."""
    parts = [
        cell.special(number, value, ERRORS[code])
        for cell, value, code in zip(cells, values, codes, strict=True)
    ]
    return f'<row r="{number}">{"".join(parts)}</row>'


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
        # On a sheet that continues another sheet, the first row looks into that other sheet.
        continues = layout.above is not None and shown.looks_back
        self.begins = FIRST_ROW + (layout.starts_typed(shown) or continues)

    def label(self, value: str) -> str:
        """The word that stands for a number: a verdict or a name."""
        assert self.labels is not None
        return escaped(self.labels[int(value)])

    def _formula(self, row: int | str) -> str:
        """The `<f>` element of a cell, empty where a number is typed."""
        if self.shown.formula is None:
            return ""
        shares = self.shown.is_shared and (isinstance(row, str) or row >= self.begins)
        if shares and row != self.begins:
            return f'<f t="shared" si="{self.number}"/>'
        text = escaped(self.layout.formula(self.shown.column.name, row) or "")
        if not shares:
            return f"<f>{text}</f>" if text else ""
        area = f"{self.shown.letter}{self.begins}:{self.shown.letter}{self.last}"
        return f'<f t="shared" ref="{area}" si="{self.number}">{text}</f>'

    def template(self) -> str:
        """A cell of any row but the first two, with marks for its row and its value."""
        kind = ' t="str"' if self.labels else ""
        formula = self._formula(ROW).replace("%", "%%")
        return f'<c r="{self.shown.letter}{ROW}" s="{self.style}"{kind}>{formula}<v>%s</v></c>'

    def special(self, row: int, value: str, error: str, *, labelled: bool = False) -> str:
        """The cell of one row. `labelled` says that a verdict's value is its word."""
        style = self.first_style if row == FIRST_ROW else self.style
        kind = ' t="e"' if error else ' t="str"' if self.labels else ""
        shown = error or (self.label(value) if self.labels and not labelled else value)
        formula = self._formula(row)
        return f'<c r="{self.shown.letter}{row}" s="{style}"{kind}>{formula}<v>{shown}</v></c>'
