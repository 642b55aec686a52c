"""Weights as arrays, by name and by layer: out of an experiment or a run, and into an experiment.

>>> import bpsheet as bp
>>> weights = bp.load("two-neuron").run(2).weights_at(1)
>>> list(weights), weights["W1"].tolist(), weights.layer(1)["b"].tolist()
(['W1', 'b1', 'W2', 'b2'], [[0.6, -0.1]], [0.3])
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.columns.model import Model
from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.program.program import Program
from bpsheet.runs.run import Run
from bpsheet.tables.origin import Origin
from bpsheet.tables.plain import AnyWhole, plain, whole_number
from bpsheet.words import nearest, shown

__all__ = [
    "Weights",
    "after_each",
    "after_last",
    "changes_of",
    "final_weights",
    "first_weights",
    "model_arrays",
    "part_of",
    "root_of",
    "used_twice",
    "weights_at",
]

Numbers = npt.NDArray[np.float64]
# An array of more than two axes, written flat: pe (1, 5, 4)
FLAT = re.compile(r"(?P<name>.*) \((?P<shape>[0-9]+(, [0-9]+)+)\)", re.DOTALL)
# A part of an array of a model: weight[0:4, :].T
PART = re.compile(r"(?P<name>.*?)(?:\[(?P<part>[0-9:, ]+)\](?P<turned>\.T)?)?", re.DOTALL)


class Weights(Mapping[str, Numbers]):
    """All weights of an experiment at one time, as arrays by their names.

    A weight matrix has a row for each neuron and a column for each input. `.layer(1)` has the
    arrays of layer 1 by their names in the layer, `{"W": …, "b": …}`. As a mapping it can be
    given to `numpy.savez(path, **weights)` and to `experiment.with_weights`.
    """

    def __init__(
        self, arrays: Mapping[str, Numbers], by_layer: Sequence[Mapping[str, str]], name: str
    ) -> None:
        self._arrays = dict(arrays)
        self._by_layer = by_layer
        self._name = name

    def __getitem__(self, name: str) -> Numbers:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self._arrays.items())
        return f"<Weights of {self._name}: {shapes}>"

    def layer(self, number: AnyWhole) -> dict[str, Numbers]:
        """The arrays of a layer, counted from 1, by their names in the layer.

        Raises ExperimentError for a layer that is not there; formulas have none.
        """
        number = whole_number(number, "layer", self._name)
        if not 1 <= number <= len(self._by_layer):
            has = f"a layer from 1 to {len(self._by_layer)} expected; got {shown(number)}"
            said = has if self._by_layer else "formulas have no layers; take the arrays by name"
            raise ExperimentError([Problem("layer", said)], self._name)
        return {own: self._arrays[name] for own, name in self._by_layer[number - 1].items()}

    @property
    def layers(self) -> list[dict[str, Numbers]]:
        """The arrays of each layer."""
        return [self.layer(number + 1) for number in range(len(self._by_layer))]


def _of(plan: Plan, values: Mapping[str, float]) -> Weights:
    model = plan.model
    arrays = {
        name: np.vectorize(values.__getitem__, otypes=[float])(names)
        for name, names in model.weight_arrays.items()
        if names.size
    }
    return Weights(arrays, model.weights_by_layer, plan.name)


def first_weights(plan: Plan) -> Weights:
    """The weights that a run of the plan begins with: those given, and those drawn."""
    return _of(plan, plan.model.first_values)


def weights_at(run: Run, iteration: AnyWhole) -> Weights:
    """The weights that an iteration uses. Raises ExperimentError where it was not recorded."""
    row = run.row_of(iteration)
    values = dict(zip(run.program.names, run.values[row].tolist(), strict=True))
    carried = run.experiment.model.carried
    if carried and int(run.recording.iterations[row]) > 1:
        before = run.row_of(int(run.recording.iterations[row]) - 1)
        last = dict(zip(run.program.names, run.values[before].tolist(), strict=True))
        values |= {first: last[name] for first, name in carried.items() if name in last}
    return _of(run.experiment, values)


def after_each(model: Model, program: Program, values: Numbers) -> Numbers:
    """The weights after the update of each of these rows of a run, a column for each weight."""
    after = np.empty((len(values), len(model.weights)))
    for index, name in enumerate(model.weights):
        # Running statistics go on where they ended.
        running = program.position.get(model.carried.get(name, ""))
        if running is not None:
            after[:, index] = values[:, running]
            continue
        after[:, index] = values[:, program.position[name]]
        if (adjustment := program.adjustment_of(name)) is not None:
            after[:, index] += values[:, program.position[adjustment]]
    return after


def after_last(run: Run) -> dict[str, float]:
    """Each weight's value after the update of the last iteration, by its name."""
    model = run.experiment.model
    (last,) = after_each(model, run.program, run.values[-1:]).tolist()
    return dict(zip(model.weights, last, strict=True))


def final_weights(run: Run) -> Weights:
    """The weights that the last iteration leaves."""
    return _of(run.experiment, after_last(run))


def changes_of(plan: Plan, weights: Mapping[Any, Any]) -> dict[str, float]:
    """New first values by the names of the weights, from arrays.

    `weights` has arrays by name (`W1`, `b1` …), by layer (`{1: {"W": …}}`), or by the names that
    the model has from which the experiment was imported. Raises ExperimentError with every name that
    is not known and every shape that does not fit.
    """
    if not hasattr(weights, "items"):
        said = f'arrays by their names expected, such as {{"W1": …}}; got {shown(weights)}'
        raise ExperimentError([Problem("weights", said)], plan.name)
    model, problems = plan.model, list[Problem]()
    by_layer = model.weights_by_layer
    own = {
        f"{number}.{name}": whole
        for number, layer in enumerate(by_layer, start=1)
        for name, whole in layer.items()
    } or {name: name for name in model.weight_arrays}
    given: dict[str, Any] = {}
    for key, value in weights.items():
        if isinstance(value, Mapping):
            given |= {f"{key}.{name}": array for name, array in value.items()}
        else:
            given[str(key)] = value
    theirs = _theirs(plan.origin, given)
    changes: dict[str, float] = {}
    for key, value in theirs.items():
        name = own.get(key, key)
        if name in model.weight_arrays:
            names = model.weight_arrays[name]
        elif name in model.weights:
            names = np.array(name, object)
        else:
            known = [*model.weight_arrays, *(plan.origin.names.values() if plan.origin else ())]
            problems.append(Problem(key, f"unknown weights; {nearest(name, known)}"))
            continue
        numbers = np.asarray(plain(value), float)
        if numbers.shape != names.shape:
            said = f"an array of the shape {names.shape} expected; got {numbers.shape}"
            problems.append(Problem(key, said))
            continue
        changes |= dict(zip(names.ravel().tolist(), numbers.ravel().tolist(), strict=True))
    if problems:
        raise ExperimentError(problems, plan.name)
    return changes


def _theirs(origin: Origin | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays by our names, where they have those of the model that the experiment came from."""
    names = {} if origin is None else origin.names
    roots = {root_of(name) for name in names.values()}
    found = {key: value for key, value in given.items() if key not in roots}
    for own, name in names.items():
        if root_of(name) in given:
            found[own] = part_of(name, plain(given[root_of(name)]))
    others = set() if origin is None else {FLAT.sub(r"\g<name>", key) for key in origin.others}
    return {key: value for key, value in found.items() if key not in others}


def root_of(name: str) -> str:
    """The name of the whole array of which a parameter is a part."""
    return _split(name)[0]


def part_of(name: str, whole: Any) -> Numbers:
    """The part of an array that a parameter is, by its name in the model."""
    _, part, is_turned = _split(name)
    piece = np.asarray(whole, float)[() if part is None else part]
    return piece.T if is_turned else piece


def used_twice(names: Iterable[str]) -> list[str]:
    """The arrays of a model of which some part is more than one parameter, by the parameters' names there.

    >>> used_twice(["a[0:2]", "a[2:4]", "b", "c", "b[:].T"])
    ['b']
    """
    parts: dict[str, list[Any]] = {}
    for name in names:
        root, part, _ = _split(name)
        parts.setdefault(root, []).append(None if part == (slice(None),) else part)
    return [
        root
        for root, found in parts.items()
        if len(found) > 1 and (None in found or any(found.count(one) > 1 for one in found))
    ]


def _split(name: str) -> tuple[str, Any, bool]:
    """The name of a whole array, the part of it as an index (None for all), and whether it is turned."""
    found = PART.fullmatch(name)
    assert found is not None
    if found["part"] is None:
        return found["name"], None, False
    index = tuple(
        slice(*(int(end) if end else None for end in place.split(":")))
        if ":" in place
        else int(place)
        for place in found["part"].split(", ")
    )
    return found["name"], index, bool(found["turned"])


def model_arrays(plan: Plan, weights: Weights, updates: int = 0) -> dict[str, Numbers]:
    """The arrays of the model from which an experiment was imported, by the names that they have there.

    `updates` are added to the counts of batches that PyTorch's normalisation keeps.
    Raises ExperimentError for an experiment that was not imported.
    """
    origin = plan.origin
    if origin is None:
        said = "the names of a model's arrays are known where the experiment was imported from one"
        raise ExperimentError([Problem("origin", said)], plan.name)
    pieces: dict[str, list[tuple[Any, Numbers]]] = {}
    for own, name in origin.names.items():
        number, _, key = own.partition(".")
        array = weights.layer(int(number))[key] if key else weights[own]
        root, part, is_turned = _split(name)
        pieces.setdefault(root, []).append((part, array.T if is_turned else array))
    arrays = {root: _whole(parts) for root, parts in pieces.items()}
    for key, value in origin.others.items():
        flat = FLAT.fullmatch(key)
        name = key if flat is None else flat["name"]
        shape = np.shape(value) if flat is None else tuple(map(int, flat["shape"].split(", ")))
        is_count = name.endswith("num_batches_tracked")
        arrays[name] = np.reshape(np.asarray(value, float), shape) + (updates if is_count else 0)
    return arrays


def _whole(parts: Sequence[tuple[Any, Numbers]]) -> Numbers:
    """An array from its parts."""
    if parts[0][0] is None:
        return parts[0][1]
    sizes: list[int] = []
    for part, array in parts:
        lengths = iter(array.shape)
        ends = []
        for place in part:
            if isinstance(place, slice):
                length = next(lengths)
                ends.append(place.stop if place.stop is not None else length)
            else:
                ends.append(place + 1)
        ends += list(lengths)
        sizes = [max(pair) for pair in zip(sizes or ends, ends, strict=True)]
    whole = np.zeros(sizes)
    for part, array in parts:
        whole[part] = array
    return whole
