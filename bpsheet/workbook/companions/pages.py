"""The sheet Matrices on paper: an iteration on each page, or on some."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.workbook.companions.block import Block, Sizes
from bpsheet.xlsx.view import set_page

__all__ = ["TITLE_HEIGHT", "set_pages"]

# Of the title, which is printed on each page, and of a row that nobody sets, in points.
TITLE_HEIGHT, ROW = 22.0, 15.0
# The width of a character of a column, in points.
CHARACTER = 5.7
# The margin of a page in inches; the page's width by its height; the tallest block that is made to fit
# on one page, in points.
MARGIN, SIDES, TALLEST = 0.4, 780 / 530, 800.0


def set_pages(sheet: Worksheet, sizes: Sizes, blocks: Sequence[Block]) -> None:
    """The widths of columns, and what is printed: as wide as a page, each block from a new page on."""
    set_page(sheet, "landscape", down=0)
    last = sizes.last_column
    if sizes.arrays.is_shelved:
        sheet.page_margins = PageMargins(left=MARGIN, right=MARGIN, top=MARGIN, bottom=MARGIN)
        tall = _height(sheet, 1, blocks[1].top)
        while tall < TALLEST and _points(sizes, last) < tall * SIDES:
            # With empty columns at the right a block is printed smaller, and fits on its page.
            last += 1
        for block in blocks:
            _break_between_shelves(sheet, block, _points(sizes, last) / SIDES)
    for column in range(1, last + 1):
        sheet.column_dimensions[get_column_letter(column)].width = sizes.width(column)
    for block in blocks[1:]:
        sheet.row_breaks.append(Break(id=block.top - 1))
    sheet.print_title_rows = "1:1"
    bottom = blocks[-1].top + sizes.height - 2
    sheet.print_area = f"A1:{get_column_letter(last)}{bottom}"


def _points(sizes: Sizes, last: int) -> float:
    """The width of the columns up to one."""
    return CHARACTER * sum(map(sizes.width, range(1, last + 1)))


def _height(sheet: Worksheet, first: int, after: int) -> float:
    """The height of the rows from one to the one before another."""
    return sum(sheet.row_dimensions[row].height or ROW for row in range(first, after))


def _break_between_shelves(sheet: Worksheet, block: Block, height: float) -> None:
    """Break a block that is taller than its page; the title stands on each page."""
    begin = 1 if block.chosen else block.top
    tops = [row - 2 for (_, line), row in block.first_rows.items() if line == 0]
    ends = [*tops[2:], block.top + block.sizes.height - 1]
    for top, after in zip(tops[1:], ends, strict=False):
        title = 0.0 if begin == 1 else TITLE_HEIGHT
        if title + _height(sheet, begin, after) > height:
            sheet.row_breaks.append(Break(id=top - 1))
            begin = top
