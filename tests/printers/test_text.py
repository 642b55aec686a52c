"""Formulas as text."""

from __future__ import annotations

import pytest

from bpsheet.formula.tree import (
    Call,
    Compare,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Text,
)
from bpsheet.printers.text import TextPrinter, formula_text
from tests.helpers.printing import ONE, TWO, A, B, C


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Sum((Mul(ONE, Ref("w_xg0")), Mul(Ref("x1"), Ref("w_xg1")))), "1*w_xg0 + x1*w_xg1"),
        (Sum((Ref("w", 1), Ref("d", 1))), "last w + last d"),
        (Call("tanh", (Ref("z (test 1)"),)), "tanh(z (test 1))"),
        (Call("max", (Ref("z (test 1)"), A)), "max((z (test 1)), a)"),
        (Call("tanh", (Ref("z (test 1)", 1),)), "tanh(last (z (test 1)))"),
        (Neg(Sub(Ref("y"), Ref("f"))), "-(y - f)"),
        (Neg(Pow(A, TWO)), "-(a^2)"),
        (Lookup("x1", Ref("example")), "x1 of example in the data"),
        (Lookup("x1", Num(3.0)), "x1[3]"),
        (Lookup("x", Num(3.0), Num(2.0)), "x of 3, 2 in the data"),
        (Mul(Neg(Param("learning_rate")), A), "-learning_rate*a"),
        (If(Compare("=", A, B), Num(0.0), A), "if(a = b, 0, a)"),
        (If(Compare("=", Param("reduction"), Text("mean")), A, B), 'if(reduction = "mean", a, b)'),
        (Call("max", (Num(0.0), A)), "max(0, a)"),
        (Num(0.1), "0.1"),
        (Num(1e-7), "1e-07"),
        (Num(1e15), "1000000000000000.0"),
        (Num(999999999999999.0), "999999999999999"),
        (Mul(Ref("dMSE / dw"), A), "(dMSE / dw)*a"),
        (Ref("h X"), "(h X)"),
        (Ref("TEX"), "TEX"),
        (Lookup("p", Ref("row"), Ref("place")), "p of row, place in the data"),
        (Compare("<", Neg(A), Neg(B)), "-a < -b"),
        (Mul(If(Compare("<", A, B), A, B), C), "if(a < b, a, b)*c"),
        (Sum((Neg(A), B)), "-a + b"),
    ],
)
def test_formulas_as_text(tree, text):
    assert formula_text(tree) == text
    assert TextPrinter().text(tree) == text
