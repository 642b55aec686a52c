"""The backward pass: columns to columns, as the chain rule has it."""

from __future__ import annotations

from bpsheet.columns.names import wire
from bpsheet.columns.network import forward_bands, weight_bands
from bpsheet.formula.parse import parse_formula
from bpsheet.formula.tree import Call, Mul, Num, Pow, Ref, Sub, Sum
from bpsheet.program import backward as module
from bpsheet.program.backward import ADDED_UP
from bpsheet.program.column import Column
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.quantities import Scope, alone, columns_of
from bpsheet.tables.network import Layer, Network
from bpsheet.tables.notation import Notation
from tests.helpers.written import written


def backward(forward, objective):
    """The backward columns of columns that are numbers."""
    return columns_of(module.backward(alone(forward), objective))


def column(name, formula, phase=Phase.FORWARD, role=Role.SUM, *, adjoint=None, slope=None, **more):
    return Column(name, phase, role, formula, adjoint_name=adjoint, slope_name=slope, **more)


def test_formulas_that_are_no_network_are_differentiated_too():
    """q = x + y, f = q·z: the circuit with which the chain rule is often taught."""
    forward = [
        column("x", Num(-2.0), Phase.WEIGHT, adjoint="dx"),
        column("y", Num(5.0), Phase.WEIGHT, adjoint="dy"),
        column("z", Num(-4.0), Phase.WEIGHT, adjoint="dz"),
        column("q", Sum((Ref("x"), Ref("y"))), adjoint="dq"),
        column("f", Mul(Ref("q"), Ref("z"))),
    ]
    assert written(backward(forward, "f")) == {"dq": "z", "dx": "dq", "dy": "dq", "dz": "q"}


def test_a_column_used_twice_gets_the_sum_of_both_shares():
    forward = [
        column("w", Num(3.0), Phase.WEIGHT, adjoint="dw"),
        column("a", Mul(Ref("w"), Num(2.0)), adjoint="da"),
        column("b", Pow(Ref("w"), Num(2.0)), adjoint="db"),
        column("f", Sub(Ref("a"), Ref("b"))),
    ]
    # In reverse order of the forward pass, and the shares in the order of their users.
    assert written(backward(forward, "f")) == {"db": "-1", "da": "1", "dw": "da*2 + db*(2*w)"}


def test_columns_without_a_name_for_their_adjoint_are_written_into_their_users():
    forward = [
        column("w", Num(3.0), Phase.WEIGHT, adjoint="dw"),
        column("a", Mul(Ref("w"), Num(2.0))),
        column("f", Call("tanh", (Ref("a"),))),
    ]
    assert written(backward(forward, "f")) == {"dw": "(1 - tanh(a)^2)*2"}


def test_what_the_loss_does_not_depend_on_gets_no_column_and_a_weight_a_gradient_of_0():
    forward = [
        column("w", Num(3.0), Phase.WEIGHT, adjoint="dw"),
        column("v", Num(3.0), Phase.WEIGHT, adjoint="dv"),
        column("aside", Mul(Ref("w"), Ref("v")), adjoint="daside"),
        column("f", Mul(Ref("w"), Num(2.0))),
    ]
    assert written(backward(forward, "f")) == {"dw": "2", "dv": "0"}


def test_what_stands_behind_a_step_gets_no_column_and_a_weight_a_gradient_of_0():
    forward = [
        column("w", Num(3.0), Phase.WEIGHT, adjoint="dw"),
        column("a", Mul(Ref("w"), Num(2.0)), adjoint="da"),
        column("f", Call("int", (Ref("a"),))),
    ]
    assert written(backward(forward, "f")) == {"dw": "0"}


def test_given_partials_are_used_as_they_are_written():
    forward = [
        column("z", Num(3.0), Phase.WEIGHT, adjoint="dz"),
        column(
            "g",
            Call("tanh", (Ref("z"),)),
            role=Role.OUTPUT,
            partials={"z": parse_formula("1 - g^2", {"g"})},
            slope="g'",
        ),
        column("f", Mul(Ref("g"), Num(5.0))),
    ]
    assert written(backward(forward, "f")) == {"g'": "1 - g^2", "dz": "5*g'"}


def test_an_adjoint_column_has_nothing_to_be_differentiated_by():
    """Neither the partials nor the names of the column that it is of."""
    made = column(
        "g",
        Call("tanh", (Ref("z"),)),
        partials={"z": parse_formula("1 - g^2", {"g"})},
        slope="g'",
        adjoint="dg",
    )
    forward = [column("z", Num(3.0), Phase.WEIGHT), made, column("f", Mul(Ref("g"), Num(5.0)))]
    found = {made.name: made for made in backward(forward, "f")}["dg"]
    assert found.partials is None
    assert (found.slope_name, found.adjoint_name, found.start) == (None, None, None)


def network_columns(loss="half_squared_error", targets=("y",), **more):
    """The weights, forward and backward columns of a 2-1-n network in the book's notation."""
    output = more.pop("output", "logistic")
    names = ["f"] if len(targets) == 1 else [f"f{n + 1}" for n in range(len(targets))]
    network = Network(
        inputs=["x1", "x2"],
        targets=list(targets),
        loss=loss,
        layers=[
            Layer(neurons=["g"], activation="tanh", weights=[[0.6, -0.1]], bias=[0.3]),
            Layer(neurons=names, activation=output, name="f"),
        ],
        **more,
    )
    notation = Notation(
        weight="w_{source}{neuron}{input}",
        loss="MSE",
        loss_derivative="MSE'" if len(targets) == 1 else "MSE'_{neuron}",
        output_derivative="{neuron}'",
        gradient="d{loss} / d{weight}",
    )
    layers = wire(network, notation)
    every = [
        name for layer in layers for n in range(len(layer.neurons)) for name in layer.of_neuron(n)
    ]
    scope = Scope()
    scope.announce("x", network.inputs)
    scope.announce("t", network.targets)
    weights = weight_bands(
        layers,
        dict.fromkeys(every, 0.5),
        {},
        {name: notation.name("gradient", weight=name, loss="MSE") for name in every},
        scope,
    )
    forward = forward_bands(network, layers, notation, scope)
    return columns_of(module.backward([*weights, *forward], "MSE", scope))


def test_two_neurons_have_the_backward_columns_of_the_book():
    made = network_columns()
    assert written(made) == {
        "MSE'": "-(y - f)",
        "f'": "f*(1 - f)",
        "f_error": "MSE'*f'",
        "g'": "1 - g^2",
        "g_error": "f_error*w_gf1*g'",
        "dMSE / dw_xg0": "g_error*1",
        "dMSE / dw_xg1": "g_error*x1",
        "dMSE / dw_xg2": "g_error*x2",
        "dMSE / dw_gf0": "f_error*1",
        "dMSE / dw_gf1": "f_error*g",
    }
    assert [column.name for column in made] == list(written(made))[:5] + [
        f"dMSE / d{weight}" for weight in ("w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1")
    ]
    assert [column.phase for column in made] == [Phase.BACKWARD] * 5 + [Phase.GRADIENT] * 5
    assert [column.role for column in made] == [
        Role.LOSS_DERIVATIVE,
        Role.OUTPUT_DERIVATIVE,
        Role.ERROR,
        Role.OUTPUT_DERIVATIVE,
        Role.ERROR,
        *[Role.GRADIENT] * 5,
    ]


def test_each_backward_column_says_what_it_is_and_whose():
    """The last layer's error term comes from the loss, another's from the neurons that it feeds."""
    made = {column.name: column for column in network_columns()}
    assert {name: column.meaning for name, column in made.items()} == {
        "MSE'": "derivative of the loss with respect to the output f",
        "f'": "derivative of the output f with respect to its weighted sum",
        "f_error": (
            "error term of f, the derivative of the loss with respect to its weighted sum: "
            "what a change of its output does to the loss, times the derivative of its output"
        ),
        "g'": "derivative of the output g with respect to its weighted sum",
        "g_error": (
            "error term of g, the derivative of the loss with respect to its weighted sum: "
            "the error terms of the neurons it feeds, each times the weight between, times the "
            "derivative of its output"
        ),
        **{
            f"dMSE / d{weight}": (
                f"derivative of the loss with respect to {weight}: "
                "the neuron's error term times the input to the weight"
            )
            for weight in ("w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1")
        },
    }
    assert {name: (column.layer, column.neuron) for name, column in made.items()} == {
        **dict.fromkeys(["MSE'", "f'", "f_error", "dMSE / dw_gf0", "dMSE / dw_gf1"], (2, "f")),
        **dict.fromkeys(["g'", "g_error"], (1, "g")),
        **{f"dMSE / dw_xg{n}": (1, "g") for n in range(3)},
    }


def test_every_neuron_of_a_layer_is_said_to_get_the_error_terms_of_those_it_feeds():
    """The second of two as well as the first."""
    forward = [
        column("w", Num(3.0), Phase.WEIGHT, adjoint="dw"),
        column("z1", Mul(Ref("w"), Num(2.0)), adjoint="error 1"),
        column("z2", Mul(Ref("w"), Num(3.0)), adjoint="error 2"),
        column("z3", Sum((Ref("z1"), Ref("z2"))), adjoint="error 3"),
        column("f", Pow(Ref("z3"), Num(2.0)), role=Role.LOSS),
    ]
    found = {made.name: made.meaning for made in backward(forward, "f")}
    fed = "the error terms of the neurons it feeds"
    assert [fed in found[f"error {n}"] for n in (1, 2, 3)] == [True, True, False]


def test_the_backward_columns_of_ones_own_formulas_say_how_they_add_up():
    forward = [
        column("w", None, Phase.WEIGHT, Role.WEIGHT, adjoint="dw", start=3.0),
        column("a", Mul(Ref("w"), Num(2.0)), role=Role.VALUE, adjoint="da"),
        column("f", Mul(Ref("a"), Ref("a")), role=Role.LOSS),
    ]
    found = backward(forward, "f")
    assert [(column.name, column.role) for column in found] == [
        ("da", Role.DERIVATIVE),
        ("dw", Role.GRADIENT),
    ]
    assert [column.meaning for column in found] == [
        f"derivative of the loss with respect to {name}: {ADDED_UP}" for name in ("a", "w")
    ]
    for made in found:
        assert (made.start, made.partials, made.slope_name, made.adjoint_name) == (None,) * 4


def test_softmax_has_its_non_local_terms():
    """∂L/∂s_1 = Σ_k ∂L/∂y_k · y_k (δ_1k − y_1), every k written out."""
    made = written(network_columns("cross_entropy", ("y1", "y2", "y3"), output="softmax"))
    assert made["MSE'_f1"] == "-(y1/f1)"
    assert (
        made["f1_error"] == "MSE'_f1*(f1*(1 - f1)) + MSE'_f2*(f2*(0 - f1)) + MSE'_f3*(f3*(0 - f1))"
    )
    assert made["g_error"] == "(f1_error*w_gf11 + f2_error*w_gf21 + f3_error*w_gf31)*g'"


def test_the_simplified_error_term_is_output_minus_target():
    options = {"output": "softmax", "output_error": "simplified"}
    made = written(network_columns("cross_entropy", ("y1", "y2"), **options))
    assert made["f1_error"] == "f1 - y1"
    assert made["f2_error"] == "f2 - y2"
    assert not [name for name in made if name.startswith("MSE'")]
    up = written(network_columns("multinomial_log_likelihood", ("y1", "y2"), **options))
    assert up["f1_error"] == "y1 - f1"
