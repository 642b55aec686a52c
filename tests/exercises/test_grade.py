"""Filled-in sheets are marked: planted slips are named, strange files are refused by name."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.hand.exercise import Exercise, Task, decimals_needed
from bpsheet.hand.feedback import class_table, feedback_text, safe_field
from bpsheet.hand.fillin import FIRST_ROW, IDENTITY, NAME_CELL, SHEET, fill_in_workbook
from bpsheet.hand.grade import grade_file, grade_folder, read_filled
from bpsheet.hand.handout import write_class, write_feedback
from bpsheet.hand.identity import FORMAT, read_identity
from bpsheet.hand.names import file_name
from bpsheet.hand.numbers import read_number
from bpsheet.hand.scheme import MARKS, read_marks
from bpsheet.hand.shadow import Shadow
from tests.helpers.samples import sampled, small_templates

EXERCISE = Exercise(bp.load("two-neuron"), digits=4, vary=("weights", "data"), seed=5)
NETWORK = EXERCISE.experiment


def answers_of(task: Task, slips: dict[str, float] | None = None) -> dict[str, str]:
    """What a student writes: every value to the digits asked, each computed from the last.

    `slips` are factors by which single values are wrong; what follows is computed rightly.
    Weights are written under their name and "+".
    """
    digits = task.exercise.digits
    written: dict[tuple[int, str], str] = {}
    wrong = {}
    for line in task.lines:
        if line.is_asked:
            value = Shadow(task.trace, wrong).followed(*line.place)
            value *= (slips or {}).get(line.name, 1.0)
            written[line.place] = f"{value:.{decimals_needed(value, digits) + 1}f}"
            if line.name in (slips or {}):
                wrong[line.place] = read_number(written[line.place])
    return {name if row == 1 else f"{name}+": text for (row, name), text in written.items()}


def fill(path: Path, task: Task, answers: dict[str, object], name: str = "") -> Path:
    """The sheet, filled in with openpyxl. Text is typed as text."""
    if not path.exists():
        path.write_bytes(fill_in_workbook(task))
    book = load_workbook(path)
    sheet = book[SHEET]
    for row, line in enumerate(task.lines, FIRST_ROW):
        value = answers.get(line.name if line.iteration == 1 else f"{line.name}+")
        if line.is_asked and value is not None:
            sheet[f"B{row}"] = value
    if name:
        sheet[NAME_CELL] = name
    book.save(path)
    return path


@pytest.fixture
def ada() -> Task:
    return EXERCISE.task("Ada")


@pytest.fixture
def own(tmp_path) -> Path:
    """Where Ada's sheet lies, under the name that it was handed out with."""
    return tmp_path / file_name("Ada")


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


# Marks


def test_a_sheet_without_a_mistake_has_every_mark(ada, own):
    sheet = grade_file(fill(own, ada, answers_of(ada)), NETWORK)
    assert (sheet.student, sheet.total, sheet.out_of) == ("Ada", 25, 25)
    assert sheet.first_mistake is None
    assert sheet.notes == ()


SLIPS = [
    ("g_error", -1.0, "sign"),
    ("MSE", 2.0, "half or double"),
    ("delta_w_xg1", -1.0, "sign"),
    ("delta_w_gf0", 10.0, "learning rate left out"),
]


@pytest.mark.parametrize(("quantity", "factor", "kind"), SLIPS)
def test_one_planted_slip_is_named_and_costs_one_mark(ada, own, quantity, factor, kind):
    """What follows rightly from it is carried through, and keeps its mark."""
    before = fill(own, ada, answers_of(ada, {quantity: factor})).read_bytes()
    sheet = grade_file(own, NETWORK)
    assert own.read_bytes() == before
    assert sheet.first_mistake.judgement.quantity == quantity
    assert sheet.first_mistake.verdict == "likely slip"
    assert kind in sheet.first_mistake.judgement.slips
    assert [mark.judgement.quantity for mark in sheet.marks if mark.is_mistake] == [quantity]
    assert sheet.total == 24


def test_what_follows_from_a_slip_is_carried_through(ada, own):
    sheet = grade_file(fill(own, ada, answers_of(ada, {"g_error": -1.0})), NETWORK)
    carried = [m.judgement.quantity for m in sheet.marks if m.verdict == "carried through"]
    assert {"dMSE / dw_xg0", "dMSE / dw_xg2"} <= set(carried)


@pytest.mark.parametrize("name", [name for name in small_templates() if name != "exploding"])
def test_two_iterations_of_every_template_rounded_are_right(tmp_path, name):
    task = Exercise(bp.load(name), iterations=2).task()
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(fill_in_workbook(task))
    texts = {}
    for row, line in enumerate(task.lines, FIRST_ROW):
        if line.is_asked:
            texts[f"B{row}"] = f"{task.exact(line):.{decimals_needed(task.exact(line), 3)}f}"
    typed_into(path, texts)
    sheet = grade_file(path, task.exercise.experiment)
    assert sheet.total == sheet.out_of == len(texts)
    assert sheet.first_mistake is None


def test_a_sheet_is_read_without_marking_it(ada, own):
    task, filled = read_filled(fill(own, ada, {"z_g": "-0.970"}), NETWORK)
    assert task.trace.frame.equals(ada.trace.frame)
    assert filled.answers[1, "z_g"] == "-0.970"
    assert set(filled.answers.values()) == {"-0.970", ""}


def test_an_empty_sheet_has_no_marks(ada, own):
    sheet = grade_file(fill(own, ada, {}), NETWORK)
    assert sheet.total == 0
    assert {mark.verdict for mark in sheet.marks} == {"missing"}


@pytest.mark.parametrize(
    ("digits", "verdict", "mark"), [(4, "correct", 1), (2, "too few digits", 0.5)]
)
def test_fewer_digits_than_asked_cost_half(ada, own, digits, verdict, mark):
    exact = ada.trace.frame.loc[1, "g"]
    text = f"{exact:.{digits}f}"
    sheet = grade_file(fill(own, ada, answers_of(ada) | {"g": text}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == "g")
    assert (found.verdict, found.mark) == (verdict, mark)


def test_a_nought_for_a_small_value_earns_nothing(ada, own):
    """By its digits it is right: the exact value rounds to 0."""
    name = "delta_w_xg2"
    assert abs(ada.trace.frame.loc[1, name]) < 0.5
    sheet = grade_file(fill(own, ada, answers_of(ada) | {name: "0"}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == name)
    assert (found.verdict, found.mark) == ("too few digits", 0)


def test_noughts_at_the_end_need_not_be_written(tmp_path):
    task = Exercise(bp.load("two-neuron")).task()
    path = fill(tmp_path / "one.xlsx", task, {"z_g": "-0.25"}, name="Bob")
    sheet = grade_file(path, NETWORK)
    assert sheet.student == "Bob"
    assert sheet.marks[0].verdict == "correct"


def test_numbers_are_taken_and_noted(ada, own):
    answers = {name: float(text) for name, text in answers_of(ada).items()}
    sheet = grade_file(fill(own, ada, answers), NETWORK)
    assert sheet.total == 25
    assert sheet.notes == ("25 cells hold numbers, whose last zeros are lost",)


def test_a_unicode_minus_is_taken_and_a_comma_where_it_is_declared(ada, own):
    answers = {name: text.replace("-", "\u2212") for name, text in answers_of(ada).items()}
    assert grade_file(fill(own, ada, answers), NETWORK).total == 25
    commas = {name: text.replace(".", ",") for name, text in answers.items()}
    fill(own, ada, commas)
    assert grade_file(own, NETWORK).total == 0
    assert grade_file(own, NETWORK, decimal=",").total == 25


@pytest.mark.parametrize("value", [True, "abc", "1/2", "#N/A", "nan", "1e999", "=1"])
def test_what_is_no_number_earns_nothing_and_stops_nothing(ada, own, value):
    sheet = grade_file(fill(own, ada, answers_of(ada) | {"y": value, "z_g": value}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == "z_g")
    assert (found.verdict, found.mark) == ("not a number", 0)
    assert sheet.total == 24


def test_a_formula_is_flagged_and_its_value_never_believed(ada, own):
    sheet = grade_file(fill(own, ada, answers_of(ada) | {"g": "=TANH(B19)"}), NETWORK)
    found = next(m for m in sheet.marks if m.judgement.quantity == "g")
    assert found.reason == "A formula, where a typed value was wanted."
    assert found.mark == 0
    assert "formulas where typed values were wanted: g" in sheet.notes


def test_marks_are_settable_by_verdict(ada, own, tmp_path):
    path = tmp_path / "marks.toml"
    path.write_text('correct = 2\n"likely slip" = 0.5\ncarried_through = 1\n', encoding="utf-8")
    marks = read_marks(path)
    assert marks == {**MARKS, "correct": 2, "likely slip": 0.5, "carried through": 1}
    sheet = grade_file(fill(own, ada, answers_of(ada, {"delta_w_xg1": -1.0})), NETWORK, marks)
    by_verdict = {mark.judgement.quantity: mark.mark for mark in sheet.marks}
    assert by_verdict["delta_w_xg1"] == 0.5
    assert by_verdict["g"] == 2
    assert sheet.out_of == 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("corect = 1", 'no verdict "corect"'),
        ("wrong = true", "a number expected"),
        ("wrong = nan", "a number up to"),
        ("wrong = ", "not a TOML file"),
    ],
)
def test_marks_that_do_not_fit_are_refused(tmp_path, text, said):
    path = tmp_path / "marks.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(bp.ExperimentError, match=said):
        read_marks(path)


# Strange files


def test_a_renamed_file_is_recognised_and_noted(ada, own, tmp_path):
    renamed = fill(own, ada, answers_of(ada)).rename(tmp_path / "homework (1).xlsx")
    sheet = grade_file(renamed, NETWORK)
    assert (sheet.student, sheet.total) == ("Ada", 25)
    assert sheet.notes == ("the file was renamed",)


def test_a_sheet_of_another_exercise_is_refused(ada, own):
    fill(own, ada, answers_of(ada))
    for other in (bp.load("book-xor"), NETWORK.changed({"w_xg0": 0.31})):
        with pytest.raises(bp.WorkbookError, match=r"from another exercise \(two-neuron"):
            grade_file(own, other)


def with_identity(path: Path, text: object) -> Path:
    book = load_workbook(path)
    book[IDENTITY]["A1"].value = text
    book.save(path)
    return path


def test_a_forged_identity_is_refused(ada, own):
    """Another seed would be other numbers: the fingerprint does not fit it."""
    fill(own, ada, {})
    text = ada.identity.text
    for forged in (
        text.replace('"seed": 5', '"seed": 6'),
        text.replace('"digits": 4', '"digits": 1'),
        text.replace('"iterations": 1', '"iterations": 1000000000'),
        text.replace('"forward", ', ""),
    ):
        assert forged != text
        with pytest.raises(bp.WorkbookError, match="from another exercise"):
            grade_file(with_identity(own, forged), NETWORK)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "[" * 15_000,
        "{}",
        f'{{"bpsheet": {FORMAT}}}',
        "x" * 30_000,
        f'{{"bpsheet": {FORMAT + 1}}}',
        EXERCISE.identity("A\x1b[2J").text,
        EXERCISE.identity("A").text.replace('"A"', '"\\ud800"'),
        EXERCISE.identity("A").text.replace('"seed": 5', '"seed": "5"'),
        EXERCISE.identity("A").text.replace('"seed": 5', '"seed": true'),
        EXERCISE.identity("A" * 201).text,
        EXERCISE.identity("A").text.replace('["forward"', '[["forward"]'),
    ],
)
def test_a_damaged_identity_is_refused(text):
    with pytest.raises(bp.WorkbookError, match=r"identity is damaged|another version"):
        read_identity(text)


def test_a_sheet_whose_lines_were_moved_is_refused(ada, own):
    fill(own, ada, answers_of(ada))
    book = load_workbook(own)
    book[SHEET].insert_rows(12)
    book.save(own)
    with pytest.raises(bp.WorkbookError, match="lines were moved"):
        grade_file(own, NETWORK)


# A class


@pytest.fixture
def folder(tmp_path) -> Path:
    """Four students' sheets, and what else may lie in a folder."""
    folder = tmp_path / "sheets"
    students = ["Ada", "Bob", "=cmd()", "Dee"]
    write_class(EXERCISE, folder, tmp_path / "key", students)
    slips: dict[str, dict[str, float]] = {"Bob": {"f_error": -1.0}, "=cmd()": {"g_error": -1.0}}
    for student in students[:3]:
        task = EXERCISE.task(student)
        fill(folder / file_name(student), task, answers_of(task, slips.get(student)))
    (folder / file_name("Dee")).unlink()
    (folder / "damaged.xlsx").write_bytes((folder / file_name("Ada")).read_bytes()[:4_000])
    (folder / "encrypted.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512))
    other = fill_in_workbook(Exercise(bp.load("book-xor")).task())
    (folder / "another.xlsx").write_bytes(other)
    (folder / "scan.pdf").write_bytes(b"%PDF-1.4")
    (folder / "empty.xlsx").touch()
    (folder / "link.xlsx").symlink_to(folder / file_name("Ada"))
    (folder / "~$lock.xlsx").write_bytes(b"lock")
    (folder / "notes.txt").write_text("mine")
    return folder


REFUSED = {
    "another.xlsx": "from another exercise (book-xor",
    "damaged.xlsx": "damaged",
    "empty.xlsx": "an empty file",
    "encrypted.xlsx": "encrypted with a password",
    "link.xlsx": "not a regular file",
    "scan.pdf": "not a workbook",
}


def test_bad_files_are_refused_by_name_and_the_others_marked(folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    grades = grade_folder(folder, NETWORK, students=["Ada", "Bob", "=cmd()", "Dee"])
    refused = {refusal.path.name: refusal.reason for refusal in grades.refused}
    assert refused.keys() == REFUSED.keys()
    for name, said in REFUSED.items():
        assert refused[name].startswith(said), refused[name]
    assert {sheet.student: sheet.total for sheet in grades.sheets} == {
        "Ada": 25,
        "Bob": 24,
        "=cmd()": 24,
    }
    assert grades.absent == ("Dee",)
    assert grades.slips.most_common(1) == [("sign", 2)]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_command_writes_the_class_table_and_feedback(folder, tmp_path, command):
    status, out, err = command(
        "grade",
        str(folder),
        "two-neuron",
        *("-o", str(tmp_path / "grades.csv")),
        *("--feedback", str(tmp_path / "feedback")),
    )
    assert status == 1
    assert err == ""
    assert "Marked 3 sheets, 6 could not be marked." in out
    assert "damaged.xlsx: damaged" in out
    assert "Most frequent slips: sign (2)" in out
    rows = table_of(tmp_path / "grades.csv")
    assert [row["student"] for row in rows] == ["'=cmd()", "Ada", "Bob", *[""] * 6]
    assert (rows[2]["marks"], rows[2]["out of"]) == ("24", "25")
    assert rows[2]["first mistake"].startswith("f_error, iteration 1: likely slip (")
    assert rows[2]["most frequent slip"] == "sign"
    pages = {
        path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "feedback").iterdir()
    }
    assert set(pages) == {file_name(name, ".md") for name in ("Ada", "Bob", "=cmd()")}
    assert "Every value is right." in pages[file_name("Ada", ".md")]
    assert "Look first at **f\\_error** in iteration 1" in pages[file_name("Bob", ".md")]


def test_a_class_without_a_bad_file_ends_well(tmp_path, command, ada):
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in" / file_name("Ada"), ada, answers_of(ada))
    status, out, _ = command(
        "grade", str(tmp_path / "in"), "two-neuron", "-o", str(tmp_path / "g.csv")
    )
    assert status == 0
    assert "Marked 1 sheet." in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("absent", "two-neuron"), "absent is not a folder"),
        ((".", "two-neuron", "-o", "grades.xlsx"), "ends in .csv"),
        ((".", "two-neurons"), "two-neuron"),
        ((".", "two-neuron", "--marks", "absent.toml"), "absent.toml"),
    ],
)
def test_unusable_input_is_refused_in_words(command, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = command("grade", *arguments)
    assert status in (1, 2)
    assert said in err
    assert not list(tmp_path.iterdir())


def test_copies_strangers_and_other_seeds_are_noted(tmp_path):
    for name in ("one.xlsx", "two.xlsx"):
        (tmp_path / name).write_bytes(fill_in_workbook(EXERCISE.task("Ada")))
    easier = Exercise(NETWORK, digits=2)
    (tmp_path / "three.xlsx").write_bytes(fill_in_workbook(easier.task("Bob")))
    grades = grade_folder(tmp_path, NETWORK, students=["Ada"])
    notes = {sheet.path.name: "; ".join(sheet.notes) for sheet in grades.sheets}
    assert "2 files say that they are this student's" in notes["one.xlsx"]
    assert "not on the roster" in notes["three.xlsx"]
    assert "other questions, or another seed" in notes["three.xlsx"]
    assert len(write_feedback(grades, tmp_path / "pages", "Title")) == 3
    assert len(list((tmp_path / "pages").iterdir())) == 3


def test_progress_counts_every_file(folder):
    seen: list[int] = []
    grade_folder(folder, NETWORK, progress=seen.append)
    assert seen == list(range(1, 10))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_spreadsheets_run_is_quoted(start):
    assert safe_field(f"{start}1") == f"'{start}1"
    assert safe_field(f"a{start}1") == f"a{start}1"


def test_a_strangers_text_is_no_markup_and_no_formula(tmp_path):
    """A name and a value chosen to be something else in a table, a page, a terminal."""
    task = Exercise(NETWORK).task()
    evil = '=HYPERLINK("x")|<script>`*\u202e\u0007'
    path = fill(tmp_path / "evil.xlsx", task, {"z_g": "|<b>x</b>"}, name=evil.replace("\u0007", ""))
    grades = grade_folder(tmp_path, NETWORK)
    assert grades.sheets[0].path == path
    row = next(csv.DictReader(io.StringIO(class_table(grades, tmp_path))))
    assert row["student"].startswith("'=HYPERLINK")
    assert "\u202e" not in row["student"]
    page = feedback_text(grades.sheets[0], "Title")
    assert "<script>" not in page
    assert "\\|\\<b\\>" in page


# Another program


def typed_into(path: Path, texts: dict[str, str]) -> None:
    """Text put into cells of the first sheet's XML, as a program that types would store it."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == "xl/worksheets/sheet1.xml":
                xml = content.decode()
                for cell, text in texts.items():
                    begin = xml.index(f'<c r="{cell}"')
                    end = xml.index("/>", begin)
                    typed = f' t="inlineStr"><is><t>{text}</t></is></c>'
                    xml = xml[:begin] + xml[begin:end] + typed + xml[end + 2 :]
                content = xml.encode()
            new.writestr(info, content)
    path.write_bytes(out.getvalue())


@pytest.mark.parametrize("live", sampled([True, False], True))
def test_a_sheet_saved_by_libreoffice_is_marked_alike(tmp_path, libreoffice, live):
    task = EXERCISE.task("Ada")
    answers = answers_of(task, {"g_error": -1.0}) | {"g'": "", "f": "\u22120.5"}
    path = tmp_path / "in" / file_name("Ada")
    path.parent.mkdir()
    path.write_bytes(fill_in_workbook(task, live=live))
    typed = {}
    for row, line in enumerate(task.lines, FIRST_ROW):
        text = answers.get(line.name if line.iteration == 1 else f"{line.name}+")
        if line.is_asked and text:
            typed[f"B{row}"] = text
    typed_into(path, typed)
    before = grade_file(path, NETWORK)
    subprocess.run(
        [
            libreoffice,
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(tmp_path),
            str(path),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
    saved = tmp_path / path.name
    assert saved.read_bytes() != path.read_bytes()
    after = grade_file(saved, NETWORK)
    assert [m.judgement for m in after.marks] == [m.judgement for m in before.marks]
    assert (after.student, after.notes) == ("Ada", ())
    verdicts = {m.judgement.quantity: m.verdict for m in after.marks if m.judgement.iteration == 1}
    assert verdicts["g_error"] == "likely slip"
    assert verdicts["g'"] == "missing"
    assert verdicts["z_g"] == "correct"
