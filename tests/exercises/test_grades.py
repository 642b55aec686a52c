"""A class is marked: bad files are named and the others marked, with feedback for each student."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.feedback import class_table, safe_field
from bpsheet.exercises.fillin import fill_in_workbook
from bpsheet.exercises.handout import write_class, write_feedback
from bpsheet.exercises.names import file_name
from bpsheet.exercises.pages import student_page
from tests.helpers.grading import EXERCISE, NETWORK, answers_of, fill, grade_folder


def table_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


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
    "link.xlsx": "a link, not a file",
    "scan.pdf": "not a workbook",
}


@pytest.mark.slow
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
    assert grades.slips.most_common(1) == [("wrong sign", 2)]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow
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
    assert "Most frequent slips: wrong sign (2 students)" in out
    rows = table_of(tmp_path / "grades.csv")
    assert [row["student"] for row in rows] == ["'=cmd()", "Ada", "Bob", *[""] * 6]
    assert (rows[2]["marks"], rows[2]["out of"]) == ("24", "25")
    assert rows[2]["first mistake"].startswith("f_error, iteration 1: likely slip (")
    assert rows[2]["causes"] == "wrong sign in f_error"
    pages = {
        path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "feedback").iterdir()
    }
    own = {file_name(name, ".html") for name in ("Ada", "Bob", "=cmd()")}
    assert set(pages) == own | {"index.html"}
    assert "Every value is right." in pages[file_name("Ada", ".html")]
    assert "<h2>Look first at <math>" in pages[file_name("Bob", ".html")]


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
    notes = {sheet.path.name: "; ".join(sheet.warnings) for sheet in grades.sheets}
    assert "2 files carry this student's name" in notes["one.xlsx"]
    assert "not on the roster" in notes["three.xlsx"]
    assert "the questions or the seed differ" in notes["three.xlsx"]
    assert len(write_feedback(grades, tmp_path / "pages", "Title")) == 3
    assert len(list((tmp_path / "pages").iterdir())) == 4


@pytest.mark.slow
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
    page = student_page(grades.sheets[0], "Title").html()
    assert "<script>" not in page
    assert "&lt;b&gt;x" in page
