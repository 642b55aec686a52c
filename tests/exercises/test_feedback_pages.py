"""Each marked sheet has a page of feedback of its own."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from bpsheet.errors import OutputError
from bpsheet.exercises.grades import Grades, MarkedSheet
from bpsheet.exercises.handout import write_feedback
from bpsheet.exercises.names import file_name
from bpsheet.exercises.pages import class_page, student_page
from bpsheet.paper.blocks import Beside, Equation, Heading, Prose
from bpsheet.printers.atoms import AtomText
from tests.helpers.grading import EXERCISE, NETWORK, answers_of, fill, grade_folder

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")


@pytest.mark.slow
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
    assert len(list(feedback.iterdir())) == 7  # that of the class, too
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
        [(unicodedata.normalize(form, "Ｚoë\u0323"), f"{form}.xlsx") for form in FORMS],
        [("हिन्दी", "a.xlsx"), ("हन्द", "b.xlsx"), ("\u0301", "c.xlsx"), ("\u200b", "d.xlsx")],
    ],
)
def test_no_page_takes_the_place_of_another(tmp_path, sheets):
    """Not even where a student has chosen the name that is made for another's page."""
    made = tuple(
        MarkedSheet(tmp_path / "in" / file, student, "", (), float(number))
        for number, (student, file) in enumerate(sheets, start=1)
    )
    pages = write_feedback(Grades(made, ()), tmp_path / "out", "Title")
    names = [unicodedata.normalize("NFKC", page.name).casefold() for page in pages]
    assert len(set(names)) == len(sheets)
    for number, page in enumerate(pages, start=1):
        assert f"0 of {number} marks" in page.read_text(encoding="utf-8")


def test_a_student_with_one_sheet_has_a_page_by_name_alone(tmp_path, ada):
    folder = tmp_path / "in" / "deep"
    folder.mkdir(parents=True)
    fill(folder / "mine.xlsx", ada, answers_of(ada))
    grades = grade_folder(tmp_path / "in", NETWORK)
    assert write_feedback(grades, Path(tmp_path / "out"), "T")[0].name == file_name("Ada", ".html")


def test_where_nothing_could_be_marked_there_are_no_pages(tmp_path):
    assert write_feedback(Grades((), ()), tmp_path / "out", "Title") == []


def test_a_page_of_another_exercise_or_file_stays(tmp_path):
    """Marked in another run into the same folder; the same sheet's page is written anew."""
    out = tmp_path / "out"

    def page(fingerprint: str, file: str, out_of: float) -> Path:
        sheet = MarkedSheet(tmp_path / "in" / file, "Ada", fingerprint, (), out_of)
        (made,) = write_feedback(Grades((sheet,), ()), out, "Title")
        return made

    first = page("f1", "a.xlsx", 1.0)
    before = first.read_bytes()
    other, late = page("f2", "a.xlsx", 2.0), page("f1", "late.xlsx", 3.0)
    assert len({first, other, late}) == 3
    assert first.read_bytes() == before
    assert page("f1", "a.xlsx", 4.0) == first
    assert "0 of 4 marks" in first.read_text(encoding="utf-8")
    assert page("f2", "a.xlsx", 5.0) == other
    assert len(list(out.iterdir())) == 4


def test_the_mistake_stands_first_with_the_right_solution_beside(tmp_path, ada):
    (tmp_path / "in").mkdir()
    answers = answers_of(ada)
    wrong = answers["f_error"].removeprefix("-")
    assert wrong != answers["f_error"]
    fill(tmp_path / "in" / "ada.xlsx", ada, {**answers, "f_error": wrong})
    (sheet,) = grade_folder(tmp_path / "in", NETWORK).sheets
    page = student_page(sheet, "Two neurons")
    first = page.blocks[0]
    assert first == Heading("Look first at f_error, iteration 1")
    beside = page.blocks[1]
    assert isinstance(beside, Beside)
    said = " ".join(block.text for block in beside.left)
    assert said.startswith(f"{wrong} is written; -{wrong} is expected.")
    assert "sign" in said
    right = beside.right[-1]
    assert isinstance(right, Equation)
    assert AtomText(right.sides[-1].atoms).text(right.sides[-1].expr).startswith("-0.1")
    assert page.text().index("Look first") < page.text().index("Every value")


def test_what_follows_from_the_mistake_is_said_to_be_right(tmp_path, ada):
    """The values after a wrong output are worked out from the wrong one."""
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in" / "ada.xlsx", ada, answers_of(ada, {"g": 1.3}))
    (sheet,) = grade_folder(tmp_path / "in", NETWORK).sheets
    text = student_page(sheet, "T").text()
    assert "✓ carried through" in text
    assert "A value that follows correctly from a wrong one gets its full mark." in text


def test_a_right_sheet_has_a_page_without_mistakes(tmp_path, ada):
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in" / "ada.xlsx", ada, answers_of(ada))
    (sheet,) = grade_folder(tmp_path / "in", NETWORK).sheets
    page = student_page(sheet, "T")
    assert page.blocks[0] == Prose("Every value is right.")
    assert "Look first" not in page.text()


def test_a_sheet_without_any_value_is_said_to_be_blank(tmp_path, ada):
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in" / "ada.xlsx", ada, {})
    grades = grade_folder(tmp_path / "in", NETWORK)
    assert student_page(grades.sheets[0], "T").blocks[0] == Prose("Nothing is filled in.")
    assert "nothing is filled in" in class_page(grades, "T").text()


def test_a_right_value_has_the_digits_that_are_asked_where_fewer_are_written(tmp_path, ada):
    """0.17 for 0.0644: the page says 0.0644, not 0.06."""
    (tmp_path / "in").mkdir()
    answers = answers_of(ada)
    fill(tmp_path / "in" / "ada.xlsx", ada, {**answers, "MSE": "0.9"})
    (sheet,) = grade_folder(tmp_path / "in", NETWORK).sheets
    (mark,) = [one for one in sheet.marks if one.judgement.quantity == "MSE"]
    (line,) = [line for line in ada.lines if line.name == "MSE"]
    assert mark.expected == ada.rounded(line)
    assert mark.reason.startswith(f"{mark.expected} is expected")


@pytest.mark.slow
def test_the_class_page_counts_the_students_of_each_idea(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("Ada", "Bob", "Cem"):
        task = EXERCISE.task(name)
        answers = answers_of(task)
        slip = "" if name == "Cem" else "-"
        answers["f_error"] = (slip + answers["f_error"]).replace("--", "")
        fill(tmp_path / "in" / f"{name}.xlsx", task, answers)
    (tmp_path / "in" / "broken.xlsx").write_bytes(b"no workbook")
    text = class_page(grade_folder(tmp_path / "in", NETWORK, students=["Dee"]), "T").text()
    (idea,) = [line for line in text.splitlines() if "sign (error term)" in line]
    assert idea.split()[4] == "2"
    assert "broken.xlsx" in text.partition("What failed")[0]
    assert "Dee" in text
    (errors,) = [line for line in text.splitlines() if line.strip().startswith("error term")]
    assert "4 of 6" in errors


@pytest.mark.slow
def test_pages_are_printed_too_where_that_is_asked(tmp_path, ada, chromium):  # noqa: ARG001
    (tmp_path / "in").mkdir()
    fill(tmp_path / "in" / "ada.xlsx", ada, answers_of(ada))
    grades = grade_folder(tmp_path / "in", NETWORK)
    (page,) = write_feedback(grades, tmp_path / "out", "T", printed=True)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == sorted([page.name, page.with_suffix(".pdf").name, "index.html", "index.pdf"])
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    # Marked again, ours are replaced; a changed one stays.
    write_feedback(grades, tmp_path / "out", "T", printed=True)
    with page.open("a") as stream:
        stream.write("a teacher's remark")
    with pytest.raises(OutputError):
        write_feedback(grades, tmp_path / "out", "T")


def test_printing_needs_pages(command, tmp_path):
    status, _, err = command("grade", str(tmp_path), "two-neuron", "--pdf")
    assert status == 2
    assert "--pdf prints the pages of --feedback" in err
