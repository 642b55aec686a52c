"""Curves of losses, weights and gradients."""

from __future__ import annotations

import pytest

import bpsheet as bp
from tests.helpers.samples import sampled


def test_the_loss_is_drawn_by_iteration_and_by_epoch(traced):
    trace = traced("book-xor", 40)
    each, means = trace.plot.loss().get_lines()
    assert each.get_ydata().tolist() == trace.frame["MSE"].tolist()
    assert means.get_xdata().tolist() == list(range(4, 41, 4))
    expected = trace.frame["MSE"].to_numpy().reshape(10, 4).mean(axis=1)
    assert means.get_ydata().tolist() == expected.tolist()
    (only,) = traced("two-neuron", 30).plot.loss().get_lines()
    assert only.get_xdata().tolist() == list(range(1, 31))


@pytest.mark.slow
def test_every_weight_has_its_line_and_its_name(traced):
    trace = traced("two-neuron", 30)
    axes = trace.plot.weights()
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert lines == {name: trace.weights[name].tolist() for name in trace.weights}
    assert len(axes.get_legend().get_texts()) == 5
    many = traced("digits", 1).plot.weights()
    assert len(many.get_lines()) <= 60
    assert many.get_ylabel() == f"weight ({len(many.get_lines())} of 2,410)"
    assert many.get_legend() is None


def test_gradients_are_drawn_layer_by_layer(traced):
    trace = traced("two-hidden-layers", 30)
    axes = trace.plot.gradients()
    expected = trace.health().over_time["gradient"]
    assert len(axes.get_lines()) == 3
    for line in axes.get_lines():
        assert line.get_ydata().tolist() == expected[line.get_label()].tolist()
    assert axes.get_yscale() == "log"


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(["exploding", "iris", "line-adam"], "exploding"))
def test_curves_of_any_run_can_be_drawn(traced, name):
    trace = traced(name)
    for plot in (trace.plot.loss, trace.plot.weights, trace.plot.gradients):
        assert plot().get_xlabel() == "iteration"
        assert plot().figure._repr_svg_().startswith("<?xml")


def test_without_a_loss_there_is_none_to_draw(traced):
    with pytest.raises(bp.ExperimentError, match="has no loss"):
        traced("book-perceptron").plot.loss()
    with pytest.raises(bp.ExperimentError, match="trains nothing"):
        traced("formula").plot.gradients()
