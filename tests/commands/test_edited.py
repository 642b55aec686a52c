"""Commands say what was changed in a workbook before they do what they are asked for."""

from __future__ import annotations

import pytest
from openpyxl import load_workbook

import bpsheet as bp


@pytest.fixture
def typed_into(made, tmp_path):
    """A workbook into which somebody has typed: typed_into({"H8": 0.9})."""

    def edited(cells, name="two-neuron", kind="full"):
        book = load_workbook(made(name, kind, 12))
        for address, value in cells.items():
            book["Steps"][address] = value
        path = tmp_path / "edited.xlsx"
        book.save(path)
        return path

    return edited


def test_show_says_what_it_takes_from_the_cells(typed_into, command):
    path = typed_into({"H8": 0.9, "B5": 0.5, "M10": 1})
    status, out, err = command("show", str(path))
    assert status == 0
    assert err.splitlines() == [
        f"{path}, taken from its cells: learning rate 0.1 → 0.5, w_xg1 0.6 → 0.9",
        f"{path}, changed and not taken over:",
        "  Steps!M10 (g): the number 1 typed over a formula",
    ]
    fresh = bp.load("two-neuron").changed({"w_xg1": 0.9, "learning_rate": 0.5}).run(1)
    assert f"{fresh.frame['f'].iloc[0]:.4f}"[:6] in out


def test_the_numbers_that_it_was_written_with_can_be_asked_for(typed_into, command):
    path = typed_into({"H8": 0.9})
    _, changed, _ = command("show", str(path))
    status, out, err = command("show", str(path), "--original")
    assert (status, err) == (0, "")
    _, template, _ = command("show", "two-neuron")
    assert out == template
    assert changed != template


@pytest.mark.slow
def test_numbers_that_do_not_fit_name_the_option(typed_into, command):
    path = typed_into({"D5": -3}, "iris")
    status, _, err = command("show", str(path))
    assert status == 2
    assert "Steps!D5 (batch size): " in err
    assert "--original" in err


@pytest.mark.slow
def test_verify_tells_the_edits_and_the_cell(typed_into, command):
    path = typed_into({"H8": 0.9, "M10": 1})
    status, out, err = command("verify", str(path))
    assert status == 1
    assert f"{path}, taken from its cells: w_xg1 0.6 → 0.9" in err
    assert "the file stores no" in out
    assert "recalculated: M10 (g): no formula there" in out
    assert "more cells follow from these edits and were not compared" in out


@pytest.mark.parametrize("with_spec", [True, False])
def test_numbers_typed_over_formulas_are_judged(typed_into, command, with_spec):
    """By their digits; what follows rightly from a wrong one is carried through."""
    path = typed_into({"L8": -0.25, "M8": 0.24, "N8": -0.08, "O8": 0.48})
    spec = ["two-neuron", str(path)] if with_spec else [str(path)]
    status, out, _ = command("check", *spec)
    assert status == 1
    assert "3 of 4 right. The first mistake is g in iteration 1." in out
    assert "carried through" in out


def test_a_workbook_without_typed_numbers_has_no_hand_values(made, command):
    status, _, err = command("check", "two-neuron", str(made("two-neuron", "full", 12)))
    assert status == 2
    assert "no number stands in the place of a formula" in err


def test_values_of_another_experiment_are_judged_with_a_note(typed_into, command):
    path = typed_into({"L8": -0.25, "H8": 0.9})
    _, out, _ = command("check", "two-neuron", str(path))
    assert "The workbook edited.xlsx computes with other numbers" in out


def test_a_trace_compares_the_numbers_typed_over_formulas(typed_into):
    path = typed_into({"M9": -0.23, "O8": 0.5})
    report = bp.load("two-neuron").run(3).compare(path)
    assert list(zip(report["iteration"], report["quantity"], report["verdict"], strict=True)) == [
        (1, "f", "wrong"),
        (2, "g", "correct"),
    ]
