"""Letters, numbers, printers and formulas for the tests of the printers."""

from __future__ import annotations

from hypothesis import strategies as st

from bpsheet.formula.tree import Call, Compare, Div, If, Mul, Neg, Num, Pow, Ref, Sub, Sum
from bpsheet.printers.excel import Cell, ExcelPrinter
from bpsheet.printers.python import PythonPrinter
from tests.helpers.strategies import NAMES, edges, refs, trees, written

A, B, C = Ref("a"), Ref("b"), Ref("c")
ONE, TWO, THREE = Num(1.0), Num(2.0), Num(3.0)


def excel_printer(row=1, **more):
    """a, b, c, d are the columns A to D; x0 … and w0 … stand in long rows of their own."""

    def cell(ref):
        if ref.name in NAMES:
            return Cell(1 + NAMES.index(ref.name), row - ref.lag)
        start = {"x": 101, "w": 201}[ref.name[0]]
        return Cell(start + int(ref.name[1:]), row - ref.lag)

    return ExcelPrinter(cell, lambda _: "$B$5", lambda name: f"Data!${name.upper()}$2:$B$9", **more)


def python_printer():
    return PythonPrinter(lambda ref: ref.name, lambda name: name, lambda name: f"t_{name}")


# Numbers, negative ones too, and all the powers that autodiff and users write.
ANYTHING = trees(
    st.one_of(refs, edges.map(Num), written),
    exponents=st.one_of(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 2.0, 3.0]).map(Num), refs),
)
BIG = Mul(A, A)
WASHED_OUT = (
    Div(ONE, BIG),
    Div(ONE, Sum((ONE, BIG))),
    Div(ONE, Neg(BIG)),
    Call("tanh", (BIG,)),
    Call("logistic", (BIG,)),
    Call("exp", (Neg(BIG),)),
    Call("sign", (BIG,)),
    Call("min", (ONE, BIG)),
    Call("max", (ONE, Neg(BIG))),
    Call("mod", (ONE, BIG)),
    Call("exp", (Sub(Num(0.0), Div(BIG, TWO)),)),
    If(Compare(">", BIG, ONE), ONE, TWO),
    Pow(BIG, Num(-1.0)),
    Pow(BIG, Num(0.0)),
    Pow(BIG, Num(-0.5)),
    Pow(BIG, Neg(ONE)),
    Pow(Num(0.5), BIG),
    Pow(ONE, BIG),
)
