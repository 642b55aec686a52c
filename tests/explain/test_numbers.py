"""Numbers as a worked solution writes them."""

from __future__ import annotations

import pytest

from bpsheet.explain.numbers import rounded
from bpsheet.formula.tree import Call, Compare, Mul, Neg, Num, Pow, Ref, Sub, Sum
from bpsheet.printers.atoms import AtomText, Value


@pytest.mark.parametrize(
    ("value", "digits", "given_", "text"),
    [
        (-0.25000000000000006, 4, False, "-0.2500"),
        (0.3, 4, True, "0.3"),
        (0.30000000000000004, 4, True, "0.3"),
        (8.0, 4, False, "8"),
        (-0.0, 4, False, "0"),
        (0.99996, 4, False, "1.000"),
        (0.000664009843, 2, False, "0.00066"),
        (0.0000664009, 4, False, "6.640e-5"),
        (0.00001, 4, True, "1e-5"),
        (1e-7, 4, False, "1e-7"),
        (123456.7, 4, False, "123457"),
        (1234567.8, 4, False, "1.235e6"),
        (1234567.8, 9, False, "1234567.80"),
        (-1e300, 3, False, "-1e300"),
        (999999.9, 3, False, "1.00e6"),
        (2.5, 1, False, "2"),
        (5e-324, 4, False, "4.941e-324"),
    ],
)
def test_rounding(value, digits, given_, text):
    assert rounded(value, digits, given=given_) == text


def test_negative_numbers_get_parentheses_where_they_are_operands():
    """In a product and a power always, in a sum where they do not stand first."""
    values = {"a": "-2", "b": "-0.5", "c": "6.640e-5"}
    printer = AtomText(lambda leaf: Value(values[leaf.name]))
    a, b, c = map(Ref, "abc")
    for tree, text in (
        (Mul(a, b), "(-2) · (-0.5)"),
        (Sum((a, b)), "-2 + (-0.5)"),
        (Sub(a, b), "-2 - (-0.5)"),
        (Pow(a, Num(2.0)), "(-2)^2"),
        (Neg(a), "-(-2)"),
        (Call("tanh", (a,)), "tanh(-2)"),
        (Mul(Num(-1.0), c), "(-1) · 6.640e-5"),
        (Compare("<=", a, b), "-2 ≤ -0.5"),
    ):
        assert printer.text(tree) == text
