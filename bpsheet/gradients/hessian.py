"""Second derivatives: the program, differentiated twice.

The backward columns are formulas, so they can be differentiated too. Along a direction in the
weights every forward and backward column has a slope, its *tangent*: the sum of its partial
derivatives, each times the tangent of the column it refers to. Along the direction of one
weight, the tangents of the gradients are that weight's row of the Hessian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bpsheet.engine.forward import compiled
from bpsheet.errors import ExperimentError, LimitError, Problem
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Program
from bpsheet.program.tangents import tangent_columns
from bpsheet.runs.cards import card
from bpsheet.runs.run import Run, values_at

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_WEIGHTS", "Curvature", "curvature", "weights_of"]

# A larger matrix is too large to look at, and has too many formulas.
MOST_WEIGHTS = 500
# An eigenvalue below this share of the largest one is 0 with a rounding error.
NOTHING = 1e-9
# The most eigenvalues that are listed.
MOST_SHOWN = 12


@dataclass(frozen=True)
class Curvature:
    """The Hessian of one iteration's loss, its eigenvalues, and what they mean.

    frame:    the second derivatives, weights by weights
    rate:     the learning rate of the run
    downhill: 1 for a loss that is minimised, -1 for one that is maximised
    examples: the number of examples of the experiment
    """

    frame: pd.DataFrame
    iteration: int
    rate: float
    downhill: int
    examples: int

    @cached_property
    def eigenvalues(self) -> npt.NDArray[np.float64]:
        """The eigenvalues, largest first. Along a positive one's direction the loss curves up."""
        ascending: npt.NDArray[np.float64] = np.linalg.eigvalsh(self.frame.to_numpy())
        return ascending[::-1]

    @property
    def limit(self) -> float:
        """The learning rate 2/λmax, above which plain descent overshoots; it may be infinity."""
        steepest = float((self.downhill * self.eigenvalues).max())
        return 2 / steepest if steepest > 0 else float("inf")

    @property
    def sentence(self) -> str:
        """What the eigenvalues mean beside the learning rate, in plain words."""
        bent = self.downhill * self.eigenvalues
        steepest = float(bent.max())
        whose = "this example's loss" if self.examples > 1 else "the loss"
        curved, place = (
            ("upwards", "In a valley") if self.downhill > 0 else ("downwards", "On a hill")
        )
        if steepest <= 0:
            sentences = (
                f"{whose[:1].upper()}{whose[1:]} curves {curved} along no direction, so no "
                "learning rate would overshoot. "
            )
        else:
            beside = "above" if self.rate > self.limit else "below"
            sentences = (
                f"Along the direction where {whose} curves {curved} most, its second derivative is "
                f"{self.downhill * steepest:.4g}. {place} of that curvature, plain steps with a "
                f"learning rate above 2/λmax = {self.limit:.4g} land further out each time. This "
                f"run's learning rate {self.rate:g} is {beside} that. "
            )
        against = int((bent < -NOTHING * np.abs(bent).max()).sum())
        if against:
            what = "maximum" if self.downhill < 0 else "minimum"
            are = "is" if against == 1 else "are"
            sign, way = ("positive", "upwards") if self.downhill < 0 else ("negative", "downwards")
            directions = "that direction" if against == 1 else "those directions"
            sentences += (
                f"{against} of {len(bent)} eigenvalues {are} {sign}: the weights are not "
                f"at a {what}, since along {directions} the loss curves {way}."
            )
        return sentences.strip()

    @property
    def listed(self) -> str:
        """The first eigenvalues in a line. An eigenvalue that is only a rounding error is 0."""
        least = NOTHING * float(np.abs(self.eigenvalues).max())
        shown = [value if abs(value) > least else 0.0 for value in self.eigenvalues[:MOST_SHOWN]]
        more = f", … ({len(self.eigenvalues)} in all)" if len(self.eigenvalues) > MOST_SHOWN else ""
        return "Eigenvalues: " + ", ".join(f"{value:.4g}" for value in shown) + more

    def __repr__(self) -> str:
        return f"<Curvature of iteration {self.iteration}>\n{self}"

    def __str__(self) -> str:
        shown = f"{self.frame.to_string()}\n" if len(self.frame) <= MOST_SHOWN else ""
        return f"{shown}{self.listed}\n{self.sentence}"

    def _repr_html_(self) -> str:
        lines = [f"<p>{escape(line)}</p>" for line in (self.sentence, self.listed)]
        shown = self.frame.to_html(border=0, float_format="{:.4g}".format)
        return card([*lines, shown] if len(self.frame) <= MOST_SHOWN else lines)


def _matrix(program: Program, values: dict[str, float]) -> npt.NDArray[np.float64]:
    tangents, directions, rows = tangent_columns(program)
    names = list(directions)
    every = [
        c.name
        for c in program.phase(
            Phase.INPUT, Phase.WEIGHT, Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT
        )
    ]
    run = compiled(
        tangents, [*every, *directions.values()], list(rows.values()), program.parameters
    )
    here = [values[name] for name in every]
    indices = [names.index(name) for name in rows]
    matrix = np.zeros((len(names), len(names)))
    for index in range(len(names)):
        seed = [0.0] * len(names)
        seed[index] = 1.0
        matrix[index, indices] = _run(run, [*here, *seed])
    return program.slope_sign * matrix


def _run(function: object, given: Sequence[float]) -> Sequence[float]:
    try:
        return function(given)  # type: ignore[operator,no-any-return]
    except (ArithmeticError, ValueError):
        raise LimitError(
            "the second derivatives overflow at this iteration; choose an earlier one"
        ) from None


def weights_of(trace: Run) -> tuple[Column, ...]:
    """The weights of a run. Raises ExperimentError for a run without weights."""
    weights = trace.program.phase(Phase.WEIGHT)
    if not weights:
        reason = "there are no weights with respect to which second derivatives could be taken"
        raise ExperimentError([Problem("graph.parameters", reason)], trace.experiment.name)
    return weights


def curvature(trace: Run, iteration: int) -> Curvature:
    """The Hessian of an iteration's loss with respect to all weights, and its eigenvalues.

    The entries ∂²L/∂w_i ∂w_j come from differentiating the program twice. At a kink they belong
    to the side that the forward pass takes.
    Raises ExperimentError for an iteration that was not run and an experiment without a loss or
    weights, LimitError for more than 500 weights and for values that overflow.

    >>> import bpsheet as bp
    >>> curvature(bp.load("one-weight").run(1), 1).frame.loc["xh_1", "xh_1"]
    np.float64(25.0)
    """
    import pandas as pd

    values = values_at(trace, iteration)
    program, experiment = trace.program, trace.experiment
    names = [column.name for column in weights_of(trace)]
    if len(names) > MOST_WEIGHTS:
        raise LimitError(
            f"{len(names):,} weights have {len(names) ** 2:,} second derivatives; "
            f"{MOST_WEIGHTS} weights at the most"
        )
    frame = pd.DataFrame(_matrix(program, values), index=names, columns=names)
    return Curvature(
        frame,
        iteration,
        experiment.training.learning_rate,
        -1 if experiment.uphill else 1,
        experiment.example_count,
    )
