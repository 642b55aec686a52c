"""What stands in the cells of workbooks, in two formats and many spellings."""

from __future__ import annotations

import itertools
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

import bpsheet as bp
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.xlsx.contents import Contents, Formula, Grid, read_xlsx
from bpsheet.xlsx.ods import read_ods, spelled_for_xlsx
from bpsheet.xlsx.plain import write_plain
from bpsheet.xlsx.spelling import Lines, resolved, same, text_at
from tests.helpers.samples import draws


def tree(text: str, row: int = 8, column: int = 12) -> object:
    return resolved(Formula(text, row, column), row, column, lambda *cell: cell)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("IF(N8<-709,0,1/(1+EXP(-N8)))", "IF((N8< -709), 0 ,(1/(1+EXP(-(N8)))))"),
        ("INDEX(Data!$B$2:$B$2,C8)", "INDEX(Data!$B$2,C8)"),
        ("INDEX(Data!$B$2:$B$9,C8)", "INDEX('Data'!$B$2:Data!$B$9,C8)"),
        ("1E-07*A1", "0.0000001*A1"),
        ("(A1+B1)+C1", "A1+B1+C1"),
        ("ERF(A1)", "_xlfn.ERF(A1)"),
        ("0.333333333333333*A1", "0.33333333333333331*A1"),
        ("IF(A1>0,TRUE,FALSE)", "IF(A1>0,TRUE(),FALSE())"),
        ("+A1", "A1"),
    ],
)
def test_formulas_that_say_the_same_are_the_same(one, other):
    assert same(tree(one), tree(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A1+(B1+C1)", "A1+B1+C1"),  # the last digit may differ
        ("A1-(B1-C1)", "A1-B1-C1"),
        ("-A1^2", "-(A1^2)"),
        ("TANH(L8)", "TANH(L9)"),
        ("0.5*A1", "0.50000000001*A1"),
        ('IF(A1>0,"a","b")', 'IF(A1>0,"a","c")'),
        ("A1*$B$5", "A1*0.1"),
        ("SUM(A1:B1)", "SUM(A1:C1)"),
        ("A1", "Steps!A1"),
    ],
)
def test_formulas_that_say_something_else_are_not(one, other):
    assert not same(tree(one), tree(other))


@pytest.mark.parametrize(
    "text", ["(" * 500 + "1" + ")" * 500, "+".join(["A1*B1"] * 1300), "1+", "{1,2", ""]
)
def test_no_formula_is_too_deep_or_too_long_to_be_compared(text):
    assert same(tree(text), tree(text))


@draws(100)
@given(
    st.integers(2, 90),
    st.sampled_from(["A{0}+B{1}*$C$5", "SUM(A{1}:B{0})-LOG10(D{0})", 'A{1}&"{{"']),
)
def test_a_formula_filled_down_is_told_by_its_text(row, text):
    """What openpyxl's translator makes of the first one."""
    lines = Lines()
    first = Formula(text.format(row, row - 1), row, 5)
    assert not lines.continues(first, row)
    moved = Formula(text_at(first, row + 1, 5)[1:], row + 1, 5)
    assert lines.continues(moved, row + 1)
    assert not lines.continues(moved._replace(row=row + 2), row + 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("of:=IF([.N8]<-709;0;1/(1+EXP(-[.N8])))", "IF(N8<-709,0,1/(1+EXP(-N8)))"),
        ("of:=INDEX([$Data.$B$2:.$B$9];[.C8])", "INDEX(Data!$B$2:$B$9,C8)"),
        ("of:=['Tom''s; steps'.A1]+1", "'Tom''s; steps'!A1+1"),
        ('of:=IF([.A1];"[.B1];";"")', 'IF(A1,"[.B1];","")'),
        ("of:=[.#REF!]+1", "#REF!+1"),
    ],
)
def test_formulas_of_the_other_format_are_respelled(text, expected):
    assert spelled_for_xlsx(text) == expected


def ods(path, rows: str) -> None:
    content = (
        '<office:document-content xmlns:office="o" xmlns:table="t" xmlns:text="x"><office:body>'
        f'<office:spreadsheet><table:table table:name="S">{rows}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)


def test_repeated_cells_and_rows_are_written_out(tmp_path):
    path = tmp_path / "x.ods"
    cell = '<table:table-cell table:number-columns-repeated="{}" office:value-type="float" office:value="{}"/>'
    empty = '<table:table-cell table:number-columns-repeated="16000"/>'
    ods(
        path,
        f'<table:table-row table:number-rows-repeated="2">{cell.format(2, 7)}{empty}</table:table-row>'
        f'<table:table-row table:number-rows-repeated="1000000">{empty}</table:table-row>'
        "<table:table-row><table:table-cell office:value-type='string'><text:p>a<text:s text:c='2'/>b"
        "</text:p><text:p>c</text:p></table:table-cell></table:table-row>",
    )
    with opened(path, OURS) as package:
        grid = read_ods(package).sheets["S"]
    assert grid.values == {1: [7, 7], 2: [7, 7], 1_000_003: ["a  b\nc"]}


def test_a_few_bytes_do_not_become_millions_of_cells(tmp_path):
    path = tmp_path / "x.ods"
    cell = (
        '<table:table-cell table:number-columns-repeated="16000" office:value-type="float" '
        'office:value="1"/>'
    )
    ods(path, f'<table:table-row table:number-rows-repeated="900">{cell}</table:table-row>')
    with opened(path, OURS) as package, pytest.raises(bp.WorkbookError, match="are repeated"):
        read_ods(package)


def test_a_plain_copy_has_the_formulas_the_numbers_and_nothing_else(tmp_path):
    """Also for cells whose sheets have odd names, and only the sheets that are needed."""
    grid, other = Grid(), Grid()
    shared = Formula("A1*2", 1, 2)
    for row in (1, 2, 3):
        grid.put(row, 1, row / 3)
        grid.put(row, 2, 99, shared)
    grid.put(1, 3, 99, Formula("'It''s <odd>'!A1&\"x\"", 1, 3))
    other.put(1, 1, "text_x0041_ & more")
    contents = Contents("x", {"S": grid, "It's <odd>": other, "not asked": Grid()}, {})
    assert write_plain(contents, tmp_path / "x.xlsx", ["S"], {}) == ["S", "It's <odd>"]
    with opened(tmp_path / "x.xlsx", OURS) as package:
        back = read_xlsx(package)
    assert not back.has_values
    assert back.sheets["It's <odd>"].values == other.values
    for row, column in itertools.product((1, 2, 3), (1, 2, 3)):
        ours, there = grid.formula(row, column), back.sheets["S"].formula(row, column)
        assert (ours and text_at(ours, row, column)) == (there and text_at(there, row, column))
        if ours is None:
            assert back.sheets["S"].value(row, column) == grid.value(row, column)


@pytest.mark.parametrize("area", ["B1:C2", "B1", "B1:XFD1048576", "B1:C", "Other!B1:C2"])
def test_a_plain_copy_has_no_values_where_an_array_formula_fills_cells(tmp_path, area):
    """All of its cells store values. An area that cannot be is no reason to leave out others."""
    grid = Grid()
    for row, column in itertools.product((1, 2), (1, 2, 3)):
        grid.put(row, column, 10.0 * row + column)
    grid.put(1, 2, 12.0, Formula("A1:A2*2", 1, 2, area))
    write_plain(Contents("x", {"S": grid}, {}), tmp_path / "x.xlsx", ["S"], {})
    with opened(tmp_path / "x.xlsx", OURS) as package:
        back = read_xlsx(package).sheets["S"]
    assert back.formula(1, 2).area == area
    kept = [back.value(row, column) for row, column in ((1, 1), (1, 3), (2, 1), (2, 2), (2, 3))]
    assert kept == ([11, None, 21, None, None] if area == "B1:C2" else [11, 13, 21, 22, 23])


def test_what_openpyxl_writes_is_read_as_it_was(tmp_path):
    book = Workbook()
    sheet = book.active
    cells = {"A1": 1, "B1": 0.1, "C1": "a & b", "A2": True, "B2": "#N/A", "AA30": -1e-300}
    for address, value in cells.items():
        sheet[address] = value
    book.save(tmp_path / "x.xlsx")
    with opened(tmp_path / "x.xlsx", OURS) as package:
        grid = read_xlsx(package).sheets["Sheet"]
    for address, value in cells.items():
        cell = sheet[address]
        assert grid.value(cell.row, cell.column) == value
