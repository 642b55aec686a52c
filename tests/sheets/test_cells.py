"""Cells that no sheet has, and numbers that no cell can hold, in somebody's own workbook."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.chart import LineChart, Reference
from openpyxl.worksheet.formula import ArrayFormula

import bpsheet as bp
from bpsheet.sheets import excel
from bpsheet.sheets.differentiate import differentiate_workbook
from bpsheet.sheets.evaluate import Evaluator

LAST = "lies beyond the last cell of a sheet, XFD1048576"


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A workbook with a sheet that is a chart, in the current folder."""
    monkeypatch.chdir(tmp_path)
    made = Workbook()
    sheet = made.active
    sheet.title = "Sheet1"
    sheet["A1"], sheet["A2"], sheet["B1"] = 2.0, 3.0, "=A1^2+A2"
    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=1, max_row=2))
    made.create_chartsheet("Chart1").add_chart(chart)
    made.save("book.xlsx")
    return Path("book.xlsx")


def edited(book: Path, cell: str, content: str) -> None:
    """The workbook with something else in a cell."""
    data = book.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(book, "w") as new:
        for info in old.infolist():
            part = old.read(info)
            if info.filename == "xl/worksheets/sheet1.xml":
                text = re.sub(
                    rf'<c r="{cell}"[^>]*>.*?</c>', f'<c r="{cell}">{content}</c>', part.decode()
                )
                assert text != part.decode()
                part = text.encode()
            new.writestr(info, part)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("Chart1!A1", "there is no sheet 'Chart1'; known here: Sheet1"),
        ("Sheet1!A9999999", f"A9999999 {LAST}"),
        ("A1048577", f"A1048577 {LAST}"),
        ("XFE1", f"XFE1 {LAST}"),
        ("A1:ZZZ9999999", f"A1:ZZZ9999999 {LAST}"),
        ("Sheet1!A0", "A0 is no plain range"),
    ],
)
def test_a_cell_that_no_sheet_has(book, cell, said):
    """As the loss, as a parameter, in a formula on the way."""
    for loss, parameters, where in ((cell, ["A1"], "loss"), ("B1", [cell], "parameters")):
        with pytest.raises(bp.WorkbookError, match=re.escape(said)) as caught:
            differentiate_workbook(book, loss, parameters, "out.xlsx")
        assert str(caught.value).startswith(f"book.xlsx: {where}: ")
    edited(book, "B1", f"<f>A1*{cell}</f>")
    with pytest.raises(bp.WorkbookError, match=re.escape(said)) as caught:
        differentiate_workbook(book, "B1", ["A1"], "out.xlsx")
    assert str(caught.value).startswith("book.xlsx: Sheet1!B1: ")
    assert not Path("out.xlsx").exists()


def test_the_last_cell_of_a_sheet_is_one(book):
    edited(book, "B1", "<f>A1^2+XFD1048576</f>")
    assert differentiate_workbook(book, "B1", ["A1"], "out.xlsx").gradient == {"Sheet1!A1": 4.0}


@pytest.mark.parametrize("number", ["1e400", "9" * 400, f"-{'9' * 400}"])
def test_a_number_too_large_for_a_spreadsheet(book, number):
    edited(book, "A2", f"<v>{number}</v>")
    with pytest.raises(bp.WorkbookError, match="Sheet1!A2: it holds a number that is too large"):
        differentiate_workbook(book, "B1", ["A1"], "out.xlsx")


@pytest.mark.parametrize("rate", [10**400, float("nan"), float("-inf"), 1e100])
def test_a_learning_rate_that_is_none(book, rate):
    with pytest.raises(bp.WorkbookError, match=r"^rate: a number below 1e\+100 expected; got "):
        differentiate_workbook(book, "B1", ["A1"], "out.xlsx", rate)


def arrays(tmp_path, rows):
    """A workbook in which an array formula multiplies a column by one parameter."""
    book = Workbook()
    sheet = book.active
    for row in range(1, rows + 1):
        sheet[f"A{row}"] = row / 8
    sheet["B1"] = 0.5
    sheet["C1"] = ArrayFormula(f"C1:C{rows}", f"=A1:A{rows}*B1")
    sheet["D1"] = f"=SUM(C1:C{rows})"
    path = tmp_path / "arrays.xlsx"
    book.save(path)
    return path


def test_an_array_formula_is_computed_once_for_all_its_cells(tmp_path, monkeypatch):
    count = 0
    lift = Evaluator.lift

    def counted(*arguments):
        nonlocal count
        count += 1
        return lift(*arguments)

    monkeypatch.setattr(Evaluator, "lift", counted)
    made = differentiate_workbook(arrays(tmp_path, 400), "D1", ["B1"], tmp_path / "out.xlsx")
    assert made.gradient == {"Sheet!B1": sum(row / 8 for row in range(1, 401))}
    assert count == 1


def test_array_formulas_of_too_many_cells_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "MOST_ARRAY_CELLS", 399)
    with pytest.raises(bp.WorkbookError, match="its array formulas have more than 399 cells"):
        differentiate_workbook(arrays(tmp_path, 400), "D1", ["B1"], tmp_path / "out.xlsx")
