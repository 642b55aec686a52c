"""What a network with layers of other kinds cannot have besides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bpsheet.columns.layered import activation_text
from bpsheet.errors import FormulaError, Problem
from bpsheet.formula.parse import parse_formula
from bpsheet.plan.checks.shapes import network_of
from bpsheet.textbook.losses import LOSSES
from bpsheet.words import listing, shown

if TYPE_CHECKING:
    from bpsheet.tables.tables import Tables

__all__ = ["layered_problems"]

# Keys, by table, that are for networks of dense layers only.
DENSE = {
    "network": ("label_smoothing", "class_weights"),
    "data": ("weight",),
    "training": ("l1", "l2", "patience"),
}
# The kinds of layers that have an activation.
WITH_ACTIVATION = ("dense", "tied", "convolution", "activation")


def layered_problems(experiment: Tables) -> Iterator[Problem]:
    """Problems with keys that are for dense layers only, and with formulas that cannot be read."""
    said = "for a network of dense layers only; leave it out"
    for table, keys in DENSE.items():
        for key in keys:
            if getattr(getattr(experiment, table), key) is not None:
                yield Problem(f"{table}.{key}", said)
    for table in ("test", "validation"):
        if getattr(experiment, table) is not None:
            yield Problem(table, said)
    network = network_of(experiment)
    if network.output_error != "chain_rule":
        yield Problem("network.output_error", said)
    if experiment.training.rule == "perceptron":
        yield Problem("training.rule", "the rule perceptron is for a single dense layer")
    elif network.loss is None and experiment.training.rule != "none":
        yield Problem("network.loss", f"missing, and needed by the rule {experiment.training.rule}")
    if not network.layers:
        yield Problem("network.layers", "at least one layer expected")
    for number, layer in enumerate(network.layers, start=1):
        yield from _formula(
            experiment,
            f"network.layers[{number}].activation",
            activation_text(layer.activation, "z"),
            "z",
        )
    loss = LOSSES.get(network.loss or "")
    ends = [layer.activation for layer in network.layers[-1:] if layer.kind in WITH_ACTIVATION]
    if loss is not None and loss.fits and ends and ends[0] not in loss.fits:
        said = f"{network.loss} needs the output activation {listing(loss.fits)}"
        yield Problem("network.loss", f"{said}; got {shown(ends[0])}")
    if network.loss is not None and loss is None:
        yield from _formula(experiment, "network.loss", network.loss, "t", "y")


def _formula(experiment: Tables, path: str, text: str, *names: str) -> Iterator[Problem]:
    if text.startswith("softmax("):
        return
    try:
        parse_formula(text, names, own=experiment.own)
    except FormulaError as error:
        yield Problem(path, str(error))
