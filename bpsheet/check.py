"""Whether an experiment's tables fit together. Every problem is found, each with its place.

Nothing here builds anything large: sizes are counted before they are allocated.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from bpsheet.build import columns_of
from bpsheet.engine import MAX_VALUES
from bpsheet.errors import FormulaError, Problem
from bpsheet.functions import ACTIVATIONS, LOSSES, SIMPLIFIED
from bpsheet.parse import parse_formula
from bpsheet.problems import nearest, shown
from bpsheet.wiring import neuron_names, wire

if TYPE_CHECKING:
    from bpsheet.experiment import Experiment

__all__ = ["is_unfit", "problems_of"]

MAX_COLUMNS = 100_000
MAX_TEXT = 30_000
ACTIVATION_NAMES = [*ACTIVATIONS, "softmax"]


def problems_of(experiment: Experiment) -> list[Problem]:
    """What is wrong with an experiment whose single values are all in order."""
    notation = [Problem(f"notation.{key}", said) for key, said in experiment.notation.problems()]
    wide = list(_width(experiment))
    shape = [*_names(experiment), *_layers(experiment), *wide]
    kinds = [*_activations(experiment), *_loss(experiment)]
    tests = list(_test(experiment))
    found = [*_texts(experiment), *shape, *kinds, *notation]
    if not wide:
        found += [*_weights(experiment), *_length(experiment)]
    found += [*_data(experiment), *_training(experiment), *tests]
    if not wide and not notation:
        found += _trained(experiment)
    if not shape and not notation and not kinds:
        found += _columns(experiment, with_tests=not tests)
    return found


def _texts(experiment: Experiment) -> Iterator[Problem]:
    for place, text in (("title", experiment.title), ("notes", experiment.notes)):
        if len(text.encode("utf-16-le", "replace")) > 2 * MAX_TEXT:
            yield Problem(place, f"{len(text):,} characters; a cell holds {MAX_TEXT:,} of them")
        bad = [char for char in text if is_unfit(char)]
        if bad:
            yield Problem(place, f"the character {bad[0]!r} cannot stand in a cell")


def is_unfit(char: str) -> bool:
    """Whether XML, and so a cell, cannot hold a character."""
    return (
        unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"
    ) or char in "\ufffe\uffff"


def _unfit_name(name: str) -> str | None:
    """Why a name cannot head a column; None where it can."""
    if not all(char.isprintable() for char in name) or unicodedata.category(name[0]) == "Mn":
        return "printable characters expected"
    if not (name[0].isalpha() or name[0].isdigit() or name[0] == "_") or name != name.strip():
        return "a name begins with a letter, a digit or an underscore"
    return None


def _names(experiment: Experiment) -> Iterator[Problem]:
    network = experiment.network
    for key, names in (("inputs", network.inputs), ("targets", network.targets)):
        if not names:
            yield Problem(f"network.{key}", "at least one name expected")
        yield from _listed(f"network.{key}", names)
    for number, layer in enumerate(network.layers, start=1):
        yield from _listed(f"network.layers[{number}].neurons", layer.neurons or [])
    if experiment.test is not None and experiment.test.names is not None:
        yield from _listed("test.names", experiment.test.names)


def _listed(place: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names, start=1):
        if (why := _unfit_name(name)) is not None:
            yield Problem(f"{place}[{index}]", f"{why}; got {shown(name)}")
        if name in names[: index - 1]:
            yield Problem(f"{place}[{index}]", f"{shown(name)} stands there twice")


def _layers(experiment: Experiment) -> Iterator[Problem]:
    network = experiment.network
    if not network.layers:
        yield Problem("network.layers", "at least one layer expected")
        return
    for number, layer in enumerate(network.layers, start=1):
        place = f"network.layers[{number}]"
        if (layer.neurons is None) == (layer.units is None):
            yield Problem(
                place,
                "either neurons or units expected"
                + (", not both" if layer.units is not None else ""),
            )
        elif layer.neurons is not None and not layer.neurons:
            yield Problem(f"{place}.neurons", "at least one neuron expected")
    outputs = _units(experiment, len(network.layers))
    if outputs and network.targets and outputs != len(network.targets):
        yield Problem(
            "network.targets",
            f"{outputs} expected, one for each output; got {len(network.targets)}",
        )


def _activations(experiment: Experiment) -> Iterator[Problem]:
    for number, layer in enumerate(experiment.network.layers, start=1):
        place = f"network.layers[{number}]"
        yield from _activation(f"{place}.activation", layer.activation)
        units = _units(experiment, number)
        if layer.activation == "softmax" and units == 1:
            yield Problem(
                f"{place}.activation",
                "softmax with one output is always 1; use logistic, or two outputs at least",
            )
        if layer.activation == "sign" and experiment.training.rule != "perceptron":
            yield Problem(
                f"{place}.activation",
                "sign has no slope to descend; it goes with the rule perceptron",
            )


def _units(experiment: Experiment, number: int) -> int:
    """How many neurons the layer has (0 where the file does not say)."""
    layer = experiment.network.layers[number - 1]
    return len(layer.neurons) if layer.neurons is not None else layer.units or 0


def _activation(place: str, text: str) -> Iterator[Problem]:
    if text in ACTIVATION_NAMES:
        return
    if text.isidentifier() and text != "z":
        yield Problem(
            place,
            f"unknown activation {shown(text)}; "
            f'{_among(text, ACTIVATION_NAMES)}, or write a formula of z such as "2*z"',
        )
        return
    try:
        parse_formula(text, {"z"})
    except FormulaError as error:
        yield Problem(place, f"neither an activation's name nor a formula of z: {error}")


def _among(text: str, known: Sequence[str]) -> str:
    """What is known, the nearest first."""
    hint = nearest(text, known)
    listed = f"known are {', '.join(known)}"
    return f"{hint} ({listed})" if hint.startswith("did") else listed


def _weights(experiment: Experiment) -> Iterator[Problem]:
    network = experiment.network
    names = neuron_names(network)
    sources: Sequence[str] = network.inputs
    for number, (layer, neurons) in enumerate(zip(network.layers, names, strict=True), start=1):
        place = f"network.layers[{number}]"
        if layer.weights is not None and sources and neurons:
            if len(layer.weights) != len(neurons):
                yield Problem(
                    f"{place}.weights",
                    f"{_count(len(neurons), 'row')} expected, one for each of "
                    f"{_listing(neurons)}; got {len(layer.weights)}",
                )
            for index, row in enumerate(layer.weights, start=1):
                if len(row) != len(sources):
                    where = f"{place}.weights" + (f"[{index}]" if len(layer.weights) > 1 else "")
                    yield Problem(
                        where,
                        f"{_count(len(sources), 'column')} expected, one for each of "
                        f"{_listing(sources)}; got {len(row)}",
                    )
        if isinstance(layer.bias, list) and neurons and len(layer.bias) != len(neurons):
            yield Problem(
                f"{place}.bias",
                f"{_count(len(neurons), 'number')} expected, one for each of "
                f"{_listing(neurons)}; got {len(layer.bias)}",
            )
        sources = neurons


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _listing(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:10])}, … {names[-1]}"


def _loss(experiment: Experiment) -> Iterator[Problem]:
    network, rule = experiment.network, experiment.training.rule
    if rule == "perceptron":
        yield from _perceptron(experiment)
        return
    place = "network.loss"
    if network.loss is None:
        yield Problem(place, f"missing, and needed; known are {', '.join(LOSSES)}")
        return
    if network.loss not in LOSSES:
        yield Problem(
            place, f"unknown loss {shown(network.loss)}; {_among(network.loss, list(LOSSES))}"
        )
        return
    loss = LOSSES[network.loss]
    wanted = "gradient_ascent" if loss.maximised else "gradient_descent"
    if rule != wanted:
        what = "to be maximised" if loss.maximised else "to be minimised"
        yield Problem("training.rule", f"{network.loss} is {what}: {wanted} expected; got {rule}")
    output = network.layers[-1].activation if network.layers else ""
    if loss.fits and output not in loss.fits:
        yield Problem(
            place,
            f"{network.loss} needs {' or '.join(loss.fits)} outputs; the last layer has "
            f"{shown(output)}",
        )
    if network.output_error == "simplified" and network.loss not in SIMPLIFIED:
        yield Problem(
            "network.output_error",
            f"{network.loss} has no simplified form; {', '.join(SIMPLIFIED)} have one",
        )


def _perceptron(experiment: Experiment) -> Iterator[Problem]:
    network = experiment.network
    if network.loss is not None:
        yield Problem("network.loss", "the rule perceptron has no loss; leave it out")
    if len(network.layers) != 1 or network.layers[0].activation != "sign":
        yield Problem(
            "training.rule", 'the rule perceptron needs one layer with the activation "sign"'
        )
    if experiment.training.batch_size != 1:
        yield Problem("training.batch_size", "1 expected: the rule perceptron has no batches")
    for key in ("output_error", "reduction"):
        table = network if key == "output_error" else experiment.training
        if key in table.model_fields_set:
            where = "network" if key == "output_error" else "training"
            yield Problem(f"{where}.{key}", "the rule perceptron does not use it; leave it out")


def _data(experiment: Experiment) -> Iterator[Problem]:
    data, network = experiment.data, experiment.network
    expected = [*network.inputs, *network.targets]
    if data.columns is not None and sorted(data.columns) != sorted(expected):
        yield Problem(
            "data.columns",
            f"every input and target once expected ({_listing(expected)}); "
            f"got {_listing(data.columns)}",
        )
    if data.seed and data.order != "shuffled":
        yield Problem("data.seed", 'used with order = "shuffled" only; leave it out')
    if data.examples is None:
        yield Problem("data", "either examples or file expected")
        return
    if not data.examples:
        yield Problem("data.examples", "at least one example expected")
        return
    yield from _rows("data.examples", data.examples, expected)
    yield from _ranges(experiment)
    if isinstance(data.order, list):
        for index, number in enumerate(data.order, start=1):
            if not 1 <= number <= len(data.examples):
                yield Problem(
                    f"data.order[{index}]",
                    f"an example's number from 1 to {len(data.examples)} expected; got {number}",
                )
                return


def _rows(
    place: str, rows: Sequence[Sequence[float]], expected: Sequence[str]
) -> Iterator[Problem]:
    for index, row in enumerate(rows, start=1):
        if len(row) != len(expected):
            yield Problem(
                f"{place}[{index}]",
                f"{_count(len(expected), 'number')} expected ({_listing(expected)}); "
                f"got {len(row)}",
            )
            if index > 20:
                return


def _ranges(experiment: Experiment) -> Iterator[Problem]:
    """Targets that a probability cannot have."""
    network = experiment.network
    loss = LOSSES.get(network.loss or "")
    width = len(network.inputs) + len(network.targets)
    examples = experiment.data.examples or []
    output = network.layers[-1].activation if network.layers else ""
    if loss is None or output not in loss.fits or any(len(row) != width for row in examples):
        return
    rows = experiment.ordered_examples()
    for index, row in enumerate(rows, start=1):
        targets = row[len(network.inputs) :]
        place = f"data.examples[{index}]"
        if any(not 0 <= target <= 1 for target in targets):
            yield Problem(
                place, f"{network.loss} needs targets from 0 to 1; got {_numbers(targets)}"
            )
            return
        if "softmax" in loss.fits and not math.isclose(sum(targets), 1, abs_tol=1e-9):
            yield Problem(
                place, f"{network.loss} needs targets that add up to 1; got {_numbers(targets)}"
            )
            return


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values[:10])


def _training(experiment: Experiment) -> Iterator[Problem]:
    training = experiment.training
    if training.iterations is not None and training.epochs is not None:
        yield Problem("training", "either iterations or epochs expected, not both")
    if (
        training.iterations is None
        and training.epochs is None
        and not isinstance(experiment.data.order, list)
    ):
        yield Problem("training", "iterations or epochs expected: how long to train")
    if training.freeze is not None and training.only is not None:
        yield Problem("training", "either freeze or only expected, not both")
    examples = len(experiment.data.examples or ())
    size = training.batch_size
    if isinstance(size, int) and examples and size > examples:
        yield Problem(
            "training.batch_size",
            f'at most {examples}, the number of examples, or "all", expected; got {size}',
        )


def _trained(experiment: Experiment) -> Iterator[Problem]:
    layers = wire(experiment.network, experiment.notation)
    known = {
        name
        for layer in layers
        for index in range(len(layer.neurons))
        for name in layer.of_neuron(index)
    }
    for key in ("freeze", "only"):
        for index, name in enumerate(getattr(experiment.training, key) or [], start=1):
            if name not in known:
                yield Problem(
                    f"training.{key}[{index}]",
                    f"unknown weight {shown(name)}; {nearest(name, sorted(known))}",
                )


def _test(experiment: Experiment) -> Iterator[Problem]:
    test, network = experiment.test, experiment.network
    if test is None:
        return
    expected = [*network.inputs, *network.targets]
    if not test.examples:
        yield Problem("test.examples", "at least one example expected")
    yield from _rows("test.examples", test.examples, expected)
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
        yield Problem("test.correct", "largest needs two outputs at least")


def _count_columns(experiment: Experiment) -> tuple[int, int]:
    """About how many weights and columns there will be, counted without building them."""
    counts = [len(experiment.network.inputs)]
    counts += [_units(experiment, n + 1) for n in range(len(experiment.network.layers))]
    weights = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(counts))
    tests = len(experiment.test.examples) if experiment.test else 0
    return weights, 3 * weights + 5 * sum(counts) + tests * 2 * sum(counts[1:])


def _width(experiment: Experiment) -> Iterator[Problem]:
    """Networks that nobody could look at, refused before their names are made."""
    weights, columns = _count_columns(experiment)
    if columns > MAX_COLUMNS:
        yield Problem(
            "network.layers",
            f"{weights:,} weights make about {columns:,} columns; {MAX_COLUMNS:,} at the most "
            "(a worksheet holds 16,384). Use fewer neurons",
        )


def _length(experiment: Experiment) -> Iterator[Problem]:
    """Runs that no memory holds."""
    columns = max(1, _count_columns(experiment)[1])
    iterations = experiment.iterations
    if iterations * columns > MAX_VALUES:
        key = "epochs" if experiment.training.epochs is not None else "iterations"
        yield Problem(
            f"training.{key}",
            f"{iterations:,} iterations of about {columns:,} columns are "
            f"{iterations * columns:,} values; {MAX_VALUES:,} at the most. "
            f"Ask for {MAX_VALUES // columns:,} iterations or fewer",
        )


def _columns(experiment: Experiment, *, with_tests: bool) -> Iterator[Problem]:
    """Names that two columns would share, names that head no column, and figures for none."""
    plain = [layer.model_copy(update={"weights": None}) for layer in experiment.network.layers]
    plain = [layer.model_copy(update={"bias": layer.bias is not False}) for layer in plain]
    columns = columns_of(
        experiment.network.model_copy(update={"layers": plain}),
        experiment.training,
        experiment.initial,
        experiment.test if with_tests else None,
        experiment.notation,
        examples=max(1, len(experiment.data.examples or ())),
        cyclic=experiment.data.order == "cyclic",
    )
    seen: dict[str, str] = {}
    for column in columns:
        why = _unfit_name(column.name) if column.name else "a name expected"
        if why is None and len(column.name) > 250:
            why = "at most 250 characters expected"
        what = f"the {column.role}" + (f" of {column.neuron}" if column.neuron else "")
        if why is not None:
            yield Problem("notation", f"{what} would be named {shown(column.name)}: {why}")
        if column.name in seen:
            yield Problem(
                "notation",
                f"two columns would be named {shown(column.name)}: {seen[column.name]} and {what}; "
                "change a name, or a pattern of [notation]",
            )
        seen.setdefault(column.name, what)
    for old, new in experiment.notation.rename.items():
        if new not in seen:
            yield Problem(
                f"notation.rename.{old}",
                f"no pattern gives the name {shown(old)}; {nearest(old, list(seen))}",
            )
    yield from _hand(experiment, list(seen))


def _hand(experiment: Experiment, known: Sequence[str]) -> Iterator[Problem]:
    for iteration, figures in experiment.hand.items():
        place = f"hand.{iteration}"
        if not re.fullmatch("[1-9][0-9]{0,9}", iteration):
            yield Problem(place, "an iteration's number from 1 expected")
        for name in figures:
            if name not in known:
                yield Problem(f"{place}.{name}", f"unknown quantity; {nearest(name, known)}")
