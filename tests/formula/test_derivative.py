"""The size of derivatives: what grows without bound is refused."""

import pytest

import bpsheet as bp
from bpsheet.formula.derivative import differentiate
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import size


def nested(depth):
    """A max of maxima, each with the same weight in all its arguments."""
    text = "w"
    for _ in range(depth):
        text = f"max({text}, {', '.join(['w*x'] * 12)})"
    return text


def test_a_derivative_that_would_be_vast_is_refused_before_it_is_walked():
    with pytest.raises(bp.LimitError, match=r"with respect to w would have .* parts; 100,000 at"):
        differentiate(parse_formula(nested(30), {"w", "x"}), "w")
    assert size(differentiate(parse_formula(nested(4), {"w", "x"}), "w")) < 100_000
