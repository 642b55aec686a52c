"""Where an activation is flat."""

from __future__ import annotations

import numpy as np
import pytest

from bpsheet.health.flat import flat_parts
from tests.helpers.health import layered


@pytest.mark.parametrize(
    ("formula", "low", "high", "dead"),
    [
        ("relu", 0.0, np.inf, True),
        ("leaky_relu", -np.inf, np.inf, False),
        ("softplus", -4.75, np.inf, False),
        ("tanh", -3.0, 3.0, False),
        ("logistic", -6.0, 6.0, False),
        ("linear", -np.inf, np.inf, False),
        ("exp(-(z^2))", -2.75, 2.75, False),
        ("sin(z)", -np.inf, np.inf, False),
        ("max(0, min(z, 1))", 0.0, 1.25, True),
        ("sqrt(z)", -np.inf, np.inf, False),
        ("if(z > 0, 1, -1)", -np.inf, np.inf, False),
    ],
)
def test_where_an_activation_is_flat(formula, low, high, dead):
    """A top of a bell or of a wave is not; neither is a place without a value."""
    program = layered({"neurons": ["o"], "activation": formula}).program()
    flat = flat_parts(program["o"], program["do_dz"], program["z_o"])
    assert (flat.low, flat.high, flat.is_dead_below) == (low, high, dead)
