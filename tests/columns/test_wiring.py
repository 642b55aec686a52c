"""The names of neurons, weights and layers, by the source's notation."""

from __future__ import annotations

import pytest

from bpsheet.columns.names import neuron_names, wire
from bpsheet.program.kinds import Phase
from bpsheet.tables.notation import PLACEHOLDERS, Notation
from tests.helpers.networks import BOOK, TWO, experiment, formulas, network


def test_default_names_are_plain_and_unambiguous():
    made = experiment({"units": 2}, {"units": 1})
    names = [column.name for column in made.columns if column.phase is Phase.WEIGHT]
    assert names == [
        "w_h1_0",
        "w_h1_1",
        "w_h1_2",
        "w_h2_0",
        "w_h2_1",
        "w_h2_2",
        "w_out_0",
        "w_out_1",
        "w_out_2",
    ]


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([{"units": 1}], [("out",)]),
        ([{"units": 2}, {"units": 3}], [("h1", "h2"), ("out1", "out2", "out3")]),
        ([{"units": 2}, {"units": 1}, {"units": 1}], [("h1_1", "h1_2"), ("h2_1",), ("out",)]),
        ([{"neurons": ["p", "q"]}, {"units": 1}], [("p", "q"), ("out",)]),
    ],
)
def test_neurons_without_names_get_some(layers, names):
    assert neuron_names(network(*layers)) == names


def test_the_notation_writes_every_kind_of_name():
    notation = Notation(
        weight="w{layer}_{number}{input}",
        bias="b{layer}_{number}",
        sum="s{depth}_{number}",
        output="a{depth}_{number}",
        loss="E",
        loss_derivative="dE/d{neuron}",
        error="delta{depth}_{number}",
        gradient="dE/d{weight}",
        adjustment="change of {weight}",
        output_derivative="g'({neuron})",
    )
    made = formulas(experiment({"neurons": ["p", "q"]}, {"neurons": ["r"]}, notation=notation))
    assert made["s2_2"] == "1*b1_2 + x1*w1_21 + x2*w1_22"
    assert made["s3_1"] == "1*b2_1 + a2_1*w2_11 + a2_2*w2_12"
    assert made["a3_1"] == "logistic(s3_1)"
    assert made["E"] == "(y - a3_1)^2"
    assert made["dE/dr"] == "2*(a3_1 - y)"
    assert made["g'(q)"] == "a2_2*(1 - a2_2)"
    assert made["delta3_1"] == "(dE/dr)*g'(r)"
    assert {"dE/db2_1", "change of w2_12", "delta2_2"} <= set(made)


def test_the_inputs_name_can_stand_in_a_weights_name():
    layers = wire(network({"neurons": ["g"]}), Notation(weight="{input_name}->{neuron}"))
    assert layers[0].of_neuron(0) == ("bias->g", "x1->g", "x2->g")


def test_single_names_can_be_replaced():
    notation = BOOK | {"rename": {"w_xg1": "alpha", "g_error": "blame"}}
    made = formulas(experiment(*TWO, notation=notation))
    assert made["z_g"] == "1*w_xg0 + x1*alpha + x2*w_xg2"
    assert made["dMSE / dw_xg0"] == "blame*1"
    assert "dMSE / dalpha" in made


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("w_{nuron}", 'unknown placeholder {nuron} in "w_{nuron}"; known here: {source}'),
        ("w_{", "is no pattern"),
        ("w_{}", "unknown placeholder {}"),
        ("w_{0}", "unknown placeholder {0}"),
        ("w_{neuron.__class__}", "unknown placeholder {neuron.__class__}"),
        ("w_{neuron[0]}", "unknown placeholder {neuron[0]}"),
        ("w_{neuron:>999999999}", "unknown placeholder {neuron}"),
        ("w_{neuron!r}", "unknown placeholder {neuron}"),
    ],
)
def test_a_pattern_that_cannot_be_filled_in_is_named(pattern, message):
    ((key, said),) = Notation(weight=pattern).problems()
    assert key == "weight"
    assert message in said


def test_every_pattern_of_the_notation_is_checked():
    for quantity in PLACEHOLDERS:
        ((key, _),) = Notation(**{quantity: "{nonsense}"}).problems()
        assert key == quantity


@pytest.mark.parametrize(
    ("names", "inputs", "weight"),
    [
        (["g"], ["x1", "x2"], "w_xg1"),
        (["h1", "h2"], ["x1", "x2"], "w_xh11"),
        (["g"], ["left", "right"], "w_xg1"),
        (["g"], ["x"], "w_xg1"),
        (["g"], ["price_1", "price_2"], "w_priceg1"),
    ],
)
def test_a_layer_is_called_by_what_its_names_begin_with(names, inputs, weight):
    """{source} of the first layer: x of x1 and x2; x where inputs have nothing in common."""
    notation = Notation(weight="w_{source}{neuron}{input}")
    layers = wire(network({"neurons": names}, inputs=inputs), notation)
    assert layers[0].weights[0][0] == weight


def test_a_layer_may_have_a_name_of_its_own():
    notation = Notation(weight="w_{source}{neuron}{input}")
    layers = wire(network({"neurons": ["p", "q"], "name": "h"}, {"neurons": ["o"]}), notation)
    assert layers[1].weights[0] == ("w_ho1", "w_ho2")
