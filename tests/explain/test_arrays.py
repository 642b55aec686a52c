"""An iteration of formulas with vectors and matrices in matrix form."""

from __future__ import annotations

import re

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.errors import LimitError
from tests.helpers.graphs import TABLES, graph


def text(name, iteration=1, **more):
    found = graph(name).run(iteration).explain(iteration, form="matrix", **more).text()
    return re.sub(r"\n\s+", " ", found)


def test_each_equation_has_names_then_numbers_then_its_result():
    said = text("recurrent")
    assert "h[2] = tanh(Wx x[2] + Wh h[1] + b) = tanh([0.1, 0.2; 0.3, -0.1] [0.5; -1] + " in said
    assert "p = vᵀ h[3] = [0.5, -0.4] [0.1293; 0.1268] = 0.01393" in said
    assert "∂loss/∂h[1] = Whᵀ (∂loss/∂h[2] ∘ (1 − h[2]²)) = [0.2, 0.1; -0.3, 0.4] (" in said
    assert "ΔWh = -η · ∂loss/∂Wh = -0.1 · " in said
    assert "Δb = -η · ∂loss/∂b" in said


def results(name, **more):
    """The last side of each equation, by its first."""
    whole = graph(name).run(1).explain(1, form="matrix", **more).text()
    found = {}
    for equation in re.split(r"\n    (?! )", whole):
        head, *sides = " ".join(equation.split()).split(" = ")
        if sides and (numbers := re.match(r"\[([^]]*)\]", sides[-1])):
            rows = numbers[1].split(";")
            found[head] = np.array([[float(number) for number in row.split(",")] for row in rows])
    return found


def test_the_results_are_those_of_numpy():
    """Attention from the numbers on the page: softmax(Q Kᵀ / √2) V, and what goes back to S."""
    found = results("attention", digits=15)
    q, k, v, s, z = (found[head] for head in "QKVSZ")
    x = np.array([[1, 0], [0.5, -1], [0.2, 0.7]])
    weights = TABLES["attention"]["parameters"]
    for own, name in ((q, "Wq"), (k, "Wk"), (v, "Wv")):
        np.testing.assert_allclose(own, x @ np.array(weights[name]), atol=1e-14)
    powers = np.exp(q @ k.T / np.sqrt(2))
    np.testing.assert_allclose(s, powers / powers.sum(axis=1, keepdims=True), atol=1e-14)
    np.testing.assert_allclose(z, s @ v, atol=1e-14)
    np.testing.assert_allclose(found["∂loss/∂S"], found["∂loss/∂Z"] @ v.T, atol=1e-14)
    np.testing.assert_allclose(found["∂loss/∂Wv"], x.T @ found["∂loss/∂V"], atol=1e-14)


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", TABLES)
def test_every_quantity_is_there_in_every_format(name):
    trace = graph(name).run(2)
    found = trace.explain(2, form="matrix")
    said = found.text()
    for quantity in trace.program.quantities:
        if str(quantity.phase) == "forward":
            assert f"    {quantity.name} = " in said
    assert found.latex().count(r"\begin{pmatrix}") == found.html().count("<mtable>")
    assert found.markdown().count("[") == said.count("[")


def test_names_that_are_multiplied_stand_apart():
    found = graph("recurrent").run(1).explain(1, form="matrix")
    assert r"\mathrm{Wx} \, \mathrm{x[1]} + \mathrm{Wh} \, \mathrm{h[0]}" in found.latex()
    assert "<mi>Wx</mi><mspace width='0.2em'/><mi>x[1]</mi>" in found.html()


@pytest.mark.parametrize("training", [{"only": ["Wq_1_1"]}, {"rule": "adam"}])
def test_what_is_never_updated_and_what_an_optimiser_remembers_have_their_numbers(training):
    said = graph("attention", **training).run(2).explain(2, form="matrix").text()
    assert "Wq + ΔWq = [" in said
    assert ("–" in said) == ("only" in training)


def test_a_large_matrix_is_described_by_its_shape():
    wide = graph("recurrent").replaced(
        graph=bp.Graph(**TABLES["recurrent"] | {"shapes": {"x": [9, 2]}}, loss="loss"),
        data=bp.Data(examples=[[0.1] * 19]),
    )
    said = wide.run(1).explain(1, form="matrix").text()
    assert "x is 9 × 2, too large to be shown with its numbers." in said
    assert "x[2]" in said


def test_numbers_alone_have_no_matrix_form():
    with pytest.raises(LimitError, match="numbers only, no vectors and no matrices"):
        bp.load("line-adam").run(1).explain(1, form="matrix")
