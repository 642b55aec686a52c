"""Ranges with empty cells and texts, as spreadsheets read them. LibreOffice is the witness."""

from __future__ import annotations

import subprocess

import openpyxl
import pytest
from openpyxl.worksheet.formula import ArrayFormula

from bpsheet.errors import OutputError, WorkbookError
from bpsheet.sheets import differentiate_workbook

# The cells of all formulas: A2 and C1:C3 are empty, B4 is a text.
CELLS = {"A1": 2, "A3": 3, "A4": 4, "B1": 5, "B2": 7, "B3": 11, "B4": "none"}
# A plain formula or an array formula, its value, and its derivatives with respect to A1 and B3.
READ = [
    ("=SUM(A1:A4,B1:B4)", 32, 1, 1),
    ("=SUM((A1:A4),B3)", 20, 1, 1),
    ("=SUM(B4,A1,B3)", 13, 1, 1),
    ("=AVERAGE(A1:B4)*12", 64, 2, 2),
    ("=AVERAGE(C1:C3,A1:A4,B3)*4", 20, 1, 1),
    ("=MAX(C1:C3)+A1+B3", 13, 1, 1),
    ("=SUM(C1:C3)+PRODUCT(C1:C3)+A1+B3", 13, 1, 1),
    ("=PRODUCT(A1:A4)+B3", 35, 12, 1),
    ("=SUMPRODUCT(A1:A3,B1:B3)", 43, 5, 3),
    ("=SUMPRODUCT(A1:A3*B1:B3)", 43, 5, 3),
    ("=SUMPRODUCT((A1:A3-B1:B3)^2)", 122, -6, 16),
    ("=SUMXMY2(A3:A4,B1:B2)+A1+B3", 4 + 9 + 2 + 11, 1, 1),
    ("=SUM(MMULT(B1:B3,A1:A1))+B3", 57, 23, 3),
    ("{=SUM(A1:A3*B1:B3)}", 43, 5, 3),
    ("{=SUM(A1:A3*2,B1:B3)}", 33, 2, 1),
    ("{=AVERAGE(A1:A3+B1:B3)*3}", 28, 1, 1),
    ("{=SUM(-A1:A3)+B3}", 6, -1, 1),
    ("{=SUM(A1:A3*A1:B1)+B3}", 46, 4 + 2 + 3 + 5 - 2 + 0, 1),
]


def workbook(path, formulas):
    book = openpyxl.Workbook()
    sheet = book.active
    for place, value in CELLS.items():
        sheet[place] = value
    for row, text in enumerate(formulas, start=1):
        is_array = text.startswith("{")
        place = f"H{row + 20}"
        sheet[place] = ArrayFormula(place, text[1:-1]) if is_array else text
    book.save(path)
    return path


@pytest.mark.sample(14)
@pytest.mark.parametrize(("text", "value", "to_a1", "to_b3"), READ)
def test_empty_cells_and_texts_of_a_range_count_as_in_a_spreadsheet(
    tmp_path, text, value, to_a1, to_b3
):
    path = workbook(tmp_path / "own.xlsx", [text])
    made = differentiate_workbook(path, "H21", ["A1", "B3"], tmp_path / "out.xlsx")
    assert made.loss == value
    assert made.gradient == {"Sheet!A1": to_a1, "Sheet!B3": to_b3}


@pytest.mark.slow  # it is about the values above, which no change of ours makes others
def test_libreoffice_gives_these_values(tmp_path, libreoffice):
    """The formulas' values above are a spreadsheet's, not ours."""
    path = workbook(tmp_path / "own.xlsx", [text for text, *_ in READ])
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        [libreoffice, f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx",
         "--outdir", str(tmp_path / "computed"), str(path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    sheet = openpyxl.load_workbook(tmp_path / "computed" / "own.xlsx", data_only=True).active
    computed = [sheet[f"H{row + 20}"].value for row in range(1, len(READ) + 1)]
    assert computed == [value for _, value, *_ in READ]


@pytest.mark.parametrize(
    "text",
    [
        "=SUM(A1:A3*B1:B3)",
        "=EXP(A1:A3)",
        "=SUM(-A1:A3)",
        "=SUM(A1:A3%)",
        "=SUM(POWER(A1:A3,2))",
    ],
)
def test_a_range_where_a_plain_cell_expects_a_value_is_refused(tmp_path, text):
    """There a spreadsheet takes one cell of the range and says nothing."""
    path = workbook(tmp_path / "own.xlsx", [text])
    with pytest.raises(WorkbookError, match="H21: a range stands where a single value is expected"):
        differentiate_workbook(path, "H21", ["A1"], tmp_path / "out.xlsx")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{=SUM(A1:A10000*A1:ALL1)}", "an array of more than 200,000 cells"),
        ("=SUM(MMULT(A1:A30000,A1:DKJ1))", "more than 500,000 products of cells"),
    ],
)
def test_a_block_of_too_many_cells_is_refused_before_it_is_made(tmp_path, text, said):
    path = workbook(tmp_path / "own.xlsx", [text])
    with pytest.raises(WorkbookError, match=said):
        differentiate_workbook(path, "H21", ["A1"], tmp_path / "out.xlsx")


@pytest.mark.parametrize("name", ["n" * 300, "nul\0"])
def test_a_name_that_no_file_can_have_is_an_error_of_its_kind(tmp_path, name):
    path = workbook(tmp_path / "own.xlsx", ["=A1^2"])
    with pytest.raises(OutputError, match=r"cannot write|no file name can have"):
        differentiate_workbook(path, "H21", ["A1"], tmp_path / f"{name}.xlsx")
    with pytest.raises(WorkbookError, match="no such file"):
        differentiate_workbook(tmp_path / f"{name}.xlsx", "H21", ["A1"], tmp_path / "out.xlsx")
