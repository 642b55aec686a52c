"""Each marked sheet has a page of feedback of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bpsheet.exercises.grade import grade_folder
from bpsheet.exercises.grades import Grades, MarkedSheet
from bpsheet.exercises.handout import write_feedback
from bpsheet.exercises.roster import file_name
from tests.helpers.grading import NETWORK, answers_of, fill


def test_files_of_one_name_in_several_folders_have_a_page_each(tmp_path, command, ada):
    """Of a course's system that makes a folder of each hand-in, all files have one name."""
    sheets = tmp_path / "sheets"
    for number in range(1, 6):
        folder = sheets / f"group {number}"
        folder.mkdir(parents=True)
        fill(folder / "exercise.xlsx", ada, answers_of(ada))
    shutil.copy(sheets / "group 1" / "exercise.xlsx", sheets / "exercise.xlsx")
    feedback = tmp_path / "feedback"
    places = ("-o", str(tmp_path / "grades.csv"), "--feedback", str(feedback))
    status, out, _ = command("grade", str(sheets), "two-neuron", *places)
    assert status == 0
    assert "Marked 6 sheets." in out
    assert len(list(feedback.iterdir())) == 6
    names = sorted(path.name for path in feedback.iterdir())
    assert command("grade", str(sheets), "two-neuron", *places)[0] == 0
    assert sorted(path.name for path in feedback.iterdir()) == names


@pytest.mark.parametrize(
    "sheets",
    [
        [("", "a.xlsx"), ("", "one/a.xlsx"), ("", "two/a.xlsx")],
        [("Ada", "a.xlsx"), ("Ada", "one/a.xlsx"), ("Bob", "one/b.xlsx"), ("Bob", "b.xlsx")],
        [("Ada", "a.xlsx"), ("Ada", "b.xlsx"), ("Ada a.xlsx", "c.xlsx")],
        [("Ada", "a.xlsx"), ("Ada", "one/a.xlsx"), ("Ada a.xlsx", "c.xlsx")],
        [("Ada", "a.xlsx"), ("Ada", "one/a.xlsx"), ("Ada /one/a.xlsx", "c.xlsx")],
        [("Ada", "1/a.xlsx"), ("Ada", "2/a.xlsx"), *[("Ada /1/a.xlsx", f"{n}.xlsx") for n in "12"]],
        [("ADA", "a.xlsx"), ("Ada", "b.xlsx"), ("ada", "c.xlsx"), ("Ádá", "d.xlsx")],
    ],
)
def test_no_page_takes_the_place_of_another(tmp_path, sheets):
    """Not even where a student has chosen the name that is made for another's page."""
    made = tuple(
        MarkedSheet(tmp_path / "in" / file, student, "", (), float(number))
        for number, (student, file) in enumerate(sheets, start=1)
    )
    pages = write_feedback(Grades(made, ()), tmp_path / "out", "Title")
    assert len({page.name.casefold() for page in pages}) == len(sheets)
    for number, page in enumerate(pages, start=1):
        assert f"0 of {number} marks" in page.read_text(encoding="utf-8")


def test_a_student_with_one_sheet_has_a_page_by_name_alone(tmp_path, ada):
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    fill(folder / "mine.xlsx", ada, answers_of(ada))
    grades = grade_folder(tmp_path / "in", NETWORK)
    assert write_feedback(grades, Path(tmp_path / "out"), "T")[0].name == file_name("Ada", ".md")


def test_where_nothing_could_be_marked_there_are_no_pages(tmp_path):
    assert write_feedback(Grades((), ()), tmp_path / "out", "Title") == []
