"""The command differentiate."""

from __future__ import annotations

import openpyxl

from tests.helpers.own_sheets import regression, saved


def test_the_command_says_what_it_wrote(tmp_path, command):
    path, loss, parameters = saved(regression, tmp_path)
    target = str(tmp_path / "out.xlsx")
    status, out, _ = command(
        "differentiate", str(path), "--loss", loss, "--parameters", *parameters, "-o", target
    )
    assert status == 0
    assert "the sheet Gradient has the derivatives of 5 cells and 2 parameters" in out
    status, _, err = command(
        "differentiate", str(path), "--loss", "Q9", "--parameters", "F1", "-o", target
    )
    assert status == 2
    assert "Sheet!Q9: a number is expected there; it holds nothing" in err


def test_of_many_parameters_the_command_shows_twenty_and_says_what_has_no_effect(tmp_path, command):
    book = openpyxl.Workbook()
    for row in range(1, 24):
        book.active[f"A{row}"] = row / 8
    book.active["B1"] = "=SUMSQ(A1:A22)"
    book.save(tmp_path / "model.xlsx")
    path, output = str(tmp_path / "model.xlsx"), str(tmp_path / "out.xlsx")
    status, out, _ = command(
        *("differentiate", path, "--loss", "B1", "--parameters", "A1:A23", "-o", output)
    )
    assert status == 0
    assert out.count(": ") >= 20
    assert "… and 3 more" in out
    assert "The loss does not depend on Sheet!A23." in out
