"""No room anywhere: for temporary files, in the file that is written, on the standard output."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.outside.process import Task, run_engine
from bpsheet.sweeps import sweep as sweeps
from tests.helpers.samples import sampled, spread
from tests.helpers.unwritable import COMMANDS

MAIN = [sys.executable, "-c", "from bpsheet.cli import main; main()"]
NO_FOLDER = (
    "bpsheet: cannot write temporary files: No such file or directory. Make room in the folder "
    "for temporary files, or name another one in the variable TMPDIR\n"
)


@pytest.fixture
def no_temporary_files(tmp_path, monkeypatch):
    """A folder for temporary files that has gone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.sample(1)
@pytest.mark.usefixtures("no_temporary_files")
@pytest.mark.parametrize(
    "name",
    spread(sampled(COMMANDS, "run.xlsx", "run.parquet", "page.html", "network.gif", "gradient.tex", "exercise.xlsx"), 2),
)  # fmt: skip
def test_nothing_is_written_by_way_of_temporary_files(name, command):
    """Neither by us nor by a library that we use: a full folder for them is in nobody's way."""
    assert command(*COMMANDS[name], "-o", name)[0] == 0
    assert Path(name).stat().st_size


@pytest.mark.usefixtures("no_temporary_files")
@pytest.mark.parametrize(
    "engine", ["ironcalc", pytest.param("libreoffice", marks=pytest.mark.slow)]
)
def test_an_engine_needs_them_and_says_so(engine, made, request, command):
    if engine == "libreoffice":
        request.getfixturevalue("libreoffice")
    path = made("two-neuron", "full", 12)
    assert command("verify", str(path), "--engine", engine) == (1, "", NO_FOLDER)


def test_an_engine_that_cannot_be_started_is_an_error_of_it():
    with pytest.raises(bp.EngineError, match=r"^x\.xlsx: the engine cannot be started \(.*\)$"):
        run_engine(["x" * 10_000_000], Task("the engine", "x.xlsx", memory=1))


SOME = ("run.xlsx", "run.parquet", "sweep.csv", "page.html", "network.svg", "exercise.xlsx")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no limits there")
@pytest.mark.parametrize(
    "names", [SOME, pytest.param(tuple(COMMANDS), marks=pytest.mark.slow)], ids=["some", "all"]
)
def test_a_limit_on_the_size_of_files_is_one_clear_error(command, tmp_path, monkeypatch, names):
    """From every command that writes; the old file stays, and nothing is left beside it."""
    import resource

    monkeypatch.chdir(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name in names:
        Path(name).write_bytes(b"old")
    found = {}
    resource.setrlimit(resource.RLIMIT_FSIZE, (900, hard))
    try:
        for name in names:
            status, _, err = command(*COMMANDS[name], "-o", name, "--force")
            found[name] = (status, err)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    small = "sweep.csv"
    assert found.pop(small) == (0, "")
    assert found == {
        name: (1, f"bpsheet: cannot write {name}: File too large\n")
        for name in names
        if name != small
    }
    assert {path.name for path in tmp_path.iterdir()} == set(names)
    assert all(Path(name).read_bytes() == b"old" for name in found)


def test_without_shared_memory_a_sweep_runs_in_one_process(monkeypatch):
    """Processes talk through it."""
    grid = {"learning_rate": [0.1, 0.5], "iterations": [8]}
    expected = bp.sweep(bp.load("two-neuron"), grid)

    def refuse(*_arguments, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweeps, "SMALL", 0)
    monkeypatch.setattr(sweeps, "Event", refuse)
    assert bp.sweep(bp.load("two-neuron"), grid).runs.equals(expected.runs)


def test_a_process_that_cannot_be_started_is_an_error_of_the_sweep(monkeypatch):
    class Pool(ProcessPoolExecutor):
        def submit(self, *_arguments):
            raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(sweeps, "SMALL", 0)
    monkeypatch.setattr(sweeps, "ProcessPoolExecutor", Pool)
    with pytest.raises(bp.EngineError, match=r"no process .*\(Resource temporarily unavailable\)"):
        bp.sweep(bp.load("two-neuron"), {"learning_rate": [0.1, 0.5]})


@pytest.mark.slow
def test_without_a_folder_for_matplotlibs_cache_it_says_what_to_do(tmp_path):
    """It makes one among the temporary files, if it can."""
    code = (
        "import sys, tempfile; tempfile.tempdir = '/dev/null/x'; "
        "sys.argv = ['bpsheet', 'draw', 'two-neuron']; from bpsheet.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MPLCONFIGDIR": "/dev/null/x"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "bpsheet: pictures cannot be drawn: " in done.stderr
    assert "set the MPLCONFIGDIR environment variable" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("unbuffered", sampled(["", "1"], ""))
@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        pytest.param(["--help"], marks=pytest.mark.slow),
        pytest.param(["schema"], marks=pytest.mark.slow),
        pytest.param(["explain", "two-neuron"], marks=pytest.mark.slow),
        pytest.param(["gradcheck", "two-neuron"], marks=pytest.mark.slow),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_full_standard_output_is_one_clear_error(arguments, unbuffered):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*MAIN, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "bpsheet: cannot write to the standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="no such shell there")
@pytest.mark.parametrize(
    ("end", "status"),
    spread(
        sampled(
            [(">&-", 0), ("2>/dev/full", 0), ("bad.toml 2>/dev/full", 2)],
            (">&-", 0),
            ("bad.toml 2>/dev/full", 2),
        ),
        1,
    ),
)
def test_where_nobody_listens_the_status_tells_all(end, status, tmp_path):
    """A standard output that is closed, errors that find no room."""
    quoted = f"'{MAIN[0]}' -c '{MAIN[2]}'"
    what = "show" if "toml" in end else "explain two-neuron"
    done = subprocess.run(
        ["sh", "-c", f"{quoted} {what} {end}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (status, "")
