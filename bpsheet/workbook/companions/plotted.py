"""The numbers behind the charts: columns of formulas to the right of them, folded away."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from openpyxl.chart import Reference
from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.workbook import style
from bpsheet.xlsx.cells import put_number, put_text

__all__ = ["TABLE_COLUMN", "TABLE_ROW", "Plotted"]

# The first column of the table, and the row of its headers.
TABLE_COLUMN, TABLE_ROW = 20, 4


class Plotted:
    """The table. `values` has the values of its formulas, by their cells."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.values: dict[str, float | str] = {}
        self._column = TABLE_COLUMN
        self._numbers: dict[tuple[float, ...], Reference] = {}

    def put(self, address: str, formula: str, value: float | str) -> None:
        """Write a formula with its value."""
        self.sheet[address].value = formula
        self.values[address] = value if isinstance(value, str) else float(value)

    def numbers(self, head: str, numbers: Sequence[float]) -> Reference:
        """A column of numbers; the same numbers have one column."""
        key = tuple(numbers)
        if key not in self._numbers:
            self._numbers[key] = self.column(head, list(numbers))
        return self._numbers[key]

    def column(
        self, head: str, cells: Sequence[str | float], values: Iterable[Any] = (), *, name: str = ""
    ) -> Reference:
        """A column of the table: formulas with their values, or numbers.

        `head` is the header's text, or with `name` its formula, whose value is `name`.
        """
        letter = get_column_letter(self._column)
        top = f"{letter}{TABLE_ROW}"
        if name:
            self.put(top, head, name)
        else:
            put_text(self.sheet, top, head, style.HEADER_FONT)
        self.sheet[top].alignment = style.HEADER_ALIGNMENT
        for row, cell in enumerate(cells, start=TABLE_ROW + 1):
            if isinstance(cell, str):
                self.sheet[f"{letter}{row}"].value = cell
            else:
                put_number(self.sheet, f"{letter}{row}", cell)
        for row, value in enumerate(values, start=TABLE_ROW + 1):
            if not isinstance(value, str):
                value = float(value) if math.isfinite(value) else float("nan")  # noqa: PLW2901
            self.values[f"{letter}{row}"] = value
        self._column += 1
        last = TABLE_ROW + len(cells)
        column = self._column - 1
        return Reference(self.sheet, min_col=column, min_row=TABLE_ROW + 1, max_row=last)

    def head(self, cells: Reference) -> Reference:
        """The cell with the header of a column."""
        return Reference(self.sheet, min_col=cells.min_col, min_row=TABLE_ROW)

    def fold(self) -> None:
        """Fold the table away; the sign above the column before it unfolds it."""
        if self._column == TABLE_COLUMN:
            return
        self.sheet.sheet_properties.outlinePr.summaryRight = False  # type: ignore[union-attr]
        for column in range(TABLE_COLUMN, self._column):
            dimension = self.sheet.column_dimensions[get_column_letter(column)]
            dimension.width, dimension.outlineLevel, dimension.hidden = 16, 1, True
        self.sheet.column_dimensions[get_column_letter(TABLE_COLUMN - 1)].collapsed = True
