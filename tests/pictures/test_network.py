"""The picture of a network: what is drawn is what the trace holds."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

import bpsheet as bp
from bpsheet.columns.model import NetworkModel
from bpsheet.pictures.brush import GROWS, SHRINKS
from tests.helpers.samples import sampled

OF_KINDS = ["rnn", "lstm-two-steps", "attention", "cnn-3x3", "batch-norm", "transformer-block"]
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


def within(figure, circle):
    """The texts in a circle, from the upper one to the lower one."""
    inside = [
        text
        for text in figure.axes[0].texts
        if np.hypot(*np.subtract(text.get_position(), circle.center)) < circle.radius
    ]
    return [text.get_text() for text in sorted(inside, key=lambda text: text.get_position()[1])]


def adjustments(trace, iteration):
    """What the iteration adds to each weight but the biases, in the order of the layers."""
    frame = trace.frame
    model = trace.experiment.model
    assert isinstance(model, NetworkModel)
    names = [name for layer in model.layers for row in layer.weights for name in row]
    return [frame.loc[iteration + 1, name] - frame.loc[iteration, name] for name in names]


@pytest.mark.sample(2)
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
    if np.ptp(sizes) > 1e-12:
        assert widths[sizes.argmax()] == widths.max()
        growth = (widths - widths.min()) / np.ptp(widths)
        np.testing.assert_allclose(growth, (sizes - sizes.min()) / np.ptp(sizes), atol=1e-6)


@pytest.mark.sample(3)
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
    for output, circle in zip(outputs, circles, strict=True):
        assert within(figure, circle) == [output, f"{row[output]:.3g}"]
    for column in trace.program:
        if column.role == "error term" and column.adjoint_name is None:
            assert f"{row[column.name]:.3g}" in said


def test_the_picture_is_the_one_in_the_book(traced):
    """Iteration 1: w_xg1 shrinks by 0.006, w_xg2 grows, the error terms are -0.066 and -0.141."""
    said = "\n".join(texts(traced("two-neuron").draw(1)))
    for words in ("g_error = -0.0664", "f_error = -0.141", "0.6 → 0.594", "-0.1 → -0.0993"):
        assert words in said


def test_it_draws_into_axes_that_are_given(traced):
    figure = Figure()
    axes = figure.add_subplot()
    assert traced("two-neuron").draw(1, axes) is figure
    assert len(arrows(figure)) == 3


def test_overflow_is_drawn_as_what_it_is(traced):
    assert "overflow" in "\n".join(texts(traced("exploding").draw(30)))


def test_what_cannot_be_drawn_is_refused(traced):
    with pytest.raises(bp.ExperimentError, match="1 to 30 expected"):
        traced("two-neuron", 30).draw(31)
    with pytest.raises(bp.ExperimentError, match="2 of this run was not kept"):
        bp.load("two-neuron").run(9, keep="every:4").draw(2)
    wide = bp.Network(inputs=["x"], layers=[{"units": 200}, {"units": 1}])
    once = bp.Training(rule="none")
    many = bp.Experiment(network=wide, data=bp.Data(examples=[[1]]), training=once).run()
    with pytest.raises(bp.LimitError, match="the largest layer has 200 neurons"):
        many.draw(1)


@pytest.mark.slow
def test_a_digit_is_seen_beside_its_network(traced):
    """The pixels are the example's, dark where the ink is; there is no circle for each pixel."""
    trace = traced("digits", 1)
    axes = trace.draw(1).axes[0]
    (image,) = axes.images
    names = [f"p{row}{column}" for row in range(1, 9) for column in range(1, 9)]
    expected = trace.frame.loc[1, names].to_numpy().reshape(8, 8)
    np.testing.assert_array_equal(image.get_array(), expected)
    assert len([p for p in axes.patches if isinstance(p, Circle)]) == 32 + 10


@pytest.mark.parametrize("name", sampled(OF_KINDS, "rnn"))
def test_layers_of_other_kinds_are_drawn_with_their_numbers(traced, name):
    """Every small quantity of the forward pass has a box, with its values and derivatives."""
    trace = traced(name, 3)
    drawn = texts(trace.draw(2))
    for quantity in trace.program.quantities:
        if quantity.phase != "forward":
            continue
        assert any(text.split("  ")[0] == quantity.name for text in drawn), quantity.name
        if quantity.columns.size <= 9:
            for column in quantity.columns.ravel():
                assert f"{trace.frame.loc[2, column.name] + 0.0:.3g}" in drawn
