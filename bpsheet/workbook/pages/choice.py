"""The sheets over the rows of Steps: all of them, and which of them a workbook has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.errors import LimitError
from bpsheet.runs.longrun import IN_MEMORY
from bpsheet.runs.run import Run
from bpsheet.workbook.pages import charts, diagram, walkthrough
from bpsheet.workbook.pages.page import Page
from bpsheet.workbook.sheet import Sheet

__all__ = ["PAGES", "choose_pages"]

# By what one asks for, in the order of the workbook.
PAGES: Mapping[str, Page] = {
    page.key: page for page in (walkthrough.PAGE, diagram.PAGE, charts.PAGE)
}


def choose_pages(trace: Run, steps: Sheet, asked: Sequence[str] | None) -> list[Page]:
    """The pages that are asked for; without such a list, those that fit and cost little.

    A long run has none by default, so that writing it piece by piece gives the same workbook.
    Raises LimitError where nobody could read a page, and what a page's own check raises.
    """
    if asked is not None:
        pages = [PAGES[key] for key in asked]
        for page in pages:
            _check(page, trace, steps)
        return pages
    if not steps.layout.traits.more or trace.values.size > IN_MEMORY:
        return []
    return [page for page in PAGES.values() if _is_cheap(page, trace, steps)]


def _is_cheap(page: Page, trace: Run, steps: Sheet) -> bool:
    """Whether a page fits, and takes little time."""
    if not page.cheap(trace, steps):
        return False
    try:
        _check(page, trace, steps)
    except LimitError:
        return False
    return True


def _check(page: Page, trace: Run, steps: Sheet) -> None:
    if steps.rows:
        raise LimitError(f"the sheet {page.name} looks into one sheet; ask for fewer iterations")
    page.check(trace, steps)
