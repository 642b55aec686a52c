"""The sheets that look closer at one iteration: what they say is what the other ways say.

Their witnesses are the functions that work without a sheet (`check_gradient`, `hessian`) and
engines that are not ours, after every input, the iteration, the step and the method changed.
"""

from __future__ import annotations

import re

import numpy as np
import openpyxl
import pytest

import bpsheet as bp
from bpsheet.gradients.studies import study
from bpsheet.program.program import unlike
from bpsheet.verifying.verify import verify
from bpsheet.workbook.writing import sheets_of
from tests.helpers.samples import sampled, small_templates, spread

BOTH = ("gradient-check", "hessian")
CHECKED = [name for name in small_templates() if name != "book-perceptron"]
# With 1,089 weights and the like a sheet is refused; these have a matrix to look at.
SMALL = [name for name in CHECKED if name not in ("formula", "iris")]


def table(trace, key, **settings):
    """A study's values by its columns' names, and the study."""
    made = study(trace, key, settings)
    recording = made.run()
    return {name: recording.values[:, index] for index, name in enumerate(made.program.names)}, made


def slopes(found):
    """The rows that hold a slope: those that move a weight up."""
    return {
        name: values[2::2]
        for name, values in found.items()
        if name in ("numerical gradient", "gradient in Steps", "difference", "relative difference")
    }


# The numbers


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", CHECKED)
@pytest.mark.parametrize("method", ["central", "forward"])
def test_the_sheet_says_what_check_gradient_says(traced, name, method):
    trace = traced(name, 3 if name != "formula" else None)
    found, made = table(
        trace, "gradient-check", iteration=2 if len(trace) > 1 else 1, method=method
    )
    delta = made.settings["delta_w"]
    frame = trace.check_gradient(int(made.settings["iteration"]), method, delta).frame
    there = slopes(found)
    assert there["gradient in Steps"].tolist() == frame["analytic"].tolist()
    allowed = 1e-9 * max(1.0, frame["analytic"].abs().max()) / delta * 1e-5
    assert np.abs(there["numerical gradient"] - frame["numerical"]).max() <= allowed
    assert (there["difference"] == there["numerical gradient"] - there["gradient in Steps"]).all()


def test_the_first_pass_is_the_run_itself_and_the_others_move_one_weight_each(traced):
    trace = traced("two-neuron", 5)
    found, made = table(trace, "gradient-check", iteration=4, delta_w=0.25)
    here = trace.frame.loc[4]
    for name in ("x1", "w_xg0", "z_g", "g", "f", "MSE"):
        assert found[name][0] == here[name]
    weights = ["w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1"]
    assert made.rows == 2 * len(weights) + 1
    for number, name in enumerate(weights):
        moves = np.zeros(made.rows)
        moves[2 * number + 1 : 2 * number + 3] = -0.25, 0.25
        assert found[name] == pytest.approx(here[name] + moves, abs=0)
    assert made.program["moved"].labels == ("nothing", *weights)
    assert found["moved"].tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_a_shorter_step_brings_the_slope_closer_and_both_sides_closer_still(traced):
    trace = traced("two-neuron", 3)

    def off(method, delta):
        found, _ = table(trace, "gradient-check", method=method, delta_w=delta)
        return np.abs(slopes(found)["difference"]).max()

    assert off("forward", 1e-2) > 5 * off("forward", 1e-3) > 25 * off("forward", 1e-4)
    assert off("central", 1e-2) > 50 * off("central", 1e-3)
    assert off("forward", 1e-3) > 50 * off("central", 1e-3)


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", spread(SMALL, 6))
def test_the_matrix_on_the_sheet_is_the_hessian(traced, name):
    trace = traced(name, 3)
    found, made = table(trace, "hessian", iteration=2)
    frame = trace.hessian(2)
    matrix = np.array([values for key, values in found.items() if key.startswith("∂²")]).T
    assert matrix.shape == (made.rows, made.rows) == frame.shape
    assert matrix == pytest.approx(frame.to_numpy(), rel=1e-12, abs=1e-300)


def test_the_note_of_the_sheet_says_what_the_matrix_means(traced):
    made = study(traced("one-weight"), "hessian")
    assert "2/λmax" in made.notes[1]
    assert made.notes[1].startswith(
        "Iteration 1, as the workbook was written. Eigenvalues: 1222, 256, "
    )


# Engines that are not ours


def book_with(trace, path, kind="full", sheets=BOTH):
    return trace.to_excel(path, kind, sheets)


@pytest.mark.slow
@pytest.mark.parametrize("kind", sampled(["full", "book"], "full"))
@pytest.mark.parametrize("name", sampled(SMALL, "two-neuron"))
def test_the_sheets_recalculate_to_their_tables(tmp_path, traced, name, kind):
    """As written, and with weights, data, iteration, step and method changed."""
    trace = traced(name, 4)
    report = verify(book_with(trace, tmp_path / "book.xlsx", kind))
    for comparison in report.comparisons:
        assert comparison.wrong == (), comparison.what
    cells = sum(
        len(sheet) * len(sheet.layout.shown)
        for sheet in sheets_of(trace, kind, [study(trace, key) for key in BOTH])
    )
    assert {comparison.cells for comparison in report.comparisons} == {cells}


@pytest.mark.parametrize("name", sampled(["formula", "iris"], "formula"))
def test_a_gradient_check_of_many_weights_or_of_inputs_recalculates(tmp_path, traced, name):
    trace = traced(name, None if name == "formula" else 5)
    report = verify(book_with(trace, tmp_path / "book.xlsx", "full", ["gradient-check"]))
    assert [comparison.wrong for comparison in report.comparisons] == [(), (), ()]


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("name", ["two-neuron", "multiway-classification"])
def test_libreoffice_recalculates_the_sheets(tmp_path, traced, name):
    report = verify(book_with(traced(name, 4), tmp_path / "book.xlsx"), "libreoffice")
    assert [comparison.wrong for comparison in report.comparisons] == [(), (), ()]


@pytest.mark.slow
@pytest.mark.parametrize("key", spread(BOTH, 1))
def test_a_wrong_formula_on_such_a_sheet_is_found_and_named(tmp_path, traced, edit, key):
    path = book_with(traced("two-neuron", 4), tmp_path / "book.xlsx", "book", [key])
    name = openpyxl.load_workbook(path).sheetnames[1]
    place = "N12"

    def wrong(xml):
        assert "<f" in xml
        return re.sub(r"<f[^>]*/>|<f[^>]*>[^<]*</f>", "<f>1+1</f>", xml)

    report = verify(edit(path, {place: wrong}, "xl/worksheets/sheet2.xml"))
    assert not report.passed
    assert report.comparisons[1].wrong[0].startswith(f"{name}!{place} (")


@pytest.mark.slow
def test_another_iteration_typed_into_the_file_is_taken_as_it_stands(tmp_path, traced, edit):
    path = book_with(traced("two-neuron", 4), tmp_path / "book.xlsx", "book", ["hessian"])
    typed = edit(
        path, {"B5": lambda xml: xml.replace("<v>1<", "<v>3<")}, "xl/worksheets/sheet2.xml"
    )
    stale, *recalculated = verify(typed).comparisons
    assert not stale.passed
    assert all(comparison.passed for comparison in recalculated)


def test_an_iteration_that_the_run_does_not_have_is_named_with_its_cell(tmp_path, traced, edit):
    path = book_with(traced("two-neuron", 4), tmp_path / "book.xlsx", "book", ["hessian"])
    typed = edit(
        path, {"B5": lambda xml: xml.replace("<v>1<", "<v>5<")}, "xl/worksheets/sheet2.xml"
    )
    said = "Hessian!B5: whole number between 1 and 4 expected; got 5"
    with pytest.raises(bp.WorkbookError, match=said):
        verify(typed)


# The workbook


def test_the_sheets_stand_between_the_data_and_about(tmp_path, traced):
    path = book_with(traced("two-neuron", 4), tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Steps", "Data", "Gradient check", "Hessian", "About"]
    sheet = book["Gradient check"]
    assert [sheet[place].value for place in ("B5", "D5", "F5")] == [1, 1e-5, "central"]
    assert [cell.value for cell in sheet["C"][7:11]] == ["nothing", "w_xg0", "w_xg0", "w_xg1"]
    kinds = [rule.type for rule in sheet.data_validations.dataValidation]
    assert kinds == ["whole", "decimal", "list"]
    about = [row[0].value for row in book["About"].iter_rows()]
    assert "The columns of Gradient check" in about
    assert "On Gradient check: iteration (B5), Δw (D5), method (F5)." in about
    assert set(book.defined_names) == {"learning_rate", "experiment_file"}


def test_a_workbook_with_such_sheets_is_an_experiment_like_any_other(tmp_path, traced):
    path = book_with(traced("two-neuron", 4), tmp_path / "book.xlsx")
    assert bp.load(path).run().frame.equals(traced("two-neuron", 4).frame)


def test_words_are_typed_and_are_no_inputs(tmp_path, traced):
    book = openpyxl.load_workbook(book_with(traced("two-neuron", 4), tmp_path / "book.xlsx"))
    blue = "000000FF"
    for sheet in ("Gradient check", "Hessian"):
        rows = book[sheet].iter_rows(min_row=8)
        assert not any(cell.font.color and cell.font.color.rgb == blue for r in rows for cell in r)


@pytest.mark.slow
def test_names_of_the_run_are_kept_and_the_sheets_own_give_way(tmp_path):
    trace = bp.Experiment(
        graph=bp.Graph(
            inputs=["pass"],
            parameters={"number": 0.5, "row": 2.0},
            forward=["difference = number * pass - row", "e = difference^2"],
            loss="e",
        ),
        data=bp.Data(examples=[[3.0]]),
        training=bp.Training(iterations=3),
    ).run()
    made = study(trace, "gradient-check")
    assert {"pass", "pass'", "number", "number'", "difference", "difference'"} <= set(
        made.program.names
    )
    assert verify(book_with(trace, tmp_path / "book.xlsx")).passed
    assert unlike("e", {"e", "e'"}) == "e''"


def test_hyper_parameters_are_named_where_they_stand_however_many_they_are(tmp_path):
    trace = (
        bp.load("line-adam")
        .replaced(
            training=bp.Training(
                rule="adamw",
                iterations=10,
                batch_size=2,
                clip_value=5.0,
                schedule=bp.Schedule(kind="cosine", over=8, warmup=2),
            )
        )
        .run()
    )
    assert len(trace.program.parameters) == 11
    path = trace.to_excel(tmp_path / "book.xlsx")
    book = openpyxl.load_workbook(path)
    for parameter in trace.program.parameters:
        reference = book.defined_names[parameter.name].attr_text
        sheet, _, place = reference.partition("!")
        assert book[sheet][place.replace("$", "")].value == parameter.value


def test_the_heading_of_a_run_that_trains_nothing_promises_no_adjustment(tmp_path, traced):
    book = openpyxl.load_workbook(traced("formula").to_excel(tmp_path / "book.xlsx"))
    assert book["Steps"]["A2"].value.endswith("one example presented, forward pass, backward pass.")


# What is refused


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"iteration": 5},
            "gradient-check.iteration: whole number between 1 and 4 expected; got 5",
        ),
        ({"iteration": 1.5}, "gradient-check.iteration: whole number between 1 and 4 expected"),
        ({"delta_w": 0}, "gradient-check.delta_w: number between 1e-12 and 1 expected; got 0"),
        ({"delta_w": "x"}, 'gradient-check.delta_w: number between 1e-12 and 1 expected; got "x"'),
        ({"method": "both"}, 'gradient-check.method: central or forward expected; got "both"'),
        ({"delta": 0.1}, 'gradient-check.delta: no such setting; did you mean "delta_w"?'),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(tmp_path, traced, settings, said):
    path = tmp_path / "book.xlsx"
    with pytest.raises(bp.ExperimentError) as caught:
        traced("two-neuron", 4).to_excel(path, sheets={"gradient-check": settings})
    assert said in str(caught.value)
    assert not path.exists()


def test_an_unknown_sheet_is_refused_with_the_known_ones(tmp_path, traced):
    with pytest.raises(bp.ExperimentError, match=r'sheet: no "hesian"; did you mean "hessian"\?'):
        traced("two-neuron", 4).to_excel(tmp_path / "book.xlsx", sheets=["hesian"])


def test_a_rule_without_a_loss_has_no_gradient_to_check(tmp_path, traced):
    with pytest.raises(bp.ExperimentError, match="no loss, and so no gradient"):
        traced("book-perceptron", 5).to_excel(tmp_path / "book.xlsx", sheets=["gradient-check"])


def test_an_iteration_that_holds_errors_is_refused(tmp_path, traced):
    trace = traced("exploding")
    broken = {"hessian": {"iteration": trace.first_error.iteration}}
    with pytest.raises(bp.ExperimentError, match="holds errors"):
        trace.to_excel(tmp_path / "book.xlsx", sheets=broken)


def network(units):
    """2-units-1: four times as many weights, and one."""
    return bp.Experiment(
        network=bp.Network(
            inputs=["x1", "x2"],
            targets=["y"],
            loss="half_squared_error",
            layers=[bp.Layer(units=units), bp.Layer(units=1)],
        ),
        data=bp.Data(examples=[[0.5, 0.25, 1.0]]),
        training=bp.Training(iterations=1),
    ).run()


def test_a_network_too_large_for_such_a_sheet_is_refused_with_the_numbers(tmp_path):
    with pytest.raises(bp.LimitError, match="for small networks: 101 weights, 100 at the most"):
        network(25).to_excel(tmp_path / "book.xlsx", sheets=["hessian"])
    with pytest.raises(bp.LimitError, match="501 weights, 500 at the most"):
        network(125).to_excel(tmp_path / "book.xlsx", sheets=["gradient-check"])
    assert list(tmp_path.iterdir()) == []


# The command line


@pytest.mark.slow
def test_run_writes_the_sheets_that_were_asked_for(tmp_path, command):
    path = tmp_path / "book.xlsx"
    sheets = ("--sheet", "gradient-check", "--sheet", "hessian")
    status, out, _ = command("run", "one-weight", *sheets, "-o", str(path))
    assert status == 0
    book = openpyxl.load_workbook(path)
    assert book.sheetnames[-3:] == ["Gradient check", "Hessian", "About"]
    live = sum(
        isinstance(cell.value, str) and cell.value.startswith("=")
        for name in ("Steps", "Gradient check", "Hessian")
        for row in book[name].iter_rows()
        for cell in row
    )
    assert f"{live:,} live formulas" in out


def test_run_refuses_a_sheet_for_a_table_of_values(tmp_path, command):
    path = str(tmp_path / "t.csv")
    status, _, err = command("run", "one-weight", "--sheet", "hessian", "-o", path)
    assert status == 1
    assert "only a workbook (.xlsx) has sheets" in err
    assert list(tmp_path.iterdir()) == []
