"""Formulas as JavaScript: the text, and in a real browser the values and errors of the tree."""

from __future__ import annotations

import json
import math
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from bpsheet.formula.evaluate import DIVISION, NUMBER, CellError, evaluate
from bpsheet.formula.parse import parse_formula
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
    Ref,
    Sub,
    Sum,
    Text,
)
from bpsheet.page.script import script_of
from bpsheet.printers.javascript import JavaScriptPrinter, word
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Parameter, Program
from tests.helpers.printing import ANYTHING, WASHED_OUT
from tests.helpers.samples import draws
from tests.helpers.strategies import NAMES, edges

A, B, C = map(Ref, "abc")
ONE, TWO = Num(1.0), Num(2.0)


def printer():
    return JavaScriptPrinter(
        lambda ref: ref.name, lambda name: f"p.{name}", lambda name: f"t.{name}"
    )


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Neg(Pow(A, TWO)), "-(a**2)"),
        (Pow(Neg(A), TWO), "(-a)**2"),
        (Pow(Num(-2.0), TWO), "(-2)**2"),
        (Pow(Pow(A, TWO), Num(3.0)), "(a**2)**3"),
        (Pow(A, Num(0.5)), "power(a,0.5)"),
        (Pow(Mul(A, B), Num(5.0)), "power(finite(a*b),5)"),
        (Sub(A, Sub(B, C)), "a-(b-c)"),
        (Sub(A, Neg(B)), "a-(-b)"),
        (Sum((Mul(ONE, A), Mul(B, C))), "1*a+b*c"),
        (Mul(Neg(Param("rate")), B), "-p.rate*b"),
        (Div(A, TWO), "a/2"),
        (Div(Mul(A, B), Num(1e-7)), "a*b/1e-07"),
        (Div(A, Num(0.0)), "divide(a,0)"),
        (Div(A, Mul(B, C)), "divide(a,finite(b*c))"),
        (Mul(Div(A, B), C), "divide(a,b)*c"),
        (Div(ONE, Sum((ONE, Call("exp", (Neg(A),))))), "divide(1,1+exp(-a))"),
        (Call("max", (A, Mul(B, C))), "max(a,finite(b*c))"),
        (Call("pi", ()), "pi()"),
        (Compare("<>", A, B), "(a!==b)"),
        (Compare("<=", Mul(A, B), C), "(finite(a*b)<=c)"),
        (If(Compare("=", Param("r"), Text("mean")), A, C), '((p.r==="mean")?a:c)'),
        (Mul(TWO, If(Compare("<", A, B), A, C)), "2*((a<b)?a:c)"),
        (Lookup("x1", A), "at(t.x1,a)"),
        (Lookup("x1", A, B), "at(at(t.x1,a),b)"),
        (Num(1e22), "1e+22"),
        (Num(123456789.0), "123456789"),
        (Num(1e15), "1000000000000000.0"),
        (Num(999999999999999.0), "999999999999999"),
        (Mul(A, Div(B, C)), "a*divide(b,c)"),
        (Mul(A, Div(B, TWO)), "a*(b/2)"),
    ],
)
def test_formulas_as_javascript(tree, text):
    assert printer().text(tree) == text


def test_a_word_cannot_end_the_script_that_it_stands_in():
    assert word('</script>"\n') == '"\\u003c/script>\\"\\n"'


def test_a_program_is_a_function_for_each_column_and_null_where_values_are_given():
    """v is the row, u the row before, p the hyper-parameters, t the tables: no name is code."""
    program = Program(
        (
            Column("n", Phase.INPUT, Role.EXAMPLE, None),
            Column("x", Phase.INPUT, Role.DATA, Lookup("x", Ref("n"))),
            Column("w", Phase.WEIGHT, Role.WEIGHT, Sum((Ref("w", 1), Ref("d", 1))), start=0.5),
            Column("d", Phase.UPDATE, Role.ADJUSTMENT, Mul(Neg(Param("lr")), Ref("x"))),
        ),
        (Parameter("other", 1.0, "other"), Parameter("lr", 0.1, "lr")),
        {"x": [1.0]},
        {"n": [1.0]},
    )
    assert script_of(program).split("\n") == [
        *("[", "null,", "(v,u,p,t)=>at(t[0],v[0]),", "(v,u,p,t)=>u[2]+u[3],"),
        *("(v,u,p,t)=>-p[1]*v[1],", "]"),
    ]


@pytest.fixture(scope="module")
def computed(windows):
    """Computes formulas in a browser: computed([(tree, values)]) has numbers, or codes as text."""
    page = windows.take()
    engine = files("bpsheet.page").joinpath("assets", "engine.js").read_text("utf-8")
    page.add_script_tag(content=engine)

    def compute(cases):
        code = [
            [printer().text(tree), [repr(values[name]) for name in NAMES]] for tree, values in cases
        ]
        body = f"""(cases) => cases.map(([code, values]) => {{
            try {{
                const value = Number(new Function({", ".join(map(json.dumps, NAMES))},
                    `return ${{code}}`)(...values.map(Number)));
                return Number.isFinite(value) ? String(value) : NUMBER;
            }} catch (error) {{
                if (error instanceof CellError) return error.code;
                throw error;
            }}
        }})"""
        return page.evaluate(body, code)

    yield compute
    windows.give_back(page)


def ours(tree, values):
    try:
        return evaluate(tree, lambda ref: values[ref.name], {}, {})
    except CellError as error:
        return error.code


four = st.tuples(edges, edges, st.floats(-1e3, 1e3), edges)


@pytest.mark.slow
@given(st.lists(st.tuples(ANYTHING, four), min_size=1, max_size=60))
@draws(20, suppress_health_check=list(HealthCheck))
def test_a_browser_computes_from_the_printed_formula_what_the_tree_says(computed, some):
    """A value to 1e-12, and an error where, and only where, the tree has one."""
    cases = [(tree, dict(zip(NAMES, numbers, strict=True))) for tree, numbers in some]
    for (tree, values), found in zip(cases, computed(cases), strict=True):
        expected = ours(tree, values)
        assert isinstance(found, int) == (expected is NUMBER or expected is DIVISION), tree
        if isinstance(found, str):
            assert math.isclose(float(found), expected, rel_tol=1e-12, abs_tol=1e-300), tree


def test_an_infinity_in_the_middle_of_a_formula_is_an_error_there_too(computed):
    values = dict.fromkeys(NAMES, 1e200)
    assert computed([(tree, values) for tree in WASHED_OUT]) == [NUMBER] * len(WASHED_OUT)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("mod(-7, 3)", 2.0),
        ("mod(7, -3)", -2.0),
        ("mod(a, 0)", DIVISION),
        ("1/(a - a)", DIVISION),
        ("(a - a)^(-1)", DIVISION),
        ("(a - a)^(b - b)", NUMBER),
        ("(-8)^(1/3)", -2.0),
        ("ln(a - a)", NUMBER),
        ("sqrt(-a)", NUMBER),
        ("exp(710)", NUMBER),
        ("exp(-1e9)", 0.0),
        ("logistic(-800)", 0.0),
        ("int(-0.5)", -1.0),
        ("sign(-a)", -1.0),
        ("relu(-a)", 0.0),
    ],
)
def test_values_and_errors_are_those_of_a_spreadsheet(computed, formula, expected):
    values = dict.fromkeys(NAMES, 2.0)
    (found,) = computed([(parse_formula(formula, NAMES), values)])
    assert found == expected if isinstance(expected, int) else float(found) == expected
