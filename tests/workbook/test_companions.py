"""Which sheets a workbook has."""

from __future__ import annotations

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from tests.helpers.workbooks import book_of

COMPANIONS = ["Walkthrough", "Diagram", "Charts"]


def test_sheets_are_steps_data_and_about_and_three_over_the_rows_of_steps(made):
    """In the layout full; the one that is opened is Steps."""
    book = book_of(made("book-xor", "full", 12))
    assert book.sheetnames == ["Steps", "Data", *COMPANIONS, "About"]
    assert book.active.title == "Steps"
    assert book_of(made("book-xor", "book", 12)).sheetnames == ["Steps", "About"]


@pytest.mark.parametrize(
    ("name", "iterations", "sheets"),
    [
        pytest.param("digits", 1, ["Charts"], marks=pytest.mark.slow),  # too wide
        pytest.param("two-neuron", 2_001, COMPANIONS, marks=pytest.mark.slow),  # thinned
    ],
)
def test_what_does_not_fit_is_left_out(tmp_path, traced, name, iterations, sheets):
    path = traced(name, iterations).to_excel(tmp_path / "x.xlsx")
    assert load_workbook(path).sheetnames == ["Steps", "Data", *sheets, "About"]


def test_a_run_that_is_long_has_no_sheets_over_its_rows(tmp_path, traced, monkeypatch):
    """However it is written: from memory, or piece by piece."""
    trace = traced("two-neuron", 40)
    monkeypatch.setattr("bpsheet.workbook.companions.choice.IN_MEMORY", 1_000)
    assert trace.to_excel(tmp_path / "a.xlsx").read_bytes() == (
        trace.experiment.write(tmp_path / "b.xlsx", 40).read_bytes()
    )
    assert load_workbook(tmp_path / "a.xlsx").sheetnames == ["Steps", "Data", "About"]


@pytest.mark.slow
def test_no_picture_is_made_unless_one_is_asked_for(tmp_path):
    """A network too large for cells has no Diagram by default; matplotlib is slow to import."""
    network = bp.Network(
        inputs=["x"],
        targets=["y"],
        loss="squared_error",
        layers=[bp.Layer(units=20), bp.Layer(units=1)],
    )
    experiment = bp.Experiment(
        network=network, data=bp.Data(examples=[[1, 1]]), training=bp.Training(iterations=2)
    )
    path = experiment.run().to_excel(tmp_path / "x.xlsx")
    assert load_workbook(path).sheetnames == ["Steps", "Data", "Walkthrough", "Charts", "About"]


@pytest.mark.slow
def test_the_sheets_by_default_are_those_that_are_asked_for(tmp_path, traced):
    trace = traced("book-xor", 12)
    asked = trace.to_excel(tmp_path / "a.xlsx", sheets=["charts", "diagram", "walkthrough"])
    assert asked.read_bytes() == trace.to_excel(tmp_path / "b.xlsx").read_bytes()
    none = trace.to_excel(tmp_path / "c.xlsx", sheets=[])
    assert load_workbook(none).sheetnames == ["Steps", "Data", "About"]


def test_calculation_is_asked_for_when_it_is_opened(made):
    """A spreadsheet then shows its own numbers, not only ours."""
    assert book_of(made("two-neuron", "full", 12)).calculation.fullCalcOnLoad
