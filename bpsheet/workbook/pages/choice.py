"""The sheets over the rows of Steps: choosing those that a workbook has, and building them."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl import Workbook

from bpsheet.errors import LimitError
from bpsheet.runs.longrun import IN_MEMORY
from bpsheet.runs.run import Run
from bpsheet.workbook.pages.charts import CHARTS, MOST_ROWS, build_charts
from bpsheet.workbook.pages.diagram import DIAGRAM, build_diagram, check_diagram, network_for_cells
from bpsheet.workbook.pages.walkthrough import MOST_COLUMNS, WALKTHROUGH, build_walkthrough
from bpsheet.workbook.sheet import Sheet

__all__ = ["PAGES", "build_page", "choose_pages"]

# The sheets by the names of the options, in the order of the workbook.
PAGES = {"walkthrough": WALKTHROUGH, "diagram": DIAGRAM, "charts": CHARTS}
# Charts are added without being asked for only where they take little time.
ROWS_BY_DEFAULT = 2_000


def choose_pages(trace: Run, steps: Sheet, asked: Sequence[str] | None) -> list[str]:
    """The pages that are asked for; by default, in the layout full, those that fit.

    A long run has no pages by default, so that its workbook is the same when it is written piece
    by piece. Raises LimitError for a page that nobody could read, and for Diagram what
    `check_diagram` raises.
    """
    if asked is not None:
        for key in asked:
            _check(PAGES[key], trace, steps)
        return [PAGES[key] for key in asked]
    if steps.layout.kind != "full" or trace.values.size > IN_MEMORY:
        return []
    return [page for page in PAGES.values() if _is_cheap(page, trace, steps)]


def _is_cheap(page: str, trace: Run, steps: Sheet) -> bool:
    """Whether a page fits and takes little time: few points in charts, and no picture."""
    if page == CHARTS and len(steps) > ROWS_BY_DEFAULT:
        return False
    if page == DIAGRAM and network_for_cells(trace.experiment) is None:
        return False
    try:
        _check(page, trace, steps)
    except LimitError:
        return False
    return True


def _check(page: str, trace: Run, steps: Sheet) -> None:
    if steps.rows:
        raise LimitError(
            f"the sheet {page} looks into one sheet, and the run takes several; ask for fewer "
            "iterations"
        )
    if page == DIAGRAM:
        check_diagram(trace.experiment)
    elif page == CHARTS and len(steps) > MOST_ROWS:
        raise LimitError(
            f"the sheet Charts would draw {len(steps):,} points; {MOST_ROWS:,} at the most. "
            "Leave the sheet out"
        )
    elif page == WALKTHROUGH and steps.layout.kind != "full":
        raise LimitError("the sheet Walkthrough shows every step: use the layout full")
    elif page == WALKTHROUGH and len(steps.layout.shown) > MOST_COLUMNS:
        raise LimitError(
            f"the sheet Walkthrough would have {len(steps.layout.shown):,} lines; "
            f"{MOST_COLUMNS} at the most. Leave the sheet out"
        )


def build_page(page: str, book: Workbook, trace: Run, steps: Sheet) -> dict[str, float | str]:
    """Add a page as the last sheet. Returns the values of its formulas by their cells."""
    if page == WALKTHROUGH:
        return build_walkthrough(book, steps)
    if page == DIAGRAM:
        return build_diagram(book, trace, steps)
    return build_charts(book, steps)
