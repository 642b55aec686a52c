"""The sheets Data and About.

About ends with the experiment file's text. So `bpsheet.load("some.xlsx")` reads the experiment
from its workbook.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border
from openpyxl.utils.cell import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.dimensions import RowDimension
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.printers.excel import excel_number
from bpsheet.program.kinds import TITLES, Role
from bpsheet.program.program import Table
from bpsheet.runs.excerpt import Part
from bpsheet.version import __version__
from bpsheet.workbook import style
from bpsheet.workbook.layout import Layout
from bpsheet.workbook.printing import printed
from bpsheet.workbook.sheet import Sheet, Writable
from bpsheet.workbook.steps import UNTITLED
from bpsheet.xlsx.cells import FIRST_ROW, Looks, put_text
from bpsheet.xlsx.package import Rows
from bpsheet.xlsx.view import set_page, without_grid

__all__ = [
    "ABOUT",
    "DATA",
    "FILE_NAME",
    "FILE_TITLE",
    "KEPT",
    "LAYOUT",
    "SHEETS",
    "TESTS",
    "build_data",
    "data_styles",
    "fill_about",
]

DATA, ABOUT = "Data", "About"
# The labels on About of the settings that `bpsheet.workbook.reading` reads back.
LAYOUT, SHEETS, KEPT, TESTS = "Layout", "Sheets", "Kept", "Tests"
# What TESTS says where tests have their numbers on the sheet Data.
FOLLOW = "follow the data"
# The name of the first cell of the experiment file on About. The file ends where the sheet ends.
FILE_NAME = "experiment_file"
# The heading above that cell.
FILE_TITLE = "Experiment file"
# A cell holds 32,767 characters (some count twice). A longer line continues in the next cell.
PIECE = 16_000
# So many columns are printed of a longer list, which would take hundreds of pages.
MOST_PRINTED = 100
# Of the list of columns, those whose text may take several lines: name, what it is, formula.
WRAPPED = (2, 4, 5)
# The last column.
FORMULA = 5


def build_data(book: Workbook, trace: Writable, layout: Layout) -> Rows:
    """Add the sheet Data: the examples, from which the rows of Steps look up inputs and targets.

    Returns the examples as XML: cell by cell, openpyxl would take a minute for many of them.
    """
    sheet = book.create_sheet(DATA)
    names = list(trace.program.tables)
    for index, name in enumerate(["example", *names], start=1):
        address = f"{get_column_letter(index)}1"
        put_text(sheet, address, name, style.HEADER_FONT)
        sheet[address].fill = style.solid("E2E8F0")
        sheet[address].alignment = style.HEADER_ALIGNMENT
        sheet[address].border = Border(bottom=style.BORDER.bottom)
        sheet.column_dimensions[get_column_letter(index)].width = max(11, min(len(name) + 3, 22))
    letters = ["A", *(layout.data_letters[name] for name in names)]
    sheet.freeze_panes = "B2"
    sheet.print_title_rows = "1:1"
    set_page(sheet, down=0)
    area = f"A1:{letters[-1]}{layout.examples + 1}"
    tables = [trace.program.tables[name] for name in names]
    return Rows(area, _examples(letters, data_styles(sheet), tables))


def data_styles(sheet: Worksheet) -> tuple[int, int]:
    """The styles of the cells of Data below its header: of an example's number, and of its values."""
    looks = Looks()
    return looks.number(sheet, "number", _as_number), looks.number(sheet, "value", _as_example)


def _examples(
    letters: Sequence[str], styles: Sequence[int], tables: Sequence[Table]
) -> Iterator[bytes]:
    """A row for each example: its number, in the first style, then its values in the other one."""
    cells = "".join(
        f'<c r="{letter}{{0}}" s="{styles[place > 1]}" t="n"><v>{{{place}}}</v></c>'
        for place, letter in enumerate(letters, start=1)
    )
    row = f'<row r="{{0}}">{cells}</row>'
    for number, example in enumerate(zip(*tables, strict=True), start=1):
        yield row.format(number + 1, number, *map(excel_number, example)).encode()


def _as_number(cell: Cell) -> None:
    cell.font = style.BODY


def _as_example(cell: Cell) -> None:
    cell.font = style.INPUT_FONT
    cell.fill = style.INPUT_FILL


def _as_text(cell: Cell, *, place: int) -> None:
    cell.font = style.BODY
    # A gap before the formula, where a full line of words ends.
    indent = 1 if place == FORMULA else 0
    cell.alignment = Alignment("left", "top", wrap_text=place in WRAPPED, indent=indent)
    cell.border = style.RULE


def fill_about(
    book: Workbook, trace: Writable, sheets: Sequence[Sheet], studies: Sequence[str]
) -> None:
    """Fill in the empty sheet About: the notes, what may be changed, what each column is, the origin."""
    steps, *others = [sheet for sheet in sheets if sheet.layout.above is None]
    layout = steps.layout
    sheet = book[ABOUT]
    for letter, width in zip("ABCDE", (10, 26, 16, 62, 62), strict=True):
        sheet.column_dimensions[letter].width = width
    experiment = trace.experiment
    put_text(sheet, "A1", experiment.title or UNTITLED, style.TITLE)
    row = 3
    for line in experiment.notes.strip().split("\n"):
        row = _paragraph(sheet, row, line)
    row = _section(sheet, row + 1, "What may be changed")
    part = trace if isinstance(trace, Part) else None
    for line in [*_changeable(layout, part), *map(_settings, others)]:
        row = _paragraph(sheet, row, line)
    row = _section(sheet, row + 1, "What is printed")
    row = _paragraph(sheet, row, f"Of {steps.name}: {printed(steps)}")
    areas = [1]
    for shown in (steps, *others):
        count = len(shown.layout.shown)
        if count > MOST_PRINTED:
            said = f"Of {ABOUT}: the first {MOST_PRINTED} of the {count:,} columns of {shown.name}."
            row = _paragraph(sheet, row, said)
    for shown in (steps, *others):
        row = _section(sheet, row + 1, f"The columns of {shown.name}")
        first, row = row, _columns(sheet, row, shown)
        if row - first - 1 > MOST_PRINTED:
            areas += [first + MOST_PRINTED, row + 1]
    row = _section(sheet, row + 1, "Made with")
    facts = [
        ("Version", f"bpsheet {__version__}"),
        (LAYOUT, layout.traits.name),
        ("Rows", f"{len(trace.recording)}"),
    ]
    if part is not None:
        facts.append((KEPT, str(part.keep)))
    if studies:
        facts.append((SHEETS, ", ".join(studies)))
    if layout.tests_follow:
        facts.append((TESTS, FOLLOW))
    for name, value in facts:
        put_text(sheet, f"A{row}", name, style.LABEL)
        put_text(sheet, f"B{row}", value, style.BODY)
        row += 1
    row = _section(sheet, row + 1, FILE_TITLE)
    book.defined_names[FILE_NAME] = DefinedName(FILE_NAME, attr_text=f"{ABOUT}!$A${row}")
    for line in experiment.text.split("\n"):
        pieces = [line[i : i + PIECE] for i in range(0, len(line), PIECE)]
        for index, piece in enumerate(pieces, start=1):
            put_text(sheet, f"{get_column_letter(index)}{row}", piece, style.MONOSPACE)
        row += 1
    without_grid(sheet)
    set_page(sheet, "landscape", down=0)
    ends = zip(areas[::2], [*areas[1::2], row], strict=True)
    sheet.print_area = ",".join(f"A{first}:E{last}" for first, last in ends)


def _changeable(layout: Layout, part: Part | None) -> list[str]:
    first = FIRST_ROW
    cells = _cells(layout)
    weights = [s.letter for s in layout.shown if s.column.role is Role.WEIGHT]
    lines = ["Blue cells on a pale fill are typed numbers. Formulas give every other number."]
    if cells:
        lines.append(f"Hyper-parameters on Steps: {cells}.")
    if weights:
        lines.append(f"First weights on Steps: {weights[0]}{first} to {weights[-1]}{first}.")
    if layout.has_data_sheet:
        lines.append(
            "Examples: on the sheet Data, each in one row. The number of examples is fixed."
        )
    lines += _tests(layout)
    typed = [s.letter for s in layout.shown if s.formula is None]
    if part is not None and not part.is_live:
        return [*lines, f"In each row of Steps: column {', '.join(typed)}."]
    more = "For more iterations, select the last row of Steps and drag its lower corner down."
    if typed:
        lines.append(f"The example of each row on Steps: column {', '.join(typed)}.")
        more += " Then type the examples of the new rows: those columns are not formulas."
    lines.append(more)
    return lines


def _tests(layout: Layout) -> list[str]:
    """Which tests follow the data, and which have numbers of their own."""
    tests = [s.column for s in layout.shown if s.column.role is Role.VERDICT]
    follow = [test.name for test in tests if test.tables]
    own = [test.name for test in tests if not test.tables]
    lines = []
    if follow:
        said = "Tests that follow their example on the sheet Data, whatever stands there"
        lines.append(f"{said}: {', '.join(follow)}.")
    if own:
        said = "Tests with numbers of their own, which stand in their formulas and which Data does not change"
        lines.append(f"{said}: {', '.join(own)}.")
    return lines


def _cells(layout: Layout) -> str:
    """The hyper-parameters and their cells, in words."""
    return ", ".join(
        f"{p.label} ({layout.parameter_cells[p.name]})"
        for p in layout.program.parameters
        if p.follows is None
    )


def _settings(sheet: Sheet) -> str:
    return f"On {sheet.name}: {_cells(sheet.layout)}."


def _section(sheet: Worksheet, row: int, text: str) -> int:
    put_text(sheet, f"A{row}", text, style.SECTION)
    return row + 1


def _paragraph(sheet: Worksheet, row: int, text: str) -> int:
    """A line of text across the table's width, in a row that is high enough for it."""
    put_text(sheet, f"A{row}", text, style.BODY)
    sheet.merge_cells(f"A{row}:E{row}")
    sheet[f"A{row}"].alignment = Alignment(wrap_text=True, vertical="top")
    sheet.row_dimensions[row].height = min(15.5 * (1 + len(text) // 165), 400)
    return row + 1


def _columns(sheet: Worksheet, row: int, content: Sheet) -> int:
    heads = ("Column", "Name", "Group", "What it is", "Formula")
    for letter, head in zip("ABCDE", heads, strict=True):
        put_text(sheet, f"{letter}{row}", head, style.HEADER_FONT)
        sheet[f"{letter}{row}"].fill = style.solid("E2E8F0")
    sheet.cell(row, FORMULA).alignment = Alignment("left", indent=1)
    row += 1
    looks = Looks()
    # Rows of one height share it: a long list has thousands.
    high = cache(lambda height: RowDimension(sheet, ht=height))
    dresses = {place: partial(_as_text, place=place) for place in range(1, FORMULA + 1)}
    for shown in content.layout.shown:
        column = shown.column
        formula = content.formula_texts.get(column.name, "")
        meaning = column.meaning[:1].upper() + column.meaning[1:]
        texts = (shown.letter, column.name, TITLES[column.phase], meaning, formula)
        for place, text in enumerate(texts, start=1):
            looks.put(sheet, (row, place), _short(text), place, dresses[place])
        lines = max((len(column.name) - 1) // 24, (max(len(meaning), len(formula), 1) - 1) // 66)
        sheet.row_dimensions[row] = high(15.5 * min(1 + lines, 12))
        row += 1
    return row


def _short(text: str) -> str:
    return text if len(text) <= PIECE else text[: PIECE - 1] + "…"
