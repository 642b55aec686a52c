"""What ends the program from outside: nothing half written stays, and no process of a sweep."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.files.whole import replacing
from bpsheet.sweeps import workers
from bpsheet.sweeps.kept import Kept
from bpsheet.sweeps.sweep import train
from bpsheet.terminal.ending import SIGNALS, Ended, ended_by_signals
from tests.helpers.samples import sampled

MAIN = [sys.executable, "-c", "from bpsheet.cli import main; main()"]
SWEEP = ["sweep", "book-xor", "--seeds", "1:5000", "--set", "iterations=10000", "--folder", "runs"]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such signals there")


def started(folder: Path, arguments: list[str], is_underway) -> subprocess.Popen[bytes]:
    """The program, as soon as it writes."""
    child = subprocess.Popen(
        [*MAIN, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while not is_underway():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return child


@pytest.mark.parametrize(
    ("ending", "name"),
    sampled(
        [
            (ending, name)
            for ending in ("xlsx", "csv", "parquet")
            for name in ("SIGINT", "SIGTERM", "SIGHUP")
        ],
        ("xlsx", "SIGTERM"),
    ),
)
def test_a_signal_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, ending, name):
    """The exit status is the one that a shell gives such a signal."""
    path = tmp_path / f"run.{ending}"
    path.write_bytes(b"old")
    run = ["run", "two-neuron", "--iterations", "50000", "-o", path.name, "--force"]

    def is_underway() -> bool:
        return any(part.stat().st_size > 100_000 for part in tmp_path.glob(".bpsheet-*"))

    child = started(tmp_path, run, is_underway)
    child.send_signal(getattr(signal, name))
    assert child.communicate(timeout=60)[1].strip() == b"Stopped; nothing was written."
    assert child.returncode == 128 + getattr(signal, name)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def processes_of(group: int) -> set[int]:
    """The living processes of a group."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = path.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(number) == group and state != "Z":
            found.add(int(path.parent.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no such list of processes")
@pytest.mark.parametrize(
    ("name", "to_all"),
    sampled(
        [
            ("SIGTERM", False),
            ("SIGTERM", True),
            ("SIGHUP", True),
            ("SIGINT", True),
            ("SIGKILL", False),
        ],
        ("SIGTERM", False),
    ),
)
def test_no_process_of_a_sweep_outlives_it(tmp_path, name, to_all):
    """Whether the signal reaches one process or all of them; nor is anything half written left."""

    def is_underway() -> bool:
        return len(list(tmp_path.glob("runs/losses/run-*.parquet"))) > 2

    child = started(tmp_path, SWEEP, is_underway)
    assert len(processes_of(child.pid)) > 1
    number = getattr(signal, name)
    (os.killpg if to_all else os.kill)(child.pid, number)
    _, said = child.communicate(timeout=60)
    assert child.returncode == (-9 if name == "SIGKILL" else 128 + number)
    assert b"Traceback" not in said
    if name != "SIGKILL":
        assert said.strip() == b"Stopped; runs is kept, and the same command goes on from it."
    until = time.monotonic() + 30
    while processes_of(child.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes_of(child.pid) == set()
    if name != "SIGKILL":
        assert not list(tmp_path.rglob(".bpsheet-*"))


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_program_in_order(tmp_path, number):
    """A second one, which a shell may send, does not disturb the clearing up."""
    # Who starts the tests with nohup has one of them ignored.
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    outside = signal.signal(number, usual)
    with pytest.raises(Ended) as caught:  # noqa: PT012 - out of the inner blocks
        with ended_by_signals(), replacing(tmp_path / "x.bin") as stream:
            stream.write(b"half")
            try:
                signal.raise_signal(number)
            finally:
                signal.raise_signal(number)
    assert caught.value.status == 128 + number
    assert list(tmp_path.iterdir()) == []
    assert signal.signal(number, outside) is usual


class Deaf:
    """An object whose destructor is disturbed by a signal. Python drops what a destructor raises."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0.01)


def test_a_signal_that_python_drops_ends_the_program_all_the_same():
    with pytest.raises(Ended) as caught, ended_by_signals():  # noqa: PT012 - it comes later
        Deaf()
        time.sleep(30)
    assert caught.value.status == 128 + signal.SIGTERM


def test_a_signal_that_is_ignored_stays_so():
    """As with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_by_signals():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_run_that_nobody_waits_for_any_more_stops(monkeypatch):
    """It asks between pieces of some thousand rows."""
    stopped = threading.Event()
    monkeypatch.setattr(workers, "_stopped", stopped)
    tables = json.dumps(bp.load("two-neuron").changed({"iterations": 10}).to_dict())
    assert train(tables, {}, Kept()).results["final_loss"] > 0
    stopped.set()
    with pytest.raises(bp.EngineError, match="the sweep was stopped"):
        train(tables, {}, Kept())
