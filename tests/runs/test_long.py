"""Long runs: in pieces, in part, over several sheets, into files that appear whole or not at all."""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet import engine, longrun
from bpsheet.engine import Streamed, run
from bpsheet.excerpt import part_of
from bpsheet.longrun import LongRun
from bpsheet.recording import Extents, Keep
from bpsheet.verifying import verify
from bpsheet.workbook import deflate as deflate_module
from bpsheet.workbook import layout, package, sheets_of
from bpsheet.workbook.deflate import Deflate
from tests.helpers.samples import sampled
from tests.helpers.strategies import experiments, graphs


@pytest.fixture
def small_pieces(monkeypatch):
    """Runs in pieces of seven rows."""
    monkeypatch.setattr(engine, "MOST_ROWS", 7)


def in_pieces(rows, task):
    """What a task gives when runs come in pieces of so many rows."""
    usual = engine.MOST_ROWS
    engine.MOST_ROWS = rows
    try:
        return task()
    finally:
        engine.MOST_ROWS = usual


def codes(recording):
    """The errors of all rows."""
    found = np.zeros(recording.values.shape, dtype=np.uint8)
    found[recording.first_error_row :] = recording.errors
    return found


def kept(keep, iterations):
    """The iterations that are kept."""
    every = np.arange(1, iterations + 1)
    return every[keep.chosen(every, iterations)]


def assert_same_bits(one, other):
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes()


# pieces


@given(st.one_of(experiments(), graphs()), st.sampled_from([1, 2, 3, 7]), st.integers(1, 40))
@settings(deadline=None, max_examples=25)
def test_a_run_in_pieces_is_the_run(experiment, rows, iterations):
    """To the last bit, errors included; and its extents are those of all of its values."""
    whole = experiment.run(iterations).recording
    longer = experiment.changed({"iterations": iterations})
    streamed = in_pieces(rows, lambda: Streamed(longer.program(), iterations))
    pieces = in_pieces(rows, lambda: list(streamed.pieces()))
    assert max(map(len, pieces)) <= rows
    assert_same_bits(np.concatenate([piece.values for piece in pieces]), whole.values)
    assert_same_bits(np.concatenate([codes(piece) for piece in pieces]), codes(whole))
    assert np.concatenate([p.iterations for p in pieces]).tolist() == list(range(1, iterations + 1))
    assert streamed.first_error_row == whole.first_error_row
    assert len(streamed) == iterations
    extents = Extents.of(whole.values)
    for name in ("lowest", "largest", "whole"):
        np.testing.assert_array_equal(getattr(streamed.extents, name), getattr(extents, name))


@given(st.lists(st.floats(allow_infinity=False), min_size=1, max_size=20))
def test_extents_are_the_lowest_value_the_largest_size_and_whether_all_are_whole(values):
    found = Extents.of(np.array(values)[:, None])
    known = [value for value in values if not math.isnan(value)]
    assert found.largest[0] == max(map(abs, known), default=0.0)
    assert found.whole[0] == all(value.is_integer() for value in known)
    if known:
        assert found.lowest[0] == min(known)


KEEPS = st.one_of(
    st.integers(1, 30).map(lambda count: Keep(every=count)),
    st.integers(1, 30).map(lambda count: Keep(last=count)),
    st.integers(1, 30).map(lambda count: Keep(ends=count)),
)


@given(KEEPS, st.integers(1, 60))
def test_what_is_kept_is_what_was_asked_for_and_is_counted_before_the_run(keep, iterations):
    """Every so-manieth from the first on and the last; the last ones; those at both ends."""
    every = list(range(1, iterations + 1))
    expected = [n for n in every if (n - 1) % keep.every == 0 or n == iterations]
    if keep.last is not None:
        expected = every[-keep.last :]
    if keep.ends is not None:
        expected = sorted({*every[: keep.ends], *every[-keep.ends :]})
    assert kept(keep, iterations).tolist() == expected
    assert keep.count(iterations) == len(expected)


@given(experiments(), KEEPS, st.integers(1, 40), st.sampled_from([1, 3, 4096]))
@settings(deadline=None, max_examples=60)
def test_a_part_is_recorded_as_if_all_had_been(experiment, keep, iterations, rows):
    whole = experiment.run(iterations)
    program = whole.experiment.program()
    part = in_pieces(rows, lambda: run(program, iterations, keep=keep))
    chosen = kept(keep, iterations) - 1
    assert_same_bits(part.values, whole.values[chosen])
    assert_same_bits(codes(part), codes(whole.recording)[chosen])
    streamed = Streamed(program, iterations, keep)
    assert_same_bits(np.concatenate([p.values for p in streamed.pieces()]), part.values)
    assert streamed.first_error_row == part.first_error_row


def test_a_kept_trace_has_the_iterations_as_its_index(traced):
    whole = traced("book-xor", 100).frame
    for keep, index in (("every:30", [1, 31, 61, 91, 100]), ("last:3", [98, 99, 100])):
        trace = bp.load("book-xor").run(100, keep=keep)
        assert trace.frame.index.tolist() == index
        pd.testing.assert_frame_equal(trace.frame, whole.loc[index], check_index_type=False)
        assert trace.steps.index.get_level_values(0).tolist() == [
            i for i in index for _ in range(3)
        ]
        with pytest.raises(bp.ExperimentError, match="run it without keep"):
            trace.explain(98)
    assert bp.load("exploding").run(60, keep="every:7").first_error.iteration == 15


def test_a_run_of_any_length_is_refused_only_where_it_would_be_held():
    with pytest.raises(bp.LimitError, match=r"keep a part of them, or write them to a file"):
        bp.load("two-neuron").run(900_000_000)


# files


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", ["two-neuron", "iris", "book-perceptron", "exploding"])
@pytest.mark.parametrize("keep", [None, "every:9", "last:11"])
def test_csv_and_parquet_hold_every_digit(tmp_path, name, keep):
    """Verdicts are 1 and 0, errors are empty, the iteration is the index."""
    experiment = bp.load(name)
    frame = experiment.run(50, keep=keep).frame
    experiment.write(tmp_path / "run.csv", 50, keep)
    experiment.write(tmp_path / "run.parquet", 50, keep)
    # Older pandas are a digit off where they read numbers by themselves.
    text = pd.read_csv(tmp_path / "run.csv", dtype=str).astype(float)
    text = text.set_index(text.pop("iteration").astype(int))
    pd.testing.assert_frame_equal(
        text.astype(float), frame, check_exact=True, check_index_type=False
    )
    assert "null" not in (tmp_path / "run.csv").read_text()
    binary = pd.read_parquet(tmp_path / "run.parquet")
    pd.testing.assert_frame_equal(binary, frame, check_exact=True, check_index_type=False)


def test_a_csv_file_is_as_pandas_would_write_it(tmp_path):
    experiment = bp.load("two-neuron")
    experiment.write(tmp_path / "ours.csv", 300)
    experiment.run(300).frame.to_csv(tmp_path / "theirs.csv", lineterminator="\n")
    ours, theirs = ((tmp_path / f"{who}.csv").read_text() for who in ("ours", "theirs"))
    assert ours.count("\n") == theirs.count("\n") == 301
    assert ours.split("\n")[0] == theirs.split("\n")[0]
    for one, other in zip(ours.split("\n")[1:-1], theirs.split("\n")[1:-1], strict=True):
        assert list(map(float, one.split(","))) == list(map(float, other.split(",")))


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize("name", ["two-neuron", "iris", "exploding", "book-perceptron"])
def test_a_streamed_workbook_is_the_workbook_byte_for_byte(tmp_path, name, kind):
    trace = bp.load(name).run(40)
    trace.to_excel(tmp_path / "held.xlsx", kind, sheets=[])
    bp.load(name).write(tmp_path / "streamed.xlsx", 40, layout=kind)
    assert (tmp_path / "held.xlsx").read_bytes() == (tmp_path / "streamed.xlsx").read_bytes()


def test_progress_rises_to_the_number_of_rows(tmp_path):
    for ending in ("csv", "parquet", "xlsx"):
        told = []
        bp.load("two-neuron").write(tmp_path / f"run.{ending}", 3000, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 3000
        assert len(told) > 1 or ending == "parquet"


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_a_full_disk_is_one_clear_error_and_the_old_file_stays(tmp_path, ending):
    """A file may become 100,000 bytes long; the run needs more."""
    path = tmp_path / f"run.{ending}"
    path.write_text("old")
    code = (
        "import resource, sys; from bpsheet.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
        f"sys.argv = ['bpsheet', 'run', 'two-neuron', '--iterations', '20000', '-o', {str(path)!r}, '--force']; "
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip() == f"bpsheet: cannot write {path}: File too large"
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", sampled(["csv", "xlsx"], "xlsx"))
def test_ctrl_c_leaves_nothing_behind(tmp_path, ending):
    """While a run of a million iterations is being written."""
    main = "from bpsheet.cli import main; main()"
    run = ["run", "two-neuron", "--iterations", "1000000", "-o", f"run.{ending}"]
    child = subprocess.Popen(
        [sys.executable, "-c", main, *run],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 60
    while not list(tmp_path.glob(".bpsheet-*")) and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert b"Stopped; nothing was written." in err
    assert b"Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is Linux's")
@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_memory_is_flat_in_the_number_of_iterations(tmp_path, ending):
    """Three times as many need no more, whatever the file."""
    code = (
        "import resource, bpsheet as bp, sys\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000\n"
        "bp.load('two-neuron').write(sys.argv[1], int(sys.argv[2]) // 3); first = peak()\n"
        "bp.load('two-neuron').write(sys.argv[1], int(sys.argv[2])); print(peak() - first)"
    )
    path, iterations = tmp_path / f"run.{ending}", "90000" if ending == "xlsx" else "300000"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), iterations],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 30


# the zip file


def deflated(parts):
    deflate = Deflate()
    return b"".join([deflate.compress(part) for part in parts]) + deflate.flush()


@given(st.lists(st.binary(max_size=3_000), max_size=12), st.integers(1, 5_000))
@settings(deadline=None, max_examples=60)
def test_deflated_blocks_are_one_stream_whatever_the_parts(parts, block):
    """That zlib reads back, and that is the same when the data come all at once."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deflate_module, "BLOCK", block)
        packed = deflated(parts)
        assert packed == deflated([b"".join(parts)])
    assert zlib.decompress(packed, -zlib.MAX_WBITS) == b"".join(parts)


def test_what_is_deflated_does_not_depend_on_the_number_of_processors(monkeypatch):
    blocks = [bytes([n]) * 500_000 + b"0.123" * n for n in range(10)]
    found = set()
    for count in (1, 2, 7):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        found.add(deflated(blocks))
    assert len(found) == 1


def test_zipfile_lets_us_compress(tmp_path, monkeypatch):
    """The one attribute of it that is not documented is still there."""
    taken = []

    class Spy(Deflate):
        def compress(self, block):
            taken.append(len(block))
            return super().compress(block)

    monkeypatch.setattr(package, "Deflate", Spy)
    path = bp.load("two-neuron").run(10).to_excel(tmp_path / "run.xlsx")
    with zipfile.ZipFile(path) as parts:
        assert sum(taken) == parts.getinfo("xl/worksheets/sheet1.xml").file_size
        assert parts.testzip() is None


def test_no_part_needs_more_than_every_reader_knows(made):
    """The format's extension for large files stays out, and its later versions."""
    with zipfile.ZipFile(made("two-neuron")) as parts:
        assert max(part.extract_version for part in parts.infolist()) == 20
        assert all(not part.extra for part in parts.infolist())


@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize("name", ["two-neuron", "iris", "book-perceptron"])
def test_a_sheets_rows_are_no_longer_than_reckoned(traced, made, name, kind):
    """However many digits: the part stays under 2 GiB."""
    (steps,) = sheets_of(traced(name, 200), kind)
    reckoned = layout.MAX_PART / steps.layout.rows_per_sheet
    if steps.layout.rows_per_sheet == layout.MAX_ROWS - layout.FIRST_ROW + 1:
        reckoned = layout.MAX_PART / 1_048_569
    with zipfile.ZipFile(made(name, kind, 200)) as parts:
        rows = parts.read("xl/worksheets/sheet1.xml").split(b"<row ")[10:-1]
    assert max(map(len, rows)) + len(b"<row ") <= reckoned


# further sheets


@pytest.fixture
def low_sheets(monkeypatch):
    """Worksheets of 20 rows: 13 iterations each."""
    monkeypatch.setattr(layout, "MAX_ROWS", 20)


@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize(
    "name",
    sampled(["two-neuron", "book-perceptron", "book-xor", "iris"], "two-neuron", "book-perceptron"),
)
def test_a_run_goes_on_on_further_sheets_live_all_the_way(tmp_path, monkeypatch, name, kind):
    """A changed weight on Steps reaches the last row of the last sheet; with batches too."""
    rows, more = (151, 9) if name == "iris" else (13, 27)
    monkeypatch.setattr(layout, "MAX_ROWS", rows + 7)
    trace = bp.load(name).run(rows + more)
    path = trace.to_excel(tmp_path / "run.xlsx", kind)
    names = ["Steps", "Steps 2", "Steps 3", "Steps 4"][: 1 + -(-more // rows)]
    assert load_workbook(path).sheetnames[: len(names)] == names
    report = verify(path)
    assert report.passed, report.comparisons
    live = sum(len(sheet) for sheet in sheets_of(trace, kind)) * len(
        sheets_of(trace, kind)[0].layout.shown
    )
    assert [comparison.cells for comparison in report.comparisons] == [live] * 3


@pytest.mark.slow
@pytest.mark.usefixtures("low_sheets", "libreoffice")
def test_libreoffice_follows_a_run_over_several_sheets(tmp_path):
    path = bp.load("book-xor").run(30).to_excel(tmp_path / "run.xlsx")
    report = verify(path, "libreoffice")
    assert report.passed, report.comparisons


@pytest.mark.usefixtures("low_sheets")
def test_a_further_sheet_refers_to_the_last_row_and_the_cells_of_steps(tmp_path):
    path = bp.load("two-neuron").run(30).to_excel(tmp_path / "run.xlsx")
    second, third = (load_workbook(path)[name] for name in ("Steps 2", "Steps 3"))
    assert second["B5"].value == "=Steps!B5"
    assert second["A8"].value == "=Steps!A20+1"
    assert second["H8"].value == "=Steps!H20+Steps!AB20"
    assert third["H8"].value == "='Steps 2'!H20+'Steps 2'!AB20"
    assert "Continues the sheet Steps" in second["A2"].value
    stored = load_workbook(path, data_only=True)
    assert stored["Steps 2"]["B5"].value == 0.1
    assert [stored[name]["A8"].value for name in ("Steps", "Steps 2", "Steps 3")] == [1, 14, 27]


@pytest.mark.usefixtures("low_sheets")
def test_a_closer_look_needs_one_sheet(tmp_path):
    with pytest.raises(bp.LimitError, match="looks into one sheet"):
        bp.load("two-neuron").run(30).to_excel(tmp_path / "x.xlsx", sheets=["hessian"])
    assert not list(tmp_path.iterdir())


# a part of a run, as a sheet


@given(experiments(), st.integers(1, 12), st.integers(2, 30))
@settings(deadline=None, max_examples=60)
def test_an_excerpts_program_computes_what_the_run_did(experiment, last, iterations):
    """From the typed first row on, to the last bit."""
    trace = bp.Trace(
        experiment,
        program := experiment.changed({"iterations": iterations}).program(),
        run(program, iterations, keep=Keep(last=min(last, iterations - 1))),
    )
    trace.experiment = experiment.changed({"iterations": iterations})
    part = part_of(trace)
    found = run(part.program, len(part))
    assert_same_bits(found.values, trace.values)
    assert_same_bits(codes(found), codes(trace.recording))


@pytest.mark.parametrize("keep", [Keep(last=4), Keep(every=3)])
def test_errors_that_come_from_a_row_that_was_left_out_are_given_as_they_were(keep):
    """Weights that have exploded before the part begins: #NUM! and #DIV/0! stay what they were."""
    experiment = bp.load("exploding")
    program, count = experiment.program(), experiment.iterations
    trace = bp.Trace(experiment, program, run(program, count, keep=keep))
    part = part_of(trace)
    assert not part.is_live
    assert codes(trace.recording)[-1].any()
    assert (codes(run(part.program, len(part))) == codes(trace.recording)).all()


@pytest.mark.parametrize("keep", ["last:12", "every:7"])
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize(
    "name", sampled(["two-neuron", "iris", "book-xor", "exploding"], "book-xor", "exploding")
)
def test_a_part_of_a_run_is_a_sheet_that_can_be_recalculated(tmp_path, name, kind, keep):
    """After the typed weights, the examples and the learning rate were changed too."""
    path = bp.load(name).run(60, keep=keep).to_excel(tmp_path / "part.xlsx", kind)
    report = verify(path)
    assert report.passed, report.comparisons
    bp.load(name).write(tmp_path / "streamed.xlsx", 60, keep, kind)
    assert path.read_bytes() == (tmp_path / "streamed.xlsx").read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("keep", ["last:12", "every:7"])
def test_libreoffice_recalculates_a_part(tmp_path, keep):
    path = bp.load("iris").run(60, keep=keep).to_excel(tmp_path / "part.xlsx")
    assert verify(path, "libreoffice").passed


def test_a_part_says_what_it_is_and_what_is_typed(tmp_path):
    def said(keep):
        path = bp.load("two-neuron").run(1000, keep=keep).to_excel(tmp_path / "part.xlsx")
        book = load_workbook(path)
        return book["Steps"]["A2"].value, book["Steps"]

    note, steps = said("last:20")
    assert note.startswith("The last 20 of 1,000 iterations.")
    assert steps["A8"].value == 981
    assert isinstance(steps["H8"].value, float)
    assert steps["H9"].value == "=H8+AB8"
    note, steps = said("every:100")
    assert note.startswith("Iteration 1, every 100th after it, and the last, of 1,000.")
    assert [steps[f"A{row}"].value for row in (8, 9, 18)] == [1, 101, 1000]
    assert isinstance(steps["H9"].value, float)
    assert steps["M9"].value.startswith("=TANH(")


def test_the_command_keeps_a_part(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, _ = command(
        "run", "book-xor", "--iterations", "5000", "--keep", "every:1000", "-o", "x.csv"
    )
    assert status == 0
    assert "Wrote x.csv: 6 rows of values." in out
    assert "Tests right at the last iteration: 4 of 4. All of them first at iteration 625." in out
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
    from bpsheet.terminal import long_summary

    monkeypatch.setattr(longrun, "IN_MEMORY", 300)
    experiment = bp.load("exploding").changed({"iterations": 60})
    long = LongRun(experiment)
    assert long.first_error == experiment.run().first_error
    assert len(long.beginning()) < long.first_error.iteration
    assert long_summary(long)[0] == (
        "From iteration 11 on there are values that a spreadsheet cannot hold: "
        "z4_1 is the first (#NUM!)."
    )


def test_resources_are_as_they_were():
    """No test has left a limit on the size of files behind."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
