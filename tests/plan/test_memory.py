"""What a rule remembers of updates before the first row: a training cut in two is the same training."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.textbook.rules import RULES
from tests.helpers.samples import sampled

KEPT = {name: [one for one in rule.quantities if one.kept] for name, rule in RULES.items()}
WITH_MEMORY = [name for name, kept in KEPT.items() if kept]


def two_halves(rule, **training):
    """The second half of a training, and the same with what the rule remembers at that time."""
    experiment = bp.load("two-neuron")
    settings = {"rule": rule, "learning_rate": 0.05, "iterations": 12} | training
    whole = experiment.replaced(training=bp.Training(**settings))
    trace = whole.run()
    row = trace.frame.loc[6]
    memory = {}
    for one in KEPT[rule]:
        if one.shared:
            memory[one.name] = {one.name: row[one.name]}
            continue
        pattern = getattr(whole.notation, one.name)
        memory[one.name] = {
            name: np.vectorize(
                lambda weight, p=pattern: row[
                    p.format(weight=weight, gradient=f"dMSE / d{weight}")
                ],
                otypes=[float],
            )(names).tolist()
            for name, names in whole.model.weight_arrays.items()
        }
    counted = {"updates_before": 6} if RULES[rule].counts else {}
    later = settings | {"iterations": 6, "memory": memory} | counted
    second = whole.with_weights(trace.weights_at(7)).replaced(training=bp.Training(**later))
    return trace, second


@pytest.mark.parametrize("rule", sampled(WITH_MEMORY, "momentum", "nadam", "rprop"))
def test_a_training_goes_on_from_what_its_rule_remembers(rule, tmp_path):
    """Also from its file."""
    trace, second = two_halves(rule)
    weights = trace.weights.iloc[6:].to_numpy()
    assert (second.run().weights.to_numpy() == weights).all()
    path = tmp_path / "second.toml"
    path.write_text(second.to_toml())
    assert bp.load(path) == second


@pytest.mark.parametrize(
    ("rule", "keys", "said"),
    [
        ("gradient_descent", {"memory": {"velocity": {"W1": [[1]]}}}, "remembers nothing"),
        ("adam", {"memory": {"velocity": {"W1": [[1]]}}}, "nothing of this name"),
        ("adam", {"memory": {"first_moment": {"W9": [[1]]}}}, "unknown array of weights"),
        ("adam", {"memory": {"first_moment": {"W1": [[1]]}}}, "shape (1, 2) expected; got (1, 1)"),
        ("nadam", {"memory": {"mu_product": {"W1": 0.5}}}, "unknown array of weights"),
        ("momentum", {"updates_before": 3}, "does not count its updates"),
        ("adam", {"updates_before": -3}, "a number of at least 0 expected"),
    ],
)
def test_a_memory_that_does_not_fit_is_said(rule, keys, said):
    with pytest.raises(bp.ExperimentError) as refused:
        bp.load("two-neuron").replaced(training={"rule": rule, "iterations": 3} | keys)
    assert said in str(refused.value)
