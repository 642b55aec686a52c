"""Examples in a CSV file beside the experiment."""

from __future__ import annotations

import pytest

from bpsheet.errors import ExperimentError
from tests.helpers.experiment_files import EXAMPLES, GOOD, LAYER1, WEIGHTS, edited, read, refusal


def with_file(tmp_path, csv, extra="", name="points.csv"):
    (tmp_path / "points.csv").write_text(csv, encoding="utf-8")
    return edited(('columns = ["x1", "x2", "y"]\n', ""), (EXAMPLES, f'file = "{name}"\n{extra}'))


def test_examples_come_from_a_csv_file_beside_the_experiment(tmp_path):
    """Columns by their names, in any order, others are left aside; a byte order mark is none."""
    csv = "\ufeffy,note,x2 , x1\n1.0,first,0.1,-0.9\n\n0,second,2e-1,.4\n"
    experiment = read(with_file(tmp_path, csv), tmp_path)
    assert experiment.data.examples == [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]
    assert experiment.run().frame.equals(read(GOOD).run().frame)


def test_an_experiment_with_a_file_is_written_with_its_examples(tmp_path):
    """So that a workbook can be made again from itself, without the CSV file."""
    experiment = read(with_file(tmp_path, "x1,x2,y\n-0.9,0.1,1\n0.4,0.2,0\n"), tmp_path)
    again = read(experiment.text)
    assert again.data.examples == experiment.data.examples


def labelled(tmp_path, csv):
    (tmp_path / "points.csv").write_text(csv)
    return read(
        """
[network]
inputs = ["a"]
targets = ["red", "blue"]
loss = "cross_entropy"
[[network.layers]]
units = 2
activation = "softmax"
[data]
file = "points.csv"
label = "colour"
[training]
epochs = 1
""",
        tmp_path,
    )


def test_a_label_becomes_a_target_of_1(tmp_path):
    experiment = labelled(tmp_path, "a,colour\n1,blue\n2,red\n")
    assert experiment.data.examples == [[1.0, 0.0, 1.0], [2.0, 1.0, 0.0]]


def test_a_label_that_is_no_target_is_refused(tmp_path):
    with pytest.raises(
        ExperimentError, match=r'line 3: "bleu" is none of the targets; did you mean "blue"'
    ):
        labelled(tmp_path, "a,colour\n1,blue\n2,bleu\n")


@pytest.mark.sample(4)
@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("x1,x2,y\n1,nan,0\n", 'points.csv, line 2, x2: a number expected; got "nan"'),
        ("x1,x2,y\n1,inf,0\n", 'a number expected; got "inf"'),
        ("x1,x2,y\n1,1e999,0\n", 'a number expected; got "1e999"'),
        ("x1,x2,y\n1,1_000,0\n", 'a number expected; got "1_000"'),
        ("x1,x2,y\n1,٣,0\n", "a number expected"),
        ("x1,x2,y\n1,,0\n", 'a number expected; got ""'),
        ("x1,x2,y\n1,true,0\n", 'a number expected; got "true"'),
        ('x1,x2,y\n1.5,"1,5",0\n', 'a number expected; got "1,5"'),
        ('x1,x2,y\n1,"1,500",0\n', 'a number expected; got "1,500"'),
        ("x1,x2,y\n1,2,0\n1,2\n", "line 3: 3 cells expected; got 2"),
        ("x1,x3,y\n1,2,0\n", 'no column "x2"'),
        ("x1,x2,x2,y\n1,2,2,0\n", 'two columns named "x2"'),
        ("x1,x2,y\n", "a header line and a line for each example expected"),
        ("", "a header line and a line for each example expected"),
        ('x1,x2,y\n"1,2,0\n', "cannot be read"),
        ("x1,x2,y\n1,2\x00,0\n", "points.csv"),
    ],
)
def test_a_data_file_that_is_wrong_is_refused_with_its_line(tmp_path, csv, said):
    assert said in refusal(with_file(tmp_path, csv), tmp_path)["data.file"]


def test_decimal_commas_that_split_a_line_are_said_to_be_the_likely_reason(tmp_path):
    advice = "separate the cells of all lines with semicolons, or put each number in quotes"
    split = refusal(with_file(tmp_path, "x1,x2,y\n-0,9,0,1,1\n"), tmp_path)["data.file"]
    assert "line 2: 3 cells expected; got 5. If the numbers have decimal commas" in split
    assert split.endswith(advice)
    for other in ("x1,x2,y\nred,1,blue,2\n", "x1;x2;y\n0,9;0,1;1;0\n", "x1,x2,y\n0,9\n"):
        assert advice not in refusal(with_file(tmp_path, other), tmp_path)["data.file"]


@pytest.mark.parametrize(
    "csv",
    ["x1;x2;y\n-0,9;0,1;1\n0,4;0,2;0\n", 'x1,x2,y\n"-0,9","0,1",1\n"0,4","0,2",0\n'],
)
def test_decimal_commas_are_read_between_semicolons_and_in_quotes(tmp_path, csv):
    experiment = read(with_file(tmp_path, csv), tmp_path)
    assert experiment.data.examples == [[-0.9, 0.1, 1.0], [0.4, 0.2, 0.0]]


def test_a_data_file_that_is_not_there_is_named(tmp_path):
    text = with_file(tmp_path, "", name="nowhere.csv")
    assert "nowhere.csv: no such file" in refusal(text, tmp_path)["data.file"]


def test_other_problems_are_reported_beside_a_wrong_data_file(tmp_path):
    text = with_file(tmp_path, "x1,x2,y\n1,nan,0\n").replace(WEIGHTS, "weights = [[1.0]]")
    found = refusal(text.replace("learning_rate = 0.1", "learning_rate = true"), tmp_path)
    assert set(found) == {"data.file", "training.learning_rate", f"{LAYER1}.weights"}


def test_examples_and_a_file_exclude_each_other(tmp_path):
    text = with_file(tmp_path, "x1,x2,y\n1,2,0\n", extra="examples = [[1, 2, 3]]")
    assert refusal(text, tmp_path)["data"] == "either examples or file expected, not both"
