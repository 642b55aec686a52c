"""Handing out: one sheet, or a sheet for each student with the key in another folder.

An existing sheet with other contents may have been filled in, so it is replaced only with
`force`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from bpsheet.errors import NotReplacedError, OutputError
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.feedback import KEY_HEADS, feedback_text, key_text
from bpsheet.exercises.fillin import fill_in_workbook
from bpsheet.exercises.grades import Grades, MarkedSheet
from bpsheet.exercises.roster import file_name
from bpsheet.files.ours import refuse_others
from bpsheet.files.seals import sealed
from bpsheet.files.whole import replacing
from bpsheet.hand.numbers import decimals_needed

__all__ = ["KEY_FILE", "write_class", "write_feedback", "write_sheet"]

KEY_FILE = "key.csv"

KeyRow = tuple[str, str, int, str, float, str]


def write_sheet(exercise: Exercise, path: Path, *, live: bool = False, force: bool = False) -> Task:
    """Write one fill-in workbook with the experiment's numbers. Returns its task.

    Raises OutputError where the file cannot be written, and for an existing file with other
    contents. `force` replaces an existing file.
    """
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    task = exercise.task()
    _write(path, fill_in_workbook(task, live=live), force=force)
    return task


def write_class(
    exercise: Exercise,
    folder: Path,
    key: Path,
    students: Sequence[str],
    *,
    live: bool = False,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Path]:
    """Write a fill-in workbook for each student, and the key in another folder.

    Returns the paths of the workbooks. Raises OutputError for a key among the sheets, where a
    file cannot be written, and for an existing file with other contents. `force` replaces
    existing files.
    """
    if folder.suffix.lower() == ".xlsx":
        raise OutputError(f"{folder}: with a roster, -o names a folder")
    inside = folder.resolve()
    if key.resolve() == inside or inside in key.resolve().parents:
        raise OutputError(f"{key}: the key must lie outside the students' folder {folder}")
    refuse_others(key / KEY_FILE, force=force, first_line=",".join(KEY_HEADS))
    paths = []
    rows: list[KeyRow] = []
    for number, student in enumerate(students, start=1):
        task = exercise.task(student)
        path = folder / file_name(student)
        _write(path, fill_in_workbook(task, live=live), force=force)
        paths.append(path)
        rows += _key_rows(task, path.name)
        if progress is not None:
            progress(number)
    with replacing(key / KEY_FILE) as stream:
        stream.write(key_text(rows).encode())
    return paths


def _key_rows(task: Task, name: str) -> list[KeyRow]:
    found = []
    for line in task.lines:
        if line.is_asked:
            exact = task.exact(line)
            rounded = f"{exact:.{decimals_needed(exact, task.exercise.digits)}f}"
            found.append((task.student, name, line.iteration, line.name, exact, rounded))
    return found


def _write(path: Path, content: bytes, *, force: bool) -> None:
    try:
        is_there = path.exists() or path.is_symlink()
        if is_there and path.is_file() and path.stat().st_size == len(content):
            is_there = path.read_bytes() != content
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
    if is_there and not force:
        raise NotReplacedError(
            f"{path} exists and differs; it may have been filled in. "
            "Choose another place, or replace it"
        )
    with replacing(path) as stream:
        stream.write(content)


def write_feedback(grades: Grades, folder: Path, title: str, *, force: bool = False) -> list[Path]:
    """Write a page of Markdown for each marked sheet. Returns the paths of the pages.

    Raises OutputError where a page cannot be written, and for an existing page that somebody has
    changed. `force` replaces such a page.
    """
    pages = {
        folder / name: sealed(feedback_text(sheet, title), "markdown")
        for name, sheet in zip(_page_names(grades.sheets), grades.sheets, strict=True)
    }
    # Every page is checked before the first one is written.
    for path in pages:
        refuse_others(path, force=force)
    for path, text in pages.items():
        with replacing(path) as stream:
            stream.write(text.encode())
    return list(pages)


def _page_names(sheets: Sequence[MarkedSheet]) -> list[str]:
    """A name for the page of each sheet, no two alike.

    The name comes from the student. A student with several sheets, or a sheet without a student,
    adds the file's name. Files of the same name add their folders.
    """
    root = Path(os.path.commonpath([sheet.path.parent for sheet in sheets])) if sheets else Path()
    owners = [
        (
            sheet.student,
            f"{sheet.student} {sheet.path.name}",
            f"{sheet.student} /{sheet.path.relative_to(root).as_posix()}",
        )
        for sheet in sheets
    ]
    count = Counter(owner for each in owners for owner in each)
    names: dict[str, None] = {}
    for each in owners:
        owner = next((owner for owner in each if owner and count[owner] == 1), each[-1])
        # A student may have typed a name that equals the name of another student's page.
        while (name := file_name(owner, ".md")) in names:
            owner += "'"
        names[name] = None
    return list(names)
