"""What a person reads whose experiment file is not TOML: the line, and the cure."""

from __future__ import annotations

import re

import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.plan.templates import starter_text

STARTER = starter_text("typed")


def said_of(tmp_path, pattern, typed):
    """The message about the starter's text with what the pattern finds typed otherwise."""
    path = tmp_path / "typed.toml"
    changed, count = re.subn(pattern, lambda _: typed, STARTER, count=1, flags=re.MULTILINE)
    assert count == 1
    path.write_text(changed, encoding="utf-8")
    lines = zip(changed.split("\n"), STARTER.split("\n"), strict=False)
    number = next(number for number, (new, old) in enumerate(lines, 1) if new != old)
    with pytest.raises(ExperimentError) as error:
        bp.load(path)
    return number, [str(problem) for problem in error.value.problems]


@pytest.mark.parametrize(
    ("pattern", "typed", "cure"),
    [
        (r"^learning_rate = .*", "learning_rate = 0,5", "0,5 has a decimal comma; write 0.5"),
        (r"^learning_rate = .*", "learning_rate = -1,5e3 # fast", "write -1.5e3"),
        (r"^learning_rate = .*", "learning_rate = .5", "write 0.5"),
        (r"^title = .*", "title = “XOR”", "“ is a curly quote"),
        (r"^title = .*", "title = „XOR“", "„ is a curly quote"),
        (r"^title = .*", "title = ‘XOR’", "‘ is a curly quote"),
        (r"^title = .*", 'title = "XOR', "a quote is missing"),
        (r"^title = .*", "title = 'XOR", "a quote is missing"),
        (r"^title = .*", "title = XOR", 'the text has no quotes; write "XOR"'),
        (r"^title = .*", r'title = "C:\data"', "a backslash in a text"),
        (r"^rule = .*", "rule = gradient_descent", 'write "gradient_descent"'),
        (r"^targets = .*", 'targets: ["y"]', "with =, not with a colon"),
        (r'"h1", "h2"', '"h1, "h2"', "a quote is missing"),
        (r"^bias = \[0.2\]", "bias = False", "write false, in small letters"),
        (r"^epochs = .*", "epochs = ten thousand", 'write "ten thousand"'),
    ],
)
def test_a_text_that_is_not_toml_is_told_with_its_line_and_the_cure(tmp_path, pattern, typed, cure):
    number, problems = said_of(tmp_path, pattern, typed)
    assert len(problems) == 1
    assert problems[0].startswith(f"line {number}: ")
    assert cure in problems[0]


@pytest.mark.parametrize(
    ("pattern", "typed", "cure"),
    [
        (r"\[\[0.5, 0.8\]\]", "[[0,5, 0,8]]", "write 0.5"),
        (r"\[0.1, -0.1\]", "[-0,1 , 0,1]", "write -0.1"),
        (r"\[0.2\]", "[0,2]", "write 0.2"),
    ],
)
def test_decimal_commas_in_a_list_are_told_before_the_wrong_length(tmp_path, pattern, typed, cure):
    number, problems = said_of(tmp_path, pattern, typed)
    assert problems[0].startswith(f"line {number}: ")
    assert cure in problems[0]
    assert "expected" in problems[1]


def test_lists_of_whole_numbers_without_spaces_are_no_decimal_commas(tmp_path):
    _, problems = said_of(tmp_path, r"^correct = .*", "correct = 'wrongly'\norder = [1,2,3,4]")
    assert not any("comma" in problem for problem in problems)


def test_another_break_of_toml_is_told_with_its_line_and_character(tmp_path):
    number, problems = said_of(tmp_path, r"^loss = .*", 'loss = "a" "b"')
    said = "not TOML: Expected newline or end of document after a statement"
    assert problems == [f'line {number}: {said}, at character 12 of "loss = "a" "b""']


def test_a_file_is_found_without_its_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rob.toml").write_text(STARTER, encoding="utf-8")
    assert bp.load("rob").network.inputs == ["x1", "x2"]


def test_a_template_comes_before_a_file_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two-neuron.toml").write_text(STARTER, encoding="utf-8")
    assert bp.load("two-neuron").network.layers[0].neurons == ["g"]


def test_the_command_to_paste_is_quoted_where_the_name_has_spaces(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    _, said, _ = command("new", "my network")
    assert said.strip().endswith("bpsheet run 'my network.toml'")
    assert "bpsheet run 'my network.toml'" in (tmp_path / "my network.toml").read_text("utf-8")
