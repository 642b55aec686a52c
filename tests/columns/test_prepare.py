"""Prepared inputs: every reader has them, and a raw number that is changed reaches everything."""

from __future__ import annotations

import numpy as np
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.page.page import write_page
from tests.helpers.browser import numbers_of
from tests.helpers.experiment_files import read, refusal
from tests.helpers.pages import CLOSE, largest_difference, some_changes
from tests.helpers.prepared import APPLES, LAYERED, WITH_FORMULAS
from tests.helpers.samples import spread

ALL = pytest.mark.parametrize(
    "text", [APPLES, LAYERED, WITH_FORMULAS], ids=["dense", "layers", "graph"]
)


def plain(experiment):
    """The same network with inputs that NumPy has prepared."""
    rows = np.array(experiment.data.examples)
    raw = experiment.raw_inputs

    def prepared(examples):
        found = {name: examples[:, place] for place, name in enumerate(raw)}
        weight, sugar = (rows[:, raw.index(name)] for name in ("weight", "sugar"))
        found["weight_s"] = (found["weight"] - weight.mean()) / weight.std()
        found["sugar_s"] = (found["sugar"] - sugar.mean()) / sugar.std()
        found["green"], found["red"] = found["colour"] == 1, found["colour"] == 3
        columns = [found[name] for name in experiment.network.inputs]
        return np.column_stack([*columns, examples[:, len(raw) :]]).astype(float)

    return bp.Experiment(
        network=experiment.network,
        data=bp.Data(examples=prepared(rows)),
        training=experiment.training,
        test=bp.Test(examples=prepared(np.array(experiment.test.examples))),
        validation=bp.Validation(examples=prepared(np.array(experiment.validation.examples))),
    )


def test_a_network_with_prepared_inputs_is_the_network_of_inputs_that_numpy_prepares():
    """All that both have agrees: weights, errors, gradients, the validation loss, the verdict."""
    experiment = read(APPLES)
    ours, other = experiment.run().frame, plain(experiment).run().frame
    assert len(other.columns) > 60
    np.testing.assert_allclose(ours[other.columns], other, rtol=1e-12, atol=1e-12)


def test_raw_inputs_stand_in_the_data_and_the_names_say_which_is_which():
    experiment = read(APPLES)
    assert experiment.data_names == ("weight", "sugar", "age", "colour", "sweet")
    columns = {column.name: column.meaning for column in experiment.columns}
    assert columns["red"] == "prepared input: 1 where colour is 3 (red), else 0"
    assert [*columns].index("colour") < [*columns].index("weight_s")
    cells = {cell.name: cell.value for cell in experiment.program().parameters}
    assert cells["mean_weight"] == np.mean([182, 143, 205, 151, 168])
    assert cells["sd_sugar"] == pytest.approx(np.std([0.12, 0.08, 0.11, 0.13, 0.07]), rel=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "text"),
    spread(
        [
            pytest.param(
                kind,
                text,
                id=f"{kind}-{name}",
                marks=[]
                if (kind, name) in (("full", "dense"), ("matrix", "graph"))
                else pytest.mark.slow,
            )
            for kind in ("full", "book", "matrix")
            for name, text in (("dense", APPLES), ("layers", LAYERED), ("graph", WITH_FORMULAS))
        ],
        1,
    ),
)
def test_a_workbook_follows_changes_of_each_raw_number_and_of_each_constant(text, kind, tmp_path):
    path = tmp_path / "x.xlsx"
    read(text).run().to_excel(path, layout=kind)
    report = bp.verify(path)
    assert report.passed
    assert [name for name in report.changes if name.endswith("[2]")]


@pytest.mark.slow
@ALL
@pytest.mark.parametrize("kind", ["full", "book", "matrix"])
def test_so_it_does_in_libreoffice(text, kind, tmp_path):
    path = tmp_path / "x.xlsx"
    read(text).run().to_excel(path, layout=kind)
    assert bp.verify(path, engine="libreoffice").passed


@pytest.mark.slow
def test_the_mean_is_a_formula_over_the_data_and_no_number_to_be_typed(tmp_path):
    experiment = read(APPLES)
    for kind, found in (("full", "=AVERAGE(Data!$B$2:$B$6)"), ("book", "=AVERAGE($A$8:$A$12)")):
        experiment.run().to_excel(tmp_path / f"{kind}.xlsx", layout=kind)
        sheet = load_workbook(tmp_path / f"{kind}.xlsx")["Steps"]
        assert sheet["D5"].value == found
        assert "follows from the data" in sheet["D5"].comment.text
    with pytest.raises(ExperimentError, match="mean_weight"):
        experiment.changed({"mean_weight": 1.0})
    with pytest.raises(ExperimentError, match="mean_weight: this workbook has no cell for it"):
        bp.verify(tmp_path / "full.xlsx", changes={"mean_weight": 1.0})


def test_in_the_layout_book_a_mean_over_rows_that_are_not_there_is_typed(tmp_path):
    """Three rows do not show five examples; the workbook stays right where an example is changed."""
    path = tmp_path / "x.xlsx"
    read(APPLES).run(3).to_excel(path, layout="book")
    assert load_workbook(path)["Steps"]["D5"].value == pytest.approx(169.8)
    assert bp.verify(path).passed


@pytest.mark.slow
def test_a_page_follows_changed_data(tmp_path, opened):
    experiment = read(APPLES)
    path = write_page(experiment, tmp_path / "x.html", rules=False)
    page = opened(path or tmp_path / "x.html")
    assert largest_difference(numbers_of(page, 12), experiment.run()) <= CLOSE
    changes = {"weight[2]": 120.0, "sugar[5]": 0.3, "w_h1_1": 0.7}
    page.evaluate("(changes) => { bpsheet.edits.apply(changes); bpsheet.changed(); }", changes)
    assert largest_difference(numbers_of(page, 12), experiment.changed(changes).run()) <= CLOSE
    again = read(page.evaluate("bpsheet.edits.file()"))
    assert again == experiment.changed(changes)
    assert some_changes(experiment)


@ALL
def test_an_explanation_has_the_prepared_inputs_with_their_numbers(text):
    said = str(read(text).run().explain(1))
    name = {APPLES: "weight_s", LAYERED: "x_3_1", WITH_FORMULAS: "v_1"}[text]
    assert f"{name} = " in said


def test_a_prepared_input_is_judged_and_what_follows_from_it_too():
    trace = read(APPLES).run()
    row = trace.frame.loc[2].to_dict()
    right = trace.compare({2: {"weight_s": row["weight_s"], "z_h1": row["z_h1"]}})
    assert list(right["verdict"]) == ["correct", "correct"]
    # The standard deviation of a sample, where that of all examples belongs.
    wrong = round((143 - 169.8) / np.std([182, 143, 205, 151, 168], ddof=1), 7)
    carried = row["z_h1"] + row["w_h1_1"] * (wrong - row["weight_s"])
    report = trace.compare({2: {"weight_s": str(wrong), "z_h1": f"{carried:.6f}"}})
    assert list(report["verdict"]) == ["wrong", "carried through"]


def test_forward_passes_keep_the_constants_of_the_training():
    experiment = read(APPLES)
    forward = experiment.forward()
    assert forward.prepare[0].mean == [169.8, pytest.approx(0.102)]
    other = forward.replaced(data=bp.Data(examples=[[169.8, 0.102, 0.3, 2.0]]))
    assert abs(other.run().frame.loc[1, "weight_s"]) < 1e-12


def test_given_constants_are_changed_by_their_names_and_written_back():
    experiment = read(LAYERED)
    changed = experiment.changed({"mean_c_scaled": 0.75, "a[2]": 3.0})
    assert changed.prepare[2].mean == [0.75]
    assert read(changed.to_toml()) == changed
    assert not np.allclose(changed.run().values, experiment.run().values)


def test_a_column_of_one_number_is_not_divided_by_0():
    text = APPLES.replace("143, 0.08", "182, 0.08").replace("205, 0", "182, 0")
    experiment = read(text.replace("151, 0", "182, 0").replace("168, 0", "182, 0"))
    frame = experiment.run().frame
    assert (frame["weight_s"] == 0).all()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("standard", lambda x: (x - x.mean()) / x.std()),
        ("min_max", lambda x: (x - x.min()) / (x.max() - x.min())),
        ("max_abs", lambda x: x / np.abs(x).max()),
        ("robust", lambda x: (x - np.median(x)) / (np.quantile(x, 0.75) - np.quantile(x, 0.25))),
    ],
)
def test_each_kind_of_scaling_is_numpys(kind, expected):
    x = np.array([3.5, -8.0, 1.25, 40.0, 7.0, 2.0])
    experiment = bp.Experiment(
        network=bp.Network(inputs=["x_s"], layers=[bp.Layer(units=1)]),
        prepare=[bp.Prepare(kind=kind, of=["x"])],
        data=bp.Data(examples=x[:, np.newaxis]),
        training=bp.Training(rule="none"),
    )
    np.testing.assert_allclose(experiment.run().frame["x_s"], expected(x), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ('of = ["weight", "sugar"]', "of = []", "prepare[1].of", "at least one name"),
        ('of = ["weight", "sugar"]', 'of = ["weight", "weight"]', "prepare[1].names", "two steps give"),
        ('kind = "standard"', 'kind = "scaled"', "prepare[1].offset", "missing, and needed by scaled"),
        ('kind = "standard"', 'kind = "standart"', "prepare[1].kind", "one of"),
        ('kind = "standard"', 'kind = "standard"\nsd = [1, 0]', "prepare[1].sd", "one divides by them"),
        ('kind = "standard"', 'kind = "standard"\nsd = [1]', "prepare[1].sd", "2 numbers expected"),
        ('kind = "standard"', 'kind = "standard"\nspan = [1, 2]', "prepare[1].span", "used by min_max only"),
        ("categories = [1, 3]", "categories = [1, 4]", "prepare[2].categories", "from 1 to 3"),
        ("categories = [1, 3]", "categories = [1, 1]", "prepare[2].categories", "each number once"),
        ('names = ["green", "red"]', 'names = ["green"]', "prepare[2].names", "2 names expected"),
        ('names = ["green", "red"]', 'names = ["green", "rot"]', "prepare[2].names", "takes no such"),
        ('of = ["colour"]', 'of = ["weight_s"]', "prepare[2].of", "goes to the network already"),
        ('of = ["colour"]', 'of = ["red"]', "prepare[2].of", "an earlier one expected"),
        ('of = ["colour"]', 'of = ["colour", "age"]', "prepare[2].of", "prepares one input"),
    ],
)  # fmt: skip
def test_steps_that_do_not_fit_are_refused(old, new, place, said):
    assert said in refusal(APPLES.replace(old, new))[place]


def test_a_derivative_of_a_prepared_input_is_refused():
    text = WITH_FORMULAS.replace('gradient_of = ["raw"]', 'gradient_of = ["u"]')
    assert "is prepared" in refusal(text)["graph.gradient_of[1]"]
