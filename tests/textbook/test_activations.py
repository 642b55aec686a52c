"""The table of activations: formulas and derivatives held against each other."""

from __future__ import annotations

import math

import pytest

from bpsheet.formula.derivative import differentiate
from bpsheet.formula.filling import expand, fill
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Num, Ref
from bpsheet.textbook.activations import ACTIVATIONS, is_joint
from tests.helpers.slopes import central, value

# Between these, no activation has a kink and no function leaves its domain.
POINTS = (-3.3, -1.1, -0.4, -0.07, 0.06, 0.3, 0.9, 2.2, 4.1)


@pytest.mark.sample(97)
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if not is_joint(name)])
@pytest.mark.parametrize("z", POINTS)
def test_an_activations_derivative_is_that_of_its_formula(name, z):
    """As the textbook writes it, as it follows from the tree, and by differences."""
    activation = ACTIVATIONS[name]
    formula = parse_formula(activation.formula, {"z"})
    y = value(formula, z=z)
    by_table = value(fill(activation.derivative, z=Ref("z"), y=Ref("y")), z=z, y=y)
    by_tree = value(differentiate(formula, "z"), z=z)
    by_difference = central(lambda at: value(formula, z=at), z)
    assert by_tree == pytest.approx(by_table, rel=1e-12, abs=1e-15)
    assert by_difference == pytest.approx(by_table, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "z", "y"),
    [
        ("linear", -1.7, -1.7),
        ("logistic", 0.3, 1 / (1 + math.exp(-0.3))),
        ("logistic", -800.0, 0.0),
        ("logistic", 800.0, 1.0),
        ("tanh", 0.3, math.tanh(0.3)),
        ("relu", 0.3, 0.3),
        ("relu", -0.3, 0.0),
        ("leaky_relu", 0.3, 0.3),
        ("leaky_relu", -0.3, -0.003),
        ("softplus", 0.3, math.log(1 + math.exp(0.3))),
        ("softplus", 1000.0, 1000.0),
        ("softplus", -1000.0, 0.0),
        ("elu", 0.3, 0.3),
        ("elu", -0.3, math.exp(-0.3) - 1),
        ("elu", 1000.0, 1000.0),
        ("elu", -1000.0, -1.0),
        ("selu", 1000.0, 1050.70098735548),
        ("selu", -1000.0, -1.75809934084738),
        ("gelu", 1000.0, 1000.0),
        ("gelu", -1000.0, 0.0),
        ("silu", -0.3, -0.3 / (1 + math.exp(0.3))),
        ("silu", 1000.0, 1000.0),
        ("silu", -1000.0, 0.0),
        ("mish", -0.3, -0.3 * math.tanh(math.log(1 + math.exp(-0.3)))),
        ("mish", 1000.0, 1000.0),
        ("mish", -1000.0, 0.0),
        ("softsign", -3.0, -0.75),
        ("hard_sigmoid", -3.0, 0.0),
        ("hard_sigmoid", 0.6, 0.6),
        ("hard_sigmoid", 3.0, 1.0),
        ("hard_tanh", -7.0, -1.0),
        ("hard_tanh", 0.3, 0.3),
        ("hard_tanh", 7.0, 1.0),
        ("log_sigmoid", 0.3, -math.log(1 + math.exp(-0.3))),
        ("log_sigmoid", 1000.0, 0.0),
        ("log_sigmoid", -1000.0, -1000.0),
        ("sign", -0.3, -1.0),
        ("sign", 0.0, 0.0),
        ("sign", 5.0, 1.0),
        ("step", -0.1, 0.0),
        ("step", 0.0, 0.0),
        ("step", 2.0, 1.0),
    ],
)
def test_activations_are_the_functions_that_their_names_say(name, z, y):
    assert value(parse_formula(ACTIVATIONS[name].formula, {"z"}), z=z) == pytest.approx(
        y, rel=1e-15, abs=0
    )


@pytest.mark.parametrize("z", [-1e4, -40.0, 40.0, 1e4])
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if not is_joint(name)])
def test_far_out_the_derivative_is_that_of_the_straight_line_there(name, z):
    """Nothing overflows, and no difference of large numbers is left over."""
    activation = ACTIVATIONS[name]
    y = value(parse_formula(activation.formula, {"z"}), z=z)
    slope = value(fill(activation.derivative, z=Num(z), y=Num(y)))
    beyond = value(parse_formula(activation.formula, {"z"}), z=z + math.copysign(1024.0, z))
    assert slope == pytest.approx(abs(beyond - y) / 1024, rel=1e-9, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "kink"),
    [("hard_sigmoid", -3.0), ("hard_sigmoid", 3.0), ("hard_tanh", -1.0), ("hard_tanh", 1.0)],
)
def test_at_the_ends_of_a_straight_line_the_derivative_is_0_as_in_pytorch(name, kink):
    formula = parse_formula(ACTIVATIONS[name].formula, {"z"})
    assert value(fill(ACTIVATIONS[name].derivative, z=Num(kink), y=Num(0.0))) == 0
    assert value(differentiate(formula, "z"), z=kink) == 0


@pytest.mark.parametrize("name", ["relu", "leaky_relu"])
def test_at_the_kink_the_derivative_is_that_of_the_negative_side(name):
    at_zero = fill(ACTIVATIONS[name].derivative, z=Num(0.0), y=Num(0.0))
    below = fill(ACTIVATIONS[name].derivative, z=Num(-1.0), y=Num(0.0))
    assert value(at_zero) == value(below)
    formula = parse_formula(ACTIVATIONS[name].formula, {"z"})
    assert value(differentiate(formula, "z"), z=0.0) == value(below)


def test_the_guarded_logistic_has_a_value_where_exp_has_none():
    assert value(expand("logistic", Num(-1e6), guard=True)) == 0.0
