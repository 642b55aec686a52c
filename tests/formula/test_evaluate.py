"""A formula evaluated with a spreadsheet's values and errors."""

from __future__ import annotations

import math

import pytest

from bpsheet.formula.evaluate import DIVISION, ERRORS, NUMBER, CellError, evaluate
from bpsheet.formula.tree import Call, Div, Lookup, Num, Pow, Sub, Sum


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (Pow(Num(-8.0), Num(3.0)), -512.0),
        (Pow(Num(0.0), Num(2.0)), 0.0),
        (Div(Num(1.0), Num(-0.0)), DIVISION),
        (Call("mod", (Num(-7.0), Num(3.0))), 2.0),
        (Call("int", (Num(-0.5),)), -1.0),
        (Call("sign", (Num(-0.0),)), 0.0),
        (Call("logistic", (Num(-1e9),)), 0.0),
        (Call("exp", (Num(709.0),)), math.exp(709)),
        (Sub(Num(0.3), Sum((Num(0.1), Num(0.2)))), 0.3 - (0.1 + 0.2)),
        (Pow(Num(0.0), Num(-2.0)), DIVISION),
        (Pow(Num(1e200), Num(2.0)), NUMBER),
        (Call("exp", (Num(710.0),)), NUMBER),
        (Call("ln", (Num(0.0),)), NUMBER),
        (Call("mod", (Num(1.0), Num(0.0))), DIVISION),
        (Lookup("t", Num(2.0)), 20.0),
    ],
)
def test_single_formulas_have_a_spreadsheets_values_and_errors(formula, expected):
    tables = {"t": [10.0, 20.0, 30.0]}
    if expected in (NUMBER, DIVISION) and isinstance(expected, int):
        with pytest.raises(CellError) as caught:
            evaluate(formula, lambda _: 0.0, {}, tables)
        assert caught.value.code == expected
    else:
        assert evaluate(formula, lambda _: 0.0, {}, tables) == expected
    assert ERRORS[NUMBER] == "#NUM!"
    assert ERRORS[DIVISION] == "#DIV/0!"
