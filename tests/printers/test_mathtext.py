"""Formulas in one line of mathematical writing."""

from __future__ import annotations

import pytest

from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Compare, If, Lookup, Mul, Num, Param, Pow, Ref, Sum
from bpsheet.printers.latex import LatexPrinter
from bpsheet.printers.mathtext import MathTextPrinter, Place, pieces, symbol_text
from bpsheet.printers.symbols import read_name
from bpsheet.printers.text import TextPrinter

NAMES = ("a", "b", "c", "f", "v", "w1", "x1", "y", "z")
SIGNS = {Place.LINE: "{}", Place.BELOW: "_{{{}}}", Place.ABOVE: "^{{{}}}"}


def shown(text):
    return "".join(SIGNS[place].format(part) for part, place in pieces(text))


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("w_xg1", "w_{xg1}"),
        ("x1", "x_{1}"),
        ("h_2_1", "h_{2,1}"),
        ("f'", "f′"),
        ("dMSE / dw_xg1", "∂MSE/∂w_{xg1}"),
        ("delta_w_xg1", "Δw_{xg1}"),
        ("sum_dE_da", "Σ ∂E/∂a"),
        ("batch_dE_da", "batch ∂E/∂a"),
        ("m_hat_a", "m̂_{a}"),
        ("alpha1", "α_{1}"),
        ("loss", "loss"),
        ("X1", "X_{1}"),
        ("w_alpha", "w_{α}"),
        ("s_hat_w_1", "s\u0302_{w,1}"),
        ("alpha_hat_w", "α_{hat,w}"),
        ("C(1)'", "C(1)′"),
    ],
)
def test_names_become_symbols(name, symbol):
    assert shown(symbol_text(read_name(name))) == symbol


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("b + w1*x1", "b + w_{1} · x_{1}"),
        ("-(y - f)", "−(y − f)"),
        ("logistic(z)*(1 - logistic(z))", "σ(z) · (1 − σ(z))"),
        ("0.5*(y - f)^2", "0.5 · (y − f)^{2}"),
        ("a/sqrt(2)", "a/√2"),
        ("sqrt(v + 0.00001)", "√(v + 10^{−5})"),
        ("a - (b - c)", "a − (b − c)"),
        ("a*(-b)", "a · (−b)"),
        ("a/(b*c)", "a/(b · c)"),
        ("abs(a) + int(b)", "|a| + ⌊b⌋"),
        ("mod(a, b) + 1", "a mod b + 1"),
        ("mod(a, b)^2", "(a mod b)^{2}"),
        ("max(a, b)", "max(a, b)"),
        ("tanh(z)", "tanh(z)"),
        ("0.00002*a", "2 · 10^{−5} · a"),
        ("a^(b*(-2))", "a^{b · (−2)}"),
        ("0.000025*a", "2.5 · 10^{−5} · a"),
        ("(-a)/b", "−a/b"),
        ("if(-a < -b, a, b)", "a if −a < −b; else b"),
    ],
)
def test_formulas_have_the_signs_of_mathematics(formula, text):
    assert shown(MathTextPrinter().text(parse_formula(formula, NAMES))) == text


def test_a_derivative_under_a_power_stands_in_parentheses():
    slope = Ref("dE / da")
    printer = MathTextPrinter()
    assert shown(printer.text(Pow(slope, Num(2.0)))) == "(∂E/∂a)^{2}"
    assert shown(printer.text(Ref("dE / da", lag=1))) == "(∂E/∂a)^{old}"
    assert shown(printer.text(Mul(Ref("b"), slope))) == "b · ∂E/∂a"
    assert shown(printer.text(Ref("f", lag=1))) == "f^{old}"
    assert shown(printer.text(Pow(Ref("sum_dE_da"), Num(2.0)))) == "(Σ ∂E/∂a)^{2}"


def test_hyper_parameters_have_the_letters_of_textbooks_and_whole_numbers_no_point():
    printer = MathTextPrinter()
    assert shown(printer.text(Param("learning_rate"))) == "η"
    assert shown(printer.text(Param("beta1"))) == "β_{1}"
    assert printer.text(Num(-250.0)) == "−250"
    assert printer.text(Num(-0.25)) == "−0.25"


def test_a_negative_number_has_the_sign_of_mathematics_before_its_power_of_ten_as_well():
    assert shown(MathTextPrinter().text(Num(-0.000025))) == "−2.5 · 10^{−5}"


def test_whole_numbers_have_no_point_up_to_fifteen_digits_in_every_language():
    for printer in (MathTextPrinter(), LatexPrinter(), TextPrinter()):
        assert printer.text(Num(999999999999999.0)) == "999999999999999"
        assert printer.text(Num(1e15)) == "1000000000000000.0"


def test_what_stands_below_a_letter_of_an_exponent_stays_in_the_exponent():
    """A cell of a sheet cannot lower what it has raised."""
    power = Pow(Num(2.0), Sum((Ref("w_g1"), Num(1.0))))
    assert shown(MathTextPrinter().text(power)) == "2^{w}^{g1}^{ + 1}"


def test_a_name_of_several_words_stands_in_parentheses_under_a_power():
    """Otherwise the power seems to be the last word's."""
    printer = MathTextPrinter()
    assert shown(printer.text(Pow(Ref("mean loss"), Num(2.0)))) == "(mean loss)^{2}"
    assert shown(printer.text(Ref("mean loss", lag=1))) == "(mean loss)^{old}"


def test_choices_and_symbols_of_ones_own():
    choice = If(Compare(">=", Ref("z"), Num(0.0)), Ref("z"), Num(0.0))
    assert MathTextPrinter().text(choice) == "z if z ≥ 0; else 0"
    assert MathTextPrinter({"z": "δ"}).text(Mul(choice, Ref("z"))) == "(δ if δ ≥ 0; else 0) · δ"
    assert shown(MathTextPrinter().text(Lookup("x1", Ref("example")))) == "x_{1} of example"
