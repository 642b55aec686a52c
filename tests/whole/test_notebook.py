"""The notebook among the templates: it runs from its first cell to the last, and shows things."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from bpsheet.plan.templates import notebook_path
from tests.helpers.notebooks import TEMPLATES, outputs_of


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The outputs of the notebook's cells, by their ids, from a kernel with no one's settings."""
    return outputs_of(notebook_path(), tmp_path_factory.mktemp("session"))


def shown(outputs):
    """What the outputs of a cell can be shown as."""
    return {kind for output in outputs for kind in output.get("data", ())}


def printed(outputs):
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


@pytest.mark.slow
def test_the_session_runs_without_an_error_or_a_warning(session):
    for cell, outputs in session.items():
        assert outputs, cell
        assert all(output["output_type"] != "error" for output in outputs), cell
        assert all(output.get("name", "stdout") == "stdout" for output in outputs), cell


@pytest.mark.slow
def test_what_displays_richly_does_so_in_a_kernel(session):
    """Cards and pages as HTML, drawings and curves as SVG, pandas' own plots as PNG."""
    for cell in ("run", "xor", "explain", "compare", "sweep", "health", "frame"):
        assert "text/html" in shown(session[cell]), cell
    for cell in ("draw", "loss"):
        assert "image/svg+xml" in shown(session[cell]), cell
    for cell in ("outputs", "faster"):
        assert "image/png" in shown(session[cell]), cell


@pytest.mark.slow
def test_the_session_shows_the_numbers_of_the_trace(session, traced):
    trace, xor, iris = (traced(name) for name in ("two-neuron", "book-xor", "iris"))
    loss = trace.frame["MSE"]
    halved = next(number for number in loss.index if loss[number] <= loss[1] / 2)
    assert f"At iteration {halved} it has halved: {loss[halved]:.5f}" in printed(session["halved"])
    assert printed(session["correlation"]) == "correlation -1.000000, ratio [-0.1]\n"
    [run] = session["run"]
    assert run["data"]["text/html"] == trace._repr_html_()
    [compared] = session["compare"]
    assert "6 of 7 right. The first mistake is f_error" in compared["data"]["text/html"]
    first = xor.frame["MSE"].iloc[:4].mean()
    assert f"{first:.6f}" in session["epochs"][0]["data"]["text/plain"]
    last = iris.frame.iloc[-150:]
    species = ["setosa", "versicolor", "virginica"]
    guess = last[[f"p_{name}" for name in species]].idxmax(axis="columns").str.removeprefix("p_")
    right = (guess == last[species].idxmax(axis="columns")).mean()
    assert f"epoch 25: {right:.0%}" in printed(session["iris"])
    assert f"{loss.iloc[-1]:.7f}" in printed(session["again"])


@pytest.mark.slow
def test_the_session_writes_a_workbook_that_holds_the_trace(session, traced):
    """To a folder of its own; its numbers are the trace's, as the notebook says."""
    path = Path(printed(session["workbook"]).strip())
    assert path.parent.name.startswith("bpsheet-")
    sheet = pd.read_excel(path, sheet_name="Steps", header=6, index_col="iteration")
    frame = traced("two-neuron").frame
    assert (sheet == frame).all(axis=None)
    assert printed(session["read"]) == f"{frame.size:,} numbers, all the same: True\n"


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_saved_as_jupyter_saves_it_and_without_outputs(path):
    """So a change to it is a small difference. Cells keep their names, which are words."""
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n"
    assert notebook["metadata"].keys() == {"kernelspec", "language_info"}
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cell["id"])
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.slow
def test_the_list_of_templates_says_where_the_notebook_is(command):
    """On the other stream: the list itself has nothing but templates."""
    _, out, err = command("list")
    assert "session" not in out
    assert err.strip().endswith(str(notebook_path()))
    assert notebook_path().is_file()
