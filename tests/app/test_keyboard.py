"""A teacher without a mouse: each stop of Tab is seen, in the order of reading, and none holds her."""

from __future__ import annotations

import io
import zipfile

import pytest

import bpsheet as bp
from bpsheet.exercises.key import read_key
from tests.helpers.browser import DESKTOP, PHONE
from tests.helpers.evening import NAMES, Evening, roster_text
from tests.helpers.samples import sampled

# Where the focus is: its name, its place in the document, and what is wrong with how it is shown.
STOP = """() => {
    const part = document.activeElement;
    if (part === document.body) return ["", -1, ""];
    const said = part.getAttribute("aria-label") || [...(part.labels || [])].map((l) => l.innerText).join(" ")
        || part.innerText || part.tagName;
    const { outlineStyle, outlineWidth } = getComputedStyle(part);
    const box = part.getBoundingClientRect();
    const over = document.elementFromPoint(
        Math.min(innerWidth - 1, Math.max(0, box.left + Math.min(box.width, innerWidth) / 2)),
        Math.max(0, Math.min(innerHeight - 1, box.top + Math.min(12, box.height / 2))));
    const wrong = [
        outlineStyle === "solid" && parseFloat(outlineWidth) >= 3 ? "" : "no outline of its own",
        box.width && box.bottom > 0 && box.top < innerHeight ? "" : "out of sight",
        over && (part.contains(over) || over.contains(part)) ? "" : "covered",
    ].filter(Boolean).join(", ");
    return [said.trim().replace(/\\s+/g, " "), [...document.querySelectorAll("*")].indexOf(part), wrong];
}"""
# What Tab should reach: all that is shown and can be used.
REACHED = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")]
    .filter((part) => !part.disabled && part.checkVisibility()).length"""


class Keyboard:
    """Tab to what is wanted, then a key. Every stop on the way has to be seen."""

    def __init__(self, page) -> None:
        self.page = page
        # While somebody listens, the browser hands out its choosers. Where listening begins with the
        # key that opens one, the key may be first, and the browser shows a window that nobody sees.
        page.on("filechooser", lambda _: None)

    def stop(self, key: str = "Tab") -> tuple[str, int]:
        """The name of the next stop, and its place in the document: -1 at its end."""
        self.page.keyboard.press(key)
        said, place, wrong = self.page.evaluate(STOP)
        assert not wrong, f"{said}: {wrong}"
        return said, place

    def go(self, wanted: str, key: str = "Tab") -> None:
        before = -1 if key == "Tab" else 1e9
        for _ in range(150):
            said, place = self.stop(key)
            if said.startswith(wanted):
                return
            assert place == -1 or before == -1 or (place > before) == (key == "Tab"), said
            before = place
        raise AssertionError(f"{wanted} is not reached by {key}")

    def press(self, wanted: str, key: str = "Tab") -> None:
        self.go(wanted, key)
        self.page.keyboard.press("Enter")

    def type(self, wanted: str, text: str, key: str = "Tab") -> None:
        self.go(wanted, key)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def choose(self, wanted: str, *paths) -> None:
        """Give files to the button that Enter presses."""
        self.go(wanted)
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Enter")
        chooser.value.set_files([*paths])

    def save(self, wanted: str) -> bytes:
        self.go(wanted)
        with self.page.expect_download() as download:
            self.page.keyboard.press("Enter")
        return download.value.path().read_bytes()


@pytest.mark.parametrize(
    ("view", "viewport"),
    sampled(
        [(name, size) for name in ("experiment", "exercise", "marks") for size in (PHONE, DESKTOP)],
        ("marks", PHONE),
    ),
    ids=lambda value: value if isinstance(value, str) else str(value["width"]),
)
def test_tab_passes_all_there_is_in_order_and_comes_to_the_end(visited, view, viewport):
    page = visited(viewport=viewport, reduced_motion="reduce")
    page.locator(f'nav a[href="#{view}"]').click()
    page.evaluate("document.activeElement.blur()")
    keys = Keyboard(page)
    keys.go("1 Experiment")
    places = []
    while not places or places[-1] != -1:
        places.append(keys.stop()[1])
        assert len(places) < 200, "Tab comes to no end"
    assert places[:-1] == sorted({*places[:-1]})
    assert len(places) == page.evaluate(REACHED)  # the first link is counted, and so is the end


def work_at_the_form(keys: Keyboard, tmp_path) -> None:
    """A template, a field with a problem, its cure, and the workbook."""
    page = keys.page
    keys.go("Template")
    page.keyboard.type("two-neuron")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    keys.type("Learning rate", "fast")
    wrong = page.locator("#form .wrong")
    wrong.wait_for()
    keys.press("training.learning_rate")
    assert page.evaluate("document.activeElement.id") == "f:training.learning_rate"
    page.keyboard.press("Control+a")
    page.keyboard.type("0.5")
    wrong.wait_for(state="detached")
    keys.press("Workbook (.xlsx)")
    page.locator("#take-result a").first.wait_for()
    (tmp_path / "made.xlsx").write_bytes(keys.save("two-neuron.xlsx"))
    assert bp.load(tmp_path / "made.xlsx").training.learning_rate == 0.5


def make_the_sheets(keys: Keyboard, tmp_path) -> None:
    """A roster, fewer questions, and sheets and key saved."""
    page = keys.page
    keys.press("2 Exercise", "Shift+Tab")
    roster = tmp_path / "class.csv"
    roster.write_text(roster_text(NAMES[:4]), encoding="utf-8")
    keys.choose("The roster", roster)
    keys.go("Update")
    page.keyboard.press("Space")
    keys.type("Digits", "4")
    keys.press("Make the exercise")
    page.locator("#exercise-result a.main").first.wait_for()
    for ending in ("two-neuron-sheets.zip", "two-neuron-sheets-key.zip"):
        content = keys.save(ending)
        (tmp_path / ending).write_bytes(content)
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            package.extractall(tmp_path)


@pytest.mark.slow
def test_the_whole_evening(visited, tmp_path):
    page = visited(reduced_motion="reduce")
    keys = Keyboard(page)
    work_at_the_form(keys, tmp_path)
    make_the_sheets(keys, tmp_path)
    key = read_key(tmp_path / "two-neuron-sheets-key")
    assert "update" not in key.exercise.ask
    evening = Evening(key, tmp_path / "two-neuron-sheets", tmp_path / "in")
    hopes = [evening.hand_in(kind, n) for n, kind in enumerate(("right", "a slip", "damaged"))]
    keys.press("3 Marks", "Shift+Tab")
    keys.choose("Workbooks, tables", *sorted(evening.folder.iterdir()))
    keys.choose("The zip that was made", tmp_path / "two-neuron-sheets-key.zip")
    keys.go("A table to import into")
    page.keyboard.type("Moodle")
    keys.press("Read and mark")
    page.locator("table.marks").wait_for()
    students = page.locator("table.marks tbody tr td:first-child").all_inner_texts()
    assert students == [one.student for one in hopes if one.marks is not None]
    keys.go(students[0])
    with page.context.expect_page() as opened:
        page.keyboard.press("Enter")
    assert students[0] in opened.value.locator("body").inner_text()
    page.bring_to_front()
    table = keys.save("two-neuron-grades-moodle.csv")
    assert table.startswith(b"ID number,")
    assert len(table.splitlines()) == 3


@pytest.mark.slow
def test_the_focus_goes_to_a_layer_that_comes_and_to_what_takes_the_place_of_one_that_goes(visited):
    page = visited(reduced_motion="reduce")
    keys = Keyboard(page)
    keys.press("Add a layer before layer 2")
    page.locator("[data-layer='3']").wait_for()
    place = "document.activeElement.id === 'f:network.layers[2].neurons'"
    assert page.wait_for_function(place)
    keys.press("Remove layer 2")
    page.locator("[data-layer='3']").wait_for(state="detached")
    assert page.wait_for_function(place)
