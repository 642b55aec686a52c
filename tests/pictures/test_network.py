"""The picture of a network: what is drawn is what the trace holds."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

import bpsheet as bp
from bpsheet.columns.model import NetworkModel
from bpsheet.pictures.network import GROWS, SHRINKS

NETWORKS = [
    "two-neuron",
    "book-xor",
    "two-hidden-layers",
    "iris",
    "matrix-1-2-1",
    "book-perceptron",
]


def arrows(figure):
    return [p for p in figure.axes[0].patches if isinstance(p, FancyArrowPatch)]


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def adjustments(trace, iteration):
    """What the iteration adds to each weight but the biases, in the order of the layers."""
    frame = trace.frame
    model = trace.experiment.model
    assert isinstance(model, NetworkModel)
    names = [name for layer in model.layers for row in layer.weights for name in row]
    return [frame.loc[iteration + 1, name] - frame.loc[iteration, name] for name in names]


@pytest.mark.parametrize("name", NETWORKS)
def test_an_arrow_for_each_weight_tells_its_adjustment(traced, name):
    """Its colour and its dashes the sign, its width the size."""
    trace = traced(name, 30)
    moved = adjustments(trace, 12)
    drawn = arrows(trace.draw(12))
    assert len(drawn) == len(moved)
    for arrow, change in zip(drawn, moved, strict=True):
        if abs(change) > 1e-12:
            assert to_hex(arrow.get_edgecolor()).upper() == (GROWS if change > 0 else SHRINKS)
            assert arrow.get_linestyle() == ("-" if change > 0 else "--")
    widths = np.array([arrow.get_linewidth() for arrow in drawn])
    sizes = np.abs(moved)
    if sizes.max() > 1e-12:
        assert widths[sizes.argmax()] == widths.max()
        np.testing.assert_allclose(widths, 0.8 + 4.2 * sizes / sizes.max(), atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_neurons_have_their_values_and_error_terms(traced, name):
    trace = traced(name, 30)
    figure = trace.draw(12)
    model = trace.experiment.model
    row = trace.frame.loc[12]
    said = "\n".join(texts(figure))
    outputs = [*model.network.inputs, *(y for layer in model.layers for y in layer.outputs)]
    circles = [p for p in figure.axes[0].patches if isinstance(p, Circle)]
    assert len(circles) == len(outputs)
    for output in outputs:
        assert f"{output}\n{row[output]:.3g}" in said
    for column in trace.program:
        if column.role == "error term" and column.adjoint_name is None:
            assert f"{column.name} = {row[column.name]:.3g}" in said


def test_the_picture_is_the_one_in_the_book(traced):
    """Iteration 1: w_xg1 shrinks by 0.006, w_xg2 grows, the error terms are -0.066 and -0.141."""
    said = "\n".join(texts(traced("two-neuron").draw(1)))
    for words in ("g_error = -0.0664", "f_error = -0.141", "0.6\n-0.006", "-0.1\n+0.00066"):
        assert words in said


def test_it_draws_into_axes_that_are_given(traced):
    figure = Figure()
    axes = figure.add_subplot()
    assert traced("two-neuron").draw(1, axes) is figure
    assert len(arrows(figure)) == 3


def test_overflow_is_drawn_as_what_it_is(traced):
    assert "overflow" in "\n".join(texts(traced("exploding").draw(30)))


def test_what_cannot_be_drawn_is_refused(traced):
    with pytest.raises(bp.ExperimentError, match="no layers to draw"):
        traced("formula").draw(1)
    with pytest.raises(bp.ExperimentError, match="1 to 30 expected"):
        traced("two-neuron", 30).draw(31)
    with pytest.raises(bp.ExperimentError, match="2 of this run was not kept"):
        bp.load("two-neuron").run(9, keep="every:4").draw(2)
    with pytest.raises(
        bp.LimitError, match=r"the largest layer has 64 neurons, and the network 2,368 weights"
    ):
        traced("digits", 1).draw(1)
