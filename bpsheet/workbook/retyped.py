"""Edits of typed cells: hyper-parameters, the examples on Data, first weights, numbers of each row."""

from __future__ import annotations

import math

from bpsheet.columns.updates import setting_names
from bpsheet.program.kinds import Role
from bpsheet.runs.excerpt import Part
from bpsheet.workbook.edits import Edit, Kind
from bpsheet.workbook.findings import Findings, read_input
from bpsheet.workbook.layout import Shown
from bpsheet.workbook.placing import Placed

__all__ = ["search_data", "search_first_rows", "search_settings", "search_typed"]


def search_settings(found: Findings) -> None:
    """The hyper-parameters that are typed on Steps."""
    for placed in found.run[:1]:
        parameters = {p.name: p for p in placed.sheet.layout.program.parameters}
        settings = setting_names(found.experiment.training, found.experiment.model.settings)
        for name, cell in placed.parameters.items():
            if name in placed.sheet.taken:
                continue
            parameter = parameters[name]
            words = bool(parameter.choices) or name == "batch_size"
            called = name.replace("_", " ") if "_" in name else ""
            blank = Edit(
                *cell,
                Kind.CHANGED,
                name,
                parameter.value,
                is_taken=name in settings,
                called=called,
            )
            here = placed.grid.value(cell.row, cell.column), placed.grid.formula(*cell[1:])
            _note(found, name, *read_input(*here, blank, words=words), before=parameter.value)


def _note(
    found: Findings,
    name: str,
    edit: Edit | None,
    number: float | str | None,
    *,
    before: float | str,
) -> None:
    if edit is not None:
        found.edits.append(edit)
    if number is not None and number != before:
        found.numbers[name] = number


def search_data(found: Findings) -> None:
    """The examples on the sheet Data."""
    data = found.places.data
    if data is None:
        return
    for row in data.inserted:
        found.lose(Edit(data.name, row, 0, Kind.INSERTED))
    for number, row in enumerate(data.rows, start=1):
        if not row:
            found.lose(Edit(data.name, 0, 0, Kind.ROW, f"example {number}"))
    for name, values in found.table.program.tables.items():
        column = data.columns[name]
        if not column:
            found.lose(Edit(data.name, 0, 0, Kind.COLUMN, name))
            continue
        for number, (row, before) in enumerate(zip(data.rows, values, strict=True), start=1):
            if row:
                key = f"{name}[{number}]"
                blank = Edit(data.name, row, column, Kind.CHANGED, key, before, is_taken=True)
                here = data.grid.value(row, column), data.grid.formula(row, column)
                _note(found, key, *read_input(*here, blank), before=before)


def search_first_rows(found: Findings) -> None:
    """The numbers typed into the first row: first weights above all."""
    for placed in found.run[:1]:
        for place, shown in enumerate(placed.sheet.layout.shown):
            is_typed = shown.formula is not None and shown.starts_typed and placed.columns[place]
            if is_typed and placed.rows:
                _typed(found, placed, 0, place, shown)


def search_typed(found: Findings, apart: set[str]) -> None:
    """The columns that are typed in each row, without those of the examples (`apart`)."""
    for placed in found.run:
        for place, shown in enumerate(placed.sheet.layout.shown):
            is_typed = shown.formula is None and placed.columns[place]
            if is_typed and shown.column.name not in apart:
                for index in range(min(len(placed), len(placed.sheet))):
                    _typed(found, placed, index, place, shown)


def _typed(found: Findings, placed: Placed, index: int, place: int, shown: Shown) -> None:
    """A typed number of a row. An experiment has first weights, and no number of another row."""
    name, cell = shown.column.name, placed.address(index, place)
    before = found.before(placed, index, name)
    if math.isnan(before) or shown.column.labels:  # an error or a word, which nobody types
        return
    is_part = isinstance(found.table, Part)
    is_weight = shown.column.role is Role.WEIGHT and index == 0 and placed is found.run[0]
    taken = is_weight and not is_part and name in found.experiment.model.weights
    blank = Edit(
        *cell, Kind.CHANGED, name, before, None, found.iteration(placed, index), is_taken=taken
    )
    here = placed.grid.value(cell.row, cell.column), placed.grid.formula(cell.row, cell.column)
    edit, number = read_input(*here, blank)
    is_used = number is not None and (is_weight or is_part)
    if isinstance(number, int | float) and number != before and is_used:
        if is_weight:
            found.numbers[name] = number
        else:
            found.typed[placed.sheet.rows.start + index, name] = float(number)
    if edit is not None:
        found.edits.append(edit)
        if not is_used:
            found.spots.add(found.spot(placed, index, place))
