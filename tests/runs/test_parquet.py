"""A run as a Parquet file, and the trace back from it."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pandas as pd
import pytest

import bpsheet as bp
from bpsheet.files.ours import is_ours
from tests.helpers.samples import sampled

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

RUNS = {
    "two-neuron": (20, None),
    "iris": (60, "every:7"),
    "exploding": (None, None),
    "exploding-late": (50, "last:5"),
    "rnn": (20, None),
    "n-samples": (1000, "every:100"),
}


@pytest.mark.sample(1)
@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", sampled(RUNS, "iris", "exploding", "exploding-late"))
def test_a_file_gives_the_trace_back(tmp_path, name):
    """With its experiment, its errors and what was kept; written piece by piece, or from memory."""
    iterations, keep = RUNS[name]
    experiment = bp.load(name.removesuffix("-late"))
    trace = experiment.run(iterations, keep=keep)
    written = (
        experiment.write(tmp_path / "run.parquet", iterations, keep),
        trace.to_parquet(tmp_path / "other.parquet"),
    )
    for path in written:
        again = bp.load(path)
        assert isinstance(again, bp.Trace)
        assert again.values.tobytes() == trace.values.tobytes()
        assert again.first_error == trace.first_error
        np.testing.assert_array_equal(again.recording.errors, trace.recording.errors)
        assert again.recording.keep == trace.recording.keep
        assert isinstance(again.experiment, bp.Experiment)
        assert again.experiment.to_dict() == trace.experiment.to_dict()
        pd.testing.assert_frame_equal(again.frame, trace.frame)


def test_the_trace_from_a_file_explains_and_writes_as_the_first_one(tmp_path):
    trace = bp.load("two-neuron").run(5)
    again = bp.load(trace.to_parquet(tmp_path / "two-neuron.parquet"))
    assert str(again.explain(3)) == str(trace.explain(3))
    one, other = (
        t.to_excel(tmp_path / f"{n}.xlsx", sheets=[]) for n, t in enumerate((trace, again))
    )
    assert one.read_bytes() == other.read_bytes()
    assert again.compare(trace)["verdict"].eq("correct").all()


def test_errors_are_the_ones_that_they_were(tmp_path):
    """Division by 0 and an overflow, in different columns."""
    graph = {
        "inputs": ["x", "y"],
        "parameters": {"w": 1.0},
        "forward": ["a = w/x", "b = exp(w*y)", "e = a + b"],
        "loss": "e",
    }
    examples = {"examples": [[1.0, 0.0], [0.0, 1000.0]]}
    made = bp.Experiment(graph=graph, data=examples, training={"iterations": 2})
    trace = made.run()
    again = bp.load(trace.to_parquet(tmp_path / "run.parquet"))
    assert sorted(np.unique(trace.recording.errors)) == [0, 1, 2]
    np.testing.assert_array_equal(again.recording.errors, trace.recording.errors)


def test_the_iteration_comes_first_and_counters_are_whole_numbers(tmp_path):
    path = bp.load("n-samples").write(tmp_path / "run.parquet", 10)
    schema = pq.read_schema(path)
    assert schema.names[:5] == ["iteration", "epoch", "example", "batch_row", "batch_end"]
    assert {schema.field(name).type for name in schema.names[:5]} == {pa.int64()}
    assert {schema.field(name).type for name in schema.names[5:]} == {pa.float64()}
    told = pq.read_metadata(path).metadata[b"bpsheet.experiment"].decode()
    (tmp_path / "again.toml").write_text(told)
    assert (
        bp.load(tmp_path / "again.toml").to_dict()
        == bp.load(path, forward=False).experiment.to_dict()
    )


@pytest.mark.slow
def test_polars_and_duckdb_read_a_run(tmp_path):
    polars = pytest.importorskip("polars")
    duckdb = pytest.importorskip("duckdb")
    trace = bp.load("n-samples").run(30)
    path = trace.to_parquet(tmp_path / "run.parquet")
    table = polars.read_parquet(path)
    assert table.columns == ["iteration", *trace.frame]
    assert table["iteration"].dtype == table["epoch"].dtype == polars.Int64
    for name in trace.frame:
        assert table[name].to_list() == trace.frame[name].tolist()
    means = duckdb.sql(
        f"select epoch, avg(C) from '{path}' group by epoch order by epoch"
    ).fetchall()
    ours = trace.frame.groupby("epoch")["C"].mean()
    assert dict(means) == pytest.approx(ours.to_dict(), rel=1e-12)
    assert polars.from_pandas(trace.frame, include_index=True).columns == table.columns


def test_a_command_takes_the_experiment_of_a_run(tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bp.load("two-neuron").write("run.parquet", 20)
    status, _, _ = command("run", "run.parquet", "-o", "again.csv")
    assert status == 0
    assert (tmp_path / "again.csv").read_text().count("\n") == 21
    assert bp.load("run.parquet", forward=True).training.rule == "none"


def test_text_that_looks_like_a_seal_stays_as_it_is(tmp_path):
    notes = "Made with bpsheet 0000000000000000\nMade with bpsheet 0123456789abcdef"
    made = bp.Experiment(**(bp.load("two-neuron").to_dict() | {"notes": notes}))
    path = made.write(tmp_path / "run.parquet", 3)
    assert is_ours(path)
    assert bp.load(path).experiment.notes == notes


def broken(table, what):
    """A table of a run, changed by somebody."""
    name = table.column_names[6]
    match what:
        case "without a column":
            return table.drop_columns([name])
        case "a column of words":
            return table.set_column(6, name, pa.array(["a"] * len(table)))
        case "no rows":
            return table.slice(0, 0)
        case "rows twice":
            return pa.concat_tables([table, table])
        case "another experiment":
            return table.replace_schema_metadata({"bpsheet.experiment": "network = 5"})
        case "no experiment":
            return table.replace_schema_metadata({})
    raise AssertionError(what)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("without a column", "its columns are not those of its experiment"),
        ("a column of words", "not a readable Parquet file"),
        ("no rows", "iterations in rising order expected"),
        ("rows twice", "iterations in rising order expected"),
        ("another experiment", "network: "),
        ("no experiment", "bpsheet did not write it"),
    ],
)
def test_a_file_of_somebody_else_is_refused_with_the_reason(tmp_path, what, said):
    path = bp.load("two-neuron").write(tmp_path / "run.parquet", 4)
    pq.write_table(broken(pq.read_table(path), what), path)
    with pytest.raises(bp.ExperimentError, match=said):
        bp.load(path)


def test_a_file_that_is_damaged_or_missing_is_refused(tmp_path):
    path = bp.load("two-neuron").write(tmp_path / "run.parquet", 4)
    content = path.read_bytes()
    for damaged in (b"PAR1 and nothing more", content[:-300], b""):
        path.write_bytes(damaged)
        with pytest.raises(bp.ExperimentError, match="not a readable Parquet file"):
            bp.load(path)
    with pytest.raises(bp.ExperimentError, match="no such file"):
        bp.load(tmp_path / "none.parquet")
    with pytest.raises(bp.OutputError, match=r"a name that ends in \.parquet"):
        bp.load("two-neuron").run(2).to_parquet(tmp_path / "run.csv")


@pytest.mark.slow
def test_a_bomb_among_the_errors_is_not_unpacked(tmp_path):
    """Errors without a code that fits are #NUM!."""
    path = bp.load("exploding").run().to_parquet(tmp_path / "run.parquet")
    table = pq.read_table(path)
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000)))
    facts = dict(table.schema.metadata) | {b"bpsheet.errors": bomb}
    pq.write_table(table.replace_schema_metadata(facts), path)
    assert bp.load(path).first_error == bp.load("exploding").run().first_error
