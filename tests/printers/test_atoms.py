"""Numbers and factors in the place of symbols: as text, in LaTeX and in MathML."""

from __future__ import annotations

import pytest

from bpsheet.formula.tree import (  # fmt: skip
    Call,
    Compare,
    Div,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Symbol,
)
from bpsheet.printers.atoms import (
    AtomLatex,
    AtomMathML,
    AtomText,
    Next,
    Partial,
    Prime,
    Value,
    latex_words,
)

A, B, C = map(Ref, "abc")
TWO = Num(2.0)


def numbers(**values):
    """The numbers that are put in, for references, hyper-parameters and look-ups."""
    return lambda leaf: Value(values[name]) if (name := leaf_name(leaf)) in values else None


def leaf_name(leaf):
    return leaf.table if isinstance(leaf, Lookup) else leaf.name


def symbol(shown):
    return Symbol(shown)


@pytest.mark.parametrize(
    ("atom", "text", "latex", "mathml"),
    [
        (Value("0.5"), "0.5", "0.5", "<mn>0.5</mn>"),
        (
            Value("6.640e-5"),
            "6.640e-5",
            r"6.640 \cdot 10^{-5}",
            "<mn>6.640</mn><mo>·</mo><msup><mn>10</mn><mrow><mo form='prefix'>−</mo><mn>5</mn></mrow></msup>",
        ),
        (
            Value("1e-07"),
            "1e-07",
            r"1 \cdot 10^{-7}",
            "<mn>1</mn><mo>·</mo><msup><mn>10</mn><mrow><mo form='prefix'>−</mo><mn>7</mn></mrow></msup>",
        ),
        (Value("#NUM!"), "#NUM!", r"\text{\#NUM!}", "<mtext>#NUM!</mtext>"),
        (Value("a < b"), "a < b", r"\text{a \textless{} b}", "<mtext>a &lt; b</mtext>"),
        (
            Partial("MSE", "w_g1"),
            "∂MSE/∂w_g1",
            r"\frac{\partial \mathrm{MSE}}{\partial w_{g1}}",
            "<mfrac><mrow><mo>∂</mo><mi>MSE</mi></mrow><mrow><mo>∂</mo><msub><mi>w</mi><mi>g1</mi></msub></mrow></mfrac>",
        ),
        (
            Prime("tanh", "z"),
            "tanh'(z)",
            r"\operatorname{tanh}'\left(z\right)",
            "<msup><mi>tanh</mi><mo>′</mo></msup><mrow><mo stretchy='false'>(</mo><mi>z</mi><mo stretchy='false'>)</mo></mrow>",
        ),
        (
            Prime("logistic", "z"),
            "logistic'(z)",
            r"S'\left(z\right)",
            "<msup><mi>S</mi><mo>′</mo></msup><mrow><mo stretchy='false'>(</mo><mi>z</mi><mo stretchy='false'>)</mo></mrow>",
        ),
        (
            Next("w"),
            "new w",
            r"{w}^{\text{new}}",
            "<msup><mi>w</mi><mtext>new</mtext></msup>",
        ),
    ],
)
def test_what_stands_for_a_symbol_is_written_in_each_language(atom, text, latex, mathml):
    assert AtomText().text(symbol(atom)) == text
    assert AtomLatex().text(symbol(atom)) == latex
    assert AtomMathML().text(symbol(atom)) == mathml


@pytest.mark.parametrize(
    ("formula", "values", "text"),
    [
        (Sum((A, Mul(B, C))), {"a": "0.1", "b": "2", "c": "-3"}, "0.1 + 2 · (-3)"),
        (Pow(A, TWO), {"a": "-0.5"}, "(-0.5)^2"),
        (Mul(A, B), {"a": "-0.5"}, "(-0.5) · b"),
        (Mul(Num(0.0), Mul(Num(0.5), A)), {}, "0 · (0.5 · a)"),
        (Pow(A, TWO), {"a": "6.640e-5"}, "6.640e-5^2"),
        (Sub(A, B), {"b": "-1"}, "a - (-1)"),
        (Mul(Num(-2.0), A), {}, "(-2) · a"),
        (Mul(Num(2.0), Sum((A, B))), {"a": "1"}, "2 · (1 + b)"),
        (Mul(Param("learning_rate"), A), {"learning_rate": "0.1"}, "0.1 · a"),
        (Sum((Lookup("x1", Ref("example")), A)), {"x1": "7"}, "7 + a"),
        (Call("max", (A, Neg(B))), {"a": "-1"}, "max(-1, -b)"),
        (Call("tanh", (Ref("dE / dw"),)), {}, "tanh(dE / dw)"),
        (Compare("<=", A, B), {"a": "-1", "b": "2"}, "-1 ≤ 2"),
        (Compare("<", Ref("dE / dw"), B), {}, "dE / dw < b"),
        (Compare("=", A, Compare(">", A, B)), {}, "a = (a > b)"),
        (Call("max", (Compare(">", A, B), B)), {"a": "1"}, "max(1 > b, b)"),
    ],
)
def test_numbers_are_put_into_text_with_the_parentheses_that_signs_need(formula, values, text):
    assert AtomText(numbers(**values)).text(formula) == text


def test_a_side_of_an_equation_is_a_name_without_parentheses_or_its_number():
    slope = Ref("dE / dw")
    assert AtomText().side(slope) == "dE / dw"
    assert AtomText(lambda _: Value("-0.25")).side(slope) == "-0.25"
    assert AtomText().side(Ref("dE / dw", lag=1)) == "last (dE / dw)"
    assert AtomText().side(Compare("<>", A, B)) == "(a ≠ b)"
    assert AtomLatex().side(Sum((A, B))) == "a + b"
    assert AtomLatex().side(Compare("=", A, B)) == r"\left(a = b\right)"


def test_a_number_with_a_power_of_ten_stands_in_parentheses_under_a_power():
    """As mathematics it is a product."""
    tiny = numbers(a="6.640e-5", b="#NUM!")
    assert AtomLatex(tiny).text(Pow(A, TWO)) == r"\left(6.640 \cdot 10^{-5}\right)^{2}"
    assert AtomLatex(tiny).text(Pow(B, TWO)) == r"{\text{\#NUM!}}^{2}"
    assert AtomLatex(numbers(a="-2")).text(Pow(A, TWO)) == r"\left(-2\right)^{2}"
    assert AtomLatex().text(Mul(A, Num(-2.0))) == r"a \cdot \left(-2\right)"
    assert AtomText().text(Mul(A, symbol(Partial("e", "w")))) == "a · ∂e/∂w"
    assert AtomText().text(Div(symbol(Prime("tanh", "z")), A)) == "tanh'(z)/a"


def test_text_for_latex_has_every_special_character_escaped():
    assert latex_words("50 % of w_1") == r"50 \% of w\_1"
    assert latex_words("a^b ~ #1 & $") == r"a\textasciicircum{}b \textasciitilde{} \#1 \& \$"
