"""Rosters as schools have them: a table in any of their encodings and forms, with a name's column.

>>> roster = roster_of("Last name;First name;ID number\\nLovelace;Ada;17\\n", "class.csv")
>>> roster.students[0].label, roster.said
('Ada Lovelace (17)', '1 student: name from First name and Last name, id from ID number')
"""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bpsheet.errors import BpsheetError, ExperimentError, InputError, Problem
from bpsheet.exercises.headings import Columns, columns_of, is_no_student, with_id
from bpsheet.exercises.names import alike
from bpsheet.exercises.sheetfile import contents_of
from bpsheet.guard.gate import read_bytes
from bpsheet.guard.limits import EXERCISE
from bpsheet.guard.text import decoded, unlikely_word
from bpsheet.tables.csv_rows import NumberedLine, numbered_rows, separator_of
from bpsheet.words import counted, listed, shown

__all__ = ["Roster", "Student", "read_roster", "roster_of"]

MAX_ROSTER = 4_000_000
MAX_STUDENTS = 5_000
MAX_NAME = 100
BOOKS = (".xlsx", ".ods", ".xls")
FEW = 8


@dataclass(frozen=True)
class Student:
    """A student on a roster: what sheets call them, their name, their id, and all their cells."""

    label: str
    name: str
    id: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Roster:
    """The students of a class, the headings of the columns, and what was understood of the file.

    `own` are the indices of the columns of names and ids; all others are carried through.
    """

    students: tuple[Student, ...]
    heads: tuple[str, ...]
    own: tuple[int, ...]
    said: str

    @classmethod
    def of_names(cls, labels: Sequence[str]) -> Roster:
        """The roster of some names alone."""
        students = tuple(Student(label, label, "", (label,)) for label in labels)
        return cls(students, (), (0,), counted(len(students), "student"))

    @property
    def carried(self) -> tuple[int, ...]:
        """The columns that are neither names nor ids, which are carried through to the marks."""
        return tuple(index for index in range(len(self.heads)) if index not in self.own)

    @property
    def labels(self) -> list[str]:
        """What the students' sheets call them."""
        return [student.label for student in self.students]


def read_roster(path: Path) -> Roster:
    """The students on a roster: text with `,`, `;` or tabs, .xlsx or .ods.

    A column is a name by its heading (Name, Full name, First name and Last name, Nachname …). A
    file of one column needs no heading. An id, where there is one, is added to the name, so that
    students of the same name differ. Raises ExperimentError, with every problem.
    """
    try:
        if path.suffix.lower() in BOOKS:
            return _roster(_rows_of_book(path), "", path.name)
        text, encoding = decoded(read_bytes(path, MAX_ROSTER))
        if encoding not in ("UTF-8", "UTF-16") and (word := unlikely_word(text)):
            raise InputError(
                f"neither in UTF-8 nor in {encoding}, in which {shown(word)} would stand there; save "
                "it as CSV in UTF-8"
            )
        return roster_of(text, str(path), "" if encoding == "UTF-8" else encoding)
    except ExperimentError as error:
        raise ExperimentError(error.problems, str(path)) from None
    except BpsheetError as error:
        raise ExperimentError([Problem("", str(error))], str(path)) from None


def roster_of(text: str, source: str, encoding: str = "") -> Roster:
    """The roster in a text. Raises ExperimentError, with every problem."""
    try:
        begin, rest = text.split("\n", 1) if "\n" in text else ("", text)
        given = (
            begin.strip().lower().removeprefix("sep=") if begin.lower().startswith("sep=") else ""
        )
        if len(given) > 1 or given == '"':
            said = (
                f"one character that separates the columns expected after sep=; got {shown(given)}"
            )
            raise ExperimentError([Problem("line 1", said)], source)
        body = rest if given else text
        rows = numbered_rows(body, given or separator_of(body))
    except csv.Error as error:
        raise ExperimentError([Problem("", f"not a table of text ({error})")], source) from None
    if given:
        rows = [(line + 1, row) for line, row in rows]
    return _roster(rows, encoding, source)


def _rows_of_book(path: Path) -> list[NumberedLine]:
    """The rows of the first sheet that has any."""
    contents = contents_of(read_bytes(path, EXERCISE.file), path.name)
    for grid in contents.sheets.values():
        rows = [
            (number, [_cell_text(value) for value in row])
            for number, row in sorted(grid.values.items())
        ]
        if rows := [(number, row) for number, row in rows if any(row)]:
            return rows
    return []


def _cell_text(value: object) -> str:
    """A cell as text. An id that a program has stored as a number has no decimals."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value).strip()


def _roster(rows: list[NumberedLine], encoding: str, source: str) -> Roster:
    if not rows:
        raise ExperimentError([Problem("", "no students")], source)
    columns = columns_of([cell.strip() for cell in rows[0][1]])
    if columns is None:
        columns = _without_heads(rows, source)
    body = rows[1:] if columns.heads else rows
    problems: list[Problem] = []
    left_out: list[str] = []
    kept: list[tuple[int, tuple[str, ...]]] = []
    for line, row in body:
        if extra := [cell for cell in row[len(columns.heads) or 1 :] if cell.strip()]:
            said = f"more cells than headings ({shown(extra[0].strip())})"
            problems.append(Problem(f"line {line}", said))
        cells = tuple(cell.strip() for cell in row)
        if is_no_student(columns, cells):
            left_out.append(f"line {line} ({next(filter(None, cells))})")
        else:
            kept.append((line, cells))
    columns = with_id(columns, [cells for _, cells in kept])
    found = [(line, _student(columns, cells)) for line, cells in kept]
    problems += _problems(found)
    if problems:
        raise ExperimentError(problems, source)
    students = tuple(student for _, student in found)
    return Roster(
        students, columns.heads, columns.own, _said(columns, students, encoding, left_out)
    )


def _without_heads(rows: list[NumberedLine], source: str) -> Columns:
    """The columns of a list of names alone. Raises ExperimentError for any other table."""
    heads = [cell.strip() for cell in rows[0][1]]
    names = [row[0] for _, row in rows]
    is_list = len(heads) == 1 and all(any(c.isalpha() for c in n) and "@" not in n for n in names)
    if is_list:
        return Columns((), (0,))
    found = ", ".join(shown(head[:MAX_NAME]) for head in heads[:FEW] if head)
    more = f" and {len(heads) - FEW} more" if len(heads) > FEW else ""
    said = (
        f"no column is a name; the first line has {found}{more}. A heading such as Name, "
        "Student, First name and Last name, Nachname or Vorname expected"
    )
    raise ExperimentError([Problem("", said)], source)


def _student(columns: Columns, cells: tuple[str, ...]) -> Student:
    """The student in a row."""

    def cell(index: int) -> str:
        text = cells[index] if index < len(cells) else ""
        return " ".join(unicodedata.normalize("NFC", text).split())

    name = " ".join(filter(None, map(cell, columns.names)))
    number = cell(columns.id) if columns.id is not None else ""
    return Student(f"{name} ({number})" if name and number else name, name, number, cells)


def _problems(students: Sequence[tuple[int, Student]]) -> list[Problem]:
    if not students:
        return [Problem("", "no students")]
    if len(students) > MAX_STUDENTS:
        return [Problem("", f"{len(students):,} students; at most {MAX_STUDENTS:,}")]
    problems = []
    first: dict[str, tuple[int, str]] = {}
    for line, student in students:
        key = alike(student.label)
        place = f"line {line}"
        if not student.name:
            problems.append(Problem(place, "no name"))
        elif len(student.label) > MAX_NAME:
            problems.append(Problem(place, f"a name of more than {MAX_NAME} characters"))
        elif any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in student.label):
            problems.append(Problem(place, "the name has a character that names do not have"))
        elif key in first:
            other, label = first[key]
            twice = f"stands there twice (line {other})"
            if label != student.label:
                twice = f"differs from {label} (line {other}) by capitals or spaces alone"
            problems.append(Problem(place, f"{student.label} {twice}; add a column ID"))
        first.setdefault(key, (line, student.label))
    return problems


def _said(
    columns: Columns, students: Sequence[Student], encoding: str, left_out: Sequence[str]
) -> str:
    """What was understood of a roster, in a sentence."""
    if not columns.heads:
        name = "each line is a name"
    else:
        name = f"name from {listed([columns.heads[index] for index in columns.names])}"
    parts = [name]
    if columns.id is not None:
        parts.append(f"id from {columns.heads[columns.id]}")
        if missing := sum(not student.id for student in students):
            parts.append(f"{missing} without id")
    if encoding:
        parts.append(f"read as {encoding}")
    if left_out:
        parts.append(f"no students: {', '.join(left_out[:FEW])}")
    twins = [n for n, count in Counter(alike(s.name) for s in students).items() if count > 1]
    if twins:
        names = [next(s.name for s in students if alike(s.name) == twin) for twin in twins[:3]]
        parts.append(f"several students are called {listed(names)}")
    return f"{counted(len(students), 'student')}: {', '.join(parts)}"
