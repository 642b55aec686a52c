"""Derivatives for somebody's own workbook, against differences taken by another engine."""

from __future__ import annotations

import zipfile
from itertools import pairwise

import ironcalc
import numpy as np
import openpyxl
import pytest
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula

import bpsheet as bp
from bpsheet.errors import OutputError, WorkbookError
from bpsheet.sheets import differentiate_workbook
from tests.helpers.own_sheets import regression, saved
from tests.helpers.samples import sampled, spread


def logistic(book):
    """A logistic regression by SUMPRODUCT and LN."""
    sheet = book.active
    for column, value in zip("ABC", (0.3, -0.8, 1.2), strict=True):
        sheet[f"{column}1"] = value
    data = [(1, 0.5, -1, 1), (1, -0.7, 2, 0), (1, 1.4, 0.3, 1)]
    for row, values in enumerate(data, start=3):
        for column, value in zip("ABCD", values, strict=True):
            sheet[f"{column}{row}"] = value
        sheet[f"E{row}"] = f"=1/(1+EXP(-SUMPRODUCT($A$1:$C$1,A{row}:C{row})))"
        sheet[f"F{row}"] = f"=-(D{row}*LN(E{row})+(1-D{row})*LN(1-E{row}))"
    sheet["H1"] = "=AVERAGE(F3:F5)"
    return "H1", ["A1:C1"]


def matrices(book):
    """Two layers by MMULT and TRANSPOSE in array formulas."""
    sheet = book.active
    for row, values in enumerate([(0.2, -0.5), (0.7, 0.1), (-0.3, 0.4)], start=1):
        sheet[f"A{row}"], sheet[f"B{row}"] = values
    for column, value in zip("DEF", (0.6, -0.9, 0.3), strict=True):
        sheet[f"{column}1"] = value
    sheet["H1"], sheet["I1"] = 1.5, -0.4
    sheet["J1"] = ArrayFormula("J1:J3", "=TANH(MMULT(A1:B3,TRANSPOSE(H1:I1)))")
    sheet["L1"] = ArrayFormula("L1", "=SUM(MMULT(D1:F1,J1:J3))")
    sheet["L2"] = "=(L1-0.7)^2"
    return "L2", ["A1:B3", "D1:F1"]


def two_sheets(book):
    """A shared parameter used on two sheets, one with a quoted name."""
    first = book.active
    first.title = "My model"
    other = book.create_sheet("Second 'a' part")
    first["A1"], first["A2"] = 0.8, -0.3
    other["B2"] = "='My model'!A1^2+'My model'!$A$2"
    first["C1"] = "=A1*'Second ''a'' part'!B2+A2"
    first["C2"] = "=(C1-2)^2*A1"
    return "'My model'!C2", ["'My model'!A1", "'My model'!A2"]


def choices(book):
    """IF, MAX, MIN and ABS, away from their kinks."""
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["A3"] = 0.7, -1.3, 0.2
    sheet["B1"] = "=MAX(0,A1*2-A3)+MAX(0,A2)"
    sheet["B2"] = "=IF(A1>A2,A1*A2,A2^3)"
    sheet["B3"] = "=ABS(A2)*MIN(A1:A3,5)"
    sheet["C1"] = "=B1+B2*B3"
    return "C1", ["A1:A3"]


def powers(book):
    """LOG10, LOG with a base, POWER, SQRT, PI, percent, and a spreadsheet's signs."""
    sheet = book.active
    sheet["A1"], sheet["A2"] = 1.7, 2.3
    sheet["B1"] = "=LOG10(A1)+LOG(A2,2)+LOG(A1*A2)"
    sheet["B2"] = "=POWER(A1,3)+A2^A1+SQRT(A1*A2)"
    sheet["B3"] = "=-A1^2+2^3^0.5*A2+PI()*SIN(A1)*COS(A2)+50%*A2"
    sheet["C1"] = "=B1*B2/B3"
    return "C1", ["A1:A2"]


def chain(book):
    """Three thousand cells, one on another."""
    sheet = book.active
    sheet["A1"] = 0.9
    sheet["A2"] = "=A1*1.5"
    for row in range(3, 3001):
        sheet[f"A{row}"] = f"=0.999*A{row - 1}+0.0005*$A$1"
    sheet["B1"] = "=A3000^2"
    return "B1", ["A1"]


def named(book):
    """Names for cells and ranges; blanks and texts that SUM leaves out."""
    sheet = book.active
    sheet["A1"], sheet["A2"], sheet["A3"], sheet["A4"] = "weights", 0.4, None, -0.9
    sheet["A5"] = 1.1
    book.defined_names["weights"] = DefinedName("weights", attr_text="Sheet!$A$1:$A$5")
    book.defined_names["bias"] = DefinedName("bias", attr_text="Sheet!$A$5")
    sheet["B1"] = "=SUM(weights)*bias+AVERAGE(weights)^2"
    return "B1", ["A2", "A4", "bias"]


def softmax(book):
    """A softmax and its cross-entropy, with a constant target."""
    sheet = book.active
    for row, (z, t) in enumerate([(0.5, 0), (-1.2, 1), (0.9, 0)], start=1):
        sheet[f"A{row}"], sheet[f"D{row}"] = z, t
        sheet[f"B{row}"] = f"=EXP(A{row}-MAX($A$1:$A$3))"
        sheet[f"C{row}"] = f"=B{row}/SUM($B$1:$B$3)"
        sheet[f"F{row}"] = f"=LN(C{row})"
    sheet["E1"] = "=-SUMPRODUCT(D1:D3,F1:F3)"
    return "E1", ["A1:A3"]


def product(book):
    """PRODUCT, TANH and arithmetic on ranges inside SUMPRODUCT."""
    sheet = book.active
    for row, (a, b) in enumerate([(0.5, 2), (-0.7, 1), (1.3, -1)], start=1):
        sheet[f"A{row}"], sheet[f"B{row}"] = a, b
    sheet["C1"] = "=PRODUCT(A1:A3)+SUMPRODUCT((A1:A3-B1:B3)^2)"
    sheet["C2"] = "=TANH(C1/10)"
    return "C2", ["A1:A3"]


OWN = [regression, logistic, matrices, two_sheets, choices, powers, chain, named, softmax, product]


class Engine:
    """A workbook in ironcalc: type a number, read a cell."""

    def __init__(self, path):
        self.model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
        self.sheets = openpyxl.load_workbook(path, read_only=True).sheetnames
        self.model.evaluate()

    def _place(self, name):
        sheet, _, cell = name.rpartition("!")
        letters, row = coordinate_from_string(cell)
        return self.sheets.index(sheet), row, column_index_from_string(letters)

    def read(self, name):
        return self.model.get_cell_value(*self._place(name))

    def type(self, name, value):
        self.model.update_cell_with_number(*self._place(name), value)
        self.model.evaluate()


def rows_of(path, title="Gradient"):
    """The row of the new sheet for each cell."""
    sheet = openpyxl.load_workbook(path)[title]
    return {sheet[f"A{row}"].value: row for row in range(8, sheet.max_row + 1)}


def differences(engine, loss, names, step=1e-4):
    found = []
    for name in names:
        middle = engine.read(name)
        values = []
        for by in (-2, -1, 1, 2):
            engine.type(name, middle + by * step)
            values.append(engine.read(loss))
        engine.type(name, middle)
        far, near = values[3] - values[0], values[2] - values[1]
        found.append((8 * near - far) / (12 * step))
    return np.array(found)


def agrees(out, loss, names):
    """The derivatives on the sheet, recalculated, are the engine's own differences."""
    engine, rows = Engine(out), rows_of(out)
    for moved in (0.0, 1 / 64):
        for name in names:
            engine.type(name, engine.read(name) + moved)
        live = np.array([engine.read(f"Gradient!E{rows[name]}") for name in names])
        expected = differences(engine, loss, names)
        scale = max(np.abs(expected).max(), 1e-3)
        np.testing.assert_allclose(live, expected, rtol=1e-7, atol=1e-8 * scale)
        for name in names:
            after = engine.read(f"Gradient!G{rows[name]}")
            slope = engine.read(f"Gradient!E{rows[name]}")
            assert after == pytest.approx(engine.read(name) - 0.1 * slope, rel=1e-14)


@pytest.mark.sample(7)
@pytest.mark.parametrize(
    "make",
    sampled(OWN, *(make for make in OWN if make is not chain)),
    ids=lambda make: make.__name__,
)
def test_the_derivatives_are_the_engines_own_differences(tmp_path, make):
    """As the workbook was, and after every parameter was moved."""
    path, loss, parameters = saved(make, tmp_path)
    made = differentiate_workbook(path, loss, parameters, tmp_path / "out.xlsx")
    full = next(name for name in rows_of(made.path) if name.endswith(f"!{loss.split('!')[-1]}"))
    assert made.apart == ()
    agrees(made.path, full, list(made.gradient))


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("template", "row"), spread([("two-neuron", 8), ("book-xor", 8), ("two-neuron", 11)], 1)
)
def test_the_books_tabs_get_the_gradient_that_stands_beside_them(
    tmp_path, made, traced, template, row
):
    """From the forward formulas alone; also through the updates of three iterations."""
    path = made(template, "book", 30)
    sheet = openpyxl.load_workbook(path)["Steps"]
    heads = {cell.value: cell.column_letter for cell in sheet[7] if cell.value}
    names = list(traced(template, 30).weights.columns)
    places = [f"Steps!{heads[name]}8" for name in names]
    loss = f"Steps!{heads['MSE']}{row}"
    out = differentiate_workbook(path, loss, places, tmp_path / "out.xlsx")
    if row == 8:
        first = traced(template, 30).frame.loc[1]
        found = [out.gradient[place] for place in places]
        np.testing.assert_allclose(found, [first[f"dMSE / d{n}"] for n in names], rtol=1e-12)
    agrees(out.path, loss, places)


@pytest.mark.slow
def test_everything_else_in_the_copy_is_byte_for_byte_what_it_was(tmp_path, made):
    path = made("two-neuron", "full", 30)
    out = differentiate_workbook(path, "Steps!L8", ["Steps!G8:K8"], tmp_path / "out.xlsx").path
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(out) as after:
        changed = {n for n in before.namelist() if before.read(n) != after.read(n)}
        assert changed <= {
            "[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml",
        }  # fmt: skip
        assert set(after.namelist()) - set(before.namelist()) == {"xl/worksheets/bpsheet1.xml"}
    again = differentiate_workbook(out, "Steps!L8", ["Steps!G8"], tmp_path / "two.xlsx")
    assert again.sheet == "Gradient 2"


def test_values_are_stored_with_the_formulas(tmp_path):
    path, loss, parameters = saved(regression, tmp_path)
    out = differentiate_workbook(path, loss, parameters, tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(out.path, data_only=True)["Gradient"]
    row = rows_of(out.path)["Sheet!F1"]
    assert sheet[f"E{row}"].value == out.gradient["Sheet!F1"]
    assert sheet[f"D{row}"].value == 0.5


def broken(text, **cells):
    def make(book):
        sheet = book.active
        sheet["A1"] = 2.0
        for place, value in cells.items():
            sheet[place] = value
        sheet["B1"] = text
        return "B1", ["A1"]

    return make


@pytest.mark.sample(21)
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (broken("=GAMMA(A1)"), "Sheet!B1: the function GAMMA is not known here"),
        (broken("=VLOOKUP(A1,C1:D3,2)"), "Sheet!B1: its value is #N/A"),
        (broken("=A1+C1", C1="=B1"), "depends on itself"),
        (broken("=A1+C1", C1="five"), "Sheet!C1: it holds 'five', which is no number"),
        (broken("=A1*Z"), "Sheet!B1: Z is neither a cell nor a plain range nor the name of one"),
        (broken("=A1*Other!C1"), "Sheet!B1: there is no sheet 'Other'"),
        (broken("=A1/(A1-2)"), "Sheet!B1: its value is #DIV/0!"),
        (broken("=[1]Sheet!A1*A1"), "is in another workbook"),
        (broken("=A1*A2:A3"), "a range stands where a single value is expected"),
        (broken("=SUM(A1"), "Sheet!B1: a closing parenthesis is missing"),
        (broken("=C1*2", C1=3), "no formula leads there from Sheet!A1"),
        (broken('=A1&"x"'), "Sheet!B1: a number is expected there; it holds '2x'"),
        (broken("=SUM(A1#)*A1"), "# stands for all cells that a formula fills"),
        (broken("=_xlfn.LET(_xlpm.x,A1)"), "LET takes names, each with its value"),
        (broken("=_xlfn.LET(_xlpm.x,,A1)"), "LET takes a value for each name"),
        (broken("=_xlfn.LET(2,A1,A1)"), "LET expects a name there"),
        (broken("=_xlfn.LAMBDA(_xlpm.x,_xlpm.x)(A1,2)"), "LAMBDA takes 1 values; 2 are given"),
        (
            broken("=LET(f,LAMBDA(g,g(g)),A1*f(f))"),
            "functions of LAMBDA are more than 20 deep in each other",
        ),
        (
            broken(
                "=LET(a,A1,"
                + "".join(f"{n},{o}+{o}," for o, n in pairwise("abdefghijklmopq"))
                + "q)"
            ),
            "with its names written out it has more than 5,000 parts",
        ),
        (broken("=SUM(A1)(2)*A1"), "a function that SUM gives is not known here"),
        (
            broken("=SUM(_xlfn.MAP(A1,_xlfn.LAMBDA(_xlpm.x,2)))"),
            "the function MAP is not known here",
        ),
        (broken("=YEAR(A1)"), "the function YEAR is not known here"),
        (broken("=A1;2"), "Sheet!B1: ';' cannot stand there"),
        (broken("=" + "(" * 80 + "A1" + ")" * 80), "nested more than 64 levels deep"),
        (broken("=A1*2", A1="=3"), "this cell has a formula without a stored value"),
    ],
)
def test_what_cannot_be_differentiated_is_named_with_its_cell(tmp_path, make, said):
    path, loss, parameters = saved(make, tmp_path)
    with pytest.raises(WorkbookError) as caught:
        differentiate_workbook(path, loss, parameters, tmp_path / "out.xlsx")
    assert said in str(caught.value)
    assert not (tmp_path / "out.xlsx").exists()


@pytest.mark.slow
def test_a_look_up_beside_the_way_is_a_constant_and_on_it_differentiated(tmp_path, made):
    """The layout full looks its data up with INDEX: its stored value is a constant."""
    path = made("two-neuron", "full", 30)
    out = differentiate_workbook(path, "Steps!L8", ["Steps!G8:K8"], tmp_path / "out.xlsx")
    agrees(out.path, "Steps!L8", list(out.gradient))
    out = differentiate_workbook(path, "Steps!L8", ["Data!B2"], tmp_path / "data.xlsx")
    agrees(out.path, "Steps!L8", list(out.gradient))


def test_a_parameter_with_a_formula_is_taken_as_if_it_were_typed_and_it_is_said(tmp_path, made):
    """The weights of the second iteration are formulas."""
    path = made("two-neuron", "full", 30)
    out = differentiate_workbook(path, "Steps!L9", ["Steps!G9:K9"], tmp_path / "out.xlsx")
    agrees(out.path, "Steps!L9", list(out.gradient))
    assert [said.partition(":")[0] for said in out.remarks] == [f"Steps!{c}9" for c in "GHI"]
    assert "its value is taken as if it were typed" in out.remarks[0]


def test_a_parameter_that_the_loss_does_not_use_is_said(tmp_path):
    path, loss, _ = saved(broken("=A1^2", A2=7.0), tmp_path)
    out = differentiate_workbook(path, loss, ["A1:A2"], tmp_path / "out.xlsx")
    assert out.apart == ("Sheet!A2",)
    assert out.gradient == {"Sheet!A1": 4.0, "Sheet!A2": 0.0}


def test_names_of_files_and_cells_that_do_not_fit_are_refused(tmp_path):
    path, loss, parameters = saved(regression, tmp_path)
    with pytest.raises(OutputError, match="is the workbook itself"):
        differentiate_workbook(path, loss, parameters, path)
    with pytest.raises(OutputError, match=r"ends in \.xlsx"):
        differentiate_workbook(path, loss, parameters, tmp_path / "out.csv")
    with pytest.raises(WorkbookError, match="loss: one cell expected; got A1:A2"):
        differentiate_workbook(path, "A1:A2", parameters, tmp_path / "out.xlsx")
    with pytest.raises(WorkbookError, match="parameters: Z is neither a cell"):
        differentiate_workbook(path, loss, ["Z"], tmp_path / "out.xlsx")
    for rate in (float("nan"), float("inf"), 1e300):
        with pytest.raises(WorkbookError, match="rate: a number below 1e"):
            differentiate_workbook(path, loss, parameters, tmp_path / "out.xlsx", rate)
    with pytest.raises(WorkbookError, match="no such file"):
        differentiate_workbook(tmp_path / "none.xlsx", loss, parameters, tmp_path / "out.xlsx")
    (tmp_path / "text.xlsx").write_text("not a workbook")
    with pytest.raises(bp.BpsheetError):
        differentiate_workbook(tmp_path / "text.xlsx", loss, parameters, tmp_path / "out.xlsx")


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_opens_it_and_computes_the_same(tmp_path):
    """With the stored values of the new sheet taken out, so that it must compute them."""
    import re
    import subprocess

    path, loss, parameters = saved(two_sheets, tmp_path)
    out = differentiate_workbook(path, loss, parameters, tmp_path / "out.xlsx")
    bare = tmp_path / "bare.xlsx"
    with zipfile.ZipFile(out.path) as old, zipfile.ZipFile(bare, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename.startswith("xl/worksheets/"):
                content = re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", content)
            new.writestr(info, content)
    folder = tmp_path / "converted"
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        ["soffice", f"-env:UserInstallation={profile}", "--headless", "--convert-to", "xlsx",
         "--outdir", str(folder), str(bare)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    sheet = openpyxl.load_workbook(folder / "bare.xlsx", data_only=True)["Gradient"]
    for name, row in rows_of(out.path).items():
        if name in out.gradient:
            assert sheet[f"E{row}"].value == pytest.approx(out.gradient[name], rel=1e-13)
