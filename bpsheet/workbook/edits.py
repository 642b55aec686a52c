"""What somebody has changed in a workbook: each edit by its cell, and not what follows from it.

The workbook is held against the one that its own experiment makes. A number in an input cell that
differs is a changed number, which an experiment can take. Everything else is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from openpyxl.utils.cell import get_column_letter

__all__ = ["Edit", "Kind", "in_words", "taken_in_words"]

# So many edits of a kind are said one by one.
MOST_SAID = 12


class Kind(StrEnum):
    """What was done to a cell, a row, a column or a sheet."""

    CHANGED = "another number"
    EMPTIED = "emptied"
    TEXT = "a text"
    FORMULA = "another formula"
    TYPED = "a number over a formula"
    INSERTED = "a row inserted"
    DELETED = "rows deleted"
    COLUMN = "a column is missing"
    ROW = "a row is missing"
    STRANGE = "a row of no example"
    SHEET = "a sheet is missing"


@dataclass(frozen=True)
class Edit:
    """A change that somebody made in a workbook.

    sheet, row, column: where it is in the file; row and column from 1, or 0 for a whole one
    kind:               what was done
    name:               the quantity, with the example's number for data: w_xg1, x1[2], learning_rate
    before, after:      what stood there, and what stands there now: a number, or a text
    iteration:          the iteration of a row
    is_taken:           whether an experiment that is loaded from the workbook has the new number
    called:             the quantity in words, where these differ from its name: learning rate

    >>> print(Edit("Steps", 8, 8, Kind.CHANGED, "w_xg1", 0.6, 0.9, is_taken=True))
    w_xg1 0.6 → 0.9
    """

    sheet: str
    row: int
    column: int
    kind: Kind
    name: str = ""
    before: float | str | None = None
    after: float | str | None = None
    iteration: int | None = None
    is_taken: bool = False
    called: str = ""

    @property
    def cell(self) -> str:
        """The cell: Steps!H8. For a row or a column its place: Steps!20:20, Steps!H:H."""
        letter = get_column_letter(self.column) if self.column else ""
        if self.row and self.column:
            return f"{self.sheet}!{letter}{self.row}"
        if self.row:
            return f"{self.sheet}!{self.row}:{self.row}"
        return f"{self.sheet}!{letter}:{letter}" if letter else self.sheet

    def __str__(self) -> str:
        if self.is_taken:
            return f"{self.called or self.name} {self._numbers}"
        return f"{self.cell}{self.label}: {self.what}"

    @property
    def label(self) -> str:
        """The quantity in parentheses, after a space; empty for a row or a sheet."""
        name = self.called or self.name
        return f" ({name})" if name else ""

    @property
    def _numbers(self) -> str:
        before, after = _number(self.before), _number(self.after)
        if before == after:
            before, after = str(self.before), str(self.after)
        return f"{before} → {after}"

    @property
    def what(self) -> str:
        """What stands there now."""
        if self.kind is Kind.CHANGED:
            return f"{self._numbers}, which an experiment cannot hold"
        if self.kind is Kind.TEXT:
            return f'the text "{str(self.after)[:40]}"; a number expected'
        if self.kind is Kind.FORMULA and self.after is not None:
            return f"the formula {str(self.after)[:80]}; {str(self.before)[:80]} expected"
        if self.kind is Kind.TYPED:
            return f"the number {_number(self.after)} typed over a formula"
        return SENTENCES[self.kind]


SENTENCES = {
    Kind.EMPTIED: "emptied",
    Kind.FORMULA: "another formula",
    Kind.INSERTED: "a row inserted",
    Kind.DELETED: "rows above it were deleted, so that its formulas have lost their cells",
    Kind.COLUMN: "the column is missing",
    Kind.ROW: "its row is missing",
    Kind.STRANGE: "the row presents no example of the data, so the run ends before it",
    Kind.SHEET: "the sheet is missing",
}


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def taken_in_words(edits: Iterable[Edit]) -> str:
    """The changed numbers that an experiment has taken: "w_xg1 0.6 → 0.9, learning rate 0.1 → 0.5"."""
    taken = [str(edit) for edit in edits if edit.is_taken]
    more = f" and {len(taken) - MOST_SAID:,} more" if len(taken) > MOST_SAID else ""
    return ", ".join(taken[:MOST_SAID]) + more


def in_words(edits: Sequence[Edit]) -> list[str]:
    """Lines that say what could not be taken, each edit by its cell; cells below each other as one."""
    lines = list(_groups(edit for edit in edits if not edit.is_taken))
    more = len(lines) - MOST_SAID
    return [*lines[:MOST_SAID], *([f"and {more:,} more edits"] if more > 0 else [])]


def _groups(edits: Iterable[Edit]) -> Iterator[str]:
    def alike(numbered: tuple[int, Edit]) -> tuple[object, ...]:
        number, edit = numbered
        return (edit.sheet, edit.column, edit.kind, edit.name, edit.row - number)

    ordered = sorted(edits, key=lambda e: (e.sheet, e.kind, e.column, e.name, e.row))
    for _, group in groupby(enumerate(ordered), alike):
        run = [edit for _, edit in group]
        first, last = run[0], run[-1]
        if first is last:
            yield str(first)
        else:
            span = f"{first.cell}:{last.cell.rpartition('!')[2]}"
            yield f"{span}{first.label}: {first.what} (and so on, in {len(run):,} cells)"
