"""The results of the runs of a sweep, as tidy DataFrames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.sweeps.kept import Kept
from bpsheet.sweeps.metrics import FINAL

__all__ = ["FIRST_ERROR", "Outcome", "Outcomes", "Results", "Settings", "result_names"]

FIRST_LOSS, FINAL_LOSS, FIRST_ERROR = "first_loss", "final_loss", "first_error"

Settings = dict[str, float | str]
# A row of the table of runs, after the settings. The first error is an iteration, or 0.
Results = dict[str, float]


def result_names(kept: Kept) -> tuple[str, ...]:
    """The columns of the table of runs after the settings."""
    return (FIRST_LOSS, FINAL_LOSS, *(FINAL[name] for name in kept.metrics), FIRST_ERROR)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    iterations: the kept iterations
    columns:    the loss and the metrics of these iterations
    weights:    the weights after the update of each, a column for each weight; None if not kept
    results:    the run's row in the table of runs
    """

    iterations: npt.NDArray[np.int64]
    columns: Mapping[str, npt.NDArray[Any]]
    weights: npt.NDArray[np.float64] | None
    results: Results


class Outcomes:
    """The runs of a sweep. `outcome` gives the outcome of a run by its number (from 0)."""

    def __init__(
        self,
        experiment: Plan,
        settings: Sequence[Settings],
        kept: Kept,
        results: Sequence[Results],
        outcome: Callable[[int], Outcome],
    ) -> None:
        self.experiment = experiment
        self.settings = list(settings)
        self._kept = kept
        self._outcome = outcome
        numbers = pd.RangeIndex(1, len(self.settings) + 1, name="run")
        frame = pd.DataFrame(self.settings, index=numbers)
        for name in result_names(kept):
            frame[name] = [result[name] for result in results]
        errors = [result[FIRST_ERROR] or None for result in results]
        frame[FIRST_ERROR] = pd.array(errors, dtype="Int64")
        self.runs = frame

    def __repr__(self) -> str:
        return f"<Sweep of {self.experiment.name}: {len(self.runs)} runs>\n{self.runs}"

    def _repr_html_(self) -> str:
        return self.runs._repr_html_()  # type: ignore[operator, no-any-return]

    @property
    def losses(self) -> pd.DataFrame:
        outcomes = self._outcomes()
        counts = [len(outcome.iterations) for outcome in outcomes]
        settings = self.runs[list(self.settings[0])].reset_index()
        frame = settings.take(np.repeat(np.arange(len(counts)), counts)).reset_index(drop=True)
        frame["iteration"] = np.concatenate([outcome.iterations for outcome in outcomes])
        for name in outcomes[0].columns:
            frame[name] = np.concatenate([outcome.columns[name] for outcome in outcomes])
        return frame

    @property
    def weights(self) -> pd.DataFrame:
        if not self._kept.weights:
            said = 'the weights were not kept; a sweep with keep="weights" keeps them'
            raise ExperimentError([Problem("", said)], "sweep")
        outcomes = self._outcomes()
        counts = [len(outcome.iterations) for outcome in outcomes]
        numbers = np.concatenate([outcome.iterations for outcome in outcomes])
        index = pd.MultiIndex.from_arrays(
            [np.repeat(self.runs.index, counts), numbers], names=["run", "iteration"]
        )
        values = np.concatenate([outcome.weights for outcome in outcomes])
        return pd.DataFrame(values, index=index, columns=list(self.experiment.model.weights))

    def _outcomes(self) -> list[Outcome]:
        return [self._outcome(number) for number in range(len(self.settings))]
