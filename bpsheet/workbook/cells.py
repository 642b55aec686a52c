"""Putting text and numbers into openpyxl's cells, safely.

Text that begins with `=` is text here, never a formula: titles and names come from users.
"""

from __future__ import annotations

from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["put_number", "put_text"]

# What a spreadsheet would take for the beginning of a formula when the cell is edited.
FORMULA_STARTS = ("=", "+", "-", "@")


def put_text(sheet: Worksheet, place: str, text: str, font: Font | None = None) -> None:
    """A text cell, whatever the text begins with."""
    cell = sheet[place]
    cell.value = text
    cell.data_type = "s"
    if font is not None:
        cell.font = font
    if text.startswith(FORMULA_STARTS):
        cell.quotePrefix = True


def put_number(sheet: Worksheet, place: str, value: float, font: Font | None = None) -> None:
    """A number cell: whole numbers without a decimal point."""
    cell = sheet[place]
    cell.value = int(value) if value == int(value) and abs(value) < 1e15 else value
    if font is not None:
        cell.font = font
