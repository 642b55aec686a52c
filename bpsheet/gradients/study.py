"""A closer look at one iteration of a run: a table with a program of its own.

What it looks at are columns of the run, which its formulas look up at the iteration's
number. That number is a hyper-parameter of the study, so a cell of its sheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bpsheet.engine.engine import run
from bpsheet.engine.recording import Recording
from bpsheet.formula.tree import Expr, Lookup, Param
from bpsheet.program.program import Column, Parameter, Program
from bpsheet.runs.run import Run

__all__ = ["AT", "Look", "Settings", "Study", "at_iteration", "iteration_cell", "tables_of"]

AT = "iteration"
# The hyper-parameters of a study: their names, and what they are set to.
Settings = Mapping[str, float | str]


@dataclass(frozen=True)
class Look:
    """How some cells look where a condition holds: marked, faint, or not to be seen at all."""

    kind: Literal["marked", "faint", "unseen"]
    columns: tuple[str, ...]
    where: Expr


@dataclass(frozen=True)
class Study:
    """A table of `rows` rows, which the formulas of `program` compute.

    blocks: for each table that the program looks up, the first and last column of the run
    sizes:  for columns that are differences, the size of the numbers they are differences of
    looks:  what is made to stand out, or to stand back
    """

    name: str
    title: str
    notes: tuple[str, ...]
    program: Program
    rows: int
    blocks: Mapping[str, tuple[str, str]]
    sizes: Mapping[str, float] = field(default_factory=dict)
    looks: tuple[Look, ...] = ()

    @property
    def settings(self) -> dict[str, float | str]:
        """What its hyper-parameters are set to."""
        return {parameter.name: parameter.value for parameter in self.program.parameters}

    def run(self) -> Recording:
        """Compute the table."""
        return run(self.program, self.rows)


def at_iteration(name: str) -> Lookup:
    """A column of the run, at the iteration that the study looks at."""
    return Lookup(name, Param(AT))


def iteration_cell(trace: Run, iteration: float | str) -> Parameter:
    """The cell with the iteration's number."""
    meaning = "the iteration that this sheet looks at, a row of Steps"
    return Parameter(AT, iteration, AT, meaning, between=(1, len(trace)), whole=True)


def tables_of(trace: Run, columns: Iterable[Column]) -> dict[str, list[float]]:
    """Columns of the run, for the study's formulas to look up."""
    place = trace.program.position
    return {column.name: trace.values[:, place[column.name]].tolist() for column in columns}
