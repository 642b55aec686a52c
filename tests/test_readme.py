"""The README says what is so."""

import re
import tomllib
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.experiment import Experiment
from bpsheet.notation import PLACEHOLDERS
from bpsheet.reader import template_names
from bpsheet.spec import Spec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = {
    "[network]": bp.Network,
    "[[network.layers]]": bp.Layer,
    "[graph]": bp.Graph,
    "[data]": bp.Data,
    "[training]": bp.Training,
    "[training.schedule]": bp.Schedule,
    "[initial]": bp.Initial,
    "[test]": bp.Test,
    "[notation]": bp.Notation,
}


def documented(table: str) -> dict[str, str]:
    """The keys and defaults in the README's table of that name."""
    part = README.split(f"**`{table}`**", 1)[1].split("\n**`[", 1)[0].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \|([^|]*)\|", part, re.MULTILINE))


@pytest.mark.parametrize("table", TABLES)
def test_every_key_is_documented_and_no_other(table):
    assert documented(table).keys() == TABLES[table].model_fields.keys()


@pytest.mark.parametrize("table", TABLES)
def test_documented_defaults_are_the_defaults(table):
    for key, said in documented(table).items():
        literal = re.fullmatch(r"`([^`]+)`", said.strip())
        if literal and not said.startswith("`neurons`") and key != "neurons":
            default = TABLES[table].model_fields[key].default
            assert tomllib.loads(f"x = {literal[1]}")["x"] == default, key
        elif said.strip() == "needed":
            assert TABLES[table].model_fields[key].is_required(), key


def test_every_table_is_documented():
    tables = {name.strip("[]").split(".")[0] for name in TABLES} | {"hand"}
    fields = set(Experiment.model_fields)
    assert fields == tables | {"title", "notes"}
    assert "**`[hand]`**" in README


def test_every_placeholder_is_documented():
    for name in {part for parts in PLACEHOLDERS.values() for part in parts}:
        assert f"{{{name}}}" in README


def test_every_template_is_listed():
    for name in template_names():
        assert f"`{name}`" in README


def test_every_public_name_with_a_schema_has_its_example():
    for model in (*TABLES.values(), Experiment):
        assert issubclass(model, Spec)
        assert model.__doc__


def test_the_run_that_the_readme_shows_is_the_run(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from bpsheet.cli import cli

    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(cli, ["run", "two-neuron"]).output
    shown = README.split("$ bpsheet run two-neuron\n", 1)[1].split("Wrote", 1)[0]
    for line in shown.strip().splitlines():
        assert line.rstrip() in said
    assert re.search(r"Wrote \S+two-neuron.xlsx: 15,401 live formulas", README + said)


def test_the_picture_is_there():
    picture = re.search(r"!\[[^]]+\]\(([^)]+)\)", README)
    assert picture
    assert (ROOT / picture[1]).stat().st_size > 10_000
