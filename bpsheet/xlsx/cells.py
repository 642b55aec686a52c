"""Putting text and numbers into openpyxl's cells, safely.

Text that begins with `=` is text here, never a formula: titles and names come from users.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from copy import copy
from typing import Any

from openpyxl.styles import Font
from openpyxl.styles.cell_style import StyleArray
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.printers.excel import excel_number, spelled

__all__ = ["FIRST_ROW", "PARAMETER_ROW", "Looks", "put_number", "put_text"]

# Rows 1-3 of a sheet of rows say what it shows, row 5 has the hyper-parameters, row 7 the headers.
FIRST_ROW = 8
PARAMETER_ROW = 5

# What a spreadsheet would take for the beginning of a formula when the cell is edited.
FORMULA_STARTS = ("=", "+", "-", "@")


def put_text(sheet: Worksheet, place: str, text: str, font: Font | None = None) -> None:
    """A text cell, whatever the text begins with."""
    cell = sheet[place]
    cell.value = spelled(text)
    cell.data_type = "s"
    if font is not None:
        cell.font = font
    if text.startswith(FORMULA_STARTS):
        cell.quotePrefix = True


def put_number(sheet: Worksheet, place: str, value: float, font: Font | None = None) -> None:
    """A number cell, with every digit. (openpyxl writes 16 of them, which changes 42 % of numbers.)"""
    cell = sheet[place]
    cell.value = excel_number(value)
    cell.data_type = "n"
    if font is not None:
        cell.font = font


class Looks:
    """Looks that many cells share, put together once.

    openpyxl searches its lists of fonts, fills and borders whenever a cell is given one; with
    thousands of columns that took longer than all the rest.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, StyleArray] = {}

    def give(self, cell: Any, kind: Hashable, dress: Callable[[Any], None]) -> int:
        """Make a cell look as others of its kind; the first is dressed. Its style's number."""
        if kind not in self._made:
            dress(cell)
            self._made[kind] = copy(cell._style)  # noqa: SLF001 - what cell.style_id is made from
        cell._style = copy(self._made[kind])  # noqa: SLF001
        return int(cell.style_id)
