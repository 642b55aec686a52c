"""The teacher's evening in a browser: the form, the sheets, the hand-ins; by keyboard, on a phone."""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files
from threading import Thread

import pytest

from bpsheet.app.server import opened_server
from bpsheet.app.shelf import Shelf
from bpsheet.exercises.key import read_key
from tests.helpers.browser import DESKTOP, PHONE
from tests.helpers.calling import serve
from tests.helpers.evening import NAMES, SHORT, Evening, roster_text

FAULTS = """async () => {
    const found = await axe.run({ resultTypes: ["violations"] });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
}"""


@pytest.fixture
def visited(chromium, tmp_path):
    """Opens the app in a window: visited(viewport=PHONE). It has nothing to complain of."""
    (tmp_path / "shelf").mkdir()
    server, gate = opened_server(0, Shelf(tmp_path / "shelf"))
    thread = Thread(target=serve, args=[server], daemon=True)
    thread.start()
    contexts, complaints = [], []

    def visit(**more: object):
        context = chromium.new_context(**({"viewport": DESKTOP} | more))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((gate.origins[0], "data:", "blob:"))
                else complaints.append(request.url)
            ),
        )
        page.goto(gate.address)
        page.wait_for_selector("body[data-ready]")
        return page

    yield visit
    for context in contexts:
        context.close()
    server.close()
    thread.join(5)
    assert not complaints


def test_a_change_in_the_form_is_in_the_text_and_a_problem_at_its_field(visited):
    page = visited(viewport=PHONE)
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("fast")
    rate.press("Tab")
    wrong = page.locator("#form .wrong")
    wrong.wait_for()
    assert "a number expected" in wrong.inner_text()
    assert rate.get_attribute("aria-invalid") == "true"
    rate.fill("0,5")
    rate.press("Tab")
    wrong.wait_for(state="detached")
    page.get_by_role("button", name="Text of the file").press("Enter")
    assert "learning_rate = 0.5" in page.get_by_label("The experiment file").input_value()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nobody_is_kept_out(visited, viewport, scheme):
    page = visited(viewport=viewport, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    page.add_script_tag(
        content=files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    )
    for view in ("experiment", "exercise", "marks"):
        page.locator(f'nav a[href="#{view}"]').press("Enter")
        assert page.evaluate(FAULTS) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.slow
def test_the_evening_in_the_browser(visited, tmp_path):
    """Roster, sheets and key are saved, hand-ins sent with the key; marks and pages come back."""
    page = visited()
    page.locator('nav a[href="#exercise"]').click()
    roster = {
        "name": "class.csv",
        "mimeType": "text/csv",
        "buffer": roster_text(NAMES[:7]).encode(),
    }
    page.locator("#exercise-form input[name=roster]").set_input_files(roster)
    page.locator("#exercise-form input[name=digits]").fill("4")
    page.get_by_role("button", name="Make the exercise").click()
    saved = {}
    for ending in ("-sheets.zip", "-key.zip"):
        with page.expect_download() as download:
            page.locator(f'#exercise-result a.main[href$="{ending}"]').click()
        saved[ending] = download.value.path().read_bytes()
        with zipfile.ZipFile(io.BytesIO(saved[ending])) as package:
            package.extractall(tmp_path)
    key = read_key(tmp_path / "two-neuron-sheets-key")
    evening = Evening(key, tmp_path / "two-neuron-sheets", tmp_path / "in")
    hopes = [evening.hand_in(kind, number) for number, kind in enumerate(SHORT)]
    page.locator('nav a[href="#marks"]').click()
    page.locator("#marks-form input[name=handins]").first.set_input_files(
        sorted(evening.folder.iterdir())
    )
    sent = {"name": "k.zip", "mimeType": "application/zip", "buffer": saved["-key.zip"]}
    page.locator("#marks-form input[name=key]").set_input_files(sent)
    page.get_by_role("button", name="Read and mark").click()
    page.locator("table.marks").wait_for()
    students = page.locator("table.marks tbody tr td:first-child").all_inner_texts()
    assert {*students} == {one.student for one in hopes if one.marks is not None}
    assert "the numbers on it are those of" in page.locator("#marks-result .first").inner_text()
    with page.context.expect_page() as opened:
        page.locator("table.marks a").first.click()
    assert "Ada Lovelace" in opened.value.locator("body").inner_text()
