"""Planted faults in formulas are found."""

from __future__ import annotations

import re
import zipfile

import pytest

from bpsheet.verifying.verify import verify
from bpsheet.workbook.writing import layout_of
from tests.helpers.faults import cells_in, with_formula, wrong_in
from tests.helpers.samples import sampled
from tests.helpers.workbooks import STEPS_PART, cell_xml

STAGES = ("stored values", "recalculated", "recalculated with changes")


def without_formula(xml: str) -> str:
    """The cell with its value typed in."""
    return re.sub(r"<f[^>]*/>|<f[^>]*>[^<]*</f>", "", xml)


@pytest.mark.parametrize("kind", ["full", "book"])
def test_a_workbook_as_written_passes(made, traced, kind):
    report = verify(made("two-neuron", kind, 12))
    assert report.passed
    assert report.engine == "ironcalc"
    assert tuple(c.what for c in report.comparisons) == STAGES
    cells = 12 * len(layout_of(traced("two-neuron", 12), kind).shown)
    assert {c.cells for c in report.comparisons} == {cells}
    assert [c.tolerance for c in report.comparisons] == [1e-12, 1e-12, 1e-10]


def test_every_weight_the_learning_rate_and_every_example_are_changed(book):
    weights = {"w_xg0": 0.3, "w_xg1": 0.6, "w_xg2": -0.1, "w_gf0": -0.2, "w_gf1": 0.5}
    before = {**weights, "learning_rate": 0.1, "x1[1]": -0.9, "x2[1]": 0.1, "y[1]": 1.0}
    changes = verify(book).changes
    assert changes.keys() == before.keys()
    assert all(changes[name] != value for name, value in before.items())


def test_the_file_is_left_as_it_is(book):
    before = book.read_bytes()
    verify(book)
    assert book.read_bytes() == before


def test_a_wrong_formula_for_a_whole_column_is_found(book, edit):
    """One master of a shared formula is wrong, so every row of it is; values are right."""
    path = edit(book, {"K8": lambda xml: xml.replace(">0.5*", ">0.25*")})
    report = verify(path)
    assert set(wrong_in(report)) == {"recalculated", "recalculated with changes"}
    assert cells_in(report, "recalculated") == [f"K{row}" for row in range(8, 20)]


def test_a_wrong_formula_in_one_cell_is_found(book, edit):
    """By its cell: what follows from it is counted, and not listed."""
    report = verify(edit(book, {"M12": with_formula("J12*(1+J12)")}))
    assert cells_in(report, "recalculated") == ["M12"]
    # From the weighted sum's error term in row 12 to the last row, through every weight.
    assert report.comparisons[1].left_out > 70
    assert [str(edit) for edit in report.edits] == [
        "Steps!M12 (f'): the formula =J12*(1+J12); =J12*(1-J12) expected"
    ]


def test_a_small_error_in_a_formula_is_found(book, edit):
    report = verify(edit(book, {"K12": with_formula("0.50000000001*(C12-J12)^2")}))
    assert cells_in(report, "recalculated") == ["K12"]


def test_a_formula_that_is_right_only_until_something_changes_is_found(book, edit, traced):
    loss = float(traced("two-neuron", 12).frame.loc[5, "MSE"])
    report = verify(edit(book, {"K12": with_formula(f"{loss!r}+0*J12")}))
    assert cells_in(report, "recalculated with changes") == ["K12"]
    assert set(wrong_in(report)) == {"recalculated with changes"}


def test_a_number_typed_over_a_formula_is_found(book, edit):
    """Even though the number is the right one: its formula is missing."""
    report = verify(edit(book, {"K12": without_formula}))
    assert cells_in(report, "recalculated") == ["K12"]
    assert "K12 (MSE): no formula there" in wrong_in(report)["recalculated"][0]


@pytest.mark.parametrize("place", sampled(["A12", "B12", "C12", "D12", "E12"], "A12", "D12"))
def test_a_number_typed_over_a_formula_that_never_changes_is_found(made, edit, place):
    """The iteration's number, the epoch, the example and its data are formulas too."""
    report = verify(edit(made("two-neuron", "full", 12), {place: without_formula}))
    assert cells_in(report, "recalculated") == [place]


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_a_number_typed_over_a_formula_is_found_by_libreoffice(made, edit):
    """E12 is the second input, whose value no change of other cells would show to be typed."""
    path = edit(made("two-neuron", "full", 12), {"E12": without_formula})
    report = verify(path, "libreoffice")
    assert any("E12" in cells_in(report, stage) for stage in STAGES)


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_a_wrong_formula_is_found_by_libreoffice(book, edit):
    path = edit(book, {"K12": with_formula("0.25*(C12-J12)^2")})
    before = path.read_bytes()
    report = verify(path, "libreoffice")
    assert cells_in(report, "recalculated") == ["K12"]
    assert "stored values" not in wrong_in(report)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".~lock*"))


# Every reference of a formula, replaced by the number that stands there.
REFERENCES = [
    (letter, reference)
    for letter, references in {
        "D": ["D11", "V11"],
        "H": ["H11", "Z11"],
        "I": ["D12", "A12", "E12", "B12", "F12"],
        "J": ["G12", "I12", "H12"],
        "K": ["J12"],
        "L": ["J12"],
        "M": ["J12"],
        "N": ["L12", "M12"],
        "O": ["I12"],
        "P": ["N12", "H12", "O12"],
        "Q": ["P12"],
        "R": ["P12", "A12"],
        "S": ["P12", "B12"],
        "T": ["N12"],
        "U": ["N12", "I12"],
        "V": ["$B$5", "Q12"],
        "Z": ["$B$5", "U12"],
    }.items()
    for reference in references
]


@pytest.mark.sample(2)
@pytest.mark.parametrize(("letter", "reference"), sampled(REFERENCES, *REFERENCES[::16]))
def test_a_number_in_place_of_a_reference_is_found(book, edit, letter, reference):
    """The formula of one cell no longer follows one of the cells that it should."""
    with zipfile.ZipFile(book) as package:
        content = package.read(STEPS_PART).decode()
    master = cell_xml(content, f"{letter}{9 if letter in 'DEFGH' else 8}")[0]
    text = re.search(r"<f[^>]*>([^<]*)</f>", master)
    stored = re.search(r"<v>([^<]*)</v>", cell_xml(content, reference.replace("$", ""))[0])
    assert text
    assert stored
    down = 3 if letter in "DEFGH" else 4
    here = re.sub(
        r"(?<!\$)\b([A-Z])([0-9]+)", lambda found: f"{found[1]}{int(found[2]) + down}", text[1]
    )
    assert reference in here
    planted = here.replace(reference, f"({stored[1]})")
    report = verify(edit(book, {f"{letter}12": with_formula(planted)}))
    assert "stored values" not in wrong_in(report)
    assert f"{letter}12" in cells_in(report, "recalculated with changes")
