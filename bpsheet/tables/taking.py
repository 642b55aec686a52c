"""What is taken from somebody's table: numbers, and all that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from bpsheet.errors import ExperimentError, Problem
from bpsheet.formula.arrays import entry_names
from bpsheet.formula.functions import FUNCTIONS
from bpsheet.formula.parse import WORDS
from bpsheet.tables.incoming import Cell, Incoming
from bpsheet.words import nearest, shown, strings

__all__ = ["Taking", "class_text", "entries_of", "fit_name"]

# So many wrong cells of a column are told.
MOST_TOLD = 5


def fit_name(text: str, taken: Sequence[str] = ()) -> str:
    """A name for a column that formulas can use, as near to the text as may be.

    >>> fit_name("sepal length (cm)"), fit_name("2nd"), fit_name("exp"), fit_name("a", ["a"])
    ('sepal_length_cm', 'x2nd', 'exp_', 'a_2')
    """
    name = re.sub(r"\W+", "_", text).strip("_")[:50] or "x"
    name = name if name[0].isalpha() else f"x{name}"
    name = f"{name}_" if name.lower() in (*FUNCTIONS, *WORDS) else name
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}_{number}", number + 1
    return unique


def entries_of(network: Mapping[str, Any], key: str) -> list[str]:
    """The names of the numbers that the inputs, or the targets, of [network] or [graph] have."""
    shapes = network.get("shapes")
    found: list[str] = []
    for name in strings(network.get(key)):
        shape = shapes.get(name, ()) if isinstance(shapes, Mapping) else ()
        is_shape = isinstance(shape, list | tuple) and all(type(n) is int for n in shape)
        found += map(str, entry_names(name, tuple(shape)).ravel()) if is_shape else [name]
    return found


def class_text(cell: Cell) -> str:
    """A class as a text: a whole number without a point."""
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell)


class Taking:
    """The numbers that are taken from a table, for one experiment.

    raw:      the numbers of each column of the data, by its name in the experiment
    said:     what columns of the data are, where the table calls them otherwise
    problems: what is wrong in the table's cells
    """

    def __init__(self, table: Incoming) -> None:
        self.table = table
        self.place = f"data.{table.key}"
        self.raw: dict[str, list[float]] = {}
        self.said: dict[str, str] = {}
        self.problems: list[Problem] = []

    def refuse(self, said: str, place: str = "") -> None:
        """Note what is wrong with the table."""
        self.problems.append(Problem(place or self.place, said))

    def check(self) -> None:
        """Raise ExperimentError with all that is wrong so far."""
        if self.problems:
            raise ExperimentError(self.problems, self.table.source)

    def need(self, names: Sequence[str]) -> None:
        """Raise ExperimentError where the table lacks one of these columns."""
        missing = [name for name in names if name not in self.table.columns]
        if missing:
            hint = nearest(missing[0], list(self.table.columns))
            said = f"{self.table.source} has no column {shown(missing[0])}; {hint}"
            if self.table.key == "file":
                said += ". If the file has no header line, name its columns in data.columns"
            self.refuse(said)
        self.check()

    def put(self, name: str, column: str) -> None:
        """Take a column of numbers."""
        self.raw[name] = self.numbers(column)
        if column != name:
            self.said[name] = column

    def tell(self, name: str, column: str, told: str) -> None:
        """Say what the numbers of a column mean."""
        self.said[name] = told if name == column else f"{column}: {told}"

    def numbers(self, column: str, words: Mapping[str, float] | None = None) -> list[float]:
        """A column's numbers; of a column of texts those that stand for its `words`.

        Each cell that is none is noted, with 0 in its place.
        """
        found, wrong = [], 0
        for row, cell in enumerate(self.table.columns[column]):
            if isinstance(cell, float) and words is None and abs(cell) < float("inf"):
                found.append(cell)
                continue
            if isinstance(cell, str) and words is not None and cell in words:
                found.append(words[cell])
                continue
            found.append(0.0)
            wrong += 1
            if wrong <= MOST_TOLD:
                self.refuse(self._wrong_cell(cell, row, column, words))
        if wrong > MOST_TOLD:
            self.refuse(f"{self.table.source}, {column}: {wrong} such cells in all")
        return found

    def texts(self, column: str) -> list[str]:
        """The classes of a column, as texts. Each cell without one is noted."""
        rows = [row for row, cell in enumerate(self.table.columns[column]) if cell in (None, "")]
        for row in rows[:MOST_TOLD]:
            self.refuse(f"{self.table.place(row, column)}: nothing is there; a class expected")
        return [class_text(cell) for cell in self.table.columns[column]]

    def _wrong_cell(
        self, cell: Cell, row: int, column: str, words: Mapping[str, float] | None
    ) -> str:
        place = self.table.place(row, column)
        if cell is None or (words is not None and not cell):
            what = "a number" if words is None else "a category"
            return f"{place}: nothing is there; leave the row out, or put {what} there"
        if words is not None:
            text = class_text(cell)
            return f"{place}: {shown(text)} is none of its categories; {nearest(text, list(words))}"
        return f"{place}: a number expected; got {shown(cell)}"
