"""Rules, clipping, weight decay and schedules, against the update written as a loop in NumPy."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given

import bpsheet as bp
from bpsheet.columns.updates import settings_of
from bpsheet.errors import ExperimentError
from bpsheet.program.kinds import Role
from bpsheet.textbook.rules import RULES, SCHEDULES, SETTINGS
from tests.helpers.rules import BY_HAND, DECOUPLED
from tests.helpers.samples import draws, spread
from tests.helpers.strategies import BY_NUMBER, OPTIMISERS, SCHEDULED, experiments, graphs


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
        case "multi_step":
            rate *= (schedule.factor or 0.1) ** sum(k >= at for at in schedule.milestones)
        case "linear" | "polynomial":
            low, left = schedule.lowest or 0.0, 1 - min(k, schedule.over) / schedule.over
            power = (schedule.power or 2) if schedule.kind == "polynomial" else 1
            rate = low + (rate - low) * left**power
        case "restarts":
            low, period, growth = schedule.lowest or 0.0, schedule.every, schedule.growth or 1
            since = k
            while since >= period:
                since, period = since - period, period * growth
            rate = low + (rate - low) * (1 + math.cos(math.pi * since / period)) / 2
        case "one_cycle":
            first = rate / (schedule.first_divisor or 25)
            last = first / (schedule.last_divisor or 10_000)
            rise, end = (schedule.rise or 0.3) * schedule.over - 1, schedule.over - 1
            one, two, share = first, rate, k / rise if rise else 1
            if k >= rise:
                one, two, share = rate, last, (min(k, end) - rise) / (end - rise)
            rate = two + (one - two) * (1 + math.cos(math.pi * share)) / 2
    if schedule.warmup:
        rate *= min(1, (k + 1) / schedule.warmup)
    return rate


def adjustments(experiment, frame):
    """Every adjustment of a run, from its recorded gradients: a plain loop over its rows."""
    training = experiment.training
    rule, given = training.rule, settings_of(training)
    slopes = [c.adjoint_name for c in experiment.columns if c.role is Role.WEIGHT]
    gradients = frame[slopes].to_numpy() * (-1 if experiment.model.turned else 1)
    weights = frame[names(experiment, Role.WEIGHT)].to_numpy()
    uphill = experiment.model.uphill or rule == "gradient_ascent"
    sign = 1 if uphill else -1
    total = np.zeros(gradients.shape[1])
    memory, updates, made = SimpleNamespace(m=0 * total, v=0 * total), 0, []
    own = {name: given[name] for name in RULES[rule].settings}
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
        if rule not in DECOUPLED:
            g = g - sign * decay * weights[row]
        by_epoch = training.schedule is not None and training.schedule.per == "epoch"
        epoch = int(frame["epoch"].iloc[row])
        rate = rate_at(training, epoch - 1 if by_epoch else updates - 1)
        # Up is down the other way: the negative loss has the negative gradient.
        made.append(BY_HAND[rule](memory, -sign * g, weights[row], rate, updates, **own))
    return np.array(made)


@pytest.mark.slow
@given(experiments())
@draws(60)
def test_every_adjustment_is_that_of_the_rule_as_a_plain_loop_makes_it(experiment):
    frame = experiment.run(iterations=12).frame
    found = frame[names(experiment, Role.ADJUSTMENT)].to_numpy()
    if np.isnan(found).any():
        return
    expected = adjustments(experiment, frame)
    if "stopped" in frame:
        expected[frame["stopped"] == 1] = 0
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.slow
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


@pytest.mark.sample(5)
@pytest.mark.parametrize("rule", ["lion", "momentum_with_rate", "nesterov_with_rate"])
@pytest.mark.parametrize("up", [False, True])
def test_a_rule_that_pytorch_lacks_is_its_papers_over_two_hundred_updates(rule, up):
    """The weights themselves, from one row to the next."""
    base = bp.load("log-likelihood" if up else "two-neuron").replaced(hand={})
    given = {"lion": {"weight_decay": 0.02}}.get(rule, {"first_velocity": 0.01, "momentum": 0.8})
    training = bp.Training(rule=rule, learning_rate=0.003, iterations=201, **given)
    experiment = base.replaced(training=training)
    frame = experiment.run().frame
    weights = frame[names(experiment, Role.WEIGHT)].to_numpy()
    gradients = frame[[c.adjoint_name for c in experiment.columns if c.role is Role.WEIGHT]]
    own = {name: settings_of(training)[name] for name in RULES[rule].settings}
    memory, w = SimpleNamespace(m=0 * weights[0], v=None), weights[0]
    for t, g in enumerate(gradients.to_numpy()[:-1], start=1):
        w = w + BY_HAND[rule](memory, -g if up else g, w, 0.003, t, **own)
        np.testing.assert_allclose(weights[t], w, rtol=1e-10, atol=1e-13)
    assert np.abs(weights[-1] - weights[0]).max() > 0.1


@pytest.mark.parametrize("rule", ["momentum", "nesterov"])
def test_the_rate_inside_the_velocity_makes_a_difference_only_where_it_changes(rule):
    def run(name, **more):
        return two_neuron(rule=name, iterations=60, **more).run().weights.to_numpy()

    inside = f"{rule}_with_rate"
    np.testing.assert_allclose(run(inside), run(rule), rtol=1e-12)
    changing = {"schedule": bp.Schedule(kind="exponential", factor=0.9)}
    assert np.abs(run(inside, **changing) - run(rule, **changing)).max() > 1e-3


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


@pytest.mark.slow
def test_a_likelihood_is_climbed_by_every_rule():
    """The rules that have no direction in their name take it from the loss."""
    for rule in OPTIMISERS:
        base = bp.load("log-likelihood")
        training = bp.Training(rule=rule, learning_rate=0.01, iterations=40)
        loss = names(base, Role.LOSS)[0]
        values = base.replaced(training=training).run().frame[loss].to_numpy()
        count = base.example_count
        assert values[-count:].sum() > values[:count].sum(), rule


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", spread(BY_NUMBER, 5))
def test_a_schedule_counts_updates_and_not_presentations(kind):
    """In batches of 7 of 150 there are 22 updates in an epoch, the last of them of 3."""
    used = {name: SCHEDULED[name] for name in SCHEDULES[kind].names}
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


def test_each_milestone_is_a_cell_and_may_be_changed_by_its_name():
    experiment = two_neuron(schedule=bp.Schedule(kind="multi_step", milestones=[3, 5]))
    labels = {cell.name: cell.label for cell in experiment.program().parameters}
    assert labels["schedule_milestones_2"] == "milestone 2"
    changed = experiment.changed({"schedule_milestones_2": 9})
    assert changed.training.schedule.milestones == [3, 9]
    assert changed.run().frame["rate"].tolist() == pytest.approx(
        [0.05] * 3 + [0.005] * 6 + [5e-4] * 3
    )


@pytest.mark.parametrize("growth", [2.0, 3.0, 7.0])
def test_no_restart_comes_an_update_late_after_many(growth):
    """A logarithm next to a whole number decides: at every restart the rate is the full one."""
    schedule = bp.Schedule(kind="restarts", every=1.0, growth=growth)
    frame = two_neuron(schedule=schedule, iterations=3000).run().frame
    restarts, length = [1], 1
    while restarts[-1] + length <= 3000:
        restarts.append(restarts[-1] + length)
        length *= int(growth)
    assert (frame.index[frame["rate"] == 0.05]).tolist() == restarts


@pytest.mark.parametrize(
    ("table", "place", "said"),
    [
        (
            {"momentum": 0.9},
            "momentum",
            (
                "used by momentum, nesterov, momentum_with_rate and nesterov_with_rate only; "
                "leave it out"
            ),
        ),
        (
            {"rule": "adam", "decay": 0.9},
            "decay",
            "used by rmsprop and adadelta only; leave it out",
        ),
        (
            {"epsilon": 0.1},
            "epsilon",
            "used by adagrad, rmsprop, adam and 6 more only; leave it out",
        ),
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
            "used by step and restarts only; leave it out",
        ),
        (
            {"schedule": {"kind": "multi_step"}},
            "schedule.milestones",
            "missing, and needed by multi_step",
        ),
        (
            {"schedule": {"kind": "step", "every": 3, "milestones": [2]}},
            "schedule.milestones",
            "used by multi_step only; leave it out",
        ),
        (
            {"schedule": {"kind": "multi_step", "milestones": [2, -3]}},
            "schedule.milestones[2]",
            "a number greater than 0 expected; got -3",
        ),
        (
            {"schedule": {"kind": "restarts", "every": 3, "growth": 1.5}},
            "schedule.growth",
            "a whole number of at least 1 expected; got 1.5",
        ),
        (
            {"schedule": {"kind": "sudden"}},
            "schedule.kind",
            (
                'one of "constant", "step", "multi_step", "exponential", "inverse_time", "linear", '
                '"polynomial", "cosine", "restarts", "one_cycle" or "plateau" expected; got "sudden"'
            ),
        ),
        ({"weight_decay": -1}, "weight_decay", "a number of at least 0 expected; got -1"),
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
    used |= {f"schedule_{name}" for schedule in SCHEDULES.values() for name in schedule.names}
    assert used | {"clip_value", "clip_norm", "patience", "schedule_warmup"} == set(SETTINGS)
