"""Hand values are judged by their digits, and mistakes are named."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.hand.judge import judge
from bpsheet.hand.verdict import Verdict
from tests.helpers.figures import SLIPS
from tests.helpers.samples import draws, small_templates
from tests.helpers.verdicts import only


def verdicts(trace, hand):
    judged = judge(trace, {(1, k): v for k, v in hand.items()})
    return {j.quantity: j.verdict for j in judged.judgements}


def test_the_book_is_right_but_for_one_figure(trace):
    """y_g = −0.25 is not the rounding of −0.2449; everything else is judged on its own."""
    frame = trace.compare()
    wrong = frame[frame["verdict"] != "correct"]
    assert wrong["quantity"].tolist() == ["g"]
    assert wrong["rounded"].tolist() == ["-0.24"]
    assert frame.set_index(["iteration", "quantity"]).loc[(2, "w_gf0"), "verdict"] == "correct"


@pytest.mark.parametrize("name", [n for n in small_templates() if n not in ("two-neuron", "iris")])
def test_the_figures_of_every_other_source_are_right(name):
    experiment = bp.load(name)
    if experiment.hand:
        rows = max(map(int, experiment.hand)) + 1
        frame = experiment.run(iterations=rows).compare()
        slips = {(number, quantity) for of, number, quantity, _ in SLIPS if of == name}
        places = zip(frame["iteration"], frame["quantity"], frame["verdict"], strict=True)
        wrong = {(number, of) for number, of, verdict in places if verdict != "correct"}
        assert wrong <= slips


def test_the_fourth_source_loses_its_digits_to_a_difference_that_was_rounded():
    """0.001932 is right with the printed 0.998, and 19 % off the exact value."""
    trace = bp.load("log-likelihood").run(iterations=2)
    bias = next(c for c in trace.program if c.role == "gradient" and c.neuron == "h2")
    error = next(c for c in trace.program if c.role == "error term" and c.neuron == "h2")
    hand = {"h1": "0.982", "h2": "0.998", "y1": "0.984", "y2": "0.984", error.name: "0.001932"}
    found = only(trace, hand, error.name)
    assert found.verdict is Verdict.ROUNDED
    assert found.exact == pytest.approx(0.00238998047, rel=1e-8)
    assert bias.formula is not None


def test_a_wrong_formula_of_which_a_number_is_left_is_not_told(trace):
    """ "1.0000 is 1" would say nothing."""
    found = only(trace, {"dMSE / dw_xg0": "1.0000"}, "dMSE / dw_xg0")
    assert found.reason.startswith("1.0000 is written; -0.0664 is expected.")


def test_what_follows_correctly_from_a_wrong_value_is_carried_through(trace):
    found = verdicts(trace, {"g": "0.5", "f": "0.51", "MSE'": "-0.49"})
    assert found["g"] is not Verdict.CORRECT
    assert found["f"] is Verdict.CARRIED
    assert found["MSE'"] is Verdict.CARRIED


def test_a_value_from_values_that_were_rounded_is_right(trace):
    """From −0.58 and 0.2436 to three digits: −0.1413 from exact ones, −0.141 either way."""
    hand = {"MSE'": "-0.58", "f'": "0.24", "f_error": "-0.1392"}
    found = only(trace, hand, "f_error")
    assert found.verdict is Verdict.ROUNDED
    assert "-0.1413" in found.reason


def test_blank_is_missing_and_text_is_no_number(trace):
    found = verdicts(trace, {"g": "", "f": "about half", "MSE'": "0,58"})
    assert found == {
        "g": Verdict.MISSING,
        "f": Verdict.NO_NUMBER,
        "MSE'": Verdict.NO_NUMBER,
    }


def test_a_value_that_nothing_explains_is_wrong(trace):
    found = only(trace, {"f_error": "-0.7654"}, "f_error")
    assert found.verdict is Verdict.WRONG
    assert "-0.1413 is expected" in found.reason


def test_errors_of_a_run_can_be_compared_without_a_crash():
    trace = bp.load("exploding").run()
    names = [column.name for column in trace.program]
    found = judge(trace, {(15, name): "1.0" for name in names}).judgements
    assert len(found) == len(names)
    assert all(math.isnan(j.exact) or math.isfinite(j.exact) for j in found)


def test_a_slip_in_copying_the_data_is_worked_out_too(trace):
    """A turned sign is said in words: a formula for it would have a minus before a number."""
    (found,) = judge(trace, {(1, "y"): "-1"}).judgements
    assert found.reason.startswith("-1 is written; 1 is expected. ")


@pytest.mark.slow
@given(data=st.data())
@draws(30)
def test_any_text_anywhere_gets_a_verdict(trace, data):
    names = st.sampled_from([c.name for c in trace.program])
    texts = st.one_of(st.text(max_size=12), st.floats(-10, 10).map(lambda v: f"{v:.3f}"))
    hand = data.draw(st.dictionaries(st.tuples(st.integers(1, 5), names), texts, max_size=8))
    found = judge(trace, hand).judgements
    assert {(j.iteration, j.quantity) for j in found} == set(hand)
    assert all(j.reason and "nan" not in j.reason for j in found)


def test_what_follows_from_a_nought_shows_as_little(trace):
    found = only(trace, {"f": "0", "MSE'": "-1.0"}, "MSE'")
    assert found.verdict is Verdict.FEW_DIGITS
    assert found.reason == (
        "It follows from your f, of which no digit is written; write more digits there."
    )


def test_in_another_convention_the_expected_value_is_of_that_convention(trace):
    """With target minus output, a wrong error term should have been positive."""
    hand = {"MSE'": "0.580", "f_error": "0.123", "delta_w_gf0": "0.0123", "delta_w_gf1": "-0.00301"}
    found = only(trace, hand, "f_error")
    assert found.rounded == "0.141"


def test_digits_are_asked_of_what_follows_from_rounded_numbers_too():
    """After a wrong number of two digits, nothing that follows has more than it shows."""
    trace = bp.load("two-neuron").run(iterations=2)
    sheet = {(1, "f"): "-0.32", (1, "MSE"): "0.87"}
    verdicts = [one.verdict for one in judge(trace, sheet, digits=3).judgements]
    assert verdicts[1] is Verdict.FEW_DIGITS
    assert [one.verdict for one in judge(trace, sheet, digits=2).judgements][1] is Verdict.CARRIED


@pytest.mark.parametrize(("written", "verdict"), [("0.05", "rounded early"), ("0.03", "wrong")])
def test_what_is_left_of_two_rounded_numbers_does_not_excuse_everything(written, verdict):
    """1.04 - 0.96, written 1.0 and 1.0: what follows with any rounding is up to 0.1 off."""
    trace = bp.Experiment(
        graph={
            "inputs": ["p", "q"],
            "forward": ["a = p + 0.04", "b = q - 0.04", "d = a - b", "L = d^2"],
            "loss": "L",
        },
        data={"examples": [[1.0, 1.0]]},
    ).run(1)
    report = trace.compare({"a": "1.0", "b": "1.0", "d": written})
    assert report["verdict"].tolist() == ["correct", "correct", verdict]
