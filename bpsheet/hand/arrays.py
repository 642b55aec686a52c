"""Arrays of a program, by layer: W1, b1, Z1, A1, dZ1, dW1, db1, and so on, as places of a run.

A program has a row, or a column, for each example, and weights with the neurons along one side or
the other. The shapes decide. Where both fit, the numbers decide, and what was read is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.columns.model import NetworkModel
from bpsheet.errors import HandError
from bpsheet.hand.batches import BATCH_LOSS, batch_gradient
from bpsheet.hand.judge import Basis
from bpsheet.hand.student import Place
from bpsheet.program.kinds import BATCH_END
from bpsheet.runs.run import Run
from bpsheet.tables.plain import plain
from bpsheet.words import counted, nearest, shown, strangers

__all__ = ["Entries", "Numbers", "are_arrays", "batch_of", "from_arrays", "gradients_of"]

# A number and the name of its type; NaN stays NaN.
Numbers = dict[Place, tuple[float, str]]
Grid = list[list[Place]]

NAMES = re.compile(
    r"(?P<d>d|d_|grad_|delta_)?(?P<what>[A-Za-z]+?)_?(?P<layer>[0-9]+)(?P<new>_?new|')?", re.ASCII
)
# What people call the quantities of a layer.
WEIGHTS, BIASES = ("w", "weight", "weights"), ("b", "bias", "biases")
SUMS, OUTPUTS = ("z", "s", "net"), ("a", "h", "y", "o", "out")
ERRORS = ("delta", "error", "err")
LOSSES = ("loss", "l", "cost", "j", "c", "e", "error")
INPUTS, TARGETS = ("x", "a0", "inputs"), ("y", "t", "targets")
RESULTS = ("yhat", "y_hat", "p", "output", "outputs", "a")
# What is offered in the place of an unknown name.
KNOWN = ("W1", "b1", "Z1", "A1", "dZ1", "dW1", "db1", "loss")


def are_arrays(hand: object) -> bool:
    """Whether hand values are a mapping with at least one array of several numbers."""
    return (
        isinstance(hand, Mapping)
        and all(isinstance(name, str) for name in hand)
        and any(
            getattr(value, "ndim", 0) or (isinstance(value, list) and value)
            for value in hand.values()
        )
    )


def gradients_of(arrays: Mapping[Any, Any]) -> dict[str, Any]:
    """The gradients among arrays. Where none is called a gradient, W1 and b1 are meant as such."""
    found = {}
    for name, value in arrays.items():
        match = NAMES.fullmatch(str(name))
        if match and not match["new"] and match["what"].lower() in (*WEIGHTS, *BIASES):
            found[str(name), bool(match["d"])] = value
    are_named = any(is_slope for _, is_slope in found)
    return {
        name if is_slope else f"d{name}": value
        for (name, is_slope), value in found.items()
        if is_slope or not are_named
    }


@dataclass
class Entries:
    """What arrays hold: the numbers by place, each place's name in the arrays, and remarks."""

    numbers: Numbers = field(default_factory=dict)
    labels: dict[Place, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def from_arrays(trace: Run, whole: Basis, arrays: Mapping[Any, Any], iteration: int) -> Entries:
    """The numbers in arrays, for the batch that an iteration belongs to.

    `whole` is the run with the columns that only a comparison has.
    Raises HandError where nothing can be found, or an array has a shape that does not fit.
    """
    if not isinstance(trace.experiment.model, NetworkModel):
        raise HandError(["arrays are by layer, and formulas have none; give values by their names"])
    return _Reader(trace, whole, iteration).read(arrays)


class _Reader:
    def __init__(self, trace: Run, whole: Basis, iteration: int) -> None:
        model = trace.experiment.model
        assert isinstance(model, NetworkModel)
        self.model = model
        self.whole = whole
        self.program = whole.program
        self.rows = batch_of(trace, iteration)
        self.after = self.rows[-1] + 1
        self.found = Entries()
        self.waiting: list[_Array] = []

    def read(self, arrays: Mapping[Any, Any]) -> Entries:
        names = {str(name): np.asarray(plain(value)) for name, value in arrays.items()}
        kinds = {str(name): _kind(value) for name, value in arrays.items()}
        numbers = [int(m["layer"]) for name in names if (m := NAMES.fullmatch(name))]
        weights = [
            int(m["layer"])
            for name in names
            if (m := NAMES.fullmatch(name)) and m["what"].lower() in (*WEIGHTS, *BIASES)
        ]
        # Who counts layers from 0 has W0, and no W of the last layer's number.
        first = 0 if 0 in weights and max(numbers) < len(self.model.layers) else 1
        unknown = []
        for name, values in names.items():
            grid = self._grid(name, first)
            if grid is None:
                unknown.append(name)
            else:
                self._note(name, values, kinds[name], grid)
        self._take_all()
        if not self.found.numbers:
            raise HandError(
                [f"unknown array {shown(name)}; {nearest(name, KNOWN)}" for name in unknown]
                or ["there are no hand values"]
            )
        if unknown:
            told = strangers(unknown, KNOWN)
            said = f"not compared, since no array of the run has such a name: {told}"
            self.found.notes.append(said)
        return self.found

    def _grid(self, name: str, first: int) -> Grid | None:
        """The places that an array's name means: a row for each example, or for each neuron."""
        if name in self.program.position:
            return [[(row, name)] for row in self.rows]
        plain_name = name.lower().replace("_", "")
        last = self.model.layers[-1]
        if plain_name in LOSSES and self.model.loss is not None:
            return [[(row, self.model.loss)] for row in self.rows]
        if plain_name in INPUTS:
            return self._each(self.model.inputs)
        if plain_name in TARGETS:
            return self._each(self.model.targets)
        if plain_name in RESULTS:
            return self._each(last.outputs)
        found = NAMES.fullmatch(name)
        if found is None or not 0 <= int(found["layer"]) - first < len(self.model.layers):
            return None
        layer = self.model.layers[int(found["layer"]) - first]
        return self._of_layer(found, layer)

    def _of_layer(self, found: re.Match[str], layer: Any) -> Grid | None:
        what, is_slope, is_new = found["what"].lower(), bool(found["d"]), bool(found["new"])
        if what in WEIGHTS or what in BIASES:
            names = layer.weights if what in WEIGHTS else [[name] for name in layer.biases]
            if is_slope:
                return [[self._slope(name) for name in row] for row in names]
            row = self.after if is_new else self.rows[0]
            return [[(row, name) for name in each] for each in names]
        if what in ERRORS or (is_slope and what in SUMS) or (found["d"] == "delta_"):
            return self._each(self._derivatives(layer.sums))
        if is_slope and what in OUTPUTS:
            return self._each(self._derivatives(layer.outputs))
        if what in SUMS:
            return self._each(layer.sums)
        return self._each(layer.outputs) if what in OUTPUTS else None

    def _each(self, names: Sequence[str] | None) -> Grid | None:
        return None if not names else [[(row, name) for name in names] for row in self.rows]

    def _derivatives(self, names: Sequence[str]) -> list[str] | None:
        found = [self.program.derivative_of(name) for name in names]
        return None if None in found else [str(name) for name in found]

    def _slope(self, weight: str) -> Place:
        """The place of a weight's gradient: in batches that of the whole batch."""
        gradient = self.program.derivative_of(weight)
        whole = batch_gradient(str(gradient))
        return self.rows[-1], whole if whole in self.program.position else str(gradient)

    def _note(self, name: str, values: npt.NDArray[Any], kind: str, grid: Grid) -> None:
        """Note an array with the orientations that its shape allows."""
        if values.dtype.kind not in "fiub":
            raise HandError([f"{name}: numbers expected"])
        if values.size == 1 and len(grid) > 1 and len(grid[0]) == 1 and self._is_loss(grid):
            grid = [[(self.rows[-1], BATCH_LOSS)]]
        shape = (len(grid), len(grid[0]))
        orders = _orders(grid, values)
        if not orders:
            fits = f"{shape} or {shape[::-1]}" if min(shape) > 1 else f"{max(shape)} numbers"
            raise HandError([f"{name}: a shape of {fits} expected; got {values.shape}"])
        self.waiting.append(_Array(name, values, kind, orders, min(shape) > 1))

    def _take_all(self) -> None:
        """Take all arrays. A square one is turned as the others of its kind are."""
        for of_weights in (True, False):
            arrays = [one for one in self.waiting if self._is_of_weights(one) is of_weights]
            votes = sum(self._vote(one) for one in arrays if one.is_matrix)
            taken = [(one, one.order(is_turned=votes > 0)) for one in arrays]
            moved = {} if of_weights else self._other_order(taken)
            for one, order in taken:
                self._take(one, [(moved.get(row, row), name) for row, name in order])

    def _other_order(self, arrays: Sequence[tuple[_Array, list[Place]]]) -> dict[int, int]:
        """The row that each example of the arrays is, if they stand in another order; else nothing.

        The first array whose rows are, one for one, those of the run tells the order.
        """
        for one, order in arrays:
            values = dict(zip(order, one.values.ravel().tolist(), strict=True))
            names = list(dict.fromkeys(name for _, name in order))
            if {row for row, _ in order} != set(self.rows):
                continue
            theirs = np.array([[values[row, name] for name in names] for row in self.rows])
            position = [self.program.position[name] for name in names]
            ours = self.whole.values[np.ix_([row - 1 for row in self.rows], position)]
            alike = np.isclose(theirs[:, None], ours[None], rtol=1e-3).all(axis=2)
            if alike.diagonal().all():
                return {}
            if (alike.sum(axis=0) == 1).all() and (alike.sum(axis=1) == 1).all():
                places = alike.argmax(axis=1).tolist()
                shown = ", ".join(str(place + 1) for place in places[:10])
                more = ", …" if len(places) > 10 else ""
                self.found.notes.append(
                    f"the examples stand in another order, as {one.name} shows: {shown}{more}"
                )
                return {row: self.rows[place] for row, place in zip(self.rows, places, strict=True)}
        return {}

    def _is_of_weights(self, one: _Array) -> bool:
        """Whether an array has a row for each neuron, and not one for each example."""
        return len({row for order in one.orders.values() for row, _ in order}) == 1

    def _vote(self, one: _Array) -> float:
        """How much an array's shape, or its numbers, speak for its being turned."""
        if len(one.orders) == 1:
            return len(one.values.ravel()) if True in one.orders else -len(one.values.ravel())
        return self._agreement(one, is_turned=True) - self._agreement(one, is_turned=False)

    def _take(self, one: _Array, order: list[Place]) -> None:
        if one.is_matrix and one.is_turned:
            self.found.notes.append(f"{one.name} is read transposed: its rows are our columns")
        for index, place in zip(np.ndindex(one.values.shape), order, strict=True):
            self.found.numbers[place] = float(one.values[index]), one.kind
            at = f"[{', '.join(map(str, index))}]" if index else ""
            self.found.labels[place] = f"{one.name}{at}"

    def _is_loss(self, grid: Grid) -> bool:
        return grid[0][0][1] == self.model.loss and BATCH_LOSS in self.program.position

    def _agreement(self, one: _Array, *, is_turned: bool) -> float:
        """How many numbers are as in the run, about."""
        position, known = self.program.position, self.whole.values
        exact = np.array(
            [
                known[row - 1, position[name]] if row <= len(known) else np.nan
                for row, name in one.orders[is_turned]
            ]
        )
        return float(np.isclose(one.values.ravel().astype(float), exact, rtol=1e-3).sum())


@dataclass
class _Array:
    """An array, and the places of its numbers: as they are, or (True) with rows for columns."""

    name: str
    values: npt.NDArray[Any]
    kind: str
    orders: dict[bool, list[Place]]
    is_matrix: bool
    is_turned: bool = False

    def order(self, *, is_turned: bool) -> list[Place]:
        """The places in an orientation, or in the only one that there is."""
        self.is_turned = is_turned if is_turned in self.orders else not is_turned
        return self.orders[self.is_turned]


def _orders(grid: Grid, values: npt.NDArray[Any]) -> dict[bool, list[Place]]:
    """The places of an array's numbers in each orientation that its shape allows."""
    found: dict[bool, list[Place]] = {}
    flat = [place for row in grid for place in row]
    shape = (len(grid), len(grid[0]))
    if values.size != len(flat):
        return {}
    if values.shape == shape or (min(shape) == 1 and values.shape in ((len(flat),), ())):
        found[False] = flat
    if values.shape == shape[::-1]:
        found[True] = [place for row in zip(*grid, strict=True) for place in row]
    return found


def batch_of(trace: Run, iteration: int) -> list[int]:
    """The iterations of the batch that an iteration belongs to; itself without batches."""
    end = trace.program.position.get(BATCH_END)
    if end is None:
        return [iteration]
    ends = trace.values[:, end]
    first = last = iteration
    while first > 1 and not ends[first - 2]:
        first -= 1
    while last < len(ends) and not ends[last - 1]:
        last += 1
    if not ends[last - 1]:
        raise HandError(
            [
                f"the batch of iteration {iteration} goes beyond the run's {counted(len(ends), 'iteration')}"
            ]
        )
    return list(range(first, last + 1))


def _kind(value: object) -> str:
    return str(getattr(value, "dtype", "float64")).rpartition(".")[2]
