"""Whether the network's tables fit together: names, layers, activations, weights, the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bpsheet.columns.names import neuron_names
from bpsheet.errors import FormulaError, Problem
from bpsheet.formula.parse import parse_formula
from bpsheet.plan.checks.shapes import network_of, units_of
from bpsheet.textbook.activations import ACTIVATIONS, is_joint
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED
from bpsheet.words import among, counted, is_unfit, listing, numbers, shown, unfit_name

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = [
    "activation_problems",
    "layer_problems",
    "loss_problems",
    "name_problems",
    "text_problems",
    "weight_problems",
]

MAX_TEXT = 30_000


def text_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the title and the notes, which have to fit into cells."""
    for path, text in (("title", experiment.title), ("notes", experiment.notes)):
        if len(text.encode("utf-16-le", "replace")) > 2 * MAX_TEXT:
            yield Problem(path, f"{len(text):,} characters; a cell holds {MAX_TEXT:,} of them")
        bad = [char for char in text if is_unfit(char)]
        if bad:
            yield Problem(path, f"the character {bad[0]!r} cannot stand in a cell")


def name_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the names of inputs, targets, neurons and tests."""
    network = network_of(experiment)
    for key, names in (("inputs", network.inputs), ("targets", network.targets)):
        if not names:
            yield Problem(f"network.{key}", "at least one name expected")
        yield from _listed(f"network.{key}", names)
    for number, layer in enumerate(network.layers, start=1):
        yield from _listed(f"network.layers[{number}].neurons", layer.neurons or [])
    if experiment.test is not None and experiment.test.names is not None:
        yield from _listed("test.names", experiment.test.names)


def _listed(path: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names, start=1):
        if (why := unfit_name(name)) is not None:
            yield Problem(f"{path}[{index}]", f"{why}; got {shown(name)}")
        if name in names[: index - 1]:
            yield Problem(f"{path}[{index}]", f"{shown(name)} is there twice")


def layer_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the numbers of layers, neurons and targets."""
    network = network_of(experiment)
    if not network.layers:
        yield Problem("network.layers", "at least one layer expected")
        return
    for number, layer in enumerate(network.layers, start=1):
        path = f"network.layers[{number}]"
        if (layer.neurons is None) == (layer.units is None):
            yield Problem(
                path,
                "either neurons or units expected"
                + (", not both" if layer.units is not None else ""),
            )
        elif layer.neurons is not None and not layer.neurons:
            yield Problem(f"{path}.neurons", "at least one neuron expected")
    outputs = units_of(experiment, len(network.layers))
    if outputs and network.targets and outputs != len(network.targets):
        yield Problem(
            "network.targets",
            f"{outputs} expected, one for each output; got {len(network.targets)}",
        )


def activation_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the layers' activations."""
    for number, layer in enumerate(network_of(experiment).layers, start=1):
        path = f"network.layers[{number}]"
        yield from _activation(f"{path}.activation", layer.activation)
        units = units_of(experiment, number)
        if is_joint(layer.activation) and units == 1:
            yield Problem(
                f"{path}.activation",
                f"{layer.activation} with one output is always 1; use logistic, or at least two outputs",
            )
        if layer.activation == "sign" and experiment.training.rule != "perceptron":
            yield Problem(
                f"{path}.activation",
                "sign has no slope to descend; it needs the rule perceptron",
            )


def _activation(path: str, text: str) -> Iterator[Problem]:
    if text in list(ACTIVATIONS):
        return
    if text.isidentifier() and text != "z":
        yield Problem(
            path,
            f"unknown activation {shown(text)}; "
            f'{among(text, list(ACTIVATIONS))}, or write a formula of z such as "2*z"',
        )
        return
    try:
        parse_formula(text, {"z"})
    except FormulaError as error:
        yield Problem(path, f"neither an activation's name nor a formula of z: {error}")


def weight_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the shapes of weights and biases."""
    network = network_of(experiment)
    names = neuron_names(network)
    sources: Sequence[str] = network.inputs
    for number, (layer, neurons) in enumerate(zip(network.layers, names, strict=True), start=1):
        path = f"network.layers[{number}]"
        if layer.weights is not None and sources and neurons:
            if len(layer.weights) != len(neurons):
                yield Problem(
                    f"{path}.weights",
                    f"{counted(len(neurons), 'row')} expected, one for each of "
                    f"{listing(neurons)}; got {len(layer.weights)}",
                )
            for index, row in enumerate(layer.weights, start=1):
                if len(row) != len(sources):
                    row_path = f"{path}.weights" + (f"[{index}]" if len(layer.weights) > 1 else "")
                    yield Problem(
                        row_path,
                        f"{counted(len(sources), 'column')} expected, one for each of "
                        f"{listing(sources)}; got {len(row)}",
                    )
        if isinstance(layer.bias, list) and neurons and len(layer.bias) != len(neurons):
            yield Problem(
                f"{path}.bias",
                f"{counted(len(neurons), 'number')} expected, one for each of "
                f"{listing(neurons)}; got {len(layer.bias)}",
            )
        sources = neurons


def loss_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the loss, and with rules and outputs that do not go with it."""
    network, rule = network_of(experiment), experiment.training.rule
    if rule == "perceptron":
        yield from _perceptron(experiment)
        return
    path = "network.loss"
    if network.loss is None:
        yield Problem(path, f"missing, and needed; known are {', '.join(LOSSES)}")
        return
    if network.loss not in LOSSES:
        yield Problem(
            path, f"unknown loss {shown(network.loss)}; {among(network.loss, list(LOSSES))}"
        )
        return
    loss = LOSSES[network.loss]
    wanted = "gradient_ascent" if loss.maximised else "gradient_descent"
    # The other rules take their direction from the loss.
    if rule in ("gradient_descent", "gradient_ascent") and rule != wanted:
        what = "to be maximised" if loss.maximised else "to be minimised"
        yield Problem("training.rule", f"{network.loss} is {what}: {wanted} expected; got {rule}")
    output = network.output_activation
    if loss.fits and output not in loss.fits:
        yield Problem(
            path,
            f"{network.loss} needs {' or '.join(loss.fits)} outputs; the last layer has "
            f"{shown(output)}",
        )
    if network.output_error == "simplified" and network.loss not in SIMPLIFIED:
        yield Problem(
            "network.output_error",
            f"{network.loss} has no simplified form; {', '.join(SIMPLIFIED)} have one",
        )


def _perceptron(experiment: Tables) -> Iterator[Problem]:
    network = network_of(experiment)
    if network.loss is not None:
        yield Problem("network.loss", "the rule perceptron has no loss; leave it out")
    if len(network.layers) != 1 or network.layers[0].activation != "sign":
        yield Problem(
            "training.rule", 'the rule perceptron needs one layer with the activation "sign"'
        )
    if experiment.training.batch_size != 1:
        yield Problem("training.batch_size", "1 expected: the rule perceptron has no batches")
    for path, table, key in (
        ("network", network, "output_error"),
        ("training", experiment.training, "reduction"),
    ):
        if key in table.model_fields_set:
            yield Problem(f"{path}.{key}", "the rule perceptron does not use it; leave it out")
    width = len(network.inputs)
    for index, row in enumerate(experiment.ordered_examples(), start=1):
        if len(row) == width + len(network.targets) and not {-1.0, 1.0}.issuperset(row[width:]):
            yield Problem(
                f"data.examples[{index}]",
                f"the rule perceptron needs targets of -1 or 1; got {numbers(row[width:])}",
            )
            return
