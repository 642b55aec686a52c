"""What is computed at once: neighbours in the row, and states in the place of their predecessors."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.engine.ahead import Ahead
from bpsheet.engine.units import Units


def units_of(program):
    return Units.of(program, frozenset(Ahead(program).indices))


def experiment(rule="gradient_descent", **more):
    training = bp.Training(rule=rule, learning_rate=0.1, iterations=3, **more)
    network = bp.Network(
        inputs=["x1", "x2"],
        targets=["t"],
        loss="half_squared_error",
        layers=[bp.Layer(units=3, activation="tanh"), bp.Layer(units=1, activation="logistic")],
    )
    data = bp.Data(examples=[[0.5, -1.0, 1.0]])
    return bp.Experiment(network=network, data=data, training=training)


def test_weights_of_all_layers_adjoin_and_are_one_vector():
    units = units_of(experiment().program())
    assert [quantity.shape for quantity in units.states] == [(13,)]
    (weights,) = units.states
    names = [column.name for column in weights.columns]
    assert names == [c.name for c in experiment().program() if c.is_state][-13:]
    assert [ref.name for ref in units.cells[weights.name]] == names


def test_updates_adjoin_and_gradients_do_not():
    """A matrix of gradients is a product of two vectors, and no entry is like that of a bias."""
    joined = [q.name for q in units_of(experiment().program()).others if ", " in q.name]
    assert joined == ["Δb1, ΔW1, Δb2, ΔW2"]


@pytest.mark.parametrize(("rule", "expected"), [("gradient_descent", True), ("adam", False)])
def test_weights_replace_those_before_unless_other_columns_use_them(rule, expected):
    assert units_of(experiment(rule).program()).is_in_place() is expected
