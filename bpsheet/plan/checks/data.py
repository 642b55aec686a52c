"""Whether the data, the training and the tests fit the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from bpsheet.columns.model import model_of
from bpsheet.columns.rules import schedule_of
from bpsheet.errors import Problem
from bpsheet.plan.checks.shapes import ragged_rows
from bpsheet.tables.network import Network
from bpsheet.tables.training import Schedule
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.rules import RULES, SCHEDULES, SETTINGS
from bpsheet.words import among, listed, listing, nearest, numbers, shown

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = [
    "data_problems",
    "memory_problems",
    "test_problems",
    "trained_problems",
    "training_problems",
    "validation_problems",
]


def data_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of the examples, their columns and their order."""
    data, expected = experiment.data, experiment.data_names
    if not experiment.has_data:
        if data.model_fields_set:
            yield Problem("data", "the formulas have no inputs, so no data; leave it out")
        return
    if data.columns is not None and sorted(data.columns) != sorted(expected):
        yield Problem(
            "data.columns",
            f"every {_expected(experiment)} once expected "
            f"({listing(expected)}); "
            f"got {listing(data.columns)}",
        )
    if data.seed and data.order != "shuffled":
        yield Problem("data.seed", 'used with order = "shuffled" only; leave it out')
    if data.examples is None:
        is_there = "data" in experiment.model_fields_set
        said = "either examples or file expected" if is_there else "missing, and needed"
        yield Problem("data", said)
        return
    yield from ragged_rows("data.examples", data.examples, expected)
    yield from _ranges(experiment)
    if isinstance(data.order, list):
        for index, number in enumerate(data.order, start=1):
            if not 1 <= number <= len(data.examples):
                yield Problem(
                    f"data.order[{index}]",
                    f"an example's number from 1 to {len(data.examples)} expected; got {shown(number)}",
                )
                return


def _expected(experiment: Tables) -> str:
    if experiment.graph is not None:
        return "input"
    return "input and target" if experiment.data.weight is None else "input, target and weight"


def _ranges(experiment: Tables) -> Iterator[Problem]:
    """Problems with targets that the loss does not know, and with weights below 0."""
    network = experiment.network
    if network is None:
        return
    width = len(experiment.data_names)
    examples = experiment.data.examples or []
    if any(len(row) != width for row in examples):
        return
    rows = experiment.ordered_examples()
    if experiment.data.weight is not None:
        for index, row in enumerate(rows, start=1):
            if row[-1] < 0:
                said = (
                    f"a weight of at least 0 expected ({experiment.data.weight}); got {row[-1]:g}"
                )
                yield Problem(f"data.examples[{index}]", said)
                return
    yield from _target_problems(network, len(experiment.raw_inputs), "data.examples", rows)


def _target_problems(
    network: Network, before: int, place: str, rows: Sequence[Sequence[float]]
) -> Iterator[Problem]:
    """Problems with targets that the loss does not know; so many inputs stand before them."""
    loss = LOSSES.get(network.loss or "")
    if loss is None or (loss.fits and network.output_activation not in loss.fits):
        return
    count = len(network.target_entries)
    for index, row in enumerate(rows, start=1):
        targets = row[before : before + count]
        path = f"{place}[{index}]"
        if loss.targets and not set(loss.targets).issuperset(targets):
            known = " or ".join(f"{target:g}" for target in loss.targets)
            yield Problem(path, f"{network.loss} needs targets of {known}; got {numbers(targets)}")
            return
        if loss.fits and any(not 0 <= target <= 1 for target in targets):
            yield Problem(path, f"{network.loss} needs targets from 0 to 1; got {numbers(targets)}")
            return
        size = network.targets_together
        groups = [targets[first : first + size] for first in range(0, len(targets), max(1, size))]
        wrong = [group for group in groups if not math.isclose(sum(group), 1, abs_tol=1e-9)]
        if "softmax" in loss.fits and wrong:
            yield Problem(
                path, f"{network.loss} needs targets that add up to 1; got {numbers(wrong[0])}"
            )
            return


def training_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of the training's length, its rule and its batches."""
    training = experiment.training
    if training.iterations is not None and training.epochs is not None:
        yield Problem("training", "either iterations or epochs expected, not both")
    if (
        training.iterations is None
        and training.epochs is None
        and not isinstance(experiment.data.order, list)
        and experiment.is_trained
    ):
        yield Problem("training", "iterations or epochs expected: how long to train")
    if training.freeze is not None and training.only is not None:
        yield Problem("training", "either freeze or only expected, not both")
    if training.rule == "none":
        yield from _untrained(experiment)
        return
    yield from _rule(experiment)
    for table, key in (("data", "weight"), ("training", "l1"), ("training", "l2")):
        if experiment.graph is not None and getattr(getattr(experiment, table), key) is not None:
            yield Problem(
                f"{table}.{key}", "for a network; a graph has it in its formulas. Leave it out"
            )
    examples = experiment.example_count
    size = training.batch_size
    if isinstance(size, int) and examples and size > examples:
        yield Problem(
            "training.batch_size",
            f'at most {examples}, the number of examples, or "all", expected; got {shown(size)}',
        )


def _untrained(experiment: Tables) -> Iterator[Problem]:
    """Problems with what only a training uses, where the rule is none."""
    used = {"rule", "iterations", "epochs"}
    for key in experiment.training.model_fields_set - used:
        yield Problem(f"training.{key}", "the rule none trains nothing; leave it out")
    for path, table, keys in (
        ("network", experiment.network, ("targets", "loss", "output_error")),
        ("graph", experiment.graph, ("loss", "gradient_of")),
    ):
        for key in keys:
            if table is not None and getattr(table, key) and key in table.model_fields_set:
                yield Problem(f"{path}.{key}", "the rule none does not use it; leave it out")
    if experiment.test is not None:
        yield Problem("test", "the rule none has no targets to test; leave it out")


def _rule(experiment: Tables) -> Iterator[Problem]:
    """Problems with hyper-parameters that the rule does not use, or that it lacks."""
    training = experiment.training
    has_gradient = training.rule != "perceptron"
    for key in dict.fromkeys(key for other in RULES.values() for key in other.settings):
        users = [name for name, other in RULES.items() if key in other.settings]
        is_for_all = key == "weight_decay"
        if getattr(training, key) is not None and training.rule not in users and not is_for_all:
            yield Problem(f"training.{key}", f"used by {listed(users)} only; leave it out")
    for key in ("weight_decay", "clip_value", "clip_norm", "patience", "schedule"):
        if not has_gradient and getattr(training, key) is not None:
            yield Problem(
                f"training.{key}", f"the rule {training.rule} does not use it; leave it out"
            )
    yield from _memory(experiment)
    if training.clip_value is not None and training.clip_norm is not None:
        yield Problem("training.clip_norm", "either clip_value or clip_norm expected, not both")
    if training.schedule is not None:
        yield from _schedule(training.schedule)
        if training.schedule.kind == "plateau":
            yield from _plateau(experiment)


def _memory(experiment: Tables) -> Iterator[Problem]:
    """Problems with what a rule remembers of updates before the first row."""
    training, rule = experiment.training, RULES.get(experiment.training.rule)
    kept = list(training.remember)
    if rule is not None:
        kept = [one.name for one in rule.quantities if one.kept]
    counts = training.rule == "formula" or (rule is not None and rule.counts)
    if training.updates_before is not None and not counts:
        said = f"the rule {training.rule} does not count its updates; leave it out"
        yield Problem("training.updates_before", said)
    for quantity in training.memory:
        path = f"training.memory.{quantity}"
        if quantity not in kept:
            said = f"{training.rule} remembers nothing of this name; {among(quantity, kept)}"
            yield Problem(
                path, said if kept else f"{training.rule} remembers nothing; leave it out"
            )


def memory_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the arrays of weights that a rule remembers something of."""
    rule = RULES.get(experiment.training.rule)
    shared = [one.name for one in rule.quantities if one.shared] if rule is not None else []
    if not experiment.training.memory:
        return
    arrays = {name: np.shape(one) for name, one in model_of(experiment).weight_arrays.items()}
    for quantity, given in experiment.training.memory.items():
        for name, values in given.items():
            known = {quantity: ()} if quantity in shared else arrays
            path = f"training.memory.{quantity}.{name}"
            if name not in known:
                yield Problem(path, f"unknown array of weights; {among(name, list(known))}")
            elif np.shape(values) != known[name]:
                said = f"an array of the shape {known[name]} expected; got {np.shape(values)}"
                yield Problem(path, said)


def _plateau(experiment: Tables) -> Iterator[Problem]:
    """Problems with a rate that falls where the validation loss does not."""
    place = "training.schedule.kind"
    if experiment.validation is None:
        yield Problem(
            place, "plateau looks at the loss over [validation] examples, which are missing"
        )
    elif model_of(experiment).uphill or experiment.training.rule == "gradient_ascent":
        yield Problem(place, "plateau is for a loss that is minimised")


def _schedule(schedule: Schedule) -> Iterator[Problem]:
    shape = schedule_of(schedule)
    for key in dict.fromkeys(key for other in SCHEDULES.values() for key in other.names):
        name, value = f"schedule_{key}", getattr(schedule, key)
        path = f"training.schedule.{key}"
        if value is not None and key not in shape.names:
            kinds = [kind for kind, other in SCHEDULES.items() if key in other.names]
            yield Problem(path, f"used by {listed(kinds)} only; leave it out")
        if value is not None and SETTINGS[name].whole and not value.is_integer():
            yield Problem(path, f"a whole number of at least 1 expected; got {shown(value)}")
        if not value and key in shape.names and shape.settings.get(name) is None:
            yield Problem(path, f"missing, and needed by {schedule.kind}")


def trained_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the names of frozen and of trained weights."""
    if not experiment.training.freeze and not experiment.training.only:
        return
    known = model_of(experiment).weights
    what = "weight" if experiment.graph is None else "parameter"
    for key in ("freeze", "only"):
        for index, name in enumerate(getattr(experiment.training, key) or [], start=1):
            if name not in known:
                yield Problem(
                    f"training.{key}[{index}]",
                    f"unknown {what} {shown(name)}; {nearest(name, known)}",
                )


def validation_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of the validation examples, and of the patience that needs them."""
    validation, network = experiment.validation, experiment.network
    patience = experiment.training.patience
    if patience is not None and not patience.is_integer():
        yield Problem(
            "training.patience", f"a whole number of at least 1 expected; got {shown(patience)}"
        )
    if validation is None:
        if patience is not None:
            yield Problem("training.patience", "it needs the examples of [validation]")
        return
    if network is None or experiment.training.rule == "perceptron":
        yield Problem("validation", "it is for networks with a loss; leave it out")
        return
    if not validation.examples:
        yield Problem("validation.examples", "at least one example expected")
    inputs = experiment.raw_inputs
    path, expected = "validation.examples", (*inputs, *network.targets)
    ragged = list(ragged_rows(path, validation.examples, expected))
    yield from ragged or _target_problems(network, len(inputs), path, validation.examples)


def test_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of the test examples."""
    test, network = experiment.test, experiment.network
    if test is None:
        return
    if network is None:
        yield Problem("test", "tests are for networks; a graph has none. Leave it out")
        return
    inputs = experiment.raw_inputs
    expected = (*inputs, *network.targets)
    if not test.examples:
        yield Problem("test.examples", "at least one example expected")
    yield from ragged_rows("test.examples", test.examples, expected)
    if test.names is not None and len(test.names) != len(test.examples):
        yield Problem(
            "test.names",
            f"{len(test.examples)} expected, one for each example; got {len(test.names)}",
        )
    if "threshold" in test.model_fields_set and test.correct != "threshold":
        yield Problem("test.threshold", 'used with correct = "threshold" only; leave it out')
        return
    border = test.threshold if test.correct == "threshold" else 0.0
    for index, row in enumerate(test.examples, start=1):
        targets = row[len(inputs) :]
        if test.correct != "largest" and border in targets:
            yield Problem(
                f"test.examples[{index}]",
                f"a target of {border:g} is on neither side; no output could be right",
            )
        if test.correct == "largest" and targets.count(max(targets, default=0)) > 1:
            yield Problem(f"test.examples[{index}]", "one largest target expected")
    if test.correct == "largest" and len(network.targets) < 2:
        yield Problem("test.correct", "largest needs at least two outputs")
