"""Initial weights: given, or drawn by a method and a seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpsheet.api.experiment import Experiment
from bpsheet.columns.names import wire
from bpsheet.program.kinds import Role
from bpsheet.tables.network import Layer, Network
from bpsheet.tables.notation import Notation
from tests.helpers.networks import experiment, network


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        ("xavier_uniform", -math.sqrt(6 / 500), math.sqrt(6 / 500)),
        ("he_uniform", -math.sqrt(6 / 300), math.sqrt(6 / 300)),
        ("uniform", -0.25, 0.25),
    ],
)
def test_uniform_initial_weights_fill_their_range(method, low, high):
    values = drawn(method)
    assert low <= values.min() < low * 0.99
    assert high * 0.99 < values.max() <= high
    assert abs(values.mean()) < high / 50


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("method", "variance"), [("xavier_normal", 2 / 500), ("he_normal", 2 / 300)]
)
def test_normal_initial_weights_have_their_variance(method, variance):
    values = drawn(method)
    # 60,000 draws: the standard error of a variance is about 0.6 %.
    assert values.var() == pytest.approx(variance, rel=0.03)


@pytest.mark.slow
def test_zeros_are_zeros_and_biases_begin_at_zero_but_with_uniform():
    assert not drawn("zeros").any()
    layer = {"units": 3}
    for method, all_zero in (("xavier_normal", True), ("uniform", False)):
        made = Experiment(
            network=network(layer, targets=("a", "b", "c")),
            data={"examples": [[1.0] * 5]},
            training={"iterations": 1},
            initial={"method": method, "seed": 4},
        )
        biases = [c.start for c in made.columns if c.name in ("w_out1_0", "w_out2_0", "w_out3_0")]
        assert (biases == [0.0] * 3) is all_zero


def test_layers_of_one_shape_draw_other_weights():
    """One generator draws for all layers: the same weights in each would be no draw."""
    made = experiment({"units": 2}, {"units": 2}, {"units": 1})
    starts = {c.name: c.start for c in made.program() if c.role is Role.WEIGHT and c.start}
    assert len(starts) > 8
    assert len(set(starts.values())) == len(starts)


def drawn(method):
    """The weights of a layer from 300 inputs to 200 neurons."""
    from bpsheet.columns.initial import initial_values
    from bpsheet.tables.training import Initial

    wide = Network(
        inputs=[f"x{n}" for n in range(300)],
        targets=["y"],
        layers=[Layer(units=200, bias=False)],
    )
    values = initial_values(
        wide, wire(wide, Notation()), Initial(method=method, seed=1, range=0.25)
    )
    return np.array(list(values.values()))


def test_the_seed_settles_the_initial_weights():
    def start(seed):
        made = experiment({"units": 3}, {"units": 1})
        changed = Experiment(**(made.to_dict() | {"initial": {"seed": seed}}))
        return [column.start for column in changed.columns if column.role is Role.WEIGHT]

    assert start(1) == start(1)
    assert start(1) != start(2)
