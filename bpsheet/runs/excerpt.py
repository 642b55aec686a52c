"""A part of a run as a program of its own, so that a sheet can show it.

Some formulas need the row before. In a part without gaps, only the first row lacks it: there the
values of these formulas are typed, and everything below is live (`excerpt`). In a part with gaps
every row lacks it: the values of these formulas are typed in each row, and the other formulas are
live (`sampled`).
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bpsheet.engine.engine import Streamed, run
from bpsheet.engine.recording import Keep, Recorded, Recording
from bpsheet.plan.followed import changed_cells
from bpsheet.program.column import Column
from bpsheet.program.program import Program

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan
    from bpsheet.runs.longrun import LongRun
    from bpsheet.runs.run import Run

__all__ = ["Part", "excerpt", "part_of", "sampled"]


def needs_row_before(column: Column) -> bool:
    """Whether the column's formula refers to the row before."""
    return any(ref.lag for ref in column.references)


def excerpt(program: Program, row: Mapping[str, float], first: int) -> Program:
    """The program of a run from iteration `first` on; `row` has the values of this iteration.

    >>> from bpsheet.formula.tree import Num, Ref, Sum
    >>> from bpsheet.program.kinds import Phase, Role
    >>> count = Column("n", Phase.INPUT, Role.ITERATION, Sum((Ref("n", 1), Num(1.0))), start=1.0)
    >>> excerpt(Program((count,)), {"n": 7.0}, 7).columns[0].start
    7.0
    """
    columns = tuple(
        replace(column, start=row[column.name]) if needs_row_before(column) else column
        for column in program
    )
    given = {name: values[first - 1 :] for name, values in program.given.items()}
    return replace(program, columns=columns, given=given)


def sampled(program: Program, rows: Recording) -> Program:
    """The program of single rows. Columns that need the row before have the values in `rows`."""
    given: dict[str, array[float]] = {}
    failed: dict[str, bytes] = {}
    columns = []
    for index, column in enumerate(program):
        single = replace(column, formula=None) if needs_row_before(column) else column
        single = replace(single, start=None)
        if single.formula is None:
            given[column.name] = array("d", rows.values[:, index].tobytes())
            if rows.errors[:, index].any():
                failed[column.name] = bytes(rows.first_error_row) + rows.errors[:, index].tobytes()
        columns.append(single)
    return replace(program, columns=tuple(columns), given=given, failed=failed)


@dataclass(frozen=True)
class Part:
    """A part of a run, as a sheet shows it.

    experiment: the experiment of the whole run
    program:    the program of the part
    keep:       which rows of the run these are
    is_live:    whether every other row follows from the first one
    """

    experiment: Plan
    program: Program
    recording: Recorded
    keep: Keep
    is_live: bool

    def __len__(self) -> int:
        return len(self.recording)

    @property
    def first(self) -> int:
        """The first iteration."""
        return self.experiment.iterations - len(self) + 1 if self.keep.last is not None else 1

    def changed(
        self,
        typed: Mapping[str, float],
        others: Mapping[str, float | str],
        rows: Mapping[tuple[int, str], float] | None = None,
        *,
        tests_follow: bool,
    ) -> Part:
        """The part with other numbers typed into the first row and other changes of the plan.

        `rows` are numbers typed into other rows, by row (from 0) and column. Tests that repeat an
        example may follow it.
        """
        assert isinstance(self.recording, Recording)
        experiment = changed_cells(self.experiment, others, tests_follow=tests_follow)
        values = self.recording.values.copy()
        for name, value in typed.items():
            values[0, self.program.position[name]] = value
        for (index, name), value in (rows or {}).items():
            values[index, self.program.position[name]] = value
        program = experiment.program()
        if self.is_live:
            row = dict(zip(program.names, values[0].tolist(), strict=True))
            program = excerpt(program, row, self.first)
        else:
            program = sampled(program, replace(self.recording, values=values))
        return replace(
            self, experiment=experiment, program=program, recording=run(program, len(self))
        )


def part_of(whole: Run | LongRun) -> Part:
    """The part of a run that was kept, as a sheet shows it."""
    recording, keep, program = whole.recording, whole.recording.keep, whole.program
    if keep.last is not None:
        row = dict(zip(program.names, recording.first_row.tolist(), strict=True))
        first = whole.experiment.iterations - len(whole) + 1
        if all(np.isfinite(row[c.name]) for c in program if needs_row_before(c)):
            program = excerpt(program, row, first)
            if not isinstance(recording, Recording):
                recording = Streamed(program, len(whole))
            return Part(whole.experiment, program, recording, keep, is_live=True)
    if not isinstance(recording, Recording):
        recording = run(program, whole.experiment.iterations, keep=keep)
    program = sampled(program, recording)
    return Part(whole.experiment, program, recording, keep, is_live=False)
