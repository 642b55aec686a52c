"""What is printed of a sheet of rows, and in which words the sheet About says so."""

from __future__ import annotations

from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import FIRST_ROW
from bpsheet.xlsx.view import set_page

__all__ = ["BAND_ROW", "HEADER_ROW", "printed", "set_print"]

BAND_ROW, HEADER_ROW = 6, 7
# About so many characters across a landscape page are still easy to read.
PAGE = 170
# A run of more rows is printed without its middle. So it takes about twenty pages, one above another.
MOST_PRINTED = 1_000


def set_print(sheet: Worksheet, content: Sheet, width: float) -> None:
    """Set what is printed: the columns in view, so many to a page, below their headers.

    `width` is the width of the columns in view, in characters.
    """
    frozen = content.layout.frozen
    across = max(1, round(width / PAGE))
    set_page(sheet, "landscape", across=across, down=0)
    # The pages side by side follow one another.
    sheet.page_setup.pageOrder = "overThenDown"
    sheet.print_title_rows = f"{BAND_ROW}:{HEADER_ROW}"
    if across > 1 and frozen:
        sheet.print_title_cols = f"A:{get_column_letter(frozen)}"
    sheet.print_area = _areas(content)
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top = sheet.page_margins.bottom = 0.6
    sheet.page_margins.footer = 0.3
    if sheet.oddFooter is not None:
        sheet.oddFooter.center.text = "Page &P of &N"


def _areas(content: Sheet) -> str:
    if len(content) <= MOST_PRINTED:
        return content.area
    last, half = content.layout.shown[-1].letter, MOST_PRINTED // 2
    begins = content.last_row - half + 1
    return f"A1:{last}{FIRST_ROW + half - 1},A{begins}:{last}{content.last_row}"


def printed(content: Sheet) -> str:
    """What is printed of a sheet, in words."""
    rows = "every row"
    if len(content) > MOST_PRINTED:
        half = MOST_PRINTED // 2
        rows = f"the first {half} rows and the last {half}"
    return (
        f"{rows}, with the columns that are in view. Unfold columns to print them too, or set another "
        "print area."
    )
