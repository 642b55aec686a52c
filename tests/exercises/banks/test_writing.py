"""Writing question banks: their files, their names, and the command."""

from __future__ import annotations

import xml.etree.ElementTree as ET
import zipfile

import pytest

import bpsheet as bp
from bpsheet.errors import NotReplacedError, OutputError
from bpsheet.exercises.banks.writing import BANKS, write_bank
from bpsheet.exercises.exercise import Exercise


@pytest.fixture(scope="module")
def exercise():
    return Exercise(bp.load("two-neuron"), ask=("forward",), vary=("weights",))


@pytest.mark.sample(1)
@pytest.mark.parametrize("system", BANKS)
def test_a_bank_is_written_and_nobody_elses_file_is_replaced(tmp_path, exercise, system):
    path = tmp_path / f"bank{BANKS[system]}"
    (question,) = write_bank(exercise, path, system, ["Ada"])
    assert question.task.student == "Ada"
    first = path.read_bytes()
    write_bank(exercise, path, system, ["Ada"])
    assert path.read_bytes() == first
    path.write_bytes(b"mine")
    with pytest.raises(NotReplacedError):
        write_bank(exercise, path, system, ["Ada"])
    assert path.read_bytes() == b"mine"


def test_a_bank_of_another_name_is_refused(tmp_path, exercise):
    with pytest.raises(OutputError, match=r"for qti21 ends in \.zip"):
        write_bank(exercise, tmp_path / "bank.xml", "qti21")


def test_the_command_writes_a_question_for_each_draw(tmp_path, command):
    path = tmp_path / "bank.xml"
    status, out, _ = command(
        "exercise", "two-neuron", "-o", str(path), "--format", "moodle", "--draws", "2",
        "--vary", "weights", "--ask", "forward",
    )  # fmt: skip
    assert status == 0
    assert "2 questions of 5 values" in out
    texts = [q.findtext("questiontext/text") for q in ET.parse(path).getroot()][1:]
    assert len(set(texts)) == 2


def test_the_command_writes_a_question_for_each_student(tmp_path, command):
    (tmp_path / "roster.csv").write_text("Name\nAda\nBob\n", encoding="utf-8")
    path = tmp_path / "bank.zip"
    status, out, _ = command(
        "exercise", "two-neuron", "-o", str(path), "--format", "qti12", "--ask", "forward",
        "--students", str(tmp_path / "roster.csv"), "--vary", "weights",
    )  # fmt: skip
    assert status == 0
    assert "a slip that is made again costs its marks again" in " ".join(out.split())
    with zipfile.ZipFile(path) as package:
        assert "quiz-2/quiz-2.xml" in package.namelist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--draws", "2"], "--draws and --marks are for question banks"),
        (["--format", "moodle", "--check", "live"], "--check and --key are for workbooks"),
        (["--format", "moodle", "--vary", "weights"], "need a roster"),
        (
            ["--format", "moodle", "--students", "a.csv", "--draws", "2"],
            "give either --students or --draws, not both",
        ),
    ],
)
def test_options_that_do_not_go_together_are_told(tmp_path, command, options, said):
    status, _, err = command("exercise", "two-neuron", "-o", str(tmp_path / "a.xml"), *options)
    assert status == 2
    assert said in " ".join(err.split())
