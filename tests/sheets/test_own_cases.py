"""Cases from people's workbooks: what is read as a spreadsheet reads it, and what is said."""

from __future__ import annotations

import datetime as dt
import io
import subprocess
import time
import zipfile

import openpyxl
import pytest
from openpyxl.utils.datetime import CALENDAR_MAC_1904 as MAC_EPOCH
from openpyxl.utils.datetime import CALENDAR_WINDOWS_1900 as WINDOWS_EPOCH
from openpyxl.utils.datetime import to_excel
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.table import Table

from bpsheet.errors import WorkbookError
from bpsheet.sheets import differentiate_workbook
from tests.helpers.own_values import ours, written
from tests.helpers.samples import spread

HELD = {"A1": 2.0, "A2": 3.0, "A3": 5.0, "B1": 7.0, "B2": 0.3, "B3": 11.0}


def made(tmp_path, formula, parameters=("A1",), cells=None, **how):
    """The derivatives of a formula in H21, over the cells HELD and others."""
    held = {**HELD, **(cells or {})}
    path = written(tmp_path / "own.xlsx", held, [formula])
    return differentiate_workbook(path, "H21", parameters, tmp_path / "out.xlsx", **how)


def of_formulon(path, cell, value, loss="H21"):
    """The loss with another number in a cell, by an engine made after Excel."""
    import formulon

    def place(name):
        return 0, int(name[1:]) - 1, ord(name[0]) - 65

    book = formulon.Workbook.load(path.read_bytes())
    book.set_number(*place(cell), value)
    book.recalc()
    return book.get_value(*place(loss)).number


# With fixed keys, places and conditions: smooth in A1, A2 and B2.
SMOOTH = [
    "=INDEX(A1:B3,2,1)^2+A1", "=SUM(OFFSET(A1,1,0,2,1))^2+A1*B2", "=A1*ROW(A5)+COLUMN(B1)*A2^2",
    "=SUM(A1:A3)/COUNT(A1:A3)*ROWS(A1:A3)", "=A1^2*COUNTA(A1:B3)+A2", '=A1*COUNTIF(B1:B3,">1")+A2^3',
    "=A1*MATCH(7,B1:B3,0)+A2*B2", "=GEOMEAN(A1:B3)", "=HARMEAN(A1:A3)*B2", "=POWER(A1,A2)+B2^2",
    "=STDEV(A1:B3)", "=STDEV.P(A1:B2)", "=VAR(A1:A3)*B2", "=VARP(A1:B2)", "=NORMINV(B2,A1,A2)",
    "=NORMSDIST(B2)*A1+NORMDIST(A1,A2,B3,TRUE)", "=NORMDIST(A1,A2,B3,FALSE)", "=NORMSINV(B2)",
    "=ATAN(A1*B2)+ASIN(B2)+TAN(B2)", "=LOG(A1,A2)+LOG(A2,10)", "=VLOOKUP(11,B1:C3,1,FALSE)*A1",
    "=CHOOSE(2,A1,A2^2)", "=IFERROR(A1/B2,A2)", "=IF(AND(A1>1,OR(A2>9,NOT(B2>9))),A1^2,A2)",
    '=IF(C9="",A1^2,A2)', '=AVERAGEIF(B1:B3,">1",A1:A3)^2', '=SUMIF(B1:B3,"<9",A1:A3)^2',
    "=SUM(A:A)^2", "=SUM((A1,A2:A3))^2", "=MEDIAN(A1:A3)^2", "=LARGE(A1:A3,2)^3", "=DEVSQ(A1:A3)",
    "=PRODUCT(A1:A3)*B2", "=SUMPRODUCT((B1:B3>1)*A1:A3)^2", "=SUMX2MY2(A1:A3,B1:B3)",
    "{=SUM(IF(B1:B3>1,A1:A3^2,0))}", "{=SUM((A1:A3-B1:B3)^2)}", "=MAX(A1:B3)*A1", "=MOD(A1,B2)*A2",
    "=A1%+A2%%", "=--A1^2", "=A1^0+A2*COLUMNS(A1:B1)", "=SUM(A1:INDEX(A1:A3,2))^2",
    '=INDIRECT("A2")^2+A1', "=HLOOKUP(4,A1:B3,3)*A2", "=LOOKUP(4,A1:A3,B1:B3)*A2",
    "=_xlfn.LET(_xlpm.x,A1*B2,_xlpm.y,_xlpm.x^2+A2,_xlpm.y*_xlpm.x)",
    "=_xlfn.LET(_xlpm.f,_xlfn.LAMBDA(_xlpm.x,EXP(-_xlpm.x)),_xlpm.f(A1)+_xlpm.f(_xlpm.f(B2))*A2)",
]  # fmt: skip


STARTS = {"A1": 2.0, "A2": 3.0, "B2": 0.3}


def agrees(tmp_path, text, loss_at):
    """The derivatives are differences of the values that `loss_at` gives."""
    found = made(tmp_path, text, list(STARTS))
    for name, start in STARTS.items():
        step = 1e-4
        values = [loss_at(name, start + by * step) for by in (-2, -1, 1, 2)]
        slope = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * step)
        assert found.gradient[f"Sheet!{name}"] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.sample(2)
@pytest.mark.parametrize("text", spread(SMOOTH, 12))
def test_derivatives_are_differences(tmp_path, text):
    """Of values whose meaning `test_values` holds against another engine."""

    def loss_at(name, value):
        held = {**HELD, name: value}
        (loss,) = ours(written(tmp_path / "moved.xlsx", held, [text]), 1)
        return loss

    agrees(tmp_path, text, loss_at)


@pytest.mark.slow
@pytest.mark.parametrize("text", SMOOTH)
def test_derivatives_are_differences_of_an_engine_made_after_excel(tmp_path, text):
    pytest.importorskip("formulon")
    agrees(tmp_path, text, lambda name, value: of_formulon(tmp_path / "own.xlsx", name, value))


def test_what_has_jumps_and_kinks_is_said_with_its_cell(tmp_path):
    jump = made(tmp_path, "=IF(A1>0,A1,-A1)+A2", cells={"A1": 0.0})
    assert jump.remarks[0].startswith("Sheet!H21: the two sides of a comparison (>) are equal here")
    kink = made(tmp_path, "=MAX(A1,2)")
    assert "there is a kink, and the slope is that of the first" in kink.remarks[0]
    assert kink.gradient["Sheet!A1"] == 1.0
    rounded = made(tmp_path, "=ROUND(A1,1)+A1^2")
    assert rounded.remarks == ("Sheet!H21: ROUND changes by jumps: its slope is taken as 0",)
    assert rounded.gradient["Sheet!A1"] == 4.0
    assert "MOD jumps" in made(tmp_path, "=MOD(A1,3)").remarks[0]
    assert made(tmp_path, "=A1^2").remarks == ()


def test_a_slope_of_0_that_comes_from_steps_is_told_from_no_dependence(tmp_path):
    found = made(tmp_path, "=IF(A1>1,A2,A3)", ["A1:A2", "B1"])
    assert found.steps == ("Sheet!A1",)
    assert found.apart == ("Sheet!B1",)
    assert found.gradient == {"Sheet!A1": 0.0, "Sheet!A2": 1.0, "Sheet!B1": 0.0}


def test_a_plain_formula_takes_one_cell_of_a_range_and_it_is_said(tmp_path):
    path = written(
        tmp_path / "own.xlsx", {"G1": 2.0, "H1": 3.0, "I1": 4.0}, ["=SUM((G1:I1-0.5)^2)"]
    )
    found = differentiate_workbook(path, "H21", ["G1:I1"], tmp_path / "out.xlsx")
    assert found.loss == 6.25
    assert found.gradient == {"Sheet!G1": 0.0, "Sheet!H1": 5.0, "Sheet!I1": 0.0}
    assert "of G1:I1 only H1 counts: this is no array formula" in found.remarks[0]


def test_a_stored_value_that_differs_stops_with_the_cells_name(tmp_path):
    made(tmp_path, "=A1*A2")
    path = tmp_path / "own.xlsx"
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w") as new:
        for info in old.infolist():
            part = old.read(info)
            new.writestr(
                info,
                part.replace(b"</f><v></v>", b"</f><v>41</v>").replace(
                    b"</f><v/>", b"</f><v>41</v>"
                ),
            )
    path.write_bytes(content.getvalue())
    with pytest.raises(
        WorkbookError, match="Sheet!H21: its formula gives 6 here, and the file has 41"
    ):
        differentiate_workbook(path, "H21", ["A1"], tmp_path / "out.xlsx")


def test_a_subtotal_over_hidden_rows_is_refused(tmp_path):
    """It may leave them out."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["B1"] = 2.0, 0.0, "=SUBTOTAL(109,A1:A2)"
    book.save(tmp_path / "shown.xlsx")
    found = differentiate_workbook(tmp_path / "shown.xlsx", "B1", ["A2"], tmp_path / "out.xlsx")
    assert found.gradient == {"Sheet!A2": 1.0}
    sheet.row_dimensions[2].hidden = True
    book.save(tmp_path / "hidden.xlsx")
    with pytest.raises(WorkbookError, match="Sheet!B1: SUBTOTAL is read over rows that are shown"):
        differentiate_workbook(tmp_path / "hidden.xlsx", "B1", ["A2"], tmp_path / "out.xlsx")


def test_all_problems_are_named_at_once_with_their_cells(tmp_path):
    cells = {"C1": "=GAMMA(A1)", "C2": "=BESSELJ(A1,1)", "C3": "=A2*2"}
    with pytest.raises(WorkbookError) as caught:
        made(tmp_path, "=C1+C2+C3", ["A1", "A2"], cells)
    assert "2 problems" in str(caught.value)
    assert "Sheet!C1: the function GAMMA is not known" in str(caught.value)
    assert "Sheet!C2: the function BESSELJ is not known" in str(caught.value)
    with pytest.raises(
        WorkbookError, match=r"(?s)C4: .* it holds 'five'.*C5: .* this cell is empty"
    ):
        made(tmp_path, "=A1", ["C4:C5"], {"C4": "five"})


def test_an_error_in_a_branch_that_is_not_taken_is_no_problem(tmp_path):
    found = made(tmp_path, "=IF(B1>0,A1^2,C1)", cells={"C1": "=1/0"})
    assert found.gradient == {"Sheet!A1": 4.0}
    assert made(tmp_path, "=IF(A1>0,A1^2,C1)", cells={"C1": "=GAMMA(1)"}).gradient == {
        "Sheet!A1": 4.0
    }


def test_names_of_a_sheet_come_first_and_relative_ones_move(tmp_path):
    book = openpyxl.Workbook()
    sheet, other = book.active, book.create_sheet("Other")
    sheet["A1"], sheet["A2"], sheet["A3"], other["A1"] = 2.0, 3.0, 5.0, 100.0
    book.defined_names["rate"] = DefinedName("rate", attr_text="Other!$A$1")
    sheet.defined_names["rate"] = DefinedName("rate", attr_text="Sheet!$A$2")
    book.defined_names["left"] = DefinedName("left", attr_text="Sheet!XFD1")
    book.defined_names["tenth"] = DefinedName("tenth", attr_text="0.1")
    book.defined_names["both"] = DefinedName("both", attr_text="Sheet!$A$1*Sheet!$A$3")
    sheet["B3"], sheet["G3"] = "=A1*rate", "=A3"
    sheet["H3"] = "=B3+left*tenth+both"
    book.save(tmp_path / "own.xlsx")
    found = differentiate_workbook(
        tmp_path / "own.xlsx", "H3", ["A1:A3", "Other!A1"], tmp_path / "out.xlsx"
    )
    # 2·3 + 5·0.1 + 2·5: `left` is G3, and the rate is the sheet's own.
    assert found.loss == 16.5
    assert found.gradient == {
        "Sheet!A1": 8.0, "Sheet!A2": 2.0, "Sheet!A3": 2.1, "Other!A1": 0.0,
    }  # fmt: skip


def test_sheets_whose_names_end_alike_are_kept_apart(tmp_path):
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Sheet1"
    second = book.create_sheet("d Sheet1")
    first["A1"], second["A1"] = 2.0, 5.0
    first["B1"] = "='d Sheet1'!A1^2*A1"
    book.save(tmp_path / "own.xlsx")
    found = differentiate_workbook(
        tmp_path / "own.xlsx", "Sheet1!B1", ["Sheet1!A1", "'d Sheet1'!A1"], tmp_path / "out.xlsx"
    )
    assert found.gradient == {"Sheet1!A1": 25.0, "d Sheet1!A1": 20.0}
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Gradient"]
    assert [sheet[f"E{row}"].value for row in (8, 9)] == [
        "='d Sheet1'!$A$1^2", "='Sheet1'!$A$1*(2*'d Sheet1'!$A$1)",
    ]  # fmt: skip


def test_tables_are_known_by_their_columns(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [("x", "y", "e"), (1.0, 2.0, None), (2.0, 5.0, None), (3.0, 7.0, None)]:
        sheet.append(row)
    sheet["F1"] = 0.5
    for row in (2, 3, 4):
        sheet[f"C{row}"] = "=([@y]-$F$1*Data[[#This Row],[x]])^2"
    sheet.add_table(Table(displayName="Data", ref="A1:C4"))
    sheet["H1"] = "=SUM(Data[e])/ROWS(Data)"
    book.save(tmp_path / "own.xlsx")
    found = differentiate_workbook(tmp_path / "own.xlsx", "H1", ["F1"], tmp_path / "out.xlsx")
    errors = [(2 - 0.5, 1), (5 - 1, 2), (7 - 1.5, 3)]
    assert found.loss == pytest.approx(sum(e * e for e, _ in errors) / 3)
    assert found.gradient["Sheet!F1"] == pytest.approx(sum(-2 * e * x for e, x in errors) / 3)


DATE = dt.datetime(2020, 1, 5)  # noqa: DTZ001 - a spreadsheet's dates know no time zones
# Over a date in A1, 3 and 5 below it, 0.5, 2 and -1 in B, and a table with x = 3 and y = 4.
DATED = {
    "=A1*A2^2": lambda date: 9 * date,
    "=SUM(A:A)*A2": lambda date: 3 * (date + 8),
    "=SUMPRODUCT(A:A,B:B)": lambda date: date / 2 + 1,
    "=SUM(Data[x]*Data[y])*A2": lambda _: 36,
    "=A2*COUNT(A:A)": lambda _: 9,
}


def dated(tmp_path, formula, *, iso, epoch):
    book = openpyxl.Workbook(iso_dates=iso)
    book.epoch = epoch
    sheet = book.active
    for row in [(DATE, 0.5), (3.0, 2.0), (5.0, -1.0)]:
        sheet.append(row)
    sheet["E1"], sheet["F1"], sheet["E2"], sheet["F2"] = "x", "y", 3.0, 4.0
    sheet.add_table(Table(displayName="Data", ref="E1:F2"))
    sheet["H1"] = formula
    book.save(path := tmp_path / "own.xlsx")
    return path


@pytest.mark.sample(8)
@pytest.mark.parametrize("formula", DATED)
@pytest.mark.parametrize("epoch", [WINDOWS_EPOCH, MAC_EPOCH])
def test_dates_whole_columns_and_tables_are_worth_what_they_are_in_excel(tmp_path, formula, epoch):
    """A date counts its days from 1900 or from 1904, as the workbook says, however it is stored."""
    for iso in (True, False):
        path = dated(tmp_path, formula, iso=iso, epoch=epoch)
        found = differentiate_workbook(path, "H1", ["A2:A3"], tmp_path / "out.xlsx")
        assert found.loss == pytest.approx(DATED[formula](to_excel(DATE, epoch)), rel=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("formula", DATED)
@pytest.mark.parametrize("epoch", [WINDOWS_EPOCH, MAC_EPOCH])
def test_an_engine_made_after_excel_gives_the_same_for_dates(tmp_path, formula, epoch):
    formulon = pytest.importorskip("formulon")
    path = dated(tmp_path, formula, iso=False, epoch=epoch)
    found = differentiate_workbook(path, "H1", ["A2:A3"], tmp_path / "out.xlsx")
    other = formulon.Workbook.load(path.read_bytes())
    other.recalc()
    assert found.loss == pytest.approx(other.get_value(0, 0, 7).number, rel=1e-14)


def test_an_array_formula_larger_than_its_range_fills_the_range_only(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (1, 2, 3):
        sheet[f"A{row}"] = float(row)
    sheet["B1"] = ArrayFormula("B1:B2", "=A1:A3^2")
    sheet["D1"] = "=SUM(B1:B3)"
    book.save(tmp_path / "own.xlsx")
    found = differentiate_workbook(tmp_path / "own.xlsx", "D1", ["A1:A3"], tmp_path / "out.xlsx")
    assert found.loss == 5.0
    assert found.gradient == {"Sheet!A1": 2.0, "Sheet!A2": 4.0, "Sheet!A3": 0.0}


def test_ascent_steps_towards_a_larger_loss(tmp_path):
    for ascent, step in ((False, -0.4), (True, 0.4)):
        made(tmp_path, "=A1^2", ascent=ascent)
        sheet = openpyxl.load_workbook(tmp_path / "out.xlsx", data_only=True)["Gradient"]
        assert sheet["F8"].value == pytest.approx(step)
        assert sheet["G8"].value == pytest.approx(2 + step)


def repacked(path, target, **parts):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            change = parts.get(info.filename.rpartition("/")[2].partition(".")[0])
            new.writestr(info, change(old.read(info)) if callable(change) else old.read(info))
        for name, content in parts.items():
            if not callable(content):
                new.writestr(name.replace("__", "/") + ".bin", content)
    return target


def test_macros_are_kept_in_the_copy(tmp_path):
    made(tmp_path, "=A1^2")
    path = repacked(tmp_path / "own.xlsx", tmp_path / "own.xlsm", xl__vbaProject=b"Sub x()")
    found = differentiate_workbook(path, "H21", ["A1"], tmp_path / "out.xlsm")
    assert found.gradient == {"Sheet!A1": 4.0}
    with zipfile.ZipFile(tmp_path / "out.xlsm") as copy:
        assert copy.read("xl/vbaProject.bin") == b"Sub x()"


def test_fonts_of_a_newer_program_do_not_matter(tmp_path):
    """openpyxl counts them wrongly and stops."""
    made(tmp_path, "=A1^2")

    def newer(part):
        extra = b'<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="x"><font/></mc:Choice></mc:AlternateContent>'
        return part.replace(b"</fonts>", extra + b"</fonts>").replace(b'xfId="0"', b'xfId="900"')

    path = repacked(tmp_path / "own.xlsx", tmp_path / "new.xlsx", styles=newer)
    assert differentiate_workbook(path, "H21", ["A1"], tmp_path / "two.xlsx").gradient == {
        "Sheet!A1": 4.0
    }


@pytest.mark.slow
def test_an_ods_workbook_gets_a_copy_that_libreoffice_computes_alike(tmp_path, libreoffice):
    made(tmp_path, "=SUMPRODUCT((A1:A3-B1:B3)^2)", ["A1:A3"])
    profile = (tmp_path / "profile").as_uri()

    def converted(name, kind, folder):
        subprocess.run(
            [libreoffice, f"-env:UserInstallation={profile}", "--headless", "--convert-to", kind,
             "--outdir", str(folder), str(tmp_path / name)],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip

    converted("own.xlsx", "ods", tmp_path)
    found = differentiate_workbook(tmp_path / "own.ods", "H21", ["A1:A3"], tmp_path / "copy.ods")
    assert found.gradient == {"Sheet!A1": -10.0, "Sheet!A2": pytest.approx(5.4), "Sheet!A3": -12.0}
    converted("copy.ods", "xlsx", tmp_path / "back")
    sheet = openpyxl.load_workbook(tmp_path / "back" / "copy.xlsx")["Gradient"]
    assert sheet["E8"].value.startswith("=2*")
    values = openpyxl.load_workbook(tmp_path / "back" / "copy.xlsx", data_only=True)["Gradient"]
    assert values["E8"].value == pytest.approx(-10)


def regression(path, rows):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet["F1"], sheet["F2"] = 0.5, -0.2
    for row in range(1, rows + 1):
        sheet.cell(row, 1, row / rows)
        sheet.cell(row, 2, (row * 7 % 11) / 11)
        sheet.cell(row, 3, f"=$F$1*A{row}+$F$2")
        sheet.cell(row, 4, f"=(B{row}-C{row})^2")
    sheet["G1"] = f"=SUM(D1:D{rows})/{rows}"
    book.save(path)
    return path


@pytest.mark.slow
def test_a_parameter_of_many_rows_has_a_short_formula_over_ranges(tmp_path):
    path = regression(tmp_path / "own.xlsx", 500)
    found = differentiate_workbook(path, "G1", ["F1:F2"], tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Gradient"]
    assert sheet["E8"].value == "=SUMPRODUCT($E$512:$E$1011*'Sheet'!$A$1:$A$500)"
    assert sheet["E9"].value == "=SUM($E$512:$E$1011)"
    errors = [((r * 7 % 11) / 11 - (0.5 * r / 500 - 0.2), r / 500) for r in range(1, 501)]
    expected = sum(-2 * e * x for e, x in errors) / 500
    assert found.gradient["Sheet!F1"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_a_hundred_thousand_cells_take_seconds(tmp_path):
    path = regression(tmp_path / "own.xlsx", 25_000)
    start = time.process_time()
    differentiate_workbook(path, "G1", ["F1:F2"], tmp_path / "out.xlsx")
    assert time.process_time() - start < 20


def test_gnumeric_shows_the_sheet(tmp_path):
    """Without its values: Gnumeric computes them."""
    import shutil

    program = shutil.which("ssconvert")
    if program is None:
        pytest.skip("Gnumeric's ssconvert is not installed")
    made(tmp_path, "=A1^2*B1")
    subprocess.run(
        [program, "--recalc", "-O", "sheet=Gradient", str(tmp_path / "out.xlsx"),
         str(tmp_path / "out.txt"), "-T", "Gnumeric_stf:stf_assistant"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    assert "Sheet!A1,parameter,,2,28,-2.8" in (tmp_path / "out.txt").read_text().replace('"', "")
