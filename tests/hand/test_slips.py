"""Slips: the mistakes that people make, each named by what came of it."""

import math

import pytest

import bpsheet as bp
from bpsheet.hand.verdict import Verdict
from tests.helpers.verdicts import only


@pytest.mark.parametrize(
    ("hand", "quantity", "kind"),
    [
        ({"MSE'": "0.5799"}, "MSE'", "wrong sign"),
        ({"f_error": "-0.5799"}, "f_error", "derivative left out"),
        (
            {"MSE'": "-0.5799", "f": "0.4201", "f_error": "-0.2436"},
            "f_error",
            "part of the derivative left out",
        ),
        ({"g": "-0.5005"}, "g", "bias left out"),
        ({"delta_w_xg0": "0.06640"}, "delta_w_xg0", "learning rate left out"),
        ({"MSE": "0.3363"}, "MSE", "factor 2 or ½"),
        ({"g_error": "-0.06594"}, "g_error", "weight after its update"),
        ({"g": "-0.2500"}, "g", "activation left out"),
        ({"f'": "0.2436", "MSE": "0.2900"}, "MSE", "square left out"),
        ({"dMSE / dw_xg1": "-0.006640"}, "dMSE / dw_xg1", "wrong input"),
    ],
)
def test_a_slip_is_named(trace, hand, quantity, kind):
    found = only(trace, hand, quantity)
    assert found.verdict is Verdict.SLIP
    assert found.slips[0] == kind


def test_the_reason_shows_the_wrong_formula_with_the_students_numbers(trace):
    found = only(trace, {"f": "0.42", "MSE'": "-0.58", "f_error": "-0.58"}, "f_error")
    assert (
        "-0.58 is MSE'; -0.14 is expected. Perhaps f', the derivative of f's output,"
        in found.reason
    )
    found = only(trace, {"f": "0.42", "MSE'": "-0.58", "f_error": "-0.24"}, "f_error")
    assert "-0.24 follows with 0.42 for f'" in found.reason


def test_a_minus_sign_left_out_inside_a_formula_is_named():
    """−z³ + 2z worked as z³ + 2z: turning the sign of the whole would not give that."""
    trace = bp.Experiment(
        network=bp.Network(
            inputs=["x"],
            targets=["y"],
            loss="half_squared_error",
            layers=[
                bp.Layer(neurons=["h"], activation="-(z^3) + 2*z", weights=[[1.0]], bias=[0.0])
            ],
        ),
        data=bp.Data(examples=[[0.8, 1.0]]),
        training=bp.Training(iterations=2),
    ).run()
    found = only(trace, {"h": f"{0.8**3 + 2 * 0.8:.4f}"}, "h")
    assert found.verdict is Verdict.SLIP
    assert "a minus sign is left out" in found.reason


def test_two_slips_at_once_are_named(trace):
    """The bias is forgotten in z_g, and the sign of g_error is turned; of both only g_error is written."""
    row = trace.frame.loc[1]
    slip = row["f_error"] * row["w_gf1"] * (1 - math.tanh(row["z_g"] - row["w_xg0"]) ** 2) * -1
    hand = {"f_error": f"{row['f_error']:.9f}", "g_error": f"{slip:.7f}"}
    found = only(trace, hand, "g_error")
    assert found.verdict is Verdict.SLIP
    assert any("sign" in kind and "bias left out" in kind for kind in found.slips)
