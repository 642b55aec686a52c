"""Whether the network's tables fit together: names, layers, activations, weights, the loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bpsheet.columns.names import neuron_names
from bpsheet.columns.network import TURNED
from bpsheet.errors import FormulaError, LimitError, Problem
from bpsheet.formula.parse import Own, parse_formula
from bpsheet.formula.tree import Ref, references
from bpsheet.plan.checks.shapes import network_of, units_of
from bpsheet.tables.network import Network
from bpsheet.textbook.activations import ACTIVATIONS, is_joint
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED, Loss, loss_of
from bpsheet.textbook.perceptrons import PERCEPTRONS
from bpsheet.words import among, counted, listing, numbers, shown, unfit_in, unfit_name

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
        bad = unfit_in(text)
        if bad is not None:
            yield Problem(path, f"the character {bad!r} cannot stand in a cell")


def name_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with the names of inputs, targets, neurons and tests."""
    network = network_of(experiment)
    for key, names in (("inputs", network.inputs), ("targets", network.targets)):
        if not names and (key == "inputs" or experiment.training.rule != "none"):
            is_missing = key not in network.model_fields_set
            said = "missing, and needed" if is_missing else "at least one name expected"
            yield Problem(f"network.{key}", said)
        yield from _listed(f"network.{key}", names)
    if (weight := experiment.data.weight) is not None:
        if (why := unfit_name(weight)) is not None:
            yield Problem("data.weight", f"{why}; got {shown(weight)}")
        if weight in (*network.inputs, *experiment.raw_inputs, *network.targets):
            yield Problem(
                "data.weight", f"a column of its own expected; {shown(weight)} is in [network]"
            )
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
        yield from _activation(f"{path}.activation", layer.activation, experiment.own)
        units = units_of(experiment, number)
        if is_joint(layer.activation) and units == 1:
            yield Problem(
                f"{path}.activation",
                f"{layer.activation} with one output is always 1; use logistic, or at least two outputs",
            )
        if layer.activation in PERCEPTRONS and experiment.training.rule not in (
            "perceptron",
            "none",
        ):
            yield Problem(
                f"{path}.activation",
                f"{layer.activation} has no slope to descend; it needs the rule perceptron",
            )


def _activation(path: str, text: str, own: Mapping[str, Own]) -> Iterator[Problem]:
    if text in own:
        if (count := len(own[text].arguments)) != 1:
            yield Problem(path, f"a function of one argument expected; {text} has {count}")
            return
        text = f"{text}(z)"
    elif text in list(ACTIVATIONS):
        return
    if text.isidentifier() and text != "z":
        yield Problem(
            path,
            f"unknown activation {shown(text)}; "
            f'{among(text, [*own, *ACTIVATIONS])}, or write a formula of z such as "2*z"',
        )
        return
    try:
        parse_formula(text, {"z"}, own=own)
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
    if rule == "none":
        return
    path = "network.loss"
    if network.loss is None:
        yield Problem(path, f"missing, and needed; known are {', '.join(LOSSES)}")
        return
    if network.loss not in LOSSES:
        problem = _loss_formula(network.loss)
        if problem is not None:
            yield Problem(path, problem)
            return
    loss = loss_of(network.loss)
    wanted = "gradient_ascent" if loss.maximised else "gradient_descent"
    # The other rules take their direction from the loss, and a formula goes either way.
    is_plain = rule in ("gradient_descent", "gradient_ascent") and network.loss in LOSSES
    if is_plain and rule != wanted:
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
    if network.output_error == TURNED and loss.maximised:
        yield Problem(
            "network.output_error",
            f"{network.loss} is to be maximised, and its error has this sign already; leave it out",
        )
    yield from _loss_numbers(network, loss)


def _loss_formula(text: str) -> str | None:
    """What is wrong with a loss that has no name in the table; None for a formula."""
    if text.isidentifier() and text not in ("t", "y"):
        return (
            f"unknown loss {shown(text)}; {among(text, list(LOSSES))}, or write a formula of t and "
            'y such as "(t - y)^4"'
        )
    try:
        formula = parse_formula(text, {"t", "y"})
    except FormulaError as error:
        return f"neither a loss's name nor a formula of t and y: {error}"
    if not any(ref.name == "y" for ref in references(formula)):
        return f'a formula of y, the output, expected, such as "(t - y)^4"; got {shown(text)}'
    try:
        loss_of(text).slope(Ref("t"), Ref("y"), 1)
    except LimitError as error:
        return str(error)
    return None


def _loss_numbers(network: Network, loss: Loss) -> Iterator[Problem]:
    """Problems with the numbers of a loss: those of other losses, and class weights."""
    for key in ("delta", "label_smoothing"):
        if getattr(network, key) is not None and key not in loss.settings:
            users = [name for name, other in LOSSES.items() if key in other.settings]
            yield Problem(f"network.{key}", f"used by {' and '.join(users)} only; leave it out")
    weights, path = network.class_weights, "network.class_weights"
    if weights is None:
        return
    if len(weights) != len(network.targets):
        yield Problem(
            path,
            f"{counted(len(network.targets), 'number')} expected, one for each of "
            f"{listing(network.targets)}; got {len(weights)}",
        )
    if network.output_error == "simplified":
        yield Problem(
            path, 'with them the error is not output minus target; use output_error = "chain_rule"'
        )


def _perceptron(experiment: Tables) -> Iterator[Problem]:
    network = network_of(experiment)
    if network.loss is not None:
        yield Problem("network.loss", "the rule perceptron has no loss; leave it out")
    rule = PERCEPTRONS.get(network.output_activation)
    if len(network.layers) != 1 or rule is None:
        known = " or ".join(map(shown, PERCEPTRONS))
        yield Problem(
            "training.rule", f"the rule perceptron needs one layer with the activation {known}"
        )
    if any(layer.is_bias_shared for layer in network.layers):
        yield Problem(
            "network.layers[1].bias", "a number for each neuron expected, with the rule perceptron"
        )
    if experiment.training.batch_size != 1:
        yield Problem("training.batch_size", "1 expected: the rule perceptron has no batches")
    for path, table, key in (
        ("network", network, "output_error"),
        ("network", network, "delta"),
        ("network", network, "label_smoothing"),
        ("network", network, "class_weights"),
        ("data", experiment.data, "weight"),
        ("training", experiment.training, "reduction"),
        ("training", experiment.training, "l1"),
        ("training", experiment.training, "l2"),
    ):
        if key in table.model_fields_set:
            yield Problem(f"{path}.{key}", "the rule perceptron does not use it; leave it out")
    width = len(experiment.raw_inputs)
    for index, row in enumerate(experiment.ordered_examples(), start=1):
        if rule is None or len(row) != len(experiment.data_names):
            return
        if not set(rule.targets).issuperset(row[width:]):
            two = " or ".join(f"{target:g}" for target in rule.targets)
            yield Problem(
                f"data.examples[{index}]",
                f"the rule perceptron needs targets of {two}; got {numbers(row[width:])}",
            )
            return
