"""Messages about a CSV file name the line that an editor shows."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.exercises.marks import read_marks
from bpsheet.exercises.roster import read_roster
from bpsheet.hand.reading import read_csv
from bpsheet.tables.csv_rows import first_line, numbered_rows

# A blank line, one of blanks, a cell of three lines.
BEFORE = '\n   \n"\n\n1"{0}2{0}0\n'
EXPERIMENT = """
[network]
inputs = ["a", "b"]
targets = ["y"]
loss = "half_squared_error"
[[network.layers]]
units = 1
[data]
file = "points.csv"
{}
[training]
learning_rate = 0.1
iterations = 1
"""


cells = st.text(alphabet="ab ,;\"'\n", max_size=6)


@given(st.lists(st.lists(cells, min_size=1, max_size=3), max_size=8), st.sampled_from(",;"))
def test_a_row_begins_on_the_line_that_is_named(rows, separator):
    """Counted in the text that a writer made, with blank lines among the rows."""
    text, expected = "", []
    for row in rows:
        line = io.StringIO()
        csv.writer(line, delimiter=separator, lineterminator="\n").writerow(row)
        if any(cell.strip() for cell in row):
            expected.append((text.count("\n") + 1, row))
        text += f"{line.getvalue()}\n"
    assert numbered_rows(text, separator) == expected


def test_what_is_wrong_with_the_quotes_is_said_with_its_line():
    with pytest.raises(csv.Error, match=r"^line 3: unexpected end of data$"):
        numbered_rows('a,b\n\n"1,2\n3,4\n', strict=True)


def test_the_first_line_is_the_first_that_says_something():
    assert first_line("\n  \na;b\n1;2\n") == "a;b"
    assert first_line("\n") == ""


@pytest.mark.sample(4)
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("3{0}x{0}1\n", 'points.csv, line 8, b: a number expected; got "x"'),
        ("3{0}1\n", "points.csv, line 8: 3 cells expected; got 2"),
        ('"3{0}1\n', "points.csv cannot be read (line 8: unexpected end of data)"),
    ],
)
def test_a_data_file(tmp_path, separator, head, row, said):
    """With a line of heads and without one."""
    first, columns = ("a{0}b{0}y", "") if head else ("1{0}2{0}0", 'columns = ["a", "b", "y"]')
    text = f"\n{first}\n{BEFORE}{row}".format(separator)
    (tmp_path / "points.csv").write_text(text)
    (tmp_path / "x.toml").write_text(EXPERIMENT.format(columns))
    with pytest.raises(bp.ExperimentError) as caught:
        bp.load(tmp_path / "x.toml")
    assert said in str(caught.value)


@pytest.mark.parametrize("separator", [",", ";"])
def test_hand_values(tmp_path, separator):
    path = tmp_path / "hand.csv"
    text = "\niteration{0}quantity{0}value\n" + BEFORE + "2{0}g\n"
    path.write_text(text.format(separator))
    with pytest.raises(bp.HandError, match="line 8: 3 cells expected; got 2"):
        read_csv(path)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('\nid,student\n1,Ada\n\n2,"Grace\nHopper"\n3,\n', 7, "no name"),
        ('\n"Grace\nHopper"\n\nAda\nAda\n', 6, "Ada stands there twice (line 5); add a column ID"),
    ],
)
def test_a_roster(tmp_path, text, line, said):
    path = tmp_path / "roster.csv"
    path.write_text(text)
    with pytest.raises(bp.ExperimentError) as caught:
        read_roster(path)
    assert list(map(str, caught.value.problems)) == [f"line {line}: {said}"]


def test_marks(tmp_path):
    """Their file is TOML, whose reader counts lines itself."""
    path = tmp_path / "marks.toml"
    path.write_text('\n# "\n"close" = 1\n\nwrong = =\n')
    with pytest.raises(bp.ExperimentError, match=r"line 5"):
        read_marks(path)
