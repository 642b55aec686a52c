"""What follows from the numbers that somebody wrote, where they are not those of the run."""

from __future__ import annotations

import math

import pytest

import bpsheet as bp
from bpsheet.formula.tree import Div, Mul, Num, Ref
from bpsheet.hand.numbers import read_number
from bpsheet.hand.student import Student


def student_of(trace, answers=None, **written):
    """A student's run, computed to its last written place."""
    texts = {(1, name): text for name, text in written.items()} | (answers or {})
    read = {place: read_number(text) for place, text in texts.items()}
    student = Student(trace.program, trace.values, read)
    assert list(student.places()) == sorted(
        texts, key=lambda place: (place[0], trace.program.position[place[1]])
    )
    return student


def test_without_a_written_number_nothing_follows(trace):
    student = student_of(trace)
    assert student.written == student.own == {}
    for name, value in zip(trace.program.names, trace.values[1], strict=True):
        assert student.exact((2, name)) == value
        assert student.sources((2, name)) == []


def test_sources_are_the_written_values_that_lead_to_one(trace):
    """Also through a weighted sum that nobody wrote: z_f lies between g and f."""
    student = student_of(trace, z_g="0.5", g="0.7", f="0.6", w_gf1="0.55")
    assert student.sources((1, "z_g")) == []
    assert student.sources((1, "g")) == [(1, "z_g")]
    assert student.sources((1, "f")) == [(1, "w_gf1"), (1, "g")]


def test_a_written_number_stands_in_the_place_of_the_runs(trace):
    """z_f follows from the g that was written; z_g, which stands before it, does not."""
    student = student_of(trace, g="0.7", f="0.6")
    row = trace.frame.loc[1]
    assert student.exact((1, "g")) == row["g"]
    assert student.written[1, "z_f"] == row["w_gf0"] + row["w_gf1"] * 0.7
    assert (1, "z_g") not in student.written
    assert student.followed((1, "f"))[0] == 1 / (1 + math.exp(-student.written[1, "z_f"]))


def test_what_a_number_was_without_its_rounding_goes_on_in_its_own_line(trace):
    """Who reads the places says what each number stands for."""
    answers = {(1, "g"): read_number("-0.24"), (1, "f"): read_number("0.42")}
    student = Student(trace.program, trace.values, answers)
    for place in student.places():
        if place == (1, "g"):
            student.own[place] = student.exact(place)
    written, own = student.followed((1, "f"))
    assert own == trace.frame.loc[1, "f"]
    assert written == pytest.approx(1 / (1 + math.exp(0.2 + 0.24 * 0.5)), rel=1e-15)


def test_it_goes_on_into_the_next_iteration(trace):
    """Another adjustment of a weight is another weight afterwards, and another output."""
    student = student_of(trace, {(1, "delta_w_gf1"): "0.5", (2, "g"): "-0.3", (2, "f"): "0.4"})
    weight = trace.frame.loc[1, "w_gf1"] + 0.5
    assert student.written[2, "w_gf1"] == weight
    assert student.written[2, "z_f"] == pytest.approx(
        trace.frame.loc[2, "w_gf0"] - weight * 0.3, rel=1e-15
    )


def test_a_span_holds_whatever_rounds_to_the_numbers_before(trace):
    """g² = 0.06 ± 2 · 0.24 · 0.005 for a g of -0.24, whose last digit is the second."""
    student = student_of(trace, **{"g": "-0.24", "g'": "0.94"})
    low, high = student.span((1, "g'"), student.wide)
    assert low == pytest.approx(1 - 0.245**2, abs=1e-4)
    assert high == pytest.approx(1 - 0.235**2, abs=1e-4)
    assert low <= 1 - 0.245**2
    assert high >= 1 - 0.235**2


def test_a_span_goes_through_what_nobody_wrote(trace):
    student = student_of(trace, g="-0.2", f="0.42")
    low, high = student.span((1, "f"), student.wide)
    ends = [1 / (1 + math.exp(0.2 - g * 0.5)) for g in (-0.25, -0.15)]
    assert (low, high) == pytest.approx(tuple(ends), rel=1e-3)


def test_another_formula_changes_what_nobody_wrote_and_leaves_what_stands_there(trace):
    student = student_of(trace, f_error="-0.14", g_error="-0.07")
    slip = {"g'": Num(1.0)}
    weight = trace.frame.loc[1, "w_gf1"]
    assert student.value_with((1, "g_error"), slip, student.written) == -0.14 * weight
    assert student.value_with((1, "g_error"), slip, {}) == trace.frame.loc[1, "f_error"] * weight
    assert student.leading_to((1, "g_error")) == dict.fromkeys(("g_error", "w_gf1", "g'", "g", "z_g", "w_xg0", "x1", "w_xg1", "x2", "w_xg2", "example", "iteration"), 1)  # fmt: skip


def test_another_formula_holds_in_every_row_before(trace):
    """Without the learning rate, the weight of row 3 has moved twice."""
    student = student_of(trace, {(3, "w_gf0"): "0"})
    slip = {"delta_w_gf0": Ref("dMSE / dw_gf0")}
    moved = student.value_with((3, "w_gf0"), slip, {})
    first = trace.frame.loc[1, "w_gf0"] + trace.frame.loc[1, "dMSE / dw_gf0"]
    assert moved != first
    assert student.value_with((2, "w_gf0"), slip, {}) == first


def test_the_next_rows_weight_may_stand_in_a_slip(trace):
    student = student_of(trace, f_error="-0.14128", g_error="-0.0659")
    slip = {"g_error": Mul(Ref("f_error"), Mul(Ref("w_gf1", -1), Ref("g'")))}
    row = trace.frame.loc[1]
    expected = row["f_error"] * (trace.frame.loc[2, "w_gf1"] * row["g'"])
    assert student.value_with((1, "g_error"), slip, {}) == expected


def test_what_has_no_value_is_nan(trace):
    student = student_of(trace, g="0")
    values = student.over(1, student.written)
    assert math.isnan(student.value(Div(Num(1.0), Ref("g")), values))
    exploded = bp.load("exploding").run()
    first = exploded.first_error
    broken = Student(exploded.program, exploded.values, {})
    assert math.isnan(broken.value(Ref(first.column), broken.over(first.iteration, {})))


def test_what_leads_to_a_value_is_gathered_in_one_pass(trace, monkeypatch):
    """Each formula is evaluated once a row for each line, however many values were written."""
    count = 0
    evaluated = Student.value

    def counted(self, *arguments):
        nonlocal count
        count += 1
        return evaluated(self, *arguments)

    monkeypatch.setattr(Student, "value", counted)
    rows = range(1, len(trace) + 1)
    student = student_of(trace, {(row, "f"): "0.6" for row in rows})
    for row in rows:
        assert student.sources((row, "f")) == [(earlier, "f") for earlier in range(1, row)]
    assert count <= 2 * len(trace) * len(trace.program)
