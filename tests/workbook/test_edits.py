"""Edited workbooks are read as they are: what was changed is taken, or said by its cell."""

from __future__ import annotations

import itertools
import shutil
import zipfile

import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.verifying.verify import NO_VALUES, verify
from bpsheet.workbook.edits import Kind, in_words, taken_in_words
from tests.helpers.faults import wrong_in
from tests.helpers.habits import HABITS, saved_as
from tests.helpers.office import gnumeric, in_libreoffice
from tests.helpers.samples import sampled, small_templates
from tests.helpers.workbooks import KINDS, STEPS_PART, WORKBOOKS

needs_gnumeric = pytest.mark.skipif(
    shutil.which("ssconvert") is None, reason="Gnumeric is not installed"
)


@pytest.fixture
def with_openpyxl(tmp_path):
    """A workbook that openpyxl has loaded, changed and saved, which stores no values of formulas."""

    def edited(path, change):
        book = load_workbook(path)
        change(book)
        target = tmp_path / f"openpyxl-{len(list(tmp_path.iterdir()))}.xlsx"
        book.save(target)
        return target

    return edited


def said(path) -> tuple[str, list[str]]:
    """What is said of a workbook: the numbers taken, and the rest. `verify` says the same."""
    edits = bp.load(path).edits
    assert verify(path).edits == edits
    return taken_in_words(edits), in_words(edits)


# Each row of "what was done": what was changed in Steps, Data or the sheets, and what is said of it.
DONE = {
    "nothing": ([], "", []),
    "a weight and the rate": (
        [("value", "Steps", "H8", 0.9), ("value", "Steps", "B5", 0.5)],
        "learning rate 0.1 → 0.5, w_xg1 0.6 → 0.9",
        [],
    ),
    "an example.ods": ([("value", "Data", "B2", 0.25)], "x1[1] -0.9 → 0.25", []),
    "a formula as an input": ([("formula", "Steps", "H8", "=3/8")], "w_xg1 0.6 → 0.375", []),
    "a weight emptied": ([("empty", "Steps", "H8")], "", ["Steps!H8 (w_xg1): emptied"]),
    "a weight as text": (
        [("text", "Steps", "H8", "nine")],
        "",
        ['Steps!H8 (w_xg1): the text "nine"; a number expected'],
    ),
    "rows filled down": ([("fill", "Steps", "A19:AE24", 1)], "iterations 12 → 17", []),
    "rows filled down.ods": ([("fill", "Steps", "A19:AE24", 1)], "iterations 12 → 17", []),
    "the last rows deleted": ([("delete rows", "Steps", 18, 2)], "iterations 12 → 10", []),
    "columns inserted": (
        [
            ("insert column", "Steps", 1),
            ("insert column", "Steps", 12),
            ("insert column", "Data", 3),
        ],
        "",
        [],
    ),
    "a row inserted above": ([("insert row", "Steps", 3)], "", []),
    "a row inserted": ([("insert row", "Steps", 12)], "", ["Steps!12:12: a row inserted"]),
    "rows deleted": (
        [("delete rows", "Steps", 12, 3)],
        "",
        [
            "Steps!12:12: rows above it were deleted, so that its formulas have lost their cells",
        ],
    ),
    "a column deleted": (
        [("delete column", "Steps", 20)],
        "",
        ["Steps (g'): the column is missing"],
    ),
    "sheets renamed and added": (
        [("rename", "Steps", "Tom's steps"), ("rename", "About", "Origin"), ("new sheet", "Notes")],
        "",
        [],
    ),
    "sheets renamed and added.ods": (
        [("rename", "Steps", "Tom's steps"), ("rename", "Data", "Table"), ("new sheet", "Notes")],
        "",
        [],
    ),
    "another formula": (
        [("formula", "Steps", "M12", "=SIN(L12)")],
        "",
        ["Steps!M12 (g): the formula =SIN(L12); =TANH(L12) expected"],
    ),
    "numbers over formulas": (
        [("value", "Steps", "M9", 0.25), ("value", "Steps", "N9", 0.5)],
        "",
        [
            "Steps!M9 (g): the number 0.25 typed over a formula",
            "Steps!N9 (z_f): the number 0.5 typed over a formula",
        ],
    ),
    "an example's row inserted": (
        [("insert row", "Data", 2)],
        "",
        ["Data!2:2: a row inserted"],
    ),
}
# What is done to a sheet that is then recalculated without a fault.
SOUND = {
    *("nothing", "a weight and the rate", "an example.ods", "a formula as an input"),
    *("rows filled down", "rows filled down.ods", "the last rows deleted", "columns inserted"),
    *("a row inserted above", "a row inserted", "sheets renamed and added"),
    # The formulas that look the example up have moved with it.
    "an example's row inserted",
    "sheets renamed and added.ods",
}


@pytest.fixture(scope="session")
def plain(traced, tmp_path_factory):
    """A workbook without the sheets that take LibreOffice long."""
    path = tmp_path_factory.mktemp("plain") / "two-neuron.xlsx"
    return traced("two-neuron", 12).to_excel(path, sheets=[])


FEW = ("rows filled down.ods", "rows deleted")


def test_what_was_done_in_libreoffice_is_taken_or_said_by_its_cell(plain, tmp_path, libreoffice):
    """By the program itself, which has then calculated and saved."""
    files = in_libreoffice(libreoffice, tmp_path, plain, {name: DONE[name][0] for name in FEW})
    for name in FEW:
        _, taken, others = DONE[name]
        assert said(files[name]) == (taken, others), name
    filled = bp.load(files["rows filled down.ods"])
    assert filled.run().frame.equals(bp.load("two-neuron").run(17).frame)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ironcalc", "libreoffice"])
def test_what_was_done_in_libreoffice_is_verified(plain, tmp_path, libreoffice, engine):
    """A fault is told by its cell, however many cells follow from it."""
    steps = {name: done for name, (done, _, _) in DONE.items()}
    files = in_libreoffice(libreoffice, tmp_path, plain, steps)
    for name, (_, taken, others) in DONE.items():
        report = verify(files[name], engine)
        assert (taken_in_words(report.edits), in_words(report.edits)) == (taken, others), name
        assert report.passed == (name in SOUND), name
        if not report.passed:
            assert len(report.comparisons[1].wrong) <= 1 + len(others), name


@pytest.mark.slow
@needs_gnumeric
@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
def test_a_workbook_edited_in_gnumeric_is_read_as_it_is(made, tmp_path, ending):
    """Calculated there, too, although its one example is looked up in a range."""
    source = made("two-neuron", "full", 12)
    path = gnumeric(source, tmp_path / f"x{ending}", "Steps!H8=0.9", "Steps!B5=0.5")
    assert said(path) == ("learning rate 0.1 → 0.5, w_xg1 0.6 → 0.9", [])
    assert verify(path).passed
    fresh = bp.load("two-neuron").changed({"w_xg1": 0.9, "learning_rate": 0.5}).run(12)
    assert bp.load(path).run().frame.equals(fresh.frame)


@pytest.mark.slow
@needs_gnumeric
def test_a_formula_damaged_after_gnumeric_has_saved_is_found(made, tmp_path):
    """Its values are right, as stored: only a calculation can tell."""
    path = gnumeric(made("two-neuron", "full", 12), tmp_path / "x.xlsx")
    damaged = tmp_path / "damaged.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(damaged, "w") as new:
        for info in old.infolist():
            content = old.read(info)
            if info.filename == STEPS_PART:
                assert content.count(b"TANH(L12)") == 1
                content = content.replace(b"TANH(L12)", b"TANH(L11)")
            new.writestr(info, content)
    report = verify(damaged)
    assert set(wrong_in(report)) == {"recalculated", "recalculated with changes"}
    assert [line[:3] for line in wrong_in(report)["recalculated"]] == ["M12"]


@pytest.mark.slow
@pytest.mark.parametrize("habit", HABITS)
def test_a_workbook_in_the_habits_of_a_program_is_read_as_it_is(made, tmp_path, habit):
    source = made("two-neuron", "full", 12)
    path = saved_as(habit, source, tmp_path / "same.xlsx", {})
    assert said(path) == ("", [])
    assert verify(path).passed
    cells = {"H8": "<v>0.9</v>", "M12": "<f>SIN(L12)</f><v>0.25</v>", "P9": "<v>7</v>", "O9": ""}
    path = saved_as(habit, source, tmp_path / "edited.xlsx", cells)
    assert said(path) == (
        "w_xg1 0.6 → 0.9",
        [
            "Steps!P9 (MSE): the number 7 typed over a formula",
            "Steps!M12 (g): the formula =SIN(L12); =TANH(L12) expected",
            "Steps!O9 (f): emptied",
        ],
    )


def test_a_workbook_without_stored_values_is_said_to_have_none(made, with_openpyxl):
    path = with_openpyxl(made("two-neuron", "full", 12), lambda _: None)
    report = verify(path)
    assert report.passed
    assert report.comparisons[0].note == NO_VALUES
    assert report.comparisons[0].cells == 0
    assert report.edits == ()


@pytest.mark.sample(2)
@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_a_workbook_that_openpyxl_has_only_saved_has_no_edits(made, with_openpyxl, name, kind):
    path = with_openpyxl(made(name, kind, 12), lambda _: None)
    assert bp.load(path).edits == ()


@pytest.mark.slow
@needs_gnumeric
@pytest.mark.parametrize(
    ("name", "kind"), sampled(itertools.product(small_templates(), KINDS), ("book-xor", "book"))
)
@pytest.mark.parametrize("ending", [".xlsx", ".ods"])
def test_a_workbook_that_gnumeric_has_only_saved_has_no_edits(made, tmp_path, name, kind, ending):
    path = gnumeric(made(name, kind, 12), tmp_path / f"x{ending}")
    assert bp.load(path).edits == ()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), list(itertools.product(small_templates(), KINDS)))
def test_a_workbook_that_libreoffice_has_only_saved_has_no_edits(
    made, tmp_path, libreoffice, name, kind
):
    files = in_libreoffice(libreoffice, tmp_path, made(name, kind, 12), {"a": [], "a.ods": []})
    for path in files.values():
        assert bp.load(path).edits == ()
        assert verify(path).passed


def test_an_untouched_workbook_is_known_by_its_seal(made, monkeypatch):
    """Its sheets need not be read."""
    monkeypatch.setattr("bpsheet.workbook.reading.revision_in", None)
    assert bp.load(made("two-neuron", "full", 12)).edits == ()


@pytest.mark.slow
def test_the_original_numbers_can_be_had(made, with_openpyxl):
    def change(book):
        book["Steps"]["H8"] = 0.9

    path = with_openpyxl(made("two-neuron", "full", 12), change)
    assert bp.load(path).run().weights["w_xg1"].iloc[0] == 0.9
    original = bp.load(path, original=True)
    assert original.edits == ()
    assert original.run().weights["w_xg1"].iloc[0] == 0.6
    assert wrong_in(verify(path, original=True))["recalculated"][0].startswith(
        "H8 (w_xg1): 0.9 there"
    )


def test_a_number_changed_in_its_tenth_digit_is_taken(made, with_openpyxl):
    def change(book):
        book["Steps"]["H8"] = 0.6000000001

    path = with_openpyxl(made("two-neuron", "full", 12), change)
    assert bp.load(path).run().weights["w_xg1"].iloc[0] == 0.6000000001


@pytest.mark.slow
def test_numbers_that_do_not_fit_are_told_with_their_cells(made, with_openpyxl):
    def change(book):
        book["Steps"]["D5"] = -3

    path = with_openpyxl(made("iris", "full", 12), change)
    with pytest.raises(bp.EditsError, match=r"Steps!D5 \(batch size\): .*\n?.*"):
        bp.load(path)
    assert bp.load(path, original=True).training.batch_size != -3


@pytest.mark.slow
def test_examples_typed_in_each_row_are_taken_where_all_rows_agree(made, with_openpyxl):
    """In the layout book; a row may also present another example."""
    source = made("book-xor", "book", 12)

    def swap(book):
        sheet = book["Steps"]
        for column in "ABC":
            sheet[f"{column}9"] = sheet[f"{column}8"].value

    edits = bp.load(with_openpyxl(source, swap)).edits
    rows = [(edit.iteration, edit.kind, edit.is_taken) for edit in edits]
    before = load_workbook(source)["Steps"]
    differs = [before[f"{c}8"].value for c in "ABC"] != [before[f"{c}9"].value for c in "ABC"]
    assert rows == ([(2, Kind.CHANGED, True)] if differs else [])

    def one(book):
        book["Steps"]["A9"] = 0.25

    (edit,) = bp.load(with_openpyxl(source, one)).edits
    assert (edit.cell, edit.is_taken) == ("Steps!A9", False)
    assert bp.load(with_openpyxl(source, one)).run().frame.equals(bp.load(source).run().frame)


@pytest.mark.slow
def test_typed_rows_of_a_part_are_verified_as_they_stand(tmp_path, with_openpyxl):
    """Every hundredth row, each with its weights typed: an experiment cannot hold them."""
    path = bp.load("two-neuron").write(tmp_path / "part.xlsx", 1000, "every:100")

    for cell, iteration in (("H8", 1), ("H12", 401)):

        def change(book, cell=cell):
            book["Steps"][cell] = 0.9

        edited = with_openpyxl(path, change)
        assert verify(edited).passed
        (edit,) = bp.load(edited).edits
        assert (edit.cell, edit.iteration, edit.is_taken) == (f"Steps!{cell}", iteration, False)


def test_a_workbook_without_its_steps_is_refused(made, with_openpyxl):
    path = with_openpyxl(made("two-neuron", "full", 12), lambda book: book.remove(book["Steps"]))
    with pytest.raises(bp.WorkbookError, match="no sheet has the columns of the run"):
        verify(path)
    assert [edit.kind for edit in bp.load(path).edits] == [Kind.SHEET]
