"""The cells that follow from some cells, by the formulas between them."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

from bpsheet.workbook.layout import Layout
from bpsheet.workbook.revision import Spot
from bpsheet.workbook.sheet import Sheet

__all__ = ["consequences"]

Marks = npt.NDArray[np.bool_]


def consequences(
    sheets: Sequence[tuple[Sheet, tuple[int, ...]]], starts: AbstractSet[Spot]
) -> list[Marks]:
    """For each cell of the sheets, whether it follows from one of the cells `starts`.

    A sheet comes with its number of rows and columns in the file. A study looks at one row of the
    run: where any row of the run follows, all of the study does.
    """
    marks = [np.zeros(shape, bool) for _, shape in sheets]
    if not starts:
        return marks
    before: Marks | None = None
    program = sheets[0][0].layout.program
    for number, (sheet, _) in enumerate(sheets):
        first = {(i, p) for n, i, p in starts if n == number}
        is_run = sheet.layout.program is program
        if not is_run and before is not None and before.any():
            marks[number][:] = True
        else:
            before = _along(sheet.layout, marks[number], first, before if is_run else None)
    return marks


def _along(
    layout: Layout, marks: Marks, starts: AbstractSet[tuple[int, int]], before: Marks | None
) -> Marks | None:
    """Mark what follows, row by row. Returns which columns of the last row are affected."""
    place = {shown.column.name: index for index, shown in enumerate(layout.shown)}
    uses = [[(place[ref.name], ref.lag) for ref in shown.uses.references] for shown in layout.shown]
    rows = {index for index, _ in starts}
    last = np.zeros(len(uses), bool) if before is None else before
    is_settled = not last.any()
    for index in range(len(marks)):
        if is_settled and index not in rows:
            marks[index] = marks[index - 1] if index and last.any() else False
            continue
        affected = last.copy()
        for column, used in enumerate(uses):
            is_first = index == 0 and layout.starts_typed(layout.shown[column])
            follows = not is_first and any((last if lag else affected)[i] for i, lag in used)
            marks[index, column] = follows
            affected[column] = follows or (index, column) in starts
        is_settled = bool((affected == last).all()) and index not in rows
        last = affected
    return last
