"""Engines that are not ours agree with the trace, and with each other, on every cell."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest
from agreement.draw import Case, drawn, of_templates, three_changes
from agreement.engines import KNOWN, reports
from agreement.tally import Line
from samples import small_templates
from strategies import experiments, graphs

from bpsheet.verifying import verify

STRATEGIES = {"networks": experiments(), "graphs": graphs()}


@pytest.fixture(params=KNOWN)
def engine(request) -> str:
    if request.param == "libreoffice":
        request.getfixturevalue("libreoffice")
    return request.param


def assert_agreed(cases, engine) -> dict[str, Line]:
    """Nothing differs, save where ironcalc is known to know no error, and that is rare."""
    lines: defaultdict[str, Line] = defaultdict(Line)
    for case, report in reports(cases, engine):
        lines[case.group].add(case, report)
    for line in lines.values():
        assert line.wrong == []
        assert line.cells
        assert line.explained <= (max(1, line.workbooks / 10) if engine == "ironcalc" else 0)
    assert sum(line.workbooks for line in lines.values()) == len(cases)
    return lines


def test_a_sample_agrees_in_every_engine(engine):
    """The whole of it: `python -m tests.agreement`, with its figures in tests/agreement.md."""
    cases = drawn(STRATEGIES, 4, 1) + of_templates(["exploding"])[:1]
    lines = assert_agreed(cases, engine)
    assert lines["exploding"].errors > 500


@pytest.mark.slow
def test_five_hundred_experiments_agree(engine):
    assert_agreed(drawn(STRATEGIES, 500, 1) + of_templates(small_templates()), engine)


def test_the_same_number_draws_the_same_experiments():
    first, second = (drawn(STRATEGIES, 6, 3) for _ in range(2))
    assert [repr(case.trace.experiment) for case in first] == [
        repr(case.trace.experiment) for case in second
    ]
    assert len({repr(case.trace.experiment) + case.kind for case in first}) == 6


def test_three_cells_are_changed():
    """A weight, the learning rate, and an input of the example that the first row presents."""
    (case, _) = of_templates(["book-perceptron"])
    assert case.trace.experiment.data.order[0] == 4
    changes = three_changes(case.trace)
    assert list(changes) == ["w0", "learning_rate", "x1[4]"]
    before = (case.trace.frame.iloc[0]["w0"], 0.1, case.trace.frame.iloc[0]["x1"])
    assert all(new != old for new, old in zip(changes.values(), before, strict=True))


@pytest.mark.parametrize(("formula", "count"), [("0.5", "apart"), ("1/0", "on_errors")])
def test_a_disagreement_is_counted(made, traced, edit, formula, count):
    """A formula that gives another number, and one that gives an error."""
    path = edit(
        made("two-neuron", "book", 20),
        {"J12": lambda xml: re.sub("<f.*?/>", f"<f>{formula}</f>", xml)},
    )
    case = Case("two-neuron", "book", traced("two-neuron", 20))
    line = Line()
    line.add(case, verify(path, changes=three_changes(case.trace)))
    assert getattr(line, count) > 0
    assert line.explained == 0
    assert line.wrong
