"""Where the sheets of a run stand in a workbook that people have worked on.

Sheets may have been renamed, columns and rows inserted. So sheets and columns are found by their
headers, hyper-parameters by their names, and rows by what their formulas refer to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
from openpyxl.utils.cell import coordinate_to_tuple

from bpsheet.workbook.about import DATA
from bpsheet.workbook.layout import Layout
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import FIRST_ROW
from bpsheet.xlsx.contents import Address, Contents, Grid
from bpsheet.xlsx.spelling import Lines, Name, references_of

__all__ = ["Placed", "PlacedData", "Places", "StoredCells", "find_places"]

# A row for each iteration, a column for each shown column; None for an empty cell.
StoredCells = npt.NDArray[np.object_]

# So many rows from the top may hold the headers, and so many columns tell how a row goes on.
TOP, PROBES = 200, 5
# So many filled rows together may have been inserted.
MOST_INSERTED = 1000
# In our own sheets the hyper-parameters stand two rows above the headers.
ABOVE = 2


@dataclass(frozen=True)
class Placed:
    """Where a sheet of rows stands.

    name:       what the sheet is called in the file
    header:     the row of its headers
    columns:    the column of each shown column, from 1; 0 for one that is gone
    rows:       the row of each iteration
    inserted:   rows among these that belong to no iteration
    broken:     rows whose formulas have lost the row before
    parameters: the cells of its hyper-parameters
    """

    sheet: Sheet
    grid: Grid
    name: str
    header: int
    columns: Sequence[int]
    rows: list[int]
    inserted: Sequence[int] = ()
    broken: Sequence[int] = ()
    parameters: Mapping[str, Address] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def cut(self, index: int) -> None:
        """Leave out the rows from this one on."""
        del self.rows[index:]

    @cached_property
    def index_of_row(self) -> Mapping[int, int]:
        return {row: index for index, row in enumerate(self.rows)}

    @cached_property
    def index_of_column(self) -> Mapping[int, int]:
        return {column: index for index, column in enumerate(self.columns) if column}

    @property
    def is_unmoved(self) -> bool:
        """Whether the sheet stands as it was written: no column or row has another place."""
        own = self.sheet.layout.parameter_cells
        return (
            self.name == self.sheet.name
            and list(self.columns) == list(self.sheet.places)
            and list(self.rows) == list(range(FIRST_ROW, FIRST_ROW + len(self.rows)))
            and all(coordinate_to_tuple(own[n]) == c[1:] for n, c in self.parameters.items())
        )

    def address(self, index: int, shown: int) -> Address:
        """The cell of an iteration and a shown column, both counted from 0."""
        return Address(self.name, self.rows[index], self.columns[shown])

    def values(self) -> StoredCells:
        """What the cells of the rows store."""
        found = np.full((len(self.rows), len(self.columns)), None, dtype=object)
        for index, row in enumerate(self.rows):
            cells = self.grid.values.get(row, [])
            most = len(cells)
            found[index] = [cells[c - 1] if 0 < c <= most else None for c in self.columns]
        return found

    def live(self) -> npt.NDArray[np.bool_]:
        """Whether each cell of the rows holds a formula."""
        found = np.zeros((len(self.rows), len(self.columns)), dtype=bool)
        for index, row in enumerate(self.rows):
            cells = self.grid.formulas.get(row, [])
            most = len(cells)
            found[index] = [0 < c <= most and cells[c - 1] is not None for c in self.columns]
        return found


@dataclass(frozen=True)
class PlacedData:
    """Where the examples stand: a column for each name, a row for each example (0 where it is gone)."""

    name: str
    grid: Grid
    columns: Mapping[str, int]
    rows: Sequence[int]
    inserted: Sequence[int]

    @property
    def is_whole(self) -> bool:
        """Whether the rows of the examples are all there, with no other row among them."""
        return not self.inserted and all(self.rows)

    def example_in(self, row: int) -> int | None:
        """The example of a row, from 0. A row below the last example counts as the last one: a look-up
        of a single example covers an empty row, too, or not.
        """
        if row in self.rows:
            return self.rows.index(row)
        return len(self.rows) - 1 if row > max(self.rows, default=row) else None


@dataclass(frozen=True)
class Places:
    """Where all sheets of a workbook stand. `missing` are those that were not found."""

    contents: Contents
    sheets: tuple[Placed, ...]
    missing: tuple[str, ...]
    data: PlacedData | None

    @cached_property
    def are_unmoved(self) -> bool:
        """Whether all sheets stand as they were written, so that formulas read as they did."""
        data = self.data
        if data is not None and (
            data.name != DATA
            or list(data.columns.values()) != list(range(2, len(data.columns) + 2))
            or list(data.rows) != list(range(2, len(data.rows) + 2))
        ):
            return False
        return not self.missing and all(placed.is_unmoved for placed in self.sheets)

    @cached_property
    def _by_name(self) -> Mapping[str, Placed]:
        return {placed.name.casefold(): placed for placed in self.sheets}

    @cached_property
    def _parameters(self) -> Mapping[tuple[str, int, int], tuple[str, str]]:
        return {
            (cell.sheet.casefold(), cell.row, cell.column): (placed.sheet.name, name)
            for placed in self.sheets
            for name, cell in placed.parameters.items()
        }

    def names_in(self, placed: Placed) -> Name:
        """What the cells are, to which the formulas of a sheet refer, as this file has them."""

        def name(sheet: str, row: int, column: int) -> object:
            key = (sheet or placed.name).casefold()
            if (parameter := self._parameters.get((key, row, column))) is not None:
                return parameter
            other = self._by_name.get(key)
            if other is not None:
                shown = other.index_of_column.get(column)
                # A formula of the first row may look at the header above it.
                index = -1 if row == other.header else other.index_of_row.get(row)
                if index is not None and shown is not None:
                    return (other.sheet.name, shown, index)
            data = self.data
            if data is not None and key == data.name.casefold():
                named = next((n for n, place in data.columns.items() if place == column), None)
                example = data.example_in(row)
                if named is not None and example is not None:
                    return (DATA, named, example)
            return ("elsewhere", key, row, column)

        return name

    def expected_in(self, sheet: Sheet, sheets: Sequence[Sheet]) -> Name:
        """What the cells are, as our own formulas refer to them. `sheets` are all of ours."""
        layouts = {each.name: each.layout for each in sheets}
        data = dict(enumerate(sheets[0].layout.data_letters, start=2))

        def name(other: str, row: int, column: int) -> object:
            other = other or sheet.name
            layout = layouts.get(other)
            if layout is not None and row >= FIRST_ROW - 1:
                shown = self._shown(layout).get(column)
                if shown is not None:
                    return (other, shown, row - FIRST_ROW)
            elif layout is not None:
                for parameter, cell in layout.parameter_cells.items():
                    if coordinate_to_tuple(cell) == (row, column):
                        return (other, parameter)
            elif other == DATA and column in data and row > 1:
                return (DATA, data[column], min(row - 1, sheets[0].layout.examples) - 1)
            return ("elsewhere", other.casefold(), row, column)

        return name

    @staticmethod
    def _shown(layout: Layout) -> Mapping[int, int]:
        return {shown.place: index for index, shown in enumerate(layout.shown)}


def find_places(contents: Contents, sheets: Sequence[Sheet]) -> Places:
    """Where the sheets stand in a workbook."""
    found: list[Placed] = []
    missing = []
    taken: set[str] = set()
    for sheet in sheets:
        headers = [shown.column.name for shown in sheet.layout.shown]
        name = _sheet_with(contents, sheet.name, headers, taken)
        if name is None:
            missing.append(sheet.name)
            continue
        taken.add(name)
        found.append(_placed(contents, sheet, name, headers))
    layout = sheets[0].layout
    data = _placed_data(contents, layout, taken) if layout.has_data_sheet else None
    if layout.has_data_sheet and data is None:
        missing.append(DATA)
    return Places(contents, tuple(found), tuple(missing), data)


def _sheet_with(
    contents: Contents, name: str, headers: Sequence[str], taken: set[str]
) -> str | None:
    """The sheet with these headers: the one of this name, or else the first that has most of them."""
    candidates = [name, *(other for other in contents.sheets if other != name)]
    for other in candidates:
        grid = contents.sheets.get(other)
        if grid is None or other in taken:
            continue
        row = _header_row(grid, headers)
        if row is not None and 2 * _matches(grid, row, headers) > len(set(headers)):
            return other
    return None


def _matches(grid: Grid, row: int, headers: Sequence[str]) -> int:
    return len(set(headers) & {cell for cell in grid.values[row] if isinstance(cell, str)})


def _header_row(grid: Grid, headers: Sequence[str]) -> int | None:
    """The row with most of the headers."""
    rows = [row for row in sorted(grid.values)[:TOP] if _matches(grid, row, headers)]
    return max(rows, key=lambda row: _matches(grid, row, headers), default=None)


def _columns(grid: Grid, row: int, headers: Sequence[str], places: Sequence[int]) -> list[int]:
    """The column of each header. A header that somebody has reworded stands between its neighbours."""
    where: dict[object, int] = {}
    for column, cell in enumerate(grid.values[row], start=1):
        where.setdefault(cell, column)
    found = [where.get(header, 0) for header in headers]
    used = set(found)
    for index, column in enumerate(found):
        if column:
            continue
        before = found[index - 1] + places[index] - places[index - 1] if index else places[0]
        following = next((i for i in range(index + 1, len(found)) if found[i]), None)
        gap = 0 if following is None else found[following] - places[following] + places[index]
        if before not in used and (following is None or gap == before):
            found[index] = before
            used.add(before)
    return found


def _placed(contents: Contents, sheet: Sheet, name: str, headers: Sequence[str]) -> Placed:
    grid = contents.sheets[name]
    header = _header_row(grid, headers)
    assert header is not None
    columns = _columns(grid, header, headers, list(sheet.places))
    rows, inserted, broken = _Chain(sheet, grid, header, columns).found()
    parameters = dict(_parameters(contents, sheet, name, header))
    return Placed(sheet, grid, name, header, columns, rows, inserted, broken, parameters)


def _parameters(
    contents: Contents, sheet: Sheet, name: str, header: int
) -> Iterator[tuple[str, Address]]:
    """The cells of a sheet's hyper-parameters: by their names, or else beside their labels."""
    grid = contents.sheets[name]
    for parameter in sheet.layout.program.parameters:
        named = contents.names.get(parameter.name) if sheet.is_steps else None
        if named is not None and named.sheet.casefold() == name.casefold():
            yield parameter.name, named._replace(sheet=name)
            continue
        label = f"{parameter.label} =".casefold()
        beside = [
            Address(name, row, column + 1)
            for row in range(1, header)
            for column, cell in enumerate(grid.values.get(row, ()), start=1)
            if isinstance(cell, str) and cell.strip().casefold() == label
        ]
        own = coordinate_to_tuple(sheet.layout.parameter_cells[parameter.name])[1]
        yield parameter.name, beside[0] if beside else Address(name, header - ABOVE, own)


class _Chain:
    """The rows of a run: each follows from the one before it.

    An inserted row is one that no row follows from. A row that was emptied is still one of the run,
    since the formulas of the next row refer to it.
    """

    def __init__(self, sheet: Sheet, grid: Grid, header: int, columns: Sequence[int]) -> None:
        self.grid = grid
        self.header = header
        self.columns = [column for column in columns if column]
        shown = zip(sheet.layout.shown, columns, strict=True)
        back = [column for entry, column in shown if column and entry.looks_back]
        self.probes = {c: (Lines(), 0) for c in back[:: max(1, len(back) // PROBES)][:PROBES]}

    def found(self) -> tuple[list[int], list[int], list[int]]:
        """The rows of the run, those inserted among them, and those that have lost their row before."""
        rows: list[int] = []
        inserted: list[int] = []
        broken: list[int] = []
        waiting: list[int] = []
        for row in range(self.header + 1, max(self.grid.values, default=0) + 1):
            before, is_broken = self._before(row)
            if not self._is_filled(row):
                waiting.append(row)
                continue
            if before is not None and rows and before != rows[-1]:
                if before in waiting:
                    rows.append(before)
                    waiting.remove(before)
                while before in rows[-MOST_INSERTED:] and rows[-1] != before:
                    inserted.append(rows.pop())
            inserted += waiting
            waiting = []
            if is_broken:
                broken.append(row)
            rows.append(row)
        return rows, sorted(inserted), broken

    def _is_filled(self, row: int) -> bool:
        values, formulas = self.grid.values.get(row, ()), self.grid.formulas.get(row, ())
        filled = 0
        for column in self.columns:
            if (column <= len(values) and values[column - 1] is not None) or (
                column <= len(formulas) and formulas[column - 1] is not None
            ):
                filled += 1
        return 2 * filled >= len(self.columns) and filled > 0

    def _before(self, row: int) -> tuple[int | None, bool]:
        """The row that a row follows from, as most of its formulas have it; and whether it is lost."""
        votes: Counter[int] = Counter()
        lost = 0
        for column, (lines, known) in self.probes.items():
            distance = known
            formula = self.grid.formula(row, column)
            continues = lines.continues(formula, row)
            if formula is None:
                continue
            if not continues:
                lost += "#REF!" in formula.text
                distance = max(
                    (
                        there - row
                        for sheet, there, other in references_of(formula, row, column)
                        if not sheet and self.header < there < row and other in self.columns
                    ),
                    default=0,
                )
                self.probes[column] = (lines, distance)
            if distance:
                votes[row + distance] += 1
        before = votes.most_common(1)[0][0] if votes else None
        return before, lost > sum(votes.values())


def _placed_data(contents: Contents, layout: Layout, taken: set[str]) -> PlacedData | None:
    names = list(layout.data_letters)
    name = _sheet_with(contents, DATA, names, taken)
    if name is None:
        return None
    grid = contents.sheets[name]
    header = _header_row(grid, names)
    assert header is not None
    places = _columns(grid, header, ["example", *names], range(1, len(names) + 2))
    columns = dict(zip(names, places[1:], strict=True))
    numbered = {
        grid.value(row, places[0]): row for row in sorted(grid.values, reverse=True) if row > header
    }
    rows = [numbered.get(number, 0) for number in range(1, layout.examples + 1)]
    last = max(rows, default=header)
    inserted = sorted(set(range(header + 1, last + 1)).difference(rows))
    return PlacedData(name, grid, columns, rows, inserted)
