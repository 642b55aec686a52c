"""Grade tables as Moodle and Canvas import them."""

from __future__ import annotations

import csv
import io
import shutil
from collections import Counter

import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.gradebook import gradebook
from bpsheet.exercises.grades import Grades
from bpsheet.exercises.handout import write_class
from bpsheet.exercises.headings import CANVAS_IDS, FIRST, FULL, IDS, LAST, MOODLE_IDS, plain
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.names import file_name
from bpsheet.exercises.roster import roster_of
from tests.helpers.grading import answers_of, fill, grade_folder

EXERCISE = Exercise(bp.load("two-neuron"), digits=4, vary=("weights",))
# As the systems' own exports have them.
MOODLE = (
    "First name,Last name,ID number,Email address,Group\n"
    "Ada,Lovelace,17,ada@example.org,A\nBob,Groß,18,bob@example.org,B\nCem,Öz,19,cem@example.org,B\n"
)
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Essay (77)\n    Points Possible,,,,,10\n"
    '"Lovelace, Ada",101,u17,ada,Mon,3\n"Groß, Bob",102,u18,bob,Tue,\n"Öz, Cem",103,u19,cem,Tue,9\n'
)


def marked(folder, text, scale=None):
    """Ada's sheet is right, Bob has a slip, Cem handed in nothing."""
    roster = roster_of(text, "roster.csv")
    write_class(EXERCISE, folder / "sheets", folder / "key", roster)
    for student, slips in zip(roster.labels, ({}, {"MSE": 2.0}), strict=False):
        task = EXERCISE.task(student)
        fill(folder / "sheets" / file_name(student), task, answers_of(task, slips))
    (folder / "sheets" / file_name(roster.labels[2])).unlink()
    return grade_folder(folder / "sheets", EXERCISE.experiment, scale, students=roster), roster


def rows(book):
    return list(csv.reader(io.StringIO(book.text)))


@pytest.mark.slow
def test_moodle_gets_the_identifier_and_the_mark_alone(tmp_path):
    grades, roster = marked(tmp_path, MOODLE)
    book = gradebook(grades, roster, "moodle", "Backpropagation")
    assert rows(book) == [["ID number", "Backpropagation"], ["17", "25"], ["18", "24"]]
    assert book.notes == ("No mark, as no sheet was marked: Cem Öz (19)",)


@pytest.mark.slow
def test_canvas_gets_its_own_columns_and_the_row_of_points(tmp_path):
    grades, roster = marked(tmp_path, CANVAS, Scale(total=10))
    book = gradebook(grades, roster, "canvas", "Sheet")
    assert rows(book) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Sheet"],
        ["    Points Possible", "", "", "", "", "10"],
        ["Lovelace, Ada", "101", "u17", "ada", "Mon", "10"],
        ["Groß, Bob", "102", "u18", "bob", "Tue", "9.6"],
    ]


@pytest.mark.slow
def test_a_column_for_each_question_adds_up_to_the_mark(tmp_path):
    grades, roster = marked(tmp_path, CANVAS)
    head, points, *marks = rows(gradebook(grades, roster, "canvas", "S", by_question=True))
    assert head[5:7] == ["S", "S: z_g (1)"]
    assert len(head) == 6 + 25
    for row in (points, *marks):
        assert float(row[5]) == pytest.approx(sum(map(float, row[6:])))
    assert dict(zip(head, marks[1], strict=True))["S: MSE (1)"] == "0"


@pytest.mark.slow
def test_several_sheets_of_a_student_are_said_and_give_no_mark(tmp_path):
    marked(tmp_path, MOODLE)
    first = next((tmp_path / "sheets").glob("ada*.xlsx"))
    shutil.copy(first, first.with_name("copy.xlsx"))
    roster = roster_of(MOODLE, "roster.csv")
    grades = grade_folder(tmp_path / "sheets", EXERCISE.experiment, students=roster)
    book = gradebook(grades, roster, "moodle", "B")
    assert [row[0] for row in rows(book)] == ["ID number", "18"]
    assert "No mark, as several sheets carry the name: Ada Lovelace (17)" in book.notes


@pytest.mark.slow
def test_a_student_who_is_not_on_the_roster_is_said(tmp_path):
    grades, _ = marked(tmp_path, MOODLE)
    shorter = roster_of(MOODLE.replace("Bob,Groß,18,bob@example.org,B\n", ""), "roster.csv")
    book = gradebook(grades, shorter, "moodle", "B")
    assert "Not in the table, as not on the roster: Bob Groß (18)" in book.notes


@pytest.mark.slow
def test_a_roster_that_a_system_cannot_match_is_refused(tmp_path):
    grades, roster = marked(tmp_path, "Name,Group\nAda,A\nBob,A\nCem,B\n")
    with pytest.raises(
        ExperimentError, match="each student needs one on the roster, which has Name, Group"
    ):
        gradebook(grades, roster, "moodle", "B")
    with pytest.raises(ExperimentError, match="Canvas knows students by ID"):
        gradebook(grades, roster, "canvas", "B")
    with pytest.raises(ExperimentError, match="a grade table needs the roster"):
        gradebook(grades, None, "moodle", "B")


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    "head",
    [
        "Matrikelnummer", "Matrikel-Nr.", "Schülernummer", "Numéro d'étudiant", "N° étudiant",
        "Matricule", "Matrícula", "Nº de matrícula", "Número de expediente", "Matricola",
        "Numero di matricola", "Studentnummer", "Leerlingnummer", "N.º de aluno",
        "Número mecanográfico", "Student ID", "ID",
    ],
)  # fmt: skip
def test_moodle_takes_the_numbers_of_schools_in_many_languages(head):
    roster = roster_of(f"Name;{head};Group\nAda Lovelace;17;A\nBob Groß;18;B\n", "roster.csv")
    assert roster.labels == ["Ada Lovelace (17)", "Bob Groß (18)"]
    assert rows(gradebook(Grades((), ()), roster, "moodle", "Sheet")) == [[head, "Sheet"]]


def test_what_moodle_surely_knows_goes_before_a_number_of_the_school():
    roster = roster_of("Name;Matrikelnummer;E-Mail\nAda;17;ada@example.org\n", "roster.csv")
    assert rows(gradebook(Grades((), ()), roster, "moodle", "S"))[0][0] == "E-Mail"


def test_each_heading_stands_in_one_list_and_is_plain():
    words = [*FULL, *FIRST, *LAST, *IDS]
    assert [word for word, count in Counter(words).items() if count > 1] == []
    assert [word for word in words if plain(word) != word] == []
    assert set(IDS) >= {*MOODLE_IDS, *CANVAS_IDS}


@pytest.mark.slow
def test_the_command_writes_the_table_beside_the_class_table(tmp_path, command):
    marked(tmp_path, MOODLE)
    status, out, _ = command(
        "grade", str(tmp_path / "sheets"), str(tmp_path / "key"), "-o", str(tmp_path / "marks.csv"),
        "--gradebook", "moodle",
    )  # fmt: skip
    assert status == 0
    text = (tmp_path / "marks-moodle.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0] == 'ID number,"Two neurons, one in each layer"'
    assert "The table for Moodle is" in " ".join(out.split())
    status, _, err = command(
        "grade", str(tmp_path / "sheets"), str(tmp_path / "key"), "--by-question"
    )
    assert status == 2
    assert "--by-question needs a gradebook: add --gradebook moodle" in err
