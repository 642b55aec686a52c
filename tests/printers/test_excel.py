"""Formulas as a spreadsheet reads them, and what another engine computes from them."""

from __future__ import annotations

import math
import sys

import ironcalc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpsheet.formula.evaluate import CellError, evaluate
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
    children,
    rebuild,
    walk,
)
from bpsheet.printers.excel import Cell, ExcelPrinter, excel_number, spelled
from tests.helpers.printing import ONE, THREE, TWO, A, B, C, excel_printer
from tests.helpers.samples import draws
from tests.helpers.strategies import NAMES, refs, trees


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Neg(Pow(A, TWO)), "-(A1^2)"),
        (Pow(Neg(Mul(A, B)), TWO), "(-1*(A1*B1))^2"),
        (Mul(Num(254.38803801397793), A), "(254.388038013978-5.6843418860808E-14)*A1"),
        (Num(0.1), "0.1"),
        (Num(123456789012345.0), "123456789012345"),
        (Num(1e15), "1000000000000000.0"),
        (Num(1e-7), "1E-07"),
        (Compare("<", Neg(A), Neg(B)), "-A1<-B1"),
        (Sum((If(Compare("<", A, B), A, B), C)), "IF(A1<B1,A1,B1)+C1"),
        (Sum((Neg(A), Neg(B))), "-A1+(-B1)"),
        (Div(A, Neg(Div(A, B))), "A1/(-1*(A1/B1))"),
        (Sub(A, Neg(Mul(A, B))), "A1-(-1*(A1*B1))"),
        (Mul(Neg(Mul(A, B)), A), "-(A1*B1)*A1"),
        (Pow(Neg(A), TWO), "(-A1)^2"),
        (Pow(Pow(A, TWO), THREE), "(A1^2)^3"),
        (Pow(TWO, Pow(THREE, TWO)), "2^(3^2)"),
        (Pow(A, Neg(ONE)), "A1^(-1)"),
        (Pow(Num(-2.0), TWO), "(-2)^2"),
        (Pow(A, Num(-2.0)), "A1^(-2)"),
        (Sub(A, Sub(B, C)), "A1-(B1-C1)"),
        (Sub(Sub(A, B), C), "A1-B1-C1"),
        (Sub(A, Sum((B, C))), "A1-(B1+C1)"),
        (Sum((A, Sub(B, C))), "A1+(B1-C1)"),
        (Sum((A, Neg(B))), "A1+(-B1)"),
        (Sum((Neg(A), B)), "-A1+B1"),
        (Sum((A, Num(-1.0))), "A1+(-1)"),
        (Div(A, Div(B, C)), "A1/(B1/C1)"),
        (Div(Div(A, B), C), "A1/B1/C1"),
        (Div(A, Mul(B, C)), "A1/(B1*C1)"),
        (Mul(A, Div(B, C)), "A1*(B1/C1)"),
        (Mul(Sum((A, B)), C), "(A1+B1)*C1"),
        (Mul(A, Neg(B)), "A1*(-B1)"),
        (Neg(Neg(A)), "-(-A1)"),
        (Neg(Sub(A, B)), "-(A1-B1)"),
        (Neg(Mul(A, B)), "-(A1*B1)"),
        (Mul(Neg(Param("learning_rate")), B), "-$B$5*B1"),
        (Mul(Num(0.5), Pow(Sub(A, B), TWO)), "0.5*(A1-B1)^2"),
        (Call("tanh", (Sum((Mul(ONE, A), Mul(B, C))),)), "TANH(1*A1+B1*C1)"),
        (Call("logistic", (A,)), "IF(A1<-709,0,1/(1+EXP(-A1)))"),
        (
            Call("logistic", (Sum((Mul(ONE, A), Mul(B, C))),)),
            "1/(1+EXP(-(1*A1+B1*C1)))",
        ),
        (Mul(Call("logistic", (Neg(A),)), B), "1/(1+EXP(-(-A1)))*B1"),
        (Div(B, Call("logistic", (Neg(A),))), "B1/(1/(1+EXP(-(-A1))))"),
        (Div(B, Call("logistic", (A,))), "B1/IF(A1<-709,0,1/(1+EXP(-A1)))"),
        (Pow(Call("logistic", (Neg(A),)), TWO), "(1/(1+EXP(-(-A1))))^2"),
        (Call("ln", (A,)), "LN(A1)"),
        (Call("max", (Num(0.0), A)), "MAX(0,A1)"),
        (Neg(Mul(Pow(A, TWO), B)), "-1*(A1^2*B1)"),
        (Neg(Div(Mul(Pow(A, TWO), B), C)), "-1*(A1^2*B1/C1)"),
        (Neg(Mul(B, Pow(A, TWO))), "-(B1*A1^2)"),
        (Call("mod", (Sub(A, ONE), Num(4.0))), "MOD(A1-1,4)"),
        (Lookup("x1", Ref("b")), "INDEX(Data!$X1$2:$B$9,B1)"),
        (Lookup("x1", A, B), "INDEX(Data!$X1$2:$B$9,A1,B1)"),
        (Sum((Sub(A, B), Sub(B, C))), "A1-B1+(B1-C1)"),
        (If(Compare("=", A, B), Num(0.0), Mul(A, B)), "IF(A1=B1,0,A1*B1)"),
        (If(Compare("<>", A, Num(-1.0)), A, B), "IF(A1<>-1,A1,B1)"),
        (Mul(Compare(">", A, B), Compare("<", A, C)), "(A1>B1)*(A1<C1)"),
        (Mul(If(Compare(">", A, B), A, B), C), "IF(A1>B1,A1,B1)*C1"),
        (If(Compare("=", Param("reduction"), Text("mean")), A, B), 'IF($B$5="mean",A1,B1)'),
        (Text('say "mean"'), '"say ""mean"""'),
    ],
)
def test_formulas_for_spreadsheets(tree, text):
    assert excel_printer().text(tree) == text


@pytest.mark.parametrize("cells", ["Steps!$D$8", "$D$8"])
def test_a_look_up_of_a_single_cell_is_that_cell(cells):
    """Gnumeric takes INDEX over a single cell for an error."""
    here = ExcelPrinter(lambda _ref: Cell(1, 8), lambda _name: "", lambda _name: f"{cells}:$D$8")
    assert here.text(Lookup("x1", A)) == cells
    assert here.text(Lookup("x1", A, B)) == cells


def test_text_is_read_as_it_is():
    """_x0041_ is how a workbook writes A; so its underscore is written as such a code."""
    assert spelled("_x0041_ _x_ x0041_") == "_x005F_x0041_ _x_ x0041_"


def test_the_row_before_is_one_row_up():
    assert excel_printer(row=9).text(Sum((Ref("a", 1), Ref("b", 1)))) == "A8+B8"


def test_a_hyper_parameter_is_the_cell_that_its_name_has():
    printer = ExcelPrinter(lambda _: Cell(1, 1), {"rate": "$B$6"}.__getitem__, str)
    assert printer.text(Neg(Param("rate"))) == "-$B$6"


def test_a_guarded_form_in_another_is_guarded_once():
    """Each would repeat its argument: twice as long at every level."""
    tree = Call("logistic", (Mul(A, Call("logistic", (B,))),))
    guarded = excel_printer(guard=True).text(tree)
    assert guarded == "1/(1+EXP(-(A1*IF(B1<-709,0,1/(1+EXP(-B1))))))"


def test_the_guarded_form_can_be_asked_for():
    tree = Call("logistic", (Mul(A, B),))
    guarded = excel_printer(guard=True).text(tree)
    assert guarded == "IF(A1*B1<-709,0,1/(1+EXP(-(A1*B1))))"


def weighted_sum(count, *, bias=True):
    products = tuple(Mul(Ref(f"x{n}"), Ref(f"w{n}")) for n in range(count))
    return Sum((Mul(ONE, A), *products) if bias else products)


def test_long_weighted_sums_of_adjoining_cells_become_sumproduct():
    assert excel_printer().text(weighted_sum(12)) == "1*A1+SUMPRODUCT(CW1:DH1,GS1:HD1)"
    assert excel_printer().text(weighted_sum(12, bias=False)) == "SUMPRODUCT(CW1:DH1,GS1:HD1)"
    inner = Call("tanh", (weighted_sum(12),))
    assert excel_printer().text(inner) == "TANH(1*A1+SUMPRODUCT(CW1:DH1,GS1:HD1))"


def test_short_weighted_sums_are_written_out():
    assert excel_printer().text(weighted_sum(2)) == "1*A1+CW1*GS1+CX1*GT1"
    assert "SUMPRODUCT" not in excel_printer().text(weighted_sum(11))


def test_products_of_cells_that_do_not_adjoin_are_written_out():
    """Every second cell, or a row of outputs against a column of weights, is no range."""
    apart = Sum(tuple(Mul(Ref(f"x{2 * n}"), Ref(f"w{n}")) for n in range(14)))
    assert "SUMPRODUCT" not in excel_printer().text(apart)
    rows = Sum(tuple(Mul(Ref(f"x{n}", n % 2), Ref(f"w{n}")) for n in range(14)))
    assert "SUMPRODUCT" not in excel_printer(row=9).text(rows)


def test_a_minus_before_a_long_sum_keeps_its_parentheses():
    text = excel_printer().text(Sub(B, weighted_sum(12)))
    assert text == "B1-(1*A1+SUMPRODUCT(CW1:DH1,GS1:HD1))"


@given(st.floats(allow_nan=False, allow_infinity=False))
@draws(100)
def test_a_number_in_a_formula_is_the_same_number(value):
    assert float(excel_number(value)) == value


def recalculated(formulas, cells):
    """What another spreadsheet engine makes of formulas, with `cells` typed into row 1."""
    model = ironcalc.create("m", "en", "UTC", "en")
    for column, value in cells.items():
        model.set_user_input(0, 1, column, repr(value))
    for row, formula in enumerate(formulas, start=2):
        model.set_user_input(0, row, 500, f"={formula}")
    model.evaluate()
    return [model.get_cell_value(0, row, 500) for row in range(2, len(formulas) + 2)]


VALUES = {"a": 0.75, "b": -1.5, "c": 2.25, "d": 0.1}
CELLS = {1 + index: VALUES[name] for index, name in enumerate(NAMES)}


def ours(tree, values=VALUES):
    try:
        return evaluate(tree, lambda ref: values[ref.name], {}, {})
    except CellError as error:
        return ("", "#NUM!", "#DIV/0!")[error.code]


def moderate(tree):
    """Whether no part of the tree is so large that the other engine loses an error in it."""
    parts = [ours(node) for node in walk(tree) if not isinstance(node, Compare)]
    return all(isinstance(part, str) or abs(part) < 1e100 for part in parts)


def shaken(tree):
    """The tree with every transcendental function off by a few units in the last place.

    Two libraries' tanh differ so much; where that shows, the formula is ill-conditioned.
    """
    made = rebuild(tree, tuple(shaken(part) for part in children(tree)))
    if isinstance(made, Call | Pow):
        exact = isinstance(made, Call) and made.function in ("abs", "int", "max", "min", "sign")
        return made if exact else Mul(made, Num(1 + 1e-15))
    return made


# Whole powers, and square roots, which an engine may not take of a negative number.
PRINTABLE = trees(
    st.one_of(refs, st.sampled_from([0.0, 1.0, 2.0, 0.5, -0.5, 3.0, -2.0, 1e-7]).map(Num)),
    exponents=st.sampled_from([1.0, 2.0, 3.0, -1.0, -2.0]).map(Num),
)


@given(st.lists(PRINTABLE.filter(moderate), min_size=8, max_size=24))
@draws(50)
def test_another_engine_computes_from_the_printed_formula_what_the_tree_says(some):
    """Values to 1e-12; an error where, and only where, the tree has one."""
    printer = excel_printer()
    for tree, found in zip(some, recalculated(map_texts(printer, some), CELLS), strict=True):
        expected = ours(tree)
        if any(is_near_tie(node) for node in walk(tree)):
            continue
        if isinstance(expected, str):
            assert isinstance(found, str), (printer.text(tree), expected, found)
            continue
        steady = ours(shaken(tree))
        if isinstance(steady, str) or not math.isclose(steady, expected, rel_tol=1e-13):
            continue
        assert not isinstance(found, str), (printer.text(tree), expected, found)
        assert math.isclose(found, expected, rel_tol=1e-12), printer.text(tree)


def is_near_tie(node):
    """A comparison of numbers that differ in their last digits: spreadsheets take them as equal."""
    if not isinstance(node, Compare):
        return False
    left, right = ours(node.left), ours(node.right)
    return (
        left != right
        and not isinstance(left, str)
        and not isinstance(right, str)
        and (math.isclose(left, right, rel_tol=1e-12))
    )


def map_texts(printer, some):
    return [printer.text(tree) for tree in some]


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("-c^2", -5.0625),
        ("(-c)^2", 5.0625),
        ("2^3^2", 512.0),
        ("(2^3)^2", 64.0),
        ("c - (a - b)", 0.0),
        ("2/(a/c)", 6.0),
        ("-(a - b)", -2.25),
        ("a - -b", -0.75),
        ("if(b < a, 1, 2)", 1.0),
        ("int(b)", -2.0),
        ("mod(-7, 3)", 2.0),
        ("1/(a - a)", "#DIV/0!"),
        ("ln(a - a)", "#NUM!"),
        ("ln(b)", "#NUM!"),
        ("sqrt(b)", "#NUM!"),
        ("exp(710)", "#NUM!"),
        ("(a - a)^(-1)", "#DIV/0!"),
        ("1e200*a*1e200", "#NUM!"),
        ("mod(a, 0)", "#DIV/0!"),
        ("(a - a)^0", "#NUM!"),
        ("(a - a)^(b - b)", "#NUM!"),
        ("exp(-1e9)", 0.0),
    ],
)
def test_values_and_errors_are_those_of_a_spreadsheet(formula, expected):
    tree = parse_formula(formula, NAMES)
    (found,) = recalculated([excel_printer().text(tree)], CELLS)
    assert found == expected
    assert ours(tree) == expected


def test_sumproduct_has_the_value_of_the_sum_written_out():
    tree = weighted_sum(40)
    values = VALUES | {f"x{n}": math.sin(n) for n in range(40)}
    values |= {f"w{n}": math.cos(3 * n) for n in range(40)}
    cells = CELLS | {101 + n: values[f"x{n}"] for n in range(40)}
    cells |= {201 + n: values[f"w{n}"] for n in range(40)}
    text = excel_printer().text(tree)
    assert "SUMPRODUCT" in text
    (found,) = recalculated([text], cells)
    assert math.isclose(found, ours(tree, values), rel_tol=1e-12)


@pytest.mark.parametrize("value", [sys.float_info.max, -sys.float_info.max, 1.797693134862315e308])
def test_the_largest_numbers_are_written_as_what_they_are(value):
    """Rounded to the digits that a formula may have, the largest would be infinite."""
    text = excel_printer().text(Mul(A, Num(value)))
    assert recalculated([text], {1: 1.0}) == [value]


@pytest.mark.parametrize(
    ("cells", "row", "cell"),
    [
        ("$B$2:$B$9", 1, "$B$2"),
        ("$AA$12:$AA$99", 30, "$AA$41"),
        ("Data!$B$2:$B$9", 3, "Data!$B$4"),
        ("'What? Yes!'!$C$5:$C$9", 5, "'What? Yes!'!$C$9"),
    ],
)
def test_a_look_up_of_a_row_that_is_known_is_its_cell(cells, row, cell):
    printer = ExcelPrinter(lambda _: Cell(1, 1), lambda name: name, lambda _: cells)
    assert printer.text(Lookup("x", Num(float(row)))) == cell
    # A row and a column are looked up by a spreadsheet.
    pair = Lookup("x", Num(float(row)), Num(2.0))
    assert printer.text(pair) == f"INDEX({cells},{row},2)"
