"""Live marks judge by the digits that are typed, in every spreadsheet."""

from __future__ import annotations

from collections import Counter

import ironcalc
import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import FIRST_ROW
from bpsheet.exercises.handout import write_sheet
from bpsheet.hand.numbers import decimals_needed
from tests.helpers.exercises import Z_G_ROW, two_neurons
from tests.helpers.live_sheets import marked, marks_in_libreoffice, rows_of, typed_sheets
from tests.helpers.samples import sampled, small_templates, spread

TYPED = {
    "": "",
    "-0.25": "✓",
    "\u22120.25": "✓",
    "-0.250": "✓",
    " - 0.25 ": "✓",
    "-.25": "✓",
    "-2.5e-1": "✓",
    "-2.50E-01": "✓",
    "-0.2500000": "✓",
    "-0.3": "…",
    "0.25": "✗",
    "-0.24": "✗",
    "-0.251": "✗",
    "-0.2500000001": "✗",
    "0": "✗",
    "-25": "✗",
    "-0,25": "?",
    "-1/4": "?",
    "1-25": "?",
    "-0.2.5": "?",
    "abc": "?",
    "e": "?",
    "-": "?",
    "1e": "?",
}


@pytest.mark.sample(4)
@pytest.mark.parametrize("text", spread(TYPED, 9))
def test_a_mark_judges_by_the_digits_typed_in_ironcalc(live, text):
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    if text:
        model.update_cell_with_text(0, Z_G_ROW, 2, text)
    model.evaluate()
    assert model.get_cell_value(0, Z_G_ROW, 3) == TYPED[text]


def test_a_number_in_place_of_text_is_judged_too(live):
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    model.update_cell_with_number(0, Z_G_ROW, 2, -0.25)
    model.evaluate()
    assert model.get_cell_value(0, Z_G_ROW, 3) == "✓"


def test_marks_agree_with_the_digits_for_every_value(live):
    """Rounded to three digits each is right; two more in the last digit alone, it is not."""
    task = two_neurons().task()
    rows = [(r, line) for r, line in enumerate(task.lines, FIRST_ROW) if line.is_asked]
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    for step, mark in ((2, "✗"), (0, "✓")):
        for row, line in rows:
            decimals = decimals_needed(task.exact(line), 3)
            value = task.exact(line) + step * 10.0**-decimals
            model.update_cell_with_text(0, row, 2, f"{value:.{decimals}f}")
            model.evaluate()
            assert model.get_cell_value(0, row, 3) == mark
            model.update_cell_with_text(0, row, 2, "")


def test_a_mark_follows_through_an_answer_that_is_left_blank(live):
    """g is wrong, z_f is blank: f = 1 / (1 + e^0.35) follows all the same."""
    rows = {line.name: r for r, line in enumerate(two_neurons().task().lines, FIRST_ROW)}
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    for name, text in {"g": "-0.300", "f": "0.413"}.items():
        model.update_cell_with_text(0, rows[name], 2, text)
    model.evaluate()
    shown = {name: model.get_cell_value(0, rows[name], 3) for name in ("g", "z_f", "f")}
    assert shown == {"g": "✗", "z_f": "", "f": "✓"}


# What is typed, and the marks of the last of it.
ROUNDED = {
    # −0.141 · −0.245 is 0.0345 and −0.14128 · −0.24492 is 0.0346; −0.1415 · −0.2455 is 0.03474.
    "a product of rounded numbers": (
        {"f_error": "-0.141", "g": "-0.245"}, "dMSE / dw_gf1",
        {"0.0345": "✓", "0.0346": "✓", "0.0347": "✓", "0.0349": "✗"},
    ),
    # (f − 1) · f · (1 − f) moves by a quarter of what f moves.
    "through two blanks": (
        {"f": "0.500"}, "f_error",
        {"-0.1249": "✓", "-0.1251": "✓", "-0.1253": "✗"},
    ),
    "from one iteration to the next": (
        {"delta_w_xg0": "0.500"}, "w_xg0",
        {"0.8005": "✓", "0.8007": "✗"},
    ),
    # −0.14128 · (0.00 ± 0.005) is anything up to 0.00071, which confirms nothing that is small.
    "a span wider than the number": (
        {"g": "0.00"}, "dMSE / dw_gf1",
        {"0.000200": "✗"},
    ),
    # tanh(−0.25 ± 0.005) would be −0.247, too.
    "two digits": ({"z_g": "-0.25"}, "g", {"-0.245": "✓", "-0.247": "✗"}),
    "too few digits before two blanks": (
        {"f": "0.4"}, "f_error",
        {"-0.144": "…", "-0.141": "✓"},
    ),
}  # fmt: skip


@pytest.mark.sample(2)
@pytest.mark.parametrize("kind", ROUNDED)
def test_a_mark_allows_for_rounding_as_the_judge_does(live, kind):
    task = two_neurons().task()
    before, last, marks = ROUNDED[kind]
    rows = rows_of(task)
    places = {place[1]: place for place in rows}
    for text, mark in marks.items():
        sheet = {places[name]: typed for name, typed in {**before, last: text}.items()}
        [shown] = shown_in_ironcalc(live, rows, [sheet])
        assert shown[rows[places[last]]] == marked(task, sheet)[places[last]] == mark, text


def test_rounding_moves_what_nobody_is_asked_for(tmp_path):
    """z_f is not asked: f = 1 / (1 + e^−z_f) follows by way of it from g = 0.500 ± 0.0005."""
    exercise = two_neurons("g", "f")
    rows = rows_of(exercise.task())
    write_sheet(exercise, tmp_path / "few.xlsx", live=True)
    for text, mark in {"0.51253": "✓", "0.51258": "✗"}.items():
        sheet = {(1, "g"): "0.500", (1, "f"): text}
        [shown] = shown_in_ironcalc(tmp_path / "few.xlsx", rows, [sheet])
        assert shown[rows[1, "f"]] == marked(exercise.task(), sheet)[1, "f"] == mark


def test_a_gradient_is_summed_over_a_batch_from_nothing(tmp_path):
    """The formula of the first sum refers to an iteration before, where there is none."""
    names = "dlogL / dw_h1_bias", "sum_dlogL / dw_h1_bias"
    exercise = Exercise(bp.load("binary-classification"), names)
    rows = {line.name: r for r, line in enumerate(exercise.task().lines, FIRST_ROW)}
    write_sheet(exercise, tmp_path / "batch.xlsx", live=True)
    model = ironcalc.load_from_xlsx(str(tmp_path / "batch.xlsx"), "en", "UTC", "en")
    for name in names:
        model.update_cell_with_text(0, rows[name], 2, "0.0777")
    model.evaluate()
    shown = [model.get_cell_value(0, rows[name], 3) for name in names]
    assert shown == ["✗", "✓"]


def shown_in_ironcalc(live, rows, sheets):
    """The marks on each sheet of some, all of them typed into one workbook."""
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    for sheet in sheets:
        for place, row in rows.items():
            model.update_cell_with_text(0, row, 2, sheet.get(place, ""))
        model.evaluate()
        yield {row: model.get_cell_value(0, row, 3) for row in rows.values()}


def compared(task, sheets, shown):
    """How many marks differ from the judge's, and how often the judge gives each."""
    rows = rows_of(task)
    differ, given = 0, Counter()
    for sheet, marks in zip(sheets, shown, strict=True):
        for place, mark in marked(task, sheet).items():
            given[mark] += 1
            differ += marks[rows[place]] != mark
    return differ, given


@pytest.mark.slow
@pytest.mark.parametrize("count", sampled([40, 1000], 40))
def test_marks_agree_with_the_judge_on_drawn_sheets(live, count):
    """Right, right so far, rounded, follow-through, not right. A mark knows no slips: what was meant
    by a wrong number with too few digits is the judge's alone.
    """
    task = two_neurons().task()
    sheets = list(typed_sheets(task, count, seed=count))
    differ, given = compared(task, sheets, shown_in_ironcalc(live, rows_of(task), sheets))
    assert len(given) == 3
    assert differ < 0.005 * given.total()


@pytest.mark.slow
@pytest.mark.parametrize("count", sampled([20, 1000], 20))
def test_marks_are_the_judges_where_digits_enough_are_typed(live, count):
    task = two_neurons().task()
    sheets = list(typed_sheets(task, count, seed=count, digits=(3, 4, 5)))
    differ, given = compared(task, sheets, shown_in_ironcalc(live, rows_of(task), sheets))
    assert given["✗"] >= count / 3
    assert differ == 0


@pytest.mark.slow
def test_marks_agree_with_the_judge_on_every_template(tmp_path):
    """A mark knows neither sheets of nonsense nor numbers that nearly cancel."""
    differ, given = 0, Counter()
    for name in small_templates():
        exercise = Exercise(bp.load(name), ("forward", "backward", "update"))
        write_sheet(exercise, tmp_path / f"{name}.xlsx", live=True)
        task = exercise.task()
        sheets = list(typed_sheets(task, 100, seed=5, digits=(3, 4, 5)))
        shown = shown_in_ironcalc(tmp_path / f"{name}.xlsx", rows_of(task), sheets)
        more, marks = compared(task, sheets, shown)
        differ += more
        given += marks
    assert given.total() > 40_000
    assert differ < 0.002 * given.total()


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 1000])
def test_marks_agree_with_the_judge_in_libreoffice(live, tmp_path, libreoffice, count):
    task = two_neurons().task()
    rows = rows_of(task)
    sheets = list(typed_sheets(task, count, seed=7))
    texts = [{rows[place]: text for place, text in sheet.items()} for sheet in sheets]
    shown = marks_in_libreoffice(libreoffice, live, texts, tmp_path)
    differ, given = compared(task, sheets, shown)
    assert given.total() == 20 * count
    assert differ < 0.005 * given.total()


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 5])
def test_marks_in_libreoffice(live, tmp_path, libreoffice, every):
    """Each text is typed into the z_g of a sheet of its own."""
    texts = list(TYPED)[::every]
    sheets = [{Z_G_ROW: text} if text else {} for text in texts]
    shown = marks_in_libreoffice(libreoffice, live, sheets, tmp_path)
    assert [marks[Z_G_ROW] for marks in shown] == [TYPED[text] for text in texts]
