"""Formulas as long as a cell holds, and ranges of thousands of cells, are differentiated or refused."""

from __future__ import annotations

import openpyxl
import pytest

import bpsheet as bp
from bpsheet.formula.tree import Ref
from bpsheet.sheets import cells, differentiate_workbook
from bpsheet.sheets.formula import read_formula


def differentiated(folder, formula, parameters=("Sheet!A1:A2",), rows=990):
    book = openpyxl.Workbook()
    for row in range(1, rows + 1):
        book.active.cell(row, 1, 1.0)
    book.active["C1"] = formula
    book.save(folder / "own.xlsx")
    return differentiate_workbook(folder / "own.xlsx", "Sheet!C1", parameters, folder / "copy.xlsx")


@pytest.mark.parametrize(
    ("formula", "gradient"),
    [
        ("=A1" + "-A2" * 2_500, {"A1": 1.0, "A2": -2_500.0}),
        ("=A1" + "+A2" * 2_500, {"A1": 1.0, "A2": 2_500.0}),
        ("=A2+" + "-" * 5_001 + "A1", {"A1": -1.0, "A2": 1.0}),
        ("=A1" + "%" * 100 + "+A2", {"A1": pytest.approx(1e-200), "A2": 1.0}),
        ("=PRODUCT(A1:A400)", {"A1": 1.0, "A2": 1.0}),
    ],
    ids=["minus", "plus", "signs", "percent", "product"],
)
def test_long_formulas_are_differentiated(tmp_path, formula, gradient):
    found = differentiated(tmp_path, formula)
    assert found.gradient == {f"Sheet!{name}": slope for name, slope in gradient.items()}


@pytest.mark.parametrize(
    "formula",
    ["=PRODUCT(A1:A990)", "=A1+A2" + "%" * 5_000, "=A1" + "*A2" * 990, "=A1" + "/A2" * 990],
    ids=["product of a range", "percent", "product", "quotient"],
)
def test_a_derivative_that_no_cell_holds_is_refused_before_it_is_computed(
    tmp_path, formula, monkeypatch
):
    # The derivative's value would be asked for next.
    monkeypatch.setattr("bpsheet.sheets.differentiate._derivative_values", None)
    with pytest.raises(
        bp.LimitError, match=r"8,192 characters; a cell holds 8,192|parts; 100,000 at the most"
    ):
        differentiated(tmp_path, formula)
    assert not (tmp_path / "copy.xlsx").exists()


def test_a_product_of_too_many_parameters_is_refused_before_it_is_differentiated(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(cells, "MAX_SLOPES", 1_000)
    monkeypatch.setattr("bpsheet.sheets.differentiate.backward", None)
    with pytest.raises(bp.WorkbookError, match="split them among several cells"):
        differentiated(tmp_path, "=PRODUCT(A1:A50)", ["Sheet!A1:A50"])


def test_slopes_are_counted_where_an_operation_multiplies_them():
    def slopes(text, moving):
        ((formula,),) = read_formula(text, lambda name, _: [[Ref(name)]])
        return cells._slopes(formula, set(moving))

    # A sum costs what its terms cost; a product of three hands on 1, then 1 + 1, then 2 + 1.
    assert slopes("=A+B+C", "ABC") == 3
    assert slopes("=A*B*C", "ABC") == 3 + 2 + 3
    assert slopes("=A*B*C", "A") == 1 + 1 + 1
