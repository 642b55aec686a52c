"""Planted faults are found, edited inputs are taken as they stand, other files are refused."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

import bpsheet as bp
from bpsheet.verifying import Report, verify
from bpsheet.workbook import layout_of
from tests.conftest import DATA_PART, STEPS_PART, cell_xml
from tests.helpers.samples import sampled

STAGES = ("stored values", "recalculated", "recalculated with changes")


def wrong_in(report: Report) -> dict[str, tuple[str, ...]]:
    """The comparisons that failed, and what they say."""
    return {c.what: c.wrong for c in report.comparisons if not c.passed}


def cells_in(report: Report, stage: str) -> list[str]:
    return [line.split(" ")[0] for line in wrong_in(report).get(stage, ())]


def with_value(text: str) -> Callable[[str], str]:
    """The cell with another stored value."""
    return lambda xml: re.sub(r"<v>[^<]*</v>", f"<v>{text}</v>", xml)


def with_formula(text: str) -> Callable[[str], str]:
    """The cell with a formula of its own instead of its shared one, its value as it was."""
    return lambda xml: re.sub(r"<f[^>]*/>|<f[^>]*>[^<]*</f>", f"<f>{text}</f>", xml)


def without_formula(xml: str) -> str:
    """The cell with its value typed in."""
    return re.sub(r"<f[^>]*/>|<f[^>]*>[^<]*</f>", "", xml)


def as_error(xml: str) -> str:
    return with_value("#NUM!")(re.sub(r'( t="[a-z]+")?>', ' t="e">', xml, count=1))


@pytest.fixture
def book(made) -> Path:
    """Two neurons in the layout book, ten rows."""
    return made("two-neuron", "book", 10)


# Nothing wrong


@pytest.mark.parametrize("kind", ["full", "book"])
def test_a_workbook_as_written_passes(made, traced, kind):
    report = verify(made("two-neuron", kind, 10))
    assert report.passed
    assert report.engine == "ironcalc"
    assert tuple(c.what for c in report.comparisons) == STAGES
    cells = 10 * len(layout_of(traced("two-neuron", 10), kind).shown)
    assert {c.cells for c in report.comparisons} == {cells}
    assert [c.tolerance for c in report.comparisons] == [1e-12, 1e-12, 1e-10]


def test_every_weight_the_learning_rate_and_every_example_are_changed(book):
    weights = {"w_xg0": 0.3, "w_xg1": 0.6, "w_xg2": -0.1, "w_gf0": -0.2, "w_gf1": 0.5}
    before = {**weights, "learning_rate": 0.1, "x1[1]": -0.9, "x2[1]": 0.1, "y[1]": 1.0}
    changes = verify(book).changes
    assert changes.keys() == before.keys()
    assert all(changes[name] != value for name, value in before.items())


def test_the_file_is_left_as_it_is(book):
    before = book.read_bytes()
    verify(book)
    assert book.read_bytes() == before


# Wrong formulas


def test_a_wrong_formula_for_a_whole_column_is_found(book, edit):
    """One master of a shared formula is wrong, so every row of it is; values are right."""
    path = edit(book, {"K8": lambda xml: xml.replace(">0.5*", ">0.25*")})
    report = verify(path)
    assert set(wrong_in(report)) == {"recalculated", "recalculated with changes"}
    assert cells_in(report, "recalculated") == [f"K{row}" for row in range(8, 18)]


def test_a_wrong_formula_in_one_cell_is_found(book, edit):
    report = verify(edit(book, {"M12": with_formula("J12*(1+J12)")}))
    found = cells_in(report, "recalculated")
    assert {"M12", "N12", "G13"} <= set(found)
    assert {int(cell[1:]) for cell in found} == set(range(12, 18))


def test_a_small_error_in_a_formula_is_found(book, edit):
    report = verify(edit(book, {"K12": with_formula("0.50000000001*(C12-J12)^2")}))
    assert cells_in(report, "recalculated") == ["K12"]


def test_a_formula_that_is_right_only_until_something_changes_is_found(book, edit, traced):
    loss = float(traced("two-neuron", 10).frame.loc[5, "MSE"])
    report = verify(edit(book, {"K12": with_formula(f"{loss!r}+0*J12")}))
    assert cells_in(report, "recalculated with changes") == ["K12"]
    assert set(wrong_in(report)) == {"recalculated with changes"}


def test_a_number_typed_over_a_formula_is_found(book, edit):
    """Even though the number is the right one: its formula is missing."""
    report = verify(edit(book, {"K12": without_formula}))
    assert cells_in(report, "recalculated") == ["K12"]
    assert "K12 (MSE): no formula there" in wrong_in(report)["recalculated"][0]


@pytest.mark.parametrize("place", sampled(["A12", "B12", "C12", "D12", "E12"], "A12", "D12"))
def test_a_number_typed_over_a_formula_that_never_changes_is_found(made, edit, place):
    """The iteration's number, the epoch, the example and its data are formulas too."""
    report = verify(edit(made("two-neuron", "full", 10), {place: without_formula}))
    assert cells_in(report, "recalculated") == [place]


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_a_number_typed_over_a_formula_is_found_by_libreoffice(made, edit):
    """E12 is the second input, whose value no change of other cells would show to be typed."""
    path = edit(made("two-neuron", "full", 10), {"E12": without_formula})
    report = verify(path, "libreoffice")
    assert any("E12" in cells_in(report, stage) for stage in STAGES)


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_a_wrong_formula_is_found_by_libreoffice(book, edit):
    path = edit(book, {"K12": with_formula("0.25*(C12-J12)^2")})
    before = path.read_bytes()
    report = verify(path, "libreoffice")
    assert cells_in(report, "recalculated") == ["K12"]
    assert "stored values" not in wrong_in(report)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".~lock*"))


# Every reference of a formula, replaced by the number that stands there.
REFERENCES = [
    (letter, reference)
    for letter, references in {
        "D": ["D11", "V11"],
        "H": ["H11", "Z11"],
        "I": ["D12", "A12", "E12", "B12", "F12"],
        "J": ["G12", "I12", "H12"],
        "K": ["J12"],
        "L": ["J12"],
        "M": ["J12"],
        "N": ["L12", "M12"],
        "O": ["I12"],
        "P": ["N12", "H12", "O12"],
        "Q": ["P12"],
        "R": ["P12", "A12"],
        "S": ["P12", "B12"],
        "T": ["N12"],
        "U": ["N12", "I12"],
        "V": ["$B$5", "Q12"],
        "Z": ["$B$5", "U12"],
    }.items()
    for reference in references
]


@pytest.mark.parametrize(("letter", "reference"), sampled(REFERENCES, *REFERENCES[::4]))
def test_a_number_in_place_of_a_reference_is_found(book, edit, letter, reference):
    """The formula of one cell no longer follows one of the cells that it should."""
    with zipfile.ZipFile(book) as package:
        content = package.read(STEPS_PART).decode()
    master = cell_xml(content, f"{letter}{9 if letter in 'DEFGH' else 8}")[0]
    text = re.search(r"<f[^>]*>([^<]*)</f>", master)
    stored = re.search(r"<v>([^<]*)</v>", cell_xml(content, reference.replace("$", ""))[0])
    assert text
    assert stored
    down = 3 if letter in "DEFGH" else 4
    here = re.sub(
        r"(?<!\$)\b([A-Z])([0-9]+)", lambda found: f"{found[1]}{int(found[2]) + down}", text[1]
    )
    assert reference in here
    planted = here.replace(reference, f"({stored[1]})")
    report = verify(edit(book, {f"{letter}12": with_formula(planted)}))
    assert "stored values" not in wrong_in(report)
    assert f"{letter}12" in cells_in(report, "recalculated with changes")


# Wrong values


@pytest.mark.parametrize("factor", [1 + 1e-9, 2.0, -1.0])
def test_a_wrong_stored_value_with_the_right_formula_is_found(book, edit, traced, factor):
    value = float(traced("two-neuron", 10).frame.loc[5, "MSE"])
    report = verify(edit(book, {"K12": with_value(repr(value * factor))}))
    assert cells_in(report, "stored values") == ["K12"]
    assert set(wrong_in(report)) == {"stored values"}


def test_a_missing_stored_value_is_found(book, edit):
    report = verify(edit(book, {"K12": lambda xml: re.sub("<v>[^<]*</v>", "", xml)}))
    assert cells_in(report, "stored values") == ["K12"]


def test_words_in_place_of_a_number_are_found(book, edit):
    report = verify(edit(book, {"K12": lambda xml: xml.replace("><f", ' t="str"><f')}))
    assert cells_in(report, "stored values") == ["K12"]


def test_true_in_place_of_a_number_is_found(made, edit):
    """A boolean is no number, even where the number is 1."""
    path = made("one-weight", "full", 4)
    edited = edit(path, {"A8": lambda xml: xml.replace("><v>1<", ' t="b"><v>1<')})
    assert "A8" in cells_in(verify(edited), "stored values")


def test_a_wrong_verdict_is_found(made, edit):
    path = made("book-perceptron", "book")
    edited = edit(path, {"L12": lambda xml: xml.replace("<v>Correct</v>", "<v>Incorrect</v>")})
    report = verify(edited)
    assert wrong_in(report) == {
        "stored values": ("L12 (test 00): Incorrect there, Correct expected",)
    }


def test_another_word_as_verdict_is_found(made, edit):
    path = made("book-perceptron", "book")
    edited = edit(path, {"L12": lambda xml: xml.replace("<v>Correct</v>", "<v>correct</v>")})
    assert cells_in(verify(edited), "stored values") == ["L12"]


def test_an_error_in_place_of_a_number_is_found(book, edit):
    report = verify(edit(book, {"K12": as_error}))
    assert wrong_in(report)["stored values"][0].startswith("K12 (MSE): #NUM! there, 0.1")


def test_a_formula_that_gives_an_error_is_found(book, edit):
    report = verify(edit(book, {"K12": with_formula("1/0")}))
    assert cells_in(report, "recalculated") == ["K12"]


def test_a_number_in_place_of_an_error_is_found(made, edit, traced):
    error = traced("exploding").first_error
    assert error is not None
    place = layout_of(traced("exploding"), "full").by_name[error.column].letter
    place += str(error.iteration + 7)

    def number(xml: str) -> str:
        return with_value("1e300")(xml.replace(' t="e"', ""))

    report = verify(edit(made("exploding"), {place: number}))
    assert cells_in(report, "stored values") == [place]
    assert "an error expected" in wrong_in(report)["stored values"][0]


def test_a_missing_row_is_found(book, edit):
    empty = dict.fromkeys([f"{letter}17" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"], lambda _: "")
    report = verify(edit(book, empty))
    assert len(cells_in(report, "stored values")) == 26


def test_every_wrong_cell_is_told(book, edit):
    """With its name, what is there and what was expected."""
    report = verify(edit(book, {"K12": with_value("7"), "Z17": with_value("8")}))
    first, second = wrong_in(report)["stored values"]
    assert re.fullmatch(r"K12 \(MSE\): 7 there, 0\.1[0-9]+ expected", first)
    assert re.fullmatch(r"Z17 \(delta_w_gf1\): 8 there, -0\.0[0-9]+ expected", second)
    comparison = report.comparisons[0]
    assert comparison.where == "Z17"
    assert comparison.largest == pytest.approx(1, abs=0.01)


# Inputs that somebody has edited

EDITS = {
    "learning rate": ({"B5": with_value("0.25")}, STEPS_PART, {"learning_rate": 0.25}),
    "weight": ({"G8": with_value("0.75")}, STEPS_PART, {"w_xg0": 0.75}),
    "example": ({"B2": with_value("-0.5")}, DATA_PART, {"x1[1]": -0.5}),
    "target": ({"D2": with_value("0.25")}, DATA_PART, {"y[1]": 0.25}),
}


def recalculated(edited: Path, target: Path, changes: dict[str, float]) -> Path:
    """The edited workbook as a spreadsheet would save it: with the values that follow."""
    fresh = bp.load(edited).changed(changes).run().to_excel(target.with_name("fresh.xlsx"))
    with (
        zipfile.ZipFile(edited) as old,
        zipfile.ZipFile(fresh) as new,
        zipfile.ZipFile(target, "w") as package,
    ):
        for info in old.infolist():
            source = new if info.filename in (STEPS_PART, DATA_PART) else old
            package.writestr(info, source.read(info.filename))
    return target


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_input_is_taken_as_it_stands(made, edit, tmp_path, what):
    """Changed in a spreadsheet, which recalculated and saved: nothing is wrong with that."""
    cells, part, changes = EDITS[what]
    edited = edit(made("two-neuron", "full", 10), cells, part)
    path = recalculated(edited, tmp_path / "saved.xlsx", changes)
    assert wrong_in(verify(path)) == {}


@pytest.mark.parametrize("what", EDITS)
def test_values_that_do_not_follow_an_edited_input_are_found(made, edit, what):
    """Edited by something that did not recalculate: stored values are stale, formulas right."""
    cells, part, _ = EDITS[what]
    report = verify(edit(made("two-neuron", "full", 10), cells, part))
    assert set(wrong_in(report)) == {"stored values"}


@pytest.mark.usefixtures("libreoffice")
def test_a_workbook_edited_and_saved_by_libreoffice_passes(made, edit, tmp_path, libreoffice):
    path = made("two-neuron", "full", 10)
    path = edit(edit(path, EDITS["weight"][0]), EDITS["example"][0], DATA_PART)
    for place in ("x", "profile"):
        (tmp_path / place).mkdir()
    # LibreOffice trusts stored values: without them it calculates.
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bare.xlsx", "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == STEPS_PART:
                content = re.sub(rb"(</f>|<f[^>]*/>)<v>[^<]*</v>", rb"\1", content)
            new.writestr(info, content)
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        [
            *(libreoffice, f"-env:UserInstallation={profile}", "--headless"),
            *("--convert-to", "xlsx", "--outdir", str(tmp_path / "x")),
            str(tmp_path / "bare.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    report = verify(tmp_path / "x" / "bare.xlsx")
    assert wrong_in(report) == {}
    assert bp.load(tmp_path / "x" / "bare.xlsx").title == bp.load("two-neuron").title


def test_examples_edited_in_the_layout_book_are_taken_as_they_stand(book, tmp_path):
    """About says that they may be changed, in every row that presents them."""
    fresh = bp.load("two-neuron").changed({"iterations": 10, "x2[1]": 0.5}).run()
    fresh.to_excel(tmp_path / "fresh.xlsx", "book")
    with (
        zipfile.ZipFile(book) as old,
        zipfile.ZipFile(tmp_path / "fresh.xlsx") as new,
        zipfile.ZipFile(tmp_path / "saved.xlsx", "w") as package,
    ):
        for info in old.infolist():
            source = new if info.filename == STEPS_PART else old
            package.writestr(info, source.read(info.filename))
    assert wrong_in(verify(tmp_path / "saved.xlsx")) == {}


# What is changed


def test_changes_can_be_chosen(book):
    changes = {"w_gf1": -0.25, "x2[1]": 3.0}
    report = verify(book, changes=changes)
    assert report.passed
    assert report.changes == changes


def test_chosen_changes_find_what_the_others_miss(book, edit):
    """A fault that shows only for a learning rate above 2."""
    edited = edit(book, {"V12": with_formula("IF($B$5&gt;2,0,-$B$5*Q12)")})
    assert verify(edited).passed
    report = verify(edited, changes={"learning_rate": 3.0})
    assert "V12" in cells_in(report, "recalculated with changes")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"w_xg9": 1.0}, "--set w_xg9: this workbook has no cell for it; did you mean .*w_xg"),
        ({"learningrate": 1.0}, "did you mean .*learning_rate"),
        ({"x1[2]": 1.0}, "no cell for it"),
        ({"x1[0]": 1.0}, "no cell for it"),
        ({"MSE": 1.0}, "no cell for it"),
        ({"learning_rate": "fast"}, "--set learning_rate: a number expected"),
        ({"w_xg0": float("nan")}, "finite"),
    ],
)
def test_changes_that_do_not_fit_are_refused(book, changes, message):
    with pytest.raises(bp.ExperimentError, match=message):
        verify(book, changes=changes)


# Engines


def test_a_missing_ironcalc_says_how_to_install_it(book, monkeypatch):
    monkeypatch.setitem(sys.modules, "ironcalc", None)
    with pytest.raises(bp.EngineError, match="ironcalc is not installed: python -m pip install"):
        verify(book)


def test_a_missing_libreoffice_is_told(book, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(bp.EngineError, match="libreoffice is not installed"):
        verify(book, "libreoffice")


def test_an_unknown_engine_is_refused_with_those_there_are(book):
    with pytest.raises(bp.EngineError, match='no engine "excel"; known are ironcalc, libreoffice'):
        verify(book, "excel")


def test_libreoffice_tests_fail_where_it_must_be_there(request, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BPSHEET_ENGINES", "required")
    with pytest.raises(pytest.fail.Exception, match="BPSHEET_ENGINES=required asks for it"):
        request.getfixturevalue("libreoffice")


def test_libreoffice_tests_are_skipped_where_it_is_not_asked_for(request, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("BPSHEET_ENGINES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="LibreOffice is not installed"):
        request.getfixturevalue("libreoffice")


# Files that are no workbooks of ours


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(bp.WorkbookError, match=r"nothing\.xlsx: no such file"):
        verify(tmp_path / "nothing.xlsx")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_workbook_is_refused(tmp_path, content):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(bp.WorkbookError, match=r"not a workbook|an empty file"):
        verify(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(bp.WorkbookError):
        verify(tmp_path)


@pytest.mark.parametrize("names", [["Sheet"], ["Steps", "About"], ["Steps", "Data", "About"]])
def test_a_workbook_of_others_is_refused(tmp_path, names):
    other = Workbook()
    other.remove(other.worksheets[0])
    for name in names:
        other.create_sheet(name)["A1"] = "mine"
    other.save(tmp_path / "x.xlsx")
    with pytest.raises(bp.WorkbookError, match="not a workbook that bpsheet made"):
        verify(tmp_path / "x.xlsx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_refused(book, tmp_path, share):
    content = book.read_bytes()
    path = tmp_path / "x.xlsx"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(bp.WorkbookError, match="damaged, or not a workbook"):
        verify(path)


def refusal(function: Callable[[Path], object], path: Path) -> str:
    """What a function of ours says when it refuses a file; empty where it takes it."""
    try:
        function(path)
    except bp.BpsheetError as error:
        said = str(error)
    else:
        return ""
    assert str(path) in said
    return said


def test_a_workbook_with_a_damaged_part_is_refused_or_read(made, tmp_path):
    """Each part of the package in turn cut in half: one kind of error, never another."""
    whole = made("two-neuron", "full", 10)
    path = tmp_path / "x.xlsx"
    refused = set()
    with zipfile.ZipFile(whole) as old:
        for broken in old.namelist():
            with zipfile.ZipFile(path, "w") as new:
                for info in old.infolist():
                    content = old.read(info)
                    half = content[: len(content) // 2]
                    new.writestr(info.filename, half if info.filename == broken else content)
            if refusal(verify, path):
                refused.add(broken)
    assert {f"xl/worksheets/sheet{n}.xml" for n in (1, 2, 3)} <= refused
    assert {"xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"} <= refused


def test_a_workbook_with_damaged_bytes_is_refused_or_read(made, tmp_path):
    """A byte in every hundred of them, turned over one at a time."""
    whole = made("book-perceptron", "book").read_bytes()
    path = tmp_path / "x.xlsx"
    refused = 0
    for place in range(0, len(whole), 97):
        content = bytearray(whole)
        content[place] ^= 0xFF
        path.write_bytes(content)
        refused += bool(refusal(bp.load, path))
    assert refused > 10


def test_a_damaged_experiment_is_refused_with_its_place(made, edit):
    """Somebody typed into the lines of About that hold the experiment file."""
    path = made("two-neuron", "full", 10)
    about = f"xl/worksheets/sheet{len(load_workbook(path).sheetnames)}.xml"
    with zipfile.ZipFile(path) as package:
        content = package.read(about).decode()
    row = re.search(r'<c r="(A[0-9]+)"[^>]*><is><t[^>]*>learning_rate', content)
    assert row
    edited = edit(
        path,
        {row[1]: lambda xml: xml.replace("learning_rate", "learning_rat")},
        about,
    )
    with pytest.raises(bp.WorkbookError, match=r"sheet About is damaged(.|\n)*did you mean"):
        verify(edited)
