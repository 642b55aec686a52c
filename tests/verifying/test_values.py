"""Planted faults in stored values are found."""

from __future__ import annotations

import re

import pytest

from bpsheet.verifying.verify import verify
from bpsheet.workbook.writing import layout_of
from tests.helpers.faults import cells_in, with_formula, with_value, wrong_in
from tests.helpers.samples import sampled


def as_error(xml: str) -> str:
    return with_value("#NUM!")(re.sub(r'( t="[a-z]+")?>', ' t="e">', xml, count=1))


@pytest.mark.parametrize("factor", sampled([1 + 1e-9, 2.0, -1.0], 1 + 1e-9))
def test_a_wrong_stored_value_with_the_right_formula_is_found(book, edit, traced, factor):
    value = float(traced("two-neuron", 10).frame.loc[5, "MSE"])
    report = verify(edit(book, {"K12": with_value(repr(value * factor))}))
    assert cells_in(report, "stored values") == ["K12"]
    assert set(wrong_in(report)) == {"stored values"}


def test_a_missing_stored_value_is_found(book, edit):
    report = verify(edit(book, {"K12": lambda xml: re.sub("<v>[^<]*</v>", "", xml)}))
    assert cells_in(report, "stored values") == ["K12"]


def test_words_in_place_of_a_number_are_found(book, edit):
    report = verify(edit(book, {"K12": lambda xml: xml.replace("><f", ' t="str"><f')}))
    assert cells_in(report, "stored values") == ["K12"]


def test_true_in_place_of_a_number_is_found(made, edit):
    """A boolean is no number, even where the number is 1."""
    path = made("one-weight", "full", 4)
    edited = edit(path, {"A8": lambda xml: xml.replace("><v>1<", ' t="b"><v>1<')})
    assert "A8" in cells_in(verify(edited), "stored values")


def test_a_wrong_verdict_is_found(made, edit):
    path = made("book-perceptron", "book")
    edited = edit(path, {"L12": lambda xml: xml.replace("<v>Correct</v>", "<v>Incorrect</v>")})
    report = verify(edited)
    assert wrong_in(report) == {
        "stored values": ("L12 (test 00): Incorrect there, Correct expected",)
    }


def test_another_word_as_verdict_is_found(made, edit):
    path = made("book-perceptron", "book")
    edited = edit(path, {"L12": lambda xml: xml.replace("<v>Correct</v>", "<v>correct</v>")})
    assert cells_in(verify(edited), "stored values") == ["L12"]


def test_an_error_in_place_of_a_number_is_found(book, edit):
    report = verify(edit(book, {"K12": as_error}))
    assert wrong_in(report)["stored values"][0].startswith("K12 (MSE): #NUM! there, 0.1")


def test_a_formula_that_gives_an_error_is_found(book, edit):
    report = verify(edit(book, {"K12": with_formula("1/0")}))
    assert cells_in(report, "recalculated") == ["K12"]


@pytest.mark.slow
def test_a_number_in_place_of_an_error_is_found(made, edit, traced):
    error = traced("exploding").first_error
    assert error is not None
    place = layout_of(traced("exploding"), "full").by_name[error.column].letter
    place += str(error.iteration + 7)

    def number(xml: str) -> str:
        return with_value("1e300")(xml.replace(' t="e"', ""))

    report = verify(edit(made("exploding"), {place: number}))
    assert cells_in(report, "stored values") == [place]
    assert "an error expected" in wrong_in(report)["stored values"][0]


@pytest.mark.slow
def test_a_missing_row_is_found(book, edit):
    """By the row that has lost it; without the last row the run is a shorter one, which is said."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for row in (14, 19):
        empty = dict.fromkeys([f"{letter}{row}" for letter in letters], lambda _: "")
        report = verify(edit(book, empty))
        if row == 14:
            assert len(cells_in(report, "stored values")) == 26
        else:
            assert report.passed
            assert list(map(str, report.edits)) == ["iterations 12 → 11"]


def test_every_wrong_cell_is_told(book, edit):
    """With its name, what is there and what was expected."""
    report = verify(edit(book, {"K12": with_value("7"), "Z17": with_value("8")}))
    first, second = wrong_in(report)["stored values"]
    assert re.fullmatch(r"K12 \(MSE\): 7 there, 0\.1[0-9]+ expected", first)
    assert re.fullmatch(r"Z17 \(delta_w_gf1\): 8 there, -0\.0[0-9]+ expected", second)
    comparison = report.comparisons[0]
    assert comparison.where == "Z17"
    assert comparison.largest == pytest.approx(1, abs=0.01)
