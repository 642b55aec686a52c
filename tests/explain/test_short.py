"""The handout: one worked line of each kind, and tables of the other numbers."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

import bpsheet as bp
from bpsheet.paper.blocks import Equation, Heading, Listing, Table
from bpsheet.printers.atoms import AtomText
from tests.helpers.samples import small_templates, spread


@pytest.fixture(scope="module")
def trace():
    """The network of a beginner's page: two inputs, three hidden neurons, one output."""
    return bp.Experiment(
        title="2-3-1",
        network=bp.Network(
            inputs=["x1", "x2"],
            targets=["y"],
            loss="half_squared_error",
            layers=[
                bp.Layer(
                    units=3,
                    activation="logistic",
                    weights=[[0.15, 0.2], [0.25, 0.3], [-0.4, 0.5]],
                    bias=[0.35, 0.1, -0.2],
                ),
                bp.Layer(units=1, activation="logistic", weights=[[0.4, 0.45, -0.6]], bias=[0.6]),
            ],
        ),
        data=bp.Data(examples=[[0.05, 0.1, 0.99]]),
        training=bp.Training(learning_rate=0.5, iterations=2),
    ).run()


def text_of(side):
    return AtomText(side.atoms).text(side.expr) if side is not None else ""


def tables(explanation):
    """Each table as {row: {head: text}}."""
    return [
        {
            text_of(row[0]): dict(zip(block.head[1:], map(text_of, row[1:]), strict=True))
            for row in block.rows
        }
        for block in explanation.blocks
        if isinstance(block, Table)
    ]


def test_each_kind_is_worked_once(trace):
    steps = [step.name for step in trace.explain(1, detail="short").steps]
    assert steps == [
        "z_h1", "h1", "loss", "dloss_dout", "dout_dz", "out_error", "h3_error", "dloss_dw_h1_1",
        "delta_w_h1_1", "new w_h1_1",
    ]  # fmt: skip


def test_a_table_for_each_phase_has_every_number(trace):
    forward, backward, weights = tables(trace.explain(1, detail="short", digits=6))
    row = trace.frame.loc[1]
    assert list(forward) == list(backward) == ["h1", "h2", "h3", "out"]
    for neuron in forward:
        assert float(forward[neuron]["weighted sum"]) == pytest.approx(row[f"z_{neuron}"], rel=1e-5)
        assert float(forward[neuron]["output"]) == pytest.approx(row[neuron], rel=1e-5)
        error = float(backward[neuron]["error term"].replace("·10^", "e"))
        assert error == pytest.approx(row[f"{neuron}_error"], rel=1e-5)
    assert list(weights) == list(trace.weights)
    for name, cells in weights.items():
        assert float(cells["weight"]) == row[name]
        assert float(cells["new"]) == pytest.approx(trace.frame.loc[2, name], rel=1e-5)


@pytest.mark.sample(3)
@pytest.mark.parametrize("template", spread(small_templates(), 4))
def test_no_number_of_a_template_is_left_out(traced, template):
    """Each column of the three steps is worked out, in a table, or in the list of the others."""
    trace = traced(template, 2)
    explanation = trace.explain(1, detail="short")
    listed = sum(
        len(block.equations) for block in explanation.blocks
        if isinstance(block, Listing) and block.label == "The others"
    )  # fmt: skip
    cells = sum(text != "" for table in tables(explanation) for row in table.values()
                for head, text in row.items() if head not in ("weight", "new"))  # fmt: skip
    columns = trace.forward.columns.union(trace.backward.columns).union(trace.update.columns)
    assert listed + cells + len(explanation.steps) >= len(columns)
    assert len(explanation.steps) <= len(trace.explain(1).steps)


def test_steps_can_be_asked_for_by_their_names(trace):
    only = trace.explain(1, only=["backward"])
    headings = [block.text for block in only.blocks if isinstance(block, Heading)]
    assert headings == ["Given", "Backward pass"]
    assert [step.name for step in only.steps] == list(trace.backward.columns)
    assert only.chains == ()
    update = [step.name for step in trace.explain(1, only=["update", "h1"]).steps]
    assert update == ["h1", *trace.update.columns, *(f"new {name}" for name in trace.weights)]


def test_an_unknown_detail_is_refused_with_the_known_ones(trace):
    with pytest.raises(bp.ExperimentError, match='detail: full or short expected; got "brief"'):
        trace.explain(1, detail="brief")


def test_sentences_have_symbols_and_derivatives_are_fractions(trace):
    page = trace.explain(1, detail="short").html()
    assert "with respect to <math><msub><mi>w</mi>" in page
    assert not re.search(
        r"[a-z]_[a-z]|dloss", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    )
    latex = trace.explain(1, detail="short").latex()
    assert r"with respect to $w_{h1,1}$" in latex
    assert r"\frac{\partial \mathrm{loss}}{\partial w_{h1,1}}" in latex
    assert r"\_" not in latex


def test_a_word_that_is_a_name_stays_a_word(trace):
    assert "The error term of out, the derivative" in trace.explain(1, detail="short").html()


def pages(path):
    counted = subprocess.run(["pdfinfo", path], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"Pages:\s+(\d+)", counted)[1])


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no program pdflatex")
def test_the_handout_of_2_3_1_has_two_pages_in_latex(trace, tmp_path):
    source = tmp_path / "handout.tex"
    source.write_text(trace.explain(1, detail="short").latex(), encoding="utf-8")
    made = subprocess.run(
        ["pdflatex", "-interaction=batchmode", "-halt-on-error", source.name],
        cwd=tmp_path, capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0
    log = (tmp_path / "handout.log").read_text("latin-1")
    assert re.search(r"Output written on handout.pdf \(2 pages", log)
    assert "Overfull" not in log


@pytest.mark.slow
def test_the_handout_of_2_3_1_has_two_pages_in_print(trace, chromium):
    page = chromium.new_page()
    page.set_content(trace.explain(1, detail="short").html())
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == 2


def test_a_table_in_plain_text_and_in_markdown(trace):
    explanation = trace.explain(1, only=["forward"], detail="short")
    assert "    h1            0.3775  0.5933\n" in explanation.text()
    assert "| h1 | 0.3775 | 0.5933 |\n" in explanation.markdown()
    assert any(isinstance(block, Equation) for block in explanation.blocks)
