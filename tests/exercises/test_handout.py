"""Sheets for a class: a file for each student, and the key apart."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.exercises.fillin import SHEET
from bpsheet.exercises.handout import write_class
from bpsheet.exercises.names import file_name
from bpsheet.exercises.roster import read_roster
from tests.helpers.exercises import BOTH, two_neurons

ROSTER = "student,id\nAda Lovelace,1\nada lovelace,2\nCON,3\n=HYPERLINK(),4\n../../etc,5\n😀,6\n"


@pytest.fixture
def roster(tmp_path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8")
    return path


def test_names_of_files_are_safe_and_never_clash(roster):
    names = [file_name(student) for student in read_roster(roster).labels]
    assert len({name.casefold() for name in names}) == 6
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}\.xlsx", name) for name in names)
    assert names[2].startswith("con-3-")
    assert names[5].startswith("6-")
    assert file_name("CON") != "con.xlsx"
    assert len(file_name("x" * 5_000)) < 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no students"),
        ("name\n", "no students"),
        ("Ada\nAda\n", "stands there twice .line 1.; add a column ID"),
        ("name,id\n,3\n", "no name"),
        (f"{'x' * 101}\n", "more than 100 characters"),
        ("A\x00da\n", "not a text file"),
        ("A\ue000da\n", "a character that names do not have"),
    ],
)
def test_a_roster_with_problems_is_refused(tmp_path, text, said):
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(bp.ExperimentError, match=said):
        read_roster(path)


def test_a_roster_may_be_names_alone(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes("\ufeffAda\r\n  Bob   B \r\n\r\n".encode())
    assert read_roster(path).labels == ["Ada", "Bob B"]


@pytest.mark.slow
def test_each_student_gets_a_file_and_the_key_lies_apart(roster, tmp_path, command):
    folder = tmp_path / "sheets"
    arguments = ("exercise", "two-neuron", "-o", str(folder), "--students", str(roster))
    status, out, _ = command(*arguments, "--vary", "weights,data", "--seed", "7")
    assert status == 0
    assert "Wrote 6 workbooks" in out
    assert sorted(p.name for p in folder.iterdir()) == sorted(
        map(file_name, read_roster(roster).labels)
    )
    key = (tmp_path / "sheets-key" / "key.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(key)))
    assert len(rows) == 6 * 25
    task = two_neurons(vary=BOTH, seed=7).task("Ada Lovelace (1)")
    first = rows[0]
    assert float(first["exact"]) == task.trace.frame.loc[1, "z_g"]
    assert {row["student"] for row in rows} >= {"'=HYPERLINK() (4)"}


def test_a_student_has_the_same_file_whoever_else_is_on_the_roster(tmp_path):
    exercise = two_neurons(vary=BOTH)
    write_class(exercise, tmp_path / "a", tmp_path / "ka", ["Ada", "Bob", "Cem"])
    write_class(exercise, tmp_path / "b", tmp_path / "kb", ["Zoe", "Bob"])
    name = file_name("Bob")
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_key_may_not_lie_among_the_sheets(tmp_path):
    for key in ("sheets", "sheets/key", "sheets/../sheets/key"):
        with pytest.raises(bp.OutputError, match="must lie outside"):
            write_class(two_neurons(), tmp_path / "sheets", tmp_path / key, ["Ada"])
    assert not (tmp_path / "sheets").exists()


def test_a_filled_in_sheet_is_never_replaced(tmp_path, command):
    path = tmp_path / "sheet.xlsx"
    assert command("exercise", "two-neuron", "-o", str(path))[0] == 0
    assert command("exercise", "two-neuron", "-o", str(path))[0] == 0  # the same bytes
    book = load_workbook(path)
    book[SHEET]["B19"] = "-0.25"
    book.save(path)
    before = path.read_bytes()
    status, _, err = command("exercise", "two-neuron", "-o", str(path))
    assert status == 1
    assert "it may have been filled in" in err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "x.xlsx", "--ask", "g_eror"), "g_error"),
        (("-o", "x.xlsx", "--vary", "weights"), "need a roster"),
        (("-o", "x.csv"), "ends in .xlsx"),
        (("-o", "x.xlsx", "--students", "absent.csv"), "absent.csv"),
    ],
)
def test_unusable_input_is_refused_in_words(command, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = command("exercise", "two-neuron", *arguments)
    assert status in (1, 2)
    assert said in err
    assert not list(tmp_path.iterdir())
