"""Inputs that somebody has edited are taken as they stand."""

from __future__ import annotations

import re
import subprocess
import zipfile

import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify
from tests.helpers.faults import recalculated, with_value, wrong_in
from tests.helpers.samples import sampled
from tests.helpers.workbooks import DATA_PART, STEPS_PART

EDITS = {
    "learning rate": ({"B5": with_value("0.25")}, STEPS_PART, {"learning_rate": 0.25}),
    "weight": ({"G8": with_value("0.75")}, STEPS_PART, {"w_xg0": 0.75}),
    "example": ({"B2": with_value("-0.5")}, DATA_PART, {"x1[1]": -0.5}),
    "target": ({"D2": with_value("0.25")}, DATA_PART, {"y[1]": 0.25}),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", sampled(EDITS, "example"))
def test_an_edited_input_is_taken_as_it_stands(made, edit, tmp_path, what):
    """Changed in a spreadsheet, which recalculated and saved: nothing is wrong with that."""
    cells, part, changes = EDITS[what]
    edited = edit(made("two-neuron", "full", 12), cells, part)
    path = recalculated(edited, tmp_path / "saved.xlsx", changes)
    assert wrong_in(verify(path)) == {}


@pytest.mark.parametrize("what", sampled(EDITS, "weight", "target"))
def test_values_that_do_not_follow_an_edited_input_are_found(made, edit, what):
    """Edited by something that did not recalculate: stored values are stale, formulas right."""
    cells, part, _ = EDITS[what]
    report = verify(edit(made("two-neuron", "full", 12), cells, part))
    assert set(wrong_in(report)) == {"stored values"}


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_a_workbook_edited_and_saved_by_libreoffice_passes(made, edit, tmp_path, libreoffice):
    path = made("two-neuron", "full", 12)
    path = edit(edit(path, EDITS["weight"][0]), EDITS["example"][0], DATA_PART)
    for place in ("x", "profile"):
        (tmp_path / place).mkdir()
    # LibreOffice trusts stored values: without them it calculates.
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "bare.xlsx", "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == STEPS_PART:
                content = re.sub(rb"(</f>|<f[^>]*/>)<v>[^<]*</v>", rb"\1", content)
            new.writestr(info, content)
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        [
            *(libreoffice, f"-env:UserInstallation={profile}", "--headless"),
            *("--convert-to", "xlsx", "--outdir", str(tmp_path / "x")),
            str(tmp_path / "bare.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    report = verify(tmp_path / "x" / "bare.xlsx")
    assert wrong_in(report) == {}
    assert bp.load(tmp_path / "x" / "bare.xlsx").title == bp.load("two-neuron").title


def test_examples_edited_in_the_layout_book_are_taken_as_they_stand(book, tmp_path):
    """About says that they may be changed, in every row that presents them."""
    fresh = bp.load("two-neuron").changed({"iterations": 10, "x2[1]": 0.5}).run()
    fresh.to_excel(tmp_path / "fresh.xlsx", "book")
    with (
        zipfile.ZipFile(book) as old,
        zipfile.ZipFile(tmp_path / "fresh.xlsx") as new,
        zipfile.ZipFile(tmp_path / "saved.xlsx", "w") as package,
    ):
        for info in old.infolist():
            source = new if info.filename == STEPS_PART else old
            package.writestr(info, source.read(info.filename))
    assert wrong_in(verify(tmp_path / "saved.xlsx")) == {}
