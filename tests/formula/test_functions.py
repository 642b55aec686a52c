"""The table of functions: derivatives held against slopes, and spellings against values."""

from __future__ import annotations

import pytest

from bpsheet.formula.derivative import differentiate
from bpsheet.formula.filling import expand, fill
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Num, Ref, children, replace_refs
from tests.helpers.slopes import central, value

LETTERS = "ab"
CALLS = {name: function.arguments[0] for name, function in FUNCTIONS.items()}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("a", [0.37, 1.3, 2.6])
def test_a_functions_derivatives_are_its_slopes(name, a):
    """With respect to each argument, positive and (where it is defined) negative."""
    b = 0.83
    arguments = [Ref(letter) for letter in LETTERS[: CALLS[name]]]
    call = Call(name, tuple(arguments))
    for sign in (1.0,) if name in ("ln", "sqrt") else (1.0, -1.0):
        at = {"a": sign * a, "b": b}
        for letter in LETTERS[: CALLS[name]]:
            slope = value(differentiate(call, letter), **at)
            found = central(
                lambda x, at=at, letter=letter: value(call, **at | {letter: x}), at[letter]
            )
            assert slope == pytest.approx(found, rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("guard", [True, False])
@pytest.mark.parametrize("a", [-708.0, -30.0, -1.0, 0.0, 1.0, 700.0])
def test_a_function_that_spreadsheets_lack_is_spelled_out_with_the_same_value(guard, a):
    for name, function in FUNCTIONS.items():
        if function.spelled:
            written = value(expand(name, Num(a), guard=guard))
            assert written == value(Call(name, (Num(a),)))


def test_filling_a_formula_keeps_its_form():
    tree = fill("y*(1 - y)", y=Ref("f"))
    assert tree == replace_refs(parse_formula("y*(1 - y)", {"y"}), {Ref("y"): Ref("f")})
    assert [type(part).__name__ for part in children(tree)] == ["Ref", "Sub"]
