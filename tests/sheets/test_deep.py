"""Formulas as long as a cell holds, and ranges of thousands of cells, are differentiated or refused."""

from __future__ import annotations

import openpyxl
import pytest

import bpsheet as bp
from bpsheet.sheets import differentiate_workbook
from tests.helpers.samples import spread


def differentiated(folder, formula, parameters=("Sheet!A1:A2",), rows=990):
    book = openpyxl.Workbook()
    for row in range(1, rows + 1):
        book.active.cell(row, 1, 1.0)
    book.active["C1"] = formula
    book.save(folder / "own.xlsx")
    return differentiate_workbook(folder / "own.xlsx", "Sheet!C1", parameters, folder / "copy.xlsx")


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("formula", "gradient"),
    spread(
        [
            ("=A1" + "-A2" * 2_500, {"A1": 1.0, "A2": -2_500.0}),
            ("=A1" + "+A2" * 2_500, {"A1": 1.0, "A2": 2_500.0}),
            ("=A2+" + "-" * 5_001 + "A1", {"A1": -1.0, "A2": 1.0}),
            ("=A1" + "%" * 100 + "+A2", {"A1": pytest.approx(1e-200), "A2": 1.0}),
            ("=A1+A2" + "%" * 5_000, {"A1": 1.0, "A2": 0.0}),
            ("=PRODUCT(A1:A990)", {"A1": 1.0, "A2": 1.0}),
        ],
        2,
    ),
    ids=["minus", "plus", "signs", "percent", "percents", "product"],
)
def test_long_formulas_are_differentiated(tmp_path, formula, gradient):
    found = differentiated(tmp_path, formula)
    assert found.gradient == {f"Sheet!{name}": slope for name, slope in gradient.items()}


@pytest.mark.parametrize(
    "formula",
    ["=A1" + "*A2" * 990, "=A1" + "/A2" * 990],
    ids=["product", "quotient"],
)
def test_a_derivative_that_no_cell_holds_is_refused(tmp_path, formula):
    with pytest.raises(
        bp.LimitError, match=r"8,192 characters; a cell holds 8,192|parts; 100,000 at the most"
    ):
        differentiated(tmp_path, formula)
    assert not (tmp_path / "copy.xlsx").exists()
