"""Copies that another program has opened and saved verify, and hold no edits."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

import bpsheet as bp
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.verifying.verify import verify
from bpsheet.xlsx.contents import read_xlsx
from tests.helpers.engines import needed
from tests.helpers.office import gnumeric
from tests.helpers.samples import has_network, sampled, small_templates, spread

ROWS = 8
BOOKS = [
    (name, kind)
    for name, kind in itertools.product(small_templates(), ("full", "book", "matrix"))
    if kind != "matrix" or has_network(name)
]


@pytest.fixture
def written(tmp_path, traced):
    """A workbook of a template, of a few rows."""

    def write(name: str, kind: str) -> Path:
        rows = min(ROWS, bp.load(name).iterations)
        return traced(name, rows).to_excel(tmp_path / f"{name}-{kind}.xlsx", kind)

    return write


def assert_passed(path: Path) -> None:
    report = verify(path)
    assert report.edits == ()
    assert [comparison.wrong for comparison in report.comparisons] == [(), (), ()]
    assert all(comparison.cells for comparison in report.comparisons)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "kind"), spread(sampled(BOOKS, ("exploding", "full"), ("lstm-two-steps", "matrix")), 1)
)
def test_a_copy_that_gnumeric_saved_verifies(written, tmp_path, name, kind):
    needed("gnumeric")
    assert_passed(gnumeric(written(name, kind), tmp_path / "saved.xlsx"))


@pytest.mark.slow
def test_copies_that_libreoffice_saved_verify(written, libreoffice, tmp_path):
    """One process of LibreOffice saves all of them."""
    books = [written(name, kind) for name, kind in BOOKS]
    saved = tmp_path / "saved"
    subprocess.run(
        [libreoffice, f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}", "--headless",
         "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(saved), *map(str, books)],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    for book in books:
        assert_passed(saved / book.name)


@pytest.mark.parametrize("name", sampled(small_templates(), "two-neuron"))
def test_gnumeric_calculates_a_run_of_one_iteration(tmp_path, name):
    """Its look-ups are of a single cell: no cell of any sheet is an error."""
    needed("gnumeric")
    more = ["gradient-check", "hessian"] if name in ("two-neuron", "iris") else []
    is_small = len(bp.load(name).program()) < 300
    wanted = ["walkthrough", *more] if is_small else more
    path = bp.load(name).run(1).to_excel(tmp_path / "x.xlsx", sheets=wanted)
    saved = gnumeric(path, tmp_path / "saved.xlsx", "Steps!B5=0.05")
    with opened(saved, OURS) as package:
        sheets = read_xlsx(package).sheets
    wrong = [
        (name, row, value)
        for name, grid in sheets.items()
        for row, values in grid.values.items()
        for value in values
        if name != "About" and str(value).startswith("#")
    ]
    assert wrong == []
