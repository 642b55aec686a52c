"""The sheet Charts: over the live cells, with a table of formulas for what they do not have."""

from __future__ import annotations

import math

import ironcalc
import numpy as np
import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify
from bpsheet.workbook.companions import charts
from tests.helpers.samples import sampled
from tests.helpers.workbooks import book_of

NAMES = ["two-neuron", "book-xor", "iris", "book-perceptron", "formula", "line-adam", "exploding"]
TITLES = {
    "two-neuron": 4,
    "book-xor": 5,
    "iris": 5,
    "book-perceptron": 2,
    "formula": 1,
    "line-adam": 4,
    "exploding": 4,
}


def references(chart):
    return [(s.xVal.numRef.f, s.yVal.numRef.f) for s in chart.series]


def title(chart):
    return "".join(run.t for p in chart.title.tx.rich.p for run in p.r)


@pytest.fixture(scope="module")
def written(tmp_path_factory, traced):
    folder = tmp_path_factory.mktemp("charts")

    def write(name, kind="full", rows=None):
        path = folder / f"{name}-{kind}-{rows}.xlsx"
        if not path.exists():
            rows = rows or (300 if name == "iris" else None)
            traced(name, rows).to_excel(path, kind, ["charts"])
        return path

    return write


@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize(
    "name", sampled(NAMES, "two-neuron", "book-perceptron", "formula", "exploding")
)
def test_every_run_has_the_charts_that_it_has_something_for(written, name, kind):
    """Axes and lines are named; every line goes over all rows of Steps, or of the table."""
    book = book_of(written(name, kind))
    found = book["Charts"]._charts
    assert len(found) >= TITLES[name] - 1
    for chart in found:
        assert title(chart)
        assert chart.x_axis.title is not None
        assert not chart.x_axis.delete
        assert not chart.y_axis.delete
        assert 1 <= len(chart.series) <= charts.MOST_LINES
        for series, (across, up) in zip(chart.series, references(chart), strict=True):
            assert series.tx is not None
            sheet, _, cells = up.partition("!")
            assert sheet in ("'Steps'", "'Charts'")
            first, last = cells.split(":")
            if sheet == "'Steps'":
                assert first.endswith("$8")
                assert last.endswith(f"${book['Steps'].max_row}")
            assert across.split("!")[1].count(":") == 1


def test_the_lines_are_those_of_the_run(written):
    found = {title(chart): chart for chart in book_of(written("two-neuron"))["Charts"]._charts}
    assert list(found) == [
        "loss by iteration",
        "weights by iteration",
        "outputs and targets by iteration",
        "length of the gradient by iteration",
    ]
    assert references(found["loss by iteration"]) == [
        ("'Steps'!$A$8:$A$504", "'Steps'!$P$8:$P$504")
    ]
    assert len(found["weights by iteration"].series) == 5
    names = [s.tx.v for s in found["outputs and targets by iteration"].series]
    assert names == ["f", "y"]


def table(path, changes=()):
    """The columns right of the charts, recalculated in another engine."""
    book = book_of(path)
    sheet = book["Charts"]
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    for (row, column), value in changes:
        model.update_cell_with_number(0, row, column, value)
    model.evaluate()
    number = book.sheetnames.index("Charts")
    found = {}
    for column in range(charts.TABLE_COLUMN, sheet.max_column + 1):
        rows = range(charts.TABLE_ROW + 1, sheet.max_row + 1)
        cells = [model.get_cell_value(number, row, column) for row in rows]
        head = sheet.cell(charts.TABLE_ROW, column).value
        found[head] = [cell for cell in cells if cell not in (None, "")]
    return found


def stored(path):
    sheet = book_of(path, data_only=True)["Charts"]
    return {
        sheet.cell(charts.TABLE_ROW, column).value: [
            value
            for row in range(charts.TABLE_ROW + 1, sheet.max_row + 1)
            if (value := sheet.cell(row, column).value) is not None
        ]
        for column in range(charts.TABLE_COLUMN, sheet.max_column + 1)
    }


def expected(trace):
    found = {}
    losses = trace.values[:, trace.program.position["MSE"]]
    found["tests right"] = trace.tests[[c.name for c in trace.program if c.role == "verdict"]]
    found["tests right"] = found["tests right"].eq(1).sum(axis=1).tolist()
    found["epoch"] = list(range(1, len(losses) // 4 + 1))
    found["mean MSE"] = losses.reshape(-1, 4).mean(axis=1).tolist()
    lengths = trace.health().over_time["gradient"]
    return found | {f"gradient, {layer}": lengths[layer].tolist() for layer in lengths}


@pytest.mark.parametrize("rows", sampled([120, 696], 120))
def test_the_table_has_its_values_and_follows(written, rows):
    """Also after a first weight was changed on Steps."""
    trace = bp.load("book-xor").run(rows)
    path = written("book-xor", rows=rows)
    for found in (stored(path), table(path)):
        assert list(found) == list(expected(trace))
        for head, values in expected(trace).items():
            np.testing.assert_allclose(found[head], values, rtol=1e-10)
    place = book_of(path)["Steps"]["H7"]
    changed = bp.load("book-xor").changed({place.value: 0.7}).run(rows)
    for head, values in table(path, [((8, 8), 0.7)]).items():
        np.testing.assert_allclose(values, expected(changed)[head], rtol=1e-9)


@pytest.mark.parametrize("kind", sampled(["full", "book"], "full"))
@pytest.mark.parametrize(
    "name",
    sampled(["book-xor", "book-perceptron", "iris", "two-neuron"], "book-xor", "book-perceptron"),
)
def test_one_cell_each_says_what_came_of_the_run(traced, written, name, kind):
    """Stored and recalculated: the last loss, the tests right at the end, since when all are."""
    trace = traced(name, 300 if name == "iris" else None)
    path = written(name, kind)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    book = book_of(path, data_only=True)
    number = book.sheetnames.index("Charts")
    cell = {"C3": (3, 3), "H3": (3, 8), "N3": (3, 14)}
    expected = {}
    if trace.experiment.model.loss:
        expected["C3"] = trace.frame[trace.experiment.model.loss].iloc[-1]
    verdicts = [c.name for c in trace.program if c.role == "verdict"]
    if verdicts:
        right = trace.tests[verdicts].eq(1)
        expected["H3"] = right.iloc[-1].mean()
        everything = right.all(axis=1)
        expected["N3"] = everything.idxmax() if everything.any() else "never"
    for place, (row, column) in cell.items():
        for found in (book["Charts"][place].value, model.get_cell_value(number, row, column)):
            if place not in expected:
                assert found in (None, "", 0)
            elif isinstance(expected[place], str):
                assert found == expected[place]
            else:
                assert math.isclose(found, expected[place], rel_tol=1e-12)


@pytest.mark.slow
def test_the_last_row_counts(tmp_path):
    """At iteration 625 all four tests are right for the first time: as the last row too."""
    path = bp.load("book-xor").run(625).to_excel(tmp_path / "x.xlsx", sheets=["charts"])
    sheet = book_of(path)["Charts"]
    stored = book_of(path, data_only=True)["Charts"]
    assert (stored["H3"].value, stored["N3"].value) == (1, 625)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    number = book_of(path).sheetnames.index("Charts")
    assert [model.get_cell_value(number, 3, column) for column in (8, 14)] == [1, 625]
    assert sheet["H3"].value.startswith("=")


def test_overflow_in_the_table_is_an_error_as_on_steps(written):
    values = stored(written("exploding"))["gradient, layer 1"]
    assert math.isfinite(values[0])
    assert values[-1] == "#NUM!"


def test_the_workbook_still_verifies(written):
    assert verify(written("two-neuron")).passed


def test_too_many_points_are_refused(tmp_path, traced, monkeypatch):
    monkeypatch.setattr("bpsheet.workbook.companions.charts.MOST_ROWS", 100)
    with pytest.raises(bp.LimitError, match="would draw 497 points; 100 at the most"):
        traced("two-neuron").to_excel(tmp_path / "x.xlsx", sheets=["charts"])
    assert not list(tmp_path.iterdir())
