"""A run that is longer than a worksheet goes on on further sheets; or is written in pieces."""

from __future__ import annotations

import zipfile

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.verifying.verify import verify
from bpsheet.workbook import layout
from bpsheet.workbook.writing import sheets_of
from tests.helpers.samples import sampled


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize(
    "name",
    sampled(["two-neuron", "iris", "exploding", "book-perceptron"], "exploding"),
)
def test_a_streamed_workbook_is_the_workbook_byte_for_byte(tmp_path, name, kind):
    trace = bp.load(name).run(40)
    trace.to_excel(tmp_path / "held.xlsx", kind, sheets=[])
    bp.load(name).write(tmp_path / "streamed.xlsx", 40, layout=kind)
    assert (tmp_path / "held.xlsx").read_bytes() == (tmp_path / "streamed.xlsx").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize("name", sampled(["two-neuron", "iris", "book-perceptron"], "iris"))
def test_a_sheets_rows_are_no_longer_than_reckoned(traced, made, name, kind):
    """However many digits: the part stays under 2 GiB."""
    (steps,) = sheets_of(traced(name, 160), kind)
    reckoned = layout.MAX_PART / steps.layout.rows_per_sheet
    if steps.layout.rows_per_sheet == layout.MAX_ROWS - layout.FIRST_ROW + 1:
        reckoned = layout.MAX_PART / 1_048_569
    with zipfile.ZipFile(made(name, kind, 160)) as parts:
        rows = parts.read("xl/worksheets/sheet1.xml").split(b"<row ")[10:-1]
    assert max(map(len, rows)) + len(b"<row ") <= reckoned


@pytest.fixture
def low_sheets(monkeypatch):
    """Worksheets of 20 rows: 13 iterations each."""
    monkeypatch.setattr(layout, "MAX_ROWS", 20)


@pytest.mark.sample(1)
@pytest.mark.parametrize("kind", ["full", "book"])
@pytest.mark.parametrize(
    "name",
    sampled(["two-neuron", "book-perceptron", "book-xor", "iris"], "book-perceptron"),
)
def test_a_run_goes_on_on_further_sheets_live_all_the_way(tmp_path, monkeypatch, name, kind):
    """A changed weight on Steps reaches the last row of the last sheet; with batches too."""
    rows, more = (151, 9) if name == "iris" else (13, 27)
    monkeypatch.setattr(layout, "MAX_ROWS", rows + 7)
    trace = bp.load(name).run(rows + more)
    path = trace.to_excel(tmp_path / "run.xlsx", kind, sheets=[])
    names = ["Steps", "Steps 2", "Steps 3", "Steps 4"][: 1 + -(-more // rows)]
    assert load_workbook(path).sheetnames[: len(names)] == names
    report = verify(path)
    assert report.passed, report.comparisons
    live = sum(len(sheet) for sheet in sheets_of(trace, kind)) * len(
        sheets_of(trace, kind)[0].layout.shown
    )
    assert [comparison.cells for comparison in report.comparisons] == [live] * 3


@pytest.mark.slow
@pytest.mark.usefixtures("low_sheets", "libreoffice")
def test_libreoffice_follows_a_run_over_several_sheets(tmp_path):
    path = bp.load("book-xor").run(30).to_excel(tmp_path / "run.xlsx")
    report = verify(path, "libreoffice")
    assert report.passed, report.comparisons


@pytest.mark.usefixtures("low_sheets")
def test_a_further_sheet_refers_to_the_last_row_and_the_cells_of_steps(tmp_path):
    path = bp.load("two-neuron").run(30).to_excel(tmp_path / "run.xlsx", sheets=[])
    second, third = (load_workbook(path)[name] for name in ("Steps 2", "Steps 3"))
    assert second["B5"].value == "=Steps!B5"
    assert second["A8"].value == "=Steps!A20+1"
    assert second["H8"].value == "=Steps!H20+Steps!AB20"
    assert third["H8"].value == "='Steps 2'!H20+'Steps 2'!AB20"
    assert "This sheet continues the sheet Steps" in second["A2"].value
    stored = load_workbook(path, data_only=True)
    assert stored["Steps 2"]["B5"].value == 0.1
    assert [stored[name]["A8"].value for name in ("Steps", "Steps 2", "Steps 3")] == [1, 14, 27]


@pytest.mark.usefixtures("low_sheets")
def test_a_closer_look_needs_one_sheet(tmp_path):
    with pytest.raises(bp.LimitError, match="reads a single sheet"):
        bp.load("two-neuron").run(30).to_excel(tmp_path / "x.xlsx", sheets=["hessian"])
    assert not list(tmp_path.iterdir())
