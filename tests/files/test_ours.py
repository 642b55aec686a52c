"""The commands replace what bpsheet wrote without asking, and nothing else."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import Workbook

import bpsheet as bp
from bpsheet.files.ours import is_ours, refuse_others
from bpsheet.files.seals import ENDS, sealed
from tests.helpers.samples import sampled, spread
from tests.helpers.unwritable import COMMANDS

REFUSED = "is not as bpsheet wrote it. Give another name, or replace it with --force"
TEXT = {".txt", ".csv"}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(command, name, *more):
    return command(*COMMANDS[name], "-o", name, *more)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    sampled(
        COMMANDS,
        *("run.xlsx", "run.csv", "run.parquet", "page.html", "network.svg", "gradient.tex"),
    ),
)
def test_a_command_replaces_its_own_file_and_no_other(name, here, command):
    """Every kind of file: again without a word, another's never unless --force asks for it."""
    assert write(command, name)[0] == 0
    first = Path(name).read_bytes()
    assert write(command, name)[0] == 0
    assert Path(name).read_bytes() == first
    assert is_ours(Path(name)) == (Path(name).suffix not in TEXT)
    others = b"somebody's own work,\nof years\n"
    Path(name).write_bytes(others)
    status, out, err = write(command, name)
    assert (status, out) == (1, "")
    assert re.fullmatch(
        rf"bpsheet: {name} exists, and .*--force\n|.*replace it with --force\n", err
    )
    assert Path(name).read_bytes() == others
    assert [path.name for path in here.iterdir()] == [name]
    assert write(command, name, "--force")[0] == 0
    assert Path(name).read_bytes() == first


@pytest.mark.slow
def test_another_run_of_the_same_network_replaces_the_last_one(command):
    """Other numbers, the same columns; a workbook in the other layout; iterations."""
    for name in ("run.csv", "run.xlsx", "run.parquet"):
        assert write(command, name)[0] == 0
        assert write(command, name, "--set", "learning_rate=0.3", "--iterations", "9")[0] == 0
    assert write(command, "run.xlsx", "--layout", "book")[0] == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name", spread(["page.html", "network.svg", "solution.md", "gradient.tex"], 2)
)
def test_a_word_changed_in_a_text_makes_it_somebodys(name, command):
    """In the middle, or below the seal."""
    assert write(command, name)[0] == 0
    whole = Path(name).read_bytes()
    middle = len(whole) // 2
    for changed in (whole[:middle] + b"x" + whole[middle:], whole + b"mine\n"):
        Path(name).write_bytes(changed)
        status, _, err = write(command, name)
        assert (status, err) == (1, f"bpsheet: {name} exists, and {REFUSED}\n")
        assert Path(name).read_bytes() == changed


@pytest.mark.slow
def test_a_workbook_that_libreoffice_saved_is_somebodys(here, command, libreoffice):
    """It may hold what was tried out in it."""
    assert write(command, "run.xlsx")[0] == 0
    subprocess.run(
        [
            *(libreoffice, f"-env:UserInstallation={(here / 'profile').as_uri()}", "--headless"),
            *("--convert-to", "xlsx", "--outdir", "saved", "run.xlsx"),
        ],
        check=True,
        capture_output=True,
    )
    Path("saved/run.xlsx").replace("run.xlsx")
    status, _, err = write(command, "run.xlsx")
    assert (status, err) == (1, f"bpsheet: run.xlsx exists, and {REFUSED}\n")


def test_figures_worked_by_hand_are_not_taken_for_a_run(command):
    """Both are CSV files that begin with the iteration."""
    Path("run.csv").write_text("iteration,quantity,value\n1,f,0.42\n")
    assert write(command, "run.csv")[0] == 1
    # A spreadsheet on Windows ends its lines otherwise: it was opened there and saved.
    assert write(command, "run.csv", "--force")[0] == 0
    Path("run.csv").write_bytes(Path("run.csv").read_bytes().replace(b"\n", b"\r\n"))
    assert write(command, "run.csv")[0] == 1


def test_an_experiment_file_is_not_replaced_by_its_own_solution(command):
    assert command("new", "mine")[0] == 0
    before = Path("mine.toml").read_bytes()
    assert command("explain", "mine.toml", "-o", "mine.toml")[0] == 1
    assert Path("mine.toml").read_bytes() == before


def test_others_workbooks_and_tables_are_theirs(tmp_path):
    Workbook().save(tmp_path / "book.xlsx")
    pd.DataFrame({"x": [1.0]}).to_parquet(tmp_path / "table.parquet")
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as package:
        package.writestr("bpsheet.txt", "bpsheet")
    for path in tmp_path.iterdir():
        assert not is_ours(path), path


def test_nothing_is_lost_with_an_empty_file_or_a_link(tmp_path):
    """A link is replaced, what it leads to stays."""
    (tmp_path / "empty.csv").touch()
    (tmp_path / "precious.csv").write_text("precious")
    (tmp_path / "link.csv").symlink_to(tmp_path / "precious.csv")
    for name in ("empty.csv", "link.csv", "none.csv"):
        refuse_others(tmp_path / name, force=False)
    with pytest.raises(bp.OutputError, match=r"precious\.csv exists"):
        refuse_others(tmp_path / "precious.csv", force=False)


def test_from_python_a_file_is_replaced_as_pandas_does(tmp_path):
    path = tmp_path / "x.xlsx"
    path.write_text("mine")
    bp.load("two-neuron").run(3).to_excel(path)
    assert is_ours(path)


@pytest.mark.slow
def test_damaged_files_are_not_ours_and_raise_nothing(tmp_path, made):
    """Workbooks cut off or changed anywhere, lists of parts that are far too long."""
    whole = made("two-neuron", "full", 12).read_bytes()
    path = tmp_path / "x.xlsx"
    for length in range(2, len(whole), 1009):
        path.write_bytes(whole[:length])
        assert not is_ours(path)
    for place in range(len(whole) - 900, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        is_ours(path)
    with zipfile.ZipFile(path, "w") as package:
        for number in range(20_000):
            package.writestr(f"xl/worksheets/{number:0>40}.xml", "")
        package.writestr("xl/worksheets/bpsheet1.xml", "")
    assert not is_ours(path)


def test_of_a_large_file_only_the_ends_are_read(tmp_path, monkeypatch):
    """A gigabyte that is in the way is not read to find out whose it is."""
    path = tmp_path / "large.bin"
    with path.open("wb") as stream:
        stream.truncate(2_000_000_000)
    monkeypatch.setattr(Path, "read_bytes", lambda _self: pytest.fail("all of it was read"))
    assert not is_ours(path, "iteration,x")
    assert ENDS < 10_000


@pytest.mark.parametrize("form", ["latex", "html", "svg", "markdown"])
def test_a_seal_is_one_line_below_the_text(form, tmp_path):
    text = "first\n\nlast é\n"
    made = sealed(text, form)
    assert made.startswith(text)
    assert made.count("\n") == text.count("\n") + 1
    (tmp_path / "x").write_text(made, "utf-8")
    assert is_ours(tmp_path / "x")
    (tmp_path / "x").write_text(made.replace("last", "best"), "utf-8")
    assert not is_ours(tmp_path / "x")


def test_a_page_of_feedback_with_a_word_of_the_teachers_stays(command):
    """And then nothing is written at all, the class table neither."""
    assert command("exercise", "two-neuron", "-o", "sheets/sheet.xlsx")[0] == 0
    grading = ("grade", "sheets", "two-neuron", "-o", "grades.csv", "--feedback", "feedback")
    assert command(*grading)[0] == 0
    assert command(*grading)[0] == 0
    (page,) = (path for path in Path("feedback").iterdir() if path.name != "index.html")
    annotated = page.read_text("utf-8") + "Well done!\n"
    page.write_text(annotated, "utf-8")
    table = Path("grades.csv")
    table.unlink()
    status, _, err = command(*grading)
    assert (status, err) == (1, f"bpsheet: {page} exists, and {REFUSED}\n")
    assert page.read_text("utf-8") == annotated
    assert not table.exists()
    assert command(*grading, "--force")[0] == 0
    table.write_text("my own list\n")
    assert command(*grading)[0] == 1


def test_a_sheet_that_may_be_filled_in_is_replaced_only_with_force(command):
    sheet = ("exercise", "two-neuron", "-o", "sheet.xlsx")
    assert command(*sheet)[0] == 0
    status, _, err = command(*sheet, "--digits", "5")
    assert status == 1
    assert "it may have been filled in" in err
    assert command(*sheet, "--digits", "5", "--force")[0] == 0


def test_the_copy_with_derivatives_is_ours_until_somebody_saves_it(command):
    book = Workbook()
    book.active["A1"] = 2.0
    book.active["B1"] = "=A1^2"
    book.save("book.xlsx")
    asked = ("differentiate", "book.xlsx", "--loss", "Sheet!B1", "--parameters", "Sheet!A1")
    assert command(*asked, "-o", "out.xlsx")[0] == 0
    assert command(*asked, "-o", "out.xlsx")[0] == 0
    book.save("out.xlsx")
    assert command(*asked, "-o", "out.xlsx")[0] == 1
