"""Sweeps into a folder: an interrupted one goes on where it was."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import bpsheet as bp
from bpsheet.sweeps import sweep as sweeps
from tests.helpers.samples import spread
from tests.helpers.sweeps import RATES


@pytest.mark.slow
def test_a_folder_is_one_table(xor, tmp_path):
    grid = {"learning_rate": RATES, "seed": [3, 4]}
    found = bp.sweep(xor, grid, folder=tmp_path / "runs")
    table = (
        pd.read_parquet(tmp_path / "runs").astype({"run": int}).sort_values(["run", "iteration"])
    )
    pd.testing.assert_frame_equal(
        table[list(found.losses)].reset_index(drop=True), found.losses, check_exact=True
    )
    runs = pd.read_parquet(tmp_path / "runs" / "_runs.parquet")
    pd.testing.assert_frame_equal(runs, found.runs, check_exact=True, check_index_type=False)


class StopError(Exception):
    pass


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", spread([None, ThreadPoolExecutor], 1))
def test_an_interrupted_sweep_goes_on_where_it_was(xor, tmp_path, monkeypatch, kind):
    grid = {"learning_rate": RATES, "seed": range(2)}
    whole = bp.sweep(xor, grid)

    def stop(count):
        if count == 5:
            raise StopError

    pool = None if kind is None else kind(2)
    with pytest.raises(StopError):
        bp.sweep(xor, grid, pool, folder=tmp_path / "runs", progress=stop)
    there = len(list((tmp_path / "runs").glob("run=*/losses.parquet")))
    assert there == 5
    count = []
    train = sweeps.train
    monkeypatch.setattr(sweeps, "train", lambda *a: count.append(1) or train(*a))
    found = bp.sweep(xor, grid, folder=tmp_path / "runs")
    assert len(count) == 6 - there
    pd.testing.assert_frame_equal(found.runs, whole.runs, check_exact=True)
    pd.testing.assert_frame_equal(found.losses, whole.losses, check_exact=True)


def test_errors_and_overflow_come_back_from_a_folder(tmp_path):
    experiment, grid = bp.load("exploding"), {"learning_rate": [0.1, 1.0]}
    first = bp.sweep(experiment, grid, folder=tmp_path / "runs")
    again = bp.sweep(experiment, grid, folder=tmp_path / "runs")
    pd.testing.assert_frame_equal(first.runs, again.runs, check_exact=True)
    assert again.runs.first_error.tolist() == [pd.NA, 8]
    assert math.isnan(again.runs.final_loss[2])


def test_two_sweeps_at_once_on_one_folder_are_one_where_they_are_the_same(xor, tmp_path):
    grid = {"learning_rate": RATES, "seed": [3, 4]}
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: bp.sweep(xor, grid, folder=tmp_path / "runs"), range(2)))
    again = bp.sweep(xor, grid, folder=tmp_path / "runs")
    for one in found:
        pd.testing.assert_frame_equal(one.losses, again.losses, check_exact=True)
    assert not list((tmp_path / "runs").rglob(".bpsheet-*"))


@pytest.mark.parametrize("has_links", [True, False])
def test_of_two_other_sweeps_at_once_the_second_is_refused(xor, tmp_path, monkeypatch, has_links):
    """The first one begins when the second has just seen that the folder is empty."""
    if not has_links:

        def refused(*_):
            raise OSError("no hard links here")

        monkeypatch.setattr(Path, "hardlink_to", refused)
    folder = tmp_path / "runs"
    folder.mkdir()
    look, begun = Path.iterdir, []

    def begins(path):
        found = list(look(path))
        if path == folder and not begun:
            begun.append(path)
            bp.sweep(xor, {"seed": [1]}, folder=folder)
        return iter(found)

    monkeypatch.setattr(Path, "iterdir", begins)
    with pytest.raises(bp.OutputError, match="holds another sweep"):
        bp.sweep(xor, {"seed": [2]}, folder=folder)
    assert bp.sweep(xor, {"seed": [1]}, folder=folder).runs.seed.tolist() == [1]


def test_a_folder_of_something_else_is_left_alone(xor, tmp_path):
    bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "runs")
    with pytest.raises(bp.OutputError, match="holds another sweep"):
        bp.sweep(xor, {"seed": [1, 2]}, folder=tmp_path / "runs")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(bp.OutputError, match="holds other files and no sweep"):
        bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "full")
    (tmp_path / "runs" / "run=1" / "losses.parquet").write_bytes(b"PAR1")
    with pytest.raises(bp.OutputError, match="remove it to run it anew"):
        bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "runs")
