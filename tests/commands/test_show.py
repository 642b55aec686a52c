"""The command show: one iteration, phase by phase."""

from __future__ import annotations

import re

import pytest

import bpsheet as bp
from tests.helpers.commands import files


def test_show_prints_an_iteration_phase_by_phase(command, folder):
    status, out, _ = command("show", "two-neuron", "--iteration", "2")
    assert status == 0
    titles = ["Example", "Weights", "Forward pass", "Backward pass", "Gradient", "Adjustments"]
    places = [out.index(f"\n{title}") for title in titles]
    assert places == sorted(places)
    frame = bp.load("two-neuron").run(2).frame
    for name, value in frame.loc[2].items():
        printed = re.search(rf"^{re.escape(name)} +([-+0-9.e]+)( |$)", out, re.MULTILINE)
        assert printed, name
        assert float(printed[1]) == pytest.approx(value, rel=1e-4)
    assert files(folder) == []


def test_show_prints_formulas_in_the_sources_names(command):
    out = command("show", "two-neuron")[1]
    assert re.search(r"^f_error +-0\.14[0-9]+ +MSE' ?[*·×]? ?f' *$", out, re.MULTILINE)


def test_show_goes_beyond_the_iterations_of_the_file(command):
    status, out, _ = command("show", "one-weight", "--iteration", "12")
    assert status == 0
    assert "iteration 12" in out


def test_show_prints_errors_as_a_cell_would(command):
    assert "#NUM!" in command("show", "exploding", "--iteration", "30")[1]


def test_show_refuses_what_no_memory_holds(command):
    status, out, err = command("show", "two-neuron", "--iteration", "999999999")
    assert status == 2
    assert "200,000,000 at the most" in err
    assert out == ""
