"""Experiments by the name of a template, or by the path of a file."""

from __future__ import annotations

import pytest

from bpsheet.api.opening import load
from bpsheet.errors import ExperimentError
from bpsheet.plan.templates import template_names, template_path
from tests.helpers.experiment_files import GOOD, read


def test_a_template_is_loaded_by_its_name_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = load("two-neuron")
    assert experiment.name == "two-neuron"
    assert experiment.text == template_path("two-neuron").read_text()
    assert "two-neuron" in template_names()


def test_an_unknown_template_is_refused_with_the_nearest():
    with pytest.raises(
        ExperimentError, match=r'no template "two-neurons"; did you mean "two-neuron"'
    ):
        load("two-neurons")


def test_a_file_is_loaded_by_its_path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    assert load(path).name == "mine"
    assert load(str(path)).run().frame.equals(read(GOOD).run().frame)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "no such file, and no template of this name"),
        (lambda path: path.mkdir(), "a folder, not a file"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "not a text file (UTF-8 expected)"),
        (
            lambda path: path.write_text("#" * 9_000_000),
            "more than 8,000,000 bytes",
        ),
    ],
)
def test_a_path_that_is_no_experiment_file_is_refused(tmp_path, make, said):
    path = tmp_path / "mine.toml"
    make(path)
    with pytest.raises(ExperimentError) as caught:
        load(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8-sig")
    assert load(path).title == "Two neurons"
