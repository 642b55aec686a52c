"""The rows of a run, all of them or a part, in memory or computed again.

Whoever writes a run to a file reads it as `Recorded`, piece by piece. A recording in memory is one
piece. A long run (`bpsheet.engine.engine.Streamed`) computes its pieces while they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bpsheet.errors import ExperimentError, Problem

__all__ = ["EVERYTHING", "Codes", "Extents", "Keep", "Recorded", "Recording", "Values"]

Values = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Keep:
    """Which iterations of a run are kept.

    every: for 100: the first, every hundredth after it, and the last
    last:  for 100: the last hundred
    ends:  for 3: the first three and the last three

    >>> Keep.of("every:100").count(250), Keep.of("last:2").count(250)
    (4, 2)
    """

    every: int = 1
    last: int | None = None
    ends: int | None = None

    @classmethod
    def of(cls, text: str) -> Keep:
        """`every:100` or `last:1000`. Raises ExperimentError for anything else."""
        match = re.fullmatch(r"\s*(every|last)\s*:\s*([0-9]{1,15})\s*", text)
        if match is None or int(match[2]) < 1:
            message = f'every:100 or last:1000 (with any number) expected; got "{text[:60]}"'
            raise ExperimentError([Problem("", message)], "keep")
        return cls(**{match[1]: int(match[2])})

    def __str__(self) -> str:
        return f"last:{self.last}" if self.last is not None else f"every:{self.every}"

    def chosen(self, numbers: Numbers, iterations: int) -> npt.NDArray[np.bool_]:
        """Which of the iterations with these numbers are kept, in a run of `iterations`."""
        if self.last is not None:
            late: npt.NDArray[np.bool_] = numbers > iterations - self.last
            return late
        if self.ends is not None:
            return (numbers <= self.ends) | (numbers > iterations - self.ends)
        chosen: npt.NDArray[np.bool_] = (numbers - 1) % self.every == 0
        chosen[numbers == iterations] = True
        return chosen

    def count(self, iterations: int) -> int:
        """How many iterations are kept, in a run of `iterations`."""
        if self.last is not None:
            return min(self.last, iterations)
        if self.ends is not None:
            return min(2 * self.ends, iterations)
        whole, rest = divmod(iterations - 1, self.every)
        return whole + 1 + (rest > 0)


EVERYTHING = Keep()


@dataclass(frozen=True)
class Extents:
    """Each column's lowest value, largest absolute value, and whether all are whole numbers.

    Errors do not count. A column without any number has `lowest` NaN and `largest` 0.
    """

    lowest: Values
    largest: Values
    whole: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, values: Values) -> Extents:
        """The extents of an array that has a column for each column of the program."""
        lowest = np.fmin.reduce(values, axis=0, initial=np.inf)
        highest = np.fmax.reduce(values, axis=0, initial=-np.inf)
        whole = ((values == np.floor(values)) | np.isnan(values)).all(axis=0)
        return cls(lowest, np.fmax(np.fmax(highest, -lowest), 0.0), whole)

    def joined(self, other: Extents) -> Extents:
        """The extents of both arrays together."""
        return Extents(
            np.fmin(self.lowest, other.lowest),
            np.fmax(self.largest, other.largest),
            self.whole & other.whole,
        )


class Recorded(Protocol):
    """Rows that can be read piece by piece, any number of times."""

    @property
    def extents(self) -> Extents:
        """Each column's lowest and largest value."""

    @property
    def keep(self) -> Keep:
        """Which rows of a run these are."""

    @property
    def first_row(self) -> Values:
        """The values of the first row."""

    @property
    def first_error_row(self) -> int:
        """The row (from 0) of the first error; the number of rows where there is none."""

    def __len__(self) -> int: ...

    def pieces(self) -> Iterator[Recording]:
        """The rows, some thousand at a time."""


@dataclass(frozen=True)
class Recording:
    """Rows in memory: the values, and which of them are errors.

    values:     float64, a row for each iteration, a column for each column of the program
    errors:     for the rows from `first_error_row` on: indices into `evaluate.ERRORS`, 0 for no
                error; the values of errors are NaN
    iterations: each row's iteration, from 1
    keep:       which rows of the run these are
    """

    values: Values
    errors: Codes
    first_error_row: int
    iterations: Numbers
    keep: Keep = EVERYTHING

    def __len__(self) -> int:
        return len(self.values)

    def code(self, row: int, column: int) -> int:
        """The error of a cell as an index into `evaluate.ERRORS`; both arguments count from 0."""
        late = row - self.first_error_row
        return int(self.errors[late, column]) if late >= 0 else 0

    @property
    def first_row(self) -> Values:
        row: Values = self.values[0]
        return row

    @cached_property
    def extents(self) -> Extents:
        return Extents.of(self.values)

    def pieces(self) -> Iterator[Recording]:
        yield self

    def taken(self, rows: range | npt.NDArray[np.intp]) -> Recording:
        """Some of its rows, by their indices, in order."""
        chosen = slice(rows.start, rows.stop) if isinstance(rows, range) else rows
        indices = np.asarray(rows, dtype=np.intp)
        codes = self.errors[indices[indices >= self.first_error_row] - self.first_error_row]
        failing = codes.any(axis=1)
        clean = int(failing.argmax()) if failing.any() else len(codes)
        return Recording(
            self.values[chosen],
            codes[clean:],
            len(indices) - len(codes) + clean,
            self.iterations[chosen],
        )
