"""Rules, clipping, weight decay and schedules, against the update written as a loop in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given

import bpsheet as bp
from bpsheet.columns.updates import settings_of
from bpsheet.errors import ExperimentError
from bpsheet.program.kinds import Role
from bpsheet.textbook.rules import RULES, SCHEDULES, SETTINGS
from tests.helpers.samples import draws
from tests.helpers.strategies import OPTIMISERS, experiments, graphs


def two_neuron(**training):
    given = {"iterations": 12, "learning_rate": 0.05} | training
    return bp.load("two-neuron").replaced(training=bp.Training(**given), hand={})


def names(experiment, role):
    return [column.name for column in experiment.columns if column.role is role]


def rate_at(training, k):
    """The learning rate after k updates or epochs, by the schedule's own words."""
    schedule, rate = training.schedule, training.learning_rate
    if schedule is None:
        return rate
    match schedule.kind:
        case "step":
            rate *= (schedule.factor or 0.5) ** (k // schedule.every)
        case "exponential":
            rate *= schedule.factor**k
        case "inverse_time":
            rate /= 1 + schedule.decay * k
        case "cosine":
            low, share = schedule.lowest or 0.0, min(k, schedule.over) / schedule.over
            rate = low + (rate - low) * (1 + math.cos(math.pi * share)) / 2
    if schedule.warmup:
        rate *= min(1, (k + 1) / schedule.warmup)
    return rate


def adjustments(experiment, frame):
    """Every adjustment of a run, from its recorded gradients: a plain loop over its rows."""
    training = experiment.training
    rule, given = training.rule, settings_of(training)
    gradients = frame[[f"{c.adjoint_name}" for c in experiment.columns if c.role is Role.WEIGHT]]
    gradients = gradients.to_numpy()
    weights = frame[names(experiment, Role.WEIGHT)].to_numpy()
    uphill = experiment.model.uphill or rule == "gradient_ascent"
    sign = 1 if uphill else -1
    total = np.zeros(gradients.shape[1])
    first, second, updates, made = 0 * total, 0 * total, 0, []
    ends = frame["batch_end"].to_numpy() if "batch_end" in frame else np.ones(len(frame))
    length = 0
    for row in range(len(frame)):
        total, length = total + gradients[row], length + 1
        if not ends[row]:
            made.append(0 * total)
            continue
        updates += 1
        g = total / length if training.reduction == "mean" else total
        total, length = 0 * total, 0
        if training.clip_value:
            g = np.clip(g, -training.clip_value, training.clip_value)
        if training.clip_norm:
            g = g * min(1, training.clip_norm / (np.sqrt((g**2).sum()) + 1e-6))
        decay = given.get("weight_decay", 0.0)
        if rule != "adamw":
            g = g - sign * decay * weights[row]
        by_epoch = training.schedule is not None and training.schedule.per == "epoch"
        epoch = int(frame["epoch"].iloc[row])
        rate = rate_at(training, epoch - 1 if by_epoch else updates - 1)
        match rule:
            case "momentum" | "nesterov":
                first = given["momentum"] * first + g
                step = g + given["momentum"] * first if rule == "nesterov" else first
            case "adagrad":
                second = second + g**2
                step = g / (np.sqrt(second) + given["epsilon"])
            case "rmsprop":
                second = given["decay"] * second + (1 - given["decay"]) * g**2
                step = g / (np.sqrt(second) + given["epsilon"])
            case "adam" | "adamw":
                b1, b2 = given["beta1"], given["beta2"]
                first = b1 * first + (1 - b1) * g
                second = b2 * second + (1 - b2) * g**2
                root = np.sqrt(second / (1 - b2**updates))
                step = first / (1 - b1**updates) / (root + given["epsilon"])
                if rule == "adamw":
                    step = step - sign * decay * weights[row]
            case _:
                step = g
        made.append(sign * rate * step)
    return np.array(made)


@given(experiments())
@draws(60)
def test_every_adjustment_is_that_of_the_rule_as_a_plain_loop_makes_it(experiment):
    frame = experiment.run(iterations=12).frame
    found = frame[names(experiment, Role.ADJUSTMENT)].to_numpy()
    if np.isnan(found).any():
        return
    np.testing.assert_allclose(found, adjustments(experiment, frame), rtol=1e-9, atol=1e-14)


@given(graphs())
@draws(30)
def test_formulas_of_ones_own_are_trained_by_the_same_rules(experiment):
    frame = experiment.run(iterations=12).frame
    found = frame[names(experiment, Role.ADJUSTMENT)].to_numpy()
    if np.isnan(found).any() or np.abs(found).max() > 1e6:
        return
    np.testing.assert_allclose(found, adjustments(experiment, frame), rtol=1e-9, atol=1e-14)


def test_adams_first_step_is_the_learning_rate_whatever_the_gradients_size():
    """Only with the correction for the beginning: m̂ = g and v̂ = g², so the step is lr·sign(g)."""
    first = two_neuron(rule="adam").run().frame.iloc[0]
    experiment = two_neuron(rule="adam")
    for column in experiment.columns:
        if column.role is Role.WEIGHT:
            gradient, step = first[column.adjoint_name], first[f"delta_{column.name}"]
            assert step == pytest.approx(-0.05 * np.sign(gradient), rel=1e-5)
            assert first[f"m_hat_{column.name}"] == pytest.approx(gradient, rel=1e-15)
            assert first[f"v_hat_{column.name}"] == pytest.approx(gradient**2, rel=1e-12)


def test_a_clipped_gradient_is_no_longer_than_the_norm_and_keeps_its_direction():
    experiment = two_neuron(clip_norm=0.05)
    frame = experiment.run().frame
    clipped = frame[names(experiment, Role.GRADIENT_USED)].to_numpy()
    gradients = frame[names(experiment, Role.GRADIENT)].to_numpy()
    lengths = np.linalg.norm(clipped, axis=1)
    assert (np.linalg.norm(gradients, axis=1) > 0.05).any()
    assert (lengths <= 0.05).all()
    cosines = (clipped * gradients).sum(axis=1) / lengths / np.linalg.norm(gradients, axis=1)
    np.testing.assert_allclose(cosines, 1, rtol=1e-14)


def test_a_likelihood_is_climbed_by_every_rule():
    """The rules that have no direction in their name take it from the loss."""
    for rule in OPTIMISERS:
        base = bp.load("log-likelihood")
        training = bp.Training(rule=rule, learning_rate=0.01, iterations=40)
        loss = names(base, Role.LOSS)[0]
        frame = base.replaced(training=training).run().frame
        assert frame[loss].iloc[-1] > frame[loss].iloc[0], rule


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_counts_updates_and_not_presentations(kind):
    """In batches of 7 of 150 there are 22 updates in an epoch, the last of them of 3."""
    values = {"factor": 0.5, "every": 3, "decay": 0.25, "over": 20, "lowest": 0.001}
    used = {n: values[n] for n in values if f"schedule_{n}" in SCHEDULES[kind].settings}
    training = bp.Training(
        batch_size=7, iterations=310, schedule=bp.Schedule(kind=kind, warmup=4, **used)
    )
    experiment = bp.load("iris").replaced(training=training)
    frame = experiment.run().frame
    ended = frame[frame["batch_end"] == 1]
    assert ended["updates"].tolist() == list(range(1, len(ended) + 1))
    expected = [rate_at(training, k) for k in range(len(ended))]
    np.testing.assert_allclose(ended["rate"], expected, rtol=1e-14)


def test_plain_descent_has_the_columns_it_always_had():
    assert not {"rate", "updates", "gradient_norm"} & set(two_neuron().run().frame)
    constant = two_neuron(schedule=bp.Schedule(kind="constant"))
    assert "rate" not in constant.run().frame


def test_a_frozen_weight_has_no_part_in_the_rule():
    experiment = two_neuron(rule="adam", clip_norm=0.1, freeze=["w_xg1"])
    frame = experiment.run().frame
    assert "m_w_xg1" not in frame
    others = [c.adjoint_name for c in experiment.columns if c.role is Role.WEIGHT]
    others.remove("dMSE / dw_xg1")
    np.testing.assert_allclose(frame["gradient_norm"], np.linalg.norm(frame[others], axis=1))


def test_every_hyper_parameter_is_a_cell_and_may_be_changed_by_its_name():
    """Changed by name, the run is the one whose file says so."""
    schedule = bp.Schedule(kind="step", every=4.0, warmup=2.0)
    table = {"rule": "adamw", "clip_norm": 0.2, "iterations": 9}
    experiment = two_neuron(**table, schedule=schedule)
    cells = {p.name: p.value for p in experiment.program().parameters}
    assert cells.keys() == {
        "learning_rate", "beta1", "beta2", "epsilon", "weight_decay", "clip_norm",
        "schedule_factor", "schedule_every", "schedule_warmup",
    }  # fmt: skip
    assert cells.keys() - {"learning_rate"} <= SETTINGS.keys()
    before = experiment.run().frame
    for name, value in cells.items():
        if name == "epsilon":
            continue
        changed = experiment.changed({name: value * 0.5})
        assert {p.name: p.value for p in changed.program().parameters} == cells | {name: value / 2}
        assert not changed.run().frame.equals(before), name


@pytest.mark.parametrize(
    ("table", "place", "said"),
    [
        ({"momentum": 0.9}, "momentum", "used by momentum and nesterov only; leave it out"),
        ({"rule": "adam", "decay": 0.9}, "decay", "used by rmsprop only; leave it out"),
        ({"rule": "adam", "beta1": 1.0}, "beta1", "a number less than 1 expected; got 1.0"),
        ({"rule": "adam", "epsilon": 0}, "epsilon", "a number greater than 0 expected; got 0"),
        (
            {"clip_norm": 1, "clip_value": 1},
            "clip_norm",
            "either clip_value or clip_norm expected, not both",
        ),
        (
            {"schedule": {"kind": "cosine"}},
            "schedule.over",
            "missing, and needed by cosine",
        ),
        (
            {"schedule": {"kind": "cosine", "over": 9, "every": 3}},
            "schedule.every",
            "used by step only; leave it out",
        ),
        (
            {"schedule": {"kind": "linear"}},
            "schedule.kind",
            (
                'one of "constant", "step", "exponential", "inverse_time" or "cosine" expected; '
                'got "linear"'
            ),
        ),
        ({"weight_decay": -1}, "weight_decay", "a number from 0 expected; got -1"),
    ],
)
def test_settings_that_do_not_fit_are_refused_with_their_place(table, place, said):
    tables = bp.load("two-neuron").to_dict()
    tables["training"] |= table
    with pytest.raises(ExperimentError) as caught:
        bp.Experiment(**tables)
    assert {p.place.removeprefix("training."): p.message for p in caught.value.problems} == {
        place: said
    }


def test_the_perceptron_rule_has_none_of_this():
    tables = bp.load("book-perceptron").to_dict()
    tables["training"] |= {"weight_decay": 0.1, "schedule": {"kind": "exponential", "factor": 0.9}}
    with pytest.raises(ExperimentError) as caught:
        bp.Experiment(**tables)
    assert [p.place for p in caught.value.problems] == [
        "training.weight_decay",
        "training.schedule",
    ]


def test_every_setting_of_a_rule_has_its_label():
    used = {name for rule in RULES.values() for name in rule.settings}
    used |= {name for schedule in SCHEDULES.values() for name in schedule.settings}
    assert used | {"clip_value", "clip_norm", "schedule_warmup"} == set(SETTINGS)
