"""Where the lines of a sheet stand after somebody has edited it: they are found by their labels.

Rows and columns may have been inserted, and the sheet renamed. The labels stand in one column, in the
order of the lines; the values stand in the column in which the printed ones do.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from bpsheet.exercises.questions import Line
from bpsheet.hand.freely import read_freely
from bpsheet.hand.numbers import Written
from bpsheet.xlsx.contents import Contents, Grid

__all__ = ["Located", "is_printed", "located", "same_text"]

# The furthest that a column of values may be from the labels.
MAX_COLUMNS = 200
# A sheet on which fewer of the labels are found is another one.
LEAST_FOUND = 0.5
# The precision with which a printed number survives: some programs keep seven digits, or fifteen.
PRINTED = 1e-6


def same_text(text: object) -> str:
    """A cell's text as it is compared: without differences that programs make when they save."""
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").replace("′", "'")
    return " ".join(plain.split())


@dataclass(frozen=True)
class Located:
    """A sheet on which lines were found: its grid, the row of each line, the column of the values."""

    grid: Grid
    rows: dict[int, int]
    column: int

    def cell(self, number: int) -> object:
        """The value of a line, by its number."""
        return self.grid.value(self.rows[number], self.column)

    def is_formula(self, number: int) -> bool:
        """Whether a formula stands in the cell of a line."""
        return self.grid.formula(self.rows[number], self.column) is not None


def located(contents: Contents, lines: Sequence[Line]) -> Located | None:
    """Where the lines stand; None where there is no sheet with most of their labels."""
    names = [same_text(line.name) for line in lines]
    known = Counter(names)
    found = []
    for grid in contents.sheets.values():
        counts = {
            column: sum(min(number, known[name]) for name, number in labels.items())
            for column, labels in _labels(grid, known).items()
        }
        column = max(counts, key=counts.__getitem__, default=0)
        if column and counts[column] >= LEAST_FOUND * len(lines):
            rows = _aligned(names, grid, column)
            found.append(Located(grid, rows, _value_column(grid, rows, lines, column)))
    # Of several copies of a sheet in a workbook, the one that was filled in counts.
    return max(found, key=lambda one: (_answers(one, lines), len(one.rows)), default=None)


def _answers(where: Located, lines: Sequence[Line]) -> int:
    """How many of the asked cells are filled in."""
    asked = (number for number in where.rows if lines[number].is_asked)
    return sum(where.cell(number) is not None or where.is_formula(number) for number in asked)


def _labels(grid: Grid, known: Counter[str]) -> dict[int, Counter[str]]:
    """The known labels in each column of a grid, counted."""
    found: dict[int, Counter[str]] = {}
    for cells in grid.values.values():
        for column, value in enumerate(cells[:MAX_COLUMNS], start=1):
            text = same_text(value)
            if text in known:
                found.setdefault(column, Counter())[text] += 1
    return found


def _aligned(names: list[str], grid: Grid, column: int) -> dict[int, int]:
    """The row of each line. Labels in another order are found where they are the only ones."""
    known = set(names)
    rows = [
        (row, text)
        for row in sorted(grid.values)
        if (text := same_text(grid.value(row, column))) in known
    ]
    texts = [text for _, text in rows]
    matcher = SequenceMatcher(None, names, texts, autojunk=False)
    found = {
        block.a + step: rows[block.b + step][0]
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    }
    counts, places = Counter(names), Counter(texts)
    for number, name in enumerate(names):
        if number not in found and counts[name] == places[name] == 1:
            found[number] = rows[texts.index(name)][0]
    return found


def _value_column(grid: Grid, rows: dict[int, int], lines: Sequence[Line], label: int) -> int:
    """The column in which most of the printed values stand; the nearest of several."""
    votes: Counter[int] = Counter()
    for number, row in rows.items():
        for column in range(label + 1, min(len(grid.values[row]), label + MAX_COLUMNS) + 1):
            votes[column] += is_printed(lines[number], grid.value(row, column))
    most = max(votes.values(), default=0)
    return min((c for c, count in votes.items() if count == most), default=0) if most else label + 1


def is_printed(line: Line, cell: object) -> bool:
    """Whether a cell has the value that was printed on a line."""
    printed = line.printed
    if printed is None or isinstance(printed, str):
        return printed is not None and same_text(cell) == same_text(printed)
    if isinstance(cell, str):
        # A printed comma may be read in two ways, and either may be meant.
        read = [read_freely(cell, sign) for sign in ".,"]
        return any(isinstance(one, Written) and _close(one.value, printed) for one in read)
    return isinstance(cell, int | float) and _close(float(cell), printed)


def _close(number: float, printed: float) -> bool:
    return math.isclose(number, printed, rel_tol=PRINTED, abs_tol=1e-12)
