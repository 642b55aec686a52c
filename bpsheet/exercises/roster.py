"""Students' names: a roster of them, and safe file names made from them."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from pathlib import Path

from bpsheet.errors import ExperimentError, Problem
from bpsheet.tables.csv_rows import numbered_rows

__all__ = ["file_name", "read_roster"]

MAX_ROSTER = 1_000_000
MAX_STUDENTS = 5_000
MAX_NAME = 100
NAME_HEADS = ("student", "name")
ID_HEADS = ("id", "number")


def file_name(student: str, ending: str = ".xlsx") -> str:
    """A file's name for a student: plain letters and a hash, so that no two are alike.

    No path, no device's name, no clash where capitals do not count.

    >>> file_name("Ada Lovelace")
    'ada-lovelace-76740216.xlsx'
    """
    plain = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain)[:40].strip("-") or "student"
    short = hashlib.sha256(student.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{short}{ending}"


def read_roster(path: Path) -> list[str]:
    """The students on a roster: a CSV file with a column `student` or `name`.

    Without such a header each line is a name. A column `id` is added to the name, where two
    have the same. Raises ExperimentError, with every problem.
    """
    try:
        if path.stat().st_size > MAX_ROSTER:
            raise ExperimentError([Problem("", f"more than {MAX_ROSTER:,} bytes")], str(path))
        text = path.read_text(encoding="utf-8-sig")
        rows = numbered_rows(text)
    except OSError as error:
        raise ExperimentError(
            [Problem("", f"cannot be read ({error.strerror})")], str(path)
        ) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ExperimentError(
            [Problem("", f"not a CSV file in UTF-8 ({error})")], str(path)
        ) from None
    heads = [head.strip().lower() for head in rows[0][1]] if rows else []
    place = next((heads.index(head) for head in NAME_HEADS if head in heads), None)
    number = next((heads.index(head) for head in ID_HEADS if head in heads), None)
    if place is None:
        place, number, lines = 0, None, rows
    else:
        lines = rows[1:]
    students = [(line, _student(row, place, number)) for line, row in lines]
    problems = _problems(students)
    if problems:
        raise ExperimentError(problems, str(path))
    return [student for _, student in students]


def _student(row: list[str], place: int, number: int | None) -> str:
    name = " ".join(row[place].split()) if place < len(row) else ""
    added = row[number].strip() if number is not None and number < len(row) else ""
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
            problems.append(Problem(f"line {line}", "a character that is no part of a name"))
        elif student in seen:
            problems.append(Problem(f"line {line}", f"{student} is there twice; add a column id"))
        seen.add(student)
    return problems
