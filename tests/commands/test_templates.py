"""The commands list and new."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpsheet.plan.templates import template_names
from tests.helpers.commands import files


@pytest.mark.slow
def test_list_has_a_line_for_each_template(command):
    status, out, _ = command("list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == template_names()
    assert all(len(line.split()) > 2 for line in out.splitlines())


def test_new_writes_a_file_that_runs(command, folder):
    status, out, _ = command("new", "mine")
    assert status == 0
    assert out.startswith("Wrote mine.toml. Run it: bpsheet run mine.toml")
    assert "mine" in Path("mine.toml").read_text().splitlines()[0]
    status, out, _ = command("run", "mine.toml", "--iterations", "12")
    assert status == 0
    assert files(folder) == ["mine.toml", "outputs/mine.xlsx"]
    assert command("verify", "outputs/mine.xlsx")[0] == 0


def test_new_takes_a_name_with_its_ending_spaces_and_folders(command, folder):
    assert command("new", "my first network.toml")[0] == 0
    assert command("new", "deep/down")[0] == 0
    assert files(folder) == ["deep/down.toml", "my first network.toml"]
    assert command("run", "my first network.toml", "--iterations", "2")[0] == 0
    assert "outputs/my first network.xlsx" in files(folder)


def test_new_does_not_overwrite(command):
    Path("mine.toml").write_text("mine")
    for name in ("mine", "mine.toml"):
        status, out, err = command("new", name)
        assert status != 0
        assert out == ""
        assert "mine.toml exists" in err
    assert Path("mine.toml").read_text() == "mine"
