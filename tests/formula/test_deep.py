"""Formulas far deeper than a function may call itself: each walk over them ends well."""

from __future__ import annotations

import sys
from functools import reduce

import pytest

from bpsheet.formula.derivative import differentiate
from bpsheet.formula.evaluate import NUMBER, CellError, evaluate
from bpsheet.formula.parse import MAX_DEPTH, parse_formula
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Mul,
    Neg,
    Num,
    Pow,
    Ref,
    Sub,
    Sum,
    depth,
    references,
    replace_refs,
    size,
)
from bpsheet.printers.atoms import AtomLatex, AtomMathML, AtomText
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.printers.javascript import JavaScriptPrinter
from bpsheet.printers.latex import LatexPrinter
from bpsheet.printers.mathml import MathMLPrinter
from bpsheet.printers.python import PythonPrinter
from bpsheet.printers.text import TextPrinter

LEVELS = 3 * sys.getrecursionlimit()
A, B = Ref("a"), Ref("b")
STEPS = {
    "difference": lambda inner: Sub(inner, B),
    "difference on the right": lambda inner: Sub(B, inner),
    "product": lambda inner: Mul(inner, B),
    "quotient": lambda inner: Div(inner, Num(1.0)),
    "sum": lambda inner: Sum((inner, B)),
    "sign": Neg,
    "call": lambda inner: Call("abs", (inner,)),
    "choice": lambda inner: If(Compare(">", B, Num(0.0)), inner, A),
    "power": lambda inner: Pow(inner, Num(1.0)),
}


def grown(kind: str, levels: int = LEVELS) -> Expr:
    return reduce(lambda inner, _: STEPS[kind](inner), range(levels), A)


@pytest.mark.parametrize("kind", STEPS)
def test_a_deep_formula_is_replaced_in_and_evaluated(kind):
    moved = replace_refs(grown(kind), {A: Ref("c")})
    assert Ref("c") in references(moved)
    assert depth(moved) > LEVELS
    assert abs(evaluate(moved, lambda ref: {"c": 5.0, "b": 1.0}.get(ref.name, 9.0), {}, {})) in {
        "difference": (LEVELS - 5,),
        "sum": (LEVELS + 5,),
        "difference on the right": (4.0, 5.0),
    }.get(kind, (5.0,))


def test_the_side_of_a_choice_that_is_not_taken_may_be_an_error():
    wrong = Div(Num(1.0), Num(0.0))
    assert evaluate(If(Compare("<", A, B), wrong, A), lambda _: 2.0, {}, {}) == 2.0


def test_a_sum_that_overflows_is_an_overflow_whatever_follows():
    formula = Sum((Num(1e308), Num(1e308), Div(Num(1.0), Num(0.0))))
    with pytest.raises(CellError) as caught:
        evaluate(formula, lambda _: 0.0, {}, {})
    assert caught.value.code == NUMBER


PRINTERS = {
    "text": TextPrinter(),
    "LaTeX": LatexPrinter(),
    "MathML": MathMLPrinter(),
    "Excel": ExcelPrinter(lambda ref: Cell(1 + (ref.name == "b"), 8), str, str),
    "Python": PythonPrinter(lambda ref: ref.name, str, str),
    "JavaScript": JavaScriptPrinter(lambda ref: ref.name, str, str),
    "text with atoms": AtomText(),
    "LaTeX with atoms": AtomLatex(),
    "MathML with atoms": AtomMathML(),
}


@pytest.mark.sample(5)
@pytest.mark.parametrize("kind", ["difference", "product", "quotient"])
@pytest.mark.parametrize("language", PRINTERS)
def test_a_deep_formula_is_printed_in_each_language(language, kind):
    printer = PRINTERS[language]
    text = printer.text(grown(kind))
    once, twice = (printer.text(grown(kind, levels)) for levels in (2, 3))
    # Each level adds as much as the third.
    assert len(text) == len(twice) + (LEVELS - 3) * (len(twice) - len(once))


@pytest.mark.parametrize("language", PRINTERS)
def test_a_formula_printed_from_below_is_printed_as_from_above(language, monkeypatch):
    inner = Call("logistic", (Sub(A, Call("logistic", (Mul(Sum((A, Neg(B))), Pow(A, B)),))),))
    formula = If(Compare("<", inner, B), Div(inner, Mul(A, Sub(A, B))), Call("max", (inner, A)))
    printer = PRINTERS[language]
    from_above = printer.text(formula)
    monkeypatch.setattr("bpsheet.printers.base.DEEP", 2)
    assert printer.text(formula) == from_above


def test_functions_that_are_spelled_out_in_one_another_are_printed_once_each(monkeypatch):
    # Each is printed as another formula; printed anew at every level they would be 2^38.
    printed = []
    count = ExcelPrinter._printed

    def counted(printer, node):
        printed.append(node)
        return count(printer, node)

    monkeypatch.setattr(ExcelPrinter, "_printed", counted)
    monkeypatch.setattr("bpsheet.printers.base.DEEP", 2)
    formula = reduce(lambda inner, _: Call("relu", (inner,)), range(38), A)
    assert PRINTERS["Excel"].text(formula) == "MAX(0," * 38 + "A8" + ")" * 38
    assert len(printed) < 38 * 10


def test_the_same_part_in_many_places_of_a_formula_is_looked_through_once():
    shared = reduce(lambda inner, _: Mul(inner, inner), range(200), A)
    assert list(references(shared)) == [A]


def test_a_deep_formula_is_differentiated():
    slope = differentiate(grown("difference"), "b")
    assert evaluate(slope, lambda _: 0.0, {}, {}) == -LEVELS


def test_the_deepest_formula_that_is_read_is_differentiated_and_compiled():
    formula = parse_formula("a" + "*a" * (MAX_DEPTH - 1), {"a"})
    slope = differentiate(formula, "a")
    assert size(slope) > MAX_DEPTH**2 / 2
    code = PRINTERS["Python"].text(slope)
    assert eval(code, {"a": 1.0}) == MAX_DEPTH
