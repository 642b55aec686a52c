"""Networks as columns: names, notation, wiring, initial values, test columns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bpsheet.experiment import Experiment
from bpsheet.network import activation_of
from bpsheet.notation import PLACEHOLDERS, Notation
from bpsheet.printers.text import formula_text
from bpsheet.program import Phase, Role
from bpsheet.spec import Data, Layer, Network, Training
from bpsheet.wiring import neuron_names, trained_names, weight_names, wire


def network(*layers, inputs=("x1", "x2"), targets=("y",), **more):
    return Network(
        inputs=list(inputs),
        targets=list(targets),
        loss="squared_error",
        layers=[Layer(**layer) for layer in layers],
        **more,
    )


def experiment(*layers, examples=((0.5, -1.0, 1.0),), notation=None, test=None, **more):
    tables = {
        "network": network(*layers, **more),
        "data": {"examples": [list(row) for row in examples]},
        "training": {"iterations": 1},
        "notation": notation or {},
    }
    return Experiment(**tables, **({"test": test} if test else {}))


def formulas(made):
    return {
        column.name: formula_text(column.formula)
        for column in made.columns
        if column.formula is not None
    }


BOOK = {
    "weight": "w_{source}{neuron}{input}",
    "loss": "MSE",
    "loss_derivative": "MSE'",
    "output_derivative": "{neuron}'",
    "gradient": "d{loss} / d{weight}",
}
TWO = ({"neurons": ["g"], "activation": "tanh"}, {"neurons": ["f"]})


def test_the_books_network_has_the_books_columns_in_the_books_order():
    names = [column.name for column in experiment(*TWO, notation=BOOK).columns]
    assert names == (
        "iteration epoch example x1 x2 y w_xg0 w_xg1 w_xg2 w_gf0 w_gf1 z_g g z_f f MSE "
        "MSE' f' f_error g' g_error".split()
        + [f"dMSE / dw_{w}" for w in ("xg0", "xg1", "xg2", "gf0", "gf1")]
        + [f"delta_w_{w}" for w in ("xg0", "xg1", "xg2", "gf0", "gf1")]
    )


def test_the_bias_has_an_explicit_input_of_1():
    assert formulas(experiment(*TWO, notation=BOOK))["z_g"] == "1*w_xg0 + x1*w_xg1 + x2*w_xg2"


def test_without_a_bias_there_is_no_such_term_and_no_such_column():
    made = formulas(experiment({"neurons": ["g"], "bias": False}, notation=BOOK))
    assert made["z_g"] == "x1*w_xg1 + x2*w_xg2"
    assert "w_xg0" not in made


def test_a_single_input_without_a_bias_is_one_product():
    made = experiment(
        {"neurons": ["g"], "bias": False}, inputs=("x",), examples=((1.0, 2.0),), notation=BOOK
    )
    assert formulas(made)["z_g"] == "x*w_xg1"


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


def test_freeze_and_only_choose_the_weights_that_are_trained():
    layers = weight_names(wire(network(*TWO_LAYERS), Notation()))
    every = {"w_g_0", "w_g_1", "w_g_2", "w_f_0", "w_f_1"}
    assert trained_names(layers, None, None) == every
    assert trained_names(layers, ["w_g_0"], None) == every - {"w_g_0"}
    assert trained_names(layers, None, ["w_f_1"]) == {"w_f_1"}
    assert trained_names(layers, None, []) == set()


TWO_LAYERS = ({"neurons": ["g"]}, {"neurons": ["f"]})


def test_an_activation_is_a_name_or_a_formula():
    assert activation_of("tanh").formula == "tanh(z)"
    assert activation_of("2*z").formula == "2*z"


def test_a_formula_of_z_is_used_with_its_derivative():
    made = formulas(experiment({"neurons": ["g"], "activation": "z^3 - z"}, notation=BOOK))
    assert made["g"] == "z_g^3 - z_g"
    assert made["g'"] == "3*z_g^2 - 1"


def test_softmax_is_shifted_by_the_largest_sum():
    made = experiment(
        {"neurons": ["p", "q"], "activation": "softmax"},
        targets=("y1", "y2"),
        examples=((0.5, -1.0, 1.0, 0.0),),
    )
    written = formulas(made)
    assert written["max_z1"] == "max(z_p, z_q)"
    assert written["exp_p"] == "exp(z_p - max_z1)"
    assert written["sum_exp1"] == "exp_p + exp_q"
    assert written["p"] == "exp_p/sum_exp1"


def test_softmax_has_values_however_large_its_sums():
    layer = {"neurons": ["p", "q"], "activation": "softmax", "weights": [[1e4, 0], [0, -1e4]]}
    made = experiment(layer, targets=("y1", "y2"), examples=((0.5, -1.0, 1.0, 0.0),))
    row = made.run().frame.iloc[0]
    assert (row["p"], row["q"]) == (0.0, 1.0)


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


@pytest.mark.parametrize(
    ("method", "variance"), [("xavier_normal", 2 / 500), ("he_normal", 2 / 300)]
)
def test_normal_initial_weights_have_their_variance(method, variance):
    values = drawn(method)
    # 60,000 draws: the standard error of a variance is about 0.6 %.
    assert values.var() == pytest.approx(variance, rel=0.03)


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


def drawn(method):
    """The weights of a layer from 300 inputs to 200 neurons."""
    from bpsheet.initial import initial_values
    from bpsheet.spec import Initial

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


def test_given_weights_stand_where_pytorch_has_them():
    """A row for each neuron, a column for each input; their first values, and nothing drawn."""
    layer = {"neurons": ["p", "q"], "weights": [[1, 2], [3, 4]], "bias": [5, 6]}
    made = experiment(layer, targets=("t", "u"), examples=((0.0, 0.0, 0.0, 0.0),))
    start = {column.name: column.start for column in made.columns if column.role is Role.WEIGHT}
    assert start == {
        "w_p_0": 5.0,
        "w_p_1": 1.0,
        "w_p_2": 2.0,
        "w_q_0": 6.0,
        "w_q_1": 3.0,
        "w_q_2": 4.0,
    }


def test_every_column_says_what_it_is():
    made = experiment(
        {"neurons": ["g"], "activation": "relu"},
        {"neurons": ["p", "q"], "activation": "softmax"},
        targets=("y1", "y2"),
        examples=((0.5, -1.0, 1.0, 0.0), (0.5, 1.0, 0.0, 1.0)),
        test={"examples": [[1, 1, 0, 1]], "correct": "largest"},
    )
    assert all(len(column.meaning) > 10 for column in made.columns)
    meanings = {column.name: column.meaning for column in made.columns}
    assert "weight from x2 to g" in meanings["w_g_2"]
    assert "x1 = 1, x2 = 1" in meanings["test 1"]


XOR = {
    "neurons": ["o"],
    "activation": "linear",
    "weights": [[1.0, 1.0]],
    "bias": [0.0],
}


@pytest.mark.parametrize(
    ("test", "verdicts"),
    [
        # The outputs are 0.25, 0.75 and -2.
        ({"examples": [[0.25, 0, 0], [0.5, 0.25, 1], [-1, -1, 1]]}, [1, 1, 0]),
        ({"examples": [[0.25, 0, 1], [0.5, 0.25, 0], [-1, -1, 0]]}, [0, 0, 1]),
        ({"examples": [[0.25, 0, 0], [0.5, 0.25, 1]], "threshold": 0.2}, [0, 1]),
        ({"examples": [[0.25, 0, 1], [-1, -1, -1], [-1, -1, 1]], "correct": "sign"}, [1, 1, 0]),
    ],
)
def test_verdicts_say_whether_the_output_is_on_the_targets_side(test, verdicts):
    trace = experiment(XOR, test=test).run()
    names = [f"test {n + 1}" for n in range(len(verdicts))]
    assert trace.tests[names].iloc[0].tolist() == verdicts


def test_an_output_on_the_border_itself_is_right_for_neither_side():
    test = {"examples": [[0.5, 0, 1], [0.5, 0, 0]]}
    assert experiment(XOR, test=test).run().tests[["test 1", "test 2"]].iloc[0].tolist() == [0, 0]


def test_the_largest_output_must_be_the_one_with_the_largest_target():
    layer = {"neurons": ["p", "q", "r"], "weights": [[1, 0], [0, 1], [0, 0]], "bias": False}
    test = {
        "examples": [[2, 1, 1, 0, 0], [1, 2, 1, 0, 0], [1, 2, 0, 1, 0], [2, 2, 1, 0, 0]],
        "correct": "largest",
        "names": ["one", "two", "three", "tie"],
    }
    made = experiment(layer, targets=("a", "b", "c"), examples=((0,) * 5,), test=test)
    assert made.run().tests[["one", "two", "three", "tie"]].iloc[0].tolist() == [1, 0, 1, 0]


def test_several_outputs_must_all_be_right():
    layer = {"neurons": ["p", "q"], "activation": "linear", "weights": [[1, 0], [0, 1]]}
    test = {"examples": [[1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 1, 0]]}
    made = experiment(layer, targets=("a", "b"), examples=((0,) * 4,), test=test)
    assert made.run().tests[["test 1", "test 2", "test 3"]].iloc[0].tolist() == [1, 0, 0]


def test_the_test_columns_are_the_forward_pass_on_the_tests_inputs():
    """The same as presenting the example itself, and they do not touch the training."""
    made = experiment(*TWO, test={"examples": [[0.5, -1.0, 1.0]]})
    row = made.run().frame.iloc[0]
    assert row["f (test 1)"] == row["f"]
    assert row["z_g (test 1)"] == row["z_g"]
    plain = experiment(*TWO).run().frame
    assert made.run().frame[plain.columns].equals(plain)


@pytest.mark.parametrize("activation", ["5", "int(z)"])
def test_a_network_that_nothing_moves_still_has_all_its_columns(activation):
    """Behind an activation without slope every gradient is 0, and no weight moves."""
    experiment = Experiment(
        network=Network(
            inputs=["x"],
            targets=["y"],
            loss="half_squared_error",
            layers=[Layer(neurons=["o"], activation=activation, weights=[[2.0]], bias=[1.0])],
        ),
        data=Data(examples=[[1.0, 0.0]]),
        training=Training(iterations=3),
    )
    frame = experiment.run().frame
    assert frame["dloss_dw_o_1"].tolist() == [0.0, 0.0, 0.0]
    assert frame["w_o_1"].tolist() == [2.0, 2.0, 2.0]
