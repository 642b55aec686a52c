"""Networks with layers of other kinds, drawn at random: recurrent, attention, convolution."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st

import bpsheet as bp
from tests.helpers.strategies import LOSS_FORMULAS, trainings

__all__ = ["layered"]

LOSSES = ("half_squared_error", "mean_squared_error", "huber", "log_cosh", *LOSS_FORMULAS)


@st.composite
def layered(draw: st.DrawFn) -> bp.Experiment:
    """A layer of another kind, perhaps normalised, then a dense one; a loss of one's own, too."""
    kind = draw(st.sampled_from(["rnn", "lstm", "gru", "attention", "convolution", "picture"]))
    small = st.integers(1, 3)
    steps, size, units = draw(st.integers(2, 3)), draw(small), draw(small)
    between = []
    end = draw(st.sampled_from([[bp.Layer(kind="last")], [bp.Layer(kind="flatten")]]))
    match kind:
        case "attention":
            heads, size = draw(st.sampled_from([(1, 2), (2, 2), (1, 3)]))
            first = bp.Layer(kind="attention", heads=heads, causal=draw(st.booleans()))
        case "convolution":
            first = bp.Layer(kind=kind, kernel=2, filters=units, activation="tanh")
            between, end = [], [bp.Layer(kind="flatten")]
        case "picture":
            first = bp.Layer(kind="convolution", kernel=2, filters=units, activation="relu")
            pool = draw(st.sampled_from(["max_pool", "mean_pool"]))
            between, end = [bp.Layer(kind=pool, kernel=2)], [bp.Layer(kind="flatten")]
            steps = size = 3
        case _:
            first = bp.Layer(kind=kind, units=units)
    # Two numbers, normalised, are 1 and -1 whatever they were: their gradients are rounding errors.
    wide = size if kind == "attention" else units if kind in ("rnn", "lstm", "gru") else 0
    if wide > 2 and draw(st.booleans()):
        between = [bp.Layer(kind="layer_norm")]
    dense = bp.Layer(units=2, activation=draw(st.sampled_from(["linear", "logistic", "tanh"])))
    shapes = {"x": [steps + 2] if kind == "convolution" else [steps, size], "t": [2]}
    count = draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**16))
    examples = np.random.default_rng(seed).normal(size=(count, math.prod(shapes["x"]) + 2))
    return bp.Experiment(
        network=bp.Network(
            inputs=["x"], targets=["t"], shapes=shapes, loss=draw(st.sampled_from(LOSSES)),
            layers=[first, *between, *end, dense],
        ),
        data=bp.Data(examples=examples.tolist()),
        training=draw(trainings(count)),
        initial=bp.Initial(method="uniform", seed=seed),
    )  # fmt: skip
