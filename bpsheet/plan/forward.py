"""The tables of an experiment without its training: forward passes alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bpsheet.formula.arrays import entry_names
from bpsheet.tables.prepared import raw_inputs, steps_of
from bpsheet.words import strings

__all__ = ["forward_only"]

# Keys of [network] and [graph] that only a training uses, and those of [data] that only it needs.
TRAINED = ("targets", "loss", "output_error", "gradient_of")
ORDERED = ("order", "seed", "validation")


def forward_only(tables: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of the same network, or formulas, under the rule none: every example once.

    What only a training uses is left out: the targets and their numbers, the loss, the training,
    the tests and the hand values. The examples may have targets or not. Tables may hold anything:
    what is wrong in them stays, for the checks to find.

    >>> forward_only({"network": {"inputs": ["x"], "targets": ["y"]}, "data": {"examples": [[2, 3]]}})
    {'network': {'inputs': ['x']}, 'data': {'examples': [[2]]}, 'training': {'rule': 'none'}}
    """
    kept = {
        key: value for key, value in tables.items() if key not in ("test", "hand", "validation")
    }
    targets: list[str] = []
    inputs: list[str] = []
    for key in ("network", "graph"):
        if isinstance(table := kept.get(key), Mapping):
            inputs, targets = strings(table.get("inputs")), strings(table.get("targets"))
            kept[key] = {k: value for k, value in table.items() if k not in TRAINED}
            shapes = table.get("shapes")
            if key == "network" and isinstance(shapes, Mapping):
                kept[key]["shapes"] = {k: v for k, v in shapes.items() if k not in targets}
                inputs, targets = (_entries(names, shapes) for names in (inputs, targets))
    inputs = raw_inputs(steps_of(kept.get("prepare")), inputs)
    if isinstance(data := kept.get("data"), Mapping):
        kept["data"] = _inputs_of(data, inputs, targets)
    return kept | {"training": {"rule": "none"}}


def _entries(names: list[str], shapes: Mapping[str, Any]) -> list[str]:
    """The names of the numbers that arrays have. A shape that is none stays for the checks to find."""
    found: list[str] = []
    for name in names:
        shape = shapes.get(name, ())
        is_shape = isinstance(shape, list | tuple) and all(type(n) is int for n in shape)
        whole = entry_names(name, tuple(shape)).ravel() if is_shape else [name]
        found += map(str, whole)
    return found


def _inputs_of(data: Mapping[str, Any], inputs: list[str], targets: list[str]) -> dict[str, Any]:
    """The table [data] without targets. A file's columns are chosen when it is read."""
    kept = {key: value for key, value in data.items() if key not in ORDERED}
    if not {"file", "frame"} & set(kept):
        kept.pop("label", None)
    rows = kept.get("examples")
    if not isinstance(rows, list | tuple):
        return kept
    names = strings(kept.get("columns")) or [*inputs, *targets]
    chosen = [place for place, name in enumerate(names) if name not in targets]
    if "columns" in kept:
        kept["columns"] = [names[place] for place in chosen]
    kept["examples"] = [
        [row[place] for place in chosen]
        if isinstance(row, list | tuple) and len(row) == len(names)
        else row
        for row in rows
    ]
    return kept
