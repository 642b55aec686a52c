"""An iteration in matrix form: letters, numbers, results."""

from __future__ import annotations

import re

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import ExperimentError
from tests.helpers.samples import is_dense, sampled, small_templates

NETWORKS = [name for name in small_templates() if is_dense(name)]


def text(name, iteration=1, **more):
    found = bp.load(name).run(iteration).explain(iteration, form="matrix", **more).text()
    return re.sub(r"\n\s+(?==)", "\n", found)


def test_each_equation_has_letters_then_numbers_then_its_result():
    """The source's network 1-2-1: its figures, in the form in which it draws them."""
    said = text("matrix-1-2-1")
    assert "z^1 = b^1 + W^1 a^0\n= [-2; 6] + [2; -2] 0.5\n= [-1; 5]\n" in said
    line = "z^1 = b^1 + W^1 a^0\n= "
    assert line in said
    assert "δ^1 = (W^2)^T δ^2 ∘ g'^1(z^1)\n= " in said
    assert "∂e/∂W^1 = δ^1 (a^0)^T\n= " in said


def numbers(line):
    return [[float(n) for n in row.split(", ")] for row in line.strip("=[ ]").split("; ")]


@pytest.mark.parametrize("name", sampled(NETWORKS, "two-hidden-layers", "iris"))
def test_the_results_are_those_of_numpy(name):
    """z^l and a^(l-1) are read from the page; W a + b gives z again."""
    trace = bp.load(name).run(1)
    said = text(name, digits=12)
    layers = trace.experiment.model.layers
    for layer in layers:
        number = layer.number
        weights, inputs, sums = (
            np.array([[trace.frame[n].iloc[0] for n in np.atleast_1d(row)] for row in rows])
            for rows in (layer.weights, layer.inputs, layer.sums)
        )
        b = [trace.frame[n].iloc[0] for n in layer.biases] if layer.biases else 0.0
        np.testing.assert_allclose((weights @ inputs).ravel() + b, sums.ravel(), rtol=1e-12)
        head = f"z^{number} = " + (f"b^{number} + " if layer.biases else "")
        at = said.index(head + f"W^{number} a^{number - 1}")
        shown = " ".join(said[at:].split("\n= ")[2].split("\n    ")[0].split())
        np.testing.assert_allclose(np.array(numbers(shown)).ravel(), sums.ravel(), rtol=1e-10)


def test_a_negative_number_by_itself_stands_in_parentheses_only_within_a_formula():
    said = text("two-neuron")
    assert "tanh(-0.2500)" in said
    assert "0.5 (-0.2449)" in said
    assert "= -0.2449" in said


@pytest.mark.slow
def test_a_large_matrix_is_described_by_its_shape():
    said = bp.load("digits").run(1).explain(1, form="matrix").text()
    assert "W^1 is 32 × 64, too large to be shown with its numbers." in said
    assert "z^1 = b^1 + W^1 a^0" in said
    assert "z^1 is 32 × 1" not in said


def test_what_is_never_updated_and_what_an_optimiser_remembers_have_their_numbers():
    frozen = bp.load("two-neuron").replaced(
        training={"iterations": 2, "freeze": ["w_xg1"]}, hand={}
    )
    said = frozen.run().explain(1, form="matrix").text()
    assert "ΔW^1 = [–, 0.0006640]\n    W^1 + ΔW^1 = [0.6, -0.09934]" in said
    adam = bp.load("two-neuron").replaced(training={"iterations": 2, "rule": "adam"}, hand={})
    assert "W^1 + ΔW^1 = [" in adam.run().explain(2, form="matrix").text()


@pytest.mark.parametrize("name", sampled(NETWORKS, "iris", "book-perceptron"))
def test_every_format_has_the_same_equations(name):
    found = bp.load(name).run(2).explain(2, form="matrix")
    assert found.latex().count(r"\begin{pmatrix}") == found.html().count("<mtable>")
    assert found.markdown().count("[") == found.text().count("[")
    assert found.text().count(" = ") > 10


def test_what_has_no_matrix_form_is_refused():
    trace = bp.load("two-neuron").run(1)
    with pytest.raises(ExperimentError, match=r"entries or matrix expected; got .matrices"):
        trace.explain(1, form="matrices")
    with pytest.raises(ExperimentError, match="the matrix form shows whole arrays"):
        trace.explain(1, only=["g"], form="matrix")
