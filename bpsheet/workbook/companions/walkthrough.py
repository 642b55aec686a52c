"""The sheet Walkthrough: one iteration as a worked solution, live.

The iteration's number is typed into one cell. For each quantity, phase by phase, the page has
its formula in symbols, the same formula with numbers, and the result. The results are looked up
on Steps. The formula with numbers is a text that a cell's formula joins, so it is live too.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.errors import LimitError
from bpsheet.formula.tree import ONE, Div, Expr, Mul, Param, Ref, Text, rewrite
from bpsheet.printers.text import TextPrinter, formula_text
from bpsheet.program.column import Column
from bpsheet.program.kinds import TITLES
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.chosen import look_up, put_choice
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.layout import MAX_FORMULA
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import Looks, put_text
from bpsheet.xlsx.joined import joined, rounded
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["COMPANION"]

# Nobody reads a page of more quantities than this.
MOST_COLUMNS = 400
FIRST_ROW = 5
# Significant digits of the numbers in the formulas.
DIGITS = 4
# In points: the height of a row of one line, and the greatest height that is readable on one page
# of A4.
ROW, ONE_PAGE = 15.5, 1450.0
# The most characters of a text in a formula.
LONGEST_TEXT = 250
# Stands around the names in a formula's text that cells replace. No name contains it.
MARK = "\x00"


class _MarkedPrinter(TextPrinter):
    """Plain text in which every name is marked."""

    times = " × "

    def reference(self, node: Ref) -> str:
        return f"{MARK}{'last ' if node.lag else ''}{node.name}{MARK}"

    def param(self, node: Param) -> str:
        return f"{MARK}={node.name}{MARK}"

    def word(self, node: Text) -> str:
        return f"'{node.value}'"


def _check(_trace: Run, steps: Sheet) -> None:
    if not steps.layout.traits.every_step:
        raise LimitError("the sheet Walkthrough shows every step: use the layout full")
    if len(steps.layout.shown) > MOST_COLUMNS:
        raise LimitError(
            f"the sheet Walkthrough would have {len(steps.layout.shown):,} lines; "
            f"{MOST_COLUMNS} at the most. Leave the sheet out"
        )


def _build(book: Workbook, _trace: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Walkthrough. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    page = _Content(sheet, steps)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    note = (
        "One iteration, worked out. Type another number into the blue cell, and this sheet follows."
    )
    put_text(sheet, "A2", note, style.NOTE)
    put_choice(sheet, len(steps))
    page.fill()
    for letter, width in zip("ABCD", (24, 46, 62, 16), strict=True):
        sheet.column_dimensions[letter].width = width
    for letter in "EF":
        sheet.column_dimensions[letter].hidden = True
    sheet.freeze_panes = f"A{FIRST_ROW}"
    without_grid(sheet)
    rows = range(1, sheet.max_row + 1)
    height = sum(sheet.row_dimensions[row].height or ROW for row in rows)
    set_page(sheet, "portrait", down=1 if height <= ONE_PAGE else 0)
    sheet.print_title_rows = f"{FIRST_ROW - 1}:{FIRST_ROW - 1}"
    return page.values


COMPANION = Companion("walkthrough", "Walkthrough", _check, lambda _trace, _steps: True, _build)


class _Content:
    """The rows of the page, and the values of their formulas at the first iteration."""

    def __init__(self, sheet: Worksheet, steps: Sheet) -> None:
        self.sheet, self.steps, self.layout = sheet, steps, steps.layout
        self.values: dict[str, float | str] = {}
        self.looks = Looks()
        self.rows: dict[str, int] = {}
        # The values of the hidden column F: each number as a formula's text shows it.
        self.operands: dict[str, str] = {}

    def fill(self) -> None:
        for letter, head in zip(
            "ABCD", ("Quantity", "Formula", "With numbers", "Result"), strict=True
        ):
            put_text(self.sheet, f"{letter}{FIRST_ROW - 1}", head, style.HEADER_FONT)
            self.sheet[f"{letter}{FIRST_ROW - 1}"].fill = style.solid("E2E8F0")
        self.sheet.row_dimensions[FIRST_ROW - 1].height = ROW
        self.sheet[f"D{FIRST_ROW - 1}"].alignment = Alignment(horizontal="right")
        row = FIRST_ROW
        for phase, shown in groupby(self.layout.shown, key=lambda entry: entry.column.phase):
            band, _ = style.BANDS[phase]
            put_text(self.sheet, f"A{row}", TITLES[phase], style.BAND_FONT)
            for letter in "ABCD":
                self.sheet[f"{letter}{row}"].fill = style.solid(band)
            self.sheet.row_dimensions[row].height = ROW
            row += 1
            for entry in shown:
                self._line(row, entry.column)
                row += 1
        self.sheet.print_area = f"A1:D{row - 1}"

    def _line(self, row: int, column: Column) -> None:
        name = column.name
        self.rows[name] = row
        for letter, wrap in zip("ABCD", (True, True, True, False), strict=True):
            dress = _as_text if wrap else _as_line
            self.looks.give(self.sheet[f"{letter}{row}"], wrap, dress)
        put_text(self.sheet, f"A{row}", name)
        symbols = formula_text(_shortened(column.formula)) if column.formula is not None else ""
        if symbols:
            put_text(self.sheet, f"B{row}", symbols)
        self._result(row, column)
        formula, value = self._with_numbers(column) or ("", "")
        if formula:
            self.sheet[f"C{row}"].value = f"={formula}"
            self.values[f"C{row}"] = value
        lines = max(len(name) // 26, len(symbols) // 46, len(value) // 60)
        self.sheet.row_dimensions[row].height = ROW * min(1 + lines, 20)

    def _result(self, row: int, column: Column) -> None:
        sheet = self.sheet
        value = look_up(sheet, f"D{row}", self.steps, column.name)
        self.values[f"D{row}"] = value
        if isinstance(value, str):
            return
        short = rounded(value, DIGITS)
        if math.isinf(short):
            return  # there is no larger number to which the largest numbers could be rounded
        sheet[
            f"E{row}"
        ].value = f"=IF(D{row}=0,0,ROUND(D{row},{DIGITS - 1}-INT(LOG10(ABS(D{row})))))"
        self.values[f"E{row}"] = short
        text = joined(short)
        sheet[f"F{row}"].value = f'=IF(E{row}<0,"("&E{row}&")",E{row}&"")'
        self.values[f"F{row}"] = self.operands[column.name] = f"({text})" if short < 0 else text

    def _with_numbers(self, column: Column) -> tuple[str, str] | None:
        """The formula with numbers: the cell's formula that joins the text, and the text."""
        if column.formula is None or column.tables or column.start is not None:
            return None
        if any(ref.lag or ref.name not in self.operands for ref in column.references):
            return None
        parameters = {p.name: p.value for p in self.layout.program.parameters}
        parts, value = [], ""
        marked = _MarkedPrinter().text(_shortened(column.formula)).split(MARK)
        for index, part in enumerate(marked):
            if index % 2 == 0:
                pieces = [part[i : i + LONGEST_TEXT] for i in range(0, len(part), LONGEST_TEXT)]
                parts += [f'"{piece}"' for piece in pieces]
                value += part
            elif part.startswith("="):
                parts.append(f"{self.steps.name}!{self.layout.absolute_cell(part[1:])}")
                given = parameters[part[1:]]
                value += given if isinstance(given, str) else joined(given)
            elif (marked[index - 1][-1:], marked[index + 1][:1]) in (("(", ")"), ("", "")):
                # In tanh(-0.25) the number stands in parentheses already; alone it needs none.
                parts.append(f"E{self.rows[part]}")
                value += self.operands[part].strip("()")
            else:
                parts.append(f"F{self.rows[part]}")
                value += self.operands[part]
        formula = "&".join(parts)
        # A single reference would give a number; joined with "" it gives a text.
        formula = f'{formula}&""' if len(parts) == 1 else formula
        return (formula, value) if len(formula) < MAX_FORMULA else None


def _shortened(formula: Expr) -> Expr:
    """The formula without the factors and divisors 1, such as a bias's input."""

    def without_one(node: Expr) -> Expr:
        match node:
            case Mul(left, right) if left == ONE:
                return right
            case Mul(left, right) | Div(left, right) if right == ONE:
                return left
        return node

    return rewrite(formula, without_one)


def _as_line(cell: Any) -> None:
    cell.font = style.BODY
    cell.alignment = Alignment(vertical="top")
    cell.border = Border(bottom=style.RULE.bottom)


def _as_text(cell: Any) -> None:
    _as_line(cell)
    cell.alignment = Alignment(vertical="top", wrap_text=True)
