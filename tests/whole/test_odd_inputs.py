"""Odd single inputs: a refusal in plain words, and never an exception of somebody else's."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from openpyxl import Workbook
from openpyxl.chart import LineChart, Reference

import bpsheet as bp
from bpsheet.cli import cli
from bpsheet.plan.templates import template_path


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A workbook with a sheet that is a chart, in the current folder."""
    monkeypatch.chdir(tmp_path)
    made = Workbook()
    sheet = made.active
    sheet.title = "Sheet1"
    sheet["A1"], sheet["A2"], sheet["B1"] = 2.0, 3.0, "=A1^2+A2"
    chart = LineChart()
    chart.add_data(Reference(sheet, min_col=1, min_row=1, max_row=2))
    made.create_chartsheet("Chart1").add_chart(chart)
    made.save("book.xlsx")
    return Path("book.xlsx")


def test_examples_of_other_lengths_than_the_columns():
    """The targets of a perceptron are looked at, whatever the rows are like."""
    tables = tomllib.loads(template_path("book-perceptron").read_text("utf-8"))
    names = [*tables["network"]["inputs"], *tables["network"]["targets"]]
    tables["data"]["columns"] = names[::-1]
    tables["data"]["examples"][0] = [1.0]
    with pytest.raises(bp.ExperimentError) as caught:
        bp.Experiment.from_dict(tables)
    assert f"data.examples[1]: {len(names)} numbers expected" in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text_names_a_new_experiment(tmp_path, monkeypatch, command):
    """A file's name is bytes, which need not be letters."""
    monkeypatch.chdir(tmp_path)
    assert command("new", "\udcff")[0] == 0
    assert Path("\udcff.toml").read_text("utf-8").startswith("# ?: an experiment for bpsheet.")
    assert command("show", "\udcff.toml")[0] == 0


# every command


FEW = ["", "Sheet1!A9999999", "nowhere/x.xlsx"]
MANY = [
    *(" ", "é" * 100, "=1", "'", "!", "A0", "Chart1!A1", "#REF!", "[1]Sheet1!A1", "A:A", "$A$1"),
    *("1e999", "nan", "-inf", "9" * 400, "-1", "0", "1.5", "\udcff", "٣", "½", "🙂", "a\nb"),
    *("/dev/null", "-", "--", "~", "a=", "=1", "a=b=c", "w_xg1=nan"),
    *("w_xg1=1e999", "w_xg1=" + "9" * 400, "x1[0]=1", "x1[99]=1", "batch_size=0", "iterations=-1"),
    *(
        "every:0",
        "last:0",
        "last:" + "9" * 50,
        "every:",
        "0:0",
        "5:1",
        ",",
        "f,f",
        "f_error," * 500,
    ),
    *("folder", "empty.xlsx", "junk.xlsx", "junk.toml", "text.xlsx", "loop.toml", "book.xlsx"),
    *(
        "in.xlsx",
        "sheets",
        "roster.csv",
        "hand.csv",
        "mine.toml",
        "nowhere.toml",
        "hand.csv/x.xlsx",
    ),
    *(".xlsx", "x.xlsx/", "x.XLSX", "x.tar.gz", "learning_rate=a,b", "title=x", "x1[1]=𝟏"),
]
BASES = {
    "list": (),
    "schema": (),
    "app": ("not", "taken"),  # it would wait for a browser
    "new": ("name",),
    "import": ("in.npz", "--activation", "tanh"),
    "run": ("two-neuron", "--iterations", "3"),
    "show": ("two-neuron",),
    "verify": ("in.xlsx",),
    "explain": ("two-neuron",),
    "derive": ("two-neuron",),
    "health": ("two-neuron",),
    "check": ("two-neuron", "hand.csv"),
    "exercise": ("two-neuron", "-o", "new.xlsx"),
    "grade": ("sheets", "two-neuron"),
    "gradcheck": ("two-neuron",),
    "operations": ("two-neuron",),
    "hessian": ("two-neuron",),
    "differentiate": ("book.xlsx", "--loss", "B1", "--parameters", "A1", "-o", "out.xlsx"),
    "sweep": ("two-neuron", "--grid", "learning_rate=0.1", "--set", "iterations=5"),
    "draw": ("two-neuron",),
    "animate": ("two-neuron", "--iterations", "2"),
    "page": ("two-neuron", "--no-rules"),
}


@pytest.fixture
def full_folder(book, made, command):
    """Files of every kind, good and bad."""
    Path("in.xlsx").write_bytes(made("two-neuron", "full", 12).read_bytes())
    np.savez("in.npz", W1=[[1.0, 2.0]], b1=[0.5])
    Path("roster.csv").write_text("student\nAda\n")
    Path("hand.csv").write_text("iteration,quantity,value\n1,f,0.42\n")
    Path("folder").mkdir()
    Path("empty.xlsx").touch()
    Path("junk.xlsx").write_bytes(b"PK\3\4junk")
    Path("text.xlsx").write_text("text")
    Path("junk.toml").write_bytes(b"\xff\xfe")
    Path("loop.toml").symlink_to("loop.toml")
    assert command("new", "mine")[0] == 0
    assert command("exercise", "two-neuron", "-o", "sheets/sheet.xlsx")[0] == 0
    assert book.exists()


def variants(name: str, base: tuple[str, ...], odd: str) -> Iterator[tuple[str, ...]]:
    """The command with something odd in the place of each argument, and with each option."""
    for place in range(len(base)):
        yield (*base[:place], odd, *base[place + 1 :])
    yield (*base, odd)
    for option in cli.commands[name].params:
        if isinstance(option, click.Option) and not option.is_flag:
            yield (*base, option.opts[-1], odd)


def cases() -> Iterator[object]:
    """Each command with a few odd things by default, and with many.

    Slides are twenty pictures and a film, and take seconds in any folder: by default `draw` has a
    file to write as well, and refuses to make them.
    """
    slow = pytest.mark.slow
    for name in sorted(cli.commands):
        base = BASES[name]
        few_are_slow = [slow] if name == "draw" else []
        yield pytest.param(name, base, FEW, id=f"{len(FEW)}-{name}", marks=few_are_slow)
        yield pytest.param(name, base, MANY, id=f"{len(MANY)}-{name}", marks=slow)
    yield pytest.param("draw", (*BASES["draw"], "-o", "x.svg"), FEW, id="no slides")


@pytest.mark.sample(2)
@pytest.mark.usefixtures("full_folder")
@pytest.mark.parametrize(("name", "base", "odds"), list(cases()))
def test_any_command_with_anything_ends_with_a_status_and_says_why(name, base, odds, command):
    """An exception would come out of the call."""
    for odd in odds:
        for arguments in variants(name, base, odd):
            status, out, err = command(name, *arguments)
            assert status in (0, 1, 2), arguments
            assert status == 0 or out or err, arguments
            assert "Traceback" not in err, arguments
            assert "standard output" not in err, arguments
