"""Formulas as LaTeX, which TeX accepts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
)
from bpsheet.printers.latex import LatexPrinter, formula_latex, symbol
from tests.helpers.printing import ONE, THREE, TWO, A, B, C
from tests.helpers.samples import draws
from tests.helpers.strategies import UNARY, edges, trees, written


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (
            Sum((Mul(ONE, Ref("w_xg0")), Mul(Ref("x1"), Ref("w_xg1")))),
            r"1 \cdot w_{xg0} + x_{1} \cdot w_{xg1}",
        ),
        (Neg(Sub(Ref("y"), Ref("f"))), r"-\left(y - f\right)"),
        (Mul(Num(0.5), Pow(Sub(Ref("y"), Ref("f")), TWO)), r"0.5 \cdot \left(y - f\right)^{2}"),
        (Pow(A, TWO), "{a}^{2}"),
        (Pow(Pow(A, TWO), THREE), r"\left({a}^{2}\right)^{3}"),
        (Div(A, Sum((B, C))), r"\frac{a}{b + c}"),
        (Mul(Neg(Param("learning_rate")), Ref("g_error")), r"-\eta \cdot g_{\mathrm{error}}"),
        (Call("exp", (Neg(A),)), "e^{-a}"),
        (Pow(Call("exp", (A,)), TWO), r"\left(e^{a}\right)^{2}"),
        (Call("logistic", (A,)), r"S\left(a\right)"),
        (Call("tanh", (A,)), r"\tanh\left(a\right)"),
        (Call("abs", (A,)), r"\left|a\right|"),
        (Call("max", (A, B)), r"\max\left(a, b\right)"),
        (
            If(Compare("<=", A, B), Num(0.0), C),
            r"\begin{cases} 0 & \text{if } a \leq b \\ c & \text{otherwise} \end{cases}",
        ),
        (Ref("w", 1), "{w}^{(n-1)}"),
        (Num(1e-7), r"1 \cdot 10^{-7}"),
        (Num(-2.5), "-2.5"),
        (
            Sum((Call("mod", (Sub(Ref("k"), ONE), Num(4.0))), ONE)),
            r"\left(k - 1\right) \bmod 4 + 1",
        ),
        (Pow(Num(1e-7), TWO), r"\left(1 \cdot 10^{-7}\right)^{2}"),
        (Call("mod", (A, B)), r"a \bmod b"),
        (Mul(C, Call("mod", (A, B))), r"c \cdot \left(a \bmod b\right)"),
        (Pow(Div(A, B), TWO), r"\left(\frac{a}{b}\right)^{2}"),
        (Neg(Div(A, B)), r"-\frac{a}{b}"),
        (Call("min", (A, B)), r"\min\left(a, b\right)"),
        (Lookup("x", A, B), r"x\left[a, b\right]"),
        (Compare("<>", Neg(A), Neg(B)), r"-a \neq -b"),
        (Num(1e15), "1000000000000000.0"),
        (Num(999999999999999.0), "999999999999999"),
        (Num(1e22), r"1 \cdot 10^{22}"),
    ],
)
def test_formulas_as_latex(tree, text):
    assert LatexPrinter().text(tree) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g", "g"),
        ("MSE", r"\mathrm{MSE}"),
        ("MSE'", r"\mathrm{MSE}'"),
        ("f'", "f'"),
        ("z_g", "z_{g}"),
        ("w_gf1", "w_{gf1}"),
        ("f_error", r"f_{\mathrm{error}}"),
        ("dMSE / dw_gf1", r"\frac{\partial \mathrm{MSE}}{\partial w_{gf1}}"),
        ("delta_w_gf1", r"\Delta w_{gf1}"),
        ("learning_rate", r"\mathrm{learning}_{\mathrm{rate}}"),
        ("w''", "w''"),
        ("alpha'", r"\alpha'"),
        ("x12'", "x_{12}'"),
        ("E0", "E_{0}"),
        ("12'", "12'"),
        ("'", "x'"),
        ("alpha1", r"\alpha_{1}"),
        ("H1_a", "H_{1,a}"),
        ("ab1_a", r"\mathrm{ab1}_{a}"),
        ("w_AB", "w_{AB}"),
        ("w_H1", "w_{H1}"),
        ("X'", "X'"),
        ("w_X'", "w_{X}'"),
        ("w_alpha", r"w_{\alpha}"),
        ("w_a_b'", "w_{a,b}'"),
        ("x'_a'", "{x'}_{a}'"),
        ("x'_a", "x'_{a}"),
        ("x_hat_x", r"\hat{x}_{x}"),
        ("M_hat_w", r"\hat{M}_{w}"),
        ("f(x)'", r"f\left(x\right)'"),
        ("sum_dL / dw", r"\sum \frac{\partial L}{\partial w}"),
        ("batch_dL / dw", r"\mathrm{batch}\; \frac{\partial L}{\partial w}"),
    ],
)
def test_names_as_symbols(name, text):
    assert symbol(name) == text


def test_signs_that_tex_takes_for_its_own_are_escaped_in_a_name():
    assert symbol("50%&#$") == r"\mathrm{50\%\&\#\$}"
    assert symbol("a{2}") == r"\mathrm{a\{2\}}"
    assert symbol("x^~\\") == r"\mathrm{x\hat{}\sim{}\backslash{}}"


def test_an_equation_has_the_symbol_on_its_left():
    assert formula_latex("f_error", Mul(Ref("MSE'"), Ref("f'"))) == (
        r"f_{\mathrm{error}} = \mathrm{MSE}' \cdot f'"
    )


def latex_problem(text):
    """Why TeX would stop at this formula; None where it would not.

    Braces and \\left … \\right must balance, and nothing may have two superscripts.
    """
    tokens = re.findall(r"\\[A-Za-z]+|\\.|[{}^_']|[^\\{}^_'\s]", text)
    opened, scripts, pending = [], [""], False
    for token in tokens:
        if token in "^_'":
            if (
                pending
                or (token == "^" and "^" in scripts[-1])
                or (token == "_" and "_" in scripts[-1])
            ):
                return f"double {token}"
            if token == "'" and "^" in scripts[-1]:
                return "a prime after ^"
            scripts[-1] += token
            pending = token != "'"
        elif token in ("{", "\\left"):
            opened.append((token, pending))
            scripts.append("")
            pending = False
        elif token in ("}", "\\right"):
            if not opened or opened[-1][0] != {"}": "{", "\\right": "\\left"}[token]:
                return f"unbalanced {token}"
            _, was_script = opened.pop()
            scripts.pop()
            scripts[-1] = scripts[-1] if was_script else ""
            pending = False
        else:
            scripts[-1] = scripts[-1] if pending else ""
            pending = False
    return f"unclosed {opened[-1][0]}" if opened else None


@pytest.mark.parametrize("text", ["a^{2}^{3}", "{a", "a}", r"\left(a", "a_1_2", "f^2'"])
def test_the_check_itself_finds_what_tex_refuses(text):
    assert latex_problem(text)


names = st.sampled_from(["a", "f'", "w_xg1", "MSE'", "dMSE / dw_gf1", "a{b}_c%", "x^2", "_", "α_1"])


@given(
    trees(
        st.one_of(
            names.map(Ref),
            names.map(lambda name: Ref(name, 1)),
            names.map(lambda name: Lookup(name, Ref(name))),
            names.map(Param),
            edges.map(Num),
            written,
        ),
        functions=UNARY,
    )
)
@draws(500)
def test_any_formula_is_latex_that_tex_accepts(tree):
    assert latex_problem(LatexPrinter().text(tree)) is None


@pytest.mark.slow
@given(st.text(min_size=1, max_size=20))
@draws(500)
def test_any_name_is_latex_that_tex_accepts(name):
    assert latex_problem(symbol(name)) is None
