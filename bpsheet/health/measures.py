"""The measures of a diagnosis: lengths of gradients and steps, flat neurons, loss by epochs.

They need only a run's values and its program. A layer's weights form a group; so do the
parameters of formulas without layers. In batches only the rows that adjust the weights count,
with the gradient of the whole batch. Rows that overflowed are NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bpsheet.health.flat import Flat, flat_parts
from bpsheet.program.column import Column
from bpsheet.program.groups import Group, groups_of, label_of
from bpsheet.program.kinds import Role
from bpsheet.program.program import Program
from bpsheet.runs.epochs import epoch_means

__all__ = ["Measures", "Neuron", "Numbers", "known", "less_rate", "middle"]

Numbers = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

# The most numbers that are copied at a time.
BLOCK = 1 << 18
# The number of last epochs in which a swing to and fro is looked for.
SWINGS = 200


@dataclass(frozen=True)
class Neuron:
    """The shares of rows in which a neuron's activation was flat (rows count from 0).

    saturated:  share of all rows
    at_first:   share of the rows up to the first update
    at_last:    share of the last rows, on the side (low or high) with the larger share
    dead_since: the row from which the activation was perfectly flat (as relu is) up to the end;
                None for a neuron that is not dead
    """

    name: str
    group: int
    is_output: bool
    saturated: float
    at_first: float
    at_last: float
    dead_since: int | None


def known(values: Numbers) -> Numbers:
    """The values that are finite numbers."""
    return values[np.isfinite(values)]


def middle(values: Numbers) -> float:
    """The median of the finite numbers, or NaN."""
    ordered = np.sort(known(values))
    if not len(ordered):
        return float("nan")
    # NumPy's own median loads its masked arrays, which takes longer than all medians of a run.
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


class Measures:
    """Arrays over the updates of a run. `uphill` says that the loss is maximised."""

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
        """Each group's length of the adjustment, divided by the length of the weights."""
        pairs = zip(self.adjustments, self.weights, strict=True)
        return [_ratio(adjustment, weight) for adjustment, weight in pairs]

    @property
    def is_trained(self) -> bool:
        """Whether the program adjusts any weight."""
        return any(group.adjustments for group in self.groups)

    @property
    def loss(self) -> str:
        """The loss's name."""
        loss = self.program.loss
        return "" if loss is None else loss.name

    def parameter(self, name: str) -> float | None:
        """A hyper-parameter's value, or None."""
        for parameter in self.program.parameters:
            if parameter.name == name and not isinstance(parameter.value, str):
                return parameter.value
        return None

    def _lengths(self, columns: Sequence[int], rows: Indices | None = None) -> Numbers:
        """The Euclidean length over some columns, in each row; NaN for a row with an error."""
        rows = self.updates if rows is None else rows
        lengths = np.zeros(len(rows)) if columns else np.full(len(rows), np.nan)
        size = max(BLOCK // max(len(columns), 1), 1)
        chosen = np.array(columns, dtype=np.intp)
        for start in range(0, len(rows) if columns else 0, size):
            block = self.values[rows[start : start + size, None], chosen]
            # The numbers are scaled, since the square of a large number overflows before it does.
            largest = np.abs(block).max(axis=1)
            scale = np.where(largest > 0, largest, 1.0)
            block /= scale[:, None]
            with np.errstate(over="ignore"):
                length = scale * np.sqrt(np.einsum("ij,ij->i", block, block))
            lengths[start : start + size] = np.where(largest == 0, 0.0, length)
        lengths[~np.isfinite(lengths)] = np.nan
        return lengths

    def _gradient(self, group: Group) -> Numbers:
        """The length of the gradient of each update: in batches of the sum or mean over the batch."""
        lengths = self._lengths(group.gradients)
        row = _index_of(self.program, Role.BATCH_ROW)
        is_mean = any(
            parameter.name == "reduction" and parameter.value == "mean"
            for parameter in self.program.parameters
        )
        if row is not None and is_mean:
            lengths /= self.values[self.updates, row]
        return lengths

    @cached_property
    def cost(self) -> Numbers:
        """The mean loss of each whole epoch, negated for a loss that is maximised.

        (The loss of single rows jumps from example to example.) Empty without a loss.
        """
        loss = self.program.loss
        if loss is None:
            return np.empty(0)
        means = epoch_means(self.values[:, self.program.position[loss.name]], self.epoch)
        return -means if self.uphill else means

    @cached_property
    def turns(self) -> list[tuple[Numbers, Numbers]]:
        """The moves of each group's weights in the last epochs: lengths, and cosines.

        A cosine is that of the angle between the moves of two successive epochs. Whole epochs
        count, since each example pulls in another direction.
        """
        ends = np.arange(0, len(self.values), self.epoch)[-SWINGS - 1 :]
        turns = []
        for group in self.groups:
            moves = np.diff(self.values[ends[:, None], list(group.weights)], axis=0)
            with np.errstate(all="ignore"):
                length = np.sqrt(np.einsum("ij,ij->i", moves, moves))
                along = np.einsum("ij,ij->i", moves[1:], moves[:-1])
                turns.append((length, along / (length[1:] * length[:-1])))
        return turns

    @cached_property
    def neurons(self) -> list[Neuron]:
        """The neurons whose activation has a flat part."""
        outputs = [c for c in self.program if c.role is Role.OUTPUT and c.slope_name]
        last = max((c.layer or 0 for c in self.program if c.role is Role.OUTPUT), default=0)
        parts: dict[int | None, Flat] = {}
        neurons = []
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
                neurons.append(
                    self._neuron(output, group, sums, flat, is_output=output.layer == last)
                )
        return neurons

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
        # The window is an epoch, or ten rows for shorter epochs: one example says nothing.
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
            # Only one side counts: a neuron that is flat on both sides in turn is a clear yes or no.
            at_last=float(ends.mean(axis=1).max()) if until else 0.0,
            dead_since=dead,
        )


def _ratio(upper: Numbers, lower: Numbers) -> Numbers:
    """The ratios of two arrays, NaN where the lower number is 0."""
    ratios = np.full(len(upper), np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        np.divide(upper, lower, out=ratios, where=lower > 0)
    ratios[~np.isfinite(ratios)] = np.nan
    return ratios


def _index_of(program: Program, role: Role) -> int | None:
    return next((index for index, column in enumerate(program) if column.role is role), None)


def _updates(program: Program, values: Numbers) -> Indices:
    """The rows that adjust the weights."""
    end = _index_of(program, Role.BATCH_END)
    if end is None:
        return np.arange(len(values))
    # The end of a batch is given, so it cannot overflow.
    return np.flatnonzero(values[:, end] == 1)


def less_rate(measures: Measures) -> str:
    """The advice for steps that are too large."""
    rate = measures.parameter("learning_rate")
    if rate is None or rate <= 0:
        return "a smaller learning rate"
    return f"a smaller learning rate: {rate / 10:g} instead of {rate:g}"
