"""What a part of a formula gives: a value, an array of values, or references to cells."""

from __future__ import annotations

from typing import NamedTuple

from bpsheet.sheets.areas import Area
from bpsheet.sheets.tape import Item

__all__ = ["Cells", "Grid", "Here", "Result"]

# Rows of values.
Grid = list[list[Item]]


class Cells(NamedTuple):
    """References: an area, or several joined by commas."""

    areas: tuple[Area, ...]


Result = Item | Grid | Cells


class Here(NamedTuple):
    """The cell whose formula is evaluated, and whether arithmetic on ranges goes cell by cell."""

    sheet: str
    row: int
    column: int
    is_array: bool = False
