"""The workbook of a sweep: its table of losses is live."""

from __future__ import annotations

import math

import ironcalc
import numpy as np
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from tests.helpers.samples import spread
from tests.helpers.sweeps import RATES


def recalculated(path, changes=()):
    """The sheet Summary in another engine, after numbers were typed into it."""
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    for (row, column), value in changes:
        model.update_cell_with_number(0, row, column, value)
    model.evaluate()
    return lambda row, column: model.get_cell_value(0, row, column)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", spread(["two-neuron", "book-xor"], 1))
def test_the_table_of_losses_is_live_where_it_is_small(tmp_path, name):
    """Another learning rate typed into a run's line gives the loss of a fresh run with it."""
    experiment = bp.load(name).changed({"iterations": 60})
    found = bp.sweep(experiment, {"learning_rate": RATES})
    path = found.to_excel(tmp_path / "sweep.xlsx")
    stored = load_workbook(path, data_only=True)
    assert stored.sheetnames == ["Summary", "Data", "Run 1", "Run 2", "Run 3"]
    cells = stored["Summary"]
    for row, line in enumerate(found.runs.itertuples(), start=6):
        assert cells.cell(row, 2).value == line.learning_rate
        assert math.isclose(cells.cell(row, 3).value, line.first_loss, rel_tol=1e-12)
        assert math.isclose(cells.cell(row, 4).value, line.final_loss, rel_tol=1e-12)
        assert stored[f"Run {row - 5}"]["B5"].value == line.learning_rate
    assert len(cells._charts) == 1
    cell = recalculated(path)
    for row, line in enumerate(found.runs.itertuples(), start=6):
        assert math.isclose(cell(row, 4), line.final_loss, rel_tol=1e-10)
    cell = recalculated(path, [((7, 2), 0.5)])
    (line,) = bp.sweep(experiment, {"learning_rate": [0.5]}).runs.itertuples()
    assert math.isclose(cell(7, 4), line.final_loss, rel_tol=1e-10)
    assert math.isclose(cell(6, 4), found.runs.final_loss[1], rel_tol=1e-10)


@pytest.mark.slow
def test_larger_sweeps_have_a_line_each_and_live_statistics(xor, tmp_path):
    found = bp.sweep(xor, {"learning_rate": RATES, "seed": range(1, 8)})
    path = found.to_excel(tmp_path / "sweep.xlsx")
    stored = load_workbook(path, data_only=True)
    assert stored.sheetnames == ["Summary"]
    lines = [[cell.value for cell in row[:5]] for row in stored["Summary"]["A6:E26"]]
    frame = found.runs[["learning_rate", "seed", "first_loss", "final_loss"]].reset_index()
    assert np.array(lines, dtype=float).tolist() == frame.to_numpy(dtype=float).tolist()
    cell = recalculated(path)
    each = found.runs.groupby("learning_rate")["final_loss"]
    for row, (rate, losses) in enumerate(each, start=6):
        expected = [rate, 7, losses.median(), losses.min(), losses.max()]
        kept = [stored["Summary"].cell(row, column).value for column in range(8, 13)]
        assert kept == expected
        assert [cell(row, column) for column in range(8, 13)] == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_a_sweep_with_overflow_is_a_workbook_too(tmp_path):
    found = bp.sweep(bp.load("exploding"), {"learning_rate": [0.1, 1.0]})
    stored = load_workbook(found.to_excel(tmp_path / "live.xlsx"), data_only=True)["Summary"]
    assert stored["D7"].value == "#NUM!"
    many = bp.sweep(bp.load("exploding"), {"learning_rate": np.linspace(0.1, 1, 14).tolist()})
    stored = load_workbook(many.to_excel(tmp_path / "many.xlsx"), data_only=True)["Summary"]
    assert stored["D19"].value == "overflow"
    assert stored["E19"].value == 8
