"""A row of a program, computed formula by formula: slow, but with errors and with changed numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.formula.statistics import STATISTICS
from bpsheet.formula.tree import Expr, Ref
from bpsheet.program.column import Column
from bpsheet.program.program import Program, Table

__all__ = ["Cells", "ValueOf"]

# A column's value in this row (lag 0) or in the row before (lag 1). Raises CellError.
ValueOf = Callable[[Ref], float]


@dataclass(frozen=True)
class Cells:
    """The values of a program's cells, one at a time.

    parameters: the values of the hyper-parameters
    tables:     the data that formulas look up
    """

    program: Program
    parameters: Mapping[str, float | str]
    tables: Mapping[str, Table]

    @classmethod
    def of(cls, program: Program, tables: Mapping[str, Table] | None = None) -> Cells:
        """The cells of a program, with its own data or other `tables`.

        >>> from bpsheet.formula.tree import Mul, Num
        >>> Cells.of(Program(())).formula(Mul(Num(2.0), Ref("x")), {Ref("x"): 3.0}.__getitem__)
        6.0
        """
        parameters = {parameter.name: parameter.value for parameter in program.parameters}
        if tables is None:
            return cls(program, parameters, program.tables)
        for parameter in program.parameters:
            if parameter.follows is not None:
                statistic, table = parameter.follows
                parameters[parameter.name] = STATISTICS[statistic].value(tables[table])
        return cls(program, parameters, tables)

    def value(self, column: Column, row: int, look: ValueOf) -> float:
        """A column's value in a row, from 0. Raises CellError where it is an error."""
        if row == 0 and column.start is not None:
            return column.start
        if column.formula is not None:
            return self.formula(column.formula, look)
        failed = self.program.failed.get(column.name)
        if failed is not None and failed[row]:
            raise CellError(failed[row])
        return float(self.program.given[column.name][row])

    def formula(self, formula: Expr, look: ValueOf) -> float:
        """The value of a formula; `look` gives a column's value. Raises CellError."""
        return evaluate(formula, look, self.parameters, self.tables)
