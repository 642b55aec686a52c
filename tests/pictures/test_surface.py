"""The loss over two weights, and the path across it."""

from __future__ import annotations

import math

import pytest

import bpsheet as bp
from bpsheet.pictures.surface import surface


def test_the_surface_is_the_mean_loss_over_the_examples(traced):
    """Where the two weights stand at the end it is that of the last row's weights."""
    trace = traced("book-xor", 40)
    names = ("w_n0_1", "w_n2_2")
    across, up, losses = surface(trace, names, 5)
    assert losses.shape == (5, 5)
    last = trace.weights.iloc[-1]
    for x, y in ((0, 0), (2, 4), (3, 1)):
        changes = dict(last) | {names[0]: across[x], names[1]: up[y]}
        alone = bp.load("book-xor").changed({**changes, "learning_rate": 0.0}).run(40)
        each = alone.frame.groupby("example")["MSE"].first()
        assert len(each) == 4
        assert math.isclose(losses[y, x], each.mean(), rel_tol=1e-12)


def test_the_path_across_the_surface_is_that_of_the_weights(traced):
    trace = traced("two-neuron", 30)
    axes = trace.plot.surface("w_xg1", "w_gf1")
    path = axes.get_lines()[0]
    assert path.get_xdata().tolist() == trace.weights["w_xg1"].tolist()
    assert path.get_ydata().tolist() == trace.weights["w_gf1"].tolist()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("w_xg1", "w_gf1")
    assert traced("exploding").plot.surface("w2_11", "w3_11").figure is not None


def test_unknown_weights_have_no_surface(traced):
    with pytest.raises(bp.ExperimentError, match='no such weight; did you mean "w_xg'):
        traced("two-neuron", 30).plot.surface("w_xg", "w_gf1")
