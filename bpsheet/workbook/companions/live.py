"""The numbers of the sheet Diagram: values, and adjustments on a scale of colours, all live."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.utils.cell import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.workbook import style
from bpsheet.workbook.companions.chosen import look_up, put_label
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import put_text

__all__ = ["Live", "address_of"]


class Live:
    """Cells that show columns of Steps at the chosen iteration. `values` gets what they hold."""

    def __init__(self, sheet: Worksheet, steps: Sheet, values: dict[str, float | str]) -> None:
        self.sheet, self.steps, self.values = sheet, steps, values
        # The values of all adjustments.
        self._moved: list[float | str] = []

    def value(self, row: int, column: int, name: str) -> float | str:
        """Let a cell show a column."""
        address = address_of(row, column)
        self.values[address] = look_up(self.sheet, address, self.steps, name)
        return self.values[address]

    def adjustment(self, row: int, column: int, weight: str) -> None:
        """Let a cell show the adjustment of a weight, or the word "fixed"."""
        adjustment = self.steps.layout.program.adjustment_of(weight)
        if adjustment is None:
            put_text(self.sheet, address_of(row, column), "fixed")
            return
        self._moved.append(self.value(row, column, adjustment))

    def scale(self, areas: Sequence[str], column: int) -> None:
        """Colour the adjustments in some areas: red for the most negative, white for 0, then green.

        `column` is where the largest one stands, in row 3, with its label to the left.
        """
        if not self._moved:
            return
        address, cells = address_of(3, column), ",".join(areas)
        put_label(self.sheet, address_of(3, column - 1), "largest adjustment")
        self.sheet[address].value = f"=MAX(MAX({cells}),-MIN({cells}))"
        self.sheet[address].number_format = style.SIZE
        errors = [value for value in self._moved if isinstance(value, str)]
        self.values[address] = errors[0] if errors else max(map(abs, self._moved))  # type: ignore[arg-type]
        largest = f"MAX(${get_column_letter(column)}$3,1E-300)"
        self.sheet.conditional_formatting.add(" ".join(areas), style.colour_scale(largest))


def address_of(row: int, column: int) -> str:
    """The address of a cell: B3."""
    return f"{get_column_letter(column)}{row}"
