"""The command page."""

from __future__ import annotations

import json
import re

import pytest

import bpsheet as bp
from bpsheet.errors import OutputError
from bpsheet.files.seals import sealed
from bpsheet.page.page import page_of


def test_the_command_writes_a_page(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ("page", "two-neuron", "--set", "w_xg1=0.7", "--iterations", "5", "--no-rules")
    status, said, _ = command(*words)
    assert status == 0
    path = tmp_path / "outputs" / "two-neuron.html"
    assert said.startswith("Wrote outputs/two-neuron.html (")
    content = path.read_text("utf-8")
    assert json.loads(re.search(r"\"iterations\":([0-9]+)", content)[1]) == 5
    made = page_of(bp.load("two-neuron").changed({"w_xg1": 0.7, "iterations": 5}), rules=False)
    assert content == sealed(made, "html")


def test_a_name_that_is_no_page_is_refused(command, tmp_path):
    status, _, said = command("page", "two-neuron", "-o", str(tmp_path / "page.txt"))
    assert status == 1
    assert "expected a name that ends in .html" in said
    with pytest.raises(OutputError):
        bp.load("two-neuron").to_page(tmp_path / "page.xlsx")
    assert not list(tmp_path.iterdir())
