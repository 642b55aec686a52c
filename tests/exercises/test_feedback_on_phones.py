"""A phone shows the pages of feedback without scrolling sideways; a desktop shows them as tables."""

from __future__ import annotations

import pytest

from bpsheet.exercises.handout import write_feedback
from tests.helpers.browser import DESKTOP, PHONE
from tests.helpers.grading import EXERCISE, NETWORK, answers_of, fill, grade_folder

# What reaches beyond the window or is cut off by its own box, and the rows that are blocks.
SEEN = """() => ({
  wide: [...document.querySelectorAll("body *")]
    .filter((one) => !one.closest("math"))
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1
      || one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible")
    .map((one) => one.outerHTML.slice(0, 80)),
  blocks: [...document.querySelectorAll("tr")]
    .filter((row) => getComputedStyle(row).display === "flex").length,
  heads: [...document.querySelectorAll("td[data-head]")]
    .map((cell) => getComputedStyle(cell, "::before").content),
})"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A student's page with slips of several kinds, and the page of the class."""
    folder = tmp_path_factory.mktemp("phones")
    (folder / "in").mkdir()
    ada = EXERCISE.task("Ada")
    wrong = answers_of(ada, {"f_error": -1.0, "delta_w_xg1": 10.0})
    fill(folder / "in" / "ada.xlsx", ada, {**wrong, "MSE": "1,234", "g": "no idea at all"})
    grades = grade_folder(folder / "in", NETWORK)
    (student,) = write_feedback(grades, folder / "out", "Two neurons")
    return {"student": student, "class": folder / "out" / "index.html"}


def seen(chromium, page, viewport):
    context = chromium.new_context(viewport=viewport)
    try:
        opened = context.new_page()
        opened.goto(page.as_uri())
        return opened.evaluate(SEEN)
    finally:
        context.close()


WHICH = [("student", '"verdict "'), pytest.param("class", '"marks "', marks=pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "head"), WHICH)
def test_nothing_scrolls_sideways_on_a_phone(chromium, pages, page, head):
    found = seen(chromium, pages[page], PHONE)
    assert found["wide"] == []
    assert found["blocks"] > 0
    assert head in found["heads"]


def test_a_table_on_two_printed_pages_has_its_heads_on_both(pages):
    """Browsers repeat the rows of a `thead`."""
    for page in pages.values():
        text = page.read_text(encoding="utf-8")
        assert text.count("<thead><tr>") == text.count("<table>") > 0


@pytest.mark.slow
@pytest.mark.parametrize(("page", "head"), WHICH)
def test_a_desktop_shows_tables_without_heads_in_their_cells(chromium, pages, page, head):
    found = seen(chromium, pages[page], DESKTOP)
    assert found["wide"] == []
    assert found["blocks"] == 0
    assert set(found["heads"]) == {"none"}
    assert head not in found["heads"]
