"""Practice in a page: values are hidden, and what is typed is judged."""

from __future__ import annotations

import random

import bpsheet as bp
from bpsheet.hand.numbers import Written, read_number
from tests.helpers.browser import settled
from tests.helpers.pages import field


def test_typed_numbers_are_read_and_judged_as_hand_calculations_are(page_file, opened):
    """The same value and unit, and the same word on whether an exact value rounds to it."""
    page = opened(page_file("two-neuron"))
    draw = random.Random(11)
    texts = ["-0.25", " 1.2e-3 ", "−0.5", "1.2×10^-3", ".5", "5.", "0,5", "1_000", "nan", "", "1/3"]
    texts += ["٣.٥", "1e999", "0x10", "+ 3", "--1", "1.2.3", "12e", "1.2e-333"]
    exacts = [draw.uniform(-2, 2) for _ in range(400)]
    texts += [f"{value * draw.choice((1, 1, 1.1)):.{draw.randint(1, 5)}f}" for value in exacts]
    for text in texts:
        exact = draw.choice(exacts)
        value = read_number(text)
        found = page.evaluate(
            "([text, exact]) => { const read = readNumber(text);"
            " return [read.value ?? null, read.unit ?? null,"
            " read.value === undefined ? null : agrees(read, exact)]; }",
            [text, exact],
        )
        if isinstance(value, Written):
            assert found == [value.value, value.unit, value.agrees(exact)], text
        else:
            assert found == [None, None, None], text


def practised(page, answers):
    """Type answers in practice mode; the verdicts by quantity."""
    page.get_by_label("Practice").check()
    settled(page)
    for name, text in answers.items():
        field(page, f"{name} =").fill(text)
    return {
        name: page.locator("p.answer")
        .filter(has=field(page, f"{name} ="))
        .locator(".verdict")
        .inner_text()
        for name in answers
    }


def test_practice_hides_values_and_judges_what_is_typed(page_file, opened):
    """Two-neuron by hand: -0.24 for g is right; f from a wrong g is carried through."""
    page = opened(page_file("two-neuron"))
    answers = {"z_g": "-0.25", "g": "-0.24", "z_f": "-0.5", "f": "0.38", "MSE": "0.5", "MSE'": "x"}
    found = practised(page, answers)
    assert found["z_g"] == "✓ correct"
    assert found["g"] == "✓ correct"
    assert found["z_f"].startswith("✗")
    assert found["f"] == "✓ carried through: it follows from your z_f."
    assert found["MSE"].startswith("✗")
    assert found["MSE'"].startswith("? no number")


def test_practice_shows_no_value_that_was_not_found(page_file, opened):
    """Neither text, picture, table nor chart gives away f, until it is right or asked for."""
    page = opened(page_file("two-neuron"))
    trace = bp.load("two-neuron").run(1)
    page.get_by_label("Practice").check()
    settled(page)
    f = f"{trace.values[0, trace.program.position['f']]:.3g}"
    seen = page.locator("body").inner_text() + page.locator("#picture").inner_html()
    assert f not in seen
    assert page.locator("#chart-section").is_hidden()
    page.locator("p.answer:has(input[aria-label='f =']) button").click()
    settled(page)
    assert f in page.locator("#picture").inner_html()
    assert f in page.locator("#solution").inner_text()


def test_answers_to_other_numbers_are_gone(page_file, opened):
    """After an edit the questions are new ones."""
    page = opened(page_file("two-neuron"))
    assert practised(page, {"z_g": "-0.25"}) == {"z_g": "✓ correct"}
    field(page, "w_xg1").fill("0.7")
    settled(page)
    assert field(page, "z_g =").input_value() == ""
    assert practised(page, {"z_g": "-0.34"}) == {"z_g": "✓ correct"}


def test_too_few_digits_are_right_so_far(page_file, opened):
    page = opened(page_file("two-neuron"))
    assert practised(page, {"g": "-0.2"})["g"].startswith("… right so far")
