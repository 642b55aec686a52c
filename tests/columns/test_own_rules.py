"""Rules and schedules of one's own, as formulas in the experiment file."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.program.kinds import Role

RULES = {
    "gradient_descent": {"adjustment": "rate*g"},
    "momentum": {"adjustment": "rate*v", "remember": {"v": "0.9*last + g"}},
    "nesterov_with_rate": {
        "adjustment": "0.9*speed + rate*g",
        "remember": {"speed": "0.9*last + rate*g"},
    },
    "lion": {
        "adjustment": "rate*sign(0.9*last_m + 0.1*g) + rate*0*w",
        "remember": {"m": "0.99*last + (1 - 0.99)*g"},
    },
    "adadelta": {
        "adjustment": "rate*step",
        "remember": {
            "s": "0.9*last + 0.1*g^2",
            "step": "sqrt(last_d + 1e-6)/sqrt(s + 1e-6)*g",
            "d": "0.9*last + 0.1*step^2",
        },
    },
    "adam": {
        "adjustment": "rate*m/(1 - 0.9^t)/(sqrt(v/(1 - 0.999^t)) + 1e-8)",
        "remember": {"m": "0.9*last + (1 - 0.9)*g", "v": "0.999*last + (1 - 0.999)*g^2"},
    },
}


def weights(base, **training):
    experiment = base.replaced(training=bp.Training(**training), hand={})
    return experiment.run().weights.to_numpy()


@pytest.mark.sample(4)
@pytest.mark.parametrize("name", ["two-neuron", "log-likelihood"])
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_written_as_formulas_is_the_rule_of_that_name(rule, name):
    """Down and up, with batches, weight decay, a schedule and a frozen weight."""
    base = bp.load(name)
    examples = base.data.examples * 3
    base = base.replaced(data=bp.Data(examples=examples), hand={})
    common = {
        "learning_rate": 0.05,
        "iterations": 24,
        "batch_size": 2,
        "weight_decay": None if rule == "lion" else 0.1,
        "schedule": bp.Schedule(kind="exponential", factor=0.9),
        "freeze": [next(c.name for c in base.columns if c.role is Role.WEIGHT)],
    }
    named = weights(
        base,
        rule=rule if rule != "gradient_descent" or not base.model.uphill else "gradient_ascent",
        **common,
    )
    own = weights(base, rule="formula", **RULES[rule], **common)
    assert np.abs(named[-1] - named[0]).max() > 1e-4
    np.testing.assert_allclose(own, named, rtol=1e-12, atol=1e-15)


def test_a_schedule_written_as_a_formula_is_the_schedule_of_that_name():
    def rates(**schedule):
        training = bp.Training(iterations=12, schedule=bp.Schedule(warmup=3, **schedule))
        return bp.load("two-neuron").replaced(training=training, hand={}).run().frame["rate"]

    named = rates(kind="inverse_time", decay=0.5)
    assert rates(formula="learning_rate/(1 + 0.5*k)").tolist() == named.tolist()


def test_what_is_remembered_has_columns_and_a_pattern_of_the_notation_names_them():
    rule = {
        "rule": "formula",
        "adjustment": "rate*u",
        "remember": {"u": "g", "velocity": "last + u"},
    }
    base = bp.load("two-neuron").replaced(training=bp.Training(iterations=2, **rule), hand={})
    assert {"u_w_xg1", "v_w_xg1"} <= set(base.run().frame)


@pytest.mark.slow
def test_an_experiment_with_its_own_rule_is_written_and_read_again(tmp_path):
    training = bp.Training(
        rule="formula", adjustment="rate*v", remember={"v": "0.5*last + g"}, iterations=5,
        schedule=bp.Schedule(formula="learning_rate/(1 + k)"),
    )  # fmt: skip
    experiment = bp.load("two-neuron").replaced(training=training, hand={})
    path = tmp_path / "own.toml"
    path.write_text(experiment.to_toml(), encoding="utf-8")
    assert bp.load(path).run().values.tobytes() == experiment.run().values.tobytes()
    assert "v_w_xg1" in str(experiment.run().explain(2))
    assert bp.verify(experiment.run().to_excel(tmp_path / "own.xlsx")).passed


@pytest.mark.parametrize(
    ("training", "place", "said"),
    [
        ({"rule": "formula"}, "adjustment", "missing, and needed by formula"),
        ({"adjustment": "rate*g"}, "adjustment", "used by the rule formula only; leave it out"),
        ({"remember": {"v": "g"}}, "remember", "used by the rule formula only; leave it out"),
        (
            {"rule": "formula", "adjustment": "rate*q"},
            "adjustment",
            "unknown name 'q'; known here: g, learning_rate, rate, t, w\n  rate*q\n       ^",
        ),
        (
            {"rule": "formula", "adjustment": "rate*v", "remember": {"v": "0.9*last + gg"}},
            "remember.v",
            "unknown name 'gg'; did you mean 'g'?\n  0.9*last + gg\n             ^",
        ),
        (
            {"rule": "formula", "adjustment": "rate*g", "remember": {"a": "b", "b": "g"}},
            "remember.a",
            "unknown name 'b'",
        ),
        (
            {"rule": "formula", "adjustment": "rate*g", "remember": {"rate": "g"}},
            "remember.rate",
            'another name expected: "rate" cannot be one in these formulas',
        ),
        (
            {"schedule": {"formula": "learning_rate/(1 + k"}},
            "schedule.formula",
            "learning_rate/(1 + k\n                      ^",
        ),
        (
            {"schedule": {"formula": "learning_rate/2", "kind": "constant"}},
            "schedule.formula",
            "either kind or formula expected, not both",
        ),
        (
            {"schedule": {"formula": "learning_rate/2", "every": 2}},
            "schedule.every",
            "used by step and restarts only; leave it out",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_a_caret(training, place, said):
    tables = bp.load("two-neuron").to_dict()
    tables["training"] |= training
    with pytest.raises(bp.ExperimentError) as caught:
        bp.Experiment(**tables)
    (problem,) = caught.value.problems
    assert problem.place == f"training.{place}"
    assert said in problem.message
