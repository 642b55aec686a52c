"""Grade tables that Moodle and Canvas import as they are.

Moodle gets what identifies a student, and the marks: feedback without a mark would wipe marks there.
Canvas gets the columns of its own export, and the row of points.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.errors import ExperimentError, Problem
from bpsheet.exercises.feedback import number
from bpsheet.exercises.grades import Grades, MarkedSheet
from bpsheet.exercises.headings import CANVAS_IDS, MOODLE_IDS, plain
from bpsheet.exercises.names import alike
from bpsheet.exercises.roster import Roster, Student
from bpsheet.words import listed

__all__ = ["SYSTEMS", "Gradebook", "check_roster", "gradebook"]

SYSTEMS = ("moodle", "canvas")
# The columns of Canvas's own export, in its order. It imports a table without those in brackets.
CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Root Account", "Section")
NEEDED = ("Student", "ID", "SIS Login ID", "Section")
# Stands for a column of names, where the roster has no such column.
NAME = -1
# What stands in Canvas's second row.
POINTS = "    Points Possible"


@dataclass(frozen=True)
class Gradebook:
    """A grade table as CSV, and what is to be said about students without a mark in it."""

    text: str
    notes: tuple[str, ...]


def gradebook(
    grades: Grades, roster: Roster | None, system: str, title: str, *, by_question: bool = False
) -> Gradebook:
    """The marks as a table for "moodle" or "canvas", in the order of the roster.

    title:       the name of the mark's column
    by_question: a column for each question, too

    A student without a marked sheet, or with several, has no mark in it. Raises ExperimentError for a
    roster without what the system knows students by.
    """
    columns = _columns(roster, system)
    assert roster is not None
    by_student: dict[str, list[MarkedSheet]] = {}
    for sheet in grades.sheets:
        by_student.setdefault(alike(sheet.student), []).append(sheet)
    heads = _questions(grades.sheets) if by_question else []
    titles = [title, *(f"{title}: {head}" for head in heads)]
    rows = [[head for head, _ in columns] + titles]
    if system == "canvas":
        rows.append([POINTS] + [""] * (len(columns) - 1) + _points(grades.sheets, heads))
    several: list[str] = []
    without: list[str] = []
    for student in roster.students:
        sheets = by_student.pop(alike(student.label), [])
        (several if len(sheets) > 1 else without if not sheets else []).append(student.label)
        # A row without a mark might wipe one that is there.
        if len(sheets) == 1:
            own = [_cell(student, index) for _, index in columns]
            rows.append(own + _marks(sheets[0], heads))
    left = [sheet for sheets in by_student.values() for sheet in sheets]
    others = sorted({sheet.student or sheet.path.name for sheet in left})
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    notes = [
        f"{said}: {listed(names)}"
        for said, names in (
            ("No mark, as several sheets carry the name", several),
            ("No mark, as no sheet was marked", without),
            ("Not in the table, as not on the roster", others),
        )
        if names
    ]
    return Gradebook(out.getvalue(), tuple(notes))


def check_roster(roster: Roster | None, system: str) -> None:
    """Raise ExperimentError for a roster without what a system knows students by."""
    _columns(roster, system)


def _columns(roster: Roster | None, system: str) -> list[tuple[str, int | None]]:
    """The columns that identify students: their headings, and their indices on the roster."""
    if roster is None:
        said = "a grade table needs the roster, which the key has; or give the roster itself"
        raise ExperimentError([Problem("students", said)], "gradebook")
    index = {plain(head): at for at, head in reversed(list(enumerate(roster.heads)))}
    found = ", ".join(roster.heads) or "names alone"
    if system == "moodle":
        known = (index[name] for name in MOODLE_IDS if name in index)
        at = next((at for at in known if _is_full(roster, at)), None)
        if at is None:
            said = (
                "Moodle knows students by their ID number (a student number, a Matrikelnummer …), "
                "username or email address; each student needs one on the roster, which has "
                f"{found}"
            )
            raise ExperimentError([Problem("students", said)], "gradebook")
        return [(roster.heads[at], at)]
    if not any(name in index and _is_full(roster, index[name]) for name in CANVAS_IDS):
        said = (
            "Canvas knows students by ID, SIS User ID or SIS Login ID, as its own export has them; the "
            f"roster has {found}"
        )
        raise ExperimentError([Problem("students", said)], "gradebook")
    names = [name for name in CANVAS if name in NEEDED or plain(name) in index]
    return [(name, index.get(plain(name), NAME if name == "Student" else None)) for name in names]


def _is_full(roster: Roster, at: int) -> bool:
    return all(_cell(student, at) for student in roster.students)


def _cell(student: Student, at: int | None) -> str:
    """A student's cell; the name for `NAME`, and nothing where the roster has no such column."""
    if at == NAME:
        return student.name
    if at is None:
        return ""
    return student.cells[at] if at < len(student.cells) else ""


def _questions(sheets: Sequence[MarkedSheet]) -> list[str]:
    """The questions of all sheets, in their order; an iteration is told where there are several."""
    places = dict.fromkeys(mark.judgement.place for sheet in sheets for mark in sheet.marks)
    return [_question(place) for place in places]


def _question(place: tuple[int, str]) -> str:
    iteration, name = place
    return f"{name} ({iteration})"


def _marks(sheet: MarkedSheet, heads: Sequence[str]) -> list[str]:
    by_question = {_question(mark.judgement.place): mark.mark for mark in sheet.marks}
    return [
        _mark(sheet.total),
        *(_mark(by_question[head]) if head in by_question else "" for head in heads),
    ]


def _points(sheets: Sequence[MarkedSheet], heads: Sequence[str]) -> list[str]:
    """The most that each column can hold."""
    whole = max((sheet.out_of for sheet in sheets), default=0.0)
    most: dict[str, float] = {}
    for sheet in sheets:
        for mark in sheet.marks:
            question = _question(mark.judgement.place)
            most[question] = max(most.get(question, 0.0), mark.most)
    return [_mark(whole), *(_mark(most[head]) for head in heads)]


def _mark(value: float) -> str:
    """A mark with a point and at most four decimals."""
    return number(round(value, 4))
