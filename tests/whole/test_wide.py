"""Wide networks: real handwriting, 64-32-10, as a trace and as a sheet."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.plan.templates import template_path
from bpsheet.verifying.verify import verify
from bpsheet.workbook.writing import check_fits, layout_of


@pytest.fixture(scope="module")
def digits():
    return bp.load("digits")


def with_hidden(digits, units):
    """The network with another number of hidden neurons."""
    layers = [digits.network.layers[0].replaced(units=units), digits.network.layers[1]]
    return digits.replaced(network=digits.network.replaced(layers=layers))


def test_the_pictures_are_those_of_the_data_set():
    """300 of them, about as many of each digit; the first is a zero."""
    with template_path("digits").with_name("digits.csv").open(encoding="utf-8", newline="") as file:
        _, *rows = csv.reader(file)
    assert len(rows) == 300
    pictures = 16 * np.array([row[:64] for row in rows], dtype=float)
    assert set(pictures.ravel()) == set(range(17))
    counts = np.unique([row[64] for row in rows], return_counts=True)[1]
    assert len(counts) == 10
    assert 29 <= counts.min() <= counts.max() <= 32
    assert rows[0][64] == "d0"
    assert pictures[0].reshape(8, 8)[3].tolist() == [0, 4, 12, 0, 0, 8, 8, 0]


@pytest.mark.slow
def test_the_network_learns_to_read(digits):
    """After ten presentations of each picture it reads nearly all of them."""
    trace = digits.run(3000)
    last = trace.frame.iloc[-300:]
    outputs = last[[f"y{n}" for n in range(10)]].to_numpy()
    targets = last[[f"d{n}" for n in range(10)]].to_numpy()
    assert (outputs.argmax(axis=1) == targets.argmax(axis=1)).mean() > 0.98
    assert trace.frame["loss"].iloc[:300].mean() > 5 * last["loss"].mean()


def test_a_long_weighted_sum_is_one_sumproduct(digits):
    layout = layout_of(with_hidden(digits, 3).run(2), "full")
    text = layout.formula("z_h1", 9)
    assert text.count("SUMPRODUCT(") == 1
    assert text.count("*") == 1
    assert len(text) < 50
    longest = max(len(layout.formula(shown.column.name, 9) or "") for shown in layout.shown)
    assert longest < 400


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "kind"),
    [
        (3, "full"),
        pytest.param(9, "full", marks=pytest.mark.slow),
        pytest.param(9, "book", marks=pytest.mark.slow),
        pytest.param(32, "full", marks=pytest.mark.slow),
        pytest.param(32, "book", marks=pytest.mark.slow),
    ],
)
def test_a_wide_sheet_computes_what_it_says(digits, tmp_path, units, kind):
    """Recalculated in another engine, after every weight and example was changed."""
    few = digits.data.replaced(examples=digits.data.examples[:3], file=None)
    path = with_hidden(digits.replaced(data=few), units).run(3).to_excel(tmp_path / "x.xlsx", kind)
    report = verify(path)
    assert report.passed, [comparison.wrong[:3] for comparison in report.comparisons]
    assert min(comparison.cells for comparison in report.comparisons) > 600 * units


@pytest.mark.slow
def test_too_wide_a_network_is_refused_with_the_numbers_and_another_way(digits, tmp_path):
    with pytest.raises(bp.LimitError, match=r"^18,[0-9]{3} columns; .* \.csv or \.parquet"):
        check_fits(with_hidden(digits, 80), "full")
    assert digits.write(tmp_path / "wide.parquet", 3).stat().st_size > 100_000
