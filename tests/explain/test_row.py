"""One iteration of a trace: its exact values, the choices that its formulas make."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.explain.row import Row
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Call, Compare, Div, If, Mul, Num, Ref, Sub


@pytest.fixture
def row(traced):
    return Row(traced("two-neuron", 3), 2)


def test_values_are_those_of_the_iteration_and_of_the_one_before(row, traced):
    frame = traced("two-neuron", 3).frame
    assert row.value(Ref("g")) == frame.loc[2, "g"]
    assert row.value(Ref("g", 1)) == frame.loc[1, "g"]
    assert row.evaluate(Sub(Ref("g"), Ref("g", 1))) == frame.loc[2, "g"] - frame.loc[1, "g"]


def test_there_is_no_row_before_the_first(traced):
    with pytest.raises(CellError):
        Row(traced("two-neuron", 3), 1).value(Ref("g", 1))


def test_a_choice_becomes_the_side_that_is_taken_with_its_reason(row):
    """The reason is the condition as it holds: where it does not, its opposite."""
    positive = Compare(">", Ref("g"), Num(0.0))
    formula = Mul(If(positive, Ref("g"), Num(0.5)), Ref("f"))
    made, reasons = row.resolved(formula)
    assert row.evaluate(Ref("g")) < 0
    assert made == Mul(Num(0.5), Ref("f"))
    assert reasons == (Compare("<=", Ref("g"), Num(0.0)),)


def test_a_choice_without_a_value_stays(row):
    test = Compare(">", Div(Num(1.0), Sub(Ref("g"), Ref("g"))), Num(0.0))
    formula = If(test, Num(1.0), Num(2.0))
    assert row.resolved(formula) == (formula, ())


def test_weights_are_given_until_they_have_moved(traced):
    trace = traced("two-neuron", 3)
    weight = trace.program["w_xg1"]
    assert Row(trace, 1).is_given(weight)
    assert not Row(trace, 2).is_given(weight)
    assert Row(trace, 2).is_given(trace.program["x1"])


def test_errors_are_shown_by_their_names(row):
    assert row.result(Div(Num(1.0), Sub(Ref("g"), Ref("g")))).text == "#DIV/0!"
    assert row.result(Call("ln", (Ref("g"),))).text == "#NUM!"


def test_an_iteration_that_is_not_there_and_digits_that_are_none_are_told_together(traced):
    with pytest.raises(bp.ExperimentError) as caught:
        Row(traced("two-neuron", 3), 4, digits=0)
    assert [problem.place for problem in caught.value.problems] == ["iteration", "digits"]
