"""The cells of a recalculated workbook, compared with a fresh run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bpsheet.workbook.reading import StoredCells
from bpsheet.workbook.sheet import Sheet
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = ["Comparison", "compare", "with_cells"]


# A number smaller than this share of 1, or of the largest number in its column, is compared as if
# it had that size. It may be a difference of two larger numbers, which has lost digits.
FLOOR = 1e-3


@dataclass(frozen=True)
class Comparison:
    """One comparison with a fresh run.

    cells:   the number of cells
    largest: the largest relative difference, and `where` its cell
    wrong:   a line for each cell that differs
    errors:  the number of these cells that should hold an error
    """

    what: str
    cells: int
    largest: float
    where: str
    tolerance: float
    wrong: tuple[str, ...]
    errors: int = 0

    @property
    def passed(self) -> bool:
        return not self.wrong


def compare(
    what: str, sheets: Sequence[Sheet], found: Sequence[StoredCells], tolerance: float
) -> Comparison:
    """Hold the cells of sheets against a run: numbers by their size, words and errors as such."""
    largest, where, wrong, cells, errors = 0.0, "", [], 0, 0
    for sheet, there in zip(sheets, found, strict=True):
        before = "" if sheet.is_steps else f"{sheet.name}!"
        cells += there.size
        for index, shown in enumerate(sheet.layout.shown):
            name, labels = shown.column.name, shown.column.labels
            expected = sheet.values[:, sheet.layout.program.position[name]]
            numbers, is_error, other = _sorted_out(there[:, index], labels)
            should_fail = np.isnan(expected)
            off = other | (is_error != should_fail)
            both = ~off & ~should_fail
            floor = FLOOR * max(1.0, float(np.nanmax(np.abs(expected), initial=0.0)))
            floor = max(floor, sheet.sizes.get(name, 0.0))
            scale = np.maximum(np.maximum(np.abs(expected), np.abs(numbers)), floor)
            difference = np.where(both, np.abs(expected - numbers) / scale, 0.0)
            if difference.size and difference.max() > largest:
                largest = float(difference.max())
                where = f"{before}{shown.letter}{int(difference.argmax()) + FIRST_ROW}"
            rows = np.flatnonzero(off | (difference > tolerance))
            errors += int(should_fail[rows].sum())
            wrong += [
                f"{before}{shown.letter}{row + FIRST_ROW} ({name}): "
                f"{_said(there[row, index])} there, {_wanted(expected[row], labels)} expected"
                for row in rows
            ]
    return Comparison(what, cells, largest, where, tolerance, tuple(wrong), errors)


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
    return "no formula" if value is None else str(value)


def _wanted(value: float, labels: tuple[str, ...] | None) -> str:
    if np.isnan(value):
        return "an error"
    return labels[int(value)] if labels else repr(float(value))
