"""Moving through a run: phases, keys, slider, links, and the file that a page saves."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import bpsheet as bp
from tests.helpers.browser import numbers_of, settled, wait_until
from tests.helpers.graphs import graph
from tests.helpers.pages import CLOSE, field, largest_difference, some_changes
from tests.helpers.samples import sampled, small_templates


@pytest.mark.slow
def test_one_phase_at_a_time_lights_up_forward_backward_and_update(page_file, opened):
    """What comes later is not shown yet; stepping goes on to the next iteration, and back."""
    page = opened(page_file("two-neuron"))
    page.get_by_label("One phase at a time").check()
    seen = []
    for _ in range(4):
        settled(page)
        lit = page.locator(".parts li.lit").inner_text()
        words = page.locator("#picture").inner_html()
        moved = page.locator("#picture .grows.arrow, #picture .shrinks.arrow").count()
        seen.append((page.locator("#iteration").input_value(), lit, "f_error" in words, moved))
        page.get_by_role("button", name="Step").click()
    assert seen == [
        ("1", "Forward", False, 0),
        ("1", "Backward", True, 0),
        ("1", "Update", True, 3),
        ("2", "Forward", False, 0),
    ]
    page.locator("#back").click()
    page.locator("#back").click()
    settled(page)
    assert page.locator("#iteration").input_value() == "1"
    assert page.locator(".parts li.lit").inner_text() == "Update"


def test_keys_slider_and_play_move_through_the_run(page_file, opened):
    page = opened(page_file("two-neuron"))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    settled(page)
    assert page.locator("#summary").inner_text().startswith("Iteration 2 presents example 1.")
    page.keyboard.press("End")
    settled(page)
    assert page.locator("#iteration").input_value() == "497"
    assert page.get_by_role("button", name="Step").is_disabled()
    page.locator("#slider").fill("40")
    settled(page)
    assert page.locator("tr.now th").inner_text() == "40"
    page.select_option("#speed", "60")
    page.locator("h1").click()
    page.keyboard.press("Space")
    wait_until(page, "bpsheet.state.iteration > 43")
    page.keyboard.press("Space")
    assert page.locator("#play").get_attribute("aria-pressed") == "false"
    page.locator("#iteration").fill("999999")
    page.locator("#iteration").press("Enter")
    settled(page)
    assert page.locator("#iteration").input_value() == "497"


@pytest.mark.slow
def test_keys_typed_into_a_field_are_text(page_file, opened):
    page = opened(page_file("two-neuron"))
    field(page, "w_xg1").press("End")
    field(page, "w_xg1").press("ArrowLeft")
    field(page, "w_xg1").press("Space")
    settled(page)
    assert page.locator("#iteration").input_value() == "1"
    assert page.locator("#play").get_attribute("aria-pressed") == "false"


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(small_templates(), "line-adam"))
def test_the_saved_file_makes_the_run_that_the_page_shows(name, page_file, opened, tmp_path):
    """After edits, the file gives an experiment whose run has the page's numbers."""
    experiment = bp.load(name)
    rows = min(20, experiment.iterations)
    page = opened(page_file(name))
    changes = some_changes(experiment)
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    with page.expect_download() as saving:
        page.get_by_role("button", name="Save the experiment file").click()
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saved.name == f"{name}.toml"
    again = bp.load(saved)
    assert again.title == experiment.title
    assert again.iterations == experiment.iterations
    assert np.array_equal(
        again.run(rows).values, experiment.changed(changes).run(rows).values, equal_nan=True
    )
    assert largest_difference(numbers_of(page, rows), again.run(rows)) <= CLOSE


@pytest.mark.slow
def test_a_link_carries_the_state(page_file, opened):
    """Changed numbers and the iteration, into another page of the same experiment."""
    path = page_file("book-xor")
    page = opened(path)
    field(page, "w_n0_1").fill("0.5")
    page.evaluate("bpsheet.go(17)")
    settled(page)
    address = page.evaluate("bpsheet.address()")
    other = opened(path, fragment=address.partition(".html")[2])
    settled(other)
    assert other.locator("#iteration").input_value() == "17"
    assert field(other, "w_n0_1").input_value() == "0.5"
    assert np.array_equal(numbers_of(other, 50), numbers_of(page, 50))


@pytest.mark.slow
def test_a_link_that_cannot_be_read_leaves_the_experiment_as_it_was(page_file, opened):
    first = bp.load("two-neuron").run(5)
    for fragment in ("#nonsense", "#eyJpdGVyYXRpb24iOiJ4IiwiY2hhbmdlcyI6eyJ6IjoxfX0"):
        page = opened(page_file("two-neuron"), fragment=fragment)
        settled(page)
        assert "link" in page.locator("#told").inner_text()
        assert np.array_equal(numbers_of(page, 5), first.values)


def test_a_link_that_cannot_be_read_keeps_what_was_changed_and_says_so(page_file, opened):
    page = opened(page_file("book-xor"))
    field(page, "w_n0_1").fill("0.5")
    page.evaluate("bpsheet.go(17)")
    settled(page)
    changed = numbers_of(page, 5)
    assert "link" not in page.locator("#told").inner_text()
    page.evaluate(FOLLOWED, "nonsense")
    settled(page)
    assert page.locator("#told").inner_text() == "The link cannot be read. No number was changed."
    assert np.array_equal(numbers_of(page, 5), changed)
    assert page.locator("#iteration").input_value() == "17"


HOSTILE = (
    '{"iteration": 2, "changes": {"<img src=x onerror=hacked=1>": 1, "__proto__": 5}}',
    '{"iteration": 1e308, "changes": {"w_xg1": "<script>hacked=1</script>", "constructor": 1}}',
    '{"iteration": -5, "changes": {"__proto__": {"w_xg1": 7}, "w_xg1": [1], "learning_rate": {}}}',
    '{"changes": {"w_xg1": 1e999, "learning_rate": null, "toString": 1}}',
    '{"changes": "w_xg1", "iteration": "2"}',
    "[" * 100_000,
    "[1, 2]",
    "null",
)


# Ends after the page has read the link: its listener is the first one.
FOLLOWED = """(fragment) => new Promise((done) => {
    addEventListener("hashchange", () => done(), { once: true });
    location.hash = fragment;
})"""


def test_a_hostile_link_runs_nothing_and_changes_no_quantity(page_file, opened):
    """The fragment of an address comes from whoever has sent the link."""
    page = opened(page_file("two-neuron"))
    first = bp.load("two-neuron").run(5)
    fragments = [base64.urlsafe_b64encode(text.encode()).decode() for text in HOSTILE]
    for fragment in (*fragments, "%00%ff", "<script>hacked=1</script>", "a" * 200_000):
        page.evaluate(FOLLOWED, fragment)
        settled(page)
        found = "typeof hacked + ({}).w_xg1 + document.querySelectorAll('#told *').length"
        assert page.evaluate(found) == "undefinedundefined0"
        assert np.array_equal(numbers_of(page, 5), first.values), fragment[:60]


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(["two-neuron", "multiway-classification"], "two-neuron"))
def test_the_matrices_show_the_iteration_and_hide_what_is_not_reached_yet(name, page_file, opened):
    page = opened(page_file(name))
    trace = bp.load(name).run(iterations=3)
    page.locator("#iteration").fill("3")
    page.locator("#iteration").press("Enter")
    settled(page)
    layer = trace.experiment.model.layers[-1]
    frames = page.locator("#matrices .frame")
    labels = frames.locator("b").all_inner_texts()
    shown = frames.nth(labels.index(f"W{layer.number} {len(layer.neurons)} × {len(layer.inputs)}"))
    row = trace.values[2]
    expected = [f"{row[trace.program.position[n]]:.4g}" for n in np.ravel(layer.weights)]
    found = [f"{float(text):.4g}" for text in shown.locator("td").all_inner_texts()]
    assert found == expected
    page.evaluate(
        "(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }",
        {layer.weights[0][0]: 0.5},
    )
    settled(page)
    changed = trace.experiment.changed({layer.weights[0][0]: 0.5}).run(3)
    found = float(shown.locator("td").first.inner_text())
    assert found == pytest.approx(
        changed.values[2, trace.program.position[layer.weights[0][0]]], rel=1e-4
    )
    page.get_by_label("One phase at a time").check()
    settled(page)
    words = dict(zip(labels, frames.all_inner_texts(), strict=True))
    assert "?" not in words[next(label for label in labels if label.startswith("z1"))]
    assert "?" in words[next(label for label in labels if label.startswith("dW1"))]


@pytest.mark.slow
def test_formulas_with_arrays_show_all_of_them_shelf_by_shelf(opened, tmp_path):
    experiment = graph("attention")
    page = opened(experiment.to_page(tmp_path / "page.html", rules=False))
    page.locator("#iteration").fill("3")
    page.locator("#iteration").press("Enter")
    settled(page)
    row = experiment.run(iterations=3).frame.iloc[2]
    frames = page.locator("#matrices .frame")
    labels = frames.locator("b").all_inner_texts()
    for label, name in (("S 3 × 3", "S"), ("dWq 2 × 2", "dloss_dWq"), ("loss", "loss")):
        shown = frames.nth(labels.index(label)).locator("td").all_inner_texts()
        size = round(len(shown) ** 0.5)
        ends = [f"_{i + 1}_{k + 1}" for i, k in np.ndindex(size, size)] if size > 1 else [""]
        # The page shows five digits.
        expected = [row[name + end] for end in ends]
        assert [float(text) for text in shown] == pytest.approx(expected, rel=1e-4)
    lines = page.locator("#matrices > table").count()
    assert lines == 3


@pytest.mark.slow
def test_formulas_of_numbers_have_no_matrices(page_file, opened):
    page = opened(page_file("line-adam"))
    assert not page.locator("#matrices-section").is_visible()
