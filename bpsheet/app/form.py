"""The form of an experiment: the sections of its file, and changes to single fields.

The text of the file is all there is: the form shows what stands in it, and a change in the form
changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from bpsheet.app.fields import FieldOf, UnreadableError, fields_of, text_of, value_of
from bpsheet.app.lines import spliced
from bpsheet.errors import ExperimentError, Problem
from bpsheet.plan.plan import Plan
from bpsheet.plan.syntax import read_toml
from bpsheet.plan.toml import toml_text

__all__ = [
    "HAND",
    "SOURCE",
    "Section",
    "changed",
    "sections",
    "texts",
    "with_layer",
    "without_layer",
]

# How messages name the experiment.
SOURCE = "the experiment"
LAYERS = "network.layers"
# The keys by which quantities get other names. Values that were worked by hand name them.
NAMING = ("inputs", "targets", "neurons", "units", "kind", "name", "forward", "shapes")
HAND = "hand"


@dataclass(frozen=True)
class Section:
    """A part of the form: the table of the file, its title and its fields.

    `is_list` tells that the table is there once for each layer.
    """

    table: str
    title: str
    fields: tuple[FieldOf, ...]
    is_list: bool = False

    @property
    def plain(self) -> dict[str, Any]:
        """The section as the page takes it."""
        fields = [field.plain for field in self.fields]
        return {"table": self.table, "title": self.title, "fields": fields, "list": self.is_list}


@cache
def sections() -> tuple[Section, ...]:
    """The sections of the form, from the schema of experiment files."""
    whole = Plan.model_json_schema()
    tables = whole["$defs"]
    own = {"properties": {key: whole["properties"][key] for key in ("title", "notes")}}
    chosen = (
        ("", "Title", own, ("title", "notes"), ()),
        ("network", "Network", tables["Network"], ("inputs", "targets", "loss"), ("layers",)),
        (
            LAYERS,
            "Layer",
            tables["Layer"],
            ("neurons", "units", "activation", "weights", "bias"),
            (),
        ),
        ("graph", "Formulas", tables["Graph"], ("inputs", "parameters", "forward", "loss"), ()),
        (
            "data",
            "Data",
            tables["Data"],
            ("columns", "examples", "order"),
            ("frame", "file", "sheet"),
        ),
        (
            "training",
            "Training",
            tables["Training"],
            ("rule", "learning_rate", "iterations", "batch_size"),
            ("schedule",),
        ),
        ("training.schedule", "Learning rate over time", tables["Schedule"], (), ()),
        ("initial", "First weights that are drawn", tables["Initial"], (), ()),
        ("test", "Tests", tables["Test"], (), ()),
        ("validation", "Validation", tables["Validation"], (), ()),
    )
    return tuple(
        Section(table, title, tuple(fields_of(schema, common, left_out)), table == LAYERS)
        for table, title, schema, common, left_out in chosen
    )


def texts(tables: Mapping[str, Any]) -> dict[str, str]:
    """The text of each field that is given, by the place of its key in the file.

    >>> texts({"network": {"layers": [{"neurons": ["g"]}]}, "training": {"rule": "adam"}})
    {'network.layers[1].neurons': 'g', 'training.rule': 'adam'}
    """
    found = {}
    for section in sections():
        for place, table in _tables_of(section, tables):
            for field in section.fields:
                if isinstance(table, Mapping) and field.key in table:
                    found[f"{place}{field.key}"] = text_of(
                        table[field.key], field.kind, field.choices
                    )
    return found


def _tables_of(section: Section, tables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The tables of a section, each with the beginning of its places."""
    if not section.table:
        return [("", tables)]
    found: Any = tables
    for key in section.table.split("."):
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    if section.is_list:
        rows = found if isinstance(found, list) else []
        return [(f"{section.table}[{n}].", row) for n, row in enumerate(rows, start=1)]
    return [(f"{section.table}.", found)]


def changed(text: str, place: str, given: str) -> str:
    """The text of the file after a field was changed. An empty field is taken out of the file.

    All else stays as it is typed, with its comments, where that is possible. Values that were worked
    by hand go where quantities get other names.

    Raises ExperimentError for a text that is no TOML, and for a field that cannot be read.
    """
    tables = read_toml(text, SOURCE)
    field, table, number = _found(place)
    try:
        value = value_of(given, field)
    except UnreadableError as error:
        raise ExperimentError([Problem(place, str(error))], SOURCE) from None
    inside = _inside(tables, table, number, place)
    is_other = inside.get(field.key) != value
    if value is None:
        inside.pop(field.key, None)
    else:
        inside[field.key] = value
        # One of a pair that exclude each other.
        other = {"iterations": "epochs", "epochs": "iterations", "units": "neurons"}
        other |= {"neurons": "units"}
        if field.key in other and table in ("training", LAYERS):
            inside.pop(other[field.key], None)
    if is_other and field.key in NAMING:
        tables.pop(HAND, None)
    wanted = _without_empty(tables)
    lines = spliced(text, (table, number), field.key, value)
    try:
        return lines if read_toml(lines, SOURCE) == wanted else toml_text(wanted)
    except ExperimentError:
        return toml_text(wanted)


def _found(place: str) -> tuple[FieldOf, str, int]:
    """The field of a place, its table and the layer's number, 0 outside of layers."""
    table, _, key = place.rpartition(".")
    head, bracket, rest = table.partition("[")
    name, number = (
        (head, int(rest.rstrip("]"))) if bracket and rest[:-1].isdecimal() else (table, 0)
    )
    for section in sections():
        if section.table == name and section.is_list == bool(number):
            for field in section.fields:
                if field.key == key:
                    return field, name, number
    raise ExperimentError([Problem(place, "no such field")], SOURCE)


def _inside(tables: dict[str, Any], table: str, number: int, place: str) -> dict[str, Any]:
    found: Any = tables
    for key in table.split(".") if table else ():
        if not isinstance(found, dict):
            break
        found = found.setdefault(key, [] if key == "layers" else {})
    if number and isinstance(found, list) and number <= len(found):
        found = found[number - 1]
    if not isinstance(found, dict):
        raise ExperimentError([Problem(place, "the file has no such table")], SOURCE)
    return found


def _without_empty(tables: dict[str, Any]) -> dict[str, Any]:
    """The tables without those in which nothing is left."""
    kept = {}
    for key, value in tables.items():
        inner = _without_empty(value) if isinstance(value, dict) else value
        if inner != {}:
            kept[key] = inner
    return kept


def with_layer(text: str, number: int) -> str:
    """The text with a further layer of two units before the layer of this number, from 1."""
    tables, layers = _layers(text)
    at = min(max(number - 1, 0), len(layers))
    layers.insert(at, {"units": 2})
    # The next layer has other inputs now. Its weights are drawn until they are given.
    for layer in layers[at + 1 : at + 2]:
        layer.pop("weights", None)
    return toml_text(tables)


def without_layer(text: str, number: int) -> str:
    """The text without a layer. Raises ExperimentError where there is none of this number."""
    tables, layers = _layers(text)
    if not 1 <= number <= len(layers):
        raise ExperimentError([Problem(f"{LAYERS}[{number}]", "no such layer")], SOURCE)
    del layers[number - 1]
    for layer in layers[number - 1 : number]:
        layer.pop("weights", None)
    return toml_text(tables)


def _layers(text: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    tables = read_toml(text, SOURCE)
    network = tables.get("network")
    layers = network.setdefault("layers", []) if isinstance(network, dict) else None
    if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
        raise ExperimentError([Problem("network", "there is no network with layers")], SOURCE)
    tables.pop(HAND, None)
    return tables, layers
