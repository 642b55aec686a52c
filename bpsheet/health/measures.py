"""What a diagnosis rests on: lengths of gradients and steps, flat neurons, the loss by epochs.

Read from a trace's array and its program alone. A layer's weights form a group; the
parameters of formulas without layers form one. In batches only the rows on which weights
are adjusted count, with the gradient of the whole batch. Rows that overflowed are NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bpsheet.health.flat import Flat, flat_parts
from bpsheet.program.groups import Group, groups_of, label_of
from bpsheet.program.kinds import Role
from bpsheet.program.program import Column, Program
from bpsheet.runs.epochs import epoch_means

__all__ = ["Measures", "Neuron", "Numbers", "known", "less_rate", "middle"]

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# So many numbers are copied at a time.
BLOCK = 1 << 18
# The updates, at the end of a run, in which a swing to and fro is looked for.
SWINGS = 200


@dataclass(frozen=True)
class Neuron:
    """How often a neuron stood on a flat part of its activation (rows count from 0).

    saturated:  share of all rows
    at_first:   share of the rows up to the first update
    at_last:    share of the last rows, on that side where it is larger
    dead_since: the row from which its output no longer depended on its weighted sum, to the
                end, where its activation is perfectly flat (as relu is); None where it did
    """

    name: str
    group: int
    is_output: bool
    saturated: float
    at_first: float
    at_last: float
    dead_since: int | None


def known(values: Numbers) -> Numbers:
    """The values that are numbers."""
    return values[np.isfinite(values)]


def middle(values: Numbers) -> float:
    """The median of those that are numbers; NaN without any."""
    finite = known(values)
    return float(np.median(finite)) if len(finite) else float("nan")


class Measures:
    """Arrays over the updates of a run. `uphill` says that the loss is to be maximised."""

    def __init__(self, program: Program, values: Numbers, *, uphill: bool) -> None:
        self.program = program
        self.values = values
        self.uphill = uphill
        self.groups = groups_of(program)
        self.epoch = max(program.example_count, 1)
        self.updates = _updates(program, values)
        self.weights = [self._lengths(group.weights) for group in self.groups]
        self.gradients = [self._gradient(group) for group in self.groups]
        self.adjustments = [self._lengths(group.adjustments) for group in self.groups]

    @cached_property
    def steps(self) -> list[Numbers]:
        """Each group's adjustment relative to its weights."""
        pairs = zip(self.adjustments, self.weights, strict=True)
        return [_ratio(adjustment, weight) for adjustment, weight in pairs]

    @property
    def is_trained(self) -> bool:
        """Whether anything is ever adjusted."""
        return any(group.adjustments for group in self.groups)

    @property
    def loss(self) -> str:
        """The loss's name."""
        loss = self.program.loss
        return "" if loss is None else loss.name

    def parameter(self, name: str) -> float | None:
        """A hyper-parameter's value; None where the program has none of that name."""
        for parameter in self.program.parameters:
            if parameter.name == name and not isinstance(parameter.value, str):
                return parameter.value
        return None

    def _lengths(self, places: Sequence[int], rows: Places | None = None) -> Numbers:
        """The Euclidean length over some columns, in each row; NaN where one is an error."""
        rows = self.updates if rows is None else rows
        found = np.zeros(len(rows)) if places else np.full(len(rows), np.nan)
        size = max(BLOCK // max(len(places), 1), 1)
        chosen = np.array(places, dtype=np.intp)
        for start in range(0, len(rows) if places else 0, size):
            block = self.values[rows[start : start + size, None], chosen]
            # Squares of numbers on their way to an overflow would overflow long before them.
            largest = np.abs(block).max(axis=1)
            scale = np.where(largest > 0, largest, 1.0)
            block /= scale[:, None]
            with np.errstate(over="ignore"):
                length = scale * np.sqrt(np.einsum("ij,ij->i", block, block))
            found[start : start + size] = np.where(largest == 0, 0.0, length)
        found[~np.isfinite(found)] = np.nan
        return found

    def _gradient(self, group: Group) -> Numbers:
        """The gradient that an update goes by: in batches the sum, or the mean, of its rows'."""
        found = self._lengths(group.gradients)
        row = _place(self.program, Role.BATCH_ROW)
        is_mean = any(
            parameter.name == "reduction" and parameter.value == "mean"
            for parameter in self.program.parameters
        )
        if row is not None and is_mean:
            found /= self.values[self.updates, row]
        return found

    @cached_property
    def cost(self) -> Numbers:
        """The mean loss of each whole epoch, turned round where it is to be maximised.

        Of single rows the loss jumps from example to example. Empty without a loss.
        """
        loss = self.program.loss
        if loss is None:
            return np.empty(0)
        means = epoch_means(self.values[:, self.program.position[loss.name]], self.epoch)
        return -means if self.uphill else means

    @cached_property
    def turns(self) -> list[tuple[Numbers, Numbers]]:
        """For each group the way it went in each of the last epochs: its length, and the
        cosine between it and the way before. A whole epoch, because single examples pull
        in directions of their own.
        """
        ends = np.arange(0, len(self.values), self.epoch)[-SWINGS - 1 :]
        found = []
        for group in self.groups:
            ways = np.diff(self.values[ends[:, None], list(group.weights)], axis=0)
            with np.errstate(all="ignore"):
                length = np.sqrt(np.einsum("ij,ij->i", ways, ways))
                along = np.einsum("ij,ij->i", ways[1:], ways[:-1])
                found.append((length, along / (length[1:] * length[:-1])))
        return found

    @cached_property
    def neurons(self) -> list[Neuron]:
        """Every neuron whose activation has a flat part."""
        outputs = [c for c in self.program if c.role is Role.OUTPUT and c.slope_name]
        last = max((c.layer or 0 for c in self.program if c.role is Role.OUTPUT), default=0)
        parts: dict[int | None, Flat] = {}
        found = []
        for output in outputs:
            if output.slope_name not in self.program.position or not output.partials:
                continue
            z = next(iter(output.partials))
            if output.layer not in parts:
                parts[output.layer] = flat_parts(
                    output, self.program[str(output.slope_name)], self.program[z]
                )
            flat = parts[output.layer]
            group = self._group_of(output)
            if flat.is_somewhere and group is not None:
                sums = self.values[:, self.program.position[z]]
                found.append(
                    self._neuron(output, group, sums, flat, is_output=output.layer == last)
                )
        return found

    def _group_of(self, column: Column) -> int | None:
        for index, group in enumerate(self.groups):
            if column.neuron in group.neurons and group.label == label_of(column):
                return index
        return None

    def _neuron(
        self, output: Column, group: int, sums: Numbers, flat: Flat, *, is_output: bool
    ) -> Neuron:
        left, right = sums <= flat.low, sums >= flat.high
        ok = np.isfinite(sums)
        until = len(ok) if ok.all() else int(np.argmin(ok))
        on_flat = (left | right)[:until]
        # An epoch, or ten rows where epochs are shorter: one example says nothing.
        window = max(self.epoch, 10)
        dead = None
        if flat.is_dead_below or flat.is_dead_above:
            stuck = np.zeros(until, dtype=bool)
            stuck |= left[:until] if flat.is_dead_below else False
            stuck |= right[:until] if flat.is_dead_above else False
            moving = np.flatnonzero(~stuck)
            since = int(moving[-1]) + 1 if len(moving) else 0
            dead = since if until - since >= max(2 * self.epoch, 10) else None
        ends = np.array(
            [left[max(until - window, 0) : until], right[max(until - window, 0) : until]]
        )
        return Neuron(
            name=str(output.neuron),
            group=group,
            is_output=is_output,
            saturated=float(on_flat.mean()) if until else 0.0,
            at_first=float(on_flat[: self.updates[:1].sum() + 1].mean()) if until else 0.0,
            # On one and the same side: on both in turn, a neuron is a clear yes or no.
            at_last=float(ends.mean(axis=1).max()) if until else 0.0,
            dead_since=dead,
        )


def _ratio(upper: Numbers, lower: Numbers) -> Numbers:
    """NaN where the lower one is 0."""
    found = np.full(len(upper), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        np.divide(upper, lower, out=found, where=lower > 0)
    found[~np.isfinite(found)] = np.nan
    return found


def _place(program: Program, role: Role) -> int | None:
    return next((index for index, column in enumerate(program) if column.role is role), None)


def _updates(program: Program, values: Numbers) -> Places:
    """The rows on which weights are adjusted."""
    end = _place(program, Role.BATCH_END)
    if end is None:
        return np.arange(len(values))
    # What a row presents cannot overflow.
    return np.flatnonzero(values[:, end] == 1)


def less_rate(measures: Measures) -> str:
    """The advice against steps that are too large."""
    rate = measures.parameter("learning_rate")
    if rate is None or rate <= 0:
        return "a smaller learning rate"
    return f"a smaller learning rate: {rate / 10:g} in place of {rate:g}"
