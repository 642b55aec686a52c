"""The command verify: what it prints, and its exit status."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_verify_passes_with_status_0(command):
    command("run", "two-neuron", "--iterations", "6")
    status, out, err = command("verify", "outputs/two-neuron.xlsx")
    assert status == 0
    assert "outputs/two-neuron.xlsx in ironcalc" in out
    assert out.count("passed") == 3
    assert out.count("186") == 3
    assert "w_xg0" in out
    assert "and 6 more" in out
    assert "Traceback" not in err


@pytest.mark.slow
def test_verify_fails_with_status_1_and_tells_the_cells(command, edit):
    command("run", "two-neuron", "--iterations", "6")
    path = edit(
        Path("outputs/two-neuron.xlsx"), {"P9": lambda xml: re.sub("<v>.*?</v>", "<v>7</v>", xml)}
    )
    status, out, _ = command("verify", str(path))
    assert status == 1
    assert "1 wrong" in out
    assert "P9 (MSE): 7 there, 0.1652487341750" in out


@pytest.mark.slow
def test_verify_makes_the_changes_that_are_asked_for(command):
    command("run", "two-neuron", "--iterations", "6")
    status, out, _ = command("verify", "outputs/two-neuron.xlsx", "--set", "w_gf1=0.7")
    assert status == 0
    assert "changed: w_gf1 = 0.7" in out
    status, out, err = command("verify", "outputs/two-neuron.xlsx", "--set", "w_gf9=0.7")
    assert (status, out) == (2, "")
    assert "w_gf9" in err


def test_verify_refuses_what_is_no_workbook_of_ours(command, folder):
    (folder / "x.xlsx").write_text("hello")
    for name, said in (("x.xlsx", "not a workbook"), ("nothing.xlsx", "no such file")):
        status, out, err = command("verify", name)
        assert (status, out) == (2, "")
        assert said in err
        assert "Traceback" not in err


def test_verify_tells_how_to_install_its_engine(command, monkeypatch):
    command("run", "one-weight")
    monkeypatch.setitem(sys.modules, "ironcalc", None)
    status, out, err = command("verify", "outputs/one-weight.xlsx")
    assert (status, out) == (1, "")
    assert "python -m pip install" in err
