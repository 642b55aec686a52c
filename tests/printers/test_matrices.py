"""Formulas of arrays: their text as a textbook writes it, and which of them one array formula can be."""

from __future__ import annotations

import pytest

from bpsheet.formula.arrays import (
    along,
    as_column,
    beside,
    largest,
    largest_across,
    product,
    row_of,
    shaped_as,
    sum_of,
    sums_across,
    transposed,
)
from bpsheet.formula.tree import Call, Div, If, Mul, Neg, Num, Operation, Param, Pow, Ref, Sub, Sum
from bpsheet.printers.array_formulas import MatrixPrinter
from bpsheet.printers.excel import Cell
from bpsheet.printers.matrices import MatrixText, is_printable

SHAPES = {"W": (3, 2), "V": (1, 3), "a": (2,), "d": (3,), "e": (1,)}
AREAS = {"W": "A1:B3", "V": "C1:E1", "a": "F1:F2", "d": "G1:G3", "e": "H1"}


def excel(formula):
    def no_number(name):
        raise AssertionError(name)

    return MatrixPrinter(AREAS.__getitem__, no_number, no_number, SHAPES).text(formula)


@pytest.mark.parametrize(
    ("formula", "printed", "said"),
    [
        (product(Ref("W"), Ref("a")), "MMULT(A1:B3,F1:F2)", "W·a"),
        (product(transposed(Ref("V")), Ref("e")), "TRANSPOSE(C1:E1)*H1", "Vᵀ·e"),
        (Mul(as_column(Ref("d")), Ref("a")), "MMULT(G1:G3,TRANSPOSE(F1:F2))", "d·aᵀ"),
        (Mul(as_column(Ref("e")), Ref("e")), "H1*H1", "e·eᵀ"),
        (Mul(Ref("d"), Num(1.0)), "G1:G3", "d"),
        (Call("max", (Num(0.0), Ref("d"))), "IF(0>G1:G3,0,G1:G3)", "max(0, d)"),
        (Sub(Ref("d"), sum_of(Ref("d"))), "G1:G3-SUM(G1:G3)", "d − Σ d"),
        (
            Div(product(Ref("W"), Ref("a")), Num(2.0)),
            "MMULT(A1:B3,F1:F2)/2",
            "W·a/2",
        ),
        # Vectors are columns, so that a vector times a matrix is the matrix, transposed, times it.
        (product(Ref("a"), Ref("a")), "SUMPRODUCT(F1:F2,F1:F2)", "a·a"),
        (product(Ref("d"), Ref("W")), "MMULT(TRANSPOSE(A1:B3),G1:G3)", "Wᵀ·d"),
        (product(transposed(Ref("V")), Ref("V")), "MMULT(TRANSPOSE(C1:E1),C1:E1)", "Vᵀ·V"),
        (product(Ref("e"), Ref("V")), "TRANSPOSE(C1:E1)*H1", "Vᵀ·e"),
        (product(Ref("W"), row_of(Ref("W"), 2)), "MMULT(A1:B3,TRANSPOSE(A2:B2))", "W·W[2]"),
        (
            Mul(as_column(Ref("d")), row_of(Ref("W"), 3)),
            "MMULT(G1:G3,A3:B3)",
            "d·W[3]ᵀ",
        ),
        (Sum((row_of(Ref("d"), 2), Num(1.0))), "G2+1", "d[2] + 1"),
        (
            Mul(as_column(Mul(Ref("d"), Ref("d"))), Ref("a")),
            "MMULT(G1:G3*G1:G3,TRANSPOSE(F1:F2))",
            "(d ∘ d)·aᵀ",
        ),
    ],
)
def test_array_formulas_and_their_texts(formula, printed, said):
    assert excel(formula) == printed
    assert MatrixText({}, SHAPES).text(formula) == said
    assert is_printable(formula, SHAPES)


def test_what_programs_compute_differently_is_not_printed():
    beside_column = Sub(as_column(Ref("d")), Ref("a"))
    assert not is_printable(beside_column, SHAPES)
    assert not is_printable(If(Ref("d"), Ref("W"), Num(0.0)), {**SHAPES, "d": (3, 1)})
    assert not is_printable(beside(Ref("d"), Ref("W")), SHAPES)
    by_row = Mul(as_column(Ref("d")), Ref("W"))
    assert not is_printable(by_row, SHAPES)
    assert MatrixText({}, SHAPES).text(by_row) == "d ∘ W"


A, D, E, W = map(Ref, "adeW")
TWO = Num(2.0)


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        # The equations of backpropagation, with a matrix for each layer.
        (Sum((Ref("b"), product(W, A))), "b1 + W·a"),
        (Mul(product(transposed(W), D), Sub(Num(1.0), Pow(A, TWO))), "Wᵀ·d ∘ (1 − a²)"),
        (Mul(Neg(Param("learning_rate")), Mul(as_column(D), A)), "−η·(d·aᵀ)"),
        (Mul(as_column(Mul(Num(1.0), D)), A), "d·aᵀ"),
        (Mul(as_column(Sub(D, D)), Sub(A, A)), "(d − d)·(a − a)ᵀ"),
        (Mul(as_column(Mul(TWO, D)), A), "2·d·aᵀ"),
        (Div(Ref("dW"), Param("batch_size")), "dW/batch size"),
        (Neg(Sum((D, D))), "−(d + d)"),
        (Neg(Mul(D, D)), "−d ∘ d"),
        (Pow(Sub(D, D), TWO), "(d − d)²"),
        (Pow(D, Num(-0.5)), "d^(−0.5)"),
        (Sub(D, Neg(D)), "d − (−d)"),
        (Mul(D, Num(-2.0)), "d·(−2)"),
        (Pow(D, Num(3.0)), "d^3"),
        (product(W, product(transposed(W), D)), "W·(Wᵀ·d)"),
        (product(product(W, transposed(W)), D), "W·Wᵀ·d"),
        (product(Mul(W, W), A), "(W ∘ W)·a"),
        (product(Mul(TWO, W), A), "2·W·a"),
        (product(Sum((W, W)), A), "(W + W)·a"),
        (product(Mul(Num(1.0), W), Mul(A, Num(1.0))), "W·a"),
        (transposed(Sum((W, W))), "(W + W)ᵀ"),
        (Div(D, product(A, A)), "d/(a·a)"),
        (Div(TWO, Mul(Num(1.0), Sub(D, D))), "2/(d − d)"),
        (Div(TWO, Mul(Sub(D, D), Num(1.0))), "2/(d − d)"),
        # What is repeated is written once.
        (Div(W, as_column(Sum((D, D)))), "W/(d + d)"),
        (Div(D, shaped_as(Sum((E, E)), D)), "d/(e + e)"),
        (product(Mul(as_column(D), A), A), "d·aᵀ·a"),
        (Mul(shaped_as(sum_of(D), D), D), "Σ d ∘ d"),
        (Sub(D, Div(sum_of(Sub(D, E)), TWO)), "d − Σ (d − e)/2"),
        (Call("exp", (Sub(D, largest(D)),)), "exp(d − max d)"),
        (row_of(Sum((W, W)), 3), "(W + W)[3]"),
    ],
)
def test_equations_are_written_as_textbooks_write_them(formula, text):
    assert MatrixText({"b": "b1"}, {**SHAPES, "b": (3,), "dW": (3, 2)}).text(formula) == text


@pytest.mark.parametrize(
    ("formula", "printed"),
    [
        (Sum((Neg(D), D)), "-G1:G3+G1:G3"),
        (Pow(Mul(as_column(D), A), TWO), "MMULT(G1:G3,TRANSPOSE(F1:F2))^2"),
        (Mul(TWO, transposed(Sum((W, W)))), "2*TRANSPOSE(A1:B3+A1:B3)"),
        (Sum((Ref("s"), Mul(Param("learning_rate"), D))), "A9+$B$5*G1:G3"),
    ],
)
def test_array_formulas_have_cells_for_numbers_and_no_parentheses_in_vain(formula, printed):
    printer = MatrixPrinter(AREAS.__getitem__, lambda _: Cell(1, 9), lambda _: "$B$5", SHAPES)
    assert printer.text(formula) == printed


def test_other_operations_have_the_names_of_functions_and_show_the_arrays_that_matter():
    shapes = {"I": (5, 5), "K": (2, 2), "O": (4, 4), "P": (2, 2), "n": (), "v": (4,), "S": (2, 2), "W": (3, 2), "d": (3,), "a": (2,)}  # fmt: skip
    one, two = Num(1.0), TWO
    image, kernel, share, pooled = map(Ref, "IKOP")
    window = (one, Num(0.0), one)
    texts = {
        "conv(I, K)": Operation("convolved", (image, kernel, *window)),
        # Each weight of a kernel meets the image's entries, and δ stands for what comes back.
        "conv(I, O)": Operation("kernel's share", (share, image, kernel, *window)),
        "spread(O, K)": Operation("input's share", (share, image, kernel, *window)),
        "sumpool(I, 2)": Operation("window sums", (image, two, two)),
        "maxpool(I, 2)": Operation("window largest", (image, two, two)),
        "unpool(P)": Operation("window's share", (pooled, image, two, two)),
        "unpool(P, I)": Operation("largest's share", (pooled, image, two, two)),
        "unflat(v)": Operation("folded", (Ref("v"), Ref("S"), one)),
        "onehot(n)": Operation("one hot", (Ref("n"), Num(3.0))),
        "causal(S)": Operation("causal", (Ref("S"), Num(-1.0))),
        "rowsum(W)": sums_across(W),
        "colsum(W)": Operation("sum down", (W,)),
        "rowmax(W)": largest_across(W),
        "inrow2(a)": Operation("placed", (A, W, two)),
        "beside(d, W)": beside(D, W),
        "rows(a, a)": Operation("rows", (A, A)),
        "J": along(A, Ref("S")),
    }
    printer = MatrixText({}, shapes)
    assert [printer.text(formula) for formula in texts.values()] == list(texts)


@pytest.mark.parametrize(
    ("formula", "fits"),
    [
        (largest(D), True),
        (along(A, Mul(as_column(A), A)), True),
        (Sub(D, sum_of(W)), True),
        (Sum((D, Num(1.0))), True),
        (Sum((W, W)), True),
        (Sum((W, A)), False),
        (Mul(TWO, Sum((W, A))), False),
        (product(Sum((W, A)), A), False),
        (row_of(W, 2), True),
        (row_of(Sum((W, W)), 2), False),
        (sums_across(W), False),
        (Call("tanh", (D,)), True),
        (Call("erf", (D,)), False),
        (Call("erf", (sum_of(D),)), True),
        (Mul(as_column(Call("tanh", (D,))), A), True),
        (Mul(as_column(D), Call("erf", (A,))), False),
        (Mul(as_column(Call("erf", (D,))), A), False),
    ],
)
def test_one_array_formula_combines_only_arrays_of_one_shape(formula, fits):
    assert is_printable(formula, SHAPES) == fits
