"""Tables that people have become examples: frames, arrays, files; classes, categories, scaling, a split."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.errors import ExperimentError
from bpsheet.plan.templates import template_path
from tests.helpers.experiment_files import read

ONCE = bp.Training(epochs=1)
FRAME = pd.DataFrame(
    {
        "size (cm)": [1.5, 2.0, 3.0, 4.0],
        "colour": ["red", "blue", "red", "green"],
        "big": [False, False, True, True],
        "answer": ["no", "yes", "no", "yes"],
    },
    index=[9, 9, "a", 3],
)


def network(units=1, loss="binary_cross_entropy", activation="logistic", **more):
    layer = bp.Layer(units=units, activation=activation)
    return bp.Network(layers=[layer], loss=loss, **more)


def made(data, net=None):
    return bp.Experiment(network=net or network(), data=data, training=ONCE)


def said(*arguments, **more):
    """The problems of an experiment that is refused, one below the other."""
    with pytest.raises(ExperimentError) as caught:
        made(*arguments, **more)
    return "\n".join(f"{p.place}: {p.message}" for p in caught.value.problems)


def columns(experiment):
    return dict(
        zip(experiment.data_names, zip(*experiment.data.examples, strict=True), strict=True)
    )


def test_a_frame_gives_inputs_and_targets_with_names_that_formulas_can_use():
    """An odd index, booleans, texts as categories and classes, names with spaces."""
    experiment = made(bp.Data(frame=FRAME, targets=["answer"]))
    assert experiment.network.inputs == [
        "size_cm",
        "colour_blue",
        "colour_green",
        "colour_red",
        "big",
    ]
    assert columns(experiment) == {
        "size_cm": (1.5, 2.0, 3.0, 4.0),
        "colour": (3.0, 1.0, 3.0, 2.0),
        "big": (0.0, 0.0, 1.0, 1.0),
        "answer": (0.0, 1.0, 0.0, 1.0),
    }
    assert experiment.data.meanings == {
        "size_cm": "size (cm)",
        "colour": "1 is blue, 2 is green, 3 is red",
        "answer": "0 is no, 1 is yes",
    }
    notes = {column.name: column.meaning for column in experiment.columns}
    assert notes["size_cm"] == "input size_cm of the example: size (cm)"
    assert notes["answer"] == "target answer of the example: 0 is no, 1 is yes"


def test_what_is_written_back_needs_the_table_no_more():
    experiment = made(bp.Data(frame=FRAME, targets=["answer"], scale="standard"))
    assert read(experiment.to_toml()) == experiment
    assert experiment.run().frame.equals(read(experiment.to_toml()).run().frame)


@given(st.permutations(list(FRAME.columns)))
def test_the_order_of_a_frames_columns_does_not_matter_where_inputs_are_named(order):
    net = network(inputs=["big", "size (cm)"])
    experiment = made(bp.Data(frame=FRAME[order], targets=["answer"]), net)
    assert experiment.data.examples[2] == [1.0, 3.0, 0.0]


@pytest.mark.parametrize(
    "frame",
    [
        {"a": [1, 2], "b": [0, 1]},
        pd.DataFrame({"a": pd.array([1, 2], "Int64"), "b": pd.array([False, True], "boolean")}),
        pd.DataFrame({"a": np.float32([1, 2]), "b": pd.Categorical([0, 1])}),
    ],
)
def test_frames_of_many_kinds_are_the_same_table(frame):
    assert columns(made(bp.Data(frame=frame, targets=["b"]))) == {"a": (1.0, 2.0), "b": (0.0, 1.0)}


def test_so_are_those_of_polars_and_of_arrow():
    arrow = pytest.importorskip("pyarrow").table({"a": [1, 2], "b": [0, 1]})
    frames = [arrow, pytest.importorskip("polars").from_arrow(arrow)]
    for frame in frames:
        assert columns(made(bp.Data(frame=frame, targets=["b"])))["a"] == (1.0, 2.0)


@pytest.mark.parametrize("targets", [[0, 1, 0], np.array([0, 1, 0]), pd.Series([0, 1, 0])])
def test_arrays_come_as_inputs_and_targets(targets):
    experiment = made(bp.Data(frame=np.arange(6).reshape(3, 2), targets=targets))
    assert experiment.data.examples == [[0, 1, 0], [2, 3, 1], [4, 5, 0]]
    named = made(
        bp.Data(frame=np.arange(6).reshape(3, 2), targets=targets), network(inputs=["u", "v"])
    )
    assert named.data_names == ("u", "v", "target")


# Classes


@pytest.mark.parametrize(
    ("net", "classes", "expected"),
    [
        (network(3, "cross_entropy", "softmax"), [2, 0, 1], [(0, 1, 0), (0, 0, 1), (1, 0, 0)]),
        (network(3, "cross_entropy", "softmax"), ["c", "a", "b"], [(0, 1, 0), (0, 0, 1), (1, 0, 0)]),
        (network(2, "cross_entropy", "softmax"), ["x", "x", "y"], [(1, 1, 0), (0, 0, 1)]),
        (network(), ["x", "x", "y"], [(0, 0, 1)]),
        (network(), [3, 3, 7], [(0, 0, 1)]),
        (network(), [True, True, False], [(1, 1, 0)]),
        (network(loss="hinge", activation="linear"), [0, 0, 1], [(-1, -1, 1)]),
        (network(loss="hinge", activation="linear"), ["x", "y", "y"], [(-1, 1, 1)]),
        (network(loss="squared_error", activation="linear"), [3, 3, 7], [(3, 3, 7)]),
        (network(loss="squared_error", activation="tanh"), ["x", "y", "y"], [(-1, 1, 1)]),
    ],
)  # fmt: skip
def test_classes_become_what_the_outputs_need(net, classes, expected):
    experiment = made(bp.Data(frame={"x": [1, 2, 3]}, targets=classes), net)
    assert list(zip(*experiment.data.examples, strict=True))[1:] == expected


def test_a_perceptron_gets_its_two_numbers():
    net = bp.Network(layers=[bp.Layer(units=1, activation="sign")])
    training = bp.Training(rule="perceptron", epochs=1)
    data = bp.Data(frame={"x": [1, 2]}, targets=["off", "on"])
    assert bp.Experiment(network=net, data=data, training=training).data.examples == [
        [1, -1],
        [2, 1],
    ]


def test_the_names_of_classes_name_the_targets():
    experiment = made(
        bp.Data(frame={"x": [1, 2], "kind": ["b b", "a"]}, targets=["kind"]),
        network(2, "cross_entropy", "softmax"),
    )
    assert experiment.network.targets == ["a", "b_b"]
    assert experiment.data.meanings == {"b_b": "1 where kind is b b, else 0"}
    numbers = made(
        bp.Data(frame={"x": [1, 2]}, targets=[4, 9]), network(2, "cross_entropy", "softmax")
    )
    assert numbers.network.targets == ["target_4", "target_9"]


# Categories, and scaling


def test_inputs_are_scaled_by_cells_that_follow_from_the_examples():
    frame = {"a": [1.0, 3.0, 8.0], "c": ["u", "v", "u"]}
    experiment = made(bp.Data(frame=frame, targets=[0, 1, 1], scale="min_max"))
    assert experiment.network.inputs == ["a_s", "c_u", "c_v"]
    np.testing.assert_allclose(experiment.run().frame["a_s"], [0, 2 / 7, 1])
    assert [cell.follows for cell in experiment.program().parameters][1:] == [
        ("least", "a"), ("span", "a"),
    ]  # fmt: skip


def test_examples_that_stand_in_the_file_are_scaled_on_request_too():
    data = bp.Data(examples=[[1.0, 5.0], [3.0, 7.0]], scale="standard")
    net = network(loss="squared_error", activation="linear", inputs=["x"], targets=["y"])
    assert made(data, net).run().frame["x_s"].tolist() == [-1.0, 1.0]


@pytest.mark.parametrize("table", ["network", "graph"])
def test_arrays_and_formulas_keep_the_names_of_their_inputs(table):
    data = bp.Data(examples=[[1.0, 5.0, 0.5], [3.0, 9.0, 0.25]], scale="standard")
    if table == "graph":
        model = {
            "graph": bp.Graph(
                inputs=["x", "t"], shapes={"x": [2]}, parameters={"w": [0.1, 0.2]},
                forward=["e = (w @ x - t)^2"], loss="e",
            )
        }  # fmt: skip
    else:
        layer = bp.Layer(units=1, activation="linear", weights=[[0.1, 0.2]])
        model = {
            "network": bp.Network(
                inputs=["x"], targets=["t"], shapes={"x": [2], "t": [1]}, loss="squared_error",
                layers=[layer],
            )
        }  # fmt: skip
    experiment = bp.Experiment(**model, data=data, training=ONCE)
    assert experiment.run().frame[["x_1", "x_2"]].to_numpy().tolist() == [[-1, -1], [1, 1]]


def test_a_further_table_is_scaled_and_coded_as_the_first_one():
    """Unlabelled rows, in another order of columns, with a category left out."""
    data = bp.Data(frame=FRAME, targets=["answer"], scale="standard")
    trained = made(data).run().trained().forward()
    further = FRAME[["colour", "big", "size (cm)"]].iloc[:2]
    again = trained.replaced(data=bp.Data(frame=further))
    assert again.run().frame["out"].tolist() == trained.run().frame["out"].tolist()[:2]


# The split


def test_a_share_of_the_examples_validates_class_by_class():
    frame = {"x": list(range(40)), "kind": ["a"] * 30 + ["b"] * 10}
    data = {"frame": frame, "targets": ["kind"], "validation": 0.2}
    experiment = made(bp.Data(**data, seed=4))
    held = experiment.validation.examples
    assert len(experiment.data.examples), len(held) == (32, 8)
    assert sorted(row[0] for row in (*experiment.data.examples, *held)) == list(range(40))
    assert [row[1] for row in held] == [0.0] * 6 + [1.0] * 2
    assert made(bp.Data(**data, seed=4)).validation == experiment.validation
    assert made(bp.Data(**data, seed=5)).validation != experiment.validation


def test_means_are_those_of_the_training_examples_alone():
    data = bp.Data(frame={"x": [1.0, 2.0, 30.0, 4.0]}, targets=[0.1, 0.2, 0.3, 0.4],
                   scale="standard", validation=0.25)  # fmt: skip
    experiment = made(data, network(loss="squared_error"))
    mean = experiment.program().parameters[1].value
    assert mean == np.mean([row[0] for row in experiment.data.examples])
    assert "validation_loss" in experiment.run().frame


# What is refused


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"size (cm)": [1, None, np.nan, 2]}, "data.frame: the frame, row 2, size (cm): nothing is there"),
        ({"size (cm)": [1, 2, "x", 4]}, 'data.frame: the frame, row 3, size (cm): a number expected; got "x"'),
        ({"answer": ["no", None, "yes", "no"]}, "the frame, row 2, answer: nothing is there; a class"),
        ({"answer": ["a", "b", "c", "a"]}, "answer: 3 different values (a, b, c)"),
        ({"colour": ["u", "u", "u", "u"]}, 'row 1, colour: a number expected; got "u"'),
    ],
)  # fmt: skip
def test_wrong_cells_are_named_by_row_and_column(changes, expected):
    assert expected in said(bp.Data(frame=FRAME.assign(**changes), targets=["answer"]))


def test_a_category_that_is_missing_in_a_file_is_named(tmp_path):
    (tmp_path / "x.csv").write_text("a,b,c\n1,u,0\n2,,1\n3,v,1\n")
    with pytest.raises(ExperimentError) as caught:
        loaded(tmp_path, "x.csv", "c")
    [problem] = caught.value.problems
    assert problem.message.startswith("x.csv, line 3, b: nothing is there")


def test_a_wrong_table_brings_no_complaints_about_what_it_would_have_given(tmp_path):
    """Its targets, the number of its examples and the seed of the split are not missed."""
    (tmp_path / "x.csv").write_text("a,b\n1,0\nx,1\n3,1\n")
    text = EXPERIMENT.format(
        file="x.csv", targets="b", loss="squared_error", units=1, activation="linear"
    )
    text = text.replace("epochs = 1", "epochs = 1\nbatch_size = 16")
    with pytest.raises(ExperimentError) as caught:
        read(text.replace("[data]", "[data]\nvalidation = 0.5\nseed = 3"), tmp_path)
    assert [problem.place for problem in caught.value.problems] == ["data.file"]


def test_true_and_false_in_a_file_are_1_and_0(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\nTrue,0\nFalse,1\n")
    experiment = loaded(tmp_path, "x.csv", "b")
    assert columns(experiment)["a"] == (1.0, 0.0)


@pytest.mark.slow
def test_a_share_that_would_fill_the_sheet_is_refused():
    frame = {"x": np.arange(60_000.0)}
    data = bp.Data(frame=frame, targets=np.arange(60_000.0), validation=0.9)
    with pytest.raises(
        ExperimentError, match="54,000 examples, each with a forward pass of its own"
    ):
        made(data, network(loss="squared_error", activation="linear"))


def test_all_wrong_cells_are_counted_and_a_few_are_told():
    frame = pd.DataFrame({"a": [np.nan] * 9, "b": [1.0] * 9})
    problems = said(bp.Data(frame=frame, targets=["b"])).splitlines()
    assert len(problems) == 6
    assert problems[-1] == "data.frame: the frame, a: 9 such cells in all"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are named a"),
        (pd.DataFrame({"d": pd.to_datetime(["2020-01-01"])}), "d: dates and times are no numbers"),
        (pd.DataFrame({"d": pd.to_timedelta([3])}), "d: dates and times are no numbers"),
        (pd.DataFrame({"d": [[1, 2]]}), "d: numbers or texts expected; got list"),
        ({"a": [1, 2], "b": [1]}, "columns of one length expected; got 1, 2"),
        ({}, "at least one column"),
        (3, "a DataFrame, a dict of lists, or an array"),
        ([[1, 2], [3]], "rows of one length"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(frame, expected):
    with pytest.raises(ExperimentError) as caught:
        bp.Data(frame=frame)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"targets": ["anser"]}, 'the frame has no column "anser"; did you mean "answer"?'),
        ({"targets": ["answer"], "inputs": ["size"]}, 'no column "size"'),
        ({"targets": ["answer"], "validation": 0.01}, "data.validation: of 4 examples this is 0"),
        ({"targets": ["answer"], "validation": 1.5}, "validation: a number less than 1"),
        ({"targets": ["answer"], "scale": "norm"}, 'scale: one of "standard"'),
        ({"targets": ["answer"], "sheet": "S"}, "data.sheet: used with file only"),
        ({"targets": ["answer"], "examples": [[1]]}, "data: either examples or frame expected"),
        ({}, "data.targets: missing, and needed"),
    ],
)
def test_wishes_that_cannot_be_met_are_refused(data, expected):
    with pytest.raises(ExperimentError) as caught:
        made(bp.Data(frame=FRAME, **data))
    assert expected in "\n".join(f"{p.place}: {p.message}" for p in caught.value.problems)


# Files

EXPERIMENT = """
[network]
loss = "{loss}"
[[network.layers]]
units = {units}
activation = "{activation}"
[data]
file = "{file}"
targets = ["{targets}"]
scale = "standard"
[training]
epochs = 1
"""


def loaded(tmp_path, file, targets, **more):
    settings = {"loss": "binary_cross_entropy", "units": 1, "activation": "logistic"} | more
    text = EXPERIMENT.format(file=file, targets=targets, **settings)
    return read(text, tmp_path)


def test_a_csv_file_of_a_country_with_decimal_commas(tmp_path):
    """Semicolons, quotes, a byte order mark, the line ends of Windows."""
    text = '\ufeff"Länge";"Breite";Art\r\n1,5;2;"a; b"\r\n"2,5";3,25;c\r\n\r\n-,5e1;4;c\r\n'
    (tmp_path / "de.csv").write_bytes(text.encode())
    experiment = loaded(tmp_path, "de.csv", "Art")
    assert experiment.data.examples == [[1.5, 2, 0], [2.5, 3.25, 1], [-5.0, 4, 1]]
    assert experiment.data.meanings == {"Art": "0 is a; b, 1 is c"}


def test_points_among_decimal_commas_are_refused(tmp_path):
    (tmp_path / "mixed.csv").write_text("a;b\n1,5;0\n1.234;1\n")
    with pytest.raises(ExperimentError, match=r'line 3, a: a number expected; got "1\.234"'):
        loaded(tmp_path, "mixed.csv", "b")


@pytest.mark.parametrize("ending", ["xlsx", "parquet", "tsv"])
def test_iris_comes_from_any_file_as_it_comes_from_the_frame(tmp_path, ending):
    frame = pd.read_csv(template_path("iris").with_suffix(".csv")).iloc[::5]
    path = tmp_path / f"iris.{ending}"
    if ending == "xlsx":
        frame.to_excel(path, index=False, startrow=2, startcol=1)
    elif ending == "parquet":
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        frame.to_csv(path, sep="\t", index=False)
    settings = {"loss": "cross_entropy", "units": 3, "activation": "softmax"}
    experiment = loaded(tmp_path, path.name, "species", **settings)
    net = network(3, "cross_entropy", "softmax")
    assert experiment == made(bp.Data(frame=frame, targets=["species"], scale="standard"), net)
    assert experiment.network.targets == ["setosa", "versicolor", "virginica"]


def test_a_sheet_is_asked_for_by_its_name(tmp_path):
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        pd.DataFrame({"a": [1], "b": [2]}).to_excel(book, sheet_name="First", index=False)
        pd.DataFrame({"a": [3], "b": [0]}).to_excel(book, sheet_name="Second", index=False)
    text = EXPERIMENT.format(
        file="two.xlsx", targets="b", loss="squared_error", units=1, activation="linear"
    )
    asked = text.replace("[data]", '[data]\nsheet = "Second"')
    assert read(asked, tmp_path).data.examples == [[3.0, 0.0]]
    with pytest.raises(ExperimentError, match="has no sheet Secnd; it has First, Second"):
        read(asked.replace("Second", "Secnd"), tmp_path)


def test_dates_in_a_workbook_and_files_that_are_none_are_refused(tmp_path):
    pd.DataFrame({"a": pd.to_datetime(["2020-01-01"]), "b": [1]}).to_excel(
        tmp_path / "d.xlsx", index=False
    )
    with pytest.raises(
        ExperimentError, match=r"d.xlsx, row 2: numbers or texts expected; got datetime"
    ):
        loaded(tmp_path, "d.xlsx", "b")
    for name in ("x.xlsx", "x.parquet"):
        (tmp_path / name).write_text("no such thing")
        with pytest.raises(ExperimentError, match=name):
            loaded(tmp_path, name, "b")


def test_unlabelled_rows_are_passed_forward(tmp_path):
    (tmp_path / "new.csv").write_text("b,a\n1,2\n3,4\n")
    (tmp_path / "x.toml").write_text(
        EXPERIMENT.format(
            file="new.csv", targets="y", loss="squared_error", units=1, activation="linear"
        )
    )
    experiment = bp.load(tmp_path / "x.toml", forward=True)
    assert experiment.data.examples == [[1.0, 2.0], [3.0, 4.0]]


def test_a_workbooks_experiment_reads_no_file():
    with pytest.raises(ExperimentError, match="no data file is read for this experiment"):
        read(
            EXPERIMENT.format(
                file="x.csv", targets="b", loss="hinge", units=1, activation="linear"
            ),
            None,
        )
