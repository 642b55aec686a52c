"""The teacher's evening in a browser: the form, the sheets, the hand-ins; by keyboard, on a phone."""

from __future__ import annotations

import io
import re
import zipfile
from importlib.resources import files

import pytest

from bpsheet.exercises.key import read_key
from tests.helpers.browser import DESKTOP, PHONE
from tests.helpers.evening import NAMES, SHORT, Evening, roster_text

FAULTS = """async () => {
    const found = await axe.run({ resultTypes: ["violations"] });
    return found.violations.filter(({ impact }) => ["serious", "critical"].includes(impact))
        .map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
}"""


def test_a_change_in_the_form_is_in_the_text_and_a_problem_at_its_field(visited):
    page = visited(viewport=PHONE)
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("fast")
    rate.press("Tab")
    wrong = page.locator("#form .wrong")
    wrong.wait_for()
    assert "a number expected" in wrong.inner_text()
    assert rate.get_attribute("aria-invalid") == "true"
    page.get_by_role("button", name="Workbook (.xlsx)").click()
    page.locator("#take-result").get_by_text("nothing was made").wait_for()
    rate.fill("0,5")
    rate.press("Tab")
    wrong.wait_for(state="detached")
    page.get_by_role("button", name="Text of the file").press("Enter")
    assert "learning_rate = 0.5" in page.get_by_label("The experiment file").input_value()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def faults(page) -> list[str]:
    """The serious faults that axe finds. The window has to let its script in: bypass_csp."""
    page.add_script_tag(
        content=files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    )
    return page.evaluate(FAULTS)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nobody_is_kept_out(visited, viewport, scheme):
    page = visited(viewport=viewport, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    for view in ("experiment", "exercise", "marks"):
        page.locator(f'nav a[href="#{view}"]').press("Enter")
        assert faults(page) == [], view
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]


@pytest.mark.slow
def test_the_evening_in_the_browser(visited, tmp_path):
    """Roster, sheets and key are saved, hand-ins sent with the key; marks and pages come back, on a phone as well."""
    page = visited(viewport=PHONE, bypass_csp=True)
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
    feedback = opened.value
    assert "Ada Lovelace" in feedback.locator("body").inner_text()
    for shown in (page, feedback):
        assert faults(shown) == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


DROP = """([target, files]) => {
    const moved = new DataTransfer();
    for (const [name, bytes] of files) moved.items.add(new File([new Uint8Array(bytes)], name));
    const over = new DragEvent("dragover", { dataTransfer: moved, bubbles: true, cancelable: true });
    const part = document.querySelector(target);
    const isTaken = !part.dispatchEvent(over);
    part.dispatchEvent(new DragEvent("drop", { dataTransfer: moved, bubbles: true, cancelable: true }));
    return isTaken;
}"""


def drop(page, target: str, *paths) -> None:
    """Files dropped on a part of the page, which says before that it takes them."""
    files_sent = [(path.name, list(path.read_bytes())) for path in paths]
    assert page.evaluate(DROP, [target, files_sent])


@pytest.mark.slow
def test_files_are_dropped(visited, tmp_path):
    """A roster on its place; hand-ins in two goes on theirs; a file beside both opens nothing."""
    page = visited()
    page.locator('nav a[href="#exercise"]').click()
    roster = tmp_path / "class.csv"
    roster.write_text(roster_text(NAMES[:3]), encoding="utf-8")
    drop(page, "header", roster)
    assert page.evaluate("document.title") == "bpsheet"
    drop(page, "#exercise-form .note", roster)
    page.get_by_role("button", name="Make the exercise").click()
    page.locator("#exercise-result a.main").first.wait_for()
    assert "3 students: name from First name" in page.locator("#exercise-result").inner_text()
    for ending in ("-sheets.zip", "-key.zip"):
        with page.expect_download() as download:
            page.locator(f'#exercise-result a.main[href$="{ending}"]').click()
        download.value.save_as(tmp_path / f"a{ending}")
        with zipfile.ZipFile(tmp_path / f"a{ending}") as package:
            package.extractall(tmp_path)
    key = read_key(tmp_path / "two-neuron-sheets-key")
    evening = Evening(key, tmp_path / "two-neuron-sheets", tmp_path / "in")
    hopes = [evening.hand_in(kind, n) for n, kind in enumerate(("right", "a slip", "Moodle"))]
    page.locator('nav a[href="#marks"]').click()
    first, *others = sorted(evening.folder.iterdir())
    drop(page, "#drop", first)
    drop(page, "#drop p.note", *others)
    assert "3 dropped" in page.locator("#dropped").inner_text()
    drop(page, "fieldset:has(input[name=key])", tmp_path / "a-key.zip")
    page.get_by_role("button", name="Read and mark").click()
    page.locator("table.marks").wait_for()
    rows = page.locator("table.marks tbody tr td:nth-child(2)").all_inner_texts()
    assert rows == [f"{one.marks:.0f} of 25" for one in hopes]


@pytest.mark.slow
def test_what_is_too_large_is_a_sentence_with_the_limit(visited, tmp_path, monkeypatch):
    """The page looks before it sends; an answer 413 to what it sent all the same is no other sentence."""
    monkeypatch.setattr("bpsheet.app.calls.MOST_SENT", 1_500_000)
    page = visited()
    page.locator('nav a[href="#marks"]').click()
    page.route("**/api/mark", lambda route: route.fulfill(status=413, body="exceeds max_body"))
    film = tmp_path / "film.mp4"
    for size in (2_000_000, 1_000_000):
        film.write_bytes(bytes(size))
        page.locator("#marks-form input[name=handins]").first.set_input_files(film)
        page.get_by_role("button", name="Read and mark").click()
        said = page.locator("#marks-result").get_by_text(f"have {size / 1e6:.0f} MB together")
        said.wait_for()
        assert "at most 1.5 MB are taken at a time" in said.inner_text()
        assert "send the files in several parts" in said.inner_text()
    # The browser has a line of its own for the one that was sent.
    (refused,) = visited.complaints
    assert "413" in refused
    visited.complaints.clear()


@pytest.mark.slow
def test_the_experiment_is_saved_as_it_is_shown(visited, text):
    page = visited()
    page.get_by_label("Learning rate", exact=True).fill("0.25")
    page.get_by_label("Name", exact=True).first.fill("my net")
    page.get_by_label("Name", exact=True).first.press("Tab")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the experiment file").click()
    assert download.value.suggested_filename == "my net.toml"
    wanted = text.replace("learning_rate = 0.1", "learning_rate = 0.25")
    assert download.value.path().read_text("utf-8") == wanted


# The first answers to changes are late, as on a machine with other work to do.
LATE = """() => {
    const asked = window.fetch;
    let late = 2;
    window.fetch = async (address, ...more) => {
        const answer = await asked(address, ...more);
        if (address.endsWith("/change") && late) {
            late -= 1;
            await new Promise((done) => setTimeout(done, 900));
        }
        return answer;
    };
}"""


@pytest.mark.slow
def test_late_answers_bring_back_nothing_that_was_changed_since(visited, text):
    page = visited()
    page.clock.install()
    page.evaluate(LATE)
    page.get_by_label("Learning rate", exact=True).fill("0.25")
    page.locator("[id='f:training.iterations']").fill("12")
    page.get_by_label("Name", exact=True).first.fill("my net")
    page.get_by_label("Name", exact=True).first.press("Tab")
    page.wait_for_timeout(300)  # the clock of the page stands still
    page.clock.run_for(2_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the experiment file").click()
    assert download.value.suggested_filename == "my net.toml"
    wanted = text.replace("learning_rate = 0.1", "learning_rate = 0.25")
    wanted = wanted.replace("iterations = 497", "iterations = 12")
    assert download.value.path().read_text("utf-8") == wanted
    assert page.get_by_label("Learning rate", exact=True).input_value() == "0.25"
    assert page.locator("[id='f:training.iterations']").input_value() == "12"


@pytest.mark.slow
def test_what_is_printed_is_saved_as_pdf(visited):
    """The handout has two pages at most; the sheets and the solutions of a class are a file each."""
    page = visited()
    page.get_by_role("button", name="Handout (PDF)").click()
    with page.expect_download() as download:
        page.locator("#take-result a.main").click()
    handout = download.value.path().read_bytes()
    assert handout.startswith(b"%PDF-")
    assert 1 <= pages_of(handout) <= 2
    page.locator('nav a[href="#exercise"]').click()
    page.get_by_label("number of students").fill("3")
    page.get_by_label("Format").select_option("pdf")
    page.get_by_role("button", name="Make the exercise").click()
    for number in (0, 1):
        with page.expect_download() as download:
            page.locator("#exercise-result a.main").nth(number).click()
        assert pages_of(download.value.path().read_bytes()) >= 3


def pages_of(pdf: bytes) -> int:
    """The pages of a file as Chromium prints it, whose page objects are not packed."""
    return len(re.findall(rb"/Type\s*/Page\b", pdf))
