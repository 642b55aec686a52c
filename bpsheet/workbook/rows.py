"""The rows of a sheet as XML, streamed.

Every formula cell carries its value. A column's formula is stored once, and the cells below
share it. So a row is one template, filled in with the row's number and its values.
"""

from __future__ import annotations

import re
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
# The marks for the row's number and for a value in a template. No formula contains them.
ROW, VALUE = "@", "\0"


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
    row = f'<row r="{ROW}">' + "".join(cell.template() for cell in cells) + "</row>"
    pieces = re.split(f"([{ROW}{VALUE}])", row)
    indices = [layout.program.position[shown.column.name] for shown in layout.shown]
    clean = np.zeros(len(cells), dtype=np.uint8)
    number = FIRST_ROW
    most = max(1, min(MOST_ROWS, BLOCK // len(cells)))
    for block in reader.rows(len(sheet), most):
        shown = block.values[:, indices].ravel()
        text = orjson.dumps(shown, option=orjson.OPT_SERIALIZE_NUMPY).decode()[1:-1]
        values = text.replace(".0,", ",").removesuffix(".0").split(",")
        count, width = len(block), len(cells)
        late = min(block.first_error_row, count)
        begun = min(max(FIRST_ROW + 2 - number, 0), late)
        before = [
            _special_row(cells, values[row * width : (row + 1) * width], clean, number + row)
            for row in range(begun)
        ]
        after = [
            _special_row(
                cells, values[row * width : (row + 1) * width], codes[indices], number + row
            )
            for row, codes in enumerate(block.errors[: count - late], start=late)
        ]
        plain = values[begun * width : late * width]
        columns = [cell.shown_values(plain[place::width]) for place, cell in enumerate(cells)]
        filled = _filled(pieces, columns, range(number + begun, number + late))
        yield "".join([*before, filled, *after]).encode()
        number += count
        if progress is not None:
            progress(sheet.rows.start + number - FIRST_ROW)


def _filled(pieces: list[str], columns: list[list[str]], numbers: range) -> str:
    """Rows that differ in their numbers and values alone.

    `pieces` has the text of a row and its marks in turn, and `columns` the values of each column.
    All rows are filled in at once, mark by mark.
    """
    filled = pieces * len(numbers)
    written, left = list(map(str, numbers)), iter(columns)
    for place in range(1, len(pieces), 2):
        filled[place :: len(pieces)] = written if pieces[place] == ROW else next(left)
    return "".join(filled)


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
        [cell.template().replace(VALUE, "%s") for cell in cells],
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

    def shown_values(self, values: list[str]) -> list[str]:
        """These numbers, or the words that stand for them: verdicts or names."""
        if self.labels is None:
            return values
        words = list(map(escaped, self.labels))
        return [words[int(value)] for value in values]

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
        formula = self._formula(ROW)
        return f'<c r="{self.shown.letter}{ROW}" s="{self.style}"{kind}>{formula}<v>{VALUE}</v></c>'

    def special(self, row: int, value: str, error: str, *, labelled: bool = False) -> str:
        """The cell of one row. `labelled` says that a verdict's value is its word."""
        style = self.first_style if row == FIRST_ROW else self.style
        kind = ' t="e"' if error else ' t="str"' if self.labels else ""
        (shown,) = [error] if error else [value] if labelled else self.shown_values([value])
        formula = self._formula(row)
        return f'<c r="{self.shown.letter}{row}" s="{style}"{kind}>{formula}<v>{shown}</v></c>'
