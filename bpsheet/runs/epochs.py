"""Results of a run: the mean loss of each epoch, and how many tests are right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bpsheet.engine.recording import Recording, Values
from bpsheet.program.kinds import Role
from bpsheet.program.program import Program

__all__ = ["TestsRight", "epoch_means"]


def epoch_means(losses: Values, examples: int) -> Values:
    """The mean loss of each whole epoch of `examples` rows; NaN where a loss is missing.

    >>> epoch_means(np.array([1.0, 3.0, 2.0, 4.0, 9.0]), 2)
    array([2., 3.])
    """
    epochs = len(losses) // examples
    with np.errstate(over="ignore"):
        # An epoch with too large losses has no mean; the recording says where losses overflow.
        means: Values = losses[: epochs * examples].reshape(epochs, examples).mean(axis=1)
    means[~np.isfinite(means)] = np.nan
    return means


class TestsRight:
    """How many of a program's tests are right in each row.

    names: the columns with the tests' verdicts
    """

    __test__ = False  # not a class of tests, although pytest could think so

    def __init__(self, program: Program) -> None:
        self.names = tuple(column.name for column in program if column.role is Role.VERDICT)
        self._columns = [program.position[name] for name in self.names]

    def __len__(self) -> int:
        """How many tests there are."""
        return len(self.names)

    def count(self, values: Values) -> npt.NDArray[np.int64]:
        """The number of right tests in each of these rows."""
        right: npt.NDArray[np.int64] = (values[:, self._columns] == 1).sum(axis=1)
        return right

    def first(self, rows: Recording) -> int | None:
        """The first iteration in which all tests are right; None where there is none."""
        everything = self.count(rows.values) == len(self)
        if not len(self) or not everything.any():
            return None
        return int(rows.iterations[everything.argmax()])
