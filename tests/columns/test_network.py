"""Networks as columns: which there are, in which order, and what their formulas say."""

from __future__ import annotations

import pytest

from bpsheet.api.experiment import Experiment
from bpsheet.columns.names import trained_names, weight_names, wire
from bpsheet.program.kinds import Role
from bpsheet.tables.data import Data
from bpsheet.tables.network import Layer, Network
from bpsheet.tables.notation import Notation
from bpsheet.tables.training import Training
from bpsheet.textbook.activations import activation_of
from tests.helpers.networks import BOOK, TWO, experiment, formulas, network


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
