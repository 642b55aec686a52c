"""The form is another way to write the file: the same keys, the same values, the same problems."""

from __future__ import annotations

import tomllib

import pytest

import bpsheet as bp
from bpsheet.app.fields import UnreadableError, text_of, value_of
from bpsheet.app.form import changed, sections, texts
from bpsheet.errors import ExperimentError
from tests.helpers.samples import sampled, small_templates


@pytest.mark.parametrize("name", sampled(small_templates(), "two-neuron", "lstm-two-steps"))
def test_each_value_of_a_template_is_read_back_from_its_field(name):
    """Typing what a field shows changes nothing."""
    tables = tomllib.loads(bp.load(name).to_toml())
    text = bp.load(name).to_toml()
    shown = texts(tables)
    assert shown
    for place, given in shown.items():
        assert tomllib.loads(changed(text, place, given)) == tables, place


def test_every_key_of_the_schema_has_a_field_with_its_help():
    """But those that no person types, and the tables that stand in the text alone."""
    schema = bp.Experiment.model_json_schema()
    for section in sections():
        if not section.table:
            continue
        kind = {"network.layers": "Layer", "training.schedule": "Schedule"}
        model = schema["$defs"][kind.get(section.table, section.table.capitalize())]
        missing = model["properties"].keys() - {field.key for field in section.fields}
        assert missing <= {"layers", "schedule", "frame", "file", "sheet"}, section.table
        assert all(field.help for field in section.fields)


def test_a_change_leaves_all_else_as_it_is_typed(text):
    after = changed(text, "training.learning_rate", "0,25")
    assert after == text.replace("learning_rate = 0.1", "learning_rate = 0.25")
    after = changed(text, "network.layers[2].weights", "0.7")
    assert after == text.replace("weights = [[0.5]]", "weights = [[0.7]]")
    after = changed(text, "data.examples", "1 0,5 0\n2; 0; 1")
    assert "# One example, presented again and again" in after
    assert tomllib.loads(after)["data"]["examples"] == [[1, 0.5, 0], [2, 0, 1]]
    assert changed(text, "training.rule", "") == text.replace('rule = "gradient_descent"\n', "")


def test_a_new_key_goes_into_its_table(text):
    for place, given, wanted in (
        ("training.schedule.kind", "cosine", "cosine"),
        ("network.layers[1].name", "x", "x"),
        ("title", "Änderung", "Änderung"),
        ("initial.seed", "7", 7),
    ):
        found = tomllib.loads(changed(text, place, given))
        for part in place.replace("[1]", "").split("."):
            found = found[part] if isinstance(found, dict) else found[0][part]
        assert found == wanted


@pytest.mark.parametrize(
    ("place", "given"),
    [
        ("training.learning_rate", "fast"),
        ("data.examples", "1 2 x"),
        ("network.layers[2].weights", "0,7"),  # one number, or two
        ("network.layers[1].bias", "[0.3"),
        ("training.nothing", "1"),
        ("network.layers[9].units", "1"),
        ("network.layers[x].units", "1"),
        ("a[", "1"),
        ("", ""),
    ],
)
def test_what_cannot_be_read_is_a_problem_of_its_field(text, place, given):
    with pytest.raises(ExperimentError) as caught:
        changed(text, place, given)
    assert caught.value.problems[0].place == place


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.1\n", '"fast"\n'),
        ("[[0.6, -0.1]]", "[[0.6]]"),
        ('"tanh"', '"tanhh"'),
        ("learning_rate", "lr"),
        ("0.1\n", "0,1\n"),
        ("iterations = 497", "iterations = 0"),
        ('["x1", "x2"]', '["x1", "x1"]'),
    ],
)
def test_problems_are_those_of_the_command_line_at_their_fields(app, text, tmp_path, old, new):
    wrong = text.replace(old, new, 1)
    assert wrong != text
    (tmp_path / "a.toml").write_text(wrong, "utf-8")
    with pytest.raises(ExperimentError) as caught:
        bp.load(tmp_path / "a.toml")
    got = app.call("check", {"text": wrong, "name": "a"})
    assert [(one["place"], one["said"]) for one in got["problems"]] == [
        (problem.place, problem.message) for problem in caught.value.problems
    ]


def test_layers_come_and_go(app, text):
    more = app.call("change", {"text": text, "name": "a", "add": 2})
    assert (more["layers"], more["problems"]) == (3, [])
    assert "The hand values belonged to the network as it was before" in more["told"][0]
    less = app.call("change", {"text": more["text"], "name": "a", "remove": 2})
    assert (less["layers"], less["problems"]) == (2, [])


def test_a_value_of_any_kind_is_written_as_in_the_file():
    fields = {field.key: field for section in sections() for field in section.fields}
    for key, given, wanted in (
        ("bias", "shared", "shared"),
        ("bias", "false", False),
        ("bias", "0,3  -0,1", [0.3, -0.1]),
        ("batch_size", "all", "all"),
        ("parameters", "{ w = [1, 2] }", {"w": [1, 2]}),
        ("order", "[1, 2]", [1, 2]),
    ):
        assert value_of(given, fields[key]) == wanted
        assert (
            value_of(text_of(wanted, fields[key].kind, fields[key].choices), fields[key]) == wanted
        )
    with pytest.raises(UnreadableError, match="a value as in the file"):
        value_of("{ w = ", fields["parameters"])
