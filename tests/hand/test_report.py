"""The report of a comparison: its card, and a DataFrame in every respect."""

from __future__ import annotations

import copy
import pickle

import pandas as pd
import pytest

from bpsheet.hand.report import MOST, Report
from tests.helpers.cards import parsed, table_of, words

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
    assert rows[5][4:] == ["✓ carried through", "Right with your value of f_error."]
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


@pytest.mark.sample(7)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_no_longer_the_report_displays_as_pandas_displays_it(report, change):
    changed = change(report)
    assert changed._repr_html_() == pd.DataFrame(changed)._repr_html_()
    assert "dataframe" in changed._repr_html_()


def test_who_wants_no_html_from_pandas_gets_none(report):
    with pd.option_context("display.notebook_repr_html", False):
        assert report._repr_html_() is None


@pytest.mark.slow
def test_of_a_long_report_the_card_has_what_is_not_plainly_correct(traced):
    trace = traced("two-neuron")
    hand = {number: {"f": f"{trace.frame.loc[number, 'f']:.4f}"} for number in range(1, 81)}
    hand[70] = {"f": "0.1"}
    card = parsed(trace.compare(hand)._repr_html_())
    assert words(card.find("p")) == "79 of 80 right. The first mistake is f in iteration 70."
    assert [row[0] for row in table_of(card)[1]] == ["70"]
    assert words(card.findall("p")[-1]) == "79 more are not shown."
    wrong = {number: {"f": "0.1"} for number in range(1, MOST + 2)}
    assert len(table_of(parsed(trace.compare(wrong)._repr_html_()))[1]) == MOST


def test_the_card_tells_how_the_values_were_read(traced):
    trace = traced("iris", 20)
    mine = {"A1": trace.frame[["h1", "h2", "h3", "h4"]].to_numpy()[:10], "cache": [1.0]}
    card = parsed(trace.compare(mine)._repr_html_())
    assert (
        words(card.findall("p")[-1])
        == "Not compared, since no array of the run has such a name: cache."
    )


def test_a_report_has_its_causes_as_a_frame(report):
    causes = report.causes
    assert causes["quantity"].tolist() == ["f_error"]
    assert causes.columns.tolist() == [
        "kind", "iteration", "quantity", "reason", "values", "explains"
    ]  # fmt: skip
    assert report.convention == ""
    assert report.notes == []
