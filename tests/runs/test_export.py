"""Files of values, written in pieces: every digit, whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import bpsheet as bp
from tests.helpers.samples import sampled

NAMES = ["two-neuron", "iris", "book-perceptron", "exploding"]


@pytest.mark.sample(3)
@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("name", sampled(NAMES, "book-perceptron", "exploding"))
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
        text.astype(float), frame.astype(float), check_exact=True, check_index_type=False
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


@pytest.mark.slow
def test_progress_rises_to_the_number_of_rows(tmp_path):
    for ending in ("csv", "parquet", "xlsx"):
        told = []
        bp.load("two-neuron").write(tmp_path / f"run.{ending}", 3000, progress=told.append)
        assert told == sorted(told)
        assert told[-1] == 3000
        assert len(told) > 1 or ending == "parquet"


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
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
