"""The examples that come with a model, as rows of the table [data].

>>> given = Examples.of(([[0.0, 1.0], [1.0, 1.0]], [0, 1]), "this model")
>>> given.rows((2,), (2,), classes=True)
[[0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from bpsheet.errors import ModelError, Problem
from bpsheet.tables.plain import column_names, plain

__all__ = ["Examples"]

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Examples:
    """What a model is given: an array whose first axis counts the examples, and targets or none.

    names: the names of the inputs, where the data have a name for each column
    """

    x: Numbers
    y: Numbers | None
    names: tuple[str, ...]
    source: str

    @classmethod
    def of(cls, data: Any, source: str) -> Self:
        """Inputs alone (an array, a tensor, a DataFrame), or a pair (inputs, targets).

        Raises ModelError for anything else.
        """
        is_pair = isinstance(data, tuple) or (isinstance(data, list) and len(data) == 2)
        is_pair = is_pair and not _is_number_list(data)
        if is_pair and len(data) != 2:
            raise _problem(source, f"inputs, or (inputs, targets), expected; got {len(data)} parts")
        x, y = data if is_pair else (data, None)
        names = tuple(column_names(x) or ())
        inputs, targets = _numbers(x, "the inputs", source), None
        if y is not None:
            targets = _numbers(y, "the targets", source)
            if len(targets) != len(inputs):
                said = f"a target for each of {len(inputs)} examples expected; got {len(targets)}"
                raise _problem(source, said)
        return cls(inputs, targets, names, source)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example's inputs."""
        return self.x.shape[1:]

    def moved(self, by: float) -> Self:
        """The examples with a number added to each input, such as the number of a token."""
        return replace(self, x=self.x + by)

    def together(self, count: int) -> Self:
        """The examples in groups of so many, each of which is one example.

        Raises ModelError where they do not come out even.
        """
        if count == 1:
            return self
        if len(self.x) % count:
            said = (
                f"the model normalises over each batch, so batches of one size expected; "
                f"{len(self.x)} examples do not make whole batches of {count}"
            )
            raise _problem(self.source, said)
        x = self.x.reshape(-1, count, *self.x.shape[1:])
        y = None if self.y is None else self.y.reshape(-1, count, *self.y.shape[1:])
        return replace(self, x=x, y=y)

    def targets(self, shape: Sequence[int], *, classes: bool) -> Numbers:
        """The targets of all examples, in the shape of the model's output.

        With `classes`, whole numbers from 0 that count the outputs become 1 for that output and 0
        for the others.
        """
        if self.y is None:
            raise _problem(self.source, "inputs and targets, (x, y), expected; got inputs alone")
        count, outputs = len(self.x), tuple(shape)
        if self.y.size == count * math.prod(outputs) and not (classes and outputs == (1,)):
            return self.y.reshape(count, *outputs)
        if classes and self.y.size == count * math.prod(outputs[:-1]):
            numbers = self.y.reshape(count, *outputs[:-1])
            if not np.isin(numbers, np.arange(outputs[-1])).all():
                said = f"class numbers from 0 to {outputs[-1] - 1} expected among the targets"
                raise _problem(self.source, said)
            shares: Numbers = np.eye(outputs[-1])[numbers.astype(int)]
            return shares
        each = " × ".join(map(str, outputs))
        said = f"{each} targets for each example expected, as many as outputs; got {self.y.shape[1:] or 1}"
        raise _problem(self.source, said)

    def rows(
        self, inputs: Sequence[int], outputs: Sequence[int] | None, *, classes: bool = False
    ) -> list[list[float]]:
        """A row for each example: inputs, then targets unless `outputs` is None.

        Raises ModelError where the model takes inputs of another shape.
        """
        count = len(self.x)
        if self.x.size != count * math.prod(inputs):
            each = " × ".join(map(str, inputs))
            said = f"examples of {each} numbers expected; got an array of the shape {self.x.shape}"
            raise _problem(self.source, said)
        parts = [self.x.reshape(count, -1)]
        if outputs is not None:
            parts.append(self.targets(outputs, classes=classes).reshape(count, -1))
        rows: list[list[float]] = np.concatenate(parts, axis=1).tolist()
        return rows


def _is_number_list(data: Any) -> bool:
    """Whether a list of two lists is a matrix of two rows, not inputs and targets."""
    rows = plain(data)
    return (
        isinstance(data, list)
        and all(isinstance(row, list) for row in rows)
        and len({len(row) for row in rows}) == 1
        and not any(isinstance(item, list) for row in rows for item in row)
    )


def _numbers(values: Any, what: str, source: str) -> Numbers:
    try:
        numbers = np.asarray(plain(values), np.float64)
    except (TypeError, ValueError):
        raise _problem(source, f"{what}: an array of numbers of one shape expected") from None
    if not numbers.ndim or not len(numbers):
        raise _problem(source, f"{what}: at least one example expected")
    if not np.isfinite(numbers).all():
        raise _problem(source, f"{what}: finite numbers expected; some are missing or infinite")
    return numbers


def _problem(source: str, said: str) -> ModelError:
    return ModelError([Problem("data", said)], source)
