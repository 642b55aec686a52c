"""MathML: every node and function, precedence as in the other printers, well-formed XML."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.api.opening import load
from bpsheet.errors import ProgramError
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
    Operation,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Symbol,
    Text,
)
from bpsheet.printers.base import NODES
from bpsheet.printers.latex import symbol
from bpsheet.printers.mathml import (
    MathMLPrinter,
    element,
    formula_mathml,
    number_mathml,
    symbol_mathml,
)
from tests.helpers.samples import draws, small_templates
from tests.helpers.strategies import ONE_OF_EACH, refs, trees, written

A, B, C = Ref("a"), Ref("b"), Ref("c")
TWO = Num(2.0)


SIGN = "<mo form='prefix'>−</mo>"


def fenced(content):
    """In parentheses, which are a row of their own and grow with fractions alone."""
    grow = "" if "<mfrac" in content else " stretchy='false'"
    return f"<mrow><mo{grow}>(</mo>{content}<mo{grow}>)</mo></mrow>"


def parsed(content):
    return ET.fromstring(f"<math>{content}</math>")


def shown(content):
    """The text that a reader sees, without the two-dimensional part."""
    return "".join(parsed(content).itertext())


def test_every_node_is_covered():
    assert (
        {type(node) for node in ONE_OF_EACH}
        == set(NODES) - {Symbol, Operation}
        == set(MathMLPrinter.table)
    )
    for node in ONE_OF_EACH:
        assert shown(MathMLPrinter().text(node))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_covered(name):
    arguments = (A, B) if name in ("max", "min", "mod") else (A,)
    assert "a" in shown(MathMLPrinter().text(Call(name, arguments)))


def test_an_unknown_node_raises():
    @dataclass(frozen=True)
    class Integral:
        operand: object

    with pytest.raises(ProgramError, match="has no rule for Integral"):
        MathMLPrinter().text(Neg(Integral(A)))


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Sum((A, Neg(B))), "a+(−b)"),
        (Sum((Neg(A), B)), "−a+b"),
        (Mul(A, Neg(B)), "a·(−b)"),
        (Mul(Num(-2.0), B), "−2·b"),
        (Mul(B, Num(-2.0)), "b·(−2)"),
        (Mul(Sum((A, B)), C), "(a+b)·c"),
        (Sub(A, Sub(B, C)), "a−(b−c)"),
        (Mul(A, Num(1e-7)), "a·(1·10−7)"),
        (Neg(Neg(A)), "−(−a)"),
        (Call("logistic", (A,)), "S(a)"),
        (Call("abs", (A,)), "|a|"),
        (Compare("<=", A, B), "a≤b"),
        (Ref("w", 1), "w(n−1)"),
        (Param("learning_rate"), "η"),
        (Lookup("x1", A), "x1[a]"),
    ],
)
def test_precedence_and_signs(tree, text):
    assert shown(MathMLPrinter().text(tree)) == text


@pytest.mark.parametrize(
    ("tree", "made"),
    [
        (Call("mod", (A, B)), "<mi>a</mi><mo>mod</mo><mi>b</mi>"),
        (
            Mul(C, Call("mod", (A, B))),
            f"<mi>c</mi><mo>·</mo>{fenced('<mi>a</mi><mo>mod</mo><mi>b</mi>')}",
        ),
        (Call("exp", (A,)), "<msup><mi>e</mi><mrow><mi>a</mi></mrow></msup>"),
        (
            Pow(Call("exp", (A,)), TWO),
            (
                f"<msup><mrow>{fenced('<msup><mi>e</mi><mrow><mi>a</mi></mrow></msup>')}</mrow>"
                "<mrow><mn>2</mn></mrow></msup>"
            ),
        ),
        (
            Pow(Div(A, B), TWO),
            (
                f"<msup><mrow>{fenced('<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>')}"
                "</mrow><mrow><mn>2</mn></mrow></msup>"
            ),
        ),
        (
            Neg(Div(A, B)),
            f"{SIGN}<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac>",
        ),
        (Pow(Num(3.0), TWO), "<msup><mrow><mn>3</mn></mrow><mrow><mn>2</mn></mrow></msup>"),
        (
            Pow(Num(1e22), TWO),
            f"<msup><mrow>{fenced(number_mathml('1e22'))}</mrow><mrow><mn>2</mn></mrow></msup>",
        ),
        (Call("sqrt", (A,)), "<msqrt><mrow><mi>a</mi></mrow></msqrt>"),
        (Call("abs", (A,)), "<mrow><mo>|</mo><mi>a</mi><mo>|</mo></mrow>"),
        (Call("max", (A, B)), f"<mi>max</mi>{fenced('<mi>a</mi><mo>,</mo><mi>b</mi>')}"),
        (Call("pi", ()), "<mi>π</mi>"),
        (Text("mean"), "<mtext>mean</mtext>"),
        (Param("reduction"), "<mi>reduction</mi>"),
        (Param("learning_rate"), "<mi>η</mi>"),
        (Lookup("x", A, B), "<mi>x</mi><mo>[</mo><mi>a</mi><mo>,</mo><mi>b</mi><mo>]</mo>"),
        (Compare("<>", Neg(A), Neg(B)), f"{SIGN}<mi>a</mi><mo>≠</mo>{SIGN}<mi>b</mi>"),
        (Num(1e15), "<mn>1000000000000000.0</mn>"),
        (Num(999999999999999.0), "<mn>999999999999999</mn>"),
        (Num(1e22), "<mn>1</mn><mo>·</mo><msup><mn>10</mn><mrow><mn>22</mn></mrow></msup>"),
    ],
)
def test_formulas_as_elements(tree, made):
    assert MathMLPrinter().text(tree) == made


def test_fractions_powers_and_choices_have_two_dimensions():
    assert formula_mathml("s", Div(A, Pow(Sub(B, C), TWO))) == (
        f"<mi>s</mi><mo>=</mo><mfrac><mrow><mi>a</mi></mrow><mrow><msup>"
        f"<mrow>{fenced('<mi>b</mi><mo>−</mo><mi>c</mi>')}</mrow><mrow><mn>2</mn></mrow></msup>"
        f"</mrow></mfrac>"
    )
    choice = parsed(MathMLPrinter().text(ONE_OF_EACH[-1]))
    assert len(choice.findall(".//mtr")) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w_xg1", "<msub><mi>w</mi><mi>xg1</mi></msub>"),
        ("f'", "<msup><mi>f</mi><mo>′</mo></msup>"),
        ("h1", "<msub><mi>h</mi><mn>1</mn></msub>"),
        ("eta", "<mi>η</mi>"),
        (
            "dloss_dw",
            "<mfrac><mrow><mo>∂</mo><mi>loss</mi></mrow><mrow><mo>∂</mo><mi>w</mi></mrow></mfrac>",
        ),
        (
            "dout_dz",
            "<mfrac><mrow><mo>∂</mo><mi>out</mi></mrow><mrow><mo>∂</mo><mi>z</mi></mrow></mfrac>",
        ),
        ("debt_duration", "<msub><mi>debt</mi><mi>duration</mi></msub>"),
        ("sum_days", "<msub><mi>sum</mi><mi>days</mi></msub>"),
        ("delta_w", "<mrow><mo>Δ</mo><mi>w</mi></mrow>"),
        ("delta(3)", f"<mrow><mi>δ</mi>{fenced('<mn>3</mn>')}</mrow>"),
        (
            "dMSE / dw",
            "<mfrac><mrow><mo>∂</mo><mi>MSE</mi></mrow><mrow><mo>∂</mo><mi>w</mi></mrow></mfrac>",
        ),
        ("a<b&c", "<mi>a&lt;b&amp;c</mi>"),
        ("w''", "<msup><mi>w</mi><mo>′′</mo></msup>"),
        ("alpha'", "<msup><mi>α</mi><mo>′</mo></msup>"),
        ("x12'", "<msup><msub><mi>x</mi><mn>12</mn></msub><mo>′</mo></msup>"),
        ("E0", "<msub><mi>E</mi><mn>0</mn></msub>"),
        ("12'", "<msup><mn>12</mn><mo>′</mo></msup>"),
        (
            "x1'_a",
            "<msub><msup><msub><mi>x</mi><mn>1</mn></msub><mo>′</mo></msup><mi>a</mi></msub>",
        ),
        (
            "w_1'_2",
            "<msub><mi>w</mi><mrow><msup><mn>1</mn><mo>′</mo></msup><mo>,</mo><mi>2</mi></mrow></msub>",
        ),
        ("'", "<msup><mi>x</mi><mo>′</mo></msup>"),
        ("alpha1", "<msub><mi>α</mi><mi>1</mi></msub>"),
        ("H1_a", "<msub><mi>H</mi><mrow><mi>1</mi><mo>,</mo><mi>a</mi></mrow></msub>"),
        ("ab1_a", "<msub><mi>ab1</mi><mi>a</mi></msub>"),
        ("w_nu", "<msub><mi>w</mi><mi>nu</mi></msub>"),
        ("w_AB", "<msub><mi>w</mi><mi>AB</mi></msub>"),
        ("w_H1", "<msub><mi>w</mi><mi>H1</mi></msub>"),
        ("X'", "<msup><mi>X</mi><mo>′</mo></msup>"),
        ("w_X'", "<msubsup><mi>w</mi><mi>X</mi><mo>′</mo></msubsup>"),
        ("w_alpha", "<msub><mi>w</mi><mi>α</mi></msub>"),
        (
            "w_a_b'",
            "<msubsup><mi>w</mi><mrow><mi>a</mi><mo>,</mo><mi>b</mi></mrow><mo>′</mo></msubsup>",
        ),
        ("x'_a'", "<msubsup><msup><mi>x</mi><mo>′</mo></msup><mi>a</mi><mo>′</mo></msubsup>"),
        ("x_hat_x", "<msub><mover><mi>x</mi><mo>^</mo></mover><mi>x</mi></msub>"),
        ("M_hat_w", "<msub><mover><mi>M</mi><mo>^</mo></mover><mi>w</mi></msub>"),
        (
            "f(x)'",
            f"<mrow><mi>f</mi><msup>{fenced('<mi>x</mi>')}<mo>′</mo></msup></mrow>",
        ),
        (
            "sum_dL / dw",
            (
                "<mrow><mo>∑</mo><mfrac><mrow><mo>∂</mo><mi>L</mi></mrow>"
                "<mrow><mo>∂</mo><mi>w</mi></mrow></mfrac></mrow>"
            ),
        ),
        (
            "batch_dL / dw",
            (
                "<mrow><mtext>batch </mtext><mfrac><mrow><mo>∂</mo><mi>L</mi></mrow>"
                "<mrow><mo>∂</mo><mi>w</mi></mrow></mfrac></mrow>"
            ),
        ),
    ],
)
def test_names_as_symbols(name, text):
    assert symbol_mathml(name) == text


@pytest.mark.sample(8)
@pytest.mark.parametrize("template", small_templates())
def test_every_name_of_the_templates_has_the_structure_that_latex_gives_it(template):
    """Fractions, sums and subscripts stand in both or in neither."""
    for column in load(template).columns:
        latex, mathml = symbol(column.name), symbol_mathml(column.name)
        assert len(parsed(mathml)) == 1, column.name
        assert ("\\frac" in latex) == ("<mfrac>" in mathml)
        assert ("\\sum" in latex) == ("∑" in mathml)
        assert ("_{" in latex) == ("<msub" in mathml)


def test_parentheses_grow_with_what_has_two_lines():
    """A fraction and a choice have them, a sum has not."""
    choice = If(Compare("<", A, B), A, B)
    for tall in (Div(A, B), choice):
        assert "<mo>(</mo>" in MathMLPrinter().text(Call("tanh", (tall,)))
    assert "<mo stretchy='false'>(</mo>" in MathMLPrinter().text(Call("tanh", (Sum((A, B)),)))


def test_numbers():
    assert number_mathml("6.640e-5") == (
        f"<mn>6.640</mn><mo>·</mo><msup><mn>10</mn><mrow>{SIGN}<mn>5</mn></mrow></msup>"
    )
    assert number_mathml("-1e+5") == (
        f"{SIGN}<mn>1</mn><mo>·</mo><msup><mn>10</mn><mrow><mn>5</mn></mrow></msup>"
    )
    assert number_mathml("1e-07") == (
        f"<mn>1</mn><mo>·</mo><msup><mn>10</mn><mrow>{SIGN}<mn>7</mn></mrow></msup>"
    )
    assert element("mtext", "a\x1b<") == "<mtext>a &lt;</mtext>"


@given(trees(st.one_of(refs, written)))
@draws(60)
def test_random_formulas_are_well_formed(tree):
    """Scripts and fractions have two children each, which is what browsers need."""
    for node in parsed(MathMLPrinter().text(tree)).iter():
        if node.tag in ("mfrac", "msup", "msub"):
            assert len(node) == 2
