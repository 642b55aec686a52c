"""A run that is written to a file and never held in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bpsheet.engine.engine import Streamed
from bpsheet.engine.recording import EVERYTHING, Keep, Recording
from bpsheet.runs.epochs import TestsRight
from bpsheet.runs.run import FirstError, Run

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["IN_MEMORY", "LongRun", "is_long"]

# So many values of a run are held in memory (32 MB); a longer run is computed twice instead.
IN_MEMORY = 4_000_000


def is_long(experiment: Plan) -> bool:
    """Whether a run is so long that it is written piece by piece."""
    return experiment.iterations * len(experiment.columns) > IN_MEMORY


class LongRun:
    """A run whose rows are computed while they are read.

    The constructor trains once, to learn where errors begin and how large values become. Whoever
    reads the rows trains again.

    first_error: the first error of the run, in all iterations, kept or not
    first_right: the first iteration in which every test is right, or None
    """

    def __init__(
        self,
        experiment: Plan,
        keep: Keep = EVERYTHING,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.experiment = experiment
        self.program = experiment.program()
        self.first_error: FirstError | None = None
        self.first_right: int | None = None
        self._tests = TestsRight(self.program)
        self.recording = Streamed(
            self.program, experiment.iterations, keep, progress, self._look_at
        )

    def __len__(self) -> int:
        return len(self.recording)

    def _look_at(self, piece: Recording) -> None:
        if self.first_error is None and len(piece.errors):
            self.first_error = Run(self.experiment, self.program, piece).first_error
        if self.first_right is None:
            self.first_right = self._tests.first(piece)

    @property
    def ends(self) -> Run:
        """The first and the last few iterations of the run."""
        return Run(self.experiment, self.program, self.recording.ends)

    def beginning(self) -> Run:
        """The first iterations, as many as fit in memory, for a diagnosis."""
        rows = min(max(1, IN_MEMORY // len(self.program)), self.experiment.iterations)
        return Run.of(self.experiment, rows)
