"""Pictures: what is drawn is what the trace holds."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch
from PIL import Image

import bpsheet as bp
from bpsheet.model import NetworkModel
from bpsheet.pictures.animation import animate
from bpsheet.pictures.network import GROWS, SHRINKS
from bpsheet.pictures.surface import surface

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
    with pytest.raises(bp.ExperimentError, match="2 was not kept"):
        bp.load("two-neuron").run(9, keep="every:4").draw(2)
    with pytest.raises(bp.LimitError, match=r"a layer of 64 and 2,368 weights"):
        traced("digits", 1).draw(1)


# curves


def test_the_loss_is_drawn_by_iteration_and_by_epoch(traced):
    trace = traced("book-xor", 40)
    each, means = trace.plot.loss().get_lines()
    assert each.get_ydata().tolist() == trace.frame["MSE"].tolist()
    assert means.get_xdata().tolist() == list(range(4, 41, 4))
    expected = trace.frame["MSE"].to_numpy().reshape(10, 4).mean(axis=1)
    assert means.get_ydata().tolist() == expected.tolist()
    (only,) = traced("two-neuron", 30).plot.loss().get_lines()
    assert only.get_xdata().tolist() == list(range(1, 31))


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


@pytest.mark.parametrize("name", ["exploding", "iris", "line-adam"])
def test_curves_of_any_run_can_be_drawn(traced, name):
    trace = traced(name)
    for plot in (trace.plot.loss, trace.plot.weights, trace.plot.gradients):
        assert plot().get_xlabel() == "iteration"
        assert plot().figure._repr_svg_().startswith("<?xml")


def test_without_a_loss_there_is_none_to_draw(traced):
    with pytest.raises(bp.ExperimentError, match="has no loss"):
        traced("book-perceptron").plot.loss()
    with pytest.raises(bp.ExperimentError, match="nothing is trained"):
        traced("formula").plot.gradients()


# the surface


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


# a moving picture


@pytest.mark.parametrize("name", ["two-neuron", "book-perceptron"])
def test_a_moving_picture_shows_so_many_iterations(command, tmp_path, monkeypatch, name):
    """The first and the last among them, which stays longest; the same bytes each time."""
    monkeypatch.chdir(tmp_path)
    for path in ("one.gif", "other.gif"):
        status, out, _ = command("animate", name, "--iterations", "17", "--frames", "4", "-o", path)
        assert status == 0
        assert out == f"Wrote {path}: 4 of 17 iterations.\n"
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "other.gif").read_bytes()
    with Image.open(tmp_path / "one.gif") as moving:
        assert moving.n_frames == 4
        assert moving.info["loop"] == 0
        durations = []
        for frame in range(4):
            moving.seek(frame)
            durations.append(moving.info["duration"])
    assert durations == [250, 250, 250, 3000]


def test_a_short_run_is_shown_whole(tmp_path, traced):
    assert animate(traced("two-neuron", 3), tmp_path / "x.gif", 60) == 3


# the command


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_the_command_writes_the_same_picture_each_time(command, tmp_path, monkeypatch, ending):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "other"):
        status, out, _ = command("draw", "book-xor", "--iteration", "4", "-o", f"{name}.{ending}")
        assert status == 0
        assert out == f"Wrote {name}.{ending}: the network at iteration 4.\n"
    first, second = ((tmp_path / f"{name}.{ending}").read_bytes() for name in ("one", "other"))
    assert first == second
    assert len(first) > 5_000


def test_an_svg_holds_its_words_as_text(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command("draw", "two-neuron")
    root = ET.parse(tmp_path / "outputs" / "two-neuron.svg").getroot()
    words = " ".join(t for e in root.iter("{http://www.w3.org/2000/svg}text") for t in e.itertext())
    assert re.search(r"g_error = .0\.0664", words)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["draw", "two-neuron", "-o", "x.gif"], "ends in .svg, .png, .pdf expected"),
        (["draw", "formula"], "no layers to draw"),
        (["draw", "digits"], "a picture shows layers of 60"),
        (["animate", "two-neuron", "-o", "x.png"], "ends in .gif expected"),
        (["animate", "formula"], "no layers to draw"),
        (["animate", "digits"], "a picture shows layers of 60"),
    ],
)
def test_the_command_refuses_in_a_sentence(command, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = command(*arguments)
    assert status in (1, 2)
    assert said in err
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_says_what_to_install(command, tmp_path, monkeypatch):
    from bpsheet.pictures import matplot

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(matplot, "find_spec", lambda _name: None)
    status, _, err = command("draw", "two-neuron")
    assert status == 1
    assert 'python -m pip install "bpsheet[plot]"' in err
