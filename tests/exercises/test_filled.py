"""Filled-in sheets that are strange, or of somebody else, are refused by name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.exercises.fillin import FIRST_ROW, IDENTITY, fill_in_workbook
from bpsheet.exercises.identity import FORMAT, read_identity
from bpsheet.exercises.names import file_name
from tests.helpers.grading import EXERCISE, NETWORK, answers_of, fill, grade_file, typed_into


def test_a_renamed_file_is_recognised_and_noted(ada, own, tmp_path):
    renamed = fill(own, ada, answers_of(ada)).rename(tmp_path / "homework (1).xlsx")
    sheet = grade_file(renamed, NETWORK)
    assert (sheet.student, sheet.total) == ("Ada", 25)
    assert sheet.notes == ("the file was renamed",)


def test_a_sheet_of_another_exercise_is_refused(ada, own):
    fill(own, ada, answers_of(ada))
    for other in (bp.load("book-xor"), NETWORK.changed({"w_xg0": 0.31})):
        with pytest.raises(bp.WorkbookError, match=r"from another exercise \(two-neuron"):
            grade_file(own, other)


def with_identity(path: Path, text: object) -> Path:
    book = load_workbook(path)
    book[IDENTITY]["A1"].value = text
    book.save(path)
    return path


def test_a_forged_identity_is_refused(ada, own):
    """Another seed would be other numbers: the fingerprint does not fit it."""
    fill(own, ada, {})
    text = ada.identity.text
    for forged in (
        text.replace('"seed": 5', '"seed": 6'),
        text.replace('"digits": 4', '"digits": 1'),
        text.replace('"iterations": 1', '"iterations": 1000000000'),
        text.replace('"forward", ', ""),
    ):
        assert forged != text
        with pytest.raises(bp.WorkbookError, match="from another exercise"):
            grade_file(with_identity(own, forged), NETWORK)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "[" * 15_000,
        "{}",
        f'{{"bpsheet": {FORMAT}}}',
        "x" * 30_000,
        f'{{"bpsheet": {FORMAT + 1}}}',
        EXERCISE.identity("A\x1b[2J").text,
        EXERCISE.identity("A").text.replace('"A"', '"\\ud800"'),
        EXERCISE.identity("A").text.replace('"seed": 5', '"seed": "5"'),
        EXERCISE.identity("A").text.replace('"seed": 5', '"seed": true'),
        EXERCISE.identity("A" * 201).text,
        EXERCISE.identity("A").text.replace('["forward"', '[["forward"]'),
    ],
)
def test_a_damaged_identity_is_refused(text):
    with pytest.raises(bp.WorkbookError, match=r"identity is damaged|another version"):
        read_identity(text)


@pytest.mark.slow
@pytest.mark.parametrize("live", [True, False])
def test_a_sheet_saved_by_libreoffice_is_marked_alike(tmp_path, libreoffice, live):
    task = EXERCISE.task("Ada")
    answers = answers_of(task, {"g_error": -1.0}) | {"g'": "", "f": "\u22120.5"}
    path = tmp_path / "in" / file_name("Ada")
    path.parent.mkdir()
    path.write_bytes(fill_in_workbook(task, live=live))
    typed = {}
    for row, line in enumerate(task.lines, FIRST_ROW):
        text = answers.get(line.name if line.iteration == 1 else f"{line.name}+")
        if line.is_asked and text:
            typed[f"B{row}"] = text
    typed_into(path, typed)
    before = grade_file(path, NETWORK)
    subprocess.run(
        [
            libreoffice,
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(tmp_path),
            str(path),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
    saved = tmp_path / path.name
    assert saved.read_bytes() != path.read_bytes()
    after = grade_file(saved, NETWORK)
    assert [m.judgement for m in after.marks] == [m.judgement for m in before.marks]
    assert (after.student, after.notes) == ("Ada", ())
    verdicts = {m.judgement.quantity: m.verdict for m in after.marks if m.judgement.iteration == 1}
    assert verdicts["g_error"] == "likely slip"
    assert verdicts["g'"] == "missing"
    assert verdicts["z_g"] == "correct"
