"""Handing out: one sheet, or a sheet for each student with the key in another folder.

An existing sheet with other contents may have been filled in, so it is replaced only with
`force`.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bpsheet.errors import OutputError
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.feedback import KEY_HEADS, key_text
from bpsheet.exercises.fillin import Picture, fill_in_workbook
from bpsheet.exercises.grades import Grades, MarkedSheet
from bpsheet.exercises.key import key_files, write_key
from bpsheet.exercises.names import file_name
from bpsheet.exercises.pages import class_page, student_page
from bpsheet.exercises.roster import Roster
from bpsheet.files.ours import is_ours, refuse_others, refuse_unlike
from bpsheet.files.seals import sealed, sealed_picture
from bpsheet.files.whole import replacing
from bpsheet.outside.browser import page_as_pdf

__all__ = ["CLASS_PAGE", "KEY_FILE", "HandedOut", "write_class", "write_feedback", "write_sheet"]

KEY_FILE = "key.csv"
# The class's page beside the students' pages.
CLASS_PAGE = "index.html"

KeyRow = tuple[str, str, int, str, float, str]


@dataclass(frozen=True)
class HandedOut:
    """The paths of a class's workbooks, and how many of them differ in what is printed on them."""

    paths: tuple[Path, ...]
    different: int


def write_sheet(
    exercise: Exercise,
    path: Path,
    *,
    live: bool = False,
    picture: Picture | None = None,
    force: bool = False,
) -> Task:
    """Write one fill-in workbook with the experiment's numbers. Returns its task.

    Raises OutputError where the file cannot be written, and for an existing file with other
    contents. `force` replaces an existing file.
    """
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    task = exercise.task()
    _write(path, fill_in_workbook(task, live=live, picture=picture), force=force)
    return task


def write_class(
    exercise: Exercise,
    folder: Path,
    key: Path,
    students: Sequence[str] | Roster,
    *,
    live: bool = False,
    picture: Picture | None = None,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> HandedOut:
    """Write a fill-in workbook for each student, and the key in another folder.

    The key has the right values, the experiment as it is now, and the roster. Raises OutputError
    for a key among the sheets, where a file cannot be written, and for an existing file with other
    contents. `force` replaces existing files.
    """
    if folder.suffix.lower() == ".xlsx":
        raise OutputError(f"{folder}: with a roster, -o names a folder")
    inside = folder.resolve()
    if key.resolve() == inside or inside in key.resolve().parents:
        raise OutputError(f"{key}: the key must lie outside the students' folder {folder}")
    refuse_others(key / KEY_FILE, force=force, first_line=",".join(KEY_HEADS))
    roster = students if isinstance(students, Roster) else Roster.of_names(students)
    for path, line in key_files(key, exercise).items():
        refuse_others(path, force=force, first_line=line)
    paths = []
    rows: list[KeyRow] = []
    printed = set()
    for number, student in enumerate(roster.labels, start=1):
        task = exercise.task(student)
        path = folder / file_name(student)
        _write(path, fill_in_workbook(task, live=live, picture=picture), force=force)
        paths.append(path)
        rows += _key_rows(task, path.name)
        printed.add(tuple(line.printed for line in task.lines))
        if progress is not None:
            progress(number)
    with replacing(key / KEY_FILE) as stream:
        stream.write(key_text(rows).encode())
    write_key(key, exercise, roster, force=force)
    return HandedOut(tuple(paths), len(printed))


def _key_rows(task: Task, name: str) -> list[KeyRow]:
    found = []
    for line in task.lines:
        if line.is_asked:
            exact = task.exact(line)
            found.append((task.student, name, line.iteration, line.name, exact, task.rounded(line)))
    return found


def _write(path: Path, content: bytes, *, force: bool) -> None:
    refuse_unlike(path, content, force=force)
    with replacing(path) as stream:
        stream.write(content)


def write_feedback(
    grades: Grades, folder: Path, title: str, *, printed: bool = False, force: bool = False
) -> list[Path]:
    """Write a page (.html) for each marked sheet, and one for the class. Returns the students' pages.

    `printed` writes each of them as .pdf, too, by an installed browser. The class's page is
    index.html. A page replaces an earlier one of the same sheet, and no other page. Raises OutputError
    where a page cannot be written, and for an existing page that somebody has changed; `force`
    replaces such a page. Raises EngineError where no browser prints.
    """
    paths = [folder / name for name in _page_names(grades.sheets, folder)]
    pages = {
        path: f"{student_page(sheet, title).html()}{_origin(sheet)}\n"
        for path, sheet in zip(paths, grades.sheets, strict=True)
    }
    if grades.sheets:
        pages[folder / CLASS_PAGE] = class_page(grades, title).html()
    # Every page is checked before the first one is written.
    targets = [*pages, *(path.with_suffix(".pdf") for path in pages if printed)]
    for path in targets:
        refuse_others(path, force=force)
    contents = {path: sealed(text, "html").encode() for path, text in pages.items()}
    if printed:
        contents |= {
            path.with_suffix(".pdf"): sealed_picture(page_as_pdf(text, path.stem), ".pdf")
            for path, text in pages.items()
        }
    for path, content in contents.items():
        with replacing(path) as stream:
            stream.write(content)
    return paths


def _origin(sheet: MarkedSheet) -> str:
    """A comment by which the page of a sheet is known: of this exercise, student and file."""
    parts = f"{sheet.fingerprint}|{sheet.student}|{sheet.path.name}"
    digest = hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()
    return f"<!-- sheet {digest[:16]} -->"


def _page_names(sheets: Sequence[MarkedSheet], folder: Path) -> list[str]:
    """A name for the page of each sheet, no two alike, and none of another sheet's page.

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
    names: dict[str, None] = {CLASS_PAGE: None}
    for sheet, each in zip(sheets, owners, strict=True):
        own = [owner for owner in each if owner and count[owner] == 1]
        owner = next((one for one in own if _is_free(folder, one, sheet)), each[-1])
        # A student may have typed a name that equals the name of another student's page.
        while (name := file_name(owner, ".html")) in names or not _is_free(folder, owner, sheet):
            owner += "'"
        names[name] = None
    return list(names)[1:]


def _is_free(folder: Path, owner: str, sheet: MarkedSheet) -> bool:
    """Whether a page of this name is not there yet, or is this sheet's, or somebody has changed it."""
    path = folder / file_name(owner, ".html")
    try:
        if not path.is_file() or not is_ours(path):
            return True
        return _origin(sheet) in path.read_text(encoding="utf-8", errors="replace")[-300:]
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
