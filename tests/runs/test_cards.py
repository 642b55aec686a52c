"""Cards: what a notebook shows of a trace, and of all else that a cell may end with."""

from __future__ import annotations

import copy
from html import unescape

import pytest
from matplotlib.figure import Figure

import bpsheet as bp
from bpsheet.runs.cards import WIDTH
from bpsheet.terminal.display import run_table
from tests.helpers.cards import parsed, table_of, words


@pytest.mark.parametrize("name", ["two-neuron", "iris", "book-perceptron", "formula", "exploding"])
def test_the_card_has_the_table_that_the_terminal_prints(traced, name):
    trace = traced(name)
    heads, rows = table_of(parsed(trace._repr_html_()))
    table = run_table(trace, WIDTH)
    assert heads == [str(column.header) for column in table.columns]
    expected = zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True)
    assert rows == [list(row) for row in expected]


def test_the_card_says_what_was_run_and_where_the_loss_went(traced):
    trace = traced("two-neuron")
    said = words(parsed(trace._repr_html_()))
    assert said.startswith(
        "Two neurons, one in each layer two-neuron: 497 iterations × 31 columns "
        "MSE: 0.16816 in iteration 1, 0.0040408 in iteration 497."
    )
    assert repr(trace) == "<Trace of two-neuron: 497 iterations, 31 columns>"


def test_of_several_examples_the_card_has_the_means_of_an_epoch(traced):
    """Those that a sweep calls first_loss and final_loss."""
    trace = traced("iris")
    run = bp.sweep(trace.experiment, {"learning_rate": [0.02]}).runs.loc[1]
    said = words(parsed(trace._repr_html_()))
    assert f"{run['first_loss']:.5g} over the first epoch" in said
    assert f"{run['final_loss']:.5g} over the last" in said
    assert "Tests right at the last iteration: 3 of 3." in said


def test_less_than_two_epochs_and_parts_of_a_run_have_the_losses_of_two_iterations(traced):
    assert "in iteration 1, " in words(parsed(traced("iris", 299)._repr_html_()))
    part = bp.load("iris").run(keep="every:10")
    card = parsed(part._repr_html_())
    assert "in iteration 3,750." in words(card)
    rows = ["1", "11", "21", "…", "3731", "3741", "3750"]
    assert [row[0] for row in table_of(card)[1]] == rows


def test_where_values_overflowed_there_are_no_means():
    experiment = hostile().replaced(data=bp.Data(examples=[[2.0, 3.0], [1.0, 2.0]]))
    trace = experiment.changed({"learning_rate": 100.0, "iterations": 400}).run()
    assert "#NUM! in iteration 400." in words(parsed(trace._repr_html_()))


def test_the_card_says_where_values_first_overflowed(traced):
    card = parsed(traced("exploding")._repr_html_())
    said = words(card.find("p[@class='mistake']"))
    assert "From iteration 11 on" in said
    assert "z4_1 is the first (#NUM!)" in said
    assert "#NUM! in iteration 30." in words(card)
    assert parsed(traced("two-neuron")._repr_html_()).find("p[@class='mistake']") is None


HOSTILE = "<script>alert('\"&')</script>"


def hostile():
    """An experiment whose title, and the name of whose weight, would be markup."""
    return bp.Experiment(
        title=HOSTILE,
        network=bp.Network(
            inputs=["x<b>"],
            targets=["y<i>"],
            loss="half_squared_error",
            layers=[bp.Layer(neurons=["o<u>"], activation="linear", weights=[[0.5]], bias=False)],
        ),
        data=bp.Data(examples=[[2.0, 3.0]]),
        training=bp.Training(learning_rate=0.1, iterations=3),
    )


def test_names_and_titles_are_never_markup():
    """In no card: of the trace, of a comparison, of a diagnosis, of the gradient, of the Hessian."""
    trace = hostile().run()
    hand = {"o<u>": "1.0", "w_o<u>_1": HOSTILE}
    check = trace.check_gradient(1)
    wrong = copy.copy(check)
    object.__setattr__(wrong, "frame", check.frame.assign(agrees=False))
    shows = (trace, trace.compare(hand), trace.health(), check, wrong, trace.curvature(1))
    for show in shows:
        html = show._repr_html_()
        for markup in ("<script", "<b>", "<i>", "<u>"):
            assert markup not in html
        assert parsed(html) is not None
    assert HOSTILE in unescape(trace._repr_html_())
    assert HOSTILE in unescape(trace.compare(hand)._repr_html_())


@pytest.mark.slow
def test_curves_show_themselves(traced):
    """Axes in a figure of ours are shown as that figure; in another's they are left to it."""
    plot = traced("two-neuron").plot
    axes = plot.loss()
    assert axes._repr_svg_() == axes.figure._repr_svg_()
    assert "MSE" in axes._repr_svg_()
    others = Figure().add_subplot()
    assert plot.loss(others) is others
    assert type(others).__name__ == "Axes"


def test_a_large_hessian_is_not_shown_as_a_table(traced):
    small, large = traced("two-neuron").curvature(1), traced("iris", 300).curvature(1)
    assert len(table_of(parsed(small._repr_html_()))[1]) == 5
    assert parsed(large._repr_html_()).find("table") is None
    assert "Eigenvalues: " in words(parsed(large._repr_html_()))
    assert repr(large).startswith("<Curvature of iteration 1>\nEigenvalues: ")


def test_of_many_gradients_the_first_and_the_last_are_shown():
    layers = [bp.Layer(units=40, activation="tanh"), bp.Layer(units=1)]
    network = bp.Network(inputs=["x"], targets=["y"], loss="squared_error", layers=layers)
    wide = bp.Experiment(
        network=network, data=bp.Data(examples=[[0.5, 1.0]]), training=bp.Training(iterations=1)
    )
    check = wide.run().check_gradient(1)
    rows = table_of(parsed(check._repr_html_()))[1]
    assert len(rows) == 61
    assert (rows[0][0], rows[-1][0]) == (check.frame.index[0], check.frame.index[-1])
    assert repr(check).startswith("<GradientCheck of iteration 1>\n")
