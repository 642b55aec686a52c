"""Results of a run: the mean loss of each epoch, and how many tests and examples are right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bpsheet.engine.recording import Recording, Values
from bpsheet.program.kinds import Role
from bpsheet.program.outputs import outputs_of
from bpsheet.program.program import Program

__all__ = ["ExamplesRight", "TestsRight", "epoch_means"]


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


class ExamplesRight:
    """Which rows get their example right, where the targets of the data are classes.

    Of one output the target is 0 or 1, or −1 or 1; of several, one target is 1 and the others are 0.

    pairs:  each output with its target; none where the targets are no classes
    middle: what lies between the two classes of a single output
    """

    def __init__(self, program: Program) -> None:
        outputs = outputs_of(program)
        targets = [column.name for column in program if column.role is Role.TARGET]
        self.pairs: list[tuple[str, str]] = []
        self.middle = 0.0
        if len(outputs) == len(targets) and all(name in program.tables for name in targets):
            values = np.array([program.tables[name] for name in targets], dtype=float)
            if _are_classes(values):
                self.pairs = list(zip(outputs, targets, strict=True))
                self.middle = float(values.min() + values.max()) / 2
        self._outputs = [program.position[output] for output, _ in self.pairs]
        self._targets = [program.position[target] for _, target in self.pairs]

    def flags(self, values: Values) -> Values:
        """1 for each of these rows that is right, else 0; NaN where an output overflowed, or where
        there are no classes.
        """
        outputs, targets = values[:, self._outputs], values[:, self._targets]
        if not self.pairs:
            return np.full(len(values), np.nan)
        if len(self.pairs) == 1:
            right = ((outputs - self.middle) * (targets - self.middle) > 0)[:, 0]
        else:
            right = (outputs * targets).sum(axis=1) == outputs.max(axis=1)
        return np.where(np.isnan(outputs).any(axis=1), np.nan, right.astype(float))


def _are_classes(targets: Values) -> bool:
    """Whether these targets, a row for each and a column for each example, are classes."""
    if len(targets) == 1:
        return set(targets.ravel().tolist()) in ({0.0, 1.0}, {-1.0, 1.0})
    is_whole = ((targets == 0) | (targets == 1)).all()
    return bool(len(targets) and is_whole and (targets.sum(axis=0) == 1).all())
