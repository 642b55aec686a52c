"""Mix-ups and forgeries are said before anything else, and nothing is marked in silence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from openpyxl import load_workbook

from bpsheet.exercises.exercise import Task
from bpsheet.exercises.fillin import FIRST_ROW, IDENTITY, SHEET, fill_in_workbook
from bpsheet.exercises.grades import MarkedSheet
from bpsheet.exercises.key import read_key
from bpsheet.exercises.names import file_name
from bpsheet.exercises.pages import student_page
from bpsheet.hand.numbers import decimals_needed
from bpsheet.runs.run import Run
from tests.helpers.grading import NETWORK, answers_of, fill, grade_file, grade_folder


@pytest.fixture
def sheets(filled_in, tmp_path) -> Path:
    shutil.copytree(filled_in, tmp_path, dirs_exist_ok=True)
    return tmp_path / "sheets"


def marked(folder: Path) -> dict[str, MarkedSheet]:
    """The marked sheets by their files' names."""
    grades = grade_folder(folder, NETWORK, key=read_key(folder.parent / "key"))
    assert not grades.refused
    return {sheet.path.name: sheet for sheet in grades.sheets}


def with_identity(path: Path, old: str, new: str) -> None:
    book = load_workbook(path)
    text = book[IDENTITY]["A1"].value
    book[IDENTITY]["A1"].value = text.replace(old, new) if old else None
    book.save(path)


def test_sheets_without_a_mix_up_have_no_warning(sheets):
    assert {sheet.warnings for sheet in marked(sheets).values()} == {()}


@pytest.mark.slow
def test_an_emptied_identity_is_said_and_the_sheet_found_by_what_is_printed(sheets):
    with_identity(sheets / file_name("Ada"), "", "")
    found = marked(sheets)[file_name("Ada")]
    assert (found.student, found.total) == ("Ada", 25)
    assert found.warnings == (
        "its hidden sheet Identity is gone; exercise and student were read from what is printed",
    )


@pytest.mark.slow
def test_an_identity_of_another_student_is_said(sheets):
    with_identity(sheets / file_name("Bob"), '"Bob"', '"Ada"')
    found = marked(sheets)
    assert found[file_name("Bob")].warnings == (
        "its hidden sheet Identity says Ada, and Bob is written on the sheet",
        "the file has the name of Bob's",
        "the numbers on it are those of Bob",
        "2 files carry this student's name",
    )
    assert found[file_name("Ada")].warnings == ("2 files carry this student's name",)


def test_a_sheet_in_a_file_of_another_students_name_is_said(sheets):
    (sheets / file_name("Bob")).unlink()
    (sheets / file_name("Ada")).rename(sheets / file_name("Bob"))
    found = marked(sheets)[file_name("Bob")]
    assert (found.student, found.warnings) == ("Ada", ("the file has the name of Bob's",))


@pytest.mark.slow
def test_an_identity_without_a_student_is_said(sheets):
    with_identity(sheets / file_name("Cem"), '"Cem"', '""')
    warnings = marked(sheets)[file_name("Cem")].warnings
    assert "its hidden sheet Identity names no student, unlike the others of this class" in warnings
    assert "the numbers on it are those of Cem" in warnings


def test_another_students_numbers_are_said_and_earn_nothing(sheets):
    own, other = (load_workbook(sheets / file_name(name)) for name in ("Ada", "Bob"))
    for row in range(FIRST_ROW, own[SHEET].max_row + 1):
        own[SHEET][f"B{row}"].value = other[SHEET][f"B{row}"].value
    own.save(sheets / file_name("Ada"))
    found = marked(sheets)[file_name("Ada")]
    assert found.warnings == ("the numbers on it are those of Bob",)
    assert found.total < 0.05 * found.out_of


def test_a_sheet_that_another_student_handed_in_is_said(sheets):
    folder = sheets / "Bob_17_assignsubmission_file_"
    folder.mkdir()
    shutil.move(sheets / file_name("Ada"), folder / "homework.xlsx")
    assert marked(sheets)["homework.xlsx"].warnings == ("Bob handed in the sheet of Ada",)


def changed_sheet(path: Path, task: Task, name: str, value: object, run: Run) -> Path:
    """A sheet with another printed value, and what follows from a run as its answers."""
    path.write_bytes(fill_in_workbook(task))
    book = load_workbook(path)
    for row, line in enumerate(task.lines, FIRST_ROW):
        cell = book[SHEET][f"B{row}"]
        if line.is_asked:
            exact = float(run.values[line.iteration - 1, run.program.position[line.name]])
            cell.value = f"{exact:.{decimals_needed(exact, task.exercise.digits) + 1}f}"
        elif line.name == name:
            cell.value = value
    book.save(path)
    return path


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [("x1", "x1[1]", 0.85), ("w_xg1", "w_xg1", 0.33), ("lr", "lr", 0.5)],
)
def test_a_changed_given_value_is_said_and_what_follows_from_it_is_right(
    ada, own, name, setting, value
):
    setting = "learning_rate" if setting == "lr" else setting
    other = Run.of(ada.trace.experiment.changed({setting: value}))
    sheet = grade_file(changed_sheet(own, ada, name, value, other), NETWORK)
    assert sheet.total == sheet.out_of == 25
    (warning,) = sheet.warnings
    assert warning.startswith(f"a printed value was changed: {name} from ")
    assert warning.endswith(f"to {value}")


@pytest.mark.sample(2)
@pytest.mark.parametrize("value", ["0,5", "abc", None, 0])
def test_a_changed_value_that_was_not_used_costs_nothing(ada, own, value):
    """Also where it is no number any more."""
    sheet = grade_file(changed_sheet(own, ada, "lr", value, ada.trace), NETWORK)
    assert sheet.total == 25
    assert sheet.warnings[0].startswith("a printed value was changed: lr from 0.1 to")


def test_many_changed_values_are_not_followed(ada, own):
    """With inputs and weights of 0 a sheet would be easy."""
    fill(own, ada, {line.name: "0" for line in ada.lines if line.is_asked})
    book = load_workbook(own)
    for row, line in enumerate(ada.lines, FIRST_ROW):
        if line.value is not None and line.iteration:
            book[SHEET][f"B{row}"].value = 0
    book.save(own)
    sheet = grade_file(own, NETWORK)
    assert "printed values were changed: w_xg0 from -0.9 to 0," in sheet.warnings[0]
    assert sheet.total < 0.05 * sheet.out_of


def test_the_way_in_which_programs_save_numbers_is_no_change(ada, own):
    fill(own, ada, answers_of(ada))
    book = load_workbook(own)
    for row, line in enumerate(ada.lines, FIRST_ROW):
        if isinstance(line.value, float):
            book[SHEET][f"B{row}"].value = f"{line.value:.7f}".replace(".", ",")
    book.save(own)
    assert grade_file(own, NETWORK).warnings == ()


@pytest.mark.slow
def test_warnings_are_for_the_teacher_and_stand_first(sheets, tmp_path, command):
    with_identity(sheets / file_name("Bob"), '"Bob"', '"Ada"')
    page = student_page(marked(sheets)[file_name("Bob")], "Title").text()
    assert "Bob" not in page
    table = tmp_path / "g.csv"
    _, out, _ = command("grade", str(sheets), str(sheets.parent / "key"), "-o", str(table))
    first = out.index("Look at these first:")
    assert (
        first
        < out.index("its hidden sheet Identity says Ada, and Bob")
        < out.index("first mistake")
    )
    assert "its hidden sheet Identity says Ada" in table.read_text(encoding="utf-8-sig")
