"""What a sweep can count of a run beside its loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy.typing as npt

from bpsheet.engine.recording import Values
from bpsheet.program.kinds import VALIDATION_LOSS
from bpsheet.program.program import Program
from bpsheet.runs.epochs import ExamplesRight, TestsRight, epoch_means

__all__ = ["FINAL", "Metrics", "metrics_of"]

RIGHT, TESTS_RIGHT = "is_right", "tests_right"
# Each metric of an iteration, with the column of the table of runs that says how it ended.
FINAL: Mapping[str, str] = {
    RIGHT: "final_accuracy",
    VALIDATION_LOSS: "final_validation_loss",
    TESTS_RIGHT: "final_tests_right",
}


def metrics_of(program: Program) -> tuple[str, ...]:
    """The metrics that the runs of a program have."""
    has = {
        RIGHT: bool(ExamplesRight(program).pairs),
        VALIDATION_LOSS: VALIDATION_LOSS in program.position,
        TESTS_RIGHT: bool(TestsRight(program)),
    }
    return tuple(name for name in FINAL if has[name])


class Metrics:
    """The chosen metrics of a run.

    is_right:        1 where the iteration gets its example right, else 0
    validation_loss: the mean loss over the validation examples
    tests_right:     how many tests are right
    """

    def __init__(self, program: Program, names: Iterable[str]) -> None:
        self._program = program
        self._names = tuple(names)
        self._examples, self._tests = ExamplesRight(program), TestsRight(program)

    def rows(self, values: Values) -> dict[str, npt.NDArray[Any]]:
        """Each metric in each of these rows."""
        return {name: self._of(name, values) for name in self._names}

    def _of(self, name: str, values: Values) -> npt.NDArray[Any]:
        if name == RIGHT:
            return self._examples.flags(values)
        if name == TESTS_RIGHT:
            return self._tests.count(values)
        return values[:, self._program.position[VALIDATION_LOSS]]

    def final(self, rows: Mapping[str, npt.NDArray[Any]], epoch: int) -> dict[str, float]:
        """How each metric ended: the share of right examples in the last epoch, or the last value."""
        return {
            FINAL[name]: float(
                epoch_means(rows[name][-epoch:], epoch)[0] if name == RIGHT else rows[name][-1]
            )
            for name in self._names
        }
