"""The command line: what it prints, what it writes, how it ends."""

from __future__ import annotations

import copy
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import jsonschema
import pandas as pd
import pytest
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.experiment import Experiment
from bpsheet.reader import template_names, template_path
from tests.conftest import STEPS_PART

COMMANDS = ("list", "new", "run", "show", "health", "verify", "schema")

SMALL = """
title = "{title}"
[network]
inputs = ["x"]
targets = ["y"]
loss = "half_squared_error"
[[network.layers]]
neurons = ["o"]
activation = "linear"
weights = [[0.5]]
bias = false
[data]
examples = [[2, 3]]
[training]
learning_rate = 0.1
iterations = 4
"""

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


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """Every command runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def small(title: str = "small") -> str:
    return SMALL.replace("{title}", title)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def frame_of(path: str) -> pd.DataFrame:
    return pd.read_csv(path, index_col="iteration")


# Help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_has_an_example(command, name):
    status, out, _ = command(name, "--help")
    assert status == 0
    example = out[out.index("Example") :]
    assert f"bpsheet {name}" in example


def test_help_lists_the_commands_with_an_example(command):
    status, out, _ = command("--help")
    assert status == 0
    assert all(re.search(rf"^  {name} ", out, re.MULTILINE) for name in COMMANDS)
    assert "bpsheet run two-neuron" in out


def test_version(command):
    status, out, _ = command("--version")
    assert status == 0
    assert out.endswith(f"bpsheet, version {bp.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum", "two-neuron"], "No such command 'rum'"),
        (["run"], "Missing argument 'SPEC'"),
        (["run", "two-neuron", "--layout", "wide"], "'wide' is not one of 'full', 'book'"),
        (["run", "two-neuron", "--iterations", "0"], "0 is not in the range x>=1"),
        (["show", "two-neuron", "--iteration", "x"], "'x' is not a valid integer"),
        (["verify", "x.xlsx", "--engine", "excel"], "is not one of 'ironcalc', 'libreoffice'"),
    ],
)
def test_wrong_arguments_end_with_status_2(command, folder, arguments, said):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert files(folder) == []


# list, new


def test_list_has_a_line_for_each_template(command):
    status, out, _ = command("list")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines()] == template_names()
    assert all(len(line.split()) > 2 for line in out.splitlines())


def test_new_writes_a_file_that_runs(command, folder):
    status, out, _ = command("new", "mine")
    assert status == 0
    assert out.startswith("Wrote mine.toml. Run it: bpsheet run mine.toml")
    assert "mine" in Path("mine.toml").read_text().splitlines()[0]
    status, out, _ = command("run", "mine.toml")
    assert status == 0
    assert files(folder) == ["mine.toml", "outputs/mine.xlsx"]
    assert command("verify", "outputs/mine.xlsx")[0] == 0


def test_new_takes_a_name_with_its_ending_spaces_and_folders(command, folder):
    assert command("new", "my first network.toml")[0] == 0
    assert command("new", "deep/down")[0] == 0
    assert files(folder) == ["deep/down.toml", "my first network.toml"]
    assert command("run", "my first network.toml", "--iterations", "2")[0] == 0
    assert "outputs/my first network.xlsx" in files(folder)


def test_new_does_not_overwrite(command):
    Path("mine.toml").write_text("mine")
    for name in ("mine", "mine.toml"):
        status, out, err = command("new", name)
        assert status != 0
        assert out == ""
        assert "mine.toml exists" in err
    assert Path("mine.toml").read_text() == "mine"


# run


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
    assert "Tests right at the last iteration: 4 of 4. All of them first at iteration" in said


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


def test_run_writes_the_layout_that_is_asked_for(command):
    assert command("run", "one-weight", "--layout", "book", "-o", "b.xlsx")[0] == 0
    assert command("run", "one-weight", "--layout", "full", "-o", "f.xlsx")[0] == 0
    assert load_workbook("b.xlsx").sheetnames == ["Steps", "About"]
    pages = ["Walkthrough", "Diagram", "Charts"]
    assert load_workbook("f.xlsx").sheetnames == ["Steps", "Data", *pages, "About"]


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
    assert "--sheet none goes with no other sheet" in err
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
        (["-o", "x.txt"], "ends in .xlsx, .csv, .parquet expected"),
        (["-o", "x"], "ends in .xlsx, .csv, .parquet expected"),
        (["-o", "x.csv", "--layout", "book"], "layout is for workbooks"),
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


# show


def test_show_prints_an_iteration_phase_by_phase(command, folder):
    status, out, _ = command("show", "two-neuron", "--iteration", "2")
    assert status == 0
    titles = ["Example", "Weights", "Forward pass", "Backward pass", "Gradient", "Adjustments"]
    places = [out.index(f"\n{title}") for title in titles]
    assert places == sorted(places)
    frame = bp.load("two-neuron").run(2).frame
    for name, value in frame.loc[2].items():
        printed = re.search(rf"^{re.escape(name)} +([-+0-9.e]+)( |$)", out, re.MULTILINE)
        assert printed, name
        assert float(printed[1]) == pytest.approx(value, rel=1e-4)
    assert files(folder) == []


def test_show_prints_formulas_in_the_sources_names(command):
    out = command("show", "two-neuron")[1]
    assert re.search(r"^f_error +-0\.14[0-9]+ +MSE' ?[*·×]? ?f' *$", out, re.MULTILINE)


def test_show_goes_beyond_the_iterations_of_the_file(command):
    status, out, _ = command("show", "one-weight", "--iteration", "12")
    assert status == 0
    assert "iteration 12" in out


def test_show_prints_errors_as_a_cell_would(command):
    assert "#NUM!" in command("show", "exploding", "--iteration", "30")[1]


def test_show_refuses_what_no_memory_holds(command):
    status, out, err = command("show", "two-neuron", "--iteration", "999999999")
    assert status == 2
    assert "200,000,000 at the most" in err
    assert out == ""


# verify


def test_verify_passes_with_status_0(command):
    command("run", "two-neuron", "--iterations", "6")
    status, out, err = command("verify", "outputs/two-neuron.xlsx")
    assert status == 0
    assert "outputs/two-neuron.xlsx in ironcalc" in out
    assert out.count("passed") == 3
    assert out.count("186") == 3
    assert "w_xg0" in out
    assert "and 6 more" in out
    assert "Traceback" not in err


def test_verify_fails_with_status_1_and_tells_the_cells(command, edit):
    command("run", "two-neuron", "--iterations", "6")
    path = edit(
        Path("outputs/two-neuron.xlsx"), {"P9": lambda xml: re.sub("<v>.*?</v>", "<v>7</v>", xml)}
    )
    status, out, _ = command("verify", str(path))
    assert status == 1
    assert "1 wrong" in out
    assert "P9 (MSE): 7 there, 0.1652487341750" in out


def test_verify_makes_the_changes_that_are_asked_for(command):
    command("run", "two-neuron", "--iterations", "6")
    status, out, _ = command("verify", "outputs/two-neuron.xlsx", "--set", "w_gf1=0.7")
    assert status == 0
    assert "changed: w_gf1 = 0.7" in out
    status, out, err = command("verify", "outputs/two-neuron.xlsx", "--set", "w_gf9=0.7")
    assert (status, out) == (2, "")
    assert "w_gf9" in err


def test_verify_refuses_what_is_no_workbook_of_ours(command, folder):
    (folder / "x.xlsx").write_text("hello")
    for name, said in (("x.xlsx", "not a workbook"), ("nothing.xlsx", "no such file")):
        status, out, err = command("verify", name)
        assert (status, out) == (2, "")
        assert said in err
        assert "Traceback" not in err


def test_verify_tells_how_to_install_its_engine(command, monkeypatch):
    command("run", "one-weight")
    monkeypatch.setitem(sys.modules, "ironcalc", None)
    status, out, err = command("verify", "outputs/one-weight.xlsx")
    assert (status, out) == (1, "")
    assert "python -m pip install" in err


# schema


@pytest.fixture
def validator(command) -> jsonschema.Draft202012Validator:
    schema = json.loads(command("schema")[1])
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_schema_accepts_every_template(validator):
    for name in template_names():
        tables = tomllib.loads(template_path(name).read_text("utf-8"))
        assert [error.message for error in validator.iter_errors(tables)] == []


def test_schema_accepts_the_starter(validator, command):
    command("new", "mine")
    assert validator.is_valid(tomllib.loads(Path("mine.toml").read_text("utf-8")))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["titel"], "misspelt"),
        (["network", "layer"], []),
        (["network", "inputs"], "x1"),
        (["network", "layers", 0, "units"], 0),
        (["network", "layers", 0, "weights"], [[True]]),
        (["network", "layers", 0, "bias"], "none"),
        (["network", "layers", 0, "weight"], [[1.0]]),
        (["data", "order"], "random"),
        (["data", "order"], [0, 1]),
        (["training", "rule"], "adamax"),
        (["training", "batch_size"], 0),
        (["training", "batch_size"], "every"),
        (["training", "reduction"], "max"),
        (["training", "learning_rate"], "0.1"),
        (["training", "iterations"], 2.5),
        (["initial"], {"method": "random"}),
        (["initial"], {"range": 0}),
        (["test"], {"correct": "sign"}),
        (["notation"], {"weights": "w"}),
        (["hand"], {"1": {"g": -0.25}}),
    ],
)
def test_schema_refuses_wrong_files_as_the_program_does(validator, place, value):
    tables = tomllib.loads(template_path("two-neuron").read_text("utf-8"))
    wrong = copy.deepcopy(tables)
    spot = wrong
    for step in place[:-1]:
        spot = spot[step]
    spot[place[-1]] = value
    assert validator.is_valid(tables)
    assert not validator.is_valid(wrong)
    with pytest.raises(bp.ExperimentError):
        bp.reader.from_dict(wrong)


@pytest.mark.parametrize(
    "key", [["network"], ["data"], ["network", "inputs"], ["network", "layers"]]
)
def test_schema_asks_for_what_must_be_there(validator, key):
    tables = tomllib.loads(template_path("two-neuron").read_text("utf-8"))
    spot = tables
    for step in key[:-1]:
        spot = spot[step]
    del spot[key[-1]]
    assert not validator.is_valid(tables)


def test_schema_explains_every_key(command):
    schema = json.loads(command("schema")[1])
    tables = [schema, *schema["$defs"].values()]
    for table in tables:
        for key, entry in table.get("properties", {}).items():
            described = schema["$defs"].get(entry.get("$ref", "").rpartition("/")[2], entry)
            assert described.get("description"), key


# Text from users


@pytest.mark.parametrize(
    "title",
    [
        "[red]x[/red]",
        "[/]",
        "[bold",
        "a [link=http://example.com]b[/link]",
        ":smile: :warning:",
        "backslash at the end\\\\",
        "100% {sure} %s",
    ],
)
def test_titles_are_printed_as_they_are(command, folder, title):
    """Nothing in them is taken for colours, links or pictures."""
    (folder / "x.toml").write_text(small(title))
    shown = tomllib.loads(f'title = "{title}"')["title"]
    for arguments in (["run", "x.toml"], ["show", "x.toml"]):
        status, out, _ = command(*arguments)
        assert status == 0
        assert out.splitlines()[0].startswith(shown)


def test_names_of_files_are_printed_as_they_are(command, folder):
    name = "my [red] network :smile: (1).toml"
    (folder / name).write_text(small())
    status, out, _ = command("run", name)
    assert status == 0
    assert f"Wrote outputs/{name.removesuffix('.toml')}.xlsx: " in out
    path = f"outputs/{name.removesuffix('.toml')}.xlsx"
    status, out, _ = command("verify", path)
    assert status == 0
    assert out.startswith(f"{path} in ironcalc")


def test_names_of_quantities_are_printed_as_they_are(command, folder):
    text = small().replace('neurons = ["o"]', 'neurons = ["o [red]"]')
    (folder / "x.toml").write_text(text)
    for arguments in (["run", "x.toml"], ["show", "x.toml"]):
        status, out, _ = command(*arguments)
        assert status == 0
        assert "o [red]" in out


# Stopping


def test_stopping_in_training_ends_with_status_130(command, folder, monkeypatch):
    def stopped(*_arguments, **_named):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Experiment, "run", stopped)
    status, out, err = command("run", "two-neuron")
    assert status == 130
    assert out == ""
    assert err.strip() == "Stopped; nothing was written."
    assert files(folder) == []


def test_ctrl_c_while_writing_leaves_no_half_file(folder):
    """The old workbook stays, the temporary one is gone."""
    (folder / "x.xlsx").write_bytes(b"old")
    arguments = ["run", "two-neuron", "--iterations", "300000", "-o", "x.xlsx", "--force"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from bpsheet.cli import main; main()", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        while not any(p.suffix == ".part" and p.stat().st_size > 100_000 for p in folder.iterdir()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Stopped" in err
    assert files(folder) == ["x.xlsx"]
    assert (folder / "x.xlsx").read_bytes() == b"old"


def test_a_reader_that_leaves_early_is_no_error():
    """bpsheet schema | head: no traceback."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from bpsheet.cli import main; main()", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    err = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=60)
    assert err == ""


def test_the_program_is_installed():
    done = subprocess.run(
        [str(Path(sys.executable).parent / "bpsheet"), "list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(done.stdout.splitlines()) == len(template_names())
