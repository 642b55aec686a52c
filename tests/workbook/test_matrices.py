"""The layout matrix: iterations as blocks of vectors and matrices, each an array formula."""

from __future__ import annotations

import re
import zipfile

import ironcalc
import numpy as np
import pytest
from hypothesis import given

import bpsheet as bp
from bpsheet.errors import LimitError
from bpsheet.verifying.verify import verify
from bpsheet.workbook.companions.matrices import COMPANION
from bpsheet.workbook.writing import sheets_of
from tests.helpers.samples import draws, has_network, sampled, small_templates
from tests.helpers.strategies import experiments
from tests.helpers.workbooks import book_of

NETWORKS = [name for name in small_templates() if has_network(name)]
SAMPLE = ("two-neuron", "multiway-classification", "book-perceptron")


def beginner(**training):
    """The 2-3-1 network of a beginner's page."""
    return bp.Experiment(
        network=bp.Network(
            inputs=["x1", "x2"],
            targets=["y"],
            loss="half_squared_error",
            layers=[
                bp.Layer(
                    units=3,
                    activation="tanh",
                    weights=[[0.1, -0.4], [0.7, 0.2], [-0.5, 0.3]],
                    bias=[0.1, 0.0, -0.2],
                ),
                bp.Layer(units=1, activation="logistic", weights=[[0.3, -0.6, 0.8]], bias=[0.05]),
            ],
        ),
        data=bp.Data(examples=[[1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 0]]),
        training=bp.Training(**({"learning_rate": 0.5, "iterations": 8} | training)),
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("matrices") / "beginner.xlsx"
    trace = beginner().run()
    trace.to_excel(path, "matrix")
    return trace, path


def formulas(path):
    """The array formulas of the sheet Matrices, by their cells."""
    with zipfile.ZipFile(path) as package:
        content = package.read("xl/worksheets/sheet1.xml").decode()
    found = re.findall(r'<f t="array" ref="([A-Z0-9:]+)">([^<]*)</f>', content)
    return dict(found)


@pytest.mark.slow
def test_the_sheet_stands_first_and_shows_each_array_with_its_name_shape_and_formula(written):
    book = book_of(written[1])
    assert book.sheetnames[:2] == ["Matrices", "Steps"]
    assert book.active.title == "Matrices"
    texts = {cell.value for row in book["Matrices"].iter_rows() for cell in row}
    assert {"W1   3 × 2", "z1   3 × 1", "δ1   3 × 1", "dW2   1 × 3", "W1 new"} <= texts
    assert {"b1 + W1·x", "tanh(z1)", "W2ᵀ·δ2 ∘ a1′", "δ1·xᵀ", "−η·dW1", "W1 + ΔW1"} <= texts
    assert {"x1", "h3", "out", "y", "forward", "backward", "update", "new weights"} <= texts


def test_an_array_is_one_array_formula_of_the_old_kind(written):
    found = formulas(written[1])
    first = [text for ref, text in found.items() if int(re.findall(r"\d+", ref)[0]) < 31]
    assert sum("MMULT" in text for text in first) == 4
    # z1, a1, z2, a2, the loss; nine arrays back; four adjustments and as many new weights.
    assert len(first) == 5 + 9 + 4 + 4
    assert not re.search(r"LET|LAMBDA|SEQUENCE|_xlfn|#", " ".join(found.values()))


def test_each_of_the_first_iterations_begins_with_the_weights_of_the_one_before(written):
    sheet = book_of(written[1])["Matrices"]
    tops = [c.row for c in sheet["A"] if str(c.value).startswith("Iteration ")]
    assert len(tops) == 3
    first, second = tops[:2]
    height = second - first
    weight = sheet.cell(second + 3, 5)
    assert re.fullmatch(r"=E\d+", weight.value)
    assert first < int(weight.value[2:]) < second
    assert sheet.cell(first + 3, 5).value == "=Steps!H8"
    assert height > 15


def test_the_block_follows_the_iteration_that_is_typed(written):
    """Every number of the sixth iteration, recalculated in ironcalc."""
    trace, path = written
    (steps,) = sheets_of(trace, "matrix")
    model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
    model.update_cell_with_number(0, 3, 2, 6)
    model.evaluate()
    expected = COMPANION.numbers(trace, steps, 6)
    sheet = book_of(path)["Matrices"]
    found = [model.get_cell_value(0, sheet[at].row, sheet[at].column) for at in expected]
    np.testing.assert_allclose(found, list(expected.values()), rtol=1e-12, atol=1e-12)
    assert model.get_cell_value(0, 5, 1) == "Iteration 6"
    assert expected != COMPANION.numbers(trace, steps, 1)


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", sampled(NETWORKS, *SAMPLE))
def test_a_template_is_right_after_changes_in_ironcalc(name, tmp_path):
    bp.load(name).run(iterations=12).to_excel(tmp_path / "m.xlsx", "matrix")
    report = verify(tmp_path / "m.xlsx")
    assert report.passed, [c.wrong[:3] for c in report.comparisons]
    assert any(c.where.startswith("Matrices!") or c.largest == 0 for c in report.comparisons)


@pytest.mark.parametrize("name", sampled(NETWORKS, "multiway-classification"))
@pytest.mark.usefixtures("libreoffice")
def test_a_template_is_right_after_changes_in_libreoffice(name, tmp_path):
    bp.load(name).run(iterations=6).to_excel(tmp_path / "m.xlsx", "matrix")
    report = verify(tmp_path / "m.xlsx", "libreoffice")
    assert report.passed, [c.wrong[:3] for c in report.comparisons]


@pytest.mark.slow
@given(experiments())
@draws(15)
def test_any_network_is_right_after_changes(tmp_path_factory, experiment):
    """With every layer, loss, rule and batch; what overflows at once is refused."""
    path = tmp_path_factory.mktemp("m") / "m.xlsx"
    trace = experiment.run()
    if np.isnan(trace.values[0]).any():
        with pytest.raises(LimitError, match="overflows"):
            trace.to_excel(path, "matrix")
        return
    trace.to_excel(path, "matrix")
    report = verify(path)
    assert report.passed, [c.wrong[:3] for c in report.comparisons]


def test_verify_finds_a_changed_array_formula(written, tmp_path):
    path = tmp_path / "changed.xlsx"
    with zipfile.ZipFile(written[1]) as old, zipfile.ZipFile(path, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                changed = content.replace(b">MMULT(", b">2*MMULT(", 1)
                assert changed != content
                content = changed
            new.writestr(part, content)
    report = verify(path)
    assert not report.passed
    assert "Matrices!" in report.comparisons[1].wrong[0]


@pytest.mark.slow
def test_the_sheet_may_be_asked_for_in_the_layout_full_and_is_verified_there_too(tmp_path):
    beginner().run().to_excel(tmp_path / "full.xlsx", sheets=["matrices"])
    book = book_of(tmp_path / "full.xlsx")
    assert book.sheetnames.index("Matrices") > book.sheetnames.index("Steps")
    plain = verify(tmp_path / "full.xlsx").comparisons[0].cells
    beginner().run().to_excel(tmp_path / "none.xlsx", sheets=[])
    assert plain > verify(tmp_path / "none.xlsx").comparisons[0].cells


@pytest.mark.slow
@pytest.mark.parametrize("rule", sampled(["momentum", "adam"], "adam"))
def test_adjustments_that_remember_are_looked_up_and_said_to_be(rule, tmp_path):
    path = tmp_path / "m.xlsx"
    beginner(rule=rule, learning_rate=0.1).run().to_excel(path, "matrix")
    texts = [cell.value for row in book_of(path)["Matrices"].iter_rows() for cell in row]
    assert texts.count("from Steps") == 4 * 4
    assert verify(path).passed


def test_what_it_cannot_show_is_refused(tmp_path):
    path = tmp_path / "m.xlsx"
    with pytest.raises(LimitError, match="nothing to draw: this experiment has numbers only"):
        bp.load("line-adam").run(iterations=3).to_excel(path, "matrix")
    exploding = bp.load("exploding").changed({"learning_rate": 1e300})
    exploding.run(iterations=9).to_excel(path, "matrix")
    with pytest.raises(LimitError, match="needs every row of the run"):
        beginner().run(iterations=8, keep="last:2").to_excel(path, "matrix")


@pytest.mark.slow
def test_a_network_of_thousands_of_weights_is_shown_too(tmp_path):
    wide = bp.load("digits").run(iterations=1)
    path = wide.to_excel(tmp_path / "wide.xlsx", "matrix")
    labels = {cell.value for row in book_of(path)["Matrices"].iter_rows() for cell in row}
    assert {"W1   32 × 64", "W2   10 × 32"} <= labels


@pytest.mark.slow
def test_a_function_that_not_every_program_takes_of_an_array_stands_in_each_cell(tmp_path):
    """ERF, in an exact GELU."""
    experiment = bp.Experiment(
        network=bp.Network(
            inputs=["x"],
            targets=["t"],
            loss="half_squared_error",
            layers=[bp.Layer(units=2, activation="gelu"), bp.Layer(units=1)],
        ),
        data=bp.Data(examples=[[0.3, 0.7]]),
        training=bp.Training(iterations=3),
    )
    path = experiment.run().to_excel(tmp_path / "m.xlsx", "matrix")
    assert verify(path).passed
