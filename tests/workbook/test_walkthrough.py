"""The sheet Walkthrough: any iteration as a worked solution that follows its number."""

from __future__ import annotations

import math
import re

import ironcalc
import pytest

import bpsheet as bp
from bpsheet.verifying.verify import verify
from bpsheet.workbook import layout
from tests.helpers.samples import sampled
from tests.helpers.workbooks import book_of

NAMES = ["two-neuron", "book-xor", "two-hidden-layers", "binary-classification", "line-adam"]


def page(path, iteration=None):
    """Its lines by quantity: formula, with numbers, result; recalculated where one is chosen."""
    book = book_of(path, data_only=True)
    sheet = book["Walkthrough"]
    if iteration is None:
        cell = lambda row, column: sheet.cell(row, column).value  # noqa: E731
    else:
        model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
        number = book.sheetnames.index("Walkthrough")
        model.update_cell_with_number(number, 3, 2, iteration)
        model.evaluate()
        cell = lambda row, column: model.get_cell_value(number, row, column)  # noqa: E731
    lines = {}
    for row in range(5, sheet.max_row + 1):
        if cell(row, 4) is not None:
            lines[sheet.cell(row, 1).value] = tuple(cell(row, column) for column in (2, 3, 4))
    return lines


@pytest.fixture(scope="module")
def written(tmp_path_factory, traced):
    folder = tmp_path_factory.mktemp("pages")

    def write(name):
        path = folder / f"{name}.xlsx"
        if not path.exists():
            traced(name, 40).to_excel(path, sheets=["walkthrough"])
        return path

    return write


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("iteration", sampled([None, 1, 2, 17, 40], None, 17))
def test_every_quantity_of_any_iteration_is_there(traced, written, name, iteration):
    """The stored page is that of the first iteration."""
    lines = page(written(name), iteration)
    trace = traced(name, 40)
    row = trace.values[(iteration or 1) - 1]
    shown = [column for column in trace.program if column.name in lines]
    assert len(shown) >= len(trace.program) - 12
    for column in shown:
        found = lines[column.name][2]
        value = row[trace.program.position[column.name]]
        if column.labels:
            assert found == column.labels[int(value)]
        else:
            assert math.isclose(found, value, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize("iteration", [None, 1, 3])
def test_the_numbers_are_put_in_as_a_textbook_does(written, iteration):
    """To four digits, negative ones in parentheses where they follow a sign. A formula has the signs of
    mathematics: σ, δ, ∂ and Δ, and no factor 1.
    """
    lines = page(written("two-neuron"), iteration)
    if iteration in (None, 1):
        assert lines["z_g"][1] == "0.3 + (-0.9) × 0.6 + 0.1 × (-0.1)"
        assert lines["g"][:2] == ("g = tanh(zg)", "tanh(-0.25)")
        assert lines["z_g"][0] == "zg = wxg0 + x1 · wxg1 + x2 · wxg2"
        assert lines["f"][:2] == ("f = σ(zf)", "σ(-0.3225)")
        assert lines["MSE"][:2] == ("MSE = 0.5 · (y − f)2", "0.5 × (1 - 0.4201)²")
        assert lines["f_error"][0] == "δf = MSE′ · f′"
        assert lines["dMSE / dw_xg0"][:2] == ("∂MSE/∂wxg0 = δg", "-0.0664")
        assert lines["delta_w_xg1"][0] == "Δwxg1 = −η · ∂MSE/∂wxg1"
        assert lines["f_error"][1] == "(-0.5799) × 0.2436"
        assert lines["delta_w_xg1"][1] == "-0.1 × 0.05976"
    else:
        assert lines["g"][1] == "tanh(-0.2259)"
    # The first weight is typed; a later one is the one before with its adjustment.
    assert (lines["w_xg1"][1] or "") == ("0.594 + (-0.005936)" if iteration == 3 else "")


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", NAMES)
def test_with_numbers_a_line_comes_to_its_result(written, name):
    """Read as arithmetic, a line of four digits gives the result to about as many."""
    checked = 0
    for quantity, (_, numbers, result) in page(written(name), 17).items():
        if not numbers or isinstance(result, str):
            continue
        text = re.sub("([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", r"**\1", numbers.replace("×", "*"))
        text = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"))
        if re.search(r"[a-zσ√⌊]", text.replace("tanh", "").replace("E", "")):
            continue  # functions other than tanh
        value = eval(text, {"tanh": math.tanh})
        scale = max(abs(float(n)) for n in re.findall(r"[0-9][0-9.]*(?:E-?[0-9]+)?", numbers))
        assert math.isclose(value, result, rel_tol=5e-3, abs_tol=2e-3 * max(scale, 1)), quantity
        checked += 1
    assert checked > 5


def test_the_workbook_still_verifies(written):
    assert verify(written("two-neuron")).passed


@pytest.mark.slow
def test_what_is_no_page_is_refused(tmp_path, traced, monkeypatch):
    with pytest.raises(bp.LimitError, match="use the layout full"):
        traced("two-neuron", 40).to_excel(tmp_path / "x.xlsx", "book", ["walkthrough"])
    with pytest.raises(bp.LimitError, match=r"7,478 lines; 500 at the most"):
        traced("digits", 1).to_excel(tmp_path / "x.xlsx", sheets=["walkthrough"])
    monkeypatch.setattr(layout, "MAX_ROWS", 30)
    with pytest.raises(bp.LimitError, match="reads a single sheet"):
        traced("two-neuron", 40).to_excel(tmp_path / "x.xlsx", sheets=["walkthrough"])
    assert not list(tmp_path.iterdir())


def test_an_overflow_is_told_as_it_is(tmp_path, traced):
    path = traced("exploding").to_excel(tmp_path / "x.xlsx", sheets=["walkthrough"])
    assert "#NUM!" in {str(line[2]) for line in page(path, 30).values()}


@pytest.fixture
def with_small_numbers(tmp_path, traced):
    """A workbook with numbers that Excel writes out, and a half of the last digit."""
    changes = {"w_xg0": 2.5625, "w_xg1": 6.25e-8, "w_gf0": 1 / 3, "learning_rate": 1.5e-7}
    trace = traced("two-neuron").experiment.changed(changes).run(2)
    return trace.to_excel(tmp_path / "x.xlsx", sheets=["walkthrough"])


def test_small_numbers_are_written_out_and_halves_rounded_up(with_small_numbers):
    lines = page(with_small_numbers)
    assert lines["z_g"][1] == "2.563 + (-0.9) × 0.0000000625 + 0.1 × (-0.1)"
    assert lines["delta_w_xg1"][1].startswith("-0.00000015 × ")


@pytest.mark.slow  # formulon takes five seconds to start
def test_excel_makes_the_texts_that_are_stored(with_small_numbers):
    """As an engine has them that was made after Excel's own results."""
    formulon = pytest.importorskip("formulon")
    path = with_small_numbers
    formulas, stored = book_of(path)["Walkthrough"], book_of(path, data_only=True)["Walkthrough"]
    book = formulon.Workbook.load(path.read_bytes())
    book.recalc()
    number = book_of(path).sheetnames.index("Walkthrough")
    for cell in (cell for row in formulas.iter_rows() for cell in row if cell.data_type == "f"):
        found = book.get_value(number, cell.row - 1, cell.column - 1).to_python()
        kept = stored[cell.coordinate].value or ("" if cell.column_letter == "C" else 0.0)
        is_text = isinstance(kept, str)
        assert found == (kept if is_text else pytest.approx(kept, rel=1e-12)), cell.coordinate


def test_a_number_that_cannot_be_rounded_up_is_not_put_in(tmp_path, traced):
    """To four digits it would be larger than the largest number there is."""
    trace = traced("one-weight").experiment.changed({"xh_1": 1.7976e308}).run(2)
    path = trace.to_excel(tmp_path / "x.xlsx", sheets=["walkthrough"])
    assert page(path)["xh_1"][2] == 1.7976e308


@pytest.mark.sample(1)
@pytest.mark.parametrize(("name", "pages"), [("two-neuron", 1), ("book-xor", 0), ("iris", 0)])
def test_the_page_of_a_small_network_is_one_sheet_of_paper(name, pages, tmp_path):
    """0 is as many as it takes."""
    path = bp.load(name).run(5).to_excel(tmp_path / "run.xlsx", sheets=["walkthrough"])
    setup = book_of(path)["Walkthrough"].page_setup
    assert (setup.orientation, setup.fitToWidth or 1, setup.fitToHeight) == ("portrait", 1, pages)


def test_each_test_has_its_rows_from_its_inputs_to_its_verdict(written):
    """The weighted sums, too, which have no column on Steps; after a choice as in the first iteration."""
    for iteration in (None, 3):
        lines = page(written("book-xor"), iteration)
        trace = bp.load("book-xor").run(40)
        row = trace.frame.iloc[(iteration or 1) - 1]
        assert [lines[f"{name} (test 01)"][2] for name in ("x1", "x2", "y")] == [-1, 1, 1]
        for name in ("z_n0", "n0", "z_n2", "n2"):
            found = lines[f"{name} (test 01)"][2]
            assert math.isclose(found, row[f"{name} (test 01)"], rel_tol=1e-12)
        formula, numbers, verdict = lines["test 01"]
        assert formula == "n2 > 0.5 if y > 0.5; else n2 < 0.5"
        output = lines["n2 (test 01)"][2]
        assert numbers == f"{float(format(output, '.4g')):g} > 0.5"
        assert verdict == ("Incorrect", "Correct")[int(row["test 01"])]
    assert lines["z_n0 (test 01)"][0] == "zn0 = wn0,0 + x1 · wn0,1 + x2 · wn0,2"


def test_rows_of_one_line_are_equally_high(written):
    sheet = book_of(written("two-neuron"))["Walkthrough"]
    rows = range(4, sheet.max_row + 1)
    assert len({sheet.row_dimensions[row].height for row in rows}) == 1


def test_of_a_choice_the_side_that_holds_has_its_numbers(written):
    """Adam's sums begin anew with a batch: 0 at first, later the sum of the row before."""
    first, second = (page(written("line-adam"), n)["sum_dE_da"] for n in (1, 2))
    assert first[1] == "0 + (-5.8)"
    assert second[1].startswith("(-5.8) + ")
