"""Runs in memory: one array, and DataFrames over it.

>>> import bpsheet as bp
>>> trace = bp.load("two-neuron").run(iterations=3)
>>> round(trace.frame.loc[1, "g"], 4)
np.float64(-0.2449)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.engine import check_memory, run
from bpsheet.engine.recording import EVERYTHING, Keep, Recording
from bpsheet.errors import ExperimentError, Problem
from bpsheet.formula.evaluate import ERRORS
from bpsheet.program.kinds import COUNTERS, STEPS, Phase
from bpsheet.program.program import Program
from bpsheet.tables.plain import AnyWhole, whole_number
from bpsheet.words import counted, shown

if TYPE_CHECKING:
    import pandas as pd

    from bpsheet.plan.plan import Plan

__all__ = ["FirstError", "Run", "values_at"]

# The columns that a row of `Run.steps` fills in. Each column of a program is in one of them.
FILLED_IN = STEPS | {
    "forward": (Phase.INPUT, Phase.WEIGHT, *STEPS["forward"], Phase.VALIDATION, Phase.TEST)
}


class FirstError(NamedTuple):
    """The first value of a run that a spreadsheet cannot hold: its iteration, column and error."""

    iteration: int
    column: str
    error: str


class Run:
    """Every quantity of every iteration.

    The frames share one array (`values`), except for the columns that count (epoch, example …), which
    are whole numbers. They are indexed by iteration, from 1, and have a column for each quantity,
    named as the source names it. A test's verdict is 1 or 0. A value that overflowed is NaN.
    """

    experiment: Plan

    def __init__(self, experiment: Plan, program: Program, recording: Recording) -> None:
        self.experiment = experiment
        self.program = program
        self.recording = recording

    @classmethod
    def of(
        cls,
        plan: Plan,
        iterations: AnyWhole | None = None,
        progress: Callable[[int], None] | None = None,
        keep: str | None = None,
    ) -> Self:
        """Train a plan and record every quantity of every iteration.

        `keep` says which iterations to keep: `"every:100"` or `"last:1000"`.
        Raises LimitError where the result would not fit in memory, and ExperimentError for
        any other `keep`.
        """
        longer = plan.of_length(iterations)
        chosen = Keep.of(keep) if keep is not None else EVERYTHING
        check_memory(chosen.count(longer.iterations), len(longer.columns))
        program = longer.program()
        return cls(longer, program, run(program, longer.iterations, progress, chosen))

    def __len__(self) -> int:
        return len(self.recording.values)

    def __repr__(self) -> str:
        size = f"{counted(len(self), 'iteration')}, {counted(len(self.program), 'column')}"
        return f"<Trace of {self.experiment.name}: {size}>"

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The array: float64, a row for each iteration, a column for each of `program`.

        It is read only, because frames, comparisons and workbooks are made from it.
        """
        values = self.recording.values.view()
        values.flags.writeable = False
        return values

    @property
    def index(self) -> pd.Index:
        """The iterations of the rows: 1, 2, 3 …, or the kept ones."""
        import pandas as pd

        numbers = self.recording.iterations
        if not len(numbers) or numbers[-1] - numbers[0] == len(numbers) - 1:
            first = int(numbers[0]) if len(numbers) else 1
            return pd.RangeIndex(first, first + len(numbers), name=ITERATION)
        return pd.Index(numbers, name=ITERATION)

    @property
    def is_whole(self) -> bool:
        """Whether every iteration was kept."""
        return self.recording.keep == EVERYTHING

    def row_of(self, iteration: AnyWhole) -> int:
        """The row (from 0) of an iteration. Raises ExperimentError where it was not recorded."""
        iteration = whole_number(iteration, "iteration", self.experiment.name)
        problems = self.problems_with(iteration)
        if problems:
            raise ExperimentError(problems, self.experiment.name)
        return int(np.searchsorted(self.recording.iterations, iteration))

    def problems_with(self, iteration: int) -> list[Problem]:
        """The problems with the number of an iteration; none if the iteration was recorded."""
        numbers = self.recording.iterations
        first, last = int(numbers[0]), int(numbers[-1])
        if not first <= iteration <= last:
            message = (
                f"{first:,} to {last:,} expected, which is what was run; got {shown(iteration)}"
            )
            return [Problem("iteration", message)]
        if numbers[np.searchsorted(numbers, iteration)] != iteration:
            return [Problem("iteration", f"iteration {iteration:,} of this run was not kept")]
        return []

    @cached_property
    def _whole(self) -> pd.DataFrame:
        import pandas as pd

        columns = pd.Index(self.program.names, name=None)
        frame = pd.DataFrame(self.values, index=self.index, columns=columns, copy=False)
        # These become columns of their own; all others remain views of the array.
        for column in self.program:
            if column.role in COUNTERS:
                frame[column.name] = frame[column.name].astype("int64")
        return frame

    def _part(self, *phases: Phase) -> pd.DataFrame:
        """Columns of adjoining phases. The iteration's number is the index, not a column."""
        columns = [
            index
            for index, column in enumerate(self.program)
            if column.phase in phases and column.name != ITERATION
        ]
        if not columns:
            return self._whole.iloc[:, :0]
        return self._whole.iloc[:, columns[0] : columns[-1] + 1]

    @property
    def frame(self) -> pd.DataFrame:
        """Everything: a row for each iteration, a column for each quantity."""
        return self._part(*Phase)

    @property
    def inputs(self) -> pd.DataFrame:
        """What each iteration presents: epoch, example, inputs and targets."""
        return self._part(Phase.INPUT)

    @property
    def weights(self) -> pd.DataFrame:
        """The weights and biases that each iteration uses."""
        return self._part(Phase.WEIGHT)

    @property
    def forward(self) -> pd.DataFrame:
        """The forward step: weighted sums, outputs, loss."""
        return self._part(Phase.FORWARD)

    @property
    def backward(self) -> pd.DataFrame:
        """The backward step: derivatives, error terms, gradients.

        The derivatives are in the order of computing: from the last layer to the first, and in a layer
        from the last neuron to the first. The gradients are in the order of `weights`.
        """
        return self._part(Phase.BACKWARD, Phase.GRADIENT)

    @property
    def update(self) -> pd.DataFrame:
        """The update step: adjustments, and in batches the sums of gradients."""
        return self._part(Phase.UPDATE)

    @property
    def validation(self) -> pd.DataFrame:
        """The validation columns: outputs and losses of the examples, their mean, early stopping."""
        return self._part(Phase.VALIDATION)

    @property
    def tests(self) -> pd.DataFrame:
        """The test columns: outputs for each test example, and verdicts (1 is correct)."""
        return self._part(Phase.TEST)

    @property
    def steps(self) -> pd.DataFrame:
        """A row for each pair of iteration and step: forward, backward or update.

        A row holds the quantities of its step; all others are NaN, and so counters are no whole
        numbers here. The forward step also has the inputs, the weights and the tests. Each call makes
        a new frame.
        """
        import pandas as pd

        count, names = len(self), list(FILLED_IN)
        values = np.full((count, len(names), len(self.program)), np.nan)
        for step, phases in enumerate(FILLED_IN.values()):
            columns = [i for i, column in enumerate(self.program) if column.phase in phases]
            values[:, step, columns] = self.values[:, columns]
        index = pd.MultiIndex.from_product(
            [self.index, pd.CategoricalIndex(names, categories=names, ordered=True)],
            names=[ITERATION, "step"],
        )
        flat = values.reshape(count * len(names), len(self.program))
        frame = pd.DataFrame(flat, index=index, columns=list(self.program.names), copy=False)
        return frame.iloc[:, 1:]

    @property
    def first_error(self) -> FirstError | None:
        """The first error of the run; None where there is none."""
        row = self.recording.first_error_row
        if row == len(self):
            return None
        codes = self.recording.errors[0]
        index = int(np.flatnonzero(codes)[0])
        return FirstError(
            int(self.recording.iterations[row]),
            self.program.names[index],
            ERRORS[int(codes[index])],
        )


def values_at(trace: Run, iteration: int) -> dict[str, float]:
    """Every column's value in one iteration.

    Raises ExperimentError for an iteration that was not run or holds errors, and for an
    experiment without a loss.
    """
    problems = trace.problems_with(iteration)
    if trace.program.loss is None:
        message = "no loss, and so no gradient: the rule does not follow a gradient"
        problems = [Problem("network.loss", message)]
    elif not problems and not np.isfinite(trace.values[iteration - 1]).all():
        first = trace.first_error
        assert first is not None
        message = (
            f"iteration {iteration} holds errors ({first.error} since iteration "
            f"{first.iteration}); choose an earlier one"
        )
        problems = [Problem("iteration", message)]
    if problems:
        raise ExperimentError(problems, trace.experiment.name)
    row = trace.values[iteration - 1].tolist()
    return dict(zip(trace.program.names, row, strict=True))
