"""The sheet Charts: over the live cells, with a table of formulas for what they do not have."""

from __future__ import annotations

import math

import ironcalc
import numpy as np
import pytest
from openpyxl.utils.cell import coordinate_to_tuple

import bpsheet as bp
from bpsheet.verifying.verify import verify
from bpsheet.workbook.companions import drawn
from bpsheet.workbook.companions.lines import MOST_LINES
from bpsheet.workbook.companions.plotted import TABLE_COLUMN, TABLE_ROW
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


# Longer than an epoch of iris; the others run as long as their templates say.
LENGTHS = {"iris": 300}


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
            traced(name, rows or LENGTHS.get(name)).to_excel(path, kind, ["charts"])
        return path

    return write


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize(
    "name", sampled(NAMES, "two-neuron", "book-perceptron", "formula", "exploding")
)
def test_every_run_has_the_charts_that_it_has_something_for(written, name, kind):
    """Axes and lines are named; every line goes over all rows of Steps, or of the table.

    The numbers behind them are folded away, and drawn all the same.
    """
    book = book_of(written(name, kind, LENGTHS.get(name, 20)))
    found = book["Charts"]._charts
    assert len(found) >= TITLES[name] - 1
    for chart in found:
        assert title(chart)
        assert chart.visible_cells_only is False
        assert chart.x_axis.title is not None
        assert not chart.x_axis.delete
        assert not chart.y_axis.delete
        assert 1 <= len(chart.series) <= MOST_LINES
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
    found = {
        title(chart): chart for chart in book_of(written("two-neuron", rows=20))["Charts"]._charts
    }
    assert list(found) == [
        "MSE by iteration",
        "weights by iteration",
        "outputs and targets by iteration",
        "length of the gradient by iteration",
    ]
    assert references(found["MSE by iteration"]) == [("'Steps'!$A$8:$A$27", "'Steps'!$P$8:$P$27")]
    assert len(found["weights by iteration"].series) == 5
    names = [s.tx.v for s in found["outputs and targets by iteration"].series]
    assert names == ["f", "y"]


def axis(chart):
    return "".join(run.t for p in chart.x_axis.title.tx.rich.p for run in p.r)


def test_a_chart_ends_at_the_last_iteration_and_says_what_a_point_is(written):
    """No empty strip stands to the right of the lines."""
    for name, last in (("two-neuron", 20), ("book-xor", 24)):
        for chart in book_of(written(name, rows=last))["Charts"]._charts:
            assert (chart.x_axis.scaling.min, chart.x_axis.scaling.max) == (0, last)
            by_epoch = "by epoch" in title(chart)
            assert axis(chart) == "iteration" + " at the end of the epoch" * by_epoch


def test_labels_keep_apart_from_the_numbers_to_their_left_and_have_room(written):
    """Columns D to G, and J to M, stand before the numbers in H and N."""
    for name in ("book-xor", "iris"):
        sheet = book_of(written(name, rows=24))["Charts"]
        labels = [cell for row in sheet["A3:N5"] for cell in row if str(cell.value).endswith("=")]
        assert {cell.column_letter for cell in labels} >= {"A", "D", "J"}
        for cell in labels:
            apart = cell.column_letter != "A"
            # Excel indents what is set to the left, and nothing else.
            assert not apart or (cell.alignment.horizontal, cell.alignment.indent) == ("left", 1)
            # Four columns of the default width, 8.43 characters.
            assert len(cell.value) + apart < (4 * 8.43 if apart else 16 + 8.43)


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
    for column in range(TABLE_COLUMN, sheet.max_column + 1):
        rows = range(TABLE_ROW + 1, sheet.max_row + 1)
        cells = [model.get_cell_value(number, row, column) for row in rows]
        head = model.get_cell_value(number, TABLE_ROW, column)
        found[head] = [as_drawn(cell) for cell in cells if cell not in (None, "")]
    return found


def as_drawn(cell):
    """A line has a gap where its cell says that nothing is there."""
    return math.nan if cell == "#N/A" else cell


def stored(path):
    sheet = book_of(path, data_only=True)["Charts"]
    return {
        sheet.cell(TABLE_ROW, column).value: [
            as_drawn(value)
            for row in range(TABLE_ROW + 1, sheet.max_row + 1)
            if (value := sheet.cell(row, column).value) is not None
        ]
        for column in range(TABLE_COLUMN, sheet.max_column + 1)
    }


def expected(trace):
    """What the table of book-xor holds, from the trace's frame and pandas."""
    frame = trace.frame
    verdicts = [c.name for c in trace.program if c.role == "verdict"]
    weights = [c.name for c in trace.program if c.role == "weight"]
    by_epoch = frame.groupby((frame.index - 1) // 4)
    found = {"tests right": trace.tests[verdicts].eq(1).sum(axis=1).tolist()}
    found["end of the epoch"] = [4 * (n + 1) for n in range(len(frame) // 4)]
    found["mean MSE"] = by_epoch["MSE"].mean().tolist()
    right = (frame["n2"] > 0.5) == (frame["y"] > 0.5)
    found["right"] = right.astype(float).tolist()
    found["share right"] = right.groupby((frame.index - 1) // 4).mean().tolist()
    every = math.ceil(len(frame) / drawn.POINTS)
    found["iteration"] = frame.index[::every].tolist()
    found |= {name: frame[name][::every].tolist() for name in weights[:MOST_LINES]}
    for number in range(1, 5):
        # The order is the book's own: an epoch may have an example twice, or not at all.
        own = frame[frame["example"] == number]
        first = own["n2"].groupby((own.index - 1) // 4).first().reindex(range(len(frame) // 4))
        found[f"example {number}: y = {own['y'].iloc[0]:g}"] = first.tolist()
    for layer, lengths in trace.health().over_time["gradient"].items():
        squares = (lengths**2).to_numpy().reshape(-1, 4)
        found[f"gradient, {layer}"] = np.sqrt(squares.mean(axis=1)).tolist()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("rows", sampled([120, 696], 120))
def test_the_table_has_its_values_and_follows(written, rows):
    """Also after a first weight was changed on Steps."""
    trace = bp.load("book-xor").run(rows)
    path = written("book-xor", rows=rows)
    for found in (stored(path), table(path)):
        assert set(found) == set(expected(trace))
        for head, values in expected(trace).items():
            np.testing.assert_allclose(found[head], values, rtol=1e-10)
    place = book_of(path)["Steps"]["H7"]
    changed = bp.load("book-xor").changed({place.value: 0.7}).run(rows)
    for head, values in table(path, [((8, 8), 0.7)]).items():
        np.testing.assert_allclose(values, expected(changed)[head], rtol=1e-9)


@pytest.mark.parametrize("kind", sampled(["full", "book"], "full"))
@pytest.mark.parametrize(
    "name",
    sampled(["book-xor", "book-perceptron", "iris", "two-neuron"], "book-perceptron"),
)
def test_one_cell_each_says_what_came_of_the_run(traced, written, name, kind):
    """Stored and recalculated: the loss of the last batch, the tests right at the end, since when all are."""
    trace = traced(name, LENGTHS.get(name))
    path = written(name, kind)
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.evaluate()
    book = book_of(path, data_only=True)
    number = book.sheetnames.index("Charts")
    cell = {"C3": (3, 3), "H3": (3, 8), "N3": (3, 14)}
    expected = {}
    if trace.experiment.model.loss:
        size = trace.experiment.training.batch_size
        last_batch = trace.frame[trace.experiment.model.loss].iloc[-size:]
        expected["C3"] = last_batch.mean()
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


@pytest.mark.slow
def test_the_workbook_still_verifies(written):
    assert verify(written("two-neuron")).passed


@pytest.mark.slow
def test_a_long_run_is_thinned_and_says_so(tmp_path, traced, monkeypatch):
    """Of 497 iterations every 50th; of 24 epochs the means of three together, from least to largest."""
    monkeypatch.setattr("bpsheet.workbook.companions.drawn.MOST_DRAWN", 10)
    monkeypatch.setattr("bpsheet.workbook.companions.drawn.POINTS", 10)
    sheet = book_of(traced("two-neuron").to_excel(tmp_path / "x.xlsx", sheets=["charts"]))["Charts"]
    assert sheet["A2"].value.endswith("Of 497 iterations, one in 50 is drawn.")
    assert stored(tmp_path / "x.xlsx")["iteration"] == list(range(1, 498, 50))
    trace = traced("book-xor", 96)
    found = table(trace.to_excel(tmp_path / "y.xlsx", sheets=["charts"]))
    threes = trace.frame["MSE"].to_numpy().reshape(-1, 12)
    np.testing.assert_allclose(found["mean MSE"], threes.mean(axis=1), rtol=1e-12)
    band = np.column_stack([threes.min(axis=1), threes.max(axis=1)]).ravel()
    np.testing.assert_allclose(found["least and largest MSE"], band, rtol=1e-12)


@pytest.mark.slow
def test_in_batches_the_gradient_is_that_of_each_batch_and_so_is_the_last_loss(traced, written):
    """Batches of ten, of whose gradients the rule takes the mean; so of the losses. Recalculated, too."""
    trace = traced("iris", 60)
    path = written("iris", rows=60)
    frame = trace.frame
    sums = [c.name for c in trace.program if c.role == "running sum of a gradient"]
    ends = frame[frame["batch_end"] == 1]
    squares = {1: 0.0, 2: 0.0}
    for name in sums:
        squares[trace.program[trace.program[name].weight].layer] += ends[name] ** 2
    for found in (stored(path), table(path)):
        assert found["end of the batch"] == ends.index.tolist()
        for layer, square in squares.items():
            np.testing.assert_allclose(
                found[f"gradient, layer {layer}"], np.sqrt(square) / 10, rtol=1e-9
            )
    sheet = book_of(path, data_only=True)["Charts"]
    assert sheet["A3"].value == "loss, last batch ="
    assert math.isclose(sheet["C3"].value, frame["loss"].iloc[-10:].mean(), rel_tol=1e-12)


@pytest.mark.slow
def test_of_many_lines_eight_are_drawn_and_a_cell_chooses_them(written):
    """From another weight on, the lines and their names are those of the weights that follow."""
    path = written("multiway-classification", rows=12)
    book = book_of(path)
    (chart,) = [c for c in book["Charts"]._charts if "weights" in title(c)]
    assert len(chart.series) == 8
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    number = book.sheetnames.index("Charts")
    model.set_user_input(number, 4, 14, "3")
    model.evaluate()
    names = [cell.value for cell in book["Steps"][7]]
    first = names.index("w_h1_bias")
    for offset, series in enumerate(chart.series):
        row, column = coordinate_to_tuple(series.tx.strRef.f.partition("!")[2].replace("$", ""))
        assert model.get_cell_value(number, row, column) == names[first + 2 + offset]


@pytest.mark.slow
def test_lines_differ_without_colours(written):
    """In dash or width; behind a mean the single values are pale and thin."""
    for chart in book_of(written("book-xor", rows=120))["Charts"]._charts:
        looks = [
            (s.graphicalProperties.line.prstDash, s.graphicalProperties.line.w, s.tx.strRef is None)
            for s in chart.series
        ]
        assert len(set(looks)) >= min(len(looks), 7)


@pytest.mark.slow
def test_charts_say_where_an_epoch_does_not_have_each_example_once(traced, tmp_path):
    """The order of the book leaves examples out of most epochs, so that means of an epoch zigzag."""
    trace = traced("book-xor", 320)
    path = trace.to_excel(tmp_path / "book.xlsx", "full", ["charts"])
    examples = trace.frame["example"].to_numpy().reshape(-1, 4)
    uneven = sum(len(set(epoch)) < 4 for epoch in examples)
    assert uneven > 0
    assert (
        f"In {uneven} of {len(examples)} epochs some example" in book_of(path)["Charts"]["A2"].value
    )
    other = traced("two-hidden-layers", 40)
    path = other.to_excel(tmp_path / "other.xlsx", "full", ["charts"])
    assert "missing" not in book_of(path)["Charts"]["A2"].value
