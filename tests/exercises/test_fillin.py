"""The workbook that a student fills in."""

from __future__ import annotations

import io
import re
import zipfile

import ironcalc
import pytest
from openpyxl import load_workbook
from openpyxl.utils.cell import column_index_from_string

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import (
    ANSWERS,
    FIRST_ROW,
    IDENTITY,
    NAME_CELL,
    SHEET,
    fill_in_workbook,
    names_picture,
)
from bpsheet.exercises.identity import read_identity
from tests.helpers.exercises import BOTH, two_neurons


@pytest.fixture
def opened(tmp_path):
    def read(data: bytes):
        path = tmp_path / "sheet.xlsx"
        path.write_bytes(data)
        return load_workbook(path)

    return read


def test_asked_cells_are_blank_framed_unlocked_and_text(opened):
    task = two_neurons().task()
    sheet = opened(fill_in_workbook(task))[SHEET]
    assert sheet.protection.sheet
    assert sheet.protection.password is None
    for row, line in enumerate(task.lines, FIRST_ROW):
        cell = sheet[f"B{row}"]
        assert sheet[f"A{row}"].value == line.name
        if line.is_asked:
            assert cell.value is None
            assert cell.number_format == "@"
            assert not cell.protection.locked
            assert cell.border.left.style == cell.border.bottom.style == "thin"
        else:
            assert cell.protection.locked
            assert cell.value == line.value


def test_without_live_marks_no_answer_is_in_the_file():
    """Neither the exact values nor any figure of theirs, in any part."""
    task = two_neurons().task("Ada")
    data = fill_in_workbook(task)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        text = b" ".join(package.read(name) for name in package.namelist()).decode()
        assert "<f>" not in text
    for line in task.lines:
        exact = abs(task.exact(line)) if line.is_asked else 0.0
        if exact and len(repr(exact)) > 8:
            assert repr(exact)[:6] not in text


def test_live_answers_are_on_a_very_hidden_sheet_only(opened):
    book = opened(fill_in_workbook(two_neurons().task(), live=True))
    assert book.sheetnames == [SHEET, ANSWERS, IDENTITY]
    assert book[ANSWERS].sheet_state == book[IDENTITY].sheet_state == "veryHidden"
    assert book[SHEET]["C19"].value == f"={ANSWERS}!K19"


def test_every_formula_carries_the_value_that_it_has(live):
    """What viewers show without calculating is what a calculation gives."""
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    model.evaluate()
    with zipfile.ZipFile(live) as package:
        for number in (1, 2):
            text = package.read(f"xl/worksheets/sheet{number}.xml").decode()
            cells = re.findall(r'r="([A-Z]+)([0-9]+)"[^>]*><f>[^<]*</f><v>([^<]*)</v>', text)
            assert len(cells) == text.count("<f>") >= (25 if number == 1 else 500)
            for letter, row, stored in cells:
                column = column_index_from_string(letter)
                value = model.get_cell_value(number - 1, int(row), column)
                if letter in (*"LMNOPQYZ", "AB"):
                    assert value == pytest.approx(float(stored), rel=1e-12), f"{letter}{row}"
                else:
                    assert ("0" if value is False else value) == stored, f"{letter}{row}"


def test_the_sheet_prints_on_one_page(opened):
    sheet = opened(fill_in_workbook(two_neurons().task()))[SHEET]
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 1)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    long = opened(fill_in_workbook(two_neurons(iterations=5).task()))[SHEET]
    assert (long.page_setup.fitToWidth, long.page_setup.fitToHeight) == (1, 0)


def test_the_number_of_the_page_has_room_below_the_text(opened):
    """LibreOffice cuts a footer that has less height than a line."""
    margins = opened(fill_in_workbook(two_neurons().task()))[SHEET].page_margins
    assert (margins.bottom - margins.footer) * 72 >= 12


def test_the_name_is_printed_or_a_cell_to_fill_in(opened):
    named = opened(fill_in_workbook(two_neurons().task("=Ada()")))[SHEET][NAME_CELL]
    assert (named.value, named.data_type) == ("=Ada()", "s")
    blank = opened(fill_in_workbook(two_neurons().task()))[SHEET][NAME_CELL]
    assert blank.value is None
    assert not blank.protection.locked


def test_the_identity_comes_back(opened):
    exercise = two_neurons("forward", digits=4, vary=BOTH, seed=3)
    book = opened(fill_in_workbook(exercise.task("Émile Ünal")))
    assert read_identity(book[IDENTITY]["A1"].value) == exercise.identity("Émile Ünal")


@pytest.mark.sample(1)
@pytest.mark.parametrize("live", [True, False])
def test_the_same_task_gives_the_same_bytes(live):
    first, again = (two_neurons(vary=BOTH).task("Ada") for _ in range(2))
    assert fill_in_workbook(first, live=live) == fill_in_workbook(again, live=live)


def test_the_notes_of_the_experiment_stand_above_the_lines():
    task = Exercise(bp.load("book-xor")).task()
    sheet = load_workbook(io.BytesIO(fill_in_workbook(task)))[SHEET]
    notes = bp.load("book-xor").notes.strip()
    assert sheet["A5"].value == notes
    assert "A5:D5" in {str(area) for area in sheet.merged_cells.ranges}
    assert sheet.row_dimensions[5].height >= 15 * (notes.count("\n") + 1)
    long = bp.Experiment(**{**bp.load("book-xor").to_dict(), "notes": "a line\n" * 200})
    cut = load_workbook(io.BytesIO(fill_in_workbook(Exercise(long).task())))[SHEET]
    assert cut["A5"].value.endswith("a line\n…")
    assert cut.row_dimensions[5].height < 409  # the highest row there is


@pytest.mark.slow
def test_the_picture_has_names_and_no_numbers():
    """It is the same whatever the numbers are."""
    pytest.importorskip("matplotlib")
    experiment = bp.load("book-xor")
    picture = names_picture(Exercise(experiment))
    other = experiment.changed({"w_n0_1": 0.77, "x1[1]": 0.3, "learning_rate": 3.0})
    assert names_picture(Exercise(other)).content == picture.content
    renamed = bp.load("two-neuron")
    assert names_picture(Exercise(renamed)).content != picture.content
    sheet = load_workbook(
        io.BytesIO(fill_in_workbook(Exercise(experiment).task(), picture=picture))
    )[SHEET]
    (image,) = sheet._images
    last = FIRST_ROW + len(Exercise(experiment).task().lines) - 1
    assert image.anchor._from.row + 1 > last
    assert image.anchor.ext.width == 9_525 * picture.width  # in English Metric Units
