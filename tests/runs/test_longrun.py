"""Runs that are longer than memory: told of as short ones are."""

from __future__ import annotations

import pandas as pd
import pytest

import bpsheet as bp
from bpsheet.runs import longrun
from bpsheet.runs.longrun import LongRun


@pytest.mark.slow
def test_the_command_keeps_a_part(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = command(
        "run", "book-xor", "--iterations", "5000", "--keep", "every:1000", "-o", "x.csv"
    )
    assert status == 0
    assert "Wrote x.csv: 6 rows of values." in out
    assert "All were right for the first time at iteration 625." in " ".join(out.split())
    assert [line.split()[0] for line in out.split("\n")[2:9]] == [
        *["1", "2", "3", "…"],
        *["4998", "4999", "5000"],
    ]
    assert pd.read_csv("x.csv").iteration.tolist() == [1, 1001, 2001, 3001, 4001, 5000]
    command("run", "two-neuron", "--iterations", "90", "--keep", "every:10", "-o", "x.xlsx")
    assert "and its row follows" in command("run", "two-neuron", "--keep", "every:10")[1]


def test_a_long_run_is_told_of_as_a_short_one(command, tmp_path, monkeypatch):
    """Its table, its first error and its tests; a diagnosis of as much as is held in memory."""
    monkeypatch.chdir(tmp_path)
    for name in ("book-xor", "exploding", "two-neuron"):
        short = command("run", name, "--iterations", "400", "-o", "x.csv")[1]
        with monkeypatch.context() as patched:
            patched.setattr(longrun, "IN_MEMORY", 30 * 50)
            long = command("run", name, "--iterations", "400", "-o", "x.csv")[1]
        for line in short.split("\n"):
            if "bpsheet show" not in line:
                assert line in long


def test_a_long_run_knows_where_errors_begin_beyond_what_is_diagnosed(monkeypatch):
    from bpsheet.terminal.display import long_summary

    monkeypatch.setattr(longrun, "IN_MEMORY", 300)
    experiment = bp.load("exploding").changed({"iterations": 60})
    long = LongRun(experiment)
    assert long.first_error == experiment.run().first_error
    assert len(long.beginning()) < long.first_error.iteration
    assert long_summary(long)[0] == (
        "From iteration 11 on there are values that a spreadsheet cannot hold: "
        "z4_1 is the first (#NUM!)."
    )
