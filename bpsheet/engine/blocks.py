"""Wide networks: NumPy computes a vector or a matrix at once.

An array of the program becomes a few operations on views of the row. What is no array, or too small,
stays a line of Python for each column. The numbers are the same to the last bit as formula by
formula: sums are added from left to right, and Python computes what NumPy might round differently
(powers, exp, tanh …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bpsheet.engine.recording import Values
from bpsheet.engine.units import Units
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

    now:        the row
    last:       the row before; the same memory where no value of it is used after it was replaced
    operations: the number of lines of code for a row
    """

    def __init__(
        self, program: Program, ahead: Sequence[int], printer: Printers, names: Mapping[str, Any]
    ) -> None:
        self._program = program
        self._ahead = _adjoining(ahead)
        known = frozenset(ahead)
        units = Units.of(program, known)
        self.now = np.zeros(len(program))
        self.last = self.now if units.is_in_place() else self.now.copy()
        self._names: dict[str, Any] = dict(names) | {
            "m": memoryview(self.now.data),
            "l": memoryview(self.last.data),
        }
        self.operations = 0
        self._printer = printer
        self._single = printer(self._variable)
        self._views = Views(program, units.cells, self.now, self.last)
        states = [i for i, c in enumerate(program) if c.is_state and i not in known]
        self._states = np.array(states, dtype=np.intp)
        self._starts = np.array([program.columns[index].start for index in states], dtype=float)
        self._advance = self._function(units.states)
        self._rest = self._function(units.others)

    def _variable(self, ref: Ref) -> str:
        return f"{'l' if ref.lag else 'm'}[{self._program.position[ref.name]}]"

    def compute(self, rows: Values, before: Values | None) -> int:
        """Fill in rows, where the columns computed ahead have their values. Returns how many
        rows could be computed.
        """
        now, last, ahead = self.now, self.last, self._ahead
        last[:] = np.nan if before is None else before
        done = 0
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                for row in rows:
                    if before is None and not done:
                        now[self._states] = self._starts
                    else:
                        self._advance()
                    now[ahead] = row[ahead]
                    self._rest()
                    row[:] = now
                    if last is not now:
                        last[:] = now
                    done += 1
        except (ArithmeticError, ValueError):
            pass
        return done

    def _function(self, quantities: Iterable[Quantity]) -> Callable[[], None]:
        """A function that computes these quantities of the row."""
        lines = [line for quantity in quantities for line in self._lines(quantity)]
        self.operations += len(lines)
        source = "\n".join(["def compute():", *(f" {line}" for line in lines), " return None"])
        exec(compile(source, "<blocks>", "exec"), self._names)  # noqa: S102
        return self._names["compute"]  # type: ignore[no-any-return]

    def _lines(self, quantity: Quantity) -> list[str]:
        """The lines that compute an array at once, or its columns one by one."""
        if self._views.has_arrays(quantity, LEAST):
            vectors = Vectors(self._views, self._printer, self._variable, self._names, LEAST)
            lines = vectors.lines(quantity)
            if lines is not None:
                return lines
        columns = (column for column in quantity.columns.ravel() if column is not None)
        return [
            f"m[{self._program.position[column.name]}] = {self._single.text(column.formula)}"
            for column in columns
            if column.formula is not None
        ]


def _adjoining(indices: Sequence[int]) -> Any:
    """Indices, as a slice where they follow each other: copying is quicker then."""
    whole = np.array(indices, dtype=np.intp)
    if len(whole) and (np.diff(whole) == 1).all():
        return slice(int(whole[0]), int(whole[-1]) + 1)
    return whole
