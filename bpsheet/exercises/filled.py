"""The content of a filled-in sheet: whose it is, the answers, and what became of the printed values.

Only the cells that belong to the sheet's lines are read, wherever they have been moved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bpsheet.errors import BpsheetError, WorkbookError
from bpsheet.exercises.exercise import Task
from bpsheet.exercises.fillin import IDENTITY, NAME
from bpsheet.exercises.formulas.judging import Finding, findings_of
from bpsheet.exercises.identity import Identity, read_identity
from bpsheet.exercises.located import is_printed, located, same_text
from bpsheet.exercises.questions import Place
from bpsheet.exercises.sheetfile import contents_of, is_text
from bpsheet.words import clean
from bpsheet.xlsx.contents import Contents, Grid

__all__ = ["Changed", "Filled", "FilledBook", "open_filled"]

MAX_TEXT = 200
NOT_OURS = "not an exercise sheet that bpsheet wrote"
# What the identity begins with, and the line on the sheet by which people tell exercises apart.
BEGIN = '{"bpsheet":'
CODE = re.compile(r"Exercise (.{1,200}) ([0-9a-f]{12})")


@dataclass(frozen=True)
class Changed:
    """A printed value that is not there any more: its place, what was printed, what stands there."""

    place: Place
    printed: float | str
    written: str | float


@dataclass(frozen=True)
class Filled:
    """What a student made of a sheet.

    answers:  a text or a number by iteration and quantity; "" for a blank cell
    formulas: the places of formulas
    changed:  the printed values that were changed
    missing:  the asked quantities whose lines are gone
    findings: where formulas are asked, what was found out about each
    """

    answers: dict[Place, str | float]
    formulas: tuple[Place, ...] = ()
    changed: tuple[Changed, ...] = ()
    missing: tuple[str, ...] = ()
    findings: Mapping[Place, Finding] = field(default_factory=dict)

    @property
    def numbers(self) -> int:
        """How many cells hold numbers, and not text."""
        return sum(not isinstance(value, str) for value in self.answers.values())


@dataclass(frozen=True)
class FilledBook:
    """A filled-in workbook, open for reading."""

    contents: Contents

    @property
    def is_text(self) -> bool:
        """Whether it is a table of text, which has no room for an identity."""
        return is_text(self.contents.name)

    def identity(self) -> Identity | None:
        """The identity of the sheet; None where there is none.

        Raises WorkbookError for one that is damaged, or another version's.
        """
        found = [text for text in self._texts() if text.startswith(BEGIN)]
        kept = self.contents.sheets.get(IDENTITY)
        text = kept.value(1, 1) if kept is not None else None
        if not found and text is None:
            return None
        try:
            return read_identity(found[0] if found else str(text))
        except WorkbookError as error:
            raise WorkbookError(f"{self.contents.name}: {error}") from None

    def code(self) -> tuple[str, str] | None:
        """The exercise's name and fingerprint, as printed on the sheet."""
        matches = (CODE.fullmatch(same_text(text)) for text in self._texts())
        return next(((match[1], match[2]) for match in matches if match), None)

    def student(self) -> str:
        """The name on the sheet: what stands to the right of the word Name."""
        for grid in self.contents.sheets.values():
            for row, cells in grid.values.items():
                for column, cell in enumerate(cells, start=1):
                    if cell == NAME:
                        return _name_beside(grid, row, column)
        return ""

    def read(self, task: Task) -> Filled:
        """The answers. Raises WorkbookError where most of the sheet's lines are gone."""
        where = located(self.contents, task.lines)
        if where is None:
            raise WorkbookError(f"{self.contents.name}: the lines of the exercise are not there")
        answers: dict[Place, str | float] = {}
        formulas, missing, changed = [], [], []
        for number, line in enumerate(task.lines):
            is_there = number in where.rows
            value = where.cell(number) if is_there else None
            if line.is_asked:
                answers[line.place] = _answer(value)
                if not is_there:
                    missing.append(line.name)
                elif where.is_formula(number):
                    formulas.append(line.place)
            elif is_there and line.printed is not None and not is_printed(line, value):
                changed.append(Changed(line.place, line.printed, _answer(value)))
        findings = (
            findings_of(self.contents, where, task) if task.exercise.answers == "formulas" else {}
        )
        return Filled(answers, tuple(formulas), tuple(changed), tuple(missing), findings)

    def has_printed(self, task: Task) -> bool:
        """Whether the printed values are those of a task."""
        where = located(self.contents, task.lines)
        if where is None:
            return False
        printed = [(n, line) for n, line in enumerate(task.lines) if line.printed is not None]
        return all(n in where.rows and is_printed(line, where.cell(n)) for n, line in printed)

    def _texts(self) -> Iterator[str]:
        for grid in self.contents.sheets.values():
            for cells in grid.values.values():
                yield from (cell for cell in cells if isinstance(cell, str))


def _name_beside(grid: Grid, row: int, label: int) -> str:
    """The first text to the right of a cell, if that is not the exercise's code."""
    for column in range(label + 1, len(grid.values[row]) + 1):
        formula = grid.formula(row, column)
        text = _text(grid.value(row, column)).strip()
        if not text and formula is not None:
            # It is a name all the same, and it is not computed.
            text = clean(f"={formula.text}")
        if text:
            return "" if CODE.fullmatch(same_text(text)) else text[:MAX_TEXT]
    return ""


def _answer(value: object) -> str | float:
    """A cell as it is judged: a number, or a text of at most some length."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return _text(value)[:MAX_TEXT]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return clean(value) if isinstance(value, str) else repr(value)


def open_filled(content: bytes, name: str) -> FilledBook:
    """A stranger's file. Raises WorkbookError where it is no workbook, or breaks a limit."""
    try:
        return FilledBook(contents_of(content, name))
    except BpsheetError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged file costs no other, whatever it is
        raise WorkbookError(f"{name}: damaged ({type(error).__name__})") from None
