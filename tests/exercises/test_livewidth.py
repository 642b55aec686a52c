"""Half the width of what follows is a formula over those of what it uses."""

from __future__ import annotations

import pytest

from bpsheet.exercises.livewidth import MAX_FORMULA, followed_width
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Mul, Ref, references
from bpsheet.printers.excel import Cell, ExcelPrinter

NAMES = [f"a{number}" for number in range(40)]
MAXIMA = "a0"
for _ in range(20):
    MAXIMA = f"max({MAXIMA}, {', '.join(['a0*a1'] * 12)})"


def width(formula, widths):
    rows = {ref: row for row, ref in enumerate(widths, start=6)}
    printer = ExcelPrinter(lambda ref: Cell(13, rows[ref]), lambda name: name, lambda name: name)
    return followed_width(formula, widths, printer.text)


def test_each_width_is_multiplied_by_the_partial_derivative():
    formula = Mul(Ref("a"), Ref("b"))
    assert (
        width(formula, {Ref("a"): "Z6", Ref("b"): "Z7"})
        == "IFERROR(1.02*(ABS(M7)*Z6+ABS(M6)*Z7),0)"
    )


def test_a_quantity_and_itself_an_iteration_before_are_two():
    formula = Mul(Ref("w"), Ref("w", 1))
    assert (
        width(formula, {Ref("w"): "Z6", Ref("w", 1): "Y7"})
        == "IFERROR(1.02*(ABS(M7)*Z6+ABS(M6)*Y7),0)"
    )


@pytest.mark.parametrize(
    "text",
    [
        "3",  # nothing moves it
        "int(a0)",  # a step has the derivative 0
        "*".join(f"tanh({name})" for name in NAMES),  # too long for a cell
        MAXIMA,  # too long for anybody
    ],
)
def test_no_width_is_known(text):
    formula = parse_formula(text, NAMES)
    assert width(formula, dict.fromkeys(references(formula), "Z6")) == "0"


def test_a_width_that_fits_into_a_cell_is_known():
    formula = parse_formula("*".join(f"tanh({name})" for name in NAMES[:16]), NAMES)
    assert 1_000 < len(width(formula, dict.fromkeys(references(formula), "Z6"))) < MAX_FORMULA
