"""The content of a filled-in workbook: its identity, and the asked cells.

A stranger has written the file. It is checked before it is opened, it is read from memory, it is
never written, and only the expected cells are read.
"""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook

from bpsheet.errors import BpsheetError, WorkbookError
from bpsheet.exercises.exercise import Task
from bpsheet.exercises.fillin import FIRST_ROW, IDENTITY, NAME_CELL, SHEET
from bpsheet.exercises.identity import Identity, read_identity
from bpsheet.exercises.questions import Place
from bpsheet.guard.limits import EXERCISE
from bpsheet.guard.package import guarded_bytes

__all__ = ["Filled", "FilledBook", "open_filled"]

MAX_TEXT = 200
NOT_OURS = "not an exercise sheet that bpsheet wrote"


@dataclass(frozen=True)
class Filled:
    """The answers as text by iteration and quantity, the formulas, and the number of numbers."""

    answers: dict[Place, str]
    formulas: tuple[Place, ...]
    numbers: int


class FilledBook:
    """A filled-in workbook, open for reading."""

    def __init__(self, book: Workbook, name: str) -> None:
        self._book = book
        self._name = name

    def identity(self) -> Identity:
        """The identity of the sheet. Raises WorkbookError for a workbook that is no exercise."""
        if IDENTITY not in self._book.sheetnames or SHEET not in self._book.sheetnames:
            raise WorkbookError(f"{self._name}: {NOT_OURS}")
        with _reading(self._name):
            text = self._book[IDENTITY]["A1"].value
        if not isinstance(text, str):
            raise WorkbookError(f"{self._name}: {NOT_OURS} (its identity is missing)")
        try:
            return read_identity(text)
        except WorkbookError as error:
            raise WorkbookError(f"{self._name}: {error}") from None

    def student(self) -> str:
        """The name that was typed on the sheet."""
        with _reading(self._name):
            return _text(self._book[SHEET][NAME_CELL].value)[:MAX_TEXT].strip()

    def read(self, task: Task) -> Filled:
        """The answers. Raises WorkbookError for lines that were moved."""
        last = FIRST_ROW + len(task.lines) - 1
        with _reading(self._name):
            sheet = self._book[SHEET]
            rows = list(sheet.iter_rows(min_row=FIRST_ROW, max_row=last, min_col=1, max_col=2))
        answers: dict[Place, str] = {}
        formulas = []
        numbers = 0
        for index, line in enumerate(task.lines):
            if not line.is_asked:
                continue
            cells = rows[index] if index < len(rows) else ()
            name = cells[0].value if cells else None
            if name != line.name:
                raise WorkbookError(
                    f"{self._name}: A{FIRST_ROW + index} should say {line.name}; lines were moved"
                )
            cell = cells[1] if len(cells) > 1 else None
            value = None if cell is None else cell.value
            if cell is not None and cell.data_type == "f":
                formulas.append(line.place)
            numbers += isinstance(value, int | float) and not isinstance(value, bool)
            answers[line.place] = _text(value)[:MAX_TEXT]
        return Filled(answers, tuple(formulas), numbers)


def _text(value: object) -> str:
    """A cell as text. A number cell keeps no final zeros, and a date was meant as a number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dt.date | dt.time | dt.timedelta):
        return f"{value} (a date or time)"
    if not isinstance(value, str):
        return type(value).__name__
    return "".join(char if char.isprintable() else " " for char in value)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn each error of the library for a damaged file into a WorkbookError that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except BpsheetError:
        raise
    except Exception as error:  # noqa: BLE001 - six unrelated kinds were seen, and more may come
        raise WorkbookError(f"{name}: damaged ({type(error).__name__})") from None


def open_filled(path: Path) -> FilledBook:
    """A stranger's workbook. Raises WorkbookError where the file is no workbook, or breaks a limit."""
    data = guarded_bytes(path, EXERCISE, path.name)
    with _reading(path.name):
        book = load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
    return FilledBook(book, path.name)
