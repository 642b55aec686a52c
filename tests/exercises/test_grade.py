"""A filled-in sheet is marked: planted slips are named, and cost what was agreed."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import FIRST_ROW, fill_in_workbook
from bpsheet.exercises.grade import read_filled
from bpsheet.exercises.marks import MARKS, Scale, read_marks
from bpsheet.hand.numbers import decimals_needed
from bpsheet.program.kinds import STEPS
from tests.helpers.grading import NETWORK, answers_of, fill, grade_file, typed_into
from tests.helpers.samples import SAMPLE, sampled, small_templates, spread


def test_a_sheet_without_a_mistake_has_every_mark(ada, own):
    sheet = grade_file(fill(own, ada, answers_of(ada)), NETWORK)
    assert (sheet.student, sheet.total, sheet.out_of) == ("Ada", 25, 25)
    assert sheet.first_mistake is None
    assert sheet.notes == ()


SLIPS = [
    ("g_error", -1.0, "wrong sign"),
    ("MSE", 2.0, "factor 2 or ½"),
    ("delta_w_xg1", -1.0, "wrong sign"),
    ("delta_w_gf0", 10.0, "learning rate left out"),
]


@pytest.mark.sample(2)
@pytest.mark.parametrize(("quantity", "factor", "kind"), spread(SLIPS, 2))
def test_one_planted_slip_is_named_and_costs_one_mark(ada, own, quantity, factor, kind):
    """What follows correctly from it is carried through, and gets its mark."""
    before = fill(own, ada, answers_of(ada, {quantity: factor})).read_bytes()
    sheet = grade_file(own, NETWORK)
    assert own.read_bytes() == before
    assert sheet.first_mistake.judgement.quantity == quantity
    assert sheet.first_mistake.verdict == "likely slip"
    assert kind in sheet.first_mistake.judgement.slips
    assert [mark.judgement.quantity for mark in sheet.marks if mark.is_mistake] == [quantity]
    assert sheet.total == 24


def test_what_follows_from_a_slip_is_carried_through(ada, own):
    sheet = grade_file(fill(own, ada, answers_of(ada, {"g_error": -1.0})), NETWORK)
    carried = [m.judgement.quantity for m in sheet.marks if m.verdict == "carried through"]
    assert {"dMSE / dw_xg0", "dMSE / dw_xg2"} <= set(carried)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "name",
    spread(
        sampled(
            [name for name in small_templates() if name != "exploding"],
            *(name for name in SAMPLE if name != "exploding"),
        ),
        2,
    ),
)
def test_two_iterations_of_every_template_rounded_are_right(tmp_path, name):
    task = Exercise(bp.load(name), iterations=2).task()
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(fill_in_workbook(task))
    texts = {}
    for row, line in enumerate(task.lines, FIRST_ROW):
        if line.is_asked:
            texts[f"B{row}"] = f"{task.exact(line):.{decimals_needed(task.exact(line), 3)}f}"
    typed_into(path, texts)
    sheet = grade_file(path, task.exercise.experiment)
    assert sheet.total == sheet.out_of == len(texts)
    assert sheet.first_mistake is None


def test_a_sheet_is_read_without_marking_it(ada, own):
    task, filled = read_filled(fill(own, ada, {"z_g": "-0.970"}), NETWORK)
    assert task.trace.frame.equals(ada.trace.frame)
    assert filled.answers[1, "z_g"] == "-0.970"
    assert set(filled.answers.values()) == {"-0.970", ""}


def test_an_empty_sheet_has_no_marks(ada, own):
    sheet = grade_file(fill(own, ada, {}), NETWORK)
    assert sheet.total == 0
    assert {mark.verdict for mark in sheet.marks} == {"missing"}


@pytest.mark.parametrize(
    ("digits", "verdict", "mark"), [(4, "correct", 1), (2, "too few digits", 0.5)]
)
def test_fewer_digits_than_asked_cost_half(ada, own, digits, verdict, mark):
    exact = ada.trace.frame.loc[1, "g"]
    text = f"{exact:.{digits}f}"
    sheet = grade_file(fill(own, ada, answers_of(ada) | {"g": text}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == "g")
    assert (found.verdict, found.mark) == (verdict, mark)


def test_a_nought_for_a_small_value_earns_nothing(ada, own):
    """By its digits it is right: the exact value rounds to 0."""
    name = "delta_w_xg2"
    assert abs(ada.trace.frame.loc[1, name]) < 0.5
    sheet = grade_file(fill(own, ada, answers_of(ada) | {name: "0"}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == name)
    assert (found.verdict, found.mark) == ("too few digits", 0)


def test_noughts_at_the_end_need_not_be_written(tmp_path):
    task = Exercise(bp.load("two-neuron")).task()
    path = fill(tmp_path / "one.xlsx", task, {"z_g": "-0.25"}, name="Bob")
    sheet = grade_file(path, NETWORK)
    assert sheet.student == "Bob"
    assert sheet.marks[0].verdict == "correct"


def test_numbers_are_taken_and_noted(ada, own):
    answers = {name: float(text) for name, text in answers_of(ada).items()}
    sheet = grade_file(fill(own, ada, answers), NETWORK)
    assert sheet.total == 25
    assert sheet.notes == ("25 cells hold numbers instead of text, so zeros at the end are lost",)


def test_a_unicode_minus_and_a_comma_are_taken(ada, own):
    answers = {name: text.replace("-", "\u2212") for name, text in answers_of(ada).items()}
    assert grade_file(fill(own, ada, answers), NETWORK).total == 25
    commas = {name: text.replace(".", ",") for name, text in answers.items()}
    fill(own, ada, commas)
    assert grade_file(own, NETWORK).total == 25
    assert grade_file(own, NETWORK, decimal=",").total == 25


@pytest.mark.sample(2)
@pytest.mark.parametrize("value", spread([True, "abc", "1/0", "#N/A", "nan", "1e999", "=1"], 3))
def test_what_is_no_number_earns_nothing_and_stops_nothing(ada, own, value):
    sheet = grade_file(fill(own, ada, answers_of(ada) | {"y": value, "z_g": value}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == "z_g")
    assert (found.verdict, found.mark) == ("not a number", 0)
    assert sheet.total == 24


def test_a_formula_is_flagged_and_its_value_never_believed(ada, own):
    sheet = grade_file(fill(own, ada, answers_of(ada) | {"g": "=TANH(B19)"}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == "g")
    assert found.reason == "There is a formula instead of a typed value."
    assert found.mark == 0
    assert "formulas instead of typed values: g" in sheet.notes


def test_marks_are_settable_by_verdict(ada, own, tmp_path):
    path = tmp_path / "marks.toml"
    path.write_text('correct = 2\n"likely slip" = 0.5\ncarried_through = 1\n', encoding="utf-8")
    marks = read_marks(path)
    assert marks == Scale({**MARKS, "correct": 2, "likely slip": 0.5, "carried through": 1})
    sheet = grade_file(fill(own, ada, answers_of(ada, {"delta_w_xg1": -1.0})), NETWORK, marks)
    by_verdict = {mark.judgement.quantity: mark.mark for mark in sheet.marks}
    assert by_verdict["delta_w_xg1"] == 0.5
    assert by_verdict["g"] == 2
    assert sheet.out_of == 50


def test_points_of_steps_and_quantities_and_a_total_add_up(ada, own, tmp_path):
    path = tmp_path / "marks.toml"
    path.write_text("total = 10\n[points]\nbackward = 2\nMSE = 0.5\n", encoding="utf-8")
    scale = read_marks(path)
    steps = [ada.trace.program[line.name].phase for line in ada.lines if line.is_asked]
    backward = sum(phase in STEPS["backward"] for phase in steps)
    full = len(steps) + backward - 0.5
    sheet = grade_file(fill(own, ada, answers_of(ada)), NETWORK, scale)
    assert sheet.total == pytest.approx(10)
    assert sheet.out_of == pytest.approx(10)
    by_name = {mark.judgement.quantity: mark.mark for mark in sheet.marks}
    assert by_name["MSE"] == pytest.approx(0.5 * 10 / full)
    assert by_name["f_error"] == pytest.approx(2 * 10 / full)
    assert by_name["z_g"] == pytest.approx(10 / full)


def test_a_cause_costs_what_the_scale_says_once(ada, own, tmp_path):
    path = tmp_path / "marks.toml"
    path.write_text("cause = 3\n", encoding="utf-8")
    slips = {line.name: -1.0 for line in ada.lines if line.name.startswith("delta_")}
    sheet = grade_file(fill(own, ada, answers_of(ada, slips)), NETWORK, read_marks(path))
    assert [cause.kind for cause in sheet.causes] == ["wrong sign"]
    assert len(sheet.causes[0].places) == len(slips)
    assert sheet.total == sheet.out_of - 3


def test_points_of_what_the_sheet_does_not_have_are_refused(ada, own, tmp_path):
    path = tmp_path / "marks.toml"
    path.write_text("[points]\nbackwards = 2\n", encoding="utf-8")
    with pytest.raises(bp.ExperimentError, match=r'points.backwards: .* did you mean "backward"'):
        grade_file(fill(own, ada, answers_of(ada)), NETWORK, read_marks(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("total = -1", "a number of at least 0 expected"),
        ("points = 3", "a table expected"),
        ("corect = 1", 'no verdict "corect"'),
        ("wrong = true", "a number expected"),
        ("wrong = nan", "a number up to"),
        ("wrong = ", "not a TOML file"),
    ],
)
def test_marks_that_do_not_fit_are_refused(tmp_path, text, said):
    path = tmp_path / "marks.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(bp.ExperimentError, match=said):
        read_marks(path)
