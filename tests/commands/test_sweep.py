"""The command sweep."""

from __future__ import annotations

import pandas as pd
import pytest

from bpsheet.commands.sweep import grid_of


@pytest.mark.slow
def test_the_command_sweeps_and_tells_the_best(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["sweep", "book-xor", "--grid", "learning_rate=0.1,1", "--seeds", "1:2"]
    status, out, _ = command(*arguments, "--folder", "runs", "--set", "iterations=40")
    assert status == 0
    assert "4 runs" in out
    assert "Wrote outputs/book-xor-sweep.xlsx: a line for each run." in out
    assert len(list((tmp_path / "runs").glob("losses/run-*.parquet"))) == 4
    table = [line.split() for line in out.split("\n")[2:6]]
    losses = [float(line[-1]) for line in table]
    assert losses == sorted(losses)
    assert command(*arguments, "--set", "iterations=40", "-o", "x.csv")[0] == 0
    assert len(pd.read_csv("x.csv")) == 4
    assert command(*arguments, "--set", "iterations=40", "-o", "x.parquet")[0] == 0
    assert len(pd.read_parquet("x.parquet")) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "nothing varies; give --grid"),
        (["--grid", "learning_rate"], "NAME=VALUE,VALUE,… expected"),
        (["--grid", "=1,2"], "NAME=VALUE,VALUE,… expected"),
        (["--grid", "learning_rate="], "NAME=VALUE,VALUE,… expected"),
        (["--seeds", "5:1"], "FIRST:LAST expected"),
        (["--seeds", "1-3"], "FIRST:LAST expected"),
        (["--seeds", "1:3", "-o", "x.txt"], "expected a name that ends in .xlsx, .csv, .parquet"),
        (["--seeds", "1:3", "--keep", "all"], "every:100 or last:1000"),
    ],
)
def test_the_command_says_what_it_expects(command, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = command("sweep", "two-neuron", *arguments)
    assert status in (1, 2)
    assert said in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_grids_read_numbers_and_words():
    assert grid_of(["reduction=sum,mean", "x1[2] = 1, 2"], "7") == {
        "reduction": ["sum", "mean"],
        "x1[2]": [1.0, 2.0],
        "seed": [7],
    }
