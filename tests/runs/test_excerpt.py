"""A part of a run as a sheet of its own, which can be recalculated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

import bpsheet as bp
from bpsheet.engine.engine import run
from bpsheet.engine.recording import Keep
from bpsheet.runs.excerpt import part_of
from bpsheet.verifying.verify import verify
from tests.helpers.recordings import assert_same_bits, codes
from tests.helpers.samples import draws, sampled
from tests.helpers.strategies import experiments


@given(experiments(), st.integers(1, 12), st.integers(2, 30))
@draws(60)
def test_an_excerpts_program_computes_what_the_run_did(experiment, last, iterations):
    """From the typed first row on, to the last bit."""
    trace = bp.Trace(
        experiment,
        program := experiment.changed({"iterations": iterations}).program(),
        run(program, iterations, keep=Keep(last=min(last, iterations - 1))),
    )
    trace.experiment = experiment.changed({"iterations": iterations})
    part = part_of(trace)
    found = run(part.program, len(part))
    assert_same_bits(found.values, trace.values)
    assert_same_bits(codes(found), codes(trace.recording))


@pytest.mark.parametrize("keep", [Keep(last=4), Keep(every=3)])
def test_errors_that_come_from_a_row_that_was_left_out_are_given_as_they_were(keep):
    """Weights that have exploded before the part begins: #NUM! and #DIV/0! stay what they were."""
    experiment = bp.load("exploding")
    program, count = experiment.program(), experiment.iterations
    trace = bp.Trace(experiment, program, run(program, count, keep=keep))
    part = part_of(trace)
    assert not part.is_live
    assert codes(trace.recording)[-1].any()
    assert (codes(run(part.program, len(part))) == codes(trace.recording)).all()


@pytest.mark.sample(1)
@pytest.mark.parametrize("keep", ["last:12", "every:7"])
@pytest.mark.parametrize("kind", sampled(["full", "book"], "full"))
@pytest.mark.parametrize(
    "name", sampled(["two-neuron", "iris", "book-xor", "exploding"], "exploding")
)
def test_a_part_of_a_run_is_a_sheet_that_can_be_recalculated(tmp_path, name, kind, keep):
    """After the typed weights, the examples and the learning rate were changed too."""
    path = bp.load(name).run(60, keep=keep).to_excel(tmp_path / "part.xlsx", kind)
    report = verify(path)
    assert report.passed, report.comparisons
    bp.load(name).write(tmp_path / "streamed.xlsx", 60, keep, kind)
    assert path.read_bytes() == (tmp_path / "streamed.xlsx").read_bytes()


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("keep", ["last:12", "every:7"])
def test_libreoffice_recalculates_a_part(tmp_path, keep):
    path = bp.load("iris").run(60, keep=keep).to_excel(tmp_path / "part.xlsx")
    assert verify(path, "libreoffice").passed


def test_a_part_says_what_it_is_and_what_is_typed(tmp_path):
    def said(keep):
        path = bp.load("two-neuron").run(1000, keep=keep).to_excel(tmp_path / "part.xlsx")
        book = load_workbook(path)
        return book["Steps"]["A2"].value, book["Steps"]

    note, steps = said("last:20")
    assert note.startswith("The last 20 of 1,000 iterations.")
    assert steps["A8"].value == 981
    assert isinstance(steps["H8"].value, float)
    assert steps["H9"].value == "=H8+AB8"
    note, steps = said("every:100")
    assert note.startswith("Iteration 1, every 100th after it, and the last, of 1,000.")
    assert [steps[f"A{row}"].value for row in (8, 9, 18)] == [1, 101, 1000]
    assert isinstance(steps["H9"].value, float)
    assert steps["M9"].value.startswith("=TANH(")
