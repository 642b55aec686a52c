"""The package is written while it is made: rows first, and what comes after them meanwhile."""

from __future__ import annotations

import zipfile
from itertools import repeat

import pytest
from openpyxl import Workbook

from bpsheet.xlsx import package
from bpsheet.xlsx.deflate import Deflate
from bpsheet.xlsx.notes import Note
from bpsheet.xlsx.package import Rows, write_package

ROW = b'<row r="2"><c r="A2"><v>0.25</v></c></row>'


@pytest.fixture
def book():
    """A sheet with a title, and one with more than a thousand characters."""
    made = Workbook()
    made.active.title = "Rows"
    made.active["A1"] = "title"
    made.create_sheet("List")["A1"] = "abc" * 500
    return made


def contents(path):
    with zipfile.ZipFile(path) as parts:
        assert parts.testzip() is None
        return [(part.filename, parts.read(part)) for part in parts.infolist()]


def test_a_sheet_is_filled_in_after_the_rows_before_it_are_written(book, tmp_path):
    """So that both go on at the same time; the file is the same as when it was filled in before."""
    done = []

    def blocks():
        done.append("rows")
        yield ROW

    def fill():
        done.append("list")
        book["List"]["B1"] = "filled in"

    rows = {"Rows": Rows("A1:A2", blocks())}
    write_package(book, rows, tmp_path / "late.xlsx", fill={"List": fill})
    assert done == ["rows", "list"]
    write_package(book, {"Rows": Rows("A1:A2", [ROW])}, tmp_path / "early.xlsx")
    assert contents(tmp_path / "late.xlsx") == contents(tmp_path / "early.xlsx")


def test_long_parts_are_compressed_as_rows_are_and_in_their_places(book, tmp_path, monkeypatch):
    """The seal comes last, as ever, since it counts all the others."""
    rows = {"Rows": Rows("A1:A2", [ROW])}
    write_package(book, rows, tmp_path / "plain.xlsx")
    made = []
    monkeypatch.setattr(package, "Deflate", lambda: made.append(Deflate()) or made[-1])
    monkeypatch.setattr(package, "BLOCK", 100)
    write_package(book, rows, tmp_path / "long.xlsx")
    plain, long = (contents(tmp_path / f"{name}.xlsx") for name in ("plain", "long"))
    assert [name for name, _ in long] == [name for name, _ in plain]
    assert len(made) > 2
    assert long[-1][0] == package.PROPERTIES
    assert long[:-1] == plain[:-1]


@pytest.mark.parametrize("late", ["rows", "fill"])
def test_an_error_while_rows_wait_leaves_no_file(book, tmp_path, late):
    """It is the error itself that is raised, not one of the half-written package."""

    def fail():
        raise ZeroDivisionError

    blocks = repeat(ROW, 3) if late == "fill" else (fail() for _ in range(1))
    fill = {"List": fail} if late == "fill" else {}
    with pytest.raises(ZeroDivisionError):
        write_package(book, {"Rows": Rows("A1:A2", blocks)}, tmp_path / "run.xlsx", fill=fill)
    assert list(tmp_path.iterdir()) == []


def test_a_notes_words_are_found_when_it_is_written():
    """And found once: the box is as high as the words are many."""
    asked = []
    note = Note(lambda: asked.append(1) or "two\nlines")
    assert asked == []
    assert (note.text, note.height) == ("two\nlines", 58)
    assert asked == [1]


def test_a_note_is_cut_where_nobody_would_read_on():
    assert Note(lambda: "a" * 1_000).text == "a" * 1_000
    assert Note(lambda: "a" * 1_001).text == "a" * 999 + "…"
