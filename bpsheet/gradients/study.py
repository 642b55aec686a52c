"""A study: a table with its own program that looks closer at one iteration of a run.

The table's formulas look up columns of the run at the iteration's number. That number is a
hyper-parameter of the study, so a cell of its sheet holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bpsheet.engine.engine import run
from bpsheet.engine.recording import Recording
from bpsheet.formula.tree import Expr, Lookup, Param
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Parameter, Program
from bpsheet.runs.run import Run

__all__ = [
    "AT",
    "Look",
    "Settings",
    "Study",
    "at_iteration",
    "iteration_cell",
    "parameters_of",
    "tables_of",
]

AT = "iteration"
# The values of a study's hyper-parameters, by their names.
Settings = Mapping[str, float | str]


@dataclass(frozen=True)
class Look:
    """The look of some cells where a condition holds: marked, faint or unseen."""

    kind: Literal["marked", "faint", "unseen"]
    columns: tuple[str, ...]
    where: Expr


@dataclass(frozen=True)
class Study:
    """A table of `rows` rows, which the formulas of `program` compute.

    blocks: for each table that the program looks up, the first and last column of the run
    sizes:  for each column of differences, the size of the numbers that are subtracted
    looks:  the cells that stand out or recede
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
        """The values of its hyper-parameters."""
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


def parameters_of(program: Program, *phases: Phase) -> list[Parameter]:
    """The hyper-parameters of a run that the columns of these phases use."""
    used = {name for column in program.phase(*phases) for name in column.parameters}
    return [parameter for parameter in program.parameters if parameter.name in used]


def tables_of(trace: Run, columns: Iterable[Column]) -> dict[str, list[float]]:
    """The columns of the run that the study's formulas look up, by their names."""
    index = trace.program.position
    return {column.name: trace.values[:, index[column.name]].tolist() for column in columns}
