"""The trace of a run: DataFrames over one array.

>>> import bpsheet as bp
>>> trace = bp.load("two-neuron").run(iterations=3)
>>> round(trace.frame.loc[1, "g"], 4)
np.float64(-0.2449)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.recording import EVERYTHING, Recording
from bpsheet.errors import ExperimentError, Problem
from bpsheet.formula.evaluate import ERRORS
from bpsheet.printers.latex import formula_latex
from bpsheet.printers.text import formula_text
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program, loss_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bpsheet.explain import Explanation
    from bpsheet.gradients.studies import Curvature, GradientCheck
    from bpsheet.hand.reading import Hand
    from bpsheet.hand.report import Report
    from bpsheet.health.diagnosis import Health
    from bpsheet.pictures.curves import Plots
    from bpsheet.plan.plan import Experiment

__all__ = ["FirstError", "Trace", "values_at"]

STEPS = {
    "forward": (Phase.INPUT, Phase.WEIGHT, Phase.FORWARD, Phase.TEST),
    "backward": (Phase.BACKWARD, Phase.GRADIENT),
    "update": (Phase.UPDATE,),
}


class FirstError(NamedTuple):
    """Where a run first met a value that a spreadsheet cannot hold."""

    iteration: int
    column: str
    error: str


class Trace:
    """Every quantity of every iteration.

    The frames share the one array (`values`), are indexed by iteration from 1, and have a
    column for each quantity, named as the source writes it. Verdicts of tests are 1 or 0;
    a value that overflowed is NaN.
    """

    def __init__(self, experiment: Experiment, program: Program, recording: Recording) -> None:
        self.experiment = experiment
        self.program = program
        self.recording = recording

    def __len__(self) -> int:
        return len(self.recording.values)

    def __repr__(self) -> str:
        return f"<Trace of {self.experiment.name}: {len(self)} iterations, {len(self.program)} columns>"

    def _repr_html_(self) -> str:
        from bpsheet.runs.cards import trace_card

        return trace_card(self)

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """The array: float64, a row for each iteration, a column for each of `program`."""
        return self.recording.values

    @property
    def index(self) -> pd.Index:
        """The iterations of its rows: 1, 2, 3 …, or those that were kept."""
        import pandas as pd

        numbers = self.recording.iterations
        if not len(numbers) or numbers[-1] - numbers[0] == len(numbers) - 1:
            first = int(numbers[0]) if len(numbers) else 1
            return pd.RangeIndex(first, first + len(numbers), name=ITERATION)
        return pd.Index(numbers, name=ITERATION)

    @property
    def is_whole(self) -> bool:
        """Whether it has every iteration, from the first on."""
        return self.recording.keep == EVERYTHING

    def row_of(self, iteration: int) -> int:
        """The row (from 0) of an iteration. Raises ExperimentError where it was not recorded."""
        problems = self.problems_with(iteration)
        if problems:
            raise ExperimentError(problems, self.experiment.name)
        return int(np.searchsorted(self.recording.iterations, iteration))

    def problems_with(self, iteration: int) -> list[Problem]:
        """What is wrong with asking for an iteration; nothing where it was recorded."""
        numbers = self.recording.iterations
        first, last = int(numbers[0]), int(numbers[-1])
        if not first <= iteration <= last:
            said = f"{first:,} to {last:,} expected, which is what was run; got {iteration}"
            return [Problem("iteration", said)]
        if numbers[np.searchsorted(numbers, iteration)] != iteration:
            return [Problem("iteration", f"{iteration:,} was not kept of this run")]
        return []

    def _need_all(self, what: str) -> None:
        """Raise ExperimentError where iterations were left out."""
        if not self.is_whole:
            said = f"{what} needs every iteration, and this run kept {len(self):,} of them"
            raise ExperimentError([Problem("", f"{said}; run it without keep")], "keep")

    @cached_property
    def _whole(self) -> pd.DataFrame:
        import pandas as pd

        columns = pd.Index(self.program.names, name=None)
        return pd.DataFrame(self.values, index=self.index, columns=columns, copy=False)

    def _part(self, *phases: Phase) -> pd.DataFrame:
        """Columns of adjoining phases. The iteration's number is the index, not a column."""
        places = [
            index
            for index, column in enumerate(self.program)
            if column.phase in phases and column.name != ITERATION
        ]
        if not places:
            return self._whole.iloc[:, :0]
        return self._whole.iloc[:, places[0] : places[-1] + 1]

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
        """The weights and biases with which each iteration computes."""
        return self._part(Phase.WEIGHT)

    @property
    def forward(self) -> pd.DataFrame:
        """The forward step: weighted sums, outputs, loss."""
        return self._part(Phase.FORWARD)

    @property
    def backward(self) -> pd.DataFrame:
        """The backward step: derivatives, error terms, gradients."""
        return self._part(Phase.BACKWARD, Phase.GRADIENT)

    @property
    def update(self) -> pd.DataFrame:
        """The update step: adjustments (and in batches the sums they are made of)."""
        return self._part(Phase.UPDATE)

    @property
    def tests(self) -> pd.DataFrame:
        """The test columns: outputs for each test example, and verdicts (1 is correct)."""
        return self._part(Phase.TEST)

    @property
    def steps(self) -> pd.DataFrame:
        """A row for each (iteration, step), the step being forward, backward or update.

        A row holds the quantities of its step (forward: also the inputs, the weights and
        the tests that it uses); the others are NaN. Made anew from the array at each call.
        """
        import pandas as pd

        count, names = len(self), list(STEPS)
        values = np.full((count, len(names), len(self.program)), np.nan)
        for step, phases in enumerate(STEPS.values()):
            places = [i for i, column in enumerate(self.program) if column.phase in phases]
            values[:, step, places] = self.values[:, places]
        index = pd.MultiIndex.from_product(
            [self.index, pd.CategoricalIndex(names, categories=names, ordered=True)],
            names=[ITERATION, "step"],
        )
        flat = values.reshape(count * len(names), len(self.program))
        frame = pd.DataFrame(flat, index=index, columns=list(self.program.names), copy=False)
        return frame.iloc[:, 1:]

    @cached_property
    def columns(self) -> pd.DataFrame:
        """What each column is: phase, role, layer, neuron, meaning, and its formula.

        The formula comes as text, as LaTeX, and as the cell of the full layout in the row
        of the second iteration (where a weight is the last one plus its adjustment).
        """
        import pandas as pd

        from bpsheet.workbook.layout import full_layout

        layout = full_layout(self.program, len(self.experiment.data.examples or ()))
        rows = []
        for column in self.program:
            formula = column.formula
            rows.append(
                {
                    "name": column.name,
                    "phase": str(column.phase),
                    "role": str(column.role),
                    "layer": column.layer,
                    "neuron": column.neuron,
                    "formula": formula_text(formula) if formula is not None else "",
                    "excel": layout.formula(column.name, layout.first_row + 1) or "",
                    "latex": formula_latex(column.name, formula) if formula is not None else "",
                    "meaning": column.meaning,
                }
            )
        frame = pd.DataFrame(rows).set_index("name")
        return frame.astype({"layer": "Int64"})

    @property
    def first_error(self) -> FirstError | None:
        """Where values first overflowed or had no value; None where nothing did."""
        row = self.recording.first_error_row
        if row == len(self):
            return None
        codes = self.recording.errors[0]
        place = int(np.flatnonzero(codes)[0])
        return FirstError(
            int(self.recording.iterations[row]),
            self.program.names[place],
            ERRORS[int(codes[place])],
        )

    def compare(self, hand: Hand | str | Path | None = None, decimal: str = ".") -> Report:
        """Hand calculations against this run, judged by the digits that were written.

        `hand` is `{quantity: text}` for the first iteration, `{iteration: {quantity: text}}`,
        a DataFrame or a CSV file (iteration, quantity, value; or a column for each quantity),
        or a filled-in exercise (.xlsx), which is judged over the numbers it was made with;
        without it, the experiment's own [hand]. `decimal` is what stands before the decimals.

        Returns a row for each value: iteration, quantity, written, exact, rounded, verdict,
        reason; a DataFrame, which a notebook shows with the first mistake on top.
        Raises HandError for unknown quantities and files that cannot be read.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(5).compare({"g": "-0.24", "f": "0.58"})["verdict"].tolist()
        ['correct', 'likely slip']
        """
        from bpsheet.exercises.compare import compare

        self._need_all("a comparison")
        return compare(self, hand, decimal)

    def explain(
        self, iteration: int, only: Iterable[str] | None = None, digits: int = 4
    ) -> Explanation:
        """One iteration as a textbook works it out: symbols, numbers put in, results.

        It prints as text, shows as a page in a notebook, and has `.text()`, `.markdown()`,
        `.latex()` and `.html()`. `only` names quantities; a weight among them gets the chain
        rule written out. `digits` are significant ones, of numbers computed exactly.
        Raises ExperimentError for an iteration that was not run and for unknown names.

        >>> import bpsheet as bp
        >>> print(bp.load("two-neuron").run(1).explain(1, only=["g"]).steps[0].result)
        -0.2449
        """
        from bpsheet.explain import explain

        self._need_all("an explanation")
        return explain(self, iteration, only, digits)

    def health(self) -> Health:
        """What the run suffers from: a value that overflowed, a loss that rises, weights that
        explode, gradients that vanish, neurons that are saturated or dead, steps that swing.

        It prints as plain sentences, and says nothing of a run that works. `.sentences` is
        their list, `.frame` has the numbers for each layer, `.neurons` for each neuron,
        `.over_time` for each update, `.spread` the way that an overflow took.

        >>> import bpsheet as bp
        >>> trace = bp.load("exploding").run()
        >>> trace.health().spread["column"].tolist()[:3]
        ['z4_1', 'a4_1', 'e']
        >>> bp.load("exploding").changed({"learning_rate": 0.1}).run().health().sentences
        []
        """
        from bpsheet.health.diagnosis import diagnose

        self._need_all("a diagnosis")
        return diagnose(self)

    def check_gradient(
        self, iteration: int, method: str = "central", delta: float | None = None
    ) -> GradientCheck:
        """The gradient of an iteration held against an estimate from forward passes alone.

        `method` is "forward" or "central" (differences of the loss, with the step `delta`), or
        "complex" (the complex step, exact to the last digits). The result has a `.frame` with a
        row for each weight, `.passed`, `.tolerance`, the number of forward `.passes`, and the
        first `.layer`, counted from the output, that is wrong.
        Raises ExperimentError for an unknown method or iteration and where there is no loss.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(3).check_gradient(2, method="complex").passed
        True
        """
        from bpsheet.gradients.studies import check_gradient

        self._need_all("a check of the gradient")
        return check_gradient(self, iteration, method, delta)

    def operations(self) -> pd.DataFrame:
        """The operations of one iteration: forward, backward, and the gradient by brute force.

        >>> import bpsheet as bp
        >>> bp.load("two-neuron").run(1).operations().loc["total", "brute force"]
        np.int64(78)
        """
        from bpsheet.gradients.studies import operations

        return operations(self.program)

    def hessian(self, iteration: int) -> pd.DataFrame:
        """The second derivatives of an iteration's loss: weights by weights.

        From differentiating the program twice. `curvature` has its eigenvalues too.
        Raises ExperimentError for an iteration that was not run and where there is no loss,
        LimitError beyond 500 weights.
        """
        return self.curvature(iteration).frame

    def curvature(self, iteration: int) -> Curvature:
        """The Hessian with its `.eigenvalues`, `.limit` (2/λmax) and a `.sentence` about them.

        >>> import bpsheet as bp
        >>> round(bp.load("one-weight").run(1).curvature(1).limit, 5)
        0.00164
        """
        from bpsheet.gradients.studies import curvature

        self._need_all("the Hessian")
        return curvature(self, iteration)

    @property
    def plot(self) -> Plots:
        """`.loss()`, `.weights()`, `.gradients()` and `.surface(w1, w2)`, as matplotlib axes.

        Raises OutputError without matplotlib.
        """
        from bpsheet.pictures.curves import Plots

        return Plots(self)

    def draw(self, iteration: int = 1, axes: Axes | None = None) -> Figure:
        """The network at an iteration, as a matplotlib figure (or into `axes`).

        Neurons with their outputs and error terms; an arrow for each weight, green where it
        grows and red, and broken, where it shrinks, as wide as its adjustment is large.
        Raises ExperimentError for formulas without layers and an iteration that was not run,
        LimitError where there are too many neurons to tell apart, OutputError without matplotlib.
        """
        from bpsheet.pictures.network import draw_network

        return draw_network(self, iteration, axes)

    def to_excel(
        self,
        path: str | Path,
        layout: str = "full",
        sheets: Iterable[str] | Mapping[str, Mapping[str, float | str]] | None = None,
    ) -> Path:
        """Write the run as a workbook with live formulas; `layout` is "full" or "book".

        `sheets` says which sheets it has besides: "walkthrough", "diagram", "charts",
        "gradient-check", "hessian", or with what they are set to:
        `{"gradient-check": {"iteration": 2, "delta_w": 1e-4, "method": "forward"}}`.
        By default a workbook in the layout full has the first three, as far as the run is
        small enough for them; `sheets=[]` is none.

        Returns the path. The file appears whole or not at all, and replaces what is there.
        Raises LimitError where a worksheet cannot hold it, ExperimentError for a sheet that
        this run cannot have, OutputError where the file cannot be written.
        """
        from bpsheet.workbook.writing import write_workbook

        if sheets is not None and not isinstance(sheets, Mapping):
            sheets = {name: {} for name in sheets}
        write_workbook(self, Path(path), layout, sheets)
        return Path(path)


def values_at(trace: Trace, iteration: int) -> dict[str, float]:
    """Every column's value in one iteration.

    Raises ExperimentError for an iteration that was not run, one that holds errors, and an
    experiment without a loss.
    """
    problems = trace.problems_with(iteration)
    if loss_of(trace.program) is None:
        said = "no loss, and so no gradient: the rule is not a descent"
        problems = [Problem("network.loss", said)]
    elif not problems and not np.isfinite(trace.values[iteration - 1]).all():
        first = trace.first_error
        assert first is not None
        said = f"iteration {iteration} holds errors ({first.error} since iteration "
        problems = [Problem("iteration", f"{said}{first.iteration}); choose an earlier one")]
    if problems:
        raise ExperimentError(problems, trace.experiment.name)
    row = trace.values[iteration - 1].tolist()
    return dict(zip(trace.program.names, row, strict=True))
