"""Wide networks: NumPy computes a vector or a matrix at once.

An array of the program becomes a few operations on views of the row. What is no array, or too small,
stays a line of Python for each column. The numbers are the same to the last bit as formula by
formula: sums are added from left to right, and Python computes what NumPy might round differently
(powers, exp, tanh …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bpsheet.engine.recording import Values
from bpsheet.engine.vectors import Vectors, Views
from bpsheet.formula.tree import Ref
from bpsheet.printers.python import PythonPrinter
from bpsheet.program.program import Program
from bpsheet.program.quantities import Quantity

__all__ = ["LEAST", "MOST_SINGLE", "Blocks"]

# Up to so many columns, lines of Python are as fast as operations on arrays.
MOST_SINGLE = 1000
# An array of fewer entries is computed entry by entry.
LEAST = 8

Printers = Callable[[Callable[[Ref], str]], PythonPrinter]


class Blocks:
    """Computes rows, array by array.

    `ahead` has the columns whose values are in the row already. `printer` makes a printer of
    Python from a function that names variables, and `names` holds what this Python may use.

    operations: the number of lines of code for a row
    """

    def __init__(
        self, program: Program, ahead: Sequence[int], printer: Printers, names: Mapping[str, Any]
    ) -> None:
        self._program = program
        self._ahead = np.array(ahead, dtype=np.intp)
        self.now, self.last = np.zeros(len(program)), np.full(len(program), np.nan)
        self._names: dict[str, Any] = dict(names) | {
            "m": memoryview(self.now.data),
            "l": memoryview(self.last.data),
        }
        self.operations = 0
        self._printer = printer
        self._single = printer(self._variable)
        self._views = Views(program, self.now, self.last)
        known = set(ahead)
        states = [i for i, c in enumerate(program) if c.is_state and i not in known]
        others = [i for i, c in enumerate(program) if not c.is_state and i not in known]
        self._starts = [(index, program.columns[index].start) for index in states]
        self._advance = self._function(states)
        self._rest = self._function(others)

    def _variable(self, ref: Ref) -> str:
        return f"{'l' if ref.lag else 'm'}[{self._program.position[ref.name]}]"

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, where the columns computed ahead have their values. Returns how many
        rows could be computed.
        """
        now, last, ahead = self.now, self.last, self._ahead
        if before is not None:
            last[:] = before
        done = 0
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                for row in rows:
                    now[ahead] = row[ahead]
                    if before is None and not done:
                        last[:] = np.nan
                        for index, start in self._starts:
                            now[index] = start
                    else:
                        self._advance()
                    self._rest()
                    row[:] = now
                    last[:] = now
                    done += 1
        except (ArithmeticError, ValueError):
            pass
        return done

    def _function(self, columns: Sequence[int]) -> Callable[[], None]:
        """A function that computes these columns of the row."""
        lines: list[str] = []
        wanted = set(columns)
        for quantity, indices in _quantities(self._program):
            if not wanted.issuperset(indices):
                continue
            lines += self._lines(quantity, indices)
        self.operations += len(lines)
        source = "\n".join(["def compute():", *(f" {line}" for line in lines), " return None"])
        exec(compile(source, "<blocks>", "exec"), self._names)  # noqa: S102
        return self._names["compute"]  # type: ignore[no-any-return]

    def _lines(self, quantity: Quantity | None, indices: list[int]) -> list[str]:
        """The lines that compute an array at once, or its columns one by one."""
        if quantity is not None and self._views.has_arrays(quantity, LEAST):
            vectors = Vectors(self._views, self._printer, self._variable, self._names, LEAST)
            lines = vectors.lines(quantity)
            if lines is not None:
                return lines
        columns = (self._program.columns[index] for index in indices)
        return [
            f"m[{index}] = {self._single.text(column.formula)}"
            for index, column in zip(indices, columns, strict=True)
            if column.formula is not None
        ]


def _quantities(program: Program) -> Iterator[tuple[Quantity | None, list[int]]]:
    """The program's quantities in the order of computing, with the indices of their columns.

    A program whose columns were exchanged for others is computed column by column.
    """
    if not program.is_of_quantities:
        yield from ((None, [index]) for index in range(len(program)))
        return
    for quantity in program.quantities:
        columns = (column for column in quantity.columns.ravel() if column is not None)
        yield quantity, [program.position[column.name] for column in columns]
