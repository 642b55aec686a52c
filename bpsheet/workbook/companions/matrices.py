"""The sheet Matrices: iterations as blocks of vectors and matrices, as people draw them by hand.

The forward pass goes from left to right, the backward pass below it from right to left. Each gradient
stands under its weights, and the new weights stand under that. A block is live: each of its arrays is
one array formula, or where spreadsheet programs would differ, one formula for each entry. Formulas of
one's own (`[graph]`) take several shelves, with the backward pass below the forward pass of each. The first block shows the iteration whose number is typed into one cell; the blocks
below show the first iterations, each with the weights with which the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.errors import LimitError
from bpsheet.pictures.frames import has_frames
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.block import FIRST_ITERATIONS, Block, Sizes
from bpsheet.workbook.companions.chosen import put_choice
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.companions.pages import TITLE_HEIGHT, set_pages
from bpsheet.workbook.layout import MAX_COLUMNS, MAX_FORMULA
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import Looks, put_text
from bpsheet.xlsx.view import without_grid

__all__ = ["COMPANION"]

TOP = 5


def _check(run: Run, steps: Sheet) -> None:
    if not steps.layout.traits.every_step:
        raise LimitError("the sheet Matrices shows every step: use the layout full or matrix")
    if not has_frames(run.program):
        raise LimitError(
            "the sheet Matrices would have nothing to draw: this experiment has numbers only, no "
            "vectors and no matrices"
        )
    if not _clean(run):
        raise LimitError("the sheet Matrices would have errors: the first iteration overflows")
    sizes = Sizes(run.program)
    if sizes.last_column > MAX_COLUMNS:
        raise LimitError(
            f"the sheet Matrices would have {sizes.last_column:,} columns; a worksheet holds "
            f"{MAX_COLUMNS:,}"
        )
    longest = max(
        block.longest for block in _blocks(Workbook().create_sheet(), run, steps, sizes, 0)
    )
    if longest > MAX_FORMULA:
        raise LimitError(
            f"the sheet Matrices would have a formula of {longest:,} characters; {MAX_FORMULA:,} "
            "at the most"
        )


def _clean(run: Run) -> int:
    """How many of the first iterations have no error."""
    first = run.values[: FIRST_ITERATIONS + 1]
    return int(np.isfinite(first).all(axis=1).argmin()) or len(first) * bool(
        np.isfinite(first).all()
    )


def _note(run: Run, sizes: Sizes) -> str:
    if sizes.arrays.is_shelved:
        loss = run.program.loss
        d = "" if loss is None else f": dX is ∂{loss.name}/∂X"
        return (
            "The forward pass goes to the right and down, the backward pass up again. Below each "
            f"stands its derivative{d}. η is the learning rate. Change numbers on Steps and Data."
        )
    said = (
        "The forward pass goes from left to right, the backward pass below it from right to left. "
    )
    if run.program.loss is not None:
        sign = "−" if run.program.slope_sign < 0 else ""
        said += f"dW1 is {sign}∂{run.program.loss.name}/∂W1, δ the same for z, ′ a derivative, η the learning rate. "
    return said + "Each frame is one array formula. Change numbers on Steps and Data."


def _build(book: Workbook, run: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Matrices. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    sizes = Sizes(run.program)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = TITLE_HEIGHT
    put_text(sheet, "A2", _note(run, sizes), style.NOTE)
    put_choice(sheet, len(steps))
    blocks = list(_blocks(sheet, run, steps, sizes, 0))
    sheet.freeze_panes = "A5"
    without_grid(sheet)
    set_pages(sheet, sizes, blocks)
    return {at: value for block in blocks for at, value in block.values.items()}


def _blocks(sheet: Worksheet, run: Run, steps: Sheet, sizes: Sizes, chosen: int) -> Iterator[Block]:
    """Fill in the blocks: of the chosen iteration (from 0), then of the first ones."""
    looks = Looks()
    yield Block(sheet, run, steps, sizes, TOP, chosen, chosen=True, looks=looks)
    before: Block | None = None
    for number in range(min(_clean(run), FIRST_ITERATIONS, len(steps))):
        top = TOP + (number + 1) * sizes.height
        before = Block(sheet, run, steps, sizes, top, number, before=before, looks=looks)
        yield before


def _numbers(run: Run, steps: Sheet, iteration: int) -> dict[str, float]:
    """The numbers in the cells when an iteration (from 1) is chosen."""
    blocks = _blocks(Workbook().create_sheet(), run, steps, Sizes(run.program), iteration - 1)
    return {at: value for block in blocks for at, value in block.numbers.items()}


COMPANION = Companion("matrices", "Matrices", _check, lambda _run, _steps: False, _build, _numbers)
