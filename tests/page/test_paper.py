"""A printed page: nothing is folded, nothing is cut, and paper is light."""

from __future__ import annotations

import pytest

from tests.helpers.browser import settled
from tests.helpers.samples import sampled

# The width of a printed page in CSS pixels, upright and across.
UPRIGHT, ACROSS = 680, 1020


def _printed(page, width):
    """Bring the page into the state in which a browser prints it."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    settled(page)


def widest(page, selector):
    return page.evaluate(
        "(s) => Math.max(0, ...[...document.querySelectorAll(s)]"
        ".map((part) => part.getBoundingClientRect().right))",
        selector,
    )


@pytest.mark.parametrize(
    "name", sampled(["iris", "attention", "cnn-3x3", "lstm-two-steps", "book-xor"], "book-xor")
)
def test_on_paper_nothing_is_folded_or_cut(name, page_file, opened):
    """In a browser in dark colours, too. Afterwards the page is as it was."""
    page = opened(page_file(name), color_scheme="dark")
    folded = page.locator("details:not([open])").count()
    _printed(page, UPRIGHT)
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".steps-of:not(:empty)").count() >= 4
    assert widest(page, "#solution mtd > *, #picture svg, h1, #given li") <= UPRIGHT
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    _printed(page, ACROSS)
    assert widest(page, "#paper td, #paper th, #matrices .frame") <= ACROSS
    columns = page.evaluate("bpsheet.steps.shown.length")
    heads = page.locator("#paper thead th").all_inner_texts()
    assert len([head for head in heads if head != "iteration"]) == columns - 1
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    settled(page)
    assert page.locator("details:not([open])").count() == folded
    assert page.locator("#paper table").count() == 0
