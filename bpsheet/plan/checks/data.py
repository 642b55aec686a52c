"""Whether the data, the training and the tests fit the network."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from bpsheet.columns.model import model_of
from bpsheet.errors import Problem
from bpsheet.plan.checks.shapes import ragged_rows
from bpsheet.tables.spec import Schedule
from bpsheet.textbook.losses import LOSSES
from bpsheet.textbook.rules import RULES, SCHEDULES, SETTINGS
from bpsheet.words import listing, nearest, numbers, shown

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["data_problems", "test_problems", "trained_problems", "training_problems"]


def data_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of the examples, their columns and their order."""
    data, expected = experiment.data, experiment.data_names
    if data.columns is not None and sorted(data.columns) != sorted(expected):
        yield Problem(
            "data.columns",
            f"every {'input' if experiment.graph else 'input and target'} once expected "
            f"({listing(expected)}); "
            f"got {listing(data.columns)}",
        )
    if data.seed and data.order != "shuffled":
        yield Problem("data.seed", 'used with order = "shuffled" only; leave it out')
    if data.examples is None:
        yield Problem("data", "either examples or file expected")
        return
    if not data.examples:
        yield Problem("data.examples", "at least one example expected")
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


def _ranges(experiment: Tables) -> Iterator[Problem]:
    """Problems with targets that no probability can have."""
    network = experiment.network
    if network is None:
        return
    loss = LOSSES.get(network.loss or "")
    width = len(network.inputs) + len(network.targets)
    examples = experiment.data.examples or []
    output = network.output_activation
    if loss is None or output not in loss.fits or any(len(row) != width for row in examples):
        return
    rows = experiment.ordered_examples()
    for index, row in enumerate(rows, start=1):
        targets = row[len(network.inputs) :]
        path = f"data.examples[{index}]"
        if any(not 0 <= target <= 1 for target in targets):
            yield Problem(path, f"{network.loss} needs targets from 0 to 1; got {numbers(targets)}")
            return
        if "softmax" in loss.fits and not math.isclose(sum(targets), 1, abs_tol=1e-9):
            yield Problem(
                path, f"{network.loss} needs targets that add up to 1; got {numbers(targets)}"
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
        and not (experiment.graph is not None and not experiment.graph.parameters)
    ):
        yield Problem("training", "iterations or epochs expected: how long to train")
    if training.freeze is not None and training.only is not None:
        yield Problem("training", "either freeze or only expected, not both")
    yield from _rule(experiment)
    examples = experiment.example_count
    size = training.batch_size
    if isinstance(size, int) and examples and size > examples:
        yield Problem(
            "training.batch_size",
            f'at most {examples}, the number of examples, or "all", expected; got {shown(size)}',
        )


def _rule(experiment: Tables) -> Iterator[Problem]:
    """Problems with hyper-parameters that the rule does not use, or that it lacks."""
    training = experiment.training
    rule = RULES.get(training.rule)
    for key in ("momentum", "decay", "beta1", "beta2", "epsilon"):
        users = [name for name, other in RULES.items() if key in other.settings]
        if getattr(training, key) is not None and training.rule not in users:
            yield Problem(f"training.{key}", f"used by {' and '.join(users)} only; leave it out")
    for key in ("weight_decay", "clip_value", "clip_norm", "schedule"):
        if rule is None and getattr(training, key) is not None:
            yield Problem(
                f"training.{key}", f"the rule {training.rule} does not use it; leave it out"
            )
    if training.clip_value is not None and training.clip_norm is not None:
        yield Problem("training.clip_norm", "either clip_value or clip_norm expected, not both")
    if training.schedule is not None:
        yield from _schedule(training.schedule)


def _schedule(schedule: Schedule) -> Iterator[Problem]:
    used = SCHEDULES[schedule.kind].settings
    for key in ("factor", "every", "decay", "over", "lowest"):
        name, value = f"schedule_{key}", getattr(schedule, key)
        path = f"training.schedule.{key}"
        if value is not None and name not in used:
            kinds = [kind for kind, other in SCHEDULES.items() if name in other.settings]
            yield Problem(path, f"used by {' and '.join(kinds)} only; leave it out")
        if value is not None and SETTINGS[name].whole and not value.is_integer():
            yield Problem(path, f"a whole number from 1 expected; got {shown(value)}")
        if value is None and name in used and used[name] is None:
            yield Problem(path, f"missing, and needed by {schedule.kind}")


def trained_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the names of frozen and of trained weights."""
    known = model_of(experiment).weights
    what = "weight" if experiment.graph is None else "parameter"
    for key in ("freeze", "only"):
        for index, name in enumerate(getattr(experiment.training, key) or [], start=1):
            if name not in known:
                yield Problem(
                    f"training.{key}[{index}]",
                    f"unknown {what} {shown(name)}; {nearest(name, known)}",
                )


def test_problems(experiment: Tables) -> Iterator[Problem]:
    """The problems of the test examples."""
    test, network = experiment.test, experiment.network
    if test is None:
        return
    if network is None:
        yield Problem("test", "tests are for networks; a graph has none. Leave it out")
        return
    expected = experiment.data_names
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
        targets = row[len(network.inputs) :]
        if test.correct != "largest" and border in targets:
            yield Problem(
                f"test.examples[{index}]",
                f"a target of {border:g} is on neither side; no output could be right",
            )
        if test.correct == "largest" and targets.count(max(targets, default=0)) > 1:
            yield Problem(f"test.examples[{index}]", "one largest target expected")
    if test.correct == "largest" and len(network.targets) < 2:
        yield Problem("test.correct", "largest needs at least two outputs")
