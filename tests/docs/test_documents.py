"""The documents say what is so: their lists, links and tables."""

from __future__ import annotations

import re
import tomllib

import click
import pytest
from PIL import Image

import bpsheet as bp
from bpsheet.cli import cli
from bpsheet.plan.templates import template_names
from bpsheet.tables.notation import PLACEHOLDERS
from bpsheet.tables.table import Spec
from bpsheet.textbook.rules import RULES, SCHEDULES
from tests.helpers.samples import spread

from .documents import DOCUMENTS, ROOT, headings, prose, text_of
from .gallery import FOLDER as GALLERY_FOLDER
from .gallery import GALLERY, table_of_gallery
from .pictures import FOLDER, RESULT
from .tables import DOCUMENT, KEYS, made_anew, result_of

TEMPLATES = text_of(DOCUMENT)
LINK = re.compile(r"\]\(([^)]+)\)")


def rows_of(document: str, header: str) -> list[list[str]]:
    """The cells of the table with that header line."""
    body = text_of(document).split(f"{header}\n", 1)[1].split("\n\n", 1)[0]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in body.splitlines()[1:]]


def test_the_readme_has_at_most_1200_words():
    assert len(text_of("README.md").split()) <= 1200


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    for target in LINK.findall(prose(document)):
        if re.match("https?:", target):
            continue
        path, _, anchor = target.partition("#")
        there = ((ROOT / document).parent / path).resolve() if path else ROOT / document
        assert there.exists(), target
        if anchor:
            assert anchor in headings(str(there.relative_to(ROOT))), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_is_there(document):
    named = re.findall(r"`((?:tests|templates|bpsheet|\.github|\.ci)/[\w./-]+)`", prose(document))
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_readme_leads_to_every_other_document():
    links = LINK.findall(text_of("README.md"))
    for document in DOCUMENTS[1:]:
        assert document in links


@pytest.mark.slow
def test_tables_are_made_from_descriptions_and_runs():
    """Else `python -m tests.docs.tables` makes them anew."""
    assert made_anew(TEMPLATES) == TEMPLATES


def test_every_key_has_a_description_and_a_table():
    for name, model in KEYS.items():
        assert issubclass(model, Spec)
        assert model.__doc__
        assert f"<!-- keys: {name} -->" in TEMPLATES
        for key, field in model.model_fields.items():
            assert field.description, f"{name}.{key}"


@pytest.mark.parametrize(
    "name", sorted({name for rule in RULES.values() for name in rule.settings})
)
def test_defaults_that_a_rule_sets_are_described(name):
    described = bp.Training.model_fields[name].description.partition(" Default: ")[2]
    for rule, kind in RULES.items():
        if name in kind.settings:
            own = re.search(rf"`{rule}` ([\d.e-]+\d)", described)
            value = own or re.match(r"[\d.e-]+\d", described)
            assert float(value[value.re.groups]) == kind.settings[name], rule


SCHEDULED = {
    cell
    for kind in SCHEDULES.values()
    for cell, value in kind.settings.items()
    if value is not None
}


@pytest.mark.parametrize("cell", sorted(SCHEDULED))
def test_defaults_that_a_schedule_sets_are_described(cell):
    key = cell.removeprefix("schedule_")
    described = bp.Schedule.model_fields[key].description.partition(" Default: ")[2]
    for name, kind in SCHEDULES.items():
        if kind.settings.get(cell) is not None:
            own = re.search(rf"`{name}` ([\d.]+\d)", described)
            value = own or re.match(r"([\d.]+\d)", described)
            assert float(value[1]) == kind.settings[cell], name


def test_every_table_of_the_experiment_file_is_described():
    tables = {"title", "notes", "hand"} | {
        "network", "graph", "functions", "data", "prepare", "training", "initial", "test", "validation", "notation",
        "origin",
    }  # fmt: skip
    assert set(bp.Experiment.model_fields) == tables
    for name in tables - {"title", "notes"}:
        assert f"**`[{name}]`**" in TEMPLATES or f"**`[[{name}]]`**" in TEMPLATES


def test_every_placeholder_is_documented():
    for name in {part for parts in PLACEHOLDERS.values() for part in parts}:
        assert f"`{{{name}}}`" in TEMPLATES


def test_every_template_is_listed_and_shown():
    for name in template_names():
        assert f"`{name}`" in text_of("README.md")
        assert f"`{name}`:" in TEMPLATES or f"`{name}`, " in TEMPLATES
        assert f"](pictures/{name}.png)" in TEMPLATES
    assert {path.stem for path in FOLDER.iterdir()} == set(template_names())


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", spread(template_names(), 6))
def test_a_picture_is_of_the_run_that_there_is(name, traced):
    """Else `python -m tests.docs.pictures` makes it anew."""
    path = FOLDER / f"{name}.png"
    assert 1_000 < path.stat().st_size < 90_000
    with Image.open(path) as picture:
        assert picture.text[RESULT] == result_of(traced(name))


def test_the_gallery_shows_its_ten_pictures():
    """Each file is shown and small. `python -m tests.docs.pictures` makes them anew."""
    assert len(GALLERY) == 10
    files = {path.stem: path.stat().st_size for path in GALLERY_FOLDER.iterdir()}
    assert set(files) == {shown.name for shown in GALLERY}
    assert all(1_000 < size < 100_000 for size in files.values()), files
    assert table_of_gallery() in TEMPLATES


def test_the_readme_lists_every_command():
    commands = [
        cells[0].strip(" `") for cells in rows_of("README.md", "| command | what it does |")
    ]
    assert sorted(commands) == sorted(cli.commands)


def test_every_command_is_shown_with_options_that_it_has():
    shown = rows_of("outputs/README.md", "| command | what it does |")
    usages = [cells[0].strip(" `").removeprefix("bpsheet ") for cells in shown]
    assert sorted(usage.split()[0] for usage in usages) == sorted(cli.commands)
    for usage in usages:
        command = cli.commands[usage.split()[0]]
        known = {name for option in command.params for name in option.opts}
        assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", usage)) <= known, usage
        for choices in re.findall(r"(--[a-z]+) ([a-z-]+(?:\\\|[a-z-]+)+)", usage):
            option = next(param for param in command.params if choices[0] in param.opts)
            if isinstance(option.type, click.Choice):
                assert set(choices[1].split("\\|")) <= set(option.type.choices), usage


def test_every_extra_that_is_named_is_one():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for document in DOCUMENTS:
        for names in re.findall(r'"\.\[([\w,]+)\]"', text_of(document)):
            assert set(names.split(",")) <= set(project["optional-dependencies"]), document


def test_pictures_are_there():
    for document in DOCUMENTS:
        for target in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text_of(document)):
            with Image.open((ROOT / document).parent / target) as picture:
                assert picture.width >= 390, target  # a phone
