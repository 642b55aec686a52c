"""Sheets and solutions to print, by a browser or by LibreOffice."""

from __future__ import annotations

import shutil
import subprocess

import pytest

import bpsheet as bp
from bpsheet.errors import EngineError, NotReplacedError, OutputError
from bpsheet.exercises import printed
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.printed import printable_page, write_printed
from tests.helpers.browser import chromium_command

EXERCISE = Exercise(bp.load("two-neuron"), vary=("weights",))


def text_of(path):
    """The text of a PDF file, as Poppler reads it."""
    if shutil.which("pdftotext") is None:
        pytest.skip("there is no pdftotext")
    made = subprocess.run(
        ["pdftotext", "-layout", str(path), "-"],
        check=True,
        capture_output=True,
    )
    return made.stdout.decode()


def check(paths):
    sheets, solutions = map(text_of, paths)
    for name in ("Ada", "Bob"):
        task = EXERCISE.task(name)
        assert name in sheets
        right = [task.rounded(line) for line in task.lines if line.is_asked]
        assert all(value.replace("-", "") in solutions.replace("−", "-") for value in right)
        assert sum(value in sheets for value in right) < len(right) / 3


@pytest.mark.slow
def test_a_browser_prints_a_page_for_each_student(tmp_path):
    if chromium_command() is None:
        pytest.skip("no browser")
    paths = write_printed(EXERCISE, tmp_path / "class.pdf", ["Ada", "Bob"])
    assert [path.name for path in paths] == ["class.pdf", "class-solutions.pdf"]
    assert text_of(paths[0]).count("\f") == 2
    check(paths)
    # Ours is replaced, and nobody else's.
    paths[1].write_bytes(paths[1].read_bytes() + b"%x")
    with pytest.raises(NotReplacedError):
        write_printed(EXERCISE, tmp_path / "class.pdf", ["Ada"])


@pytest.mark.slow
def test_libreoffice_prints_them_where_there_is_no_browser(tmp_path, libreoffice, monkeypatch):
    assert libreoffice
    monkeypatch.setattr(printed, "browser_command", lambda: None)
    check(write_printed(EXERCISE, tmp_path / "class.pdf", ["Ada", "Bob"]))


def test_without_either_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(printed, "browser_command", lambda: None)
    monkeypatch.setattr(printed, "libreoffice_command", lambda: None)
    with pytest.raises(
        EngineError, match=r"class\.pdf: a browser .* or LibreOffice prints the sheets"
    ):
        write_printed(EXERCISE, tmp_path / "class.pdf")
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match=r"ends in \.pdf"):
        write_printed(EXERCISE, tmp_path / "class.xlsx")


def test_a_sheet_has_the_network_without_values_and_no_answer():
    task = EXERCISE.task("Ada")
    page = printable_page([task])
    assert page.count("<svg") == 1
    assert page.count('<span class="blank"></span>') == sum(line.is_asked for line in task.lines)
    assert "<script" not in page
