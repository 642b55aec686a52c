"""Live marks judge by the digits that are typed, in every spreadsheet."""

from __future__ import annotations

import shutil
import subprocess

import ironcalc
import pytest
from openpyxl import load_workbook

from bpsheet.exercises.fillin import FIRST_ROW, SHEET
from bpsheet.hand.numbers import decimals_needed
from tests.helpers.exercises import Z_G_ROW, two_neurons
from tests.helpers.samples import sampled

TYPED = {
    "": "",
    "-0.25": "✓",
    "\u22120.25": "✓",
    "-0.250": "✓",
    " - 0.25 ": "✓",
    "-.25": "✓",
    "-2.5e-1": "✓",
    "-2.50E-01": "✓",
    "-0.2500000": "✓",
    "-0.3": "…",
    "0.25": "✗",
    "-0.24": "✗",
    "-0.251": "✗",
    "-0.2500000001": "✗",
    "0": "✗",
    "-25": "✗",
    "-0,25": "?",
    "-1/4": "?",
    "1-25": "?",
    "-0.2.5": "?",
    "abc": "?",
    "e": "?",
    "-": "?",
    "1e": "?",
}


@pytest.mark.parametrize("text", TYPED)
def test_a_mark_judges_by_the_digits_typed_in_ironcalc(live, text):
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    if text:
        model.update_cell_with_text(0, Z_G_ROW, 2, text)
    model.evaluate()
    assert model.get_cell_value(0, Z_G_ROW, 3) == TYPED[text]


def test_a_number_in_place_of_text_is_judged_too(live):
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    model.update_cell_with_number(0, Z_G_ROW, 2, -0.25)
    model.evaluate()
    assert model.get_cell_value(0, Z_G_ROW, 3) == "✓"


def test_marks_agree_with_the_digits_for_every_value(live):
    """Rounded to three digits each is right; one more in the last digit, it is not."""
    task = two_neurons().task()
    for step, mark in ((0, "✓"), (2, "✗")):
        model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
        rows = [(r, line) for r, line in enumerate(task.lines, FIRST_ROW) if line.is_asked]
        for row, line in rows:
            decimals = decimals_needed(task.exact(line), 3)
            value = task.exact(line) + step * 10.0**-decimals
            model.update_cell_with_text(0, row, 2, f"{value:.{decimals}f}")
        model.evaluate()
        assert {model.get_cell_value(0, row, 3) for row, _ in rows} == {mark}


@pytest.mark.parametrize("every", sampled([1, 5], 5))
def test_marks_in_libreoffice(live, tmp_path, libreoffice, every):
    """Each text is typed into the z_g of a sheet of its own, and LibreOffice saves it."""
    source = tmp_path / "typed"
    source.mkdir()
    names = {f"t{number}": text for number, text in enumerate(list(TYPED)[::every])}
    for name, text in names.items():
        book = load_workbook(live)
        if text:
            cell = book[SHEET][f"B{Z_G_ROW}"]
            cell.value = text
            cell.data_type = "s"
        book.save(source / f"{name}.xlsx")  # openpyxl stores no values: all is recalculated
    subprocess.run(
        [
            libreoffice,
            f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(tmp_path),
            *map(str, sorted(source.iterdir())),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    found = {
        text: load_workbook(tmp_path / f"{name}.xlsx", data_only=True)[SHEET][f"C{Z_G_ROW}"].value
        or ""
        for name, text in names.items()
    }
    assert found == {text: TYPED[text] for text in names.values()}
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)
