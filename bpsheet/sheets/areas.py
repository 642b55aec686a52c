"""Places on the sheets of a workbook: cells and rectangles of cells."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from openpyxl.utils.cell import get_column_letter

__all__ = ["MAX_COLUMNS", "MAX_ROWS", "Area", "Place", "column_number", "in_quotes"]

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384


class Place(NamedTuple):
    """A cell: its sheet, and its row and column from 1."""

    sheet: str
    row: int
    column: int

    @property
    def name(self) -> str:
        """The cell as a message names it: Sheet1!B2."""
        return f"{self.sheet}!{get_column_letter(self.column)}{self.row}"

    @property
    def address(self) -> str:
        """The cell as a formula of another sheet has it: 'Sheet1'!$B$2."""
        return f"{in_quotes(self.sheet)}!${get_column_letter(self.column)}${self.row}"


class Area(NamedTuple):
    """A rectangle of cells, its bounds included."""

    sheet: str
    top: int
    left: int
    bottom: int
    right: int

    @property
    def rows(self) -> int:
        return self.bottom - self.top + 1

    @property
    def columns(self) -> int:
        return self.right - self.left + 1

    @property
    def size(self) -> int:
        return self.rows * self.columns

    def places(self) -> Iterator[Place]:
        for row in range(self.top, self.bottom + 1):
            for column in range(self.left, self.right + 1):
                yield Place(self.sheet, row, column)

    @property
    def name(self) -> str:
        """The range as a message names it: A1:B3."""
        first = f"{get_column_letter(self.left)}{self.top}"
        return first if self.size == 1 else f"{first}:{get_column_letter(self.right)}{self.bottom}"

    @property
    def address(self) -> str:
        """The range as a formula of another sheet has it."""
        first = Place(self.sheet, self.top, self.left).address
        if self.size == 1:
            return first
        return f"{first}:${get_column_letter(self.right)}${self.bottom}"


@lru_cache(maxsize=1000)
def in_quotes(sheet: str) -> str:
    """A sheet's name as every formula may have it."""
    quoted = sheet.replace("'", "''")
    return f"'{quoted}'"


@lru_cache(maxsize=20_000)
def column_number(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number
