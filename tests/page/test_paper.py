"""A printed page: nothing is folded, nothing is cut, and paper is light."""

from __future__ import annotations

import pytest

import bpsheet as bp
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


def equations_beside_their_steps(page):
    """The names of equations that run into the formula beside them."""
    return page.evaluate(
        "() => [...document.querySelectorAll('#solution .step')].filter((step) =>"
        " Math.max(...[...step.querySelectorAll('mtd > *')].map((x) => x.getBoundingClientRect().right))"
        " > step.getBoundingClientRect().right + 1)"
        ".map((step) => step.querySelector('.equation').ariaLabel)"
    )


def told(page):
    """The table of what is printed and what is left out, as text."""
    return page.evaluate(
        "() => [...document.querySelectorAll('#paper .rest tr')]"
        ".map((row) => [...row.children].map((cell) => cell.textContent).join(' ')).join('; ')"
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
    assert equations_beside_their_steps(page) == []
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    _printed(page, ACROSS)
    assert widest(page, "#paper td, #paper th, #matrices .frame") <= ACROSS
    heads = page.locator("#paper thead th").all_inner_texts()
    printed = len([head for head in heads if head != "iteration"]) + 1
    if page.evaluate("bpsheet.isExcerpt"):
        assert f"Columns of the steps {printed}" in told(page)
    else:
        assert printed == page.evaluate("bpsheet.steps.shown.length")
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    settled(page)
    assert page.locator("details:not([open])").count() == folded
    assert page.locator("#paper table").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("name", "most"), [("book-xor", 8), ("two-neuron", 4)])
def test_a_worked_solution_takes_a_few_pages_of_paper(name, most, page_file, opened):
    """With every formula, two beside each other where they have room, and picture and loss on one page."""
    page = opened(page_file(name))
    assert page.pdf(format="A4").count(b"/Type /Page\n") <= most
    # What a browser does that measures formulas on the screen, and only then prints.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": UPRIGHT, "height": 900})
    settled(page)
    assert equations_beside_their_steps(page) == []
    steps = page.evaluate("bpsheet.groups().flatMap(([, columns]) => columns).length")
    assert page.locator("#solution .step").count() == steps


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "most"),
    [
        pytest.param("digits", 8, marks=pytest.mark.slow),
        pytest.param("attention", 9, marks=pytest.mark.slow),
        ("iris", 8),
    ],
)
def test_a_large_network_takes_a_few_pages_and_says_what_is_left_out(name, most, page_file, opened):
    """Outputs and loss are there; what is printed and what is left out adds up."""
    page = opened(page_file(name))
    pages = page.pdf(format="A4").count(b"/Type /Page\n")
    assert 3 <= pages <= most
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    settled(page)
    heads = page.locator("#paper thead th").all_inner_texts()
    names = bp.load(name).program().names
    outputs = page.evaluate(
        "(() => { const { nodes, arrows } = bpsheet.content.picture;"
        " const starts = new Set(arrows.map(({ start }) => start));"
        " return nodes.filter((node, number) => !starts.has(number) && node.kind === 'neuron')"
        ".flatMap((node) => node.cells.flat()); })()"
    )
    assert {names[index] for index in outputs} | {"loss"} <= set(heads)
    for part in ("forward", "backward", "update"):
        steps = page.locator(f"#group-{part} .step").count()
        title = page.locator(f"#group-{part} h3").text_content()
        whole = page.evaluate(
            "(name) => bpsheet.groups().find(([one]) => one === name)[1].length.toLocaleString('en')",
            part,
        )
        assert f"Formulas: {title} {steps} {whole} Choose" in told(page)
