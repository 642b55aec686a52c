"""Exercise sheets: what is asked and printed, live marks, numbers of each student's own."""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import ironcalc
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.hand.exercise import Exercise, decimals_needed
from bpsheet.hand.fillin import ANSWERS, FIRST_ROW, IDENTITY, NAME_CELL, SHEET, fill_in_workbook
from bpsheet.hand.handout import write_class, write_sheet
from bpsheet.hand.identity import read_identity
from bpsheet.hand.names import file_name, read_roster
from bpsheet.program import Role
from tests.helpers.samples import small_templates

BOTH = ("weights", "data")


def asked(task) -> list[tuple[int, str]]:
    return [line.place for line in task.lines if line.is_asked]


def printed(task) -> dict[str, float]:
    return {line.name: line.value for line in task.lines if line.value is not None}


def two_neurons(*ask: str, **options) -> Exercise:
    return Exercise(bp.load("two-neuron"), ask or ("forward", "backward", "update"), **options)


# What is asked, what is printed


def test_the_groups_ask_for_their_quantities():
    forward = [(1, name) for name in ("z_g", "g", "z_f", "f", "MSE")]
    assert asked(two_neurons("forward").task()) == forward
    backward = ["MSE'", "f'", "f_error", "g'", "g_error"]
    gradients = [f"dMSE / d{w}" for w in ("w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1")]
    assert asked(two_neurons("backward").task()) == [(1, n) for n in (*backward, *gradients)]
    update = asked(two_neurons("update").task())
    assert update[0] == (1, "delta_w_xg0")
    assert update[-1] == (2, "w_gf1")
    assert len(update) == 10


def test_the_inputs_weights_and_learning_rate_are_printed():
    given = {"lr": 0.1, "w_xg0": 0.3, "w_xg1": 0.6, "w_xg2": -0.1, "w_gf0": -0.2, "w_gf1": 0.5}
    assert printed(two_neurons().task()) == {**given, "x1": -0.9, "x2": 0.1, "y": 1.0}


def test_what_is_not_asked_but_needed_is_printed():
    assert {"g", "f", "x1"} <= printed(two_neurons("backward").task()).keys()
    assert {"dMSE / dw_gf1", "w_gf1"} <= printed(two_neurons("update").task()).keys()


def test_nothing_is_printed_that_gives_an_answer_away():
    """The gradients of g's weights are g_error times an input: they would tell it."""
    task = two_neurons("z_g", "g_error").task()
    assert asked(task) == [(1, "z_g"), (1, "g_error")]
    assert not {"z_g", "g", "f", "f_error", "g_error", "dMSE / dw_xg0"} & printed(task).keys()


# The first overflows; the others have no gradient, or nothing to update.
OTHERS = ("exploding", "book-perceptron", "formula")
NETWORKS = [name for name in small_templates() if name not in OTHERS]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("ask", ["forward", "backward", "update"])
def test_no_printed_value_is_computed_from_an_answer(name, ask):
    """But for a weight where no update is asked: it stands in the place of the update."""
    task = Exercise(bp.load(name), (ask,)).task()
    program = task.trace.program
    answers = {quantity for row, quantity in asked(task) if row == 1}
    values = [line.name for line in task.lines if line.value is not None and line.iteration == 1]
    for column in (program[quantity] for quantity in values):
        if not column.is_state:
            assert not answers & {ref.name for ref in column.references}


def test_a_weight_is_asked_as_it_is_after_the_update():
    assert asked(two_neurons("w_gf1").task()) == [(2, "w_gf1")]


def test_two_iterations_ask_twice_and_the_second_uses_the_first():
    task = two_neurons(iterations=2).task()
    assert len(asked(task)) == 50
    headings = [line.name for line in task.lines if line.is_heading]
    assert "Iteration 2: forward pass" in headings
    assert "Iteration 1: new weights" in headings


def test_without_the_update_the_second_iterations_weights_are_printed():
    task = two_neurons("forward", iterations=2).task()
    second = [line for line in task.lines if line.place == (2, "w_gf1")]
    assert second[0].value == task.trace.frame.loc[2, "w_gf1"]


def test_within_a_batch_adjustments_are_not_asked():
    """The weights of n-samples move on every fourth row."""
    task = Exercise(bp.load("n-samples"), ("update",), iterations=4).task()
    places = asked(task)
    assert {row for row, name in places if name.startswith("delta")} == {4}
    assert {row for row, name in places if re.match("[wb][12]_", name)} == {5}
    headings = [line.name for line in task.lines if line.is_heading]
    assert "Iteration 3: The weights stay as they are until the batch ends" in headings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ask": ("forwards",)}, 'did you mean "forward"'),
        ({"ask": ("x1",)}, "x1"),
        ({"ask": ()}, "nothing is asked"),
        ({"iterations": 0}, "--iterations: 1 to 50 expected; got 0"),
        ({"digits": 11}, "--digits: 1 to 10 expected; got 11"),
        ({"vary": ("targets",)}, "known are weights, data"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_what_does_not_fit_is_refused(options, said):
    with pytest.raises(bp.ExperimentError, match=re.escape(said)):
        Exercise(bp.load("two-neuron"), **options)


def test_more_than_a_sheet_holds_is_refused():
    task = Exercise(bp.load("iris"), iterations=50).task()
    with pytest.raises(bp.LimitError, match=r"at most. Ask for fewer"):
        _ = task.lines


def test_decimals_for_significant_digits():
    assert decimals_needed(0.0001, 3) == 6
    assert decimals_needed(123.4, 3) == 0
    assert decimals_needed(math.nan, 3) == 0


# The workbook


@pytest.fixture
def opened(tmp_path):
    def read(data: bytes):
        path = tmp_path / "sheet.xlsx"
        path.write_bytes(data)
        return load_workbook(path)

    return read


def test_asked_cells_are_blank_framed_unlocked_and_text(opened):
    task = two_neurons().task()
    sheet = opened(fill_in_workbook(task))[SHEET]
    assert sheet.protection.sheet
    assert sheet.protection.password is None
    for row, line in enumerate(task.lines, FIRST_ROW):
        cell = sheet[f"B{row}"]
        assert sheet[f"A{row}"].value == line.name
        if line.is_asked:
            assert cell.value is None
            assert cell.number_format == "@"
            assert not cell.protection.locked
            assert cell.border.left.style == cell.border.bottom.style == "thin"
        else:
            assert cell.protection.locked
            assert cell.value == line.value


def test_without_live_marks_no_answer_is_in_the_file():
    """Neither the exact values nor any figure of theirs, in any part."""
    task = two_neurons().task("Ada")
    data = fill_in_workbook(task)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        text = b" ".join(package.read(name) for name in package.namelist()).decode()
        assert "<f>" not in text
    for line in task.lines:
        exact = abs(task.exact(line)) if line.is_asked else 0.0
        if exact and len(repr(exact)) > 8:
            assert repr(exact)[:6] not in text


def test_live_answers_are_on_a_very_hidden_sheet_only(opened):
    book = opened(fill_in_workbook(two_neurons().task(), live=True))
    assert book.sheetnames == [SHEET, ANSWERS, IDENTITY]
    assert book[ANSWERS].sheet_state == book[IDENTITY].sheet_state == "veryHidden"
    assert book[SHEET]["C19"].value == f"={ANSWERS}!K19"


def test_every_formula_carries_the_value_that_it_has(live):
    """What viewers show without calculating is what a calculation gives."""
    model = ironcalc.load_from_xlsx(str(live), "en", "UTC", "en")
    model.evaluate()
    with zipfile.ZipFile(live) as package:
        for number in (1, 2):
            text = package.read(f"xl/worksheets/sheet{number}.xml").decode()
            cells = re.findall(r'r="([A-Z]+)([0-9]+)"[^>]*><f>[^<]*</f><v>([^<]*)</v>', text)
            assert len(cells) == text.count("<f>") == (25 if number == 1 else 250)
            for letter, row, stored in cells:
                value = model.get_cell_value(number - 1, int(row), ord(letter) - 64)
                assert ("0" if value is False else value) == stored, f"{letter}{row}"


def test_the_sheet_prints_on_one_page(opened):
    sheet = opened(fill_in_workbook(two_neurons().task()))[SHEET]
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 1)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    long = opened(fill_in_workbook(two_neurons(iterations=5).task()))[SHEET]
    assert (long.page_setup.fitToWidth, long.page_setup.fitToHeight) == (1, 0)


def test_the_name_is_printed_or_a_cell_to_fill_in(opened):
    named = opened(fill_in_workbook(two_neurons().task("=Ada()")))[SHEET][NAME_CELL]
    assert (named.value, named.data_type) == ("=Ada()", "s")
    blank = opened(fill_in_workbook(two_neurons().task()))[SHEET][NAME_CELL]
    assert blank.value is None
    assert not blank.protection.locked


def test_the_identity_comes_back(opened):
    exercise = two_neurons("forward", digits=4, vary=BOTH, seed=3)
    book = opened(fill_in_workbook(exercise.task("Émile Ünal")))
    assert read_identity(book[IDENTITY]["A1"].value) == exercise.identity("Émile Ünal")


@pytest.mark.parametrize("live", [True, False])
def test_the_same_task_gives_the_same_bytes(live):
    first, again = (two_neurons(vary=BOTH).task("Ada") for _ in range(2))
    assert fill_in_workbook(first, live=live) == fill_in_workbook(again, live=live)


# Live marks

Z_G_ROW = 19  # z_g is -0.25
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


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("live") / "live.xlsx"
    write_sheet(two_neurons(), path, live=True)
    assert load_workbook(path)[SHEET][f"A{Z_G_ROW}"].value == "z_g"
    return path


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


def test_marks_in_libreoffice(live, tmp_path, libreoffice):
    """Each text is typed into the z_g of a sheet of its own, and LibreOffice saves it."""
    source = tmp_path / "typed"
    source.mkdir()
    names = {f"t{number}": text for number, text in enumerate(TYPED)}
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
    assert found == TYPED
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)


# Numbers of each student's own


@pytest.mark.parametrize("name", [n for n in small_templates() if n != "exploding"])
def test_numbers_are_short_and_no_neuron_is_saturated(name):
    task = Exercise(bp.load(name), vary=BOTH, seed=2).task("Ada")
    program = task.trace.program
    for line in task.lines:
        if isinstance(line.value, float) and line.iteration == 1:
            assert len(f"{line.value:g}".strip("-0.").replace(".", "")) <= 2, line
    for column in program:
        value = abs(task.trace.values[0, program.position[column.name]])
        if column.role is Role.OUTPUT_DERIVATIVE:
            assert value >= 0.04
        if column.role is Role.ERROR:
            assert value >= 0.001


def test_numbers_differ_between_students_and_seeds_and_stay_for_the_same():
    ada = printed(two_neurons(vary=BOTH).task("Ada"))
    assert printed(two_neurons(vary=BOTH).task("Ada")) == ada
    assert printed(two_neurons(vary=BOTH).task("Bob")) != ada
    assert printed(two_neurons(vary=BOTH, seed=1).task("Ada")) != ada


def test_only_what_is_named_is_varied():
    base = printed(two_neurons().task())
    weights = printed(two_neurons(vary=("weights",)).task("Ada"))
    assert {n: weights[n] for n in ("x1", "x2", "y", "lr")} == {
        n: base[n] for n in ("x1", "x2", "y", "lr")
    }
    data = printed(two_neurons(vary=("data",)).task("Ada"))
    assert data["w_xg0"] == base["w_xg0"]
    assert data["x1"] != base["x1"]


def test_where_no_nice_numbers_are_found_it_says_so():
    """Inputs of a thousand saturate the logistic function whatever its weights are."""
    large = bp.load("binary-classification").changed({f"x1[{n}]": 1000.0 for n in range(1, 7)})
    with pytest.raises(bp.ExperimentError, match="no neuron is saturated"):
        Exercise(large, vary=("weights",)).task("Ada")


# A class


ROSTER = "student,id\nAda Lovelace,1\nada lovelace,2\nCON,3\n=HYPERLINK(),4\n../../etc,5\n😀,6\n"


@pytest.fixture
def roster(tmp_path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8")
    return path


def test_names_of_files_are_safe_and_never_clash(roster):
    names = [file_name(student) for student in read_roster(roster)]
    assert len({name.casefold() for name in names}) == 6
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[0-9a-f]{8}\.xlsx", name) for name in names)
    assert names[2].startswith("con-3-")
    assert names[5].startswith("6-")
    assert file_name("CON") != "con.xlsx"
    assert len(file_name("x" * 5_000)) < 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no students"),
        ("name\n", "no students"),
        ("Ada\nAda\n", "is there twice; add a column id"),
        ("name,id\n,3\n", "no name"),
        (f"{'x' * 101}\n", "more than 100 characters"),
        ("A\x00da\n", "no part of a name"),
    ],
)
def test_a_roster_with_problems_is_refused(tmp_path, text, said):
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(bp.ExperimentError, match=said):
        read_roster(path)


def test_a_roster_may_be_names_alone(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_bytes("\ufeffAda\r\n  Bob   B \r\n\r\n".encode())
    assert read_roster(path) == ["Ada", "Bob B"]


def test_each_student_gets_a_file_and_the_key_lies_apart(roster, tmp_path, command):
    folder = tmp_path / "sheets"
    arguments = ("exercise", "two-neuron", "-o", str(folder), "--students", str(roster))
    status, out, _ = command(*arguments, "--vary", "weights,data", "--seed", "7")
    assert status == 0
    assert "Wrote 6 workbooks" in out
    assert sorted(p.name for p in folder.iterdir()) == sorted(map(file_name, read_roster(roster)))
    key = (tmp_path / "sheets-key" / "key.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(key)))
    assert len(rows) == 6 * 25
    task = two_neurons(vary=BOTH, seed=7).task("Ada Lovelace (1)")
    first = rows[0]
    assert float(first["exact"]) == task.trace.frame.loc[1, "z_g"]
    assert {row["student"] for row in rows} >= {"'=HYPERLINK() (4)"}


def test_a_student_has_the_same_file_whoever_else_is_on_the_roster(tmp_path):
    exercise = two_neurons(vary=BOTH)
    write_class(exercise, tmp_path / "a", tmp_path / "ka", ["Ada", "Bob", "Cem"])
    write_class(exercise, tmp_path / "b", tmp_path / "kb", ["Zoe", "Bob"])
    name = file_name("Bob")
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_key_may_not_lie_among_the_sheets(tmp_path):
    for key in ("sheets", "sheets/key", "sheets/../sheets/key"):
        with pytest.raises(bp.OutputError, match="must lie outside"):
            write_class(two_neurons(), tmp_path / "sheets", tmp_path / key, ["Ada"])
    assert not (tmp_path / "sheets").exists()


def test_a_filled_in_sheet_is_never_replaced(tmp_path, command):
    path = tmp_path / "sheet.xlsx"
    assert command("exercise", "two-neuron", "-o", str(path))[0] == 0
    assert command("exercise", "two-neuron", "-o", str(path))[0] == 0  # the same bytes
    book = load_workbook(path)
    book[SHEET]["B19"] = "-0.25"
    book.save(path)
    before = path.read_bytes()
    status, _, err = command("exercise", "two-neuron", "-o", str(path))
    assert status == 1
    assert "it may have been filled in" in err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-o", "x.xlsx", "--ask", "g_eror"), "g_error"),
        (("-o", "x.xlsx", "--vary", "weights"), "need a roster"),
        (("-o", "x.csv"), "ends in .xlsx"),
        (("-o", "x.xlsx", "--students", "absent.csv"), "absent.csv"),
    ],
)
def test_unusable_input_is_refused_in_words(command, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = command("exercise", "two-neuron", *arguments)
    assert status in (1, 2)
    assert said in err
    assert not list(tmp_path.iterdir())
