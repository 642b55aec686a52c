"""Tests that repeat an example follow the sheet Data; every other test says that it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.plan.followed import changed_cells
from tests.helpers.networks import TWO, experiment
from tests.helpers.office import in_libreoffice

NAMES = ["test 00", "test 01", "test 10", "test 11"]
# XOR has the targets 0, 1, 1, 0 in D2 to D5; OR has a 1 in the last.
OR = [("value", "Data", "D5", 1)]


def written(tmp_path: Path, layout: str = "full", rows: int = 3) -> Path:
    return bp.load("book-xor").run(rows).to_excel(tmp_path / "xor.xlsx", layout, [])


def with_or(path: Path) -> Path:
    book = load_workbook(path)
    book["Data"]["D5"] = 1
    book.save(path)
    return path


def comment_of(path: Path, header: str) -> str:
    sheet = load_workbook(path)["Steps"]
    return next(cell.comment.text for cell in sheet[7] if cell.value == header)


@pytest.mark.sample(1)
@pytest.mark.parametrize("layout", ["full", "matrix"])
def test_the_formulas_have_the_inputs_and_targets_of_the_data(tmp_path, layout):
    sheet = load_workbook(written(tmp_path, layout))["Steps"]
    row = {sheet.cell(7, cell.column).value: cell.value for cell in sheet[9]}
    assert row["test 01"].startswith("=IF(IF(Data!$D$3>0.5,")
    sums = [text for name, text in row.items() if name.endswith("(test 01)")]
    assert any("Data!$B$3*" in text and "Data!$C$3*" in text for text in sums)


@pytest.mark.slow
def test_or_in_the_place_of_xor_is_taken_by_data_and_tests(tmp_path):
    changed = bp.load(with_or(written(tmp_path, rows=1)))
    assert [row[-1] for row in changed.data.examples] == [0, 1, 1, 1]
    assert changed.test.examples == changed.data.examples


@pytest.mark.slow
def test_or_in_the_place_of_xor_is_judged_as_or(tmp_path):
    """ironcalc, given the changed data alone, finds what a run of the changed experiment finds."""
    path = with_or(written(tmp_path))
    changed = bp.load(path)
    report = bp.verify(path)
    assert not any(comparison.wrong for comparison in report.comparisons[1:])
    xor, gate = bp.load("book-xor").run(3).tests, changed.run().tests
    assert (xor["test 11"].iloc[0], gate["test 11"].iloc[0]) in ((0, 1), (1, 0))


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["full", "matrix"])
def test_libreoffice_judges_or_as_or(tmp_path, libreoffice, layout):
    source = written(tmp_path, layout)
    path = in_libreoffice(libreoffice, tmp_path, source, {"or": OR})["or"]
    sheet = load_workbook(path, data_only=True)["Steps"]
    found = {cell.value: sheet.cell(8, cell.column).value for cell in sheet[7]}
    tests = bp.load(path).run().tests
    words = ("Incorrect", "Correct")
    assert [found[name] for name in NAMES] == [words[int(tests[name].iloc[0])] for name in NAMES]
    assert bp.load(path).test.examples[3] == [1, 1, 1]


def test_a_test_without_an_example_keeps_its_numbers_and_says_so(tmp_path):
    test = {"names": ["like", "unlike"], "examples": [[0.5, -1.0, 1.0], [0.5, -1.0, 0.0]]}
    made = experiment(*TWO, examples=((0.5, -1.0, 1.0),), test=test)
    path = made.run(3).to_excel(tmp_path / "two.xlsx", sheets=["walkthrough"])
    assert "example 1 of the data" in comment_of(path, "like")
    assert "no other cell changes them" in comment_of(path, "unlike")
    book = load_workbook(path)
    said = [cell.value for row in book["About"] for cell in row if cell.value]
    assert "Tests that follow their example on the sheet Data, whatever stands there: like." in said
    own = "numbers of their own, which stand in their formulas and which Data does not change"
    assert f"Tests with {own}: unlike." in said
    heads = [row[0].value for row in book["Walkthrough"]]
    assert "like: example 1 of the data" in heads
    assert "unlike: numbers of its own, which Data does not change" in heads


@pytest.mark.slow
def test_in_the_layout_book_each_test_has_its_own_numbers(tmp_path):
    """As in the book's own workbook; a changed example changes no test, and `load` knows it."""
    path = written(tmp_path, "book")
    sheet = load_workbook(path)["Steps"]
    column = next(cell.column_letter for cell in sheet[7] if cell.value == "test 11")
    assert "<0.5" in sheet[f"{column}9"].value
    assert "no other cell changes them" in comment_of(path, "test 11")
    report = bp.verify(path)
    assert [comparison.wrong for comparison in report.comparisons] == [(), (), ()]


def test_a_target_on_the_border_is_below_it():
    """As the formula has it. An experiment file may not have such a test."""
    made = changed_cells(bp.load("book-xor"), {"y[2]": 0.5}, tests_follow=True)
    target = made.test.examples[1][-1]
    assert 0.4999 < target < 0.5


def test_of_two_largest_targets_the_first_counts(tmp_path):
    layer = {"neurons": ["p", "q"], "activation": "linear", "weights": [[1, 0], [0, 1]]}
    row = [3.0, 2.0, 0.0, 1.0]
    test = {"examples": [row], "correct": "largest"}
    made = experiment(layer, targets=("a", "b"), examples=(row,), test=test)
    assert made.run().tests["test 1"].iloc[0] == 0
    tie = changed_cells(made, {"a[1]": 1.0}, tests_follow=True)
    assert tie.test.examples[0][2] > tie.test.examples[0][3] == 1.0
    assert tie.run().tests["test 1"].iloc[0] == 1
    sheet = load_workbook(made.run().to_excel(tmp_path / "two.xlsx", sheets=[]))["Steps"]
    verdict = sheet.cell(8, sheet.max_column).value
    assert verdict.startswith("=IF(IF(Data!$D$2>=Data!$E$2,")


def test_changed_data_are_followed_only_where_a_workbook_does():
    plan = bp.load("book-xor")
    assert changed_cells(plan, {"y[4]": 1}, tests_follow=False).test == plan.test
    assert changed_cells(plan, {"w_n2_0": 1}, tests_follow=True).test == plan.test
