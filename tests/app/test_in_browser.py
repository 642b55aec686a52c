"""The teacher's evening in a browser: the form, the sheets, the hand-ins; by keyboard, on a phone."""

from __future__ import annotations

import io
import zipfile
from importlib.resources import files
from threading import Thread

import pytest

import bpsheet as bp
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


FOCUSED = """() => {
    const part = document.activeElement;
    if (part === document.body) return ["", true];  // from the last stop on, it begins at the top
    const said = part.getAttribute("aria-label") || [...(part.labels || [])].map((l) => l.innerText).join(" ")
        || part.innerText || part.tagName;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(part);
    const box = (part.matches("input[type=file]") ? part.closest("label") || part : part).getBoundingClientRect();
    const isRinged = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    const isSeen = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
    return [said.trim().replace(/\\s+/g, " "), isRinged && isSeen];
}"""


class Keyboard:
    """A person without a mouse: Tab to what is wanted, then a key. Each stop shows where one is."""

    def __init__(self, page):
        self.page = page

    def go(self, wanted, *, back=False):
        seen = []
        for _ in range(120):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            said, is_shown = self.page.evaluate(FOCUSED)
            seen.append(said)
            assert is_shown, f"nothing shows that {said} has the focus"
            if said.startswith(wanted):
                return
        raise AssertionError(f"{wanted} is not reached by Tab, but {seen}")

    def press(self, wanted, *, back=False):
        self.go(wanted, back=back)
        self.page.keyboard.press("Enter")

    def type(self, wanted, text):
        self.go(wanted)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose_file(self, wanted, *files):
        self.go(wanted)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Space")
        chooser.value.set_files(list(files))

    def save(self, wanted):
        self.go(wanted)
        with self.page.expect_download() as download:
            self.page.keyboard.press("Enter")
        return download.value.path().read_bytes()


@pytest.mark.slow
def test_the_evening_by_keyboard_alone(visited, tmp_path):
    page = visited(reduced_motion="reduce")  # it scrolls at once
    keys = Keyboard(page)
    keys.go("Template")
    page.keyboard.type("two-neuron")
    page.keyboard.press("Enter")
    keys.type("Learning rate", "fast")
    page.keyboard.press("Tab")
    page.locator("#form .wrong").wait_for()
    keys.go("Learning rate", back=True)
    page.keyboard.press("Control+a")
    page.keyboard.type("0.5")
    page.keyboard.press("Tab")
    page.locator("#form .wrong").wait_for(state="detached")
    keys.press("Workbook (.xlsx)")
    page.locator("#take-result a").first.wait_for()
    (tmp_path / "made.xlsx").write_bytes(keys.save("two-neuron.xlsx"))
    assert bp.load(tmp_path / "made.xlsx").training.learning_rate == 0.5

    keys.press("2 Exercise")
    roster = tmp_path / "class.csv"
    roster.write_text(roster_text(NAMES[:3]), encoding="utf-8")
    keys.choose_file("The roster", roster)
    keys.type("Digits", "4")
    keys.press("Make the exercise")
    page.locator("#exercise-result a.main").first.wait_for()
    for ending in ("two-neuron-sheets.zip", "two-neuron-sheets-key.zip"):
        content = keys.save(ending)
        (tmp_path / ending).write_bytes(content)
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            package.extractall(tmp_path)
    key = read_key(tmp_path / "two-neuron-sheets-key")
    evening = Evening(key, tmp_path / "two-neuron-sheets", tmp_path / "in")
    hopes = [evening.hand_in(kind, number) for number, kind in enumerate(("right", "a slip"))]

    keys.press("3 Marks")
    keys.choose_file("Workbooks, tables", *sorted(evening.folder.iterdir()))
    keys.choose_file("The zip that was made", tmp_path / "two-neuron-sheets-key.zip")
    keys.press("Read and mark")
    page.locator("table.marks").wait_for()
    students = page.locator("table.marks tbody tr td:first-child").all_inner_texts()
    assert sorted(students) == sorted(one.student for one in hopes)
    keys.go(hopes[0].student)
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    assert hopes[0].student in opened.value.locator("body").inner_text()
