"""Engines that are not ours agree with the trace, and with each other, on every cell."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

import bpsheet as bp
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.verify import verify
from bpsheet.workbook.writing import layout_of
from tests.agreement import __main__ as written
from tests.agreement.draw import Case, drawn, of_templates, three_changes
from tests.agreement.engines import reports
from tests.agreement.known import (
    begins_out_of_sight,
    compares_what_is_nearly_equal,
    subtracts_what_is_nearly_equal,
)
from tests.agreement.tally import Line
from tests.helpers.engines import needed
from tests.helpers.layers_at_random import layered
from tests.helpers.samples import sampled, small_templates
from tests.helpers.strategies import experiments, graphs

STRATEGIES = {"networks": experiments(), "graphs": graphs(), "layers": layered()}
# Others take seconds to start.
QUICK = ("ironcalc", "formualizer")


@pytest.fixture(params=sampled(ENGINES, *QUICK))
def engine(request) -> str:
    return needed(request.param)


def assert_agreed(cases, engine) -> dict[str, Line]:
    """Nothing differs, save as an engine is known to, and that is rare."""
    lines: defaultdict[str, Line] = defaultdict(Line)
    for case, _, report in reports(cases, [engine]):
        lines[case.group].add(case, engine, report)
    for line in lines.values():
        assert line.wrong == []
        assert line.cells
    assert sum(line.workbooks for line in lines.values()) == len(cases)
    return lines


@pytest.mark.slow
def test_a_sample_agrees_in_every_engine(engine):
    """The whole of it: `python -m tests.agreement`, with its figures in tests/agreement.md."""
    cases = drawn(STRATEGIES, 3, 1) + of_templates(["exploding"])[:1]
    lines = assert_agreed(cases, engine)
    assert lines["exploding"].errors > 500


@pytest.mark.slow
def test_five_hundred_experiments_agree(engine):
    assert_agreed(drawn(STRATEGIES, 500, 1) + of_templates(small_templates()), engine)


@pytest.mark.slow
def test_the_same_number_draws_the_same_experiments():
    first, second = (drawn(STRATEGIES, 4, 3) for _ in range(2))
    assert [repr(case.trace.experiment) for case in first] == [
        repr(case.trace.experiment) for case in second
    ]
    assert len({repr(case.trace.experiment) + case.kind for case in first}) == 4


def test_the_report_has_the_table_of_what_engines_do_otherwise():
    """As the code has it."""
    report = (written.TESTS / "agreement.md").read_text()
    assert written.deviations(list(ENGINES)) in report


def test_three_cells_are_changed():
    """A weight, the learning rate, and an input of the example that the first row presents."""
    case, *_ = of_templates(["book-perceptron"])
    assert case.trace.experiment.data.order[0] == 4
    changes = three_changes(case.trace)
    assert list(changes) == ["w0", "learning_rate", "x1[4]"]
    before = (case.trace.frame.iloc[0]["w0"], 0.1, case.trace.frame.iloc[0]["x1"])
    assert all(new != old for new, old in zip(changes.values(), before, strict=True))


@pytest.mark.sample(1)
@pytest.mark.parametrize(("formula", "count"), [("0.5", "apart"), ("1/0", "on_errors")])
def test_a_disagreement_is_counted(made, traced, edit, formula, count):
    """A formula that gives another number, and one that gives an error."""
    path = edit(
        made("two-neuron", "book", 12),
        {"J12": lambda xml: re.sub("<f.*?/>", f"<f>{formula}</f>", xml)},
    )
    case = Case("two-neuron", "book", traced("two-neuron", 20))
    line = Line()
    line.add(case, "ironcalc", verify(path, changes=three_changes(case.trace)))
    assert getattr(line, count) > 0
    assert line.explained == 0
    assert line.wrong


# 1 - 0.9999999999999996, to LibreOffice 0; made large enough to be seen.
NEARLY_ZERO = bp.Experiment(
    graph=bp.Graph(
        inputs=["x1"],
        parameters={"p": 0.25},
        forward=["v = (1 - x1)*1e15 + p", "loss = v^2"],
        loss="loss",
    ),
    data=bp.Data(examples=[[0.9999999999999996]]),
    training=bp.Training(learning_rate=0.1, iterations=2),
)


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_is_known_to_count_small_differences_as_0():
    """And nothing else is excused by that: the same cells, differing in another engine, are wrong."""
    case = Case("nearly zero", "full", NEARLY_ZERO.run())
    ((_, _, report),) = reports([case], ["libreoffice"])
    assert not report.passed
    line, another = Line(), Line()
    line.add(case, "libreoffice", report)
    assert (line.explained, line.wrong) == (1, [])
    another.add(case, "formualizer", report)
    assert another.explained == 0
    assert another.wrong


def test_an_experiment_without_small_differences_excuses_nothing(traced):
    trace = traced("two-neuron", 20)
    assert not subtracts_what_is_nearly_equal(trace)
    assert not compares_what_is_nearly_equal(trace)
    assert not begins_out_of_sight(trace, layout_of(trace, "full"))
    assert subtracts_what_is_nearly_equal(NEARLY_ZERO.run())
