"""Somebody's table becomes the examples of an experiment, before anything is checked.

[data] names a file or a frame, or has examples with a wish for scaling or for a validation share. What
comes out are plain numbers in [data], steps of [[prepare]] for what was asked for, and [validation]:
the experiment that is written back needs the table no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpsheet.errors import ExperimentError, Problem
from bpsheet.tables.datafile import FileError, read_file
from bpsheet.tables.incoming import Incoming, columns_of
from bpsheet.tables.prepared import raw_inputs, steps_of
from bpsheet.tables.taken_inputs import TakenInputs
from bpsheet.tables.taken_targets import TakenTargets
from bpsheet.tables.taking import Taking, entries_of
from bpsheet.words import counted, listing, nearest, shown, strings

__all__ = ["resolve_data"]

SCALES = ("standard", "min_max", "max_abs", "robust")
# The keys of [data] that speak of a table; the examples that come out need them no more.
OF_TABLES = ("file", "sheet", "frame", "inputs", "targets", "label", "scale", "validation")
# Those of them that ask for something where the examples stand in [data] themselves.
WISHES = ("inputs", "targets", "scale", "validation")

# So many that no size of a batch is too large for them.
STAND_INS = 10_000

Rows = list[list[float]]


def resolve_data(tables: dict[str, Any], base: Path) -> list[Problem]:
    """Replace what [data] says of a table by the examples in it, and return the table's problems.

    `base` is the folder that relative names start from.
    """
    data = tables.get("data")
    network = tables.get("graph") if "graph" in tables else tables.get("network")
    if not isinstance(data, dict) or not isinstance(network, dict):
        return []
    # None stands for a key that is not given.
    for key in [key for key, value in data.items() if value is None]:
        del data[key]
    problems = list(_wrong_keys(data))
    sources = [key for key in ("examples", "file", "frame") if key in data]
    asked = [key for key in WISHES if key in data]
    if not problems and len(sources) < 2 and not {"file", "frame"} & set(sources) and not asked:
        return []
    if not problems:
        try:
            table = _incoming(data, network, tables, base)
            _resolve(tables, data, network, table)
        except ExperimentError as error:
            problems = list(error.problems)
        except FileError as error:
            problems = [Problem("data.file", str(error))]
    if problems and sources != ["examples"]:
        _stand_in(tables, data, network)
    for key in OF_TABLES if problems else ():
        data.pop(key, None)
    return problems


def _stand_in(tables: dict[str, Any], data: dict[str, Any], network: dict[str, Any]) -> None:
    """Examples of the right shape, so that the other tables can still be checked."""
    if "graph" not in tables:
        for key in ("inputs", "targets"):
            # What the table would have named.
            network.setdefault(key, [f"a {key[:-1]} of the table"])
    raw = raw_inputs(steps_of(tables.get("prepare")), entries_of(network, "inputs"))
    count = len([*raw, *entries_of(network, "targets"), *strings([data.get("weight")])])
    data["examples"] = [[0.0] * count] * STAND_INS
    data.pop("columns", None)
    if data.get("order") != "shuffled" and "validation" in data:
        data.pop("seed", None)


def _wrong_keys(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems with the keys that speak of a table."""
    for key in ("file", "label", "sheet", "scale"):
        value = data.get(key)
        if value is not None and not isinstance(value, str):
            yield Problem(f"data.{key}", f"text in quotes expected; got {shown(value)}")
    for key in ("inputs", "targets"):
        value = data.get(key)
        if value is not None and (not isinstance(value, list) or len(strings(value)) < len(value)):
            yield Problem(f"data.{key}", f"a list of names expected; got {shown(value)}")
    scale = data.get("scale")
    if isinstance(scale, str) and scale not in SCALES:
        yield Problem("data.scale", f"unknown; {nearest(scale, SCALES)}")
    share = data.get("validation")
    is_share = isinstance(share, int | float) and not isinstance(share, bool) and 0 < share < 1
    if share is not None and not is_share:
        yield Problem("data.validation", f"a share between 0 and 1 expected; got {shown(share)}")
    sources = [key for key in ("examples", "file", "frame") if key in data]
    if len(sources) > 1:
        yield Problem("data", f"either {' or '.join(sources)} expected, not both")
    if "label" in data and "targets" in data:
        yield Problem("data.label", "either label or targets expected, not both")
    elif "label" in data and not {"file", "frame"} & set(data):
        yield Problem("data.label", "used with file only; leave it out")
    if "sheet" in data and "file" not in data:
        yield Problem("data.sheet", "used with file only; leave it out")
    asked = [key for key in WISHES if key in data]
    if asked and not sources:
        yield Problem(f"data.{asked[0]}", "used with a table of examples only; leave it out")


def _incoming(
    data: Mapping[str, Any], network: Mapping[str, Any], tables: Mapping[str, Any], base: Path
) -> Incoming:
    """The table of [data]."""
    inputs = raw_inputs(steps_of(tables.get("prepare")), entries_of(network, "inputs"))
    targets, weight = entries_of(network, "targets"), strings([data.get("weight")])
    named = strings(data.get("columns"))
    if "file" in data:
        asked = strings([data.get("label")]) or strings(data.get("targets")) or targets
        wanted = [*(strings(data.get("inputs")) or inputs), *asked, *weight]
        return read_file(base / data["file"], named, wanted, data.get("sheet"))
    key = "frame" if "frame" in data else "examples"
    try:
        columns = columns_of(data[key])
    except ValueError as error:
        raise ExperimentError([Problem(f"data.{key}", str(error))], "the data") from None
    if key == "frame":
        return Incoming.of(columns, "the frame")
    names = named or [*inputs, *targets, *weight]
    if len(names) != len(columns):
        said = f"{counted(len(names), 'number')} expected ({listing(names)}); got {len(columns)}"
        raise ExperimentError([Problem("data.examples[1]", said)], "the data")
    return Incoming.of(dict(zip(names, columns.values(), strict=True)), "the examples", key)


def _resolve(
    tables: dict[str, Any], data: dict[str, Any], network: dict[str, Any], table: Incoming
) -> None:
    """Write the examples, and what was asked for, into the tables. Raises ExperimentError."""
    taking = Taking(table)
    weight = strings([data.get("weight")])
    label = strings([data.get("label")])
    asked = strings(data.get("targets")) or label or entries_of(network, "targets")
    inputs = TakenInputs(tables, network, taking)
    inputs.take(strings(data.get("inputs")), [*asked, *weight], data.get("scale"))
    targets = TakenTargets(network, taking)
    training = tables.get("training")
    is_trained = not (isinstance(training, Mapping) and training.get("rule") == "none")
    if is_trained and "graph" not in tables:
        targets.take(asked, is_label=bool(label))
    taking.need(weight)
    for name in weight:
        taking.put(name, name)
    taking.check()
    columns = [taking.raw[name] for name in (*inputs.raw, *targets.names, *weight)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    share, seed = data.get("validation"), data.get("seed", 0)
    for key in (*OF_TABLES, "columns"):
        data.pop(key, None)
    if share is not None and is_trained:
        if data.get("order") != "shuffled":
            data.pop("seed", None)
        rows, held_out = _split(rows, float(share), targets.classes, seed, tables)
        tables["validation"] = {"examples": [row[: len(row) - len(weight)] for row in held_out]}
    data["examples"] = rows
    if taking.said:
        data["meanings"] = taking.said | data.get("meanings", {})


def _split(
    rows: Rows, share: float, classes: Sequence[str] | None, seed: object, tables: Mapping[str, Any]
) -> tuple[Rows, Rows]:
    """The rows for training and for validation; of each class the same share."""
    if tables.get("validation") is not None:
        said = "[validation] has examples of its own; leave one of the two out"
        raise ExperimentError([Problem("data.validation", said)], "the data")
    random = np.random.default_rng(seed if isinstance(seed, int) and seed >= 0 else 0)
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(classes or [""] * len(rows)):
        groups.setdefault(text, []).append(row)
    chosen: set[int] = set()
    for _, members in sorted(groups.items()):
        chosen.update(random.permutation(members)[: round(share * len(members))].tolist())
    if not 0 < len(chosen) < len(rows):
        said = f"of {counted(len(rows), 'example')} this is {len(chosen)}; another share expected"
        raise ExperimentError([Problem("data.validation", said)], "the data")
    return (
        [row for index, row in enumerate(rows) if index not in chosen],
        [row for index, row in enumerate(rows) if index in chosen],
    )
