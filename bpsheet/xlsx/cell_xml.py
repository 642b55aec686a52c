"""The cells of openpyxl's sheets as XML, in the canonical form.

openpyxl makes an element of each cell, one at a time. Writing the text at once takes a tenth of
that, and a sheet of thousands of columns has as many cells before its first row of numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from openpyxl.cell.rich_text import CellRichText
from openpyxl.compat import safe_string
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.xlsx.canonical import element_text
from bpsheet.xlsx.markup import escaped, quoted, words
from bpsheet.xlsx.notes import Note

__all__ = ["TextCell", "rows_of"]

# The types of cells, by openpyxl's names: texts, numbers, truth values, errors and formulas.
TYPES = {"s": ' t="inlineStr"', "n": ' t="n"', "b": ' t="b"', "e": ' t="e"', "f": ""}


@dataclass(slots=True)
class TextCell:
    """A cell of a sheet that holds a text or nothing, with the number of its style.

    openpyxl's own cell takes ten times as long to make.
    """

    row: int
    column: int
    text: str
    style: int
    comment: Note | None = None
    hyperlink: None = None

    @property
    def coordinate(self) -> str:
        return f"{get_column_letter(self.column)}{self.row}"

    def xml(self) -> str:
        begin = f'<c r="{get_column_letter(self.column)}{self.row}" s="{self.style}"'
        if not self.text:
            return f'{begin} t="n"/>'
        return f'{begin} t="inlineStr"><is>{words(self.text)}</is></c>'


def rows_of(sheet: Worksheet) -> str:
    """The `<row>` elements of a sheet, with every cell that has a value, a look or a note."""
    heights = sheet.row_dimensions
    made = sheet._cells  # noqa: SLF001 - all cells, without making new ones
    cells = {
        row: [made[place] for place in places]
        for row, places in groupby(sorted(made), key=itemgetter(0))
    }
    writer = _CellWriter()
    parts = []
    for row in sorted(cells.keys() | heights.keys()):
        more = writer.row(heights[row]) if row in heights else ""
        inside = "".join(map(writer.text, cells.get(row, [])))
        begin = f'<row r="{row}"{more}'
        parts.append(f"{begin}>{inside}</row>" if inside else f"{begin}/>")
    return "".join(parts)


def _attributes(given: Any) -> str:
    """The attributes that openpyxl's object gives, in its order."""
    return "".join(f" {name}={quoted(value)}" for name, value in dict(given).items())


class _CellWriter:
    """Cells as text. It looks up the number of each style once: openpyxl searches its list each time."""

    def __init__(self) -> None:
        self._styles: dict[bytes, str] = {}
        self._rows: dict[float, str] = {}

    def row(self, given: Any) -> str:
        """The attributes of a row that differs from others in its height, if at all."""
        if given.hidden or given.outlineLevel or given.collapsed or given.has_style or not given.ht:
            return _attributes(given)
        if given.ht not in self._rows:
            self._rows[given.ht] = _attributes(given)
        return self._rows[given.ht]

    def text(self, cell: Any) -> str:
        """The `<c>` element of a cell; nothing for one without a value, a look or a note."""
        if isinstance(cell, TextCell):
            return cell.xml()
        value, kind = cell.value, cell.data_type
        if value is None and not cell.has_style and cell.comment is None:
            return ""
        begin = f'<c r="{cell.coordinate}"{self._style(cell)}{TYPES[kind]}'
        if value is None or value == "":
            return f"{begin}/>"
        if kind == "f":
            return f"{begin}>{_formula(value)}<v/></c>"
        if kind == "s":
            return f"{begin}>{_words(value)}</c>"
        return f"{begin}><v>{escaped(safe_string(value))}</v></c>"

    def _style(self, cell: Any) -> str:
        if not cell.has_style:
            return ""
        key = cell._style.tobytes()  # noqa: SLF001 - what cell.style_id is made from
        if key not in self._styles:
            self._styles[key] = f' s="{cell.style_id}"'
        return self._styles[key]


def _formula(value: str | ArrayFormula) -> str:
    if isinstance(value, ArrayFormula):
        return f"<f{_attributes(value)}>{escaped(str(value.text)[1:])}</f>"
    return f"<f>{escaped(value[1:])}</f>"


def _words(value: str | CellRichText) -> str:
    if isinstance(value, CellRichText):
        return element_text(value.to_tree())
    return f"<is>{words(value)}</is>"
