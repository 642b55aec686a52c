"""Worked solutions: the numbers of the trace, step by step, in the source's notation."""

from __future__ import annotations

import math
import re

import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.explain import derive
from bpsheet.explain.row import Row
from bpsheet.formula.tree import references
from bpsheet.hand.numbers import read_number
from bpsheet.program.kinds import Phase, Role
from tests.helpers.documents import FORMATS, TEMPLATES
from tests.helpers.samples import spread

BOOK = {
    "g": "-0.24",
    "f": "0.42",
    "MSE": "0.17",
    "MSE'": "-0.58",
    "f_error": "-0.14",
    "g_error": "-0.066",
    "delta_w_xg0": "0.0066",
    "delta_w_xg1": "-0.0060",
    "delta_w_xg2": "0.00066",
    "delta_w_gf0": "0.014",
    "delta_w_gf1": "-0.0035",
}


def test_the_figures_printed_in_the_book(traced):
    """To two digits as printed; the new weights to the four decimals of the book."""
    steps = {step.name: step.result for step in traced("two-neuron").explain(1, digits=2).steps}
    assert {name: steps[name] for name in BOOK} == BOOK
    four = {step.name: step.result for step in traced("two-neuron").explain(1).steps}
    new = {name.removeprefix("new "): four[name] for name in four if name.startswith("new ")}
    assert new == {
        "w_xg0": "0.3066",
        "w_xg1": "0.5940",
        "w_xg2": "-0.09934",
        "w_gf0": "-0.1859",
        "w_gf1": "0.4965",
    }


def test_symbols_then_numbers_then_the_result(traced):
    text = traced("two-neuron").explain(1).text()
    assert (
        "The weighted sum of g: its bias, and each input times its weight.\n"
        "    z_g = 1 · w_xg0 + x1 · w_xg1 + x2 · w_xg2\n"
        "        = 1 · 0.3 + (-0.9) · 0.6 + 0.1 · (-0.1)\n"
        "        = -0.2500\n" in text
    )
    assert "    g = tanh(z_g)\n      = tanh(-0.2500)\n      = -0.2449\n" in text
    assert "Weights: w_xg0 = 0.3, w_xg1 = 0.6, w_xg2 = -0.1, w_gf0 = -0.2, w_gf1 = 0.5" in text
    order = ["Given", "Forward pass", "Backward pass", "Weight adjustment", "New weights"]
    places = [text.index(f"\n{title}\n") for title in order]
    assert places == sorted(places)


@pytest.mark.sample(3)
@pytest.mark.parametrize("template", spread(TEMPLATES, 5))
def test_every_number_is_the_traces_value_rounded(traced, template):
    trace = traced(template, 7)
    for iteration in (1, 2, 6):
        frame = trace.frame.loc[iteration]
        following = trace.frame.loc[iteration + 1]
        explanation = trace.explain(iteration)
        for step in explanation.steps:
            name = step.name.removeprefix("new ")
            exact = (following if name != step.name else frame)[name]
            if step.result in ("Correct", "Incorrect"):
                assert (step.result == "Correct") == bool(exact)
            elif step.result.startswith("#"):
                assert math.isnan(exact)
            else:
                assert read_number(step.result).agrees(exact), step.name
        computed = trace.program.phase(
            Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT, Phase.UPDATE, Phase.TEST
        )
        steps = [step.name for step in explanation.steps]
        assert steps == [
            *(column.name for column in computed if column.phase is not Phase.TEST),
            *(f"new {column.name}" for column in trace.program.phase(Phase.WEIGHT)),
            *(column.name for column in computed if column.phase is Phase.TEST),
        ]


@pytest.mark.slow
@pytest.mark.parametrize("template", spread(TEMPLATES, 4))
def test_the_numbers_put_in_are_the_traces_values_rounded(traced, template):
    trace = traced(template, 7)
    row = Row(trace, 3, 6)
    for column in trace.program:
        for ref in references(column.formula) if column.formula else ():
            text = row.shown(ref).text
            exact = trace.frame[ref.name].loc[3 - ref.lag] if ref.name in trace.frame else None
            if exact is not None and text not in ("Correct", "Incorrect"):
                assert read_number(text).agrees(exact)


def test_a_batch_adjusts_on_its_last_row_only(traced):
    trace = traced("matrix-1-2-1", 7)
    size = int(trace.program.parameters[1].value)
    within, last = trace.explain(1), trace.explain(size)
    assert "the weights are not adjusted yet" in within.text()
    assert "and the last: the weights are adjusted" in last.text()
    moved = {c.name for c in trace.program if c.role is Role.ADJUSTMENT}
    assert {step.result for step in within.steps if step.name in moved} == {"0"}
    assert "0" not in {step.result for step in last.steps if step.name in moved}
    assert "since batch_end ≠ 1" in within.text()
    assert 'since batch_end = 1, reduction = "mean"' in last.text()


def test_a_frozen_weight_is_said_to_stay(traced):
    explanation = traced("one-weight").explain(2)
    assert "hh_1 is never updated." in explanation.text()
    assert {s.name: s.result for s in explanation.steps}["new hh_1"] == "0.75"


def test_the_perceptron_has_a_rule_and_no_chain(traced):
    explanation = traced("book-perceptron").explain(2, only=["w1"])
    assert explanation.chains == ()
    assert "target times input times learning rate" in explanation.text()
    assert "Nothing is differentiated." in derive(bp.load("book-perceptron")).text()


@pytest.mark.slow
def test_errors_are_printed_as_the_sheet_shows_them():
    trace = bp.load("exploding").run(2000)
    error = trace.first_error
    assert error is not None
    for iteration in (error.iteration, error.iteration + 3):
        weight = trace.program.phase(Phase.WEIGHT)[0].name
        whole = trace.explain(iteration)
        part = trace.explain(iteration, only=[weight])
        for form in FORMATS:
            text = getattr(whole, form)() + getattr(part, form)()
            assert "#NUM!" in text.replace("\\#", "#")
            assert not re.search(r"\b(nan|inf|None)\b", text)


def test_choices_are_made_before_numbers_are_put_in():
    made = bp.load("two-neuron").to_dict()
    made["network"]["layers"][0]["activation"] = "relu"
    text = bp.Experiment(**made).run(1).explain(1, only=["g'"]).text()
    assert "g' = if(z_g > 0, 1, 0)\n       = 0   since z_g ≤ 0\n" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"iteration": 0}, "1 to 497 expected"),
        ({"iteration": 498}, "1 to 497 expected, which is what was run; got 498"),
        ({"iteration": 1, "digits": 0}, "1 to 15 expected; got 0"),
        (
            {"iteration": 1, "only": ["w_gx1"]},
            'no quantity "w_gx1"; did you mean "w_xg1" or "w_gf1"?',
        ),
        ({"iteration": 1, "only": ["f", "qqqq"]}, 'no quantity "qqqq"; known here: iteration'),
        ({"iteration": 1, "only": []}, "at least one name expected"),
    ],
)
def test_what_cannot_be_explained_is_said(traced, arguments, said):
    with pytest.raises(ExperimentError) as refused:
        traced("two-neuron").explain(**arguments)
    assert said in str(refused.value)
