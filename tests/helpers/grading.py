"""A sheet that is filled in, rightly or with a slip; a sheet, and a folder of them, marked."""

from __future__ import annotations

import io
import zipfile
from contextlib import contextmanager
from pathlib import Path

from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.fillin import FIRST_ROW, NAME_CELL, SHEET, fill_in_workbook
from bpsheet.exercises.grade import grade_received
from bpsheet.exercises.handins import HandIn
from bpsheet.exercises.marking import read_class
from bpsheet.exercises.received import Exercises, received_file
from bpsheet.exercises.roster import Roster
from bpsheet.hand.numbers import Written, computed, decimals_needed, read_number
from bpsheet.hand.student import Student

EXERCISE = Exercise(bp.load("two-neuron"), digits=4, vary=("weights", "data"), seed=5)
NETWORK = EXERCISE.experiment
STUDENTS = ["Ada", "Bob", "Cem", "Dee"]


def following(task: Task, wrong: dict[tuple[int, str], Written], place: tuple[int, str]) -> float:
    """What a place's value is after wrong ones: what follows there, or the exact value."""
    answers = wrong | {place: computed(0.0, "", 0.0)}
    student = Student(task.trace.program, task.trace.values, answers)
    assert place in list(student.places())
    return (*student.followed(place), student.exact(place))[0]


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
            value = following(task, wrong, line.place)
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


def grade_file(path, experiment, scale=None, decimal=None):
    """One filled-in sheet, marked."""
    exercises = Exercises(experiment)
    received = received_file(HandIn(path), exercises)
    return grade_received([received], exercises, scale, decimal=decimal).sheets[0]


def grade_folder(
    folder, experiment, scale=None, *, students=(), key=None, decimal=None, progress=None
):
    """A class, read and marked as the command does, with nothing written."""
    exercises = Exercises(experiment, key.exercise if key is not None else None)
    roster = students if isinstance(students, Roster) else Roster.of_names(students)
    if not roster.students and key is not None:
        roster = key.roster

    @contextmanager
    def bar(_count):
        yield progress or (lambda _done: None)

    read = read_class(folder, exercises, roster, bar)
    return grade_received(
        read.received,
        exercises,
        scale,
        roster=roster,
        refused=read.refused,
        skipped=read.skipped,
        decimal=decimal,
    )
