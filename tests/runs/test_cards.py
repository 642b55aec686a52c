"""Cards: what a notebook shows of a trace, of a comparison, and of all else a cell may end with."""

from __future__ import annotations

import copy
import pickle
from html import unescape
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from matplotlib.figure import Figure

import bpsheet as bp
from bpsheet.hand.report import MOST, Report
from bpsheet.notebook import WIDTH
from bpsheet.terminal import run_table


def parsed(html):
    """The card as a tree: it is well formed, and has its style beside it."""
    style, card = ET.fromstring(f"<div>{html}</div>")
    assert (style.tag, card.get("class")) == ("style", "bpsheet-card")
    return card


def words(element):
    return " ".join("".join(element.itertext()).split())


def table_of(card):
    """Heads and rows of the card's table, as text."""
    heads = [words(cell) for cell in card.iterfind("table/thead/tr/th")]
    rows = [[words(cell) for cell in row] for row in card.iterfind("table/tbody/tr")]
    return heads, rows


# The card of a trace


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


# The report of a comparison

HAND = {
    "g": "-0.2449",
    "f": "0.4201",
    "MSE'": "-0.5799",
    "f_error": "-0.2436",
    "g_error": "-0.1145",
    "w_xg0": "0.45",
}


@pytest.fixture
def report(traced):
    return traced("two-neuron").compare(HAND)


def test_the_report_counts_and_puts_the_first_mistake_on_top(report):
    """The first in the order of computing: the weight, and why is said once."""
    card = parsed(report._repr_html_())
    count, mistake = card.findall("p")
    assert words(count) == "4 of 6 right. The first mistake is w_xg0 in iteration 1."
    assert words(mistake) == f"✗ wrong w_xg0: {report['reason'].iloc[0]}"
    heads, rows = table_of(card)
    assert heads == ["iteration", "quantity", "written", "rounded", "verdict", ""]
    assert [row[1] for row in rows] == report["quantity"].tolist()
    assert rows[0] == ["1", "w_xg0", "0.45", "0.30", "✗ wrong", ""]
    assert rows[1] == ["1", "g", "-0.2449", "-0.2449", "✓ correct", ""]
    assert rows[4][4] == "✗ likely slip"
    assert "“1 − output”" in rows[4][5]
    assert rows[5][4:] == ["✓ carried through", "Right with the value of f_error that you had."]
    assert [row.get("class") for row in card.iterfind("table/tbody/tr")] == ["mistake"] + [None] * 5


def test_a_report_without_mistakes_says_only_that(report):
    right = report[report["verdict"] == "correct"]
    [count] = parsed(right._repr_html_()).findall("p")
    assert words(count) == "3 of 3 right."


def test_the_command_says_the_same(command, report, tmp_path):
    path = tmp_path / "hand.csv"
    pd.DataFrame([HAND]).assign(iteration=1).to_csv(path, index=False)
    status, out, _ = command("check", "two-neuron", str(path))
    assert status == 1
    assert words(parsed(report._repr_html_()).find("p")) in out


def test_the_report_is_a_data_frame_in_every_respect(report):
    """Selected, sorted, joined, copied, pickled and written like any other."""
    plain = pd.DataFrame(report)
    assert type(plain) is pd.DataFrame
    pd.testing.assert_frame_equal(report, plain, check_frame_type=False)
    assert repr(report) == repr(plain)
    assert report.groupby("verdict").size().to_dict() == plain["verdict"].value_counts().to_dict()
    for copied in (report.copy(), copy.deepcopy(report), pickle.loads(pickle.dumps(report))):
        assert isinstance(copied, Report)
        assert copied._repr_html_() == report._repr_html_()
    assert type(report["exact"]) is pd.Series
    assert report.to_csv() == plain.to_csv()
    assert report.merge(plain, on="quantity").shape == (6, 13)


CHANGES = {
    "a column less": lambda report: report.drop(columns="exact"),
    "a column more": lambda report: report.assign(mark=1),
    "other columns": lambda report: report[["quantity", "verdict"]],
    "another order": lambda report: report.sort_values("quantity"),
    "twice": lambda report: pd.concat([report, report]),
    "turned": lambda report: report.T,
    "no rows": lambda report: report.iloc[:0],
    "another verdict": lambda report: report.assign(verdict="fine"),
    "no verdict": lambda report: report.assign(verdict=float("nan")),
    "an index": lambda report: report.set_index("quantity"),
    "two students": lambda report: pd.concat({"Ada": report, "Ben": report}),
    "twice in order": lambda report: pd.concat([report, report]).sort_index(),
    "named rows": lambda report: report.set_axis(list("abcdef")),
    "statistics": lambda report: report.describe(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_no_longer_the_report_displays_as_pandas_displays_it(report, change):
    changed = change(report)
    assert changed._repr_html_() == pd.DataFrame(changed)._repr_html_()
    assert "dataframe" in changed._repr_html_()


def test_who_wants_no_html_from_pandas_gets_none(report):
    with pd.option_context("display.notebook_repr_html", False):
        assert report._repr_html_() is None


def test_of_a_long_report_the_card_has_what_is_not_plainly_correct(traced):
    trace = traced("two-neuron")
    hand = {number: {"f": f"{trace.frame.loc[number, 'f']:.4f}"} for number in range(1, 101)}
    hand[70] = {"f": "0.1"}
    card = parsed(trace.compare(hand)._repr_html_())
    assert words(card.find("p")) == "99 of 100 right. The first mistake is f in iteration 70."
    assert [row[0] for row in table_of(card)[1]] == ["70"]
    assert words(card.findall("p")[-1]) == "99 more are not shown."
    wrong = {number: {"f": "0.1"} for number in range(1, 101)}
    assert len(table_of(parsed(trace.compare(wrong)._repr_html_()))[1]) == MOST


# Everything else that a cell may end with


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


def test_of_many_gradients_the_first_and_the_last_are_shown(traced):
    check = traced("digits", 1).check_gradient(1)
    rows = table_of(parsed(check._repr_html_()))[1]
    assert len(rows) == 61
    assert (rows[0][0], rows[-1][0]) == (check.frame.index[0], check.frame.index[-1])
    assert repr(check).startswith("<GradientCheck of iteration 1>\n")
