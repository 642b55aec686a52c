"""Formulas as fast Python, against the careful evaluation."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.formula.evaluate import DIVISION, NUMBER, CellError, evaluate
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Sub,
    Sum,
    Text,
)
from bpsheet.printers.python import ENVIRONMENT, LONGEST_CHAIN, function_name
from bpsheet.printers.text import formula_text
from tests.helpers.printing import ANYTHING, ONE, THREE, TWO, WASHED_OUT, A, B, C, python_printer
from tests.helpers.samples import draws
from tests.helpers.strategies import NAMES, edges


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Neg(Pow(A, TWO)), "-(a**2)"),
        (Pow(Pow(A, TWO), THREE), "(a**2)**3"),
        (Pow(A, Num(0.5)), "power(a,0.5)"),
        (Sub(A, Sub(B, C)), "a-(b-c)"),
        (Sum((Mul(ONE, A), Mul(B, C))), "1.0*a+b*c"),
        (Call("logistic", (A,)), "logistic(a)"),
        (Call("ln", (A,)), "log(a)"),
        (Call("mod", (A, B)), "mod(a,b)"),
        (Div(A, Mul(B, C)), "a/finite(b*c)"),
        (Div(ONE, Sum((ONE, Call("exp", (Neg(A),))))), "1.0/(1.0+exp(-a))"),
        (Compare("<>", A, B), "(a!=b)"),
        (If(Compare("=", A, B), A, C), "(a if (a==b) else c)"),
        (Lookup("x1", A), "t_x1[int(a)]"),
        (Lookup("x1", A, B), "t_x1[int(a)][int(b)]"),
        (Param("rate"), "rate"),
        (Pow(A, ONE), "a**1"),
        (Div(Neg(A), B), "-a/b"),
        (Compare("<", Sub(A, B), C), "(finite(a-b)<c)"),
        (Compare("<", Sum((ONE, A)), C), "(1.0+a<c)"),
        (Compare("<", A, If(Compare("<", A, B), A, B)), "(a<(a if (a<b) else b))"),
        (Mul(Compare(">", A, B), C), "(a>b)*c"),
        # Guards: only where an infinity could vanish.
        (Call("tanh", (Compare(">", A, B),)), "tanh((a>b))"),
        (Call("tanh", (If(Compare(">", A, B), A, B),)), "tanh((a if (a>b) else b))"),
        (Call("tanh", (Call("mod", (A, B)),)), "tanh(mod(a,b))"),
        (Call("tanh", (Call("abs", (A,)),)), "tanh(fabs(a))"),
        (Call("tanh", (Call("exp", (Mul(A, B),)),)), "tanh(finite(exp(finite(a*b))))"),
        (Div(ONE, Sum((Num(1e200), A))), "1.0/finite(1e+200+a)"),
        (Div(ONE, Sum((Num(1e199), A))), "1.0/(1e+199+a)"),
        (Div(ONE, Sum((A, B))), "1.0/finite(a+b)"),
        (Text("me'an"), '"me\'an"'),
    ],
)
def test_formulas_as_python(tree, text):
    assert python_printer().text(tree) == text


def test_a_sum_beyond_the_longest_chain_is_a_call():
    """Python cannot compile a chain of thousands; the call needs no parentheses."""
    chain, called = Sum((A, B) * (LONGEST_CHAIN // 2)), Sum((A, *(A, B) * (LONGEST_CHAIN // 2)))
    plain = python_printer()
    assert plain.text(Mul(C, chain)) == f"c*({'+'.join('ab' * (LONGEST_CHAIN // 2))})"
    assert plain.text(Mul(C, called)) == f"c*added({','.join('a' + 'ab' * (LONGEST_CHAIN // 2))})"


def fast(tree, values):
    """The value by the generated code, NUMBER or DIVISION where it has none."""
    try:
        code = compile(python_printer().text(tree), "<test>", "eval")
        value = eval(code, dict(ENVIRONMENT) | values)
    except ZeroDivisionError:
        return DIVISION
    except (ArithmeticError, ValueError):
        return NUMBER
    return struct.pack("d", value) if math.isfinite(value) else NUMBER


def careful(tree, values):
    try:
        return struct.pack("d", evaluate(tree, lambda ref: values[ref.name], {}, {}))
    except CellError as error:
        return error.code


@pytest.mark.slow
@given(ANYTHING, st.tuples(edges, edges, st.floats(-1e3, 1e3), edges))
@draws(1500)
def test_the_fast_code_has_the_careful_value_bit_for_bit(tree, four):
    """Signed zeros included; it has none (an infinity or an exception) where that is an error."""
    values = dict(zip(NAMES, four, strict=True))
    quick, slow = fast(tree, values), careful(tree, values)
    assert isinstance(quick, bytes) == isinstance(slow, bytes)
    if isinstance(slow, bytes):
        assert quick == slow


@pytest.mark.parametrize("tree", WASHED_OUT, ids=formula_text)
def test_an_infinity_in_the_middle_of_a_formula_is_an_error_in_the_fast_code_too(tree):
    """With a = 1e200: a spreadsheet has no infinity that 1/∞ = 0 or tanh ∞ = 1 could use up."""
    assert careful(tree, {"a": 1e200}) == NUMBER
    assert fast(tree, {"a": 1e200}) == NUMBER


def test_the_logistic_function_is_0_where_exp_would_overflow():
    assert [ENVIRONMENT["logistic"](z) for z in (-1e4, -709.5, 0.0, 1e4)] == [0.0, 0.0, 0.5, 1.0]
    assert ENVIRONMENT["logistic"](-709.0) > 0


@pytest.mark.parametrize(
    ("base", "exponent", "value"),
    [
        *((-8, 1 / 3, -2), (-8, -1 / 3, -0.5), (-32, 0.2, -2), (-2, 1, -2), (-2, 2, 4)),
        *((-2, -1, -0.5), (0, 1 / 3, 0), (0.125, 1 / 3, 0.5), (4, 0.5, 2), (5, 0, 1)),
    ],
)
def test_powers_are_those_of_a_spreadsheet(base, exponent, value):
    """An odd root of a negative number is negative."""
    found = ENVIRONMENT["power"](base, exponent)
    assert math.isclose(found, value, rel_tol=1e-15)
    assert math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize(("base", "exponent"), [(0, 0), (-4, 0.5), (-4, 1.5), (-8, 2 / 3), (0, -1)])
def test_a_power_that_a_spreadsheet_does_not_have_is_an_error(base, exponent):
    with pytest.raises((ValueError, ZeroDivisionError)):
        ENVIRONMENT["power"](base, exponent)


def test_the_sign_of_a_number_is_minus_1_0_or_1():
    assert [ENVIRONMENT["sign"](z) for z in (-3.0, -0.0, 0.0, 3.0)] == [-1.0, 0.0, 0.0, 1.0]


def test_every_function_has_a_python_name_that_the_code_may_call():
    for name in FUNCTIONS:
        assert function_name(name) in ENVIRONMENT
