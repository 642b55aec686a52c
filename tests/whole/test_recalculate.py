"""Workbooks calculated afresh by engines that are not ours give the trace."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given
from hypothesis import strategies as st

import bpsheet as bp
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.perceptrons import PERCEPTRONS
from bpsheet.textbook.rules import RULES, SCHEDULES
from bpsheet.verifying.deviations import NO_ERF
from bpsheet.verifying.engine import Asked, Block
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.verify import Prepared, verify
from bpsheet.workbook.writing import layout_of, sheets_of
from bpsheet.xlsx.contents import read_xlsx
from tests.agreement.known import begins_out_of_sight, calls_erf
from tests.helpers.engines import needed
from tests.helpers.samples import draws, sampled, small_templates
from tests.helpers.strategies import BY_NUMBER, SCHEDULED, experiments
from tests.helpers.workbooks import KINDS, WORKBOOKS

# As many iterations as the quick tests take; all of them is a slow test.
FEW = 20


def assert_passed(report, trace, kind) -> None:
    """Nothing is wrong, and every cell of Steps was looked at, three times."""
    for comparison in report.comparisons:
        assert comparison.wrong == (), comparison.what
        assert comparison.cells == len(trace) * len(layout_of(trace, kind).shown)
    assert report.passed
    assert [comparison.what for comparison in report.comparisons] == [
        "stored values",
        "recalculated",
        "recalculated with changes",
    ]


@pytest.mark.sample(2)
@pytest.mark.parametrize(("name", "kind"), WORKBOOKS)
def test_every_template_recalculates_to_its_trace(made, traced, name, kind):
    rows = min(FEW, bp.load(name).iterations)
    assert_passed(verify(made(name, kind, rows)), traced(name, rows), kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", small_templates())
def test_every_template_recalculates_as_a_whole(made, traced, name, kind):
    assert_passed(verify(made(name, kind)), traced(name), kind)


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize(
    ("name", "kind", "rows"),
    [
        ("two-neuron", "book", 60),
        ("multiway-classification", "book", 40),
        ("exploding", "full", None),
    ],
)
def test_libreoffice_recalculates_to_the_trace(made, traced, name, kind, rows):
    assert_passed(verify(made(name, kind, rows), "libreoffice"), traced(name, rows), kind)


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", small_templates())
def test_libreoffice_recalculates_every_template(made, traced, name, kind):
    assert_passed(verify(made(name, kind), "libreoffice"), traced(name), kind)


@pytest.mark.slow
@draws(12, suppress_health_check=[HealthCheck.too_slow])
@given(experiments(), st.sampled_from(KINDS))
def test_any_experiment_recalculates_to_its_trace(tmp_path_factory, experiment, kind):
    path = tmp_path_factory.mktemp("random") / "x.xlsx"
    trace = experiment.run()
    trace.to_excel(path, kind)
    assert_passed(verify(path), trace, kind)


def activated(name: str) -> bp.Experiment:
    """With this activation, and weighted sums on both sides of its kinks."""
    weights = {"weights": [[1.5, -2.5], [-1.0, 3.0]], "bias": [0.25, -0.5]}
    return bp.Experiment(
        network=bp.Network(
            inputs=["x1", "x2"],
            targets=["t1", "t2"],
            loss="squared_error",
            layers=[
                bp.Layer(neurons=["g1", "g2"], activation=name, **weights),
                bp.Layer(neurons=["f1", "f2"], activation="linear", **weights),
            ],
        ),
        data=bp.Data(examples=[[0.5, 0.4, 0.0, 1.0], [-1.5, 0.75, 1.0, 0.5], [0, 0.2, 1, 1]]),
        training=bp.Training(learning_rate=0.01, iterations=6),
    )


def trained(rule: str) -> bp.Experiment:
    """In batches, whose rows between two updates remember without a change; a weight is frozen."""
    training = bp.Training(
        rule=rule,
        learning_rate=0.01,
        iterations=12,
        batch_size=2,
        freeze=["w_xg1"],
        schedule=bp.Schedule(kind="exponential", factor=0.9),
    )
    examples = [[-0.9, 0.1, 1.0], [0.4, -0.5, 0.2], [0.7, 0.3, 0.6]]
    base = bp.load("two-neuron").replaced(data=bp.Data(examples=examples), hand={})
    return base.replaced(training=training)


def scheduled(kind: str) -> bp.Experiment:
    schedule = bp.Schedule(kind=kind, **{name: SCHEDULED[name] for name in SCHEDULES[kind].names})
    training = bp.Training(learning_rate=0.1, iterations=16, schedule=schedule)
    return bp.load("two-neuron").replaced(training=training, hand={})


PIECES = {
    "activation": (activated, [name for name in ACTIVATIONS if name not in PERCEPTRONS]),
    "rule": (trained, [name for name in RULES if name != "gradient_ascent"]),
    "schedule": (scheduled, list(BY_NUMBER)),
}
FEW_PIECES = {"activation": "gelu", "rule": "rprop", "schedule": "restarts"}


@pytest.mark.slow
@pytest.mark.parametrize(("piece", "name"), FEW_PIECES.items())
def test_a_piece_recalculates(tmp_path, piece, name):
    make, names = PIECES[piece]
    assert name in names
    trace = make(name).run()
    assert_passed(verify(trace.to_excel(tmp_path / "x.xlsx", "full")), trace, "full")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("piece", PIECES)
def test_every_activation_rule_and_schedule_recalculates_in_each_engine(tmp_path, engine, piece):
    """All workbooks in one process of the engine."""
    needed(engine)
    make, names = PIECES[piece]
    traces = [make(name).run() for name in names]
    prepared = [
        Prepared.of(trace.to_excel(tmp_path / f"{name}.xlsx", "full"), None)
        for name, trace in zip(names, traces, strict=True)
    ]
    asked = [one for each in prepared for one in each.asked]
    values = ENGINES[engine].recalculated(asked)
    for number, (each, trace) in enumerate(zip(prepared, traces, strict=True)):
        if NO_ERF in ENGINES[engine].deviations and calls_erf(trace):
            continue
        report = each.report(ENGINES[engine], values[2 * number : 2 * number + 2])
        assert_passed(report, trace, "full")


# Two weighted sums of opposite signs, each still a number, and exp of what is between them.
FAR_APART = bp.Experiment(
    network=bp.Network(
        inputs=["x"],
        targets=["t1", "t2"],
        loss="cross_entropy",
        layers=[
            bp.Layer(neurons=["f"], activation="linear", weights=[[-0.337]], bias=False),
            bp.Layer(
                neurons=["g1", "g2"], activation="softmax", weights=[[0.524], [-0.227]], bias=False
            ),
        ],
    ),
    data=bp.Data(examples=[[0.745, 0.108, 0.892]]),
    training=bp.Training(learning_rate=0.25, iterations=1),
)


@pytest.mark.slow
@draws(15, suppress_health_check=[HealthCheck.too_slow])
@example(FAR_APART, 1e155, "full")
@example(FAR_APART, 1e155, "book")
@given(experiments(), st.sampled_from([1e3, 1e80, 1e155, 1e300]), st.sampled_from(KINDS))
def test_trace_and_recalculation_agree_on_which_cells_are_errors(
    tmp_path_factory, experiment, rate, kind
):
    """With a learning rate at which weights overflow: the same cells hold errors."""
    path = tmp_path_factory.mktemp("errors") / "x.xlsx"
    trace = experiment.changed({"learning_rate": rate, "iterations": 8}).run()
    trace.to_excel(path, kind)
    (steps,) = sheets_of(trace, kind)
    layout = steps.layout
    with opened(path, OURS) as package:
        contents = read_xlsx(package)
    block = Block(steps.name, range(8, 8 + len(steps)), steps.places)
    ((found,),) = ENGINES["ironcalc"].recalculated([Asked(contents, [block])])
    places = [trace.program.position[shown.column.name] for shown in layout.shown]
    expected = np.isnan(trace.values[:, places])
    assume(not begins_out_of_sight(trace, layout))
    is_error = np.array([[str(cell).startswith("#") for cell in row] for row in found])
    wrong = np.argwhere(expected != is_error)
    assert [f"{layout.shown[c].letter}{r + 8}" for r, c in wrong] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", sampled(KINDS, "full"))
def test_a_batch_cut_short_recalculates(tmp_path, kind):
    """Seven examples in batches of three: the last one of an epoch has one."""
    experiment = bp.Experiment(
        network=bp.Network(
            inputs=["x"],
            targets=["y"],
            loss="squared_error",
            layers=[bp.Layer(units=2, activation="tanh"), bp.Layer(units=1, activation="linear")],
        ),
        data=bp.Data(examples=[[n / 7, n / 5] for n in range(7)]),
        training=bp.Training(batch_size=3, reduction="mean", epochs=3),
        initial=bp.Initial(seed=4),
    )
    trace = experiment.run()
    path = trace.to_excel(tmp_path / "x.xlsx", kind)
    changes = {"batch_size": 2, "reduction": "sum"}
    assert_passed(verify(path), trace, kind)
    assert_passed(verify(path, changes=changes), trace, kind)


@pytest.mark.slow
@pytest.mark.usefixtures("libreoffice")
def test_libreoffice_follows_a_changed_batch(made, traced):
    changes = {"batch_size": 2, "reduction": "sum", "x[3]": 1.25}
    report = verify(made("matrix-1-2-1", "full", 20), "libreoffice", changes)
    assert_passed(report, traced("matrix-1-2-1", 20), "full")


@pytest.mark.parametrize("kind", sampled(KINDS, "book"))
@pytest.mark.parametrize("weight", sampled([800.0, -800.0, 50.0], -800.0))
def test_logistic_far_from_zero_recalculates(tmp_path, kind, weight):
    """1/(1+EXP(-z)) overflows below -709: there the safe form is written, in both layouts."""
    experiment = bp.Experiment(
        network=bp.Network(
            inputs=["x"],
            targets=["y"],
            loss="half_squared_error",
            layers=[bp.Layer(units=1, activation="logistic", weights=[[weight]], bias=[0.0])],
        ),
        data=bp.Data(examples=[[1.0, 1.0], [-1.0, 0.25]]),
        training=bp.Training(iterations=6),
    )
    trace = experiment.run()
    assert not np.isnan(trace.values).any()
    # In the layout full a cell has the argument, and the safe form repeats that alone.
    written = layout_of(trace, kind).formula("out", 9)
    assert written.startswith("IF(") == (kind == "full" or abs(weight) > 709)
    assert_passed(verify(trace.to_excel(tmp_path / "x.xlsx", kind)), trace, kind)
