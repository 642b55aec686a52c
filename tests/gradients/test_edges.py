"""Gradients where there are no layers, no weights, or numbers at the edge of what a cell holds."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

import bpsheet as bp
from bpsheet.cli import cli


@pytest.mark.parametrize("template", ["line-adam", "formula"])
def test_gradients_of_formulas_are_printed_without_layers(template):
    done = CliRunner().invoke(cli, ["gradcheck", template])
    assert done.exception is None
    assert "-" in done.output.splitlines()[1].split()


def test_formulas_without_parameters_have_no_second_derivatives_and_are_told_why(tmp_path):
    trace = bp.load("formula").run()
    with pytest.raises(bp.ExperimentError, match="no weights with respect to which"):
        trace.curvature(1)
    with pytest.raises(bp.ExperimentError, match="no weights with respect to which"):
        trace.to_excel(tmp_path / "formula.xlsx", sheets=["hessian"])
    assert not list(tmp_path.iterdir())


def test_an_input_whose_derivative_was_asked_for_is_checked_on_a_sheet_without_weights(tmp_path):
    path = bp.load("formula").run().to_excel(tmp_path / "f.xlsx", sheets=["gradient-check"])
    assert bp.verify(path).passed


@pytest.mark.parametrize("size", [1e-160, 1e-80, 1e80])
def test_second_derivatives_of_any_size_are_printed(size):
    arguments = ["hessian", "one-weight", "--set", f"x_1[1]={size!r}"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exception is None
    found = bp.load("one-weight").changed({"x_1[1]": size}).run(1).curvature(1)
    assert np.isfinite(found.frame.to_numpy()).all()
    assert f"{found.limit:.4g}" in done.output.replace("\n", " ")
