"""A sheet of rows such as Steps: the cells above the rows, the look of the columns, the printing.

`bpsheet.workbook.rows` streams the rows themselves; this module gives them their styles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import groupby

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, PatternFill
from openpyxl.utils.cell import get_column_letter
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet

from bpsheet.engine.recording import Recording
from bpsheet.printers.excel import excel_number
from bpsheet.program.kinds import EXAMPLE, PRESENTED, TITLES, Phase, Role
from bpsheet.program.program import Parameter
from bpsheet.runs.excerpt import Part
from bpsheet.workbook import style
from bpsheet.workbook.folding import Fold, folds_of
from bpsheet.workbook.layout import STEPS, Layout, Shown
from bpsheet.workbook.printing import BAND_ROW, HEADER_ROW, set_print
from bpsheet.workbook.sheet import Sheet, Writable
from bpsheet.xlsx.cells import FIRST_ROW, PARAMETER_ROW, Looks, put_number, put_text
from bpsheet.xlsx.notes import Note

__all__ = ["UNTITLED", "RowStyles", "build_sheet", "steps_sheets"]

# The number of columns after which a group's name is repeated.
BAND_REPEAT = 8
# A bold letter of a group's name, in widths of a character.
WIDE_LETTER = 1.05
# The most lines of a header.
MOST_LINES = 3
UNTITLED = "An experiment without a title"

# The note of a sheet with folded columns.
FOLDED = "Some columns are folded: the + above the letters of the columns unfolds them."
VALUE = Alignment(horizontal="left", vertical="center")

# The styles of a column's cells: in the first row, and in the others.
RowStyles = list[tuple[int, int]]


def steps_sheets(trace: Writable, layout: Layout) -> list[Sheet]:
    """The sheets of a run: Steps, and where its rows end, Steps 2 and so on."""
    presented = "one example presented, " if layout.program.tables else ""
    row = f"Each row is one iteration: {presented}forward pass"
    row += ", backward pass" if layout.program.phase(Phase.BACKWARD, Phase.GRADIENT) else ""
    row += ", adjustment" if layout.program.phase(Phase.UPDATE) else ""
    row += " (at the end of each batch)." if layout.by_name.get("batch_row") else "."
    if isinstance(trace, Part):
        row = _part_in_words(trace)
    title = trace.experiment.title or UNTITLED
    following = _following(trace, layout)
    count, most = len(trace.recording), layout.rows_per_sheet
    if count <= most:
        notes = (row, _groups_in_words(layout))
        return [Sheet(STEPS, title, notes, layout, trace.recording, taken=following)]
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
                taken={parameter: f"{STEPS}!{cell}" for parameter, cell in cells} or following,
            )
        )
    return sheets


def _following(trace: Writable, layout: Layout) -> dict[str, str]:
    """The formulas of the hyper-parameters that follow from the data, where the data are on a sheet.

    Where each row has its example typed, they look at the first rows if these show each example once.
    Else they are typed, too.
    """
    recording, count = trace.recording, layout.examples
    if layout.traits.data_sheet:
        return layout.following
    if not isinstance(recording, Recording) or count > layout.rows_per_sheet:
        return {}
    shown = recording.values[:count, trace.program.position[EXAMPLE]]
    return layout.following if sorted(shown) == list(range(1, count + 1)) else {}


def _part_in_words(part: Part) -> str:
    """The rows that a part shows and the cells that are typed in them, in words."""
    whole = f"{part.experiment.iterations:,}"
    if part.is_live:
        return (
            f"The last {len(part):,} of {whole} iterations. In the first row, the values from the "
            "row before it (its weights above all) are typed; every other row follows from them."
        )
    which = (
        f"The last {len(part):,} of {whole} iterations, all of which hold errors."
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
    shapes = _shapes(content)
    widths = _widths(content, shapes)
    folds = folds_of(layout, widths) if content.is_run and layout.traits.bands else []
    hidden = {n for fold in folds if fold.closed for n in range(fold.first, fold.last + 1)}
    for phase, group in groupby(layout.shown, key=lambda shown: shown.column.phase):
        first, *more = (shown.place for shown in group)
        # The name of the group stands above its columns in view, the first of which makes room for it.
        beside = sum(widths[place] for place in more if place not in hidden)
        widths[first] = max(widths[first], round(_title_width(phase) - beside, 1))
    if hidden:
        # Two lines, since a printed page cuts a longer one.
        put_text(sheet, "A3", FOLDED, style.NOTE)
        put_text(sheet, "A4", content.notes[1], style.NOTE)
    _set_columns(sheet, content, widths, folds)
    _headers(sheet, content, widths, hidden)
    styles = _row_styles(sheet, content, shapes)
    _rules(sheet, content)
    sheet.freeze_panes = f"{get_column_letter(layout.frozen + 1)}{FIRST_ROW}"
    sheet.sheet_view.zoomScale = 100
    set_print(sheet, content, sum(w for place, w in widths.items() if place not in hidden))
    return styles


WORDS = {
    Phase.INPUT: "the example",
    Phase.WEIGHT: "the weights",
    Phase.FORWARD: "the forward pass",
    Phase.BACKWARD: "the backward pass",
    Phase.GRADIENT: "the gradient",
    Phase.VALIDATION: "the loss on validation examples",
    Phase.UPDATE: "the adjustments of the weights",
    Phase.TEST: "tests of this row's weights",
    Phase.CHECK: "the check",
    Phase.TANGENT: "slopes along the row's direction",
    Phase.CURVATURE: "second derivatives",
}


def _tested(layout: Layout) -> str:
    """Where the tests have their numbers, in words."""
    tests = [shown.column for shown in layout.shown if shown.column.role is Role.VERDICT]
    follow = sum(bool(test.tables) for test in tests)
    if not follow:
        return " on numbers of their own"
    others = ", or on numbers of their own" if follow < len(tests) else ""
    return f" on examples of the sheet Data, which they follow{others}"


def _groups_in_words(layout: Layout) -> str:
    """A note such as "Blue cells … . Columns: A - C the example, D - H the weights.".

    A narrow screen or a page may cut its end, so the general sentence comes first.
    """
    parts = []
    for phase, group in groupby(layout.shown, key=lambda shown: shown.column.phase):
        letters = [shown.letter for shown in group]
        span = letters[0] if len(letters) == 1 else f"{letters[0]} - {letters[-1]}"
        words = WORDS[phase]
        if phase is Phase.TEST:
            words += _tested(layout)
        parts.append(f"{span} {words}")
    cells = "Blue cells may be changed; every other number follows from them."
    return f"{cells} Columns: {', '.join(parts)}."


def _parameter(sheet: Worksheet, address: str, parameter: Parameter, taken: str | None) -> None:
    """A hyper-parameter's cell, the label to its left, and the values that may be typed into it.

    `taken` is the formula that gives the value: a cell of Steps on a sheet that continues Steps, or
    a statistic of the data.
    """
    label = f"{get_column_letter(sheet[address].column - 1)}{PARAMETER_ROW}"
    put_text(sheet, label, f"{parameter.label} = ", style.LABEL)
    sheet[label].alignment = Alignment(horizontal="right", vertical="center", wrap_text=True)
    if taken is not None:
        sheet[address].value = f"={taken}"
        sheet[address].font = style.BODY
        sheet[address].alignment = VALUE
        if isinstance(parameter.value, float | int):
            value = float(parameter.value)
            shape = style.number_format(Role.VALUE, abs(value), whole=value.is_integer())
            sheet[address].number_format = shape
        if parameter.follows is not None:
            sheet[address].comment = _comment(f"{parameter.meaning}. It follows from the data.")
        return
    if isinstance(parameter.value, str):
        put_text(sheet, address, parameter.value, style.INPUT_FONT)
    else:
        put_number(sheet, address, parameter.value, style.INPUT_FONT)
    sheet[address].fill = style.INPUT_FILL
    sheet[address].alignment = VALUE
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


def _headers(
    sheet: Worksheet, content: Sheet, widths: Mapping[int, float], hidden: set[int]
) -> None:
    layout = content.layout
    looks = Looks()
    phase_before = None
    since = 0
    room = _room(layout, widths, hidden)
    for shown in layout.shown:
        column = shown.column
        band, pale = style.BANDS[column.phase]
        begins = column.phase is not phase_before
        phase_before = column.phase
        has_room = room[shown.place] >= _title_width(column.phase)
        if layout.traits.bands:
            since = 0 if begins else since + (shown.place not in hidden)
            # The group's name is repeated, since a wide group takes several printed pages.
            named = begins or (since % BAND_REPEAT == 0 and has_room and shown.place not in hidden)
            title = TITLES[column.phase] if named else ""
            dress = partial(_as_band, band=band)
            looks.put(sheet, (BAND_ROW, shown.place), title, band, dress)
        aligned = style.alignment(column.role, header=True)
        dress = partial(_as_header, pale=pale, begins=begins, aligned=aligned)
        kind = pale, begins, aligned.horizontal
        note = Note(partial(_explained, shown, content))
        looks.put(sheet, (HEADER_ROW, shown.place), column.name, kind, dress, note=note)
    lines = max(
        style.header_lines(s.column.name, widths[s.place])
        for s in layout.shown
        if s.place not in hidden
    )
    sheet.row_dimensions[HEADER_ROW].height = 8 + 12 * min(max(lines, 1), MOST_LINES)


def _title_width(phase: Phase) -> float:
    """The width of a group's name in bold letters, in characters."""
    return WIDE_LETTER * len(TITLES[phase]) + 1.0


def _room(layout: Layout, widths: Mapping[int, float], hidden: set[int]) -> dict[int, float]:
    """From each column to the end of its group, the width of what is in view."""
    room: dict[int, float] = {}
    for _, group in groupby(reversed(layout.shown), key=lambda shown: shown.column.phase):
        width = 0.0
        for shown in group:
            width += 0.0 if shown.place in hidden else widths[shown.place]
            room[shown.place] = width
    return room


def _as_band(cell: Cell, band: str) -> None:
    cell.font = style.BAND_FONT
    cell.fill = style.solid(band)


def _as_header(cell: Cell, pale: str, aligned: Alignment, *, begins: bool) -> None:
    cell.font = style.COLUMN_FONT
    cell.fill = style.solid(pale)
    cell.alignment = aligned
    left = style.GROUP_EDGE.left if begins else None
    cell.border = Border(bottom=style.BORDER.bottom, left=left)


def _explained(shown: Shown, content: Sheet) -> str:
    """The note of a header: what the column is, and its formula in words."""
    meaning = shown.column.meaning
    text = meaning[:1].upper() + meaning[1:]
    if shown.column.role is Role.VERDICT and not shown.column.tables:
        text += ". These numbers are the test's own: no other cell changes them"
    if shown.column.formula is not None and shown.column.role is not Role.ITERATION:
        text += f"\n\n{shown.column.name} = {content.formula_texts[shown.column.name]}"
    return text


def _comment(text: str) -> Comment:
    return Note(lambda: text).comment()


def _shapes(content: Sheet) -> dict[int, str]:
    """The number format of each column, by its number on the sheet."""
    program, extents = content.layout.program, content.recording.extents
    largest, lowest = extents.largest.tolist(), extents.lowest.tolist()
    shapes = {}
    for shown in content.layout.shown:
        column = shown.column
        if column.role in PRESENTED and column.name in program.tables:
            shapes[shown.place] = style.data_format(program.tables[column.name])
            continue
        index = program.position[column.name]
        shapes[shown.place] = style.number_format(
            column.role,
            largest[index],
            whole=bool(extents.whole[index]),
            lowest=lowest[index],
        )
    return shapes


def _widths(content: Sheet, shapes: Mapping[int, str]) -> dict[int, float]:
    """The width of each column, by its number on the sheet."""
    position, extents = content.layout.program.position, content.recording.extents
    largest, lowest = extents.largest.tolist(), extents.lowest.tolist()
    widths = {}
    for shown in content.layout.shown:
        column = shown.column
        index = position[column.name]
        widths[shown.place] = style.column_width(
            column.name,
            column.role,
            shapes[shown.place],
            largest[index],
            signed=lowest[index] < 0,
            words=column.labels or (),
        )
    for parameter in content.layout.program.parameters:
        # The label to the left of a hyper-parameter is wrapped at its spaces.
        beside = content.layout.parameter_place(parameter.name) - 1
        longest = max(map(len, f"{parameter.label} =".split()))
        widths[beside] = max(widths.get(beside, 0.0), longest + 1.5)
        if isinstance(parameter.value, str):
            longest = max(map(len, parameter.choices), default=0)
            widths[beside + 1] = max(widths.get(beside + 1, 0.0), longest + 2.5)
    return widths


def _row_styles(sheet: Worksheet, content: Sheet, shapes: Mapping[int, str]) -> RowStyles:
    """The style numbers of the columns' cells."""
    layout = content.layout
    looks = Looks()

    @cache
    def number(role: Role, shape: str, *, typed: bool) -> int:
        aligned = style.alignment(role)
        dress = partial(_as_value, aligned=aligned, shape=shape, typed=typed)
        return looks.number(sheet, (typed, aligned.horizontal, shape), dress)

    styles = []
    for shown in layout.shown:
        column, shape = shown.column, shapes[shown.place]
        begins_typed = layout.starts_typed(shown) and column.role not in style.COUNTS
        is_typed = shown.formula is None and column.labels is None
        first = number(column.role, shape, typed=begins_typed)
        styles.append((first, number(column.role, shape, typed=is_typed)))
    return styles


def _as_value(cell: Cell, aligned: Alignment, shape: str, *, typed: bool) -> None:
    cell.font = style.TYPED_FONT if typed else style.NUMBER_FONT
    cell.fill = style.INPUT_FILL if typed else PatternFill()
    cell.alignment = aligned
    cell.number_format = shape


def _set_columns(
    sheet: Worksheet, content: Sheet, widths: Mapping[int, float], folds: Sequence[Fold]
) -> None:
    """The widths of the columns, and how they fold. Columns alike in a row are set as one."""
    labels = (p.label for p in content.layout.program.parameters)
    if any(" " in label for label in labels):
        sheet.row_dimensions[PARAMETER_ROW].height = 30
    # The sign that unfolds columns stands above the column before them, which stays in view.
    sheet.sheet_properties.outlinePr.summaryRight = False  # type: ignore[union-attr]
    folded = {place: fold.closed for fold in folds for place in range(fold.first, fold.last + 1)}
    signs = {fold.first - 1 for fold in folds if fold.closed}

    def look(place: int) -> tuple[float | None, bool | None, bool]:
        return widths.get(place), folded.get(place), place in signs

    for (width, closed, sign), alike in groupby(range(1, max(widths) + 1), look):
        first, *more = alike
        letter = get_column_letter(first)
        if width is None:
            continue
        sheet.column_dimensions[letter] = ColumnDimension(
            sheet,
            letter,
            width=width,
            min=first,
            max=more[-1] if more else first,
            outlineLevel=0 if closed is None else 1,
            hidden=bool(closed),
            collapsed=sign,
        )


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
