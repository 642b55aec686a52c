"""How a sheet looks on the screen and on paper."""

from __future__ import annotations

from typing import Literal

from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["set_page", "without_grid"]


def set_page(
    sheet: Worksheet,
    orientation: Literal["portrait", "landscape"] | None = None,
    *,
    across: int | None = None,
    down: int | None = None,
) -> None:
    """Fit a sheet to A4 paper.

    `across` and `down` are the largest numbers of pages side by side and one below another. 0
    sets no limit, and None leaves the spreadsheet's default of one page.
    """
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    if orientation is not None:
        sheet.page_setup.orientation = orientation
    if across is not None:
        sheet.page_setup.fitToWidth = across
    if down is not None:
        sheet.page_setup.fitToHeight = down


def without_grid(sheet: Worksheet) -> None:
    """Hide the lines between the cells."""
    sheet.sheet_view.showGridLines = False
