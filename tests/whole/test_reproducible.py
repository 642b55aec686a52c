"""The same experiment gives the same bytes: in any surroundings, and on other Pythons."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.helpers import writes
from tests.helpers.writes import COMMANDS

WRITES = Path(writes.__file__)
REPOSITORY = WRITES.parents[2]
# What the files are made with; the same versions of it on the other Pythons.
USED = "numpy pandas openpyxl orjson pydantic click rich tomli-w matplotlib pyarrow".split()


def written(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    point: str = ".",
    python: Sequence[str] = (sys.executable,),
    commands: Sequence[str] = COMMANDS,
) -> dict[str, bytes]:
    """The files that a fresh process writes."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        [*python, "-W", "ignore", WRITES, point, *commands],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "OPENPYXL_LXML": "False",
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return files_in(folder)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> dict[str, bytes]:
    files = written(tmp_path_factory.mktemp("usual") / "files", {"PYTHONHASHSEED": "0"})
    assert len(files) >= len(COMMANDS)
    assert {Path(name).suffix for name in files} >= {".xlsx", ".csv", ".html", ".svg", ".parquet"}
    return files


def assert_same(files: Mapping[str, bytes], usual: Mapping[str, bytes]) -> None:
    assert set(files) == set(usual)
    assert [name for name in usual if files[name] != usual[name]] == []


def locale_folder(folder: Path, name: str) -> Path:
    """A language that the machine need not know, made for this test."""
    command = shutil.which("localedef")
    if command is None:
        pytest.skip("localedef is not installed: no language can be made")
    language, _, letters = name.partition(".")
    done = subprocess.run(
        [command, "-i", language, "-f", letters, folder / name], capture_output=True, check=False
    )
    if not (folder / name / "LC_NUMERIC").exists():
        pytest.skip(f"the language {language} cannot be made: {done.stderr.decode()[-200:]}")
    return folder


def with_a_comma(folder: Path, name: str) -> dict[str, str]:
    return {
        "LC_ALL": name,
        "LOCPATH": str(locale_folder(folder, name)),
        "TZ": "Pacific/Kiritimati",
        "PYTHONHASHSEED": "1",
        "PYTHONUTF8": "0",
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["de_DE.ISO-8859-1", "tr_TR.UTF-8"])
def test_where_numbers_have_a_comma_the_same_bytes(usual, tmp_path, name):
    """Checked in the process: its decimal point is a comma. One has no letters of other scripts."""
    surroundings = with_a_comma(tmp_path, name)
    assert_same(written(tmp_path / "an other folder" / "x", surroundings, point=","), usual)


def test_where_numbers_have_a_comma_short_commands_write_the_same_bytes(
    tmp_path, command, monkeypatch
):
    """A workbook, a table, an explanation and a sheet to fill in: here, and in a fresh process."""
    some = [c for c in COMMANDS if re.search(r"book\.xlsx|csv$|markdown|check live", c)]
    assert len(some) == 4
    surroundings = with_a_comma(tmp_path, "de_DE.ISO-8859-1")
    files = written(tmp_path / "an other folder" / "x", surroundings, point=",", commands=some)
    del files["roster.csv"]
    (tmp_path / "usual").mkdir()
    monkeypatch.chdir(tmp_path / "usual")
    assert [command(*line.split())[0] for line in some] == [0, 0, 0, 0]
    assert_same(files, files_in(tmp_path / "usual"))


# Another time zone and language, another terminal, another way to write XML.
ELSEWHERE = {
    "TZ": "America/Adak",
    "PYTHONHASHSEED": "random",
    "PYTHONUTF8": "0",
    "LC_ALL": "C",
    "COLUMNS": "40",
    "OPENPYXL_LXML": "True",
}


@pytest.mark.slow
def test_in_another_time_zone_and_with_random_hashes_the_same_bytes(tmp_path):
    """Of a workbook, a page and a class's exercises; of all that is written, in a slow test."""
    some = [c for c in COMMANDS if re.search(r"full\.xlsx|page|roster", c)]
    assert len(some) == 3
    usual = written(tmp_path / "usual", {"PYTHONHASHSEED": "0"}, commands=some)
    assert_same(written(tmp_path / "elsewhere", ELSEWHERE, commands=some), usual)


@pytest.mark.slow
def test_optimised_and_elsewhere_the_same_bytes(usual, tmp_path):
    optimised = (sys.executable, "-OO")
    assert_same(written(tmp_path / "files", ELSEWHERE, python=optimised), usual)


def other_python(minor: int) -> str | None:
    """An interpreter of this minor version, where there is one besides this one."""
    if minor == sys.version_info.minor:
        return None
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    known = sorted(map(str, root.glob(f"versions/3.{minor}.*/bin/python")))
    for python in filter(None, [shutil.which(f"python3.{minor}"), *known]):
        code = "import sys; print(sys.version_info.minor)"
        said = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        if said.stdout.strip() == str(minor):
            return python
    return None


@pytest.mark.slow
@pytest.mark.parametrize("minor", range(11, 17))
def test_another_python_gives_the_same_bytes(usual, tmp_path, minor):
    """With the same versions of what the files are made with."""
    python = other_python(minor)
    if python is None:
        pytest.skip(f"there is no other Python 3.{minor}")
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    inside = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    wanted = [f"{name}=={version(name)}" for name in USED]
    done = subprocess.run(
        [inside, "-m", "pip", "install", "--quiet", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"its packages cannot be had: {done.stderr[-300:]}")
    assert_same(written(tmp_path / "files", python=(str(inside),)), usual)


@pytest.mark.slow
def test_a_terminal_without_greek_shows_question_marks(tmp_path):
    """… and the file is written; before, the program ended in a UnicodeEncodeError."""
    code = "from bpsheet.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "one-weight", "-o", tmp_path / "x.xlsx"],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"?" in done.stdout
    assert (tmp_path / "x.xlsx").exists()
