"""Edits of what the rows present: the numbers of the examples, or their numbers typed in each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bpsheet.program.kinds import EXAMPLE
from bpsheet.runs.excerpt import Part
from bpsheet.workbook.edits import Edit, Kind
from bpsheet.workbook.findings import CLOSE, Findings, read_input
from bpsheet.workbook.layout import Shown
from bpsheet.workbook.placing import Placed

__all__ = ["search_presented"]

# The numbers of an example in a row.
Row = tuple[object, ...]
Typed = Sequence[tuple[int, Shown]]


def search_presented(found: Findings) -> set[str]:
    """Find them. Returns the columns that were looked at."""
    names: set[str] = set()
    for placed in found.run:
        typed = [
            (place, shown)
            for place, shown in enumerate(placed.sheet.layout.shown)
            if shown.formula is None and placed.columns[place]
        ]
        examples = [one for one in typed if one[1].column.name in found.table.program.tables]
        names |= {shown.column.name for _, shown in examples}
        if examples:
            _Examples(found, placed, examples).search()
        for place, shown in typed:
            if shown.column.name == EXAMPLE:
                names.add(EXAMPLE)
                _numbers(found, placed, place)
    return names


def _presents_another(found: Findings, placed: Placed, index: int, place: int, after: int) -> None:
    """Note that a row presents another example."""
    before = int(found.before(placed, index, EXAMPLE))
    iteration = found.iteration(placed, index)
    called = f"the example of iteration {iteration}"
    taken = not isinstance(found.table, Part)
    cell = placed.address(index, place)
    found.edits.append(Edit(*cell, Kind.CHANGED, EXAMPLE, before, after, iteration, taken, called))


def _numbers(found: Findings, placed: Placed, place: int) -> None:
    """The numbers of the examples, typed in each row. The run ends where a further row has none."""
    for index in range(len(placed)):
        cell = placed.address(index, place)
        value = placed.grid.value(cell.row, cell.column)
        before = int(found.before(placed, index, EXAMPLE))
        is_new = index >= len(placed.sheet)
        if isinstance(value, int) and 1 <= value <= found.experiment.example_count:
            if value != before and not is_new:
                _presents_another(found, placed, index, place, value)
        elif is_new:
            _end(found, placed, index)
            return
        else:
            kind = Kind.EMPTIED if value is None else Kind.TEXT
            said = None if value is None else str(value)
            iteration = found.iteration(placed, index)
            found.edits.append(Edit(*cell, kind, EXAMPLE, before, said, iteration))
            found.spots.add(found.spot(placed, index, place))
            value = before
        found.order.append(value)


def _end(found: Findings, placed: Placed, index: int) -> None:
    """End the run before a further row that presents no example of the data."""
    found.edits.append(Edit(placed.name, placed.rows[index], 0, Kind.STRANGE))
    placed.cut(index)


@dataclass
class _Examples:
    """Examples typed in each row, in the layout book.

    A row may present another example than it did. An example is another one where every row that
    presents it has the same new numbers.
    """

    found: Findings
    placed: Placed
    typed: Typed

    def search(self) -> None:
        found, placed = self.found, self.placed
        tables = [found.table.program.tables[shown.column.name] for _, shown in self.typed]
        own: list[Row] = list(zip(*tables, strict=True))
        rows = [
            tuple(placed.grid.value(row, placed.columns[place]) for place, _ in self.typed)
            for row in placed.rows
        ]
        old = len(placed.sheet)
        before = [int(found.before(placed, index, EXAMPLE)) for index in range(len(rows))]
        known = {row: number for number, row in reversed(list(enumerate(own, start=1)))}
        meant = [
            number if index < old and _alike(row, own[number - 1]) else _known(row, known)
            for index, (row, number) in enumerate(zip(rows, before, strict=True))
        ]
        for number in sorted({before[i] for i in range(min(old, len(rows))) if not meant[i]}):
            of_it = [i for i in range(min(old, len(rows))) if before[i] == number]
            changed = [i for i in of_it if not meant[i]]
            is_one = len(changed) == len(of_it) and len({rows[i] for i in of_it}) == 1
            if is_one:
                known[rows[changed[0]]] = number
            for i in changed[:1] if is_one else changed:
                self._another(i, number, is_taken=is_one)
            for i in changed:
                meant[i] = number
        for index in range(old, len(rows)):
            meant[index] = meant[index] or _known(rows[index], known)
            if not meant[index]:
                _end(found, placed, index)
                del meant[index:]
                break
        for index, number in enumerate(meant[:old]):
            if number != before[index]:
                _presents_another(found, placed, index, self.typed[0][0], number)
        self._last_digits(meant, rows)
        found.order += meant

    def _last_digits(self, meant: Sequence[int], rows: Sequence[Row]) -> None:
        """Take the numbers of the examples with the digits that a program has left them."""
        tables = self.found.table.program.tables
        first = {number: index for index, number in reversed(list(enumerate(meant)))}
        for number, index in first.items():
            for (_, shown), value in zip(self.typed, rows[index], strict=True):
                before = tables[shown.column.name][number - 1]
                if value != before and _alike([value], [before]):
                    self.found.numbers[f"{shown.column.name}[{number}]"] = value  # type: ignore[assignment]

    def _another(self, index: int, number: int, *, is_taken: bool) -> None:
        """Note the changed numbers of an example, or of one row that presents it."""
        found, placed = self.found, self.placed
        for place, shown in self.typed:
            cell, name = placed.address(index, place), shown.column.name
            before = found.table.program.tables[name][number - 1]
            key = f"{name}[{number}]" if is_taken else name
            iteration = found.iteration(placed, index)
            blank = Edit(*cell, Kind.CHANGED, key, before, None, iteration, is_taken)
            here = placed.grid.value(*cell[1:]), placed.grid.formula(*cell[1:])
            edit, value = read_input(*here, blank)
            if edit is not None:
                found.edits.append(edit)
            if is_taken and value is not None and value != before:
                found.numbers[key] = value
            elif edit is not None:
                found.spots.add(found.spot(placed, index, place))


def _alike(row: Sequence[object], own: Sequence[object]) -> bool:
    """Whether the numbers of a row are these, but for digits that a program has cut off."""
    return all(
        isinstance(value, int | float)
        and isinstance(number, int | float)
        and not isinstance(value, bool)
        and abs(value - number) <= CLOSE * abs(number)
        for value, number in zip(row, own, strict=True)
    )


def _known(row: Row, known: Mapping[Row, int]) -> int:
    """The example that a row presents; 0 where it is none of the data."""
    exact = known.get(row)
    if exact is not None:
        return exact
    return next((number for own, number in known.items() if _alike(row, own)), 0)
