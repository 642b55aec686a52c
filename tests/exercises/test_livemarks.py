"""Live marks judge by the digits that are typed, in every spreadsheet."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections import Counter

import ironcalc
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import FIRST_ROW, SHEET
from bpsheet.exercises.handout import write_sheet
from bpsheet.hand.judge import judge
from bpsheet.hand.numbers import decimals_needed
from bpsheet.hand.verdict import Verdict
from tests.helpers import hand_sheets
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
    """Rounded to three digits each is right; two more in the last digit alone, it is not."""
    task = two_neurons().task()
    rows = [(r, line) for r, line in enumerate(task.lines, FIRST_ROW) if line.is_asked]
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    for step, mark in ((2, "✗"), (0, "✓")):
        for row, line in rows:
            decimals = decimals_needed(task.exact(line), 3)
            value = task.exact(line) + step * 10.0**-decimals
            model.update_cell_with_text(0, row, 2, f"{value:.{decimals}f}")
            model.evaluate()
            assert model.get_cell_value(0, row, 3) == mark
            model.update_cell_with_text(0, row, 2, "")


def test_a_mark_follows_through_an_answer_that_is_left_blank(live):
    """g is wrong, z_f is blank: f = 1 / (1 + e^0.35) follows all the same."""
    rows = {line.name: r for r, line in enumerate(two_neurons().task().lines, FIRST_ROW)}
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    for name, text in {"g": "-0.300", "f": "0.413"}.items():
        model.update_cell_with_text(0, rows[name], 2, text)
    model.evaluate()
    shown = {name: model.get_cell_value(0, rows[name], 3) for name in ("g", "z_f", "f")}
    assert shown == {"g": "✗", "z_f": "", "f": "✓"}


def test_a_gradient_is_summed_over_a_batch_from_nothing(tmp_path):
    """The formula of the first sum refers to an iteration before, where there is none."""
    names = "dlogL / dw_h1_bias", "sum_dlogL / dw_h1_bias"
    exercise = Exercise(bp.load("binary-classification"), names)
    rows = {line.name: r for r, line in enumerate(exercise.task().lines, FIRST_ROW)}
    write_sheet(exercise, tmp_path / "batch.xlsx", live=True)
    model = ironcalc.load_from_xlsx(str(tmp_path / "batch.xlsx"), "en", "UTC", "en")
    for name in names:
        model.update_cell_with_text(0, rows[name], 2, "0.0777")
    model.evaluate()
    shown = [model.get_cell_value(0, rows[name], 3) for name in names]
    assert shown == ["✗", "✓"]


def typed_sheets(task, count, seed):
    """Sheets as they are typed: right in one of four ways, with one slip, or with too few digits."""
    rng = random.Random(seed)
    asked = [line for line in task.lines if line.is_asked]
    program = task.trace.program
    for _ in range(count):
        way = rng.choice(list(hand_sheets.ways(rng).values()))
        digits = rng.choice([2, 3, 3, 4])
        names = {line.name for line in asked if line.iteration == 1}
        columns = [column for column in program if column.name in names]
        slip = hand_sheets.planted(task.trace, columns, rng) if rng.random() < 0.5 else None
        changed = {slip.column: slip.formula} if slip else {}
        yield hand_sheets.worked(task.trace, columns, digits, changed, way=way)


def marked(task, sheet):
    """The marks that the judge would give: right, right so far, not right."""
    found = {}
    for one in judge(task.trace, sheet, digits=task.exercise.digits).judgements:
        is_short = one.verdict is Verdict.FEW_DIGITS and float(one.written) != 0
        found[one.place] = "✓" if one.verdict.is_right else "…" if is_short else "✗"
    return found


@pytest.mark.parametrize("count", sampled([40, 1000], 40))
def test_marks_agree_with_the_judge_on_drawn_sheets(live, count):
    """Right, right so far, rounded, follow-through, not right. A mark knows no intervals, and no
    conventions: what a mixture of rounded and exact numbers gives may be a digit off.
    """
    task = two_neurons().task()
    rows = {line.place: r for r, line in enumerate(task.lines, FIRST_ROW) if line.is_asked}
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    seen = Counter()
    for sheet in typed_sheets(task, count, seed=count):
        for place, row in rows.items():
            model.update_cell_with_text(0, row, 2, sheet.get(place, ""))
        model.evaluate()
        for place, mark in marked(task, sheet).items():
            shown = model.get_cell_value(0, rows[place], 3)
            seen[mark] += 1
            seen["disagree"] += shown != mark
    assert len(seen) == 4
    assert seen["disagree"] < 0.03 * seen.total()


@pytest.mark.slow
def test_marks_agree_with_the_judge_in_libreoffice(live, tmp_path, libreoffice):
    """The same for 60 drawn sheets, which LibreOffice computes in one go."""
    task = two_neurons().task()
    rows = {line.place: r for r, line in enumerate(task.lines, FIRST_ROW) if line.is_asked}
    sheets = list(typed_sheets(task, 60, seed=7))
    source = tmp_path / "typed"
    source.mkdir()
    for number, sheet in enumerate(sheets):
        book = load_workbook(live)
        for place, text in sheet.items():
            cell = book[SHEET][f"B{rows[place]}"]
            cell.value, cell.data_type = text, "s"
        book.save(source / f"{number}.xlsx")
    profile = (tmp_path / "profile").as_uri()
    subprocess.run(
        [libreoffice, f"-env:UserInstallation={profile}", "--headless", "--convert-to",
         "xlsx:Calc MS Excel 2007 XML", "--outdir", str(tmp_path),
         *(str(source / f"{number}.xlsx") for number in range(len(sheets)))],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    total = disagree = 0
    for number, sheet in enumerate(sheets):
        shown = load_workbook(tmp_path / f"{number}.xlsx", data_only=True)[SHEET]
        for place, mark in marked(task, sheet).items():
            total += 1
            disagree += shown[f"C{rows[place]}"].value != mark
    assert disagree < 0.03 * total


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
