"""The iteration that a sheet shows: the cell that chooses it, and the cells of its values."""

from __future__ import annotations

import numpy as np
from openpyxl.styles import Alignment
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.engine.recording import Recording
from bpsheet.formula.evaluate import ERRORS
from bpsheet.workbook import style
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import put_number, put_text

__all__ = ["CHOICE", "look_up", "look_up_before", "put_choice", "put_label"]

CHOICE = "B3"


def put_label(sheet: Worksheet, address: str, text: str) -> None:
    """Write the label to the left of a cell: `iteration = `."""
    put_text(sheet, address, f"{text} = ", style.LABEL)
    sheet[address].alignment = Alignment(horizontal="right")


def put_choice(sheet: Worksheet, iterations: int) -> None:
    """Write the blue cell in which an iteration's number is typed; at first it holds 1."""
    put_label(sheet, "A3", "iteration")
    put_number(sheet, CHOICE, 1, style.INPUT_FONT)
    sheet[CHOICE].fill = style.INPUT_FILL
    sheet[CHOICE].alignment = Alignment(horizontal="left")
    allowed = DataValidation("whole", operator="between", formula1="1", formula2=str(iterations))
    allowed.showErrorMessage = True
    allowed.error = f"Expected: whole number from 1 to {iterations}."
    allowed.add(CHOICE)
    sheet.add_data_validation(allowed)


def look_up(sheet: Worksheet, address: str, steps: Sheet, name: str) -> float | str:
    """Let a cell show the value of a column of Steps at the chosen iteration.

    Returns the value at the first iteration: a number, a word, or an error's name.
    """
    assert isinstance(steps.recording, Recording)
    shown, index = steps.layout.by_name[name], steps.layout.program.position[name]
    letter, column = shown.letter, shown.column
    first, last = (f"${letter}${row}" for row in (steps.layout.first_row, steps.last_row))
    # Gnumeric takes INDEX over a single cell for an error.
    is_one = first == last
    looked_up = f"{steps.name}!{first}" if is_one else f"INDEX({steps.name}!{first}:{last},$B$3)"
    sheet[address].value = f"={looked_up}"
    extents = steps.recording.extents
    sheet[address].number_format = style.number_format(
        column.role, float(extents.largest[index]), whole=bool(extents.whole[index])
    )
    value = float(steps.values[0, index])
    if np.isnan(value):
        return ERRORS[steps.recording.code(0, index)]
    return value if column.labels is None else column.labels[int(value)]


def look_up_before(steps: Sheet, name: str) -> str:
    """The formula of a column's value in the iteration before the chosen one, which is not the first."""
    letter = steps.layout.by_name[name].letter
    first, last = (f"${letter}${row}" for row in (steps.layout.first_row, steps.last_row))
    return f"INDEX({steps.name}!{first}:{last},$B$3-1)"
