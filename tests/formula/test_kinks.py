"""The slope of a formula at a kink: the true one where its kinks cancel, else that of one side."""

from __future__ import annotations

from functools import reduce

import pytest

import bpsheet as bp
from bpsheet.formula.derivative import derivatives, differentiate
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Ref, Sum
from tests.helpers.slopes import central, value

# Smooth at 0, though made of parts that are not; and the slope there.
SMOOTH = [
    ("max(z, 0) + ln(1 + exp(-abs(z)))", 0.5),
    ("max(0, z) + ln(1 + exp(-abs(z)))", 0.5),
    ("relu(z) + ln(1 + exp(-abs(z)))", 0.5),
    ("if(z > 0, z, 0) + ln(1 + exp(-abs(z)))", 0.5),
    ("if(z < 0, 0, z) + ln(1 + exp(-abs(-z)))", 0.5),
    ("if(0 >= z, 0, z) + ln(1 + exp(-abs(2*z/2)))", 0.5),
    ("z - min(z, 0) + ln(1 + exp(-abs(z)))", 0.5),
    ("min(z, 0) - ln(1 + exp(-abs(z)))", 0.5),
    ("min(0, z) - ln(1 + exp(-abs(z)))", 0.5),
    ("-(max(-z, 0) + ln(1 + exp(-abs(z))))", 0.5),
    ("max(z, 0) - z*0.25 + ln(1 + exp(-abs(z)))", 0.25),
    ("z*tanh(max(z, 0) + ln(1 + exp(-abs(z)))) + z", 1.6),
    ("max(z, 0) + min(0, z)", 1.0),
    ("max(0, z) + min(z, 0)", 1.0),
    ("max(z, 0) + exp(min(z, 0)) - 1", 1.0),
    ("max(0, z) + exp(min(0, z)) - 1", 1.0),
    ("max(0, z) + min(0, exp(z) - 1)", 1.0),
    ("max(z, 0) + min(1.5*(exp(z) - 1)/1.5, 0)", 1.0),
    ("max(z, 0) + exp(-(abs(z) - z)/2) - 1", 1.0),
    ("(z + abs(z))/2 + exp((z - abs(z))/2) - 1", 1.0),
    ("exp(-abs(z))*(1 + abs(z))", 0.0),
]
# With a kink at 0: what each is for itself, as it always was.
KINKED = [
    ("max(0, z)", 0.0),
    ("max(z, 0)", 1.0),
    ("min(z, 0)", 1.0),
    ("min(0, z)", 0.0),
    ("relu(z)", 0.0),
    ("abs(z)", 0.0),
    ("if(z > 0, z, 0.1*z)", 0.1),
    ("max(0, z) + abs(z - 1)", -1.0),
    ("max(0, z, z/2)", 0.0),
]


@pytest.mark.parametrize(("text", "slope"), SMOOTH)
def test_where_the_kinks_cancel_the_slope_is_the_true_one(text, slope):
    formula = parse_formula(text, {"z"})
    # The curvature may jump: differences of 1e-5 are wrong by about as much.
    assert central(lambda z: value(formula, z=z), 0.0) == pytest.approx(slope, abs=1e-5)
    found = differentiate(formula, "z")
    assert value(found, z=0.0) == pytest.approx(slope, rel=1e-15)
    for z in (-0.7, 0.4):
        assert value(found, z=z) == pytest.approx(
            central(lambda z: value(formula, z=z), z), rel=1e-9
        )


@pytest.mark.parametrize(("text", "slope"), KINKED)
def test_a_kink_alone_at_its_place_has_the_slope_of_its_convention(text, slope):
    assert value(differentiate(parse_formula(text, {"z"}), "z"), z=0.0) == slope


def test_kinks_of_differences_meet_and_others_do_not():
    """max(a, b) and |a - b| meet where a = b: softplus of a - b, and b."""
    formula = parse_formula("max(a, b) + ln(1 + exp(-abs(b - a)))", {"a", "b"})
    slopes = derivatives(formula)
    for a, b in ((0.3, 0.3), (0.3, -1.1)):
        for name in "ab":
            at = {"a": a, "b": b}
            by_difference = central(
                lambda x, n=name, at=at: value(formula, **at | {n: x}), at[name]
            )
            assert value(slopes[name], a=a, b=b) == pytest.approx(by_difference, rel=1e-8)
    apart = derivatives(parse_formula("max(a, 0) + abs(b)", {"a", "b"}))
    assert value(apart["b"], a=0.0, b=0.0) == 0


@pytest.mark.parametrize(
    "text", ["max(z, 0) + ln(1 + exp(-abs(z)))", "relu(z) + ln(1 + exp(-abs(z)))"]
)
def test_softplus_as_an_activation_or_formula_of_ones_own_is_trained_from_0_as_by_its_name(text):
    def network(activation):
        return bp.Experiment(
            network=bp.Network(
                inputs=["x"],
                targets=["t"],
                loss="squared_error",
                layers=[
                    bp.Layer(neurons=["f"], activation=activation, weights=[[0.0]], bias=[0.0])
                ],
            ),
            data=bp.Data(examples=[[2.0, 1.5]]),
            training=bp.Training(iterations=3),
        )

    expected = network("softplus").run().weights.to_numpy()
    assert network(text).run().weights.to_numpy() == pytest.approx(expected, rel=1e-14)
    graph = bp.Experiment(
        graph=bp.Graph(
            inputs=["x", "t"],
            parameters={"b": 0.0, "w": 0.0},
            forward=["z = b + w*x", f"f = {text}", "loss = (t - f)^2"],
            loss="loss",
        ),
        data=bp.Data(examples=[[2.0, 1.5]]),
        training=bp.Training(iterations=3),
    )
    assert graph.run().weights.to_numpy() == pytest.approx(expected, rel=1e-14)


def test_arrays_of_ones_own_formulas_have_the_true_slope_too():
    graph = bp.Experiment(
        graph=bp.Graph(
            inputs=["x"],
            shapes={"x": [2]},
            parameters={"w": [0.0, 0.0]},
            forward=["z = w*x", "loss = sum(max(z, 0) + ln(1 + exp(-abs(z))))"],
            loss="loss",
        ),
        data=bp.Data(examples=[[2.0, -3.0]]),
        training=bp.Training(iterations=1),
    )
    row = graph.run().frame.iloc[0]
    assert row[["dloss_dw_1", "dloss_dw_2"]].tolist() == [1.0, -1.5]


def test_kinks_in_a_formula_deeper_than_functions_may_call_themselves_are_found():
    grown = reduce(lambda inner, _: Sum((inner, Ref("z"))), range(5000), Ref("z"))
    formula = Sum((Call("relu", (grown,)), Call("abs", (grown,))))
    assert value(differentiate(formula, "z"), z=0.0) == -5001
