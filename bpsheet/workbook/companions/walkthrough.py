"""The sheet Walkthrough: one iteration as a worked solution, live.

The iteration's number is typed into one cell. For each quantity, phase by phase, the page has
its formula as mathematics write it, the same formula with numbers, and the result. The results are
looked up on Steps. The formula with numbers is a text that a cell's formula joins, so it is live too.
Each test has rows of its own, from its inputs to its verdict.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.errors import LimitError
from bpsheet.formula.evaluate import ERRORS, CellError
from bpsheet.formula.tree import ONE, Call, Div, Expr, Lookup, Mul, rewrite, walk
from bpsheet.printers.mathtext import PARAMETERS, MathTextPrinter, Place, pieces, symbol_text
from bpsheet.printers.symbols import Letter, read_name
from bpsheet.program.column import Column
from bpsheet.program.kinds import TITLES, Phase, Role
from bpsheet.program.program import Program
from bpsheet.runs.run import Run
from bpsheet.workbook import style
from bpsheet.workbook.companions.chosen import look_up, look_up_before, put_choice
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.companions.operands import HIDDEN, Operands
from bpsheet.workbook.companions.tested import Tested, own_name, tests_of
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import Looks, put_pieces, put_text
from bpsheet.xlsx.view import set_page, without_grid

__all__ = ["COMPANION"]

# Nobody reads a page of more quantities than this.
MOST_COLUMNS = 500
FIRST_ROW = 5
# In points: the height of a row of one line, and the greatest height that is readable on one page
# of A4.
ROW, ONE_PAGE = 16.5, 1450.0
# The widths of the columns, in digits. A line holds more letters than that, as they are narrower; those
# below and above the line are smaller.
WIDTHS = {"A": 24, "B": 50, "C": 62, "D": 14}
FULL, SMALL = {"A": 1.15, "B": 1.25, "C": 1.15}, 0.6
# The most lines of a row.
MOST_LINES = 20
CHOICE_ROW = 3
SUBHEAD = Font(name=style.FAMILY, size=11, bold=True, color="374151")


def _check(_trace: Run, steps: Sheet) -> None:
    if not steps.layout.traits.every_step:
        raise LimitError("the sheet Walkthrough shows every step: use the layout full")
    if len(steps.layout.shown) > MOST_COLUMNS:
        raise LimitError(
            f"the sheet Walkthrough would have {len(steps.layout.shown):,} lines; "
            f"{MOST_COLUMNS} at the most. Leave the sheet out"
        )


def _build(book: Workbook, run: Run, steps: Sheet) -> dict[str, float | str]:
    """Add the sheet Walkthrough. Returns the values of its formulas by their cells."""
    sheet = book.create_sheet(COMPANION.name)
    page = _Content(sheet, run, steps)
    put_text(sheet, "A1", steps.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    note = (
        "One iteration, worked out. Type another number into the blue cell, and this sheet follows."
    )
    put_text(sheet, "A2", note, style.NOTE)
    put_choice(sheet, len(steps))
    page.fill()
    for letter, width in WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    for letter in HIDDEN:
        sheet.column_dimensions[letter].hidden = True
    sheet.freeze_panes = f"A{FIRST_ROW}"
    without_grid(sheet)
    rows = range(1, sheet.max_row + 1)
    height = sum(sheet.row_dimensions[row].height or ROW for row in rows)
    is_one_page = height <= ONE_PAGE
    set_page(sheet, "portrait", down=1 if is_one_page else 0)
    if page.tests_row and not is_one_page:
        sheet.row_breaks.append(Break(id=page.tests_row - 1))
    sheet.print_title_rows = f"{FIRST_ROW - 1}:{FIRST_ROW - 1}"
    return page.values


COMPANION = Companion("walkthrough", "Walkthrough", _check, lambda _trace, _steps: True, _build)


class _Content:
    """The rows of the page, and the values of their formulas at the first iteration."""

    def __init__(self, sheet: Worksheet, run: Run, steps: Sheet) -> None:
        self.sheet, self.run, self.steps, self.layout = sheet, run, steps, steps.layout
        self.values: dict[str, float | str] = {}
        self.looks = Looks()
        self.operands = Operands(sheet, steps)
        self.printer = MathTextPrinter(_symbols(steps.layout.program))
        self.row = FIRST_ROW
        self.tests_row = 0

    def fill(self) -> None:
        self._head()
        shown = [entry.column for entry in self.layout.shown]
        looked_back = {r.name for c in shown for r in c.references if r.lag}
        for phase, columns in groupby(shown, key=lambda column: column.phase):
            if phase is Phase.TEST:
                self.tests_row = self.row
            self._band(phase)
            if phase is Phase.TEST:
                for tested in tests_of(self.run, self.layout):
                    self._test(tested)
                continue
            for column in columns:
                self._line(column)
        # A formula of an earlier row may look at a later row of the iteration before.
        for column in shown:
            if column.name in looked_back and column.name in self.operands.texts:
                looked_up = look_up_before(self.steps, column.name)
                self.values |= self.operands.put_before(column.name, looked_up)
        for column in shown:
            if column.phase is not Phase.TEST:
                self._with_numbers(column)
        self.sheet.print_area = f"A1:D{self.row - 1}"

    def _head(self) -> None:
        for letter, head in zip(
            "ABCD", ("Quantity", "Formula", "With numbers", "Result"), strict=True
        ):
            put_text(self.sheet, f"{letter}{FIRST_ROW - 1}", head, style.HEADER_FONT)
            self.sheet[f"{letter}{FIRST_ROW - 1}"].fill = style.solid("E2E8F0")
        self.sheet.row_dimensions[FIRST_ROW - 1].height = ROW
        self.sheet[f"D{FIRST_ROW - 1}"].alignment = Alignment(horizontal="right")
        if signs := _signs(self.layout.program):
            put_text(self.sheet, f"C{CHOICE_ROW}", signs, style.NOTE)

    def _band(self, phase: Phase) -> None:
        band, _ = style.BANDS[phase]
        put_text(self.sheet, f"A{self.row}", TITLES[phase], style.BAND_FONT)
        for letter in WIDTHS:
            self.sheet[f"{letter}{self.row}"].fill = style.solid(band)
        self.sheet.row_dimensions[self.row].height = ROW
        self.row += 1

    def _line(self, column: Column) -> None:
        """A row: its name and its formula, with the result that stands on Steps."""
        self._name(column.name)
        self._formula(column)
        value = look_up(self.sheet, f"D{self.row}", self.steps, column.name)
        self._end(column.name, value)

    def _test(self, tested: Tested) -> None:
        """The rows of a test. Weighted sums that have no column on Steps are computed here."""
        put_text(self.sheet, f"A{self.row}", tested.heading, SUBHEAD)
        self.sheet.row_dimensions[self.row].height = ROW
        self.row += 1
        for name, (cell, value) in tested.given.items():
            self.printer.symbols[name] = symbol_text(read_name(own_name(name)))
            self._name(name)
            self.sheet[f"D{self.row}"].value = f"={cell}"
            self._end(name, value)
        for column in tested.columns:
            assert column.formula is not None
            if column.name in self.layout.by_name:
                self._line(column)
            else:
                self._name(column.name)
                self._formula(column)
                self.sheet[f"D{self.row}"].value = f"={self.operands.cells(column.formula)}"
                self.sheet[f"D{self.row}"].number_format = "0.0000"
                self._end(column.name, self._first_value(column))
            self._with_numbers(column)

    def _first_value(self, column: Column) -> float | str:
        assert column.formula is not None
        try:
            return self.operands.value(column.formula)
        except CellError as error:
            return ERRORS[error.code]

    def _name(self, name: str) -> None:
        for letter in WIDTHS:
            is_result = letter == "D"
            dress = _as_result if is_result else _as_text
            self.looks.give(self.sheet[f"{letter}{self.row}"], is_result, dress)
        put_text(self.sheet, f"A{self.row}", name)
        self._heighten(self.row, "A", [(name, Place.LINE)])

    def _formula(self, column: Column) -> None:
        if column.formula is None:
            return
        formula = _shortened(column.formula)
        text = self.printer.text(formula)
        if not isinstance(formula, Lookup) and column.labels is None:
            text = f"{self.printer.symbol(column.name)} = {text}"
        parts = list(pieces(text))
        put_pieces(self.sheet, f"B{self.row}", parts, style.BODY)
        self._heighten(self.row, "B", parts)

    def _end(self, name: str, value: float | str) -> None:
        """Note a row's result, and go on to the next row."""
        self.values[f"D{self.row}"] = value
        self.values |= self.operands.put(name, self.row, value)
        self.row += 1

    def _with_numbers(self, column: Column) -> None:
        if column.formula is None or any(isinstance(n, Lookup) for n in walk(column.formula)):
            return
        made = self.operands.with_numbers(_shortened(column.formula))
        if made is None:
            return
        formula, value = made
        if column.start is not None:
            # The first row's number is typed.
            formula, value = f'IF($B$3=1,"",{formula})', ""
        row = self.operands.rows[column.name]
        self.sheet[f"C{row}"].value = f"={formula}"
        self.values[f"C{row}"] = value
        self._heighten(row, "C", [(value, Place.LINE)])

    def _heighten(self, row: int, letter: str, parts: Sequence[tuple[str, Place]]) -> None:
        """Make a row as high as the lines of a text need."""
        length = sum(len(part) * (1 if place is Place.LINE else SMALL) for part, place in parts)
        lines = min(math.ceil(length / (FULL[letter] * WIDTHS[letter])) or 1, MOST_LINES)
        dimension = self.sheet.row_dimensions[row]
        dimension.height = max(dimension.height or 0.0, ROW * lines)


def _symbols(program: Program) -> dict[str, str]:
    """The names that are written otherwise: error terms as δ, those of tests without the test."""
    deltas = {
        column.name: symbol_text(Letter("δ", (column.neuron,)))
        for column in program
        if column.role is Role.ERROR and column.neuron is not None
    }
    count = Counter(deltas.values())
    symbols = {name: text for name, text in deltas.items() if count[text] == 1}
    for column in program.phase(Phase.TEST, Phase.VALIDATION):
        if column.labels is None:
            symbols[column.name] = symbol_text(read_name(own_name(column.name)))
    return symbols


def _signs(program: Program) -> str:
    """What the signs mean that no row explains."""
    used = {
        node.function
        for column in program
        if column.formula is not None
        for node in walk(column.formula)
        if isinstance(node, Call)
    }
    said = ["σ(z) = 1/(1 + exp(−z))"] if "logistic" in used else []
    said += [
        f"{PARAMETERS[p.name]}: {p.label}, {p.meaning}"
        for p in program.parameters
        if p.name in PARAMETERS
    ]
    return "; ".join(said)


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


def _as_result(cell: Any) -> None:
    _as_line(cell)
    cell.alignment = Alignment(horizontal="right", vertical="top")


def _as_text(cell: Any) -> None:
    _as_line(cell)
    cell.alignment = Alignment(vertical="top", wrap_text=True)
