"""Running a program: one compiled Python function, a row of numbers for each iteration.

The function is straight-line code over local variables, and stores a row in one call.
It knows no errors: where it raises, or leaves an infinity behind, the rows from there on
are computed by `bpsheet.evaluate`, until a row is free of errors again.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.errors import LimitError
from bpsheet.evaluate import NUMBER, CellError, evaluate
from bpsheet.expr import Ref
from bpsheet.printers.python import ENVIRONMENT, PythonPrinter
from bpsheet.program import Program

__all__ = ["MAX_VALUES", "Recording", "python_source", "run"]

# 1.6 GB of numbers: refused before anything is allocated.
MAX_VALUES = 200_000_000
# Rows between two looks at the result, and two reports of progress.
CHUNK = 4096

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Recording:
    """What a run leaves: the values, and which of them are errors.

    values: float64, a row for each iteration, a column for each column of the program
    errors: codes of `evaluate.ERRORS` for the rows from `first_error_row` on; NaN in values
    """

    values: npt.NDArray[np.float64]
    errors: npt.NDArray[np.uint8]
    first_error_row: int


def python_source(program: Program) -> str:
    """The source of the function that runs a program.

    It is called with the first and last row, the row before the first (None at the very
    beginning) and the buffer to fill, and returns how many rows are done.
    """
    place = program.position
    printer = PythonPrinter(
        variable=lambda ref: f"{'l' if ref.lag else 'v'}{place[ref.name]}",
        parameter=lambda name: f"p{[p.name for p in program.parameters].index(name)}",
        lookup_table=lambda name: f"t{list(program.tables).index(name)}",
    )
    # Weights and the like are known as soon as the row before is complete, and are
    # computed there, all at once; nothing else then needs last row's value of them.
    state = [column for column in program if column.is_state]
    advance = PythonPrinter(
        variable=lambda ref: f"v{place[ref.name]}",
        parameter=printer.parameter,
        lookup_table=printer.lookup_table,
    )
    kept = {
        ref.name: None
        for column in program
        if not column.is_state
        for ref in column.references
        if ref.lag
    }
    every = ",".join(f"v{index}" for index in range(len(program)))
    lines = ["def run(row, stop, before, buffer):", " try:", "  if before is None:", "   pass"]
    lines += [f"   v{place[column.name]} = {column.start!r}" for column in state]
    lines += [f"   l{place[name]} = nan" for name in kept]
    lines += ["  else:", f"   {every}, = before"]
    lines += [f"   l{place[name]} = v{place[name]}" for name in kept]
    step = []
    if state:
        names = ",".join(f"v{place[column.name]}" for column in state)
        values = ",".join(advance.text(column.formula) for column in state if column.formula)
        step.append(f"{names}, = {values},")
    lines += [f"   {line}" for line in step]
    lines.append("  while row < stop:")
    for index, column in enumerate(program):
        if column.is_state:
            continue
        if column.formula is None:
            value = f"g{list(program.given).index(column.name)}[row]"
        else:
            value = printer.text(column.formula)
        lines.append(f"   v{index} = {value}")
    lines += [f"   pack(buffer, row*{8 * len(program)}, {every})", "   row += 1"]
    lines += [f"   l{place[name]} = v{place[name]}" for name in kept]
    lines += [f"   {line}" for line in step]
    lines += [" except (ArithmeticError, ValueError):", "  pass", " return row"]
    return "\n".join(lines)


Compiled = Callable[[int, int, list[float] | None, memoryview], int]


def _compile(program: Program) -> Compiled:
    names: dict[str, object] = dict(ENVIRONMENT)
    names["nan"] = float("nan")
    names["pack"] = struct.Struct(f"{len(program)}d").pack_into
    names |= {f"t{i}": _from_1(values) for i, values in enumerate(program.tables.values())}
    names |= {f"g{i}": list(values) for i, values in enumerate(program.given.values())}
    names |= {f"p{i}": parameter.value for i, parameter in enumerate(program.parameters)}
    exec(compile(python_source(program), "<program>", "exec"), names)  # noqa: S102
    return names["run"]  # type: ignore[return-value]


def _from_1(table: Any) -> Any:
    """A table counted from 1, as the sheet counts examples; of several columns these too."""
    return [0.0, *map(_from_1, table)] if isinstance(table, Sequence) else table


def run(program: Program, iterations: int, progress: Progress | None = None) -> Recording:
    """Run a program for a number of iterations, from the first row.

    Raises LimitError where the result would not fit in memory.

    >>> from bpsheet.expr import Num, Sum
    >>> from bpsheet.program import Column, Phase, Role
    >>> count = Column("n", Phase.INPUT, Role.ITERATION, Sum((Ref("n", 1), Num(1.0))), start=1.0)
    >>> run(Program((count,)), 3).values[:, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    width = len(program)
    if iterations * width > MAX_VALUES:
        raise LimitError(
            f"{iterations:,} iterations of {width:,} columns are {iterations * width:,} values; "
            f"{MAX_VALUES:,} at the most. Ask for fewer iterations"
        )
    values = np.empty((iterations, width))
    buffer = memoryview(values.data).cast("B")
    compiled = _compile(program)
    careful = _Careful(program, values)
    row = 0
    while row < iterations:
        stop = min(row + CHUNK, iterations)
        if careful.must_continue(row):
            careful.compute(row)
            row += 1
        else:
            before = values[row - 1].tolist() if row else None
            done = compiled(row, stop, before, buffer)
            block = np.isfinite(values[row:done])
            if not block.all():
                done = row + int(np.argmin(block.all(axis=1)))
            row = done
            if done < stop:
                careful.compute(row)
                row += 1
        if progress is not None:
            progress(row)
    return careful.recording()


class _Careful:
    """Rows computed formula by formula, and the errors found in them."""

    def __init__(self, program: Program, values: npt.NDArray[np.float64]) -> None:
        self.program = program
        self.values = values
        self.parameters = {p.name: p.value for p in program.parameters}
        self.lagged = [program.position[name] for name in program.lagged]
        self.codes: dict[int, npt.NDArray[np.uint8]] = {}

    def must_continue(self, row: int) -> bool:
        """Whether the row before holds an error that this row depends on."""
        codes = self.codes.get(row - 1)
        return codes is not None and bool(codes[self.lagged].any())

    def compute(self, row: int) -> None:
        """One row. What has no value is NaN there, and has a code."""
        program, values, place = self.program, self.values, self.program.position
        codes = np.zeros(len(program), dtype=np.uint8)
        last = self.codes.get(row - 1)
        here = values[row]

        def column(ref: Ref) -> float:
            if ref.lag and row == 0:
                raise CellError(NUMBER)  # there is no row before the first
            index = place[ref.name]
            code = codes[index] if not ref.lag else last[index] if last is not None else 0
            if code:
                raise CellError(int(code))
            return float(values[row - ref.lag, index])

        for index, entry in enumerate(program):
            try:
                if entry.is_state and row == 0:
                    here[index] = entry.start
                elif entry.formula is None:
                    here[index] = program.given[entry.name][row]
                else:
                    here[index] = evaluate(entry.formula, column, self.parameters, program.tables)
            except CellError as error:
                here[index] = np.nan
                codes[index] = error.code
        if codes.any():
            self.codes[row] = codes

    def recording(self) -> Recording:
        """The values, and the codes as one array from the first error on."""
        first = min(self.codes, default=len(self.values))
        errors = np.zeros((len(self.values) - first, len(self.program)), dtype=np.uint8)
        for row, codes in self.codes.items():
            errors[row - first] = codes
        return Recording(self.values, errors, first)
