"""The fill-in workbook: printed values, blank cells to fill in, and live marks if asked for.

All cells but those to fill in are protected, without a password. With live marks the answers
stand on a very hidden sheet. Without live marks the file has no answers.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from openpyxl import Workbook
from openpyxl.drawing.image import Image
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, Protection, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.livefollow import follow
from bpsheet.exercises.livemarks import (
    BLANK_VALUES,
    NOT_YET,
    RIGHT,
    SHORT,
    UNREADABLE,
    mark_formulas,
)
from bpsheet.exercises.questions import Line
from bpsheet.hand.numbers import decimals_needed
from bpsheet.pictures.matplot import picture_bytes
from bpsheet.pictures.network import draw_names, network_size
from bpsheet.program.kinds import Phase
from bpsheet.workbook import style
from bpsheet.xlsx.cells import put_number, put_text
from bpsheet.xlsx.package import package_bytes
from bpsheet.xlsx.view import set_page, without_grid

__all__ = [
    "ANSWERS",
    "FIRST_ROW",
    "IDENTITY",
    "NAME",
    "NAME_CELL",
    "SHEET",
    "Picture",
    "fill_in_workbook",
    "names_picture",
    "printable_workbook",
]

SHEET, IDENTITY, ANSWERS = "Exercise", "Identity", "Answers"
NAME = "Name"
NAME_CELL = "B3"
# The experiment's notes stand in one row, above the lines.
NOTES_ROW, FIRST_ROW = 5, 6
# The characters of a line of notes, and the most lines.
LINE_LENGTH, MOST_LINES = 105, 26
# Pixels to an inch, the widest picture and a row's height in pixels.
PIXELS, WIDEST, ROW_PIXELS = 96, 700, 20
# The most lines that are readable on one page.
PAGE = 62

EDGE = Side("thin", color="64748B")
BLANK = Border(left=EDGE, right=EDGE, top=EDGE, bottom=EDGE)
FORMULA = re.compile(rb'<c r="([A-Z]+)([0-9]+)"( s="[0-9]+")?><f>(.*?)</f><v ?/?>(?:</v>)?</c>')
EMPTY = re.compile(rb'(<c r="[A-Z]+[0-9]+"(?: s="[0-9]+")?) t="n" ?/>')
# The cells in which a number stored as text is no mistake. The element follows the footer.
BEFORE_IGNORED = re.compile(rb"</headerFooter>|<pageSetup [^>]*/>")


@dataclass(frozen=True)
class Picture:
    """A picture in the format PNG, with its width and height in pixels."""

    content: bytes
    width: int
    height: int


def names_picture(exercise: Exercise) -> Picture:
    """The network with the names of its weights and neurons: the same for all students.

    Raises ExperimentError for formulas without layers, LimitError for too many neurons, OutputError
    where matplotlib is missing.
    """
    trace = exercise.task().trace
    width, height = network_size(trace)
    scale = min(PIXELS, WIDEST / width)
    content = picture_bytes(draw_names(trace), ".png")
    return Picture(content, int(scale * width), int(scale * height))


def fill_in_workbook(task: Task, *, live: bool = False, picture: Picture | None = None) -> bytes:
    """A task as the bytes of a workbook. The same task gives the same bytes.

    `live` puts a mark beside each cell; the file then has the answers. `picture` stands below the
    lines.
    """
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = SHEET
    _heading(sheet, task, live=live)
    for row, line in enumerate(task.lines, start=FIRST_ROW):
        _line(sheet, row, line, task.exercise.answers)
    asked = [(row, line) for row, line in enumerate(task.lines, FIRST_ROW) if line.is_asked]
    values = _answers(book, sheet, task, asked) if live else {}
    hidden = book.create_sheet(IDENTITY)
    hidden.sheet_state = "veryHidden"
    put_text(hidden, "A1", task.identity.text)
    hidden.protection.sheet = True
    last = FIRST_ROW + len(task.lines) - 1
    if picture is not None:
        image = Image(io.BytesIO(picture.content))
        image.width, image.height = picture.width, picture.height
        sheet.add_image(image, f"A{last + 2}")
    _view(sheet, last, below=0 if picture is None else 2 + math.ceil(picture.height / ROW_PIXELS))
    cells = " ".join(_ranges([row for row, _ in asked]))

    def finished(part: str, content: bytes) -> bytes:
        if not part.startswith("xl/worksheets/sheet"):
            return content
        # An empty cell has no type: some readers show a 0 for an empty cell of the type number.
        content = EMPTY.sub(rb"\1/>", content)
        content = FORMULA.sub(partial(_with_value, values), content)
        if part == "xl/worksheets/sheet1.xml":
            end = [match.end() for match in BEFORE_IGNORED.finditer(content)][-1]
            ignored = f'<ignoredErrors><ignoredError sqref="{cells}" numberStoredAsText="1"/></ignoredErrors>'
            content = content[:end] + ignored.encode() + content[end:]
        return content

    return package_bytes(book, finished)


def printable_workbook(tasks: Iterable[Task], *, solved: bool = False) -> bytes:
    """Tasks as the bytes of one workbook to print, a sheet for each. `solved` fills them in."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, task in enumerate(tasks, start=1):
        sheet = book.create_sheet(f"Sheet {number}")
        _heading(sheet, task, live=False)
        for row, line in enumerate(task.lines, start=FIRST_ROW):
            _line(sheet, row, line, task.exercise.answers)
            if solved and line.is_asked:
                put_text(sheet, f"B{row}", task.rounded(line), style.INPUT_FONT)
        _view(sheet, FIRST_ROW + len(task.lines) - 1)
    return package_bytes(book, lambda _, content: content)


def _with_value(values: Mapping[str, float], cell: re.Match[bytes]) -> bytes:
    """A formula's cell with its value before anything is filled in."""
    letters, row, number, formula = (group.decode() for group in cell.groups(b""))
    kind, value = BLANK_VALUES.get(letters, ("str", ""))
    if letters + row in values:
        kind, value = "n", repr(values[letters + row])
    return f'<c r="{letters}{row}"{number} t="{kind}"><f>{formula}</f><v>{value}</v></c>'.encode()


def _heading(sheet: Worksheet, task: Task, *, live: bool) -> None:
    experiment = task.exercise.experiment
    put_text(sheet, "A1", experiment.title or experiment.name, style.TITLE)
    digits = task.exercise.digits
    point = " and a decimal point" if live else ""
    asked = (
        f"Fill in the framed cells with at least {digits} significant digits{point}: "
        f"{_example(digits)}."
    )
    if task.exercise.answers == "formulas":
        asked = (
            "Write a formula such as =B9*B10 into each framed cell. It takes its numbers from other "
            "cells, and is tried with other numbers, too."
        )
    put_text(sheet, "A2", asked, style.NOTE)
    put_text(sheet, "A3", NAME, style.LABEL)
    if task.student:
        put_text(sheet, NAME_CELL, task.student, style.BODY)
    else:
        _blank(sheet, NAME_CELL)
    if live:
        put_text(
            sheet,
            "A4",
            f"The marks beside the cells: {RIGHT} right, {NOT_YET} not right, {SHORT} right so "
            f"far, but with too few digits, {UNREADABLE} no number.",
            style.NOTE,
        )
    if notes := experiment.notes.strip():
        _notes(sheet, notes)
    code = f"{task.exercise.experiment.name} {task.exercise.fingerprint}"
    put_text(sheet, "D3", f"Exercise {code}", style.NOTE)
    sheet["D3"].alignment = Alignment(horizontal="right")
    sheet.row_dimensions[1].height = 22


def _notes(sheet: Worksheet, notes: str) -> None:
    """The notes of the experiment, above the lines. A cell holds about a quarter of a page."""
    count = 0
    shown = []
    for line in notes.split("\n"):
        count += 1 + len(line) // LINE_LENGTH
        if count > MOST_LINES:
            shown.append("…")
            break
        shown.append(line)
    put_text(sheet, f"A{NOTES_ROW}", "\n".join(shown), style.BODY)
    sheet[f"A{NOTES_ROW}"].alignment = Alignment(wrap_text=True, vertical="top")
    sheet.merge_cells(f"A{NOTES_ROW}:D{NOTES_ROW}")
    sheet.row_dimensions[NOTES_ROW].height = 15 * min(count, MOST_LINES) + 6


def _example(digits: int) -> str:
    """Two numbers with `digits` significant digits."""
    many = "4271936508"[:digits]
    return f"0.{many} or −0.0{many}"


def _line(sheet: Worksheet, row: int, line: Line, answers: str) -> None:
    name, value, _, meaning = cells = [f"{letter}{row}" for letter in "ABCD"]
    if line.is_heading:
        _, pale = style.BANDS[line.phase or Phase.INPUT]
        put_text(sheet, name, line.name, style.HEADER_FONT)
        for cell in cells:
            sheet[cell].fill = style.solid(pale)
        return
    put_text(sheet, name, line.name, style.LABEL)
    put_text(sheet, meaning, line.meaning[:1].upper() + line.meaning[1:], style.BODY)
    sheet[meaning].alignment = Alignment(wrap_text=True, vertical="center")
    sheet[name].alignment = Alignment(vertical="center")
    sheet.row_dimensions[row].height = 16.5 * (1 + (len(line.meaning) - 1) // 80)
    if line.is_asked:
        # A formula in a cell for text would be no formula.
        _blank(sheet, value, "General" if answers == "formulas" else "@")
    elif isinstance(line.printed, str):
        put_text(sheet, value, line.printed, style.BODY)
        sheet[value].alignment = Alignment(horizontal="right", vertical="center")
    elif line.printed is not None:
        put_number(sheet, value, line.printed, style.BODY)
        sheet[value].alignment = Alignment(horizontal="right", vertical="center")


def _blank(sheet: Worksheet, address: str, number_format: str = "@") -> None:
    """Format a cell to fill in: framed, unlocked, and for text, so that digits stay as typed."""
    cell = sheet[address]
    cell.border = BLANK
    cell.fill = style.INPUT_FILL
    cell.font = style.INPUT_FONT
    cell.number_format = number_format
    cell.protection = Protection(locked=False)
    cell.alignment = Alignment(horizontal="right", vertical="center")


def _answers(
    book: Workbook, sheet: Worksheet, task: Task, asked: Sequence[tuple[int, Line]]
) -> dict[str, float]:
    """Write the sheet of answers. Returns the values of its numeric formulas before any answer."""
    hidden = book.create_sheet(ANSWERS)
    hidden.sheet_state = "veryHidden"
    hidden.protection.sheet = True
    last = FIRST_ROW
    digits = task.exercise.digits
    followed = follow(task, {line.place: row for row, line in asked}, asked[-1][0] + 2)
    values = dict(followed.values)
    for row, line in asked:
        answer = task.exact(line)
        put_number(hidden, f"A{row}", answer)
        sources = followed.sources[row]
        for letter, formula in mark_formulas(SHEET, row, answer, digits, sources).items():
            hidden[f"{letter}{row}"].value = formula
            if letter in "PQ":
                values[f"{letter}{row}"] = decimals_needed(answer, digits)
        mark = sheet[f"C{row}"]
        mark.value = f"={ANSWERS}!K{row}"
        mark.alignment = Alignment(horizontal="center", vertical="center")
        mark.font = Font(name="Segoe UI Symbol", size=11, bold=True)
        last = row
    for symbol, colour in ((RIGHT, "1B7A3D"), (NOT_YET, "B42318"), (SHORT, "92600A")):
        rule = Rule(
            type="cellIs",
            operator="equal",
            formula=[f'"{symbol}"'],
            dxf=DifferentialStyle(font=Font(color=colour)),
        )
        sheet.conditional_formatting.add(f"C{FIRST_ROW}:C{last}", rule)
    for address, formula in followed.formulas.items():
        hidden[address].value = formula
    for address, value in followed.typed.items():
        if isinstance(value, str):
            put_text(hidden, address, value)
        else:
            put_number(hidden, address, value)
    return values


def _ranges(rows: list[int]) -> list[str]:
    """The ranges of the cells to fill in."""
    groups: list[list[int]] = []
    for row in rows:
        if groups and groups[-1][-1] == row - 1:
            groups[-1].append(row)
        else:
            groups.append([row])
    return [f"B{group[0]}:B{group[-1]}" for group in groups]


def _view(sheet: Worksheet, last: int, below: int = 0) -> None:
    """How the sheet looks and prints; `below` rows belong to a picture."""
    for letter, width in zip("ABCD", (22, 18, 6, 66), strict=True):
        sheet.column_dimensions[letter].width = width
    longest = max(len(str(sheet[f"A{row}"].value or "")) for row in range(FIRST_ROW, last + 1))
    sheet.column_dimensions["A"].width = max(14, min(longest + 4, 40))
    without_grid(sheet)
    sheet.freeze_panes = f"A{FIRST_ROW - 1}"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = False
    notes = sheet.row_dimensions[NOTES_ROW].height
    sheet.print_area = f"A1:D{last + below}"
    sheet.print_title_rows = "1:3"
    set_page(sheet, "portrait", across=1, down=1 if last + below + (notes or 0) / 15 <= PAGE else 0)
    sheet.page_margins.left = sheet.page_margins.right = 0.5
    sheet.page_margins.top = sheet.page_margins.bottom = 0.6
    # Nearer to the text than by default, the page's number would be cut.
    sheet.page_margins.footer = 0.3
    if sheet.oddFooter is not None:
        sheet.oddFooter.center.text = "Page &P of &N"
