"""The cells of a recalculated workbook, compared with a fresh run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bpsheet.verifying.consequences import consequences
from bpsheet.workbook.placing import Placed, StoredCells
from bpsheet.workbook.revision import Spot
from bpsheet.workbook.sheet import Sheet

__all__ = ["Compared", "Comparison", "compare", "with_cells"]


# A number smaller than this share of 1, or of the largest number in its column, is compared as if
# it had that size. It may be a difference of two larger numbers, which has lost digits.
FLOOR = 1e-3


@dataclass(frozen=True)
class Comparison:
    """One comparison with a fresh run.

    cells:    the number of cells
    largest:  the largest relative difference, and `where` its cell
    wrong:    a line for each cell that differs
    errors:   the number of these cells that should hold an error
    left_out: the number of cells that only follow from edits that are among the wrong ones
    note:     why nothing was compared
    """

    what: str
    cells: int
    largest: float
    where: str
    tolerance: float
    wrong: tuple[str, ...]
    errors: int = 0
    left_out: int = 0
    note: str = ""

    @property
    def passed(self) -> bool:
        return not self.wrong


@dataclass(frozen=True)
class Compared:
    """A sheet as it should be, where it stands in the file, and what its rows hold there."""

    sheet: Sheet
    placed: Placed
    values: StoredCells
    live: npt.NDArray[np.bool_]


@dataclass
class _Found:
    """What the comparison of a sheet has found, cell by cell."""

    off: npt.NDArray[np.bool_]
    difference: npt.NDArray[np.float64]
    should_fail: npt.NDArray[np.bool_]


def compare(
    what: str,
    sheets: Sequence[Compared],
    tolerance: float,
    spots: AbstractSet[Spot] = frozenset(),
    hidden: AbstractSet[Spot] = frozenset(),
) -> Comparison:
    """Hold the cells of sheets against a run: numbers by their size, words and errors as such.

    `spots` are cells that were edited and `hidden` those that have lost what they refer to. What
    follows from them is left out, where they are wrong themselves.
    """
    found = [_held(one, tolerance) for one in sheets]
    starts = {
        spot for spot in spots | hidden if _is_in(spot, found) and found[spot[0]].off[spot[1:]]
    }
    following = consequences(
        [(s.sheet, f.off.shape) for s, f in zip(sheets, found, strict=True)], starts
    )
    for number, index, place in spots:
        if _is_in((number, index, place), found):
            following[number][index, place] = False
    for number, index, place in hidden & starts:
        following[number][index, place] = True
    largest, where, wrong, cells, errors, left_out = 0.0, "", [], 0, 0, 0
    for one, held, follows in zip(sheets, found, following, strict=True):
        held.difference[follows] = 0.0
        left_out += int((held.off & follows).sum())
        held.off &= ~follows
        cells += held.off.size
        if held.difference.size and held.difference.max() > largest:
            largest = float(held.difference.max())
            where = _address(one, *divmod(int(held.difference.argmax()), held.difference.shape[1]))
        for place, index in np.argwhere(held.off.T).tolist():
            errors += bool(held.should_fail[index, place])
            wrong.append(_line(one, index, place))
    return Comparison(what, cells, largest, where, tolerance, tuple(wrong), errors, left_out)


def _is_in(spot: Spot, found: Sequence[_Found]) -> bool:
    number, index, _ = spot
    return number < len(found) and index < len(found[number].off)


def _held(one: Compared, tolerance: float) -> _Found:
    """The cells of a sheet, each held against the value that it should have."""
    sheet, values = one.sheet, one.values
    shape = values.shape
    found = _Found(np.zeros(shape, bool), np.zeros(shape), np.zeros(shape, bool))
    for place, shown in enumerate(sheet.layout.shown):
        name, labels = shown.column.name, shown.column.labels
        expected = sheet.values[: len(values), sheet.layout.program.position[name]]
        numbers, is_error, other = _sorted_out(values[:, place], labels)
        should_fail = np.isnan(expected)
        off = other | (is_error != should_fail) | _dead(one, place)
        both = ~off & ~should_fail
        floor = FLOOR * max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
        floor = max(floor, sheet.sizes.get(name, 0.0))
        scale = np.maximum(np.maximum(np.abs(expected), np.abs(numbers)), floor)
        difference = np.where(both, np.abs(expected - numbers) / scale, 0.0)
        found.off[:, place] = off | (difference > tolerance)
        found.difference[:, place] = difference
        found.should_fail[:, place] = should_fail
    return found


def _dead(one: Compared, place: int) -> npt.NDArray[np.bool_]:
    """Where something else stands in the place of a formula."""
    shown = one.sheet.layout.shown[place]
    if shown.formula is None:
        return np.zeros(len(one.values), bool)
    dead = ~one.live[:, place]
    dead[:1] &= not one.sheet.layout.starts_typed(shown)
    return dead


def _address(one: Compared, index: int, place: int) -> str:
    cell = one.placed.address(index, place)
    if not cell.column:
        return f"{one.placed.name}, row {cell.row}"
    return str(cell).rpartition("!")[2] if one.sheet.is_steps else str(cell)


def _line(one: Compared, index: int, place: int) -> str:
    shown = one.sheet.layout.shown[place]
    labels = shown.column.labels
    expected = one.sheet.values[index, one.sheet.layout.program.position[shown.column.name]]
    there = "no formula" if _dead(one, place)[index] else _said(one.values[index, place])
    return (
        f"{_address(one, index, place)} ({shown.column.name}): {there} there, "
        f"{_wanted(expected, labels)} expected"
    )


def with_cells(
    before: Comparison, sheet: str, expected: Mapping[str, float], found: Mapping[str, object]
) -> Comparison:
    """A comparison, and the cells of one more sheet by their addresses."""
    largest, where, wrong = before.largest, before.where, list(before.wrong)
    floor = FLOOR * max(1.0, max(map(abs, expected.values()), default=0.0))
    for address, number in expected.items():
        there = found.get(address)
        if not isinstance(there, int | float) or isinstance(there, bool):
            wrong.append(f"{sheet}!{address}: {_said(there)} there, {number!r} expected")
            continue
        difference = abs(there - number) / max(abs(there), abs(number), floor)
        if difference > largest:
            largest, where = difference, f"{sheet}!{address}"
        if difference > before.tolerance:
            wrong.append(f"{sheet}!{address}: {there!r} there, {number!r} expected")
    return replace(
        before,
        cells=before.cells + len(expected),
        largest=largest,
        where=where,
        wrong=tuple(wrong),
    )


def _sorted_out(
    cells: npt.NDArray[np.object_], labels: tuple[str, ...] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """The cells as numbers, whether each is an error, and whether each is neither."""
    numbers = np.zeros(len(cells))
    is_error = np.zeros(len(cells), dtype=bool)
    other = np.zeros(len(cells), dtype=bool)
    for row, cell in enumerate(cells):
        if isinstance(cell, str) and cell.startswith("#"):
            is_error[row] = True
        elif labels is not None and cell in labels:
            numbers[row] = labels.index(str(cell))
        elif labels is None and isinstance(cell, int | float) and not isinstance(cell, bool):
            numbers[row] = cell
        else:
            other[row] = True
    return numbers, is_error, other


def _said(value: object) -> str:
    return "nothing" if value is None else str(value)


def _wanted(value: float, labels: tuple[str, ...] | None) -> str:
    if np.isnan(value):
        return "an error"
    return labels[int(value)] if labels else repr(float(value))
