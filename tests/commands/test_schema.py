"""The JSON schema of experiment files takes and refuses what the program does."""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

import bpsheet as bp
from bpsheet.cli import cli
from bpsheet.plan.templates import template_names, template_path


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(CliRunner().invoke(cli, ["schema"]).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.slow
def test_schema_accepts_every_template(validator):
    for name in template_names():
        tables = tomllib.loads(template_path(name).read_text("utf-8"))
        assert [error.message for error in validator.iter_errors(tables)] == []


def test_schema_accepts_the_starter(validator, command):
    command("new", "mine")
    assert validator.is_valid(tomllib.loads(Path("mine.toml").read_text("utf-8")))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["titel"], "misspelt"),
        (["network", "layer"], []),
        (["network", "inputs"], "x1"),
        (["network", "layers", 0, "units"], 0),
        (["network", "layers", 0, "weights"], [[True]]),
        (["network", "layers", 0, "bias"], "none"),
        (["network", "layers", 0, "weight"], [[1.0]]),
        (["data", "order"], "random"),
        (["data", "order"], [0, 1]),
        (["training", "rule"], "adan"),
        (["training", "batch_size"], 0),
        (["training", "batch_size"], "every"),
        (["training", "reduction"], "max"),
        (["training", "learning_rate"], "0.1"),
        (["training", "iterations"], 2.5),
        (["initial"], {"method": "random"}),
        (["initial"], {"range": 0}),
        (["test"], {"correct": "sign"}),
        (["notation"], {"weights": "w"}),
        (["hand"], {"1": {"g": -0.25}}),
    ],
)
def test_schema_refuses_wrong_files_as_the_program_does(validator, place, value):
    tables = tomllib.loads(template_path("two-neuron").read_text("utf-8"))
    wrong = copy.deepcopy(tables)
    spot = wrong
    for step in place[:-1]:
        spot = spot[step]
    spot[place[-1]] = value
    assert validator.is_valid(tables)
    assert not validator.is_valid(wrong)
    with pytest.raises(bp.ExperimentError):
        bp.Experiment.from_dict(wrong)


@pytest.mark.parametrize(
    "key", [["network"], ["data"], ["network", "inputs"], ["network", "layers"]]
)
def test_schema_asks_for_what_must_be_there(validator, key):
    tables = tomllib.loads(template_path("two-neuron").read_text("utf-8"))
    spot = tables
    for step in key[:-1]:
        spot = spot[step]
    del spot[key[-1]]
    assert not validator.is_valid(tables)


def test_schema_explains_every_key(command):
    schema = json.loads(command("schema")[1])
    tables = [schema, *schema["$defs"].values()]
    for table in tables:
        for key, entry in table.get("properties", {}).items():
            described = schema["$defs"].get(entry.get("$ref", "").rpartition("/")[2], entry)
            assert described.get("description"), key
