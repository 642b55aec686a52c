"""Derivatives of formulas, in the form in which textbooks write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bpsheet.errors import ProgramError
from bpsheet.formula.derivative import differentiate
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Compare, Div, If, Lookup, Mul, Neg, Num, Ref, Text, walk
from bpsheet.printers.text import formula_text
from tests.helpers.samples import draws
from tests.helpers.strategies import trees

NAMES = ("x", "u", "z")


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        ("z", "1"),
        ("3", "0"),
        ("x", "0"),
        ("2*z", "2"),
        ("z*2", "2"),
        ("1*z + 3", "1"),
        ("x*z + u*z", "x + u"),
        ("x - z", "-1"),
        ("z - x", "1"),
        ("-z", "-1"),
        ("-(x*z)", "-x"),
        ("z*z", "z + z"),
        ("z/x", "1/x"),
        ("x/z", "-(x/z^2)"),
        ("z/(x + z)", "1/(x + z) - z/(x + z)^2"),
        ("z^2", "2*z"),
        ("z^3", "3*z^2"),
        ("z^1", "1"),
        ("(2*z)^2", "2*(2*z)*2"),
        ("2^z", "2^z*ln(2)"),
        ("x^z", "x^z*ln(x)"),
        ("z^x", "x*z^(x - 1)"),
        ("(2*z)^z", "(2*z)^z*(ln(2*z) + z*2/(2*z))"),
        ("exp(z)", "exp(z)"),
        ("exp(-z)", "exp(-z)*(-1)"),
        ("ln(z)", "1/z"),
        ("sin(2*z)", "cos(2*z)*2"),
        ("logistic(z)", "logistic(z)*(1 - logistic(z))"),
        ("int(z)", "0"),
        ("-int(z)", "0"),
        ("mod(z, x)", "1"),
        ("if(z > 0, z, 0.01*z)", "if(z > 0, 1, 0.01)"),
        ("max(0, z)", "if(0 = max(0, z), 0, if(z = max(0, z), 1, 0))"),
    ],
)
def test_derivatives_are_written_plainly(formula, derivative):
    """Times 1 and plus 0 are dropped where differentiation brought them in; nothing else is."""
    found = differentiate(parse_formula(formula, NAMES), "z")
    assert formula_text(found) == derivative


def test_a_factor_1_that_the_source_wrote_stays():
    """The bias's input is an explicit 1 on the sheet: dz/dw0 = 1, and z = 1·w0 keeps it."""
    written = Mul(Num(1.0), Ref("w0"))
    assert differentiate(written, "w0") == Num(1.0)
    assert differentiate(Mul(written, Ref("z")), "z") == written


def test_a_comparison_is_flat():
    tree = Mul(Ref("z"), Compare(">", Ref("z"), Num(0.0)))
    assert differentiate(tree, "z") == Compare(">", Ref("z"), Num(0.0))


def test_the_first_of_equal_arguments_carries_the_derivative_of_their_maximum():
    """So that the partial derivatives of max(a, b, a) add up to 1."""
    tree = Call("max", (Ref("x"), Ref("u"), Ref("z")))
    slopes = [
        evaluate(differentiate(tree, name), lambda _: 2.0, {}, {}) for name in ("x", "u", "z")
    ]
    assert slopes == [1.0, 0.0, 0.0]


def test_last_rows_value_is_a_constant():
    assert differentiate(Mul(Ref("z", 1), Ref("z")), "z") == Ref("z", 1)


@pytest.mark.parametrize("node", [Lookup("t", Ref("z")), Mul(Ref("z"), Lookup("t", Ref("z")))])
def test_what_has_no_derivative_raises(node):
    with pytest.raises(ProgramError, match="no derivative of Lookup with respect to z"):
        differentiate(node, "z")


SMOOTH = trees(
    st.one_of(st.sampled_from(NAMES).map(Ref), st.sampled_from([0.5, 1.0, 2.0, 3.0, 0.1]).map(Num)),
    functions=("abs", "cos", "exp", "ln", "logistic", "sign", "sin", "sqrt", "tanh"),
    exponents=st.sampled_from([1.0, 2.0, 3.0, -1.0, 0.5]).map(Num) | st.just(Ref("u")),
    max_leaves=8,
)


@given(SMOOTH, st.sampled_from([0.31, 0.83, 1.7, -0.57]))
@draws(300)
def test_the_derivative_of_any_formula_is_its_slope(tree, z):
    """Against differences at three widths, wherever these agree on a slope at all."""

    def at(x):
        values = {"x": 1.37, "u": 0.71, "z": x}
        return evaluate(tree, lambda ref: values[ref.name], {}, {})

    def slope(step):
        return (8 * (at(z + step) - at(z - step)) - at(z + 2 * step) + at(z - 2 * step)) / (
            12 * step
        )

    try:
        first, second, third = slope(1e-3), slope(5e-4), slope(2.5e-4)
        size = max(abs(at(z)), 1e-3)
    except CellError:
        assume(False)
    scale = max(abs(first), size)
    assume(abs(first - second) < 1e-8 * scale and abs(second - third) < 1e-8 * scale)
    assume(scale < 1e6)
    values = {"x": 1.37, "u": 0.71, "z": z}
    try:
        found = evaluate(differentiate(tree, "z"), lambda ref: values[ref.name], {}, {})
    except CellError:
        # The value exists where the textbook's form of its derivative does not: 0/0, sqrt(0).
        assume(False)
    assert math.isclose(found, third, rel_tol=1e-7, abs_tol=1e-7 * scale)


def test_derivatives_are_trees_of_the_same_closed_set_of_nodes():
    tree = If(Compare(">", Ref("z"), Num(0.0)), Div(Ref("z"), Ref("x")), Neg(Ref("z")))
    for node in walk(differentiate(tree, "z")):
        assert not isinstance(node, Text | Lookup)
