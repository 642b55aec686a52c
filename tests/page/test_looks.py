"""A page is for everybody: any window, any reader, on paper; and text in it is text."""

from __future__ import annotations

import re

import pytest

import bpsheet as bp
from bpsheet.page.page import page_of
from tests.helpers.browser import DESKTOP, PHONE, settled, wait_until
from tests.helpers.samples import sampled, small_templates, spread

FAULTS = """async () => {
    const found = await axe.run({ resultTypes: ["violations"] });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
}"""


@pytest.fixture(scope="session")
def axe():
    """The script of axe-core, which looks for what keeps people out of a page."""
    from importlib.resources import files

    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "window"),
    [
        pytest.param(
            "two-neuron", {"viewport": PHONE, "color_scheme": "light"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "two-neuron", {"viewport": DESKTOP, "color_scheme": "dark"}, marks=pytest.mark.slow
        ),
        pytest.param(
            "formula", {"viewport": DESKTOP, "color_scheme": "light"}, marks=pytest.mark.slow
        ),
        ("book-xor", {"viewport": PHONE, "color_scheme": "dark"}),
        pytest.param("iris", {"viewport": DESKTOP}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_nobody_is_kept_out(name, window, page_file, opened, axe):
    """axe-core finds no serious fault: at rest, in practice, phase by phase, with a dialog."""
    path = page_file(name)
    page = opened(path, bypass_csp=True, **window)
    page.add_script_tag(content=axe)
    assert page.evaluate(FAULTS) == []
    page.get_by_label("One phase at a time").check()
    page.get_by_label("Practice").check()
    settled(page)
    assert page.evaluate(FAULTS) == []
    page.get_by_role("button", name="Keys").click()
    assert page.evaluate(FAULTS) == []


@pytest.mark.parametrize("width", sampled([320, 390, 768, 1280], 320))
@pytest.mark.parametrize(
    "name", sampled(["two-neuron", "iris", "line-adam", "book-perceptron"], "iris")
)
def test_nothing_is_wider_than_the_window(name, width, page_file, opened):
    page = opened(page_file(name), viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


HIDDEN = """() => {
    const frame = document.getElementById("picture");
    return [frame.scrollWidth - frame.clientWidth, frame.scrollHeight - frame.clientHeight];
}"""


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", [*small_templates(), "digits"])
def test_nothing_of_a_picture_is_out_of_sight_on_a_desktop(name, page_file, opened):
    page = opened(page_file(name), viewport=DESKTOP)
    assert page.evaluate(HIDDEN) == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("viewport", sampled([PHONE, DESKTOP], PHONE), ids=["phone", "desktop"])
def test_stepping_moves_nothing_but_the_numbers(viewport, page_file, opened):
    """The heads of the sections stay where they are from iteration to iteration."""
    page = opened(page_file("two-neuron"), viewport=viewport)
    places = (
        "[...document.querySelectorAll('h1, h2, #picture svg, .bar')]"
        ".map((part) => Math.round(part.getBoundingClientRect().top + scrollY))"
    )
    before = page.evaluate(places)
    for iteration in (2, 60, 400):
        page.evaluate(f"bpsheet.go({iteration})")
        settled(page)
        assert page.evaluate(places) == before, iteration


def test_text_of_an_experiment_is_never_markup(tmp_path, opened):
    """Titles, notes, names and the file's own marks, whatever is in them."""
    evil = '</script><img src=x onerror=alert(1)> {{notes}} "slot-0" `${alert(2)}` ]]>'
    experiment = bp.Experiment(
        title=evil,
        notes=f"{evil}\n\n=1+1",
        network=bp.Network(
            inputs=["x<b>", "x2"],
            targets=["y&amp;"],
            loss="half_squared_error",
            layers=[bp.Layer(neurons=["o'</math>"], weights=[[0.5, 0.25]])],
        ),
        data=bp.Data(examples=[[2.0, 1.0, 3.0]]),
        training=bp.Training(learning_rate=0.1, iterations=3),
    )
    page = opened(experiment.to_page(tmp_path / "evil.html"))
    assert page.locator("h1").inner_text() == evil.replace("  ", " ")
    assert page.locator("img").count() == 0
    assert page.locator("#group-forward math b").count() == 0
    page.locator("#edit-rule").select_option("momentum")
    wait_until(page, "bpsheet.content.variant[0] === 'momentum'")
    settled(page)
    assert page.locator("img").count() == 0
    page.locator("#edit-rule").select_option("gradient_descent")
    wait_until(page, "bpsheet.content.variant[0] === 'gradient_descent'")
    saved = tmp_path / "saved.toml"
    saved.write_text(page.evaluate("bpsheet.edits.file()"), "utf-8")
    assert bp.load(saved).run().frame.equals(experiment.run().frame)
    assert bp.load(saved).title == evil


@pytest.mark.slow
def test_on_paper_there_are_no_buttons(page_file, opened):
    page = opened(page_file("two-neuron"))
    page.emulate_media(media="print")
    assert page.locator(".bar").is_hidden()
    assert page.locator("#edits").is_hidden()
    assert page.locator("#solution").is_visible()
    assert page.locator("#solution").evaluate("part => part.scrollHeight - part.clientHeight") <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", spread(sampled(small_templates(), "iris", "two-neuron", "lstm-two-steps"), 2)
)
def test_a_page_is_one_file_of_a_few_hundred_kilobytes(name):
    """It refers to nothing outside, and the same experiment gives the same bytes."""
    page = page_of(bp.load(name), rules=False)
    assert len(page.encode()) < 400_000
    assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=", page)
    assert page == page_of(bp.load(name), rules=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", small_templates())
def test_the_choice_of_rules_makes_a_page_a_little_larger(name):
    page = page_of(bp.load(name))
    assert len(page.encode()) < 450_000
    assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=", page)
    assert page == page_of(bp.load(name))
