"""What a class hands in comes back in many forms: each is read alike, and nothing is lost silently."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import FIRST_ROW, IDENTITY, SHEET, fill_in_workbook
from bpsheet.exercises.handins import handed_in
from bpsheet.exercises.handout import write_class
from bpsheet.exercises.key import read_key
from bpsheet.exercises.names import file_name
from bpsheet.exercises.sheetfile import contents_of
from tests.helpers.grading import NETWORK, STUDENTS, answers_of, fill, grade_file, grade_folder
from tests.helpers.samples import spread


@pytest.fixture
def handed_out(filled_in, tmp_path) -> Path:
    """A folder with the sheets of four students, and the key beside it."""
    shutil.copytree(filled_in, tmp_path, dirs_exist_ok=True)
    return tmp_path / "sheets"


def key_of(folder: Path):
    return read_key(folder.parent / "key")


def texts_of(path: Path) -> list[list[str]]:
    """The cells of the exercise's sheet, as its rows of text."""
    rows = load_workbook(path)[SHEET].iter_rows(values_only=True)
    return [["" if cell is None else str(cell) for cell in row] for row in rows]


def as_csv(path: Path, sign: str = ",", decimal: str = ".") -> bytes:
    rows = [
        [c.replace(".", decimal) if c.replace(".", "").lstrip("-").isdigit() else c for c in row]
        for row in texts_of(path)
    ]
    return "\r\n".join(sign.join(f'"{c}"' for c in row) for row in rows).encode("utf-8-sig")


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "decimal"), spread([(",", "."), (";", ","), ("\t", ",")], 1))
def test_a_table_of_text_is_found_by_what_is_printed_on_it(handed_out, sign, decimal):
    sheet = handed_out / file_name("Ada")
    content = as_csv(sheet, sign, decimal)
    sheet.unlink()
    sheet.with_suffix(".csv").write_bytes(content)
    grades = grade_folder(handed_out, NETWORK, key=key_of(handed_out))
    assert not grades.refused
    found = next(sheet for sheet in grades.sheets if sheet.student == "Ada")
    assert (found.total, found.warnings) == (25, ())
    assert "a CSV file has no hidden identity" in found.notes[0]
    # Other sheets tell what the exercise is, but no list says who Ada is.
    without = grade_folder(handed_out, NETWORK)
    assert 'no student is called "Ada"' in without.refused[0].reason


MOVES = {
    "rows and columns inserted": lambda sheet: (
        sheet.insert_rows(12, 2),
        sheet.insert_cols(1),
        sheet.insert_cols(3),
    ),
    "notes between the lines": lambda sheet: (
        sheet.insert_rows(20),
        setattr(sheet["A20"], "value", "z_g = 0.3 + 1 =?"),
        setattr(sheet["B20"], "value", "1.3"),
    ),
    "a heading deleted": lambda sheet: sheet.delete_rows(FIRST_ROW),
    "a row moved to the end": lambda sheet: (
        [setattr(sheet.cell(90, n), "value", sheet.cell(20, n).value) for n in (1, 2, 3, 4)],
        sheet.delete_rows(20),
    ),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("move", MOVES)
def test_asked_cells_are_found_by_their_labels(ada, own, move):
    fill(own, ada, answers_of(ada))
    book = load_workbook(own)
    MOVES[move](book[SHEET])
    book[SHEET].title = "My homework"
    book[IDENTITY].title = "Old"
    book.save(own)
    sheet = grade_file(own, NETWORK)
    assert (sheet.student, sheet.total, sheet.warnings) == ("Ada", 25, ())


def test_a_line_that_is_gone_is_said_and_its_value_missing(ada, own):
    fill(own, ada, answers_of(ada))
    book = load_workbook(own)
    sheet = book[SHEET]
    row = next(cell.row for cell in sheet["A"] if cell.value == "f_error")
    sheet.delete_rows(row)
    book.save(own)
    marked = grade_file(own, NETWORK)
    assert [m.judgement.quantity for m in marked.marks if m.verdict == "missing"] == ["f_error"]
    assert marked.notes == ("1 line of the sheet is gone: f_error",)


def test_a_workbook_without_the_lines_is_refused(ada, own):
    fill(own, ada, answers_of(ada))
    book = load_workbook(own)
    book[SHEET].delete_rows(FIRST_ROW, 30)
    book.save(own)
    with pytest.raises(bp.WorkbookError, match="the lines of the exercise are not there"):
        grade_file(own, NETWORK)


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, content in files.items():
            package.writestr(name, content)
    return out.getvalue()


def test_zips_of_moodle_and_canvas_are_read_and_nothing_is_left_out_silently(handed_out):
    sheets = {student: (handed_out / file_name(student)).read_bytes() for student in STUDENTS}
    shutil.rmtree(handed_out)
    handed_out.mkdir()
    moodle = zipped(
        {
            f"Ada_11_assignsubmission_file_/{file_name('Ada')}": sheets["Ada"],
            f"Bob_12_assignsubmission_file_/{file_name('Cem')}": sheets["Cem"],
            "Dee_14_assignsubmission_onlinetext_/onlinetext.html": b"<p>see file</p>",
            "__MACOSX/._Ada": b"junk",
        }
    )
    canvas = zipped({f"deexxx_LATE_7_77_{file_name('Dee')}": sheets["Dee"]})
    (handed_out / "moodle.zip").write_bytes(moodle)
    (handed_out / "deeper").mkdir()
    (handed_out / "deeper" / "canvas.ZIP").write_bytes(zipped({"inner.zip": canvas}))
    (handed_out / "notes.txt").write_text("mine")
    (handed_out / "broken.zip").write_bytes(moodle[:300])
    grades = grade_folder(handed_out, NETWORK, key=key_of(handed_out))
    assert {sheet.student: sheet.total for sheet in grades.sheets} == {
        "Ada": 25,
        "Cem": 25,
        "Dee": 25,
    }
    warned = {sheet.student: sheet.warnings for sheet in grades.sheets}
    assert warned["Ada"] == ()
    assert warned["Cem"] == ("Bob handed in the sheet of Cem",)
    assert warned["Dee"] == ("deexxx handed in the sheet of Dee",)
    refused = {one.path.name: one.reason for one in grades.refused}
    assert refused.keys() == {"broken.zip", "onlinetext.html"}
    assert {one.path.name for one in grades.skipped} == {"notes.txt", "._Ada"}
    assert grades.absent == ("Bob",)


def test_zips_are_opened_in_zips_twice_and_no_deeper(handed_out, tmp_path):
    """A zip may hold itself, without an end."""
    content = {"sheet.xlsx": (handed_out / file_name("Ada")).read_bytes()}
    for depth in range(4):
        (tmp_path / "all.zip").write_bytes(zipped(content))
        grades = grade_folder(tmp_path / "all.zip", NETWORK)
        marked = [sheet.student for sheet in grades.sheets]
        assert (marked, len(grades.refused)) == ((["Ada"], 0) if depth < 3 else ([], 1))
        content = {"one.zip": zipped(content)}


def test_a_zip_alone_and_a_file_alone_are_hand_ins(handed_out, tmp_path):
    content = (handed_out / file_name("Ada")).read_bytes()
    (tmp_path / "all.zip").write_bytes(zipped({"a/b/c.xlsx": content}))
    for place in (tmp_path / "all.zip", handed_out / file_name("Ada")):
        assert [sheet.student for sheet in grade_folder(place, NETWORK).sheets] == ["Ada"]


@pytest.mark.parametrize("beside", [None, "notes.txt", ".hidden"])
def test_an_empty_folder_is_an_error(tmp_path, beside, command):
    (tmp_path / "in").mkdir()
    if beside:
        (tmp_path / "in" / beside).write_text("x")
    with pytest.raises(bp.OutputError, match="there is nothing to mark"):
        handed_in(tmp_path / "in")
    status, _, err = command("grade", str(tmp_path / "in"), "two-neuron")
    assert status == 1
    assert "nothing to mark" in err


@pytest.mark.slow
def test_a_file_that_unpacks_to_much_is_refused_and_costs_no_other(handed_out, tmp_path):
    good = (handed_out / file_name("Ada")).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("bomb.xlsx", bytes(30_000_000))
        package.writestr("../../evil.xlsx", good)
        package.writestr(file_name("Ada"), good)
    (tmp_path / "all.zip").write_bytes(out.getvalue())
    grades = grade_folder(tmp_path / "all.zip", NETWORK)
    assert [one.reason for one in grades.refused] == ["more than 8,000,000 bytes"]
    assert len(grades.sheets) == 2
    assert not (tmp_path.parent / "evil.xlsx").exists()


def test_what_numbers_exports_is_found_by_what_is_printed(handed_out):
    """It writes a sheet of its own first, a title above each table, and no hidden sheet."""
    path = handed_out / file_name("Ada")
    book = load_workbook(path)
    del book[IDENTITY]
    book[SHEET].insert_rows(1)
    book[SHEET]["A1"] = "Table 1"
    book[SHEET].title = f"{SHEET} - Table 1"
    book.create_sheet("Export Summary", 0)["A1"] = "This document was exported from Numbers."
    book.save(path)
    grades = grade_folder(handed_out, NETWORK, key=key_of(handed_out))
    found = next(sheet for sheet in grades.sheets if sheet.student == "Ada")
    assert found.total == 25
    assert found.warnings == (
        "its hidden sheet Identity is gone; exercise and student were read from what is printed",
    )


def test_a_file_that_no_reader_foresaw_is_refused_and_the_others_marked(handed_out, monkeypatch):
    def broken(content: bytes, name: str) -> object:
        if name == file_name("Bob"):
            raise AttributeError("never seen before")
        return contents_of(content, name)

    monkeypatch.setattr("bpsheet.exercises.filled.contents_of", broken)
    grades = grade_folder(handed_out, NETWORK)
    assert [one.reason for one in grades.refused] == ["damaged (AttributeError)"]
    assert len(grades.sheets) == 3


@pytest.mark.slow
def test_our_own_tables_beside_the_sheets_are_left_out(handed_out, command, monkeypatch):
    monkeypatch.chdir(handed_out)
    shutil.copy(handed_out.parent / "key" / "key.csv", handed_out / "key.csv")
    arguments = ("grade", ".", "two-neuron", "-o", "grades.csv", "--keep", "read.json")
    for _ in range(2):
        status, out, _ = command(*arguments)
        assert status == 0
    assert "grades.csv (a table of ours)" in out
    assert "key.csv (a table of ours)" in out


OFFICE = ("ods", "xlsx:Calc MS Excel 2007 XML", "xls:MS Excel 97", "csv")


def resaved(libreoffice: str, path: Path, format_: str, folder: Path) -> Path:
    profile = (folder.parent / "profile").as_uri()
    command = [libreoffice, f"-env:UserInstallation={profile}", "--headless", "--convert-to"]
    arguments = [*command, format_, "--outdir", str(folder), str(path)]
    subprocess.run(arguments, check=True, capture_output=True, timeout=120)
    return folder / f"{path.stem}.{format_.partition(':')[0]}"


@pytest.mark.slow
@pytest.mark.parametrize("format_", OFFICE)
def test_what_libreoffice_saved_is_marked_alike(handed_out, tmp_path, libreoffice, format_):
    folder = tmp_path / "in"
    folder.mkdir()
    resaved(libreoffice, handed_out / file_name("Ada"), format_, folder)
    grades = grade_folder(folder, NETWORK, key=key_of(handed_out))
    assert [(s.student, s.total, s.warnings) for s in grades.sheets] == [("Ada", 25, ())]


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["xlsx", "ods", "csv", "xls"])
def test_what_gnumeric_saved_is_marked_alike(handed_out, tmp_path, ending):
    gnumeric = shutil.which("ssconvert")
    if gnumeric is None:
        pytest.skip("there is no Gnumeric")
    folder = tmp_path / "in"
    folder.mkdir()
    source = handed_out / file_name("Ada")
    target = folder / f"{source.stem}.{ending}"
    subprocess.run([gnumeric, str(source), str(target)], check=True, capture_output=True)
    grades = grade_folder(folder, NETWORK, key=key_of(handed_out))
    assert not grades.refused
    assert [(s.student, s.total, s.warnings) for s in grades.sheets] == [("Ada", 25, ())]


def test_a_sheet_with_commas_is_read_without_being_told(ada, own):
    answers = {name: text.replace(".", ",") for name, text in answers_of(ada).items()}
    assert grade_file(fill(own, ada, answers), NETWORK).total == 25


def test_how_odd_numbers_were_read_is_noted(ada, own):
    answers = answers_of(ada)
    sheet = grade_file(fill(own, ada, answers | {"z_g": f"z = {answers['z_g']}"}), NETWORK)
    assert sheet.total == 25
    assert sheet.notes[0].startswith('the value of z_g was read: "z = ')


def test_the_key_keeps_the_experiment_as_it_was(tmp_path, command):
    """The experiment's file is changed after the sheets were handed out."""
    spec = tmp_path / "lesson.toml"
    spec.write_text(NETWORK.text, encoding="utf-8")
    (tmp_path / "roster.csv").write_text("Name\nAda\n", encoding="utf-8")
    arguments = ("exercise", str(spec), "-o", str(tmp_path / "out"))
    assert command(*arguments, "--students", str(tmp_path / "roster.csv"))[0] == 0
    sheet = tmp_path / "out" / file_name("Ada")
    spec.write_text(NETWORK.text.replace("0.1", "0.2", 1), encoding="utf-8")
    status, out, _ = command("grade", str(sheet.parent), str(spec), "-o", str(tmp_path / "g.csv"))
    assert status == 1
    assert "the key of its class has it as it was" in " ".join(out.split())
    status, out, _ = command(
        "grade", str(sheet.parent), str(tmp_path / "out-key"), "-o", str(tmp_path / "g.csv")
    )
    assert status == 0, out
    key = tmp_path / "out-key" / "lesson.toml"
    key.write_text(key.read_text().replace("0.1", "0.2", 1))
    with pytest.raises(bp.ExperimentError, match="not the one that was handed out"):
        read_key(tmp_path / "out-key")


@pytest.mark.slow
def test_marking_again_needs_no_hand_ins(handed_out, tmp_path, command):
    key, kept = str(handed_out.parent / "key"), str(tmp_path / "read.json")
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    arguments = ("grade", str(handed_out), key, "--keep", kept, "-o", str(first))
    assert command(*arguments)[0] == 0
    shutil.rmtree(handed_out)
    assert command("grade", kept, key, "-o", str(again))[0] == 0
    assert again.read_bytes() == first.read_bytes()
    (tmp_path / "marks.toml").write_text("total = 10\n")
    assert (
        command("grade", kept, key, "-o", str(again), "--marks", str(tmp_path / "marks.toml"))[0]
        == 0
    )
    assert "Ada,ada-99a563ab.xlsx,10,10" in again.read_text(encoding="utf-8-sig")
    Path(kept).write_text("{}")
    status, _, err = command("grade", kept, key, "-o", str(again))
    assert status == 2
    assert "no file that keeps hand-ins" in err


def test_the_columns_of_the_roster_go_with_the_marks(tmp_path, command):
    (tmp_path / "roster.csv").write_text("Name;Gruppe;ID\nAda;A;7\nBob;B;8\n", encoding="cp1252")
    arguments = ("exercise", "two-neuron", "-o", str(tmp_path / "out"))
    status, out, _ = command(*arguments, "--students", str(tmp_path / "roster.csv"))
    assert status == 0
    assert "2 students: name from Name, id from ID." in out
    (tmp_path / "out" / file_name("Bob (8)")).unlink()
    table = tmp_path / "g.csv"
    command("grade", str(tmp_path / "out"), str(tmp_path / "out-key"), "-o", str(table))
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].endswith("notes,Gruppe")
    assert lines[1].startswith("Ada (7),")
    assert lines[1].endswith(",A")
    assert lines[2] == "Bob (8),,,,,,no sheet that could be marked,B"


def test_old_sheets_are_refused_as_another_versions(ada, own):
    own.write_bytes(fill_in_workbook(ada))
    book = load_workbook(own)
    book[IDENTITY]["A1"].value = book[IDENTITY]["A1"].value.replace('"bpsheet": 3', '"bpsheet": 2')
    book.save(own)
    with pytest.raises(bp.WorkbookError, match="another version of bpsheet wrote the sheet"):
        grade_file(own, NETWORK)


@pytest.mark.parametrize("is_first", [True, False])
def test_of_two_copies_in_a_workbook_the_one_that_was_filled_in_counts(ada, own, is_first):
    fill(own, ada, answers_of(ada))
    book = load_workbook(own)
    copy = book.copy_worksheet(book[SHEET])
    blank = book[SHEET] if is_first else copy
    for row, line in enumerate(ada.lines, FIRST_ROW):
        if line.is_asked:
            blank[f"B{row}"].value = None
    book.save(own)
    assert grade_file(own, NETWORK).total == 25


def test_the_key_of_a_class_that_writes_formulas_is_read(tmp_path):
    exercise = Exercise(NETWORK, answers="formulas")
    write_class(exercise, tmp_path / "sheets", tmp_path / "key", ["Ada"])
    assert read_key(tmp_path / "key").exercise.fingerprint == exercise.fingerprint
