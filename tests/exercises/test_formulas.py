"""Formulas as answers: right for all numbers, right for these alone, a slip, or wrong."""

from __future__ import annotations

import math
import random
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.formula import ArrayFormula

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import FIRST_ROW, SHEET, fill_in_workbook
from bpsheet.exercises.formulas.draws import DRAWS, Sheet
from bpsheet.exercises.grade import grade_received
from bpsheet.exercises.handins import HandIn
from bpsheet.exercises.kept import Kept, read_kept, write_kept
from bpsheet.exercises.marks import MARKS, Scale
from bpsheet.exercises.received import Exercises, received_file
from bpsheet.formula.tree import Num, references, replace_refs
from bpsheet.hand.slips import Slips
from bpsheet.printers.excel import Cell, ExcelPrinter
from tests.helpers.grading import grade_file, grade_folder
from tests.helpers.samples import sampled, spread

pytest.importorskip("ironcalc")

NETWORK = bp.load("two-neuron")
EXERCISE = Exercise(NETWORK, answers="formulas")
# Written by hand, with the names of quantities in braces; the last name is the new weight's.
RIGHT = {
    "z_g": "={w_xg0}+{w_xg1}*{x1}+{w_xg2}*{x2}",
    "g": "=TANH({z_g})",
    "z_f": "={w_gf0}+{w_gf1}*{g}",
    "f": "=1/(1+EXP(-{z_f}))",
    "MSE": "=({y}-{f})^2/2",
    "MSE'": "={f}-{y}",
    "f'": "={f}*(1-{f})",
    "f_error": "={MSE'}*{f'}",
    "g'": "=1-{g}^2",
    "g_error": "={f_error}*{w_gf1}*{g'}",
    "dMSE / dw_xg0": "={g_error}",
    "delta_w_xg0": "=-{lr}*{dMSE / dw_xg0}",
    "w_xg0+": "={w_xg0}+{delta_w_xg0}",
}


def rows_of(task):
    """The row of each line; of a weight after the update under its name and +."""
    return {
        f"{line.name}+" if line.iteration == 2 else line.name: row
        for row, line in enumerate(task.lines, FIRST_ROW)
        if not line.is_heading
    }


def filled(path: Path, answers: dict[str, object], task=None) -> Path:
    task = task or EXERCISE.task()
    path.write_bytes(fill_in_workbook(task))
    book = load_workbook(path)
    rows = rows_of(task)
    for name, formula in answers.items():
        text = formula
        if isinstance(formula, str):
            for other, row in rows.items():
                text = text.replace(f"{{{other}}}", f"B{row}")
        book[SHEET][f"B{rows[name]}"] = text
    book.save(path)
    return path


def marks(path: Path, network=NETWORK):
    """The marks by quantity; of a weight after the update under its name and +."""
    return {
        f"{mark.judgement.quantity}+"
        if mark.judgement.iteration == 2
        else mark.judgement.quantity: mark
        for mark in grade_file(path, network).marks
    }


def test_right_formulas_are_right_for_all_numbers(tmp_path):
    found = marks(filled(tmp_path / "ada.xlsx", RIGHT))
    assert {name: found[name].verdict for name in RIGHT} == dict.fromkeys(RIGHT, "correct")
    assert {mark.verdict for name, mark in found.items() if name not in RIGHT} == {"missing"}


def test_another_way_to_the_same_value_is_right(tmp_path):
    other = {
        "z_g": "=SUMPRODUCT({w_xg0},1)+{w_xg1}*{x1}+{w_xg2}*{x2}",
        "g": "=(EXP(2*{z_g})-1)/(EXP(2*{z_g})+1)",
        "f'": "=EXP(-{z_f})/(1+EXP(-{z_f}))^2",
        "g_error": "=({f}-{y})*{f}*(1-{f})*{w_gf1}*(1-TANH({z_g})^2)",
    }
    found = marks(filled(tmp_path / "ada.xlsx", other))
    assert [found[name].verdict for name in other] == ["correct"] * len(other)


def test_a_formula_that_follows_a_wrong_one_is_right(tmp_path):
    found = marks(filled(tmp_path / "ada.xlsx", {"z_g": "=-1*{x1}*77", "g": RIGHT["g"]}))
    assert (found["z_g"].verdict, found["g"].verdict) == ("wrong", "correct")


TYPED = [
    ("z_f", "={w_gf0}+0.5*{g}", "It does not use the cell of w_gf1;"),
    ("delta_w_xg0", "=-0.1*{dMSE / dw_xg0}", "It does not use the cell of lr;"),
    ("MSE'", "={f}-1", "It does not use the cell of y;"),
    (
        "z_g",
        "=0.3+0.6*-0.9+-0.1*0.1",
        "It does not use the cells of w_xg0, x1, w_xg1 and 2 more;",
    ),
]


def test_numbers_that_are_typed_into_a_formula_are_told(tmp_path):
    found = marks(filled(tmp_path / "ada.xlsx", {name: formula for name, formula, _ in TYPED}))
    for name, _, said in TYPED:
        assert (found[name].verdict, found[name].mark) == ("these numbers only", 0.5)
        reason = found[name].reason
        assert reason.startswith(f"Right for these numbers only. {said}"), reason


def test_a_typed_number_is_told_from_a_formula(tmp_path):
    found = marks(filled(tmp_path / "ada.xlsx", {"z_g": -0.25, "g": "-0.245", "z_f": "0.77"}))
    assert found["z_g"].reason == "A number is typed where a formula is asked."
    assert [found[name].mark for name in ("z_g", "g", "z_f")] == [0.5, 0.5, 0]


def test_a_formula_as_text_computes_nothing(tmp_path):
    path = filled(tmp_path / "ada.xlsx", {})
    book = load_workbook(path)
    book[SHEET]["B19"].value = "=B9"
    book[SHEET]["B19"].data_type = "s"
    book.save(path)
    assert marks(path)["z_g"].reason == "The cell holds a formula as text; it computes nothing."


SLIPS = [
    ("MSE'", "={y}-{f}", "wrong sign"),
    ("f_error", "={MSE'}", "derivative left out"),
    ("g'", "=1-{g}", "square left out"),
    ("z_g", "={w_xg1}*{x1}+{w_xg2}*{x2}", "bias left out"),
    ("w_xg0+", "={w_xg0}-{delta_w_xg0}", "wrong sign"),
    ("delta_w_xg0", "=-1*{dMSE / dw_xg0}", "learning rate left out"),
]


def test_a_slip_in_a_formula_is_named(tmp_path):
    found = marks(filled(tmp_path / "ada.xlsx", {name: formula for name, formula, _ in SLIPS}))
    for name, _, kind in SLIPS:
        assert (found[name].verdict, found[name].judgement.slips) == ("likely slip", (kind,))


def test_the_same_slip_again_costs_nothing_more(tmp_path):
    again = {name: f"=-1*{{{source}}}" for name, source in (
        ("delta_w_xg0", "dMSE / dw_xg0"), ("delta_w_xg1", "dMSE / dw_xg1"))}  # fmt: skip
    found = marks(filled(tmp_path / "ada.xlsx", again))
    assert [found[name].verdict for name in again] == ["likely slip", "same slip again"]
    first, second = (found[name].reason for name in again)
    assert first == "In the formula of delta_w_xg0: the learning rate is left out."
    assert second == "The same slip as in delta_w_xg0: the learning rate is left out."


ERRORS = {
    "z_g": ("=NOSUCH(1)", "#NAME?"),
    "g": ("=1/0", "#DIV/0!"),
    "z_f": ('="a"', "a"),
    "f": ("={f}", "#CIRC!"),
}


def test_a_formula_without_a_number_is_told(tmp_path):
    formulas = {name: formula for name, (formula, _) in ERRORS.items()}
    found = marks(filled(tmp_path / "ada.xlsx", formulas))
    for name, (_, shown) in ERRORS.items():
        assert found[name].verdict == "not a number"
        assert shown in found[name].reason


def test_changed_given_values_do_not_matter(tmp_path):
    path = filled(tmp_path / "ada.xlsx", RIGHT)
    book = load_workbook(path)
    book[SHEET][f"B{rows_of(EXERCISE.task())['x1']}"] = 55
    book.save(path)
    assert marks(path)["z_g"].verdict == "correct"


def test_cells_of_the_students_own_and_moved_rows_are_followed(tmp_path):
    path = filled(tmp_path / "ada.xlsx", RIGHT)
    book = load_workbook(path)
    sheet = book[SHEET]
    z_g = rows_of(EXERCISE.task())["z_g"]
    sheet["H40"] = sheet[f"B{z_g}"].value
    sheet[f"B{z_g}"] = "=H40"
    book.save(path)
    assert marks(path)["z_g"].verdict == "correct"


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["ods", "xlsx"])
def test_a_sheet_that_libreoffice_has_saved_is_judged_alike(tmp_path, libreoffice, ending):
    answers = RIGHT | {name: formula for name, formula, _ in (*TYPED[:2], *SLIPS[:1])}
    before = filled(tmp_path / "ada.xlsx", answers)
    command = [
        libreoffice,
        f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}",
        "--headless",
        *("--convert-to", ending, "--outdir", str(tmp_path / "saved"), str(before)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    after = marks(tmp_path / "saved" / f"ada.{ending}")
    assert {k: v.verdict for k, v in after.items()} == {
        k: v.verdict for k, v in marks(before).items()
    }


def test_a_file_keeps_what_was_found_for_another_scale(tmp_path):
    path = filled(tmp_path / "ada.xlsx", {name: formula for name, formula, _ in TYPED})
    exercises = Exercises(NETWORK)
    received = received_file(HandIn(path), exercises)
    write_kept(tmp_path / "read.json", Kept(tmp_path, (received,)))
    path.unlink()
    again = read_kept(tmp_path / "read.json").received
    scale = Scale({**MARKS, "these numbers only": 0.25})
    (sheet,) = grade_received(again, exercises, scale).sheets
    assert sheet.total == len(TYPED) * 0.25


@pytest.mark.slow
def test_a_class_of_formulas_is_marked_by_the_commands(tmp_path, command):
    (tmp_path / "roster.csv").write_text("Name\nAda\nBob\n", encoding="utf-8")
    folder = tmp_path / "sheets"
    status, _, _ = command(
        "exercise", "two-neuron", "-o", str(folder), "--answers", "formulas",
        "--students", str(tmp_path / "roster.csv"), "--vary", "weights",
    )  # fmt: skip
    assert status == 0
    exercise = Exercise(NETWORK, answers="formulas", vary=("weights",))
    for path in folder.glob("*.xlsx"):
        student = "Ada" if path.name.startswith("ada") else "Bob"
        filled(path, RIGHT, exercise.task(student))
    grades = grade_folder(folder, NETWORK)
    assert [sheet.total for sheet in grades.sheets] == [len(RIGHT)] * 2


def test_live_marks_and_question_banks_ask_for_values(tmp_path, command):
    for more in (["--check", "live"], ["--format", "moodle"]):
        status, _, err = command(
            "exercise", "two-neuron", "-o", str(tmp_path / "a.xlsx"), "--answers", "formulas", *more
        )
        assert status == 2
        assert (
            "--answers formulas is for workbooks without live marks: leave out --format and --check"
        ) in err
    with pytest.raises(ExperimentError, match="answers: values or formulas expected"):
        Exercise(NETWORK, answers="numbers")


def test_newer_functions_arrays_and_names_are_computed(tmp_path):
    """As Excel stores them: with a prefix, with an area, and beside the sheets."""
    path = filled(
        tmp_path / "ada.xlsx",
        {"g": "=_xlfn.IFS({z_g}>0,TANH({z_g}),TRUE,TANH({z_g}))", "z_f": "={w_gf0}+w*{g}"},
    )
    book = load_workbook(path)
    row = rows_of(EXERCISE.task())
    array = f"=B{row['w_xg0']}+SUM(B{row['w_xg1']}:B{row['w_xg2']}*B{row['x1']}:B{row['x2']})"
    book[SHEET][f"B{row['z_g']}"] = ArrayFormula(f"B{row['z_g']}", array)
    book.defined_names["w"] = DefinedName("w", attr_text=f"{SHEET}!$B${row['w_gf1']}")
    book.save(path)
    found = marks(path)
    assert [found[name].verdict for name in ("z_g", "g", "z_f")] == ["correct"] * 3
    assert found["g"].judgement.written.startswith("=IFS(")


def formulas_of(task, change=lambda _, formula: formula):
    """The formulas of the program over the cells of the sheet, by line, each with a change. Without
    those that need cells which are not there.
    """
    rows = {line.place: row for row, line in enumerate(task.lines, FIRST_ROW) if line.iteration}
    labels = {
        line.name: row for row, line in enumerate(task.lines, FIRST_ROW) if not line.iteration
    }
    by_name = {p.name: labels.get(p.label) for p in task.trace.program.parameters}
    found = {}
    for line in task.lines:
        if not line.is_asked:
            continue

        def cell(ref, row=line.iteration):
            return Cell(2, rows[row - ref.lag, ref.name])

        printer = ExcelPrinter(cell, lambda name: f"B{by_name[name]}", lambda _: "", guard=True)
        formula = change(line, task.trace.program[line.name].formula)
        with suppress(KeyError):
            if formula is not None:
                found[line.place] = f"={printer.text(formula)}"
    return found


def judged(path, network, task, formulas):
    """The marks of the lines that have one of these formulas, by place."""
    path.write_bytes(fill_in_workbook(task))
    book = load_workbook(path)
    for row, line in enumerate(task.lines, FIRST_ROW):
        if line.place in formulas:
            book[SHEET][f"B{row}"] = formulas[line.place]
    book.save(path)
    found = {mark.judgement.place: mark for mark in grade_file(path, network).marks}
    return {place: found[place] for place in formulas}


TEMPLATES = (
    "book-xor", "line-adam", "matrix-1-2-1", "binary-classification", "iris", "formula",
    "two-hidden-layers", "multiway-classification", "n-samples", "rnn",
)  # fmt: skip


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "name", spread(sampled(TEMPLATES, "line-adam", "binary-classification"), 1)
)
def test_the_programs_own_formulas_are_right_on_every_sheet(tmp_path, name):
    network = bp.load(name)
    task = Exercise(network, answers="formulas").task()
    assert len(Sheet(task).draws) == DRAWS
    found = judged(tmp_path / "a.xlsx", network, task, formulas_of(task))
    assert len(found) > 5
    wrong = {place: mark.reason for place, mark in found.items() if mark.verdict != "correct"}
    assert wrong == {}


@pytest.mark.parametrize("name", sampled(TEMPLATES, "matrix-1-2-1"))
def test_a_slip_in_any_formula_is_named_and_never_called_right(tmp_path, name):
    network = bp.load(name)
    task = Exercise(network, answers="formulas").task()
    slips, own = Slips(task.trace.program), Sheet(task).own
    rng = random.Random(name)

    def slipped(line, _):
        """A slip that shows with the task's own numbers: another would be no mistake on this sheet."""
        row = line.iteration
        able = [
            slip
            for slip in slips.of(line.name)
            if all(ref.lag >= 0 for ref in references(slip.formula))
            and (value := own.value(row, slip.formula)) is not None
            and not math.isclose(value, task.exact(line), rel_tol=1e-3, abs_tol=1e-6)
        ]
        return rng.choice(able).formula if able else None

    found = judged(tmp_path / "a.xlsx", network, task, formulas_of(task, slipped))
    verdicts = Counter(mark.verdict for mark in found.values())
    assert verdicts["correct"] == verdicts["these numbers only"] == 0
    named = verdicts["likely slip"] + verdicts["same slip again"]
    assert named >= 0.95 * len(found) > 5, {p: (m.verdict, m.reason) for p, m in found.items()}


@pytest.mark.parametrize("name", sampled(TEMPLATES, "binary-classification"))
def test_a_number_in_the_place_of_any_cell_is_told(tmp_path, name):
    network = bp.load(name)
    task = Exercise(network, answers="formulas").task()
    sheet = Sheet(task)
    rng = random.Random(name)
    typed = {}

    def with_number(line, formula):
        sources = [s.place for s in sheet.sources(line) if s.iteration]
        refs = [
            ref for ref in references(formula) if (line.iteration - ref.lag, ref.name) in sources
        ]
        if not refs:
            return None
        ref = rng.choice(refs)
        typed[line.place] = ref.name
        value = sheet.own.values[line.iteration - ref.lag, ref.name]
        return replace_refs(formula, {ref: Num(value)})

    found = judged(tmp_path / "a.xlsx", network, task, formulas_of(task, with_number))
    assert len(found) > 5
    for place, mark in found.items():
        if mark.verdict in ("likely slip", "same slip again"):
            # With a 1 for a factor it is left out.
            continue
        assert mark.verdict == "these numbers only", (place, typed[place], mark.reason)
        assert typed[place] in mark.reason, (place, typed[place], mark.reason)
