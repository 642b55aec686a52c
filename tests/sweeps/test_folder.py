"""Sweeps into a folder: an interrupted one goes on where it was."""

from __future__ import annotations

import csv
import gc
import math
import subprocess
import sys
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import bpsheet as bp
from bpsheet.sweeps import folder as folders
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


@pytest.mark.slow
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
    there = len(list((tmp_path / "runs").glob("losses/run-*.parquet")))
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


@pytest.mark.slow
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
    (tmp_path / "runs" / "losses" / "run-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(bp.OutputError, match="remove it to run it anew"):
        bp.sweep(xor, {"seed": [1]}, folder=tmp_path / "runs")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """A folder with more than nine runs: the names 1, 10, 2 would be in another order."""
    folder = tmp_path_factory.mktemp("twelve") / "runs"
    experiment = bp.load("book-xor").changed({"iterations": 9})
    bp.sweep(experiment, {"seed": range(12)}, keep="last:2,weights,metrics", folder=folder)
    return folder


TWICE = [number for number in range(1, 13) for _ in range(2)]


@pytest.mark.slow
def test_duckdb_reads_the_runs_in_numeric_order(twelve):
    duckdb = pytest.importorskip("duckdb")
    for options in ("", ", hive_partitioning=true"):
        table = duckdb.sql(f"from read_parquet('{twelve}/losses/*.parquet'{options})")
        assert dict(zip(table.columns, table.types, strict=True))["run"] == "BIGINT"
        assert [run for (run,) in table.project("run").fetchall()] == TWICE
    runs = duckdb.sql(f"select run, final_accuracy from '{twelve}/_runs.parquet'").fetchall()
    assert [run for run, _ in runs] == list(range(1, 13))
    seven = "select iteration, weights.w_n0_0, is_right, tests_right"
    found = duckdb.sql(f"{seven} from '{twelve}/losses/*.parquet' where run = 7").fetchall()
    assert [len(row) for row in found] == [4, 4]


def test_polars_reads_the_runs_in_numeric_order(twelve):
    polars = pytest.importorskip("polars")
    for source in (twelve / "losses", twelve / "losses" / "*.parquet"):
        table = polars.read_parquet(source)
        assert table["run"].dtype == polars.Int64
        assert table["run"].to_list() == TWICE
    assert "w_n0_0" in table.unnest("weights").columns


@pytest.mark.parametrize("inside", ["", "losses"])
def test_pandas_reads_the_runs_in_numeric_order(twelve, inside):
    table = pd.read_parquet(twelve / inside)
    assert table["run"].dtype == "int64"
    assert table["run"].tolist() == TWICE


def test_beside_the_parts_nothing_stands_while_one_is_written(xor, tmp_path, monkeypatch):
    """Programs that read a folder read all that is in it, and a killed process clears nothing up."""
    seal, seen = folders.seal_parquet, []

    def look(stream):
        seen.append(sorted(path.name for path in (tmp_path / "runs" / "losses").iterdir()))
        seal(stream)

    monkeypatch.setattr(folders, "seal_parquet", look)
    bp.sweep(xor, {"seed": range(3)}, folder=tmp_path / "runs")
    parts = [f"run-{number}.parquet" for number in (1, 2, 3)]
    assert seen == [parts[:0], parts[:1], parts[:2], parts]  # and the table of all runs


@pytest.mark.slow
def test_what_is_in_a_folder_is_not_in_memory(xor, tmp_path, monkeypatch):
    train, held = sweeps.train, []

    def watched(*arguments):
        outcome = train(*arguments)
        held.append(weakref.ref(outcome))
        return outcome

    monkeypatch.setattr(sweeps, "train", watched)

    def look(_done):
        gc.collect()
        assert sum(outcome() is not None for outcome in held) <= 1

    found = bp.sweep(xor, {"seed": range(5)}, folder=tmp_path / "runs", progress=look)
    gc.collect()
    assert [outcome() for outcome in held] == [None] * 5
    assert len(found.losses) == 5 * 41
    (tmp_path / "runs" / "losses" / "run-2.parquet").unlink()
    with pytest.raises(bp.OutputError, match=r"run-2\.parquet"):
        _ = found.losses


COMMAND = [
    *(sys.executable, "-c", "from bpsheet.cli import main; main()", "sweep", "two-neuron"),
    *("--set", "iterations=5", "--keep", "last:2,weights", "--folder", "runs", "-o", "runs.csv"),
]


def kept_of(folder):
    """Everything in the parts of a folder, as another program reads it."""
    table = pd.read_parquet(folder / "losses")
    return table.assign(weights=[tuple(row.values()) for row in table["weights"]])


@pytest.mark.slow
def test_killed_again_and_again_a_sweep_loses_no_run_and_has_none_twice(tmp_path):
    """Killed with SIGKILL, which no program can prepare for, at moments of which it knows nothing."""
    command = [*COMMAND, "--seeds", "1:1200"]
    counts = [0]
    for more in (1, 150, 250, 300):
        child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
        while len(list(tmp_path.glob("runs/losses/*"))) < counts[-1] + more:
            assert child.poll() is None
        child.kill()
        child.wait()
        counts.append(len(list(tmp_path.glob("runs/losses/*"))))
    assert counts[-1] < 1200
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = kept_of(tmp_path / "runs")
    assert found["run"].tolist() == [run for run in range(1, 1201) for _ in range(2)]
    experiment = bp.load("two-neuron").changed({"iterations": 5})
    whole = bp.sweep(experiment, {"seed": range(1, 1201)}, keep="last:2,weights")
    assert found["loss"].tolist() == whole.losses["loss"].tolist()
    assert found["weights"].tolist() == [*map(tuple, whole.weights.to_numpy().tolist())]
    with (tmp_path / "runs.csv").open() as lines:
        last = [float(line["final_loss"]) for line in csv.DictReader(lines)]
    assert last == whole.runs["final_loss"].tolist()


@pytest.mark.slow
@pytest.mark.parametrize("other", ["1:150", "2:151"])
def test_of_two_commands_at_once_on_a_folder_both_are_right_or_one_is_refused(tmp_path, other):
    """The same sweep twice is one table; another one begins nothing."""
    streams = {"cwd": tmp_path, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    one = subprocess.Popen([*COMMAND, "--seeds", "1:150"], **streams)
    while not (tmp_path / "runs" / "_sweep.json").is_file():
        assert one.poll() is None
    two = subprocess.run(
        [*COMMAND[:-1], "other.csv", "--seeds", other],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert one.communicate()[1] == ""
    assert one.returncode == 0
    assert kept_of(tmp_path / "runs")["run"].tolist() == [n for n in range(1, 151) for _ in "12"]
    if other == "1:150":
        assert two.returncode == 0
        assert (tmp_path / "other.csv").read_text() == (tmp_path / "runs.csv").read_text()
    else:
        assert two.returncode == 1
        assert "runs holds another sweep; choose another folder" in two.stderr
        assert not (tmp_path / "other.csv").exists()
