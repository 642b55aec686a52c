"""The gradient of a network without numbers: one formula, or the four equations of its layers."""

from __future__ import annotations

import re

import bpsheet as bp
from bpsheet.explain import derive


def test_equation_3_1_of_the_book():
    text = derive(bp.load("two-neuron")).text()
    for tail in ("1", "g"):
        assert f"= -(y - f) · logistic'(z_f) · {tail}\n" in text
    for tail in ("1", "x1", "x2"):
        assert f"= -(y - f) · logistic'(z_f) · w_gf1 · tanh'(z_g) · {tail}\n" in text
    latex = derive(bp.load("two-neuron")).latex()
    assert (
        r"S'\left(z_{f}\right) \cdot w_{gf1} \cdot \operatorname{tanh}'\left(z_{g}\right)" in latex
    )
    assert not re.search(r"-0\.9|0\.42", text)


def test_the_four_equations_with_their_shapes():
    text = derive(bp.load("matrix-1-2-1")).text()
    for line in (
        "W^1 is 2 × 1; b^1, z^1, a^1 and δ^1 are 2 × 1. The activation is logistic.",
        "W^2 is 1 × 2; b^2, z^2, a^2 and δ^2 are 1 × 1. The activation is logistic.",
        "    δ^1 = ((W^2)^T δ^2) ∘ g'^1(z^1)",
        "    z^2 = W^2 a^1 + b^2",
    ):
        assert line in text
    assert re.search(r"δ\^2 = ∇_a\^2 \S+ ∘ g'\^2\(z\^2\)", text)
    assert re.search(r"∂\S+/∂W\^1 = δ\^1 \(a\^0\)\^T", text)
    softmax = derive(bp.load("multiway-classification")).text()
    assert "δ^2 = (J^2)^T ∇_a^2 logL" in softmax
    assert "δ^2 = a^2 − [setosa; versicolor; virginica]" in derive(bp.load("iris")).text()
