"""Edits of formulas: another one, or something else in the place of one."""

from __future__ import annotations

from openpyxl.utils.cell import coordinate_to_tuple

from bpsheet.formula.tree import Lookup, Param, walk
from bpsheet.workbook.edits import Edit, Kind
from bpsheet.workbook.findings import Findings
from bpsheet.workbook.layout import Shown
from bpsheet.workbook.placing import Placed
from bpsheet.xlsx.cells import FIRST_ROW
from bpsheet.xlsx.contents import Address, Formula
from bpsheet.xlsx.spelling import Lines, Name, resolved, same, text_at

__all__ = ["search_formulas", "search_rows", "search_taken"]


def search_rows(found: Findings) -> None:
    """Rows inserted and deleted, and columns that are gone."""
    has_studies = len(found.run) < len(found.places.sheets)
    for placed in found.places.sheets:
        for row in placed.inserted:
            edit = Edit(placed.name, row, 0, Kind.INSERTED)
            # A study looks up rows by their number.
            note = found.lose if has_studies and placed in found.run else found.edits.append
            note(edit)
        for row in placed.broken:
            found.lose(Edit(placed.name, row, 0, Kind.DELETED))
        for index, shown in enumerate(placed.sheet.layout.shown):
            if not placed.columns[index]:
                found.lose(Edit(placed.name, 0, 0, Kind.COLUMN, shown.column.name))


def search_taken(found: Findings) -> None:
    """Hyper-parameters that a formula gives: a cell of Steps, or a statistic of the data."""
    for placed in found.places.sheets:
        for name, cell in placed.parameters.items():
            if name in placed.sheet.taken:
                _taken(found, placed, name, cell)


def _taken(found: Findings, placed: Placed, name: str, cell: Address) -> None:
    sheet = placed.sheet
    value, formula = placed.grid.value(*cell[1:]), placed.grid.formula(*cell[1:])
    row, column = coordinate_to_tuple(sheet.layout.parameter_cells[name])
    ours = Formula(sheet.taken[name], row, column)
    if formula is not None:
        expected = resolved(ours, row, column, found.places.expected_in(sheet, found.sheets))
        if same(expected, resolved(formula, *cell[1:], found.places.names_in(placed))):
            return
        text = text_at(formula, cell.row, cell.column)
        found.lose(Edit(*cell, Kind.FORMULA, name, f"={ours.text}", text))
    elif value is None:
        found.lose(Edit(*cell, Kind.EMPTIED, name))
    elif isinstance(value, int | float):
        found.lose(Edit(*cell, Kind.TYPED, name, None, value))
    else:
        found.lose(Edit(*cell, Kind.TEXT, name, None, str(value)))
    for place, shown in enumerate(sheet.layout.shown):
        if shown.formula is not None and Param(name) in walk(shown.formula):
            found.hidden |= {found.spot(placed, index, place) for index in range(len(placed))}


def search_formulas(found: Findings) -> None:
    """The formulas of all sheets, column by column."""
    for placed in found.places.sheets:
        search = _Columns(found, placed)
        for place, shown in enumerate(placed.sheet.layout.shown):
            if placed.columns[place] and shown.formula is not None:
                search.search(place, shown)


class _Columns:
    """The search in the columns of a sheet. Mostly only a column's first formulas need be read."""

    def __init__(self, found: Findings, placed: Placed) -> None:
        self.found = found
        self.placed = placed
        self.layout = placed.sheet.layout
        self.actual: Name = found.places.names_in(placed)
        self.expected: Name = found.places.expected_in(placed.sheet, found.sheets)
        data = found.places.data
        in_data = data is not None and not data.is_whole
        in_steps = any(one.inserted for one in found.run)
        # Whether rows inserted elsewhere have moved what is looked up here.
        self.is_astray = in_data if placed in found.run else in_steps

    def search(self, place: int, shown: Shown) -> None:
        placed, layout = self.placed, self.layout
        column = placed.columns[place]
        assert shown.formula is not None
        if self.is_astray and any(isinstance(node, Lookup) for node in walk(shown.formula)):
            self.found.hidden |= {
                self.found.spot(placed, index, place) for index in range(len(placed))
            }
            return
        lines = Lines()
        verdict: bool | None = None
        # From this row on, each formula is the one above it, moved down.
        even = 2 if shown.looks_back or layout.starts_typed(shown) else 1
        for index, row in enumerate(placed.rows):
            formula = placed.grid.formula(row, column)
            follows = lines.continues(formula, row)
            if index == 0 and layout.starts_typed(shown):
                continue
            if formula is None:
                verdict = None
                self._without(index, place, shown)
                continue
            is_next = index >= even and placed.rows[index - 1] == row - 1
            if verdict is None or not (follows and is_next):
                verdict = self._is_ours(formula, index, place, shown)
            if not verdict:
                self._another(formula, index, place, shown)

    def _is_ours(self, formula: Formula, index: int, place: int, shown: Shown) -> bool:
        """Whether a formula says what ours says. Most are ours to the letter, and need not be read."""
        text = self.layout.formula(shown.column.name, FIRST_ROW + index) or ""
        ours = Formula(text, FIRST_ROW + index, shown.place)
        is_here = self.found.places.are_unmoved and formula.row == ours.row
        if is_here and formula.text == text:
            return True
        row, column = self.placed.rows[index], self.placed.columns[place]
        return same(
            resolved(ours, ours.row, ours.column, self.expected),
            resolved(formula, row, column, self.actual),
        )

    def _another(self, formula: Formula, index: int, place: int, shown: Shown) -> None:
        """Note another formula. One that has lost its cells follows from what was deleted."""
        cell = self.placed.address(index, place)
        spot = self.found.spot(self.placed, index, place)
        is_cut = cell.row in self.placed.broken or not all(self.placed.columns)
        if is_cut and "#REF!" in formula.text:
            self.found.hidden.add(spot)
            return
        before = f"={self.layout.formula(shown.column.name, FIRST_ROW + index)}"
        text = text_at(formula, cell.row, cell.column)
        iteration = self.found.iteration(self.placed, index)
        self.found.spots.add(spot)
        self.found.edits.append(
            Edit(*cell, Kind.FORMULA, shown.column.name, before, text, iteration)
        )

    def _without(self, index: int, place: int, shown: Shown) -> None:
        """Note what stands in the place of a formula."""
        cell = self.placed.address(index, place)
        value = self.placed.grid.value(cell.row, cell.column)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        kind = Kind.TEXT
        if value is None:
            kind = Kind.EMPTIED
        elif is_number or value in (shown.column.labels or ()):
            kind = Kind.TYPED
        after = value if value is None or isinstance(value, int | float) else str(value)
        iteration = self.found.iteration(self.placed, index)
        self.found.spots.add(self.found.spot(self.placed, index, place))
        self.found.edits.append(Edit(*cell, kind, shown.column.name, None, after, iteration))
