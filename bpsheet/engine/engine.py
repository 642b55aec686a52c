"""Running a program: a row of numbers for each iteration.

`bpsheet.engine.ahead` computes what rows present. Code made for the program computes the rest: a
line for each column (`bpsheet.engine.lines`), or blocks of columns for a wide network
(`bpsheet.engine.blocks`). This code does not handle errors. Where it stops, or leaves an infinity
behind, `bpsheet.engine.rows` computes the row formula by formula, and the rows after it until one
is free of errors again. A run comes in pieces of some thousand rows; `run` joins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import numpy as np

from bpsheet.engine.ahead import Ahead
from bpsheet.engine.assembly import Unsupported
from bpsheet.engine.blocks import MOST_SINGLE, Blocks
from bpsheet.engine.lines import Lines, names_for, printer_for
from bpsheet.engine.native import Native, is_worth_it
from bpsheet.engine.recording import EVERYTHING, Codes, Extents, Keep, Recording, Values
from bpsheet.engine.rows import Cells
from bpsheet.errors import LimitError
from bpsheet.formula.evaluate import NUMBER, CellError
from bpsheet.formula.tree import Ref
from bpsheet.program.program import Program

__all__ = ["MAX_VALUES", "Streamed", "check_memory", "run"]

# 1.6 GB of numbers. More are refused before anything is allocated.
MAX_VALUES = 200_000_000
# The most values and the most rows in a piece of a run. Results are checked, and progress is
# reported, once for each piece.
PIECE = 1 << 20
MOST_ROWS = 4096
# So many rows at the beginning and at the end of a long run stay in memory.
ENDS = 3

Progress = Callable[[int], None]
Watch = Callable[[Recording], None]


def run(
    program: Program,
    iterations: int,
    progress: Progress | None = None,
    keep: Keep = EVERYTHING,
    watch: Watch | None = None,
) -> Recording:
    """Run a program for a number of iterations, from the first row.

    `keep` says which rows are returned. `watch` is called with every piece of the run, and
    `progress` with the number of iterations done. Raises LimitError where the result would not
    fit in memory.

    >>> from bpsheet.formula.tree import Num, Sum
    >>> from bpsheet.program.column import Column
    >>> from bpsheet.program.kinds import Phase, Role
    >>> count = Column("n", Phase.INPUT, Role.ITERATION, Sum((Ref("n", 1), Num(1.0))), start=1.0)
    >>> run(Program((count,)), 3).values[:, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    width, count = len(program), keep.count(iterations)
    if count == iterations:
        keep = EVERYTHING
    check_memory(count, width)
    values = np.empty((count, width))
    numbers = np.empty(count, dtype=np.int64)
    failing: list[tuple[int, Recording]] = []
    kept = 0
    for piece in pieces(program, iterations, None if count < iterations else values):
        if watch is not None:
            watch(piece)
        part = piece
        if count < iterations:
            chosen = keep.chosen(piece.iterations, iterations)
            part = piece.taken(np.flatnonzero(chosen))
            values[kept : kept + len(part)] = part.values
        numbers[kept : kept + len(part)] = part.iterations
        if len(part.errors):
            failing.append((kept + part.first_error_row, part))
        kept += len(part)
        if progress is not None:
            progress(int(piece.iterations[-1]))
    first = failing[0][0] if failing else count
    errors = np.zeros((count - first, width), dtype=np.uint8)
    for row, part in failing:
        errors[row - first : row - first + len(part.errors)] = part.errors
    return Recording(values, errors, first, numbers, keep)


def check_memory(rows: int, columns: int) -> None:
    """Raise LimitError for more values than fit in memory."""
    if rows * columns > MAX_VALUES:
        raise LimitError(
            f"{rows:,} iterations of {columns:,} columns are {rows * columns:,} values; "
            f"{MAX_VALUES:,} at the most. Ask for fewer iterations, keep a part of them, or "
            "write them to a file, which is done as they are computed"
        )


def pieces(program: Program, iterations: int, values: Values | None = None) -> Iterator[Recording]:
    """A run, some thousand rows at a time. `values` is an array for all rows; without it each
    piece has its own.
    """
    runner = _Runner(program, iterations)
    for start in range(0, iterations, runner.rows):
        count = min(runner.rows, iterations - start)
        whole = np.empty((count, len(program))) if values is None else values[start : start + count]
        yield runner.fill(whole)


class Streamed:
    """A run that is too long for memory, or a part of it: computed again whenever it is read.

    Computing is several times faster than writing the result, so a second pass costs little. The
    first pass happens here: it looks for errors and for the largest values, and calls `watch`
    with every piece.

    ends: the first and the last few rows of the run
    """

    def __init__(
        self,
        program: Program,
        iterations: int,
        keep: Keep = EVERYTHING,
        progress: Progress | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.program = program
        self.iterations = iterations
        self.keep = keep if keep.count(iterations) < iterations else EVERYTHING
        self._first_row: Values | None = None
        self._seen: Extents | None = None
        self.first_error_row = len(self)
        self._rows = 0
        self._others_watch = watch
        self.ends = run(program, iterations, progress, Keep(ends=ENDS), self._watch)

    def _watch(self, piece: Recording) -> None:
        if self._others_watch is not None:
            self._others_watch(piece)
        part = self._kept(piece)
        if not len(part):
            return
        if len(part.errors):
            self.first_error_row = min(self.first_error_row, self._rows + part.first_error_row)
        if self._first_row is None:
            self._first_row = part.values[0].copy()
        self._rows += len(part)
        extents = Extents.of(part.values)
        self._seen = extents if self._seen is None else self._seen.joined(extents)

    def _kept(self, piece: Recording) -> Recording:
        if self.keep == EVERYTHING:
            return piece
        return piece.taken(np.flatnonzero(self.keep.chosen(piece.iterations, self.iterations)))

    def __len__(self) -> int:
        return self.keep.count(self.iterations)

    @property
    def first_row(self) -> Values:
        assert self._first_row is not None
        return self._first_row

    @property
    def extents(self) -> Extents:
        assert self._seen is not None
        return self._seen

    def pieces(self) -> Iterator[Recording]:
        for piece in pieces(self.program, self.iterations):
            part = self._kept(piece)
            if len(part):
                yield part


def _code(program: Program, before: Ahead, iterations: int) -> Lines | Blocks | Native:
    """The compiled code of a program: a line for each column, or arrays for a wide network; and
    machine code for a long run.
    """
    code: Lines | Blocks
    ahead = before.indices
    if len(program) - len(ahead) <= MOST_SINGLE:
        code = Lines(program, ahead)
    else:
        code = Blocks(program, ahead, partial(printer_for, program), names_for(program))
    if is_worth_it(program, iterations):
        with suppress(Unsupported):
            return Native(program, before, code)
    return code


class _Runner:
    """A run in progress.

    rows: the number of rows in a piece
    """

    def __init__(self, program: Program, iterations: int = 1) -> None:
        self.rows = max(1, min(MOST_ROWS, PIECE // len(program)))
        self._program = program
        self._ahead = Ahead(program)
        self._code = _code(program, self._ahead, iterations)
        self._cells = Cells.of(program)
        self._lagged = [program.position[name] for name in program.lagged]
        self._is_excerpt = any(c.start is not None and not c.is_state for c in program)
        # The number of rows that are done, the last one's values, and its errors.
        self._done = 0
        self._before: Values | None = None
        self._codes: Codes | None = None

    def fill(self, values: Values) -> Recording:
        """Compute the next rows, as many as `values` has."""
        first, row = self._done, 0
        failed: dict[int, Codes] = {}
        # Rows that already lack a value. The fast code never sees them.
        lacking: list[int] = []
        if not (isinstance(self._code, Native) and self._code.presents):
            self._ahead.fill(values, first)
            known = np.isfinite(values[:, self._ahead.indices]).all(axis=1)
            lacking = np.flatnonzero(~known).tolist()
        failing = iter([*lacking, len(values)])
        stop = next(failing)
        while row < len(values):
            if not self._must_be_careful():
                row = self._quick(values[:stop], row)
            if row == stop < len(values):
                stop = next(failing)
            if row < len(values):
                codes = self._careful(values[row])
                if codes is not None:
                    failed[row] = codes
                row += 1
        first_error = min(failed, default=len(values))
        errors = np.zeros((len(values) - first_error, len(self._program)), dtype=np.uint8)
        for row, codes in failed.items():
            errors[row - first_error] = codes
        numbers = np.arange(first + 1, first + len(values) + 1, dtype=np.int64)
        return Recording(values, errors, first_error, numbers)

    def _must_be_careful(self) -> bool:
        """Whether the compiled code cannot compute this row.

        It cannot if this row depends on an error in the row before. Nor can it compute the first
        row of an excerpt, where more than weights and counters is typed.
        """
        if self._before is None and self._is_excerpt:
            return True
        return self._codes is not None and bool(self._codes[self._lagged].any())

    def _quick(self, values: Values, row: int) -> int:
        """Compute rows with the compiled code. Returns the first row that it could not compute."""
        rest = values[row:]
        if not len(rest):
            return row
        count = self._code.compute(rest, self._before)
        is_looked_at = isinstance(self._code, Native) or not count
        # The sum of squares is finite only if every number is, and quick to compute.
        if not is_looked_at and not np.isfinite(np.vdot(rest[:count], rest[:count])):
            finite = np.isfinite(rest[:count]).all(axis=1)
            count = count if finite.all() else int(np.argmin(finite))
        if count:
            self._done += count
            self._before = rest[count - 1].copy()
            self._codes = None
        return row + count

    def _careful(self, here: Values) -> Codes | None:
        """Compute one row formula by formula. Errors become NaN; their codes are returned."""
        program, before, last = self._program, self._before, self._codes
        codes = np.zeros(len(program), dtype=np.uint8)

        def column(ref: Ref) -> float:
            if ref.lag and before is None:
                raise CellError(NUMBER)  # there is no row before the first
            index = program.position[ref.name]
            code = codes[index] if not ref.lag else last[index] if last is not None else 0
            if code:
                raise CellError(int(code))
            return float((before if before is not None and ref.lag else here)[index])

        for index, entry in enumerate(program):
            try:
                here[index] = self._cells.value(entry, self._done, column)
            except CellError as error:
                here[index] = np.nan
                codes[index] = error.code
        self._done += 1
        self._before = here.copy()
        self._codes = codes if codes.any() else None
        return self._codes
