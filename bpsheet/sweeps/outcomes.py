"""The results of the runs of a sweep, as two tidy DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bpsheet.plan.plan import Plan

__all__ = ["RESULTS", "Outcome", "Outcomes", "Settings", "losses_frame"]


# The columns of the table of runs after the settings.
RESULTS = ("first_loss", "final_loss", "first_error")


Settings = dict[str, float | str]


@dataclass(frozen=True)
class Outcome:
    """The outcome of a run: the losses of the kept iterations, and the first error (or 0)."""

    iterations: np.ndarray
    losses: np.ndarray
    first_loss: float
    final_loss: float
    first_error: int


def losses_frame(run: int, settings: Settings, outcome: Outcome) -> pd.DataFrame:
    """The losses of one run as a tidy DataFrame."""
    columns: dict[str, Any] = {"run": run, **settings}
    columns |= {"iteration": outcome.iterations, "loss": outcome.losses}
    return pd.DataFrame(columns)


class Outcomes:
    """The runs of a sweep, as two tidy DataFrames.

    runs:   a row for each run, by its number: its settings, `first_loss` and `final_loss` (the
            means of the first and of the last epoch, so that no single example decides), and
            `first_error`, the first iteration in which a value overflowed, or NA
    losses: a row for each run and kept iteration: run, the settings, iteration, loss
    """

    def __init__(
        self, experiment: Plan, settings: Sequence[Settings], outcomes: Sequence[Outcome]
    ) -> None:
        self.experiment = experiment
        self.settings = list(settings)
        self._outcomes = list(outcomes)
        numbers = pd.RangeIndex(1, len(self.settings) + 1, name="run")
        frame = pd.DataFrame(self.settings, index=numbers)
        first, final, failed = RESULTS
        frame[first] = [outcome.first_loss for outcome in outcomes]
        frame[final] = [outcome.final_loss for outcome in outcomes]
        errors = [outcome.first_error or None for outcome in outcomes]
        frame[failed] = pd.array(errors, dtype="Int64")
        self.runs = frame

    def __repr__(self) -> str:
        return f"<Sweep of {self.experiment.name}: {len(self.runs)} runs>\n{self.runs}"

    def _repr_html_(self) -> str:
        return self.runs._repr_html_()  # type: ignore[operator, no-any-return]

    @property
    def losses(self) -> pd.DataFrame:
        parts = zip(self.runs.index, self.settings, self._outcomes, strict=True)
        frames = [losses_frame(run, settings, outcome) for run, settings, outcome in parts]
        return pd.concat(frames, ignore_index=True)
