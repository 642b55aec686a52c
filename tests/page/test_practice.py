"""Practice in a page: values are hidden, and what is typed is judged."""

from __future__ import annotations

import random
from collections import Counter

import pytest

import bpsheet as bp
from bpsheet.hand.judge import judge
from bpsheet.hand.numbers import Written, read_number
from tests.helpers import hand_sheets
from tests.helpers.browser import settled
from tests.helpers.pages import field
from tests.helpers.samples import sampled


@pytest.mark.slow
def test_typed_numbers_are_read_and_judged_as_hand_calculations_are(page_file, opened):
    """The same value and unit, and the same word on whether an exact value rounds to it."""
    page = opened(page_file("two-neuron"))
    draw = random.Random(11)
    texts = [
        "-0.25",
        " 1.2e-3 ",
        "−0.5",
        "1.2×10^-3",
        ".5",
        "5.",
        "1,234",
        "1.234,5",
        "1_000",
        "nan",
        "",
        "1/3",
    ]
    texts += ["٣.٥", "1e999", "0x10", "+ 3", "--1", "1.2.3", "12e", "1.2e-333", "0e309"]
    exacts = [draw.uniform(-2, 2) for _ in range(100)]
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_answers_to_other_numbers_are_gone(page_file, opened):
    """After an edit the questions are new ones."""
    page = opened(page_file("two-neuron"))
    assert practised(page, {"z_g": "-0.25"}) == {"z_g": "✓ correct"}
    field(page, "w_xg1").fill("0.7")
    settled(page)
    assert field(page, "z_g =").input_value() == ""
    assert practised(page, {"z_g": "-0.34"}) == {"z_g": "✓ correct"}


@pytest.mark.slow
def test_too_few_digits_are_right_so_far(page_file, opened):
    page = opened(page_file("two-neuron"))
    assert practised(page, {"g": "-0.2"})["g"].startswith("… right so far")


JUDGED = """([answers]) => {
  const { content, run } = bpsheet, practice = new Practice(run, content, 0);
  for (const [name, text] of answers) practice.answers.set(content.names.indexOf(name), text);
  practice.judge();
  return answers.map(([name]) => practice.verdicts.get(content.names.indexOf(name)).word);
}"""
# The page's words, and the verdicts that they stand for.
WORDS = {
    "correct": {"correct", "other convention"},
    "rounded early": {"rounded early", "carried through"},
    "carried through": {"rounded early", "carried through"},
    "right so far": {"too few digits"},
    "cut, not rounded": {"cut, not rounded"},
    "close": {"close"},
    "not yet": {"likely slip", "same slip again", "wrong"},
}


def drawn_sheets(name, count, seed):
    """Sheets of the first iteration: right in one of four ways, cut, or with one slip."""
    rng = random.Random(seed)
    trace = bp.load(name).run(2)
    for _ in range(count):
        asked = hand_sheets.asked_of(trace, rng)
        way = rng.choice(list(hand_sheets.ways(rng).values()))
        slip = hand_sheets.planted(trace, asked, rng) if rng.random() < 0.5 else None
        changed = {slip.column: slip.formula} if slip else {}
        writes = rng.choice([hand_sheets.written, hand_sheets.written, hand_sheets.cut])
        digits = rng.choice([2, 2, 3, 4, 6])
        yield hand_sheets.worked(trace, asked, digits, changed, way=way, writes=writes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sheets"),
    sampled(
        [
            ("two-neuron", 70),
            *((name, 250) for name in ("two-neuron", "book-xor", "two-hidden-layers", "iris")),
        ],
        ("two-neuron", 70),
    ),
)
def test_practice_agrees_with_the_judge_on_drawn_sheets(page_file, opened, name, sheets):
    """Sheets of four templates: right, right so far, rounded, follow-through, mistakes."""
    page = opened(page_file(name))
    trace = bp.load(name).run(2)
    seen = Counter()
    for sheet in drawn_sheets(name, sheets, seed=len(name)):
        judged = judge(trace, sheet, digits=2)
        answers = [[one.quantity, one.written] for one in judged.judgements]
        words = page.evaluate(JUDGED, [answers])
        if judged.reading is not None:
            continue
        for word, one in zip(words, judged.judgements, strict=True):
            seen[word] += 1
            seen["disagree"] += str(one.verdict) not in WORDS[word]
    assert len(seen) >= 6
    assert seen["disagree"] <= 0.015 * seen.total()
