"""Numbers that no float can hold, and numbers that Python does not write, in every kind of field."""

from __future__ import annotations

from copy import deepcopy
from fractions import Fraction

import pytest

import bpsheet as bp

TABLES = bp.load("two-neuron").to_dict()
TOO_LARGE = [10**400, -(10**400), 10**5_000, Fraction(10**5_000, 3), [10**5_000]]
FIELDS = [
    ("title",),
    ("network", "layers", 0, "weights", 0, 0),
    ("network", "layers", 0, "bias", 0),
    ("network", "layers", 0, "bias"),
    ("network", "layers", 1, "neurons"),
    ("data", "examples", 0, 0),
    ("training", "learning_rate"),
    ("training", "iterations"),
    ("training", "batch_size"),
    ("data", "order"),
    ("data", "seed"),
]


@pytest.mark.sample(10)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: ".".join(map(str, field)))
def test_a_field_refuses_them_in_a_short_sentence(field):
    *path, last = field
    for number in TOO_LARGE:
        tables = deepcopy(TABLES)
        table = tables
        for key in path:
            table = table[key]
        table[last] = number
        with pytest.raises(bp.ExperimentError) as caught:
            bp.Experiment.from_dict(tables)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize("number", TOO_LARGE[:4], ids=["large", "small", "long", "fraction"])
def test_so_do_changes_runs_and_explanations(number):
    experiment = bp.load("two-neuron").changed({"iterations": 3})
    trace = experiment.run()
    for attempt in (
        lambda: experiment.changed({"w_xg0": number}),
        lambda: experiment.changed({"learning_rate": number}),
        lambda: experiment.changed({"iterations": number}),
        lambda: experiment.run(number),
        lambda: trace.explain(number),
        lambda: trace.explain(1, digits=number),
    ):
        with pytest.raises(bp.ExperimentError) as caught:
            attempt()
        assert len(str(caught.value)) < 250
