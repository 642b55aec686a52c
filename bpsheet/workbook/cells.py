"""Putting text and numbers into openpyxl's cells, safely.

Text that begins with `=` is text here, never a formula: titles and names come from users.
"""

from __future__ import annotations

from openpyxl.styles import Font
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.printers.excel import excel_number

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
    """A number cell, with every digit. (openpyxl writes 16 of them, which changes 42 % of numbers.)"""
    cell = sheet[place]
    cell.value = excel_number(value)
    cell.data_type = "n"
    if font is not None:
        cell.font = font
