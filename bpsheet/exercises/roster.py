"""Students' names: rosters, and safe file names for students."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from pathlib import Path

from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.tables.csv_rows import numbered_rows

__all__ = ["file_name", "read_roster"]

MAX_ROSTER = 1_000_000
MAX_STUDENTS = 5_000
MAX_NAME = 100
NAME_HEADS = ("student", "name")
ID_HEADS = ("id", "number")


def file_name(student: str, ending: str = ".xlsx") -> str:
    """The name of a student's file: plain letters and a hash, so that no two names are alike.

    The name holds no path and no device's name. Two names differ by more than capitals.

    >>> file_name("Ada Lovelace")
    'ada-lovelace-76740216.xlsx'
    """
    plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "student"
    short = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{short}{ending}"


def read_roster(path: Path) -> list[str]:
    """The students on a roster: a CSV file with a column `student` or `name`.

    Without such a header each line is a name. A column `id` or `number` is added to the name, so
    that students of the same name differ. Raises ExperimentError, with every problem.
    """
    try:
        rows = numbered_rows(read_text(path, MAX_ROSTER))
    except (InputError, csv.Error) as error:
        is_csv = isinstance(error, csv.Error)
        reason = f"not a CSV file in UTF-8 ({error})" if is_csv else str(error)
        raise ExperimentError([Problem("", reason)], str(path)) from None
    heads = [head.strip().lower() for head in rows[0][1]] if rows else []
    names = next((heads.index(head) for head in NAME_HEADS if head in heads), None)
    ids = next((heads.index(head) for head in ID_HEADS if head in heads), None)
    if names is None:
        names, ids, lines = 0, None, rows
    else:
        lines = rows[1:]
    students = [(line, _student(row, names, ids)) for line, row in lines]
    problems = _problems(students)
    if problems:
        raise ExperimentError(problems, str(path))
    return [student for _, student in students]


def _student(row: list[str], names: int, ids: int | None) -> str:
    """The student in a row, from the column of names and that of ids."""
    name = " ".join(row[names].split()) if names < len(row) else ""
    added = row[ids].strip() if ids is not None and ids < len(row) else ""
    return f"{name} ({added})" if name and added else name


def _problems(students: list[tuple[int, str]]) -> list[Problem]:
    if not students:
        return [Problem("", "no students")]
    if len(students) > MAX_STUDENTS:
        return [Problem("", f"{len(students):,} students; at most {MAX_STUDENTS:,}")]
    problems = []
    seen: set[str] = set()
    for line, student in students:
        if not student:
            problems.append(Problem(f"line {line}", "no name"))
        elif len(student) > MAX_NAME:
            problems.append(Problem(f"line {line}", f"a name of more than {MAX_NAME} characters"))
        elif any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in student):
            problems.append(
                Problem(f"line {line}", "the name has a character that names do not have")
            )
        elif student in seen:
            problems.append(
                Problem(f"line {line}", f"{student} stands there twice; add a column id")
            )
        seen.add(student)
    return problems
