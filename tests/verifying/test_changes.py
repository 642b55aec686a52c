"""Which cells are changed before a workbook is recalculated."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify
from tests.helpers.faults import cells_in, with_formula


def test_changes_can_be_chosen(book):
    changes = {"w_gf1": -0.25, "x2[1]": 3.0}
    report = verify(book, changes=changes)
    assert report.passed
    assert report.changes == changes


def test_chosen_changes_find_what_the_others_miss(book, edit):
    """A fault that shows only for a learning rate above 2."""
    edited = edit(book, {"V12": with_formula("IF($B$5&gt;2,0,-$B$5*Q12)")})
    assert verify(edited).passed
    report = verify(edited, changes={"learning_rate": 3.0})
    assert "V12" in cells_in(report, "recalculated with changes")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"w_xg9": 1.0}, "w_xg9: this workbook has no cell for it; did you mean .*w_xg"),
        ({"learningrate": 1.0}, "did you mean .*learning_rate"),
        ({"x1[2]": 1.0}, "no cell for it"),
        ({"x1[0]": 1.0}, "no cell for it"),
        ({"MSE": 1.0}, "no cell for it"),
        ({"learning_rate": "fast"}, "learning_rate: a number expected"),
        ({"w_xg0": float("nan")}, "finite"),
    ],
)
def test_changes_that_do_not_fit_are_refused(book, changes, message):
    with pytest.raises(bp.ExperimentError, match=message):
        verify(book, changes=changes)


@pytest.mark.slow
def test_a_change_after_which_a_run_overflows_later_or_never(tmp_path, traced):
    """The sheet Matrices ends where the run overflowed. It has no cells for the rows after that."""
    trace = traced("exploding").experiment.changed({"learning_rate": 1e200}).run(8)
    path = trace.to_excel(tmp_path / "x.xlsx", "matrix")
    report = verify(path, changes={"learning_rate": 1e-4})
    assert report.passed
    assert all(comparison.cells for comparison in report.comparisons)
