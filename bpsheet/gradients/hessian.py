"""Second derivatives: the program, differentiated twice.

The backward columns are formulas, so they can be differentiated too: along a direction in
the weights every forward and every backward column has a slope (its *tangent*), the sum of
its partial derivatives times the tangents of what it uses. With the direction of one weight
the tangents of the gradients are that weight's row of the Hessian.
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
from bpsheet.program.kinds import Phase
from bpsheet.program.program import Column, Program
from bpsheet.program.tangents import tangent_columns
from bpsheet.runs.cards import card
from bpsheet.runs.run import Run, values_at

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_WEIGHTS", "Curvature", "curvature", "weights_of"]

# Beyond this the matrix is too large to look at, and its formulas too many to make.
MOST_WEIGHTS = 500
# An eigenvalue smaller than this share of the largest is 0 but for rounding.
NOTHING = 1e-9
# So many eigenvalues are listed.
MOST_SHOWN = 12


@dataclass(frozen=True)
class Curvature:
    """The Hessian of one iteration's loss, and what it says.

    frame: the second derivatives, weights by weights
    rate:  the learning rate of the run
    downhill: 1 for a loss that is minimised, -1 for one that is maximised
    """

    frame: pd.DataFrame
    iteration: int
    rate: float
    downhill: int
    examples: int

    @cached_property
    def eigenvalues(self) -> npt.NDArray[np.float64]:
        """From the largest to the smallest. Positive: the loss curves upwards that way."""
        found: npt.NDArray[np.float64] = np.linalg.eigvalsh(self.frame.to_numpy())
        return found[::-1]

    @property
    def limit(self) -> float:
        """2/λmax, the learning rate at which plain descent begins to overshoot; else infinity."""
        steepest = float((self.downhill * self.eigenvalues).max())
        return 2 / steepest if steepest > 0 else float("inf")

    @property
    def sentence(self) -> str:
        """What the eigenvalues mean beside the learning rate, in plain words."""
        bent = self.downhill * self.eigenvalues
        steepest = float(bent.max())
        whose = "this example's loss" if self.examples > 1 else "the loss"
        if steepest <= 0:
            said = f"Along no direction does {whose} curve back: no learning rate would overshoot. "
        else:
            beside = "above" if self.rate > self.limit else "below"
            said = (
                f"Where {whose} curves most, its second derivative is {steepest:.4g}. In a valley "
                f"of that curvature plain steps with a learning rate above 2/λmax = "
                f"{self.limit:.4g} land further out each time; this run's {self.rate:g} is "
                f"{beside} it. "
            )
        against = int((bent < -NOTHING * np.abs(bent).max()).sum())
        if against:
            what = "maximum" if self.downhill < 0 else "minimum"
            have = "has" if against == 1 else "have"
            said += (
                f"{against} of {len(bent)} eigenvalues {have} the other sign: it is not a {what}, "
                "and along those directions it gets steeper."
            )
        return said.strip()

    @property
    def listed(self) -> str:
        """The eigenvalues in a line, the first few of many; those that are rounding are 0."""
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
        said = [f"<p>{escape(line)}</p>" for line in (self.sentence, self.listed)]
        shown = self.frame.to_html(border=0, float_format="{:.4g}".format)
        return card([*said, shown] if len(self.frame) <= MOST_SHOWN else said)


def _matrix(program: Program, values: dict[str, float]) -> npt.NDArray[np.float64]:
    made, directions, rows = tangent_columns(program)
    names = list(directions)
    every = [
        c.name
        for c in program.phase(
            Phase.INPUT, Phase.WEIGHT, Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT
        )
    ]
    run = compiled(made, [*every, *directions.values()], list(rows.values()))
    here = [values[name] for name in every]
    places = [names.index(name) for name in rows]
    matrix = np.zeros((len(names), len(names)))
    for index in range(len(names)):
        seed = [0.0] * len(names)
        seed[index] = 1.0
        matrix[index, places] = _run(run, [*here, *seed])
    return matrix


def _run(function: object, given: Sequence[float]) -> Sequence[float]:
    try:
        return function(given)  # type: ignore[operator,no-any-return]
    except (ArithmeticError, ValueError):
        raise LimitError(
            "the second derivatives are too large to hold here; choose an earlier iteration"
        ) from None


def weights_of(trace: Run) -> tuple[Column, ...]:
    """The weights of a run. Raises ExperimentError where it has none."""
    weights = trace.program.phase(Phase.WEIGHT)
    if not weights:
        said = "no weights here, and second derivatives are those with respect to weights"
        raise ExperimentError([Problem("graph.parameters", said)], trace.experiment.name)
    return weights


def curvature(trace: Run, iteration: int) -> Curvature:
    """The Hessian of an iteration's loss with respect to all weights, and its eigenvalues.

    ∂²L/∂w_i ∂w_j, from differentiating the program twice; at a kink that of the side taken.
    Raises ExperimentError for an iteration that was not run and where there is no loss,
    LimitError beyond 500 weights and where values overflow.

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
