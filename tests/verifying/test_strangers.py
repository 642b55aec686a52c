"""Files that are no workbooks of ours are refused."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

import bpsheet as bp
from bpsheet.verifying.verify import verify


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(bp.WorkbookError, match=r"nothing\.xlsx: no such file"):
        verify(tmp_path / "nothing.xlsx")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_workbook_is_refused(tmp_path, content):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(bp.WorkbookError, match=r"not a workbook|an empty file"):
        verify(path)


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(bp.WorkbookError):
        verify(tmp_path)


@pytest.mark.parametrize("names", [["Sheet"], ["Steps", "About"], ["Steps", "Data", "About"]])
def test_a_workbook_of_others_is_refused(tmp_path, names):
    other = Workbook()
    other.remove(other.worksheets[0])
    for name in names:
        other.create_sheet(name)["A1"] = "mine"
    other.save(tmp_path / "x.xlsx")
    with pytest.raises(bp.WorkbookError, match="not a workbook that bpsheet wrote"):
        verify(tmp_path / "x.xlsx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_workbook_is_refused(book, tmp_path, share):
    content = book.read_bytes()
    path = tmp_path / "x.xlsx"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(bp.WorkbookError, match="damaged, or not a workbook"):
        verify(path)


def refusal(function: Callable[[Path], object], path: Path) -> str:
    """What a function of ours says when it refuses a file; empty where it takes it."""
    try:
        function(path)
    except bp.BpsheetError as error:
        said = str(error)
    else:
        return ""
    assert str(path) in said
    return said


@pytest.mark.slow
def test_a_workbook_with_a_damaged_part_is_refused_or_read(made, tmp_path):
    """Each part of the package in turn cut in half: one kind of error, never another."""
    whole = made("two-neuron", "full", 12)
    path = tmp_path / "x.xlsx"
    refused = set()
    with zipfile.ZipFile(whole) as old:
        for broken in old.namelist():
            with zipfile.ZipFile(path, "w") as new:
                for info in old.infolist():
                    content = old.read(info)
                    half = content[: len(content) // 2]
                    new.writestr(info.filename, half if info.filename == broken else content)
            if refusal(verify, path):
                refused.add(broken)
    assert {f"xl/worksheets/sheet{n}.xml" for n in (1, 2, 3)} <= refused
    assert {"xl/workbook.xml", "xl/styles.xml", "[Content_Types].xml"} <= refused


@pytest.mark.slow
def test_a_workbook_with_damaged_bytes_is_refused_or_read(made, tmp_path):
    """A byte in every hundred of them, turned over one at a time."""
    whole = made("book-perceptron", "book").read_bytes()
    path = tmp_path / "x.xlsx"
    refused = 0
    for place in range(0, len(whole), 97):
        content = bytearray(whole)
        content[place] ^= 0xFF
        path.write_bytes(content)
        refused += bool(refusal(bp.load, path))
    assert refused > 10


def test_a_damaged_experiment_is_refused_with_its_place(made, edit):
    """Somebody typed into the lines of About that hold the experiment file."""
    path = made("two-neuron", "full", 12)
    about = f"xl/worksheets/sheet{len(load_workbook(path).sheetnames)}.xml"
    with zipfile.ZipFile(path) as package:
        content = package.read(about).decode()
    row = re.search(r'<c r="(A[0-9]+)"[^>]*><is><t[^>]*>learning_rate', content)
    assert row
    edited = edit(
        path,
        {row[1]: lambda xml: xml.replace("learning_rate", "learning_rat")},
        about,
    )
    with pytest.raises(bp.WorkbookError, match=r"sheet About is damaged(.|\n)*did you mean"):
        verify(edited)
