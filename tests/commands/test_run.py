"""The command run: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from tests.helpers.commands import files
from tests.helpers.workbooks import STEPS_PART

WRONG = """
titel = "misspelt"
[network]
inputs = ["x1", "x2"]
targets = ["y"]
loss = "half_squared_eror"
[[network.layers]]
neurons = ["g"]
activation = "tanhh"
weights = [[0.6, -0.1, 7]]
bias = [true]
[data]
examples = [[-0.9, 0.1, 1.0], [1, 2]]
[training]
learning_rate = nan
iterations = 500
"""


def frame_of(path: str) -> pd.DataFrame:
    return pd.read_csv(path, index_col="iteration")


def test_run_writes_a_workbook_to_outputs(command, folder):
    status, out, err = command("run", "two-neuron")
    assert (status, err) == (0, "")
    assert files(folder) == ["outputs/two-neuron.xlsx"]
    assert "Wrote outputs/two-neuron.xlsx: 15,401 live formulas. Open it in Excel" in out


def test_run_tells_the_number_of_formulas_that_are_there(command):
    _, out, _ = command("run", "two-neuron", "--iterations", "30")
    sheet = load_workbook("outputs/two-neuron.xlsx")["Steps"]
    live = sum(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    assert f": {live:,} live formulas" in out


def test_run_prints_the_first_and_the_last_iterations(command):
    lines = command("run", "two-neuron")[1].splitlines()
    assert lines[0] == "Two neurons, one in each layer"
    assert lines[1].split() == ["iteration", "x1", "x2", "y", "f", "MSE"]
    numbers = [line.split()[0] for line in lines[2:9]]
    assert numbers == ["1", "2", "3", "…", "495", "496", "497"]
    first = [float(text) for text in lines[2].split()]
    assert first == pytest.approx([1, -0.9, 0.1, 1, 0.42007650719611306, 0.16815562875293], 1e-4)


def test_run_tells_where_numbers_overflow(command):
    status, out, _ = command("run", "exploding")
    assert status == 0
    error = bp.load("exploding").run().first_error
    said = " ".join(out.split())
    assert f"From iteration {error.iteration} on" in said
    assert f"{error.column} is the first (#NUM!)" in said


def test_run_tells_how_many_tests_are_right(command):
    said = " ".join(command("run", "book-perceptron")[1].split())
    assert "All were right for the first time at iteration" in said


@pytest.mark.parametrize("path", ["x.csv", "deep/down/x.CSV"])
def test_run_writes_csv(command, path):
    status, out, _ = command("run", "two-neuron", "-o", path)
    assert status == 0
    assert f"Wrote {path}: 497 rows of values." in out
    expected = bp.load("two-neuron").run().frame
    header, *lines = Path(path).read_text("utf-8").splitlines()
    assert header.split(",") == ["iteration", *expected.columns]
    found = [[float(text) for text in line.split(",")] for line in lines]
    assert [row[0] for row in found] == list(range(1, 498))
    assert [row[1:] for row in found] == expected.to_numpy().tolist()


def test_run_writes_parquet(command):
    assert command("run", "two-neuron", "-o", "x.parquet")[0] == 0
    expected = bp.load("two-neuron").run().frame
    found = pd.read_parquet("x.parquet")
    assert (found.to_numpy() == expected.to_numpy()).all()
    assert list(found.columns) == list(expected.columns)


@pytest.mark.slow
def test_run_writes_the_layout_that_is_asked_for(command):
    assert command("run", "one-weight", "--layout", "book", "-o", "b.xlsx")[0] == 0
    assert command("run", "one-weight", "--layout", "full", "-o", "f.xlsx")[0] == 0
    assert load_workbook("b.xlsx").sheetnames == ["Steps", "About"]
    pages = ["Walkthrough", "Diagram", "Charts"]
    assert load_workbook("f.xlsx").sheetnames == ["Steps", "Data", *pages, "About"]


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("asked", "sheets"),
    [
        (["charts"], ["Charts"]),
        (["charts", "diagram"], ["Diagram", "Charts"]),
        (["hessian", "walkthrough"], ["Walkthrough", "Hessian"]),
        (["none"], []),
    ],
)
def test_run_writes_exactly_the_sheets_that_are_asked_for(command, asked, sheets):
    """In the order of the workbook."""
    chosen = [word for name in asked for word in ("--sheet", name)]
    assert command("run", "one-weight", *chosen, "-o", "x.xlsx")[0] == 0
    assert load_workbook("x.xlsx").sheetnames == ["Steps", "Data", *sheets, "About"]


def test_no_sheet_and_a_sheet_are_refused(command):
    asked = ("--sheet", "none", "--sheet", "charts")
    status, _, err = command("run", "one-weight", *asked, "-o", "x.xlsx")
    assert status == 1
    assert "--sheet none cannot be given with another sheet" in err
    assert not Path("x.xlsx").exists()


def test_run_takes_iterations_and_changes(command):
    arguments = ["--iterations", "3", "--set", "w_xg1=0.7", "--set", "learning_rate = 2e-1"]
    assert command("run", "two-neuron", *arguments, "--set", "x1[1]=-1", "-o", "x.csv")[0] == 0
    frame = frame_of("x.csv")
    assert list(frame.index) == [1, 2, 3]
    assert frame.loc[1, "w_xg1"] == 0.7
    assert frame.loc[1, "x1"] == -1
    step = frame.loc[1, "delta_w_gf0"] / frame.loc[1, "dMSE / dw_gf0"]
    assert step == pytest.approx(-0.2)


def test_run_takes_words_and_whole_numbers_as_changes(command):
    arguments = ["--set", "batch_size=2", "--set", "reduction=sum", "--iterations", "4"]
    assert command("run", "matrix-1-2-1", *arguments, "-o", "x.csv")[0] == 0
    assert frame_of("x.csv")["batch_row"].tolist() == [1, 2, 1, 2]


def test_run_takes_a_workbook(command):
    """A workbook can be made again from itself, changed or not."""
    command("run", "two-neuron", "--iterations", "5", "-o", "x.xlsx")
    assert command("run", "x.xlsx", "-o", "again.csv")[0] == 0
    assert len(frame_of("again.csv")) == 5


def test_run_leaves_a_workbook_that_it_was_given_as_it_is(command, edit):
    """It may hold somebody's edits: run writes beside it only where that is asked for."""
    command("run", "two-neuron", "--iterations", "5")
    path = Path("outputs/two-neuron.xlsx")
    edited = edit(path, {"G8": lambda xml: xml.replace("0.3", "0.75")}, STEPS_PART)
    path.write_bytes(edited.read_bytes())
    before = path.read_bytes()
    command("run", str(path))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "x.txt"], "expected a name that ends in .xlsx, .csv, .parquet"),
        (["-o", "x"], "expected a name that ends in .xlsx, .csv, .parquet"),
        (["-o", "x.csv", "--layout", "book"], "only a workbook (.xlsx) has a layout"),
        (["--keep", "some"], 'every:100 or last:1000 (with any number) expected; got "some"'),
        (["--keep", "last:0"], 'expected; got "last:0"'),
        (["--set", "w_xg9=1"], "w_xg9"),
        (["--set", "w_xg1"], "NAME=VALUE expected"),
        (["--set", "w_xg1=seven"], "seven"),
        (["--set", "w_xg1=nan"], "nan"),
        (["--set", "w_xg1=1e999"], "network.layers[1].weights"),
        (["--set", "=3"], "NAME=VALUE expected"),
        (["--set", "x1[7]=3"], "x1[7]"),
        (["--set", "iterations=2.5"], "iterations"),
        (["-o", "below.txt/x.csv"], "cannot write"),
    ],
)
def test_run_refuses_and_writes_nothing(command, folder, arguments, said):
    (folder / "below.txt").write_text("a file")
    status, out, err = command("run", "two-neuron", *arguments)
    assert status in (1, 2)
    assert out == "" or arguments[-1] == "below.txt/x.csv"
    assert said in err
    assert "Traceback" not in err
    assert files(folder) == ["below.txt"]


def test_run_refuses_an_unknown_name_with_a_near_one(command, folder):
    status, out, err = command("run", "two-neurons")
    assert (status, out) == (2, "")
    assert "two-neuron" in err
    assert "did you mean" in err
    assert files(folder) == []


@pytest.mark.parametrize("spec", ["nothing.toml", "deep/nothing.toml", "nothing.xlsx", "."])
def test_run_refuses_files_that_are_not_there(command, folder, spec):
    status, out, err = command("run", spec)
    assert (status, out) == (2, "")
    assert spec in err
    assert "Traceback" not in err
    assert files(folder) == []


def test_a_wrong_specification_is_refused_with_every_problem_and_its_place(command, folder):
    (folder / "wrong.toml").write_text(WRONG)
    status, out, err = command("run", "wrong.toml")
    assert (status, out) == (2, "")
    assert "Traceback" not in err
    lines = err.splitlines()
    assert re.fullmatch(r"bpsheet: wrong\.toml: [0-9]+ problems", lines[0])
    assert int(lines[0].split()[-2]) == len(lines) - 1
    for place, said in {
        "titel": "did you mean title",
        "network.loss": "half_squared_error",
        "network.layers[1].activation": "tanh",
        "network.layers[1].bias": "true",
        "data.examples[2]": "3 numbers expected",
        "training.learning_rate": "finite",
    }.items():
        found = [line for line in lines if line.startswith(f"  {place}")]
        assert found, place
        assert said.replace("title", "") in found[0]
    assert files(folder) == ["wrong.toml"]


@pytest.mark.parametrize(
    "content", [b"", b"a = ", b"\xff\xfe\x00", b"[network]\nnetwork = 1", b"x = 1\nx = 2"]
)
def test_a_file_that_is_no_experiment_is_refused(command, folder, content):
    (folder / "x.toml").write_bytes(content)
    status, out, err = command("run", "x.toml")
    assert (status, out) == (2, "")
    assert err.startswith("bpsheet: x.toml: ")
    assert "Traceback" not in err


def test_run_forward_needs_no_targets_and_leaves_the_trainings_workbook(command, folder):
    """The data are new: inputs alone. The workbook of the training has another name."""
    command("run", "two-neuron", "--iterations", "5")
    trained = (folder / "outputs" / "two-neuron.xlsx").read_bytes()
    status, out, err = command("run", "two-neuron", "--forward", "--set", "w_xg1=0.7")
    assert (status, err) == (0, "")
    assert out.splitlines()[1].split() == ["iteration", "x1", "x2", "f"]
    assert (folder / "outputs" / "two-neuron.xlsx").read_bytes() == trained
    assert bp.load("outputs/two-neuron-forward.xlsx").training.rule == "none"

    text = bp.load("two-neuron").to_toml()
    text = text.replace("-0.9, 0.1, 1.0", "-0.9, 0.1", 1)
    assert "[-0.9, 0.1]" in text
    (folder / "new.toml").write_text(text)
    assert command("run", "new.toml")[0] == 2
    assert command("run", "new.toml", "--forward", "-o", "new.csv")[0] == 0
    assert [*frame_of("new.csv")][-4:] == ["z_g", "g", "z_f", "f"]
