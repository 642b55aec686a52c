"""A sheet of rows such as Steps: the cells above the rows, the look of the columns, the printing.

`bpsheet.workbook.rows` streams the rows themselves; this module gives them their styles.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import groupby

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, PatternFill
from openpyxl.utils.cell import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.printers.excel import excel_number, spelled
from bpsheet.printers.text import formula_text
from bpsheet.program.kinds import TITLES, Phase, Role
from bpsheet.program.program import Parameter
from bpsheet.runs.excerpt import Part
from bpsheet.workbook import style
from bpsheet.workbook.layout import STEPS, Layout, Shown
from bpsheet.workbook.sheet import Sheet, Writable
from bpsheet.xlsx.cells import FIRST_ROW, PARAMETER_ROW, Looks, put_number, put_text
from bpsheet.xlsx.view import set_page

__all__ = ["UNTITLED", "RowStyles", "build_sheet", "steps_sheets"]

BAND_ROW, HEADER_ROW = 6, 7
# The number of columns after which a group's name is repeated.
BAND_REPEAT = 8
UNTITLED = "An experiment without a title"

# The styles of a column's cells: in the first row, and in the others.
RowStyles = list[tuple[int, int]]


def steps_sheets(trace: Writable, layout: Layout) -> list[Sheet]:
    """The sheets of a run: Steps, and where its rows end, Steps 2 and so on."""
    row = "Each row is one iteration: one example presented, forward pass"
    row += ", backward pass" if layout.program.phase(Phase.BACKWARD, Phase.GRADIENT) else ""
    row += ", adjustment" if layout.program.phase(Phase.UPDATE) else ""
    row += " (at the end of each batch)." if layout.by_name.get("batch_row") else "."
    if isinstance(trace, Part):
        row = _part_in_words(trace)
    title = trace.experiment.title or UNTITLED
    count, most = len(trace.recording), layout.rows_per_sheet
    if count <= most:
        return [Sheet(STEPS, title, (row, _groups_in_words(layout)), layout, trace.recording)]
    sheets: list[Sheet] = []
    for start in range(0, count, most):
        rows = range(start, min(start + most, count))
        name = f"{STEPS} {len(sheets) + 1}" if sheets else STEPS
        note = row
        if sheets:
            above = sheets[-1]
            layout = replace(layout, above=(above.name, above.last_row))
            note = (
                f"This sheet continues the sheet {above.name}: its first row follows from the last "
                "row there."
            )
        cells = layout.parameter_cells.items() if sheets else ()
        sheets.append(
            Sheet(
                name,
                title,
                (note, _groups_in_words(layout)),
                layout,
                trace.recording,
                rows=rows,
                taken={parameter: f"{STEPS}!{cell}" for parameter, cell in cells},
            )
        )
    return sheets


def _part_in_words(part: Part) -> str:
    """The rows that a part shows and the cells that are typed in them, in words."""
    whole = f"{part.experiment.iterations:,}"
    if part.is_live:
        return (
            f"The last {len(part):,} of {whole} iterations. In the first row, the values from the "
            "row before it (its weights above all) are typed; every other row follows from them."
        )
    which = (
        f"The last {len(part):,} of {whole} iterations; errors stand from the first of them on."
        if part.keep.last is not None
        else f"Iteration 1, every {part.keep.every:,}th after it, and the last, of {whole}."
    )
    return (
        f"{which} In each row, the values from the row before it (its weights above all) are "
        "typed, since that row is not in this workbook. The rest of the row is live."
    )


def build_sheet(book: Workbook, content: Sheet) -> RowStyles:
    """Add a sheet with everything but its rows. Returns the style numbers of the rows' cells."""
    sheet, layout = book.create_sheet(content.name), content.layout
    put_text(sheet, "A1", content.title, style.TITLE)
    sheet.row_dimensions[1].height = 22
    for row, note in enumerate(content.notes, start=2):
        put_text(sheet, f"A{row}", note, style.NOTE)
    for parameter in layout.program.parameters:
        address = layout.parameter_cells[parameter.name]
        _parameter(sheet, address, parameter, content.taken.get(parameter.name))
        if content.is_steps:
            address = layout.absolute_cell(parameter.name)
            book.defined_names[parameter.name] = DefinedName(
                parameter.name, attr_text=f"{STEPS}!{address}"
            )
    _headers(sheet, content)
    styles = _row_styles(sheet, content)
    _make_room(sheet, layout)
    _rules(sheet, content)
    _view(sheet, content)
    return styles


WORDS = {
    Phase.INPUT: "the example",
    Phase.WEIGHT: "the weights",
    Phase.FORWARD: "the forward pass",
    Phase.BACKWARD: "the backward pass",
    Phase.GRADIENT: "the gradient",
    Phase.UPDATE: "the adjustments of the weights",
    Phase.TEST: "tests of this row's weights",
    Phase.CHECK: "the check",
    Phase.TANGENT: "slopes along the row's direction",
    Phase.CURVATURE: "second derivatives",
}


def _groups_in_words(layout: Layout) -> str:
    """A note such as "Columns: A - C the example, D - H the weights."."""
    parts = []
    for phase, group in groupby(layout.shown, key=lambda shown: shown.column.phase):
        letters = [shown.letter for shown in group]
        span = letters[0] if len(letters) == 1 else f"{letters[0]} - {letters[-1]}"
        parts.append(f"{span} {WORDS[phase]}")
    cells = "Blue cells may be changed; every other number follows from them."
    return f"Columns: {', '.join(parts)}. {cells}"


def _parameter(sheet: Worksheet, address: str, parameter: Parameter, taken: str | None) -> None:
    """A hyper-parameter's cell, the label to its left, and the values that may be typed into it.

    `taken` is the cell of Steps from which a sheet that continues Steps takes the value.
    """
    label = f"{get_column_letter(sheet[address].column - 1)}{PARAMETER_ROW}"
    put_text(sheet, label, f"{parameter.label} = ", style.LABEL)
    sheet[label].alignment = Alignment(horizontal="right")
    if taken is not None:
        sheet[address].value = f"={taken}"
        sheet[address].font = style.BODY
        sheet[address].alignment = Alignment(horizontal="left")
        return
    if isinstance(parameter.value, str):
        put_text(sheet, address, parameter.value, style.INPUT_FONT)
    else:
        put_number(sheet, address, parameter.value, style.INPUT_FONT)
    sheet[address].fill = style.INPUT_FILL
    sheet[address].alignment = Alignment(horizontal="left")
    sheet[address].comment = _comment(
        f"{parameter.meaning[:1].upper()}{parameter.meaning[1:]}. Change it, and every row follows."
    )
    if parameter.choices:
        allowed = DataValidation("list", formula1=f'"{",".join(parameter.choices)}"')
    else:
        lowest, highest = map(excel_number, parameter.between)
        allowed = DataValidation(
            "whole" if parameter.whole else "decimal",
            operator="between",
            formula1=lowest,
            formula2=highest,
        )
    allowed.showErrorMessage = True
    allowed.error = f"Expected: {parameter.expected}."
    allowed.add(address)
    sheet.add_data_validation(allowed)


def _headers(sheet: Worksheet, content: Sheet) -> None:
    layout = content.layout
    looks = Looks()
    phase_before = None
    since = 0
    for shown in layout.shown:
        column = shown.column
        band, pale = style.BANDS[column.phase]
        begins = column.phase is not phase_before
        phase_before = column.phase
        if layout.traits.bands:
            cell = sheet.cell(BAND_ROW, shown.place)
            since = 0 if begins else since + 1
            # The group's name is repeated, since a wide group takes several printed pages.
            if since % BAND_REPEAT == 0:
                put_text(sheet, cell.coordinate, TITLES[column.phase])
            looks.give(cell, band, partial(_as_band, band=band))
        header = sheet.cell(HEADER_ROW, shown.place)
        dress = partial(_as_header, pale=pale, begins=begins)
        looks.give(header, (pale, begins), dress)
        put_text(sheet, header.coordinate, column.name)
        header.comment = _comment(_explained(shown, content.source))
    sheet.row_dimensions[HEADER_ROW].height = 32


def _as_band(cell: Cell, band: str) -> None:
    cell.font = style.BAND_FONT
    cell.fill = style.solid(band)


def _as_header(cell: Cell, pale: str, *, begins: bool) -> None:
    cell.font = style.HEADER_FONT
    cell.fill = style.solid(pale)
    cell.alignment = style.HEADER_ALIGNMENT
    left = style.GROUP_EDGE.left if begins else None
    cell.border = Border(bottom=style.BORDER.bottom, left=left)


def _explained(shown: Shown, source: str) -> str:
    """The note of a header: what the column is, and its formula in words."""
    text = shown.column.meaning
    if shown.column.formula is not None and shown.column.role is not Role.ITERATION:
        text += f"\n\n{shown.column.name} = {formula_text(shown.column.formula, source)}"
    return text[:1].upper() + text[1:]


def _comment(text: str) -> Comment:
    short = text if len(text) <= 1_000 else text[:999] + "…"
    comment = Comment(spelled(short), "bpsheet")
    comment.width = 320
    comment.height = 40 + 18 * (short.count("\n") + len(short) // 45)
    return comment


def _row_styles(sheet: Worksheet, content: Sheet) -> RowStyles:
    """The style numbers of the columns, read from sample cells that the rows replace."""
    layout, extents = content.layout, content.recording.extents
    styles = []
    looks = Looks()
    for shown in layout.shown:
        column = shown.column
        index = layout.program.position[column.name]
        shape = style.number_format(
            column.role, float(extents.largest[index]), whole=bool(extents.whole[index])
        )
        sheet.column_dimensions[shown.letter].width = style.column_width(
            column.name, column.role, shape, column.labels or ()
        )
        numbers = []
        for row, typed in (
            (FIRST_ROW, layout.starts_typed(shown) and column.role not in style.COUNTS),
            (FIRST_ROW + 1, shown.formula is None and column.labels is None),
        ):
            start = column.start
            written = style.typed_format(start, shape) if typed and start is not None else shape
            kind = (typed, column.role in style.COUNTED, written)
            dress = partial(_as_value, role=column.role, written=written, typed=typed)
            numbers.append(looks.give(sheet.cell(row, 1), kind, dress))
        styles.append((numbers[0], numbers[1]))
    return styles


def _as_value(cell: Cell, role: Role, written: str, *, typed: bool) -> None:
    cell.font = style.INPUT_FONT if typed else style.BODY
    cell.fill = style.INPUT_FILL if typed else PatternFill()
    cell.alignment = style.alignment(role)
    cell.number_format = written


def _make_room(sheet: Worksheet, layout: Layout) -> None:
    """Widen the columns in which the labels of the hyper-parameters stand, so that they fit."""
    for parameter in layout.program.parameters:
        cell = sheet[layout.parameter_cells[parameter.name]]
        beside = sheet.column_dimensions[get_column_letter(cell.column - 1)]
        beside.width = max(beside.width, len(parameter.label) + 4)


def _rules(sheet: Worksheet, content: Sheet) -> None:
    layout = content.layout
    for role, rules in style.RULES.items():
        letters = [shown.letter for shown in layout.shown if shown.column.role is role]
        if letters:
            area = f"{letters[0]}{FIRST_ROW}:{letters[-1]}{content.last_row}"
            for rule in rules:
                sheet.conditional_formatting.add(area, rule)
    for look in content.looks:
        letters = [layout.by_name[name].letter for name in look.columns]
        areas = " ".join(f"{letter}{FIRST_ROW}:{letter}{content.last_row}" for letter in letters)
        sheet.conditional_formatting.add(areas, style.look(look.kind, layout.condition(look.where)))


def _view(sheet: Worksheet, content: Sheet) -> None:
    layout = content.layout
    sheet.freeze_panes = f"{get_column_letter(layout.frozen + 1)}{FIRST_ROW}"
    sheet.sheet_view.zoomScale = 100
    width = sum(sheet.column_dimensions[shown.letter].width for shown in layout.shown)
    # About 170 characters across a landscape page are still easy to read.
    pages = max(1, round(width / 170))
    set_page(sheet, "landscape", across=pages, down=0)
    sheet.print_title_rows = f"{BAND_ROW}:{HEADER_ROW}"
    if pages > 1 and layout.frozen:
        sheet.print_title_cols = f"A:{get_column_letter(layout.frozen)}"
    sheet.print_area = content.area
    sheet.page_margins.left = sheet.page_margins.right = 0.4
    sheet.page_margins.top = sheet.page_margins.bottom = 0.6
    sheet.page_margins.footer = 0.3
    if sheet.oddFooter is not None:
        sheet.oddFooter.center.text = "Page &P of &N"
