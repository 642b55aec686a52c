"""Gradients of whole networks against two oracles that know nothing of our formulas.

Central differences of the program's own loss, and the `autograd` package differentiating
a forward pass that is written here once more, in NumPy.
"""

from __future__ import annotations

import math

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from autograd.extend import defvjp, primitive
from hypothesis import assume, given

from bpsheet.api.experiment import Experiment
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.printers.text import formula_text
from bpsheet.program.kinds import Phase, Role
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED, loss_of
from tests.helpers.samples import draws
from tests.helpers.strategies import FORMULAS, LOSS_FORMULAS, PLAIN, experiments

erf = primitive(np.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda _, x: lambda g: g * 2 / anp.sqrt(anp.pi) * anp.exp(-(x**2)))

# The activations once more, as functions of the vector of a layer's weighted sums.
ACTIVATIONS = {
    "linear": lambda z: z,
    "logistic": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "softplus": lambda z: anp.logaddexp(z, 0),
    "elu": lambda z: anp.where(z > 0, z, anp.expm1(z)),
    "selu": lambda z: 1.0507009873554805 * anp.where(z > 0, z, 1.6732632423543772 * anp.expm1(z)),
    "gelu": lambda z: z * (1 + erf(z / anp.sqrt(2))) / 2,
    "silu": lambda z: z / (1 + anp.exp(-z)),
    "mish": lambda z: z * anp.tanh(anp.logaddexp(z, 0)),
    "softsign": lambda z: z / (1 + anp.abs(z)),
    "hard_sigmoid": lambda z: anp.clip(z / 6 + 0.5, 0, 1),
    "hard_tanh": lambda z: anp.clip(z, -1, 1),
    "log_sigmoid": lambda z: -anp.logaddexp(-z, 0),
    "softmax": lambda z: anp.exp(z) / anp.sum(anp.exp(z)),
    "2*z": lambda z: 2 * z,
    "z^2/4": lambda z: z**2 / 4,
    "sin(z)": anp.sin,
    "z/(1 + abs(z))": lambda z: z / (1 + anp.abs(z)),
    "exp(-(z^2))": lambda z: anp.exp(-(z**2)),
    "if(z > 0.1, z, 0.5*z)": lambda z: anp.where(z > 0.1, z, 0.5 * z),
    "max(z, 0.2*z - 0.1)": lambda z: anp.maximum(z, 0.2 * z - 0.1),
}
# Where they have no derivative, or one that differences do not find.
KINKS = {
    "relu": [0.0],
    "leaky_relu": [0.0],
    "elu": [0.0],
    "selu": [0.0],
    "softsign": [0.0],
    "hard_sigmoid": [-3.0, 3.0],
    "hard_tanh": [-1.0, 1.0],
    "z/(1 + abs(z))": [0.0],
    "if(z > 0.1, z, 0.5*z)": [0.1],
    "max(z, 0.2*z - 0.1)": [-0.125],
}


def huber(t, y, delta=1.0):
    apart = anp.abs(t - y)
    return anp.where(apart < delta, apart**2 / 2, delta * (apart - delta / 2))


# The part of each output, from the vectors of targets and outputs.
OBJECTIVES = {
    "half_squared_error": lambda t, y: (t - y) ** 2 / 2,
    "squared_error": lambda t, y: (t - y) ** 2,
    "mean_squared_error": lambda t, y: (t - y) ** 2 / len(t),
    "absolute_error": lambda t, y: anp.abs(t - y),
    "mean_absolute_error": lambda t, y: anp.abs(t - y) / len(t),
    "huber": huber,
    "log_cosh": lambda t, y: anp.log(anp.cosh(t - y)),
    "hinge": lambda t, y: anp.maximum(1 - t * y, 0),
    "kl_divergence": lambda t, y: t * (anp.log(t) - anp.log(y)),
    "gaussian_log_likelihood": lambda t, y: -((t - y) ** 2) / 2,
    "bernoulli_log_likelihood": lambda t, y: t * anp.log(y) + (1 - t) * anp.log(1 - y),
    "multinomial_log_likelihood": lambda t, y: t * anp.log(y),
    "binary_cross_entropy": lambda t, y: -t * anp.log(y) - (1 - t) * anp.log(1 - y),
    "cross_entropy": lambda t, y: -t * anp.log(y),
    "(t - y)^4": lambda t, y: (t - y) ** 4,
    "if(t > y, 3*(t - y), y - t)": lambda t, y: anp.where(t > y, 3 * (t - y), y - t),
    "sqrt(1 + (t - y)^2) - 1": lambda t, y: anp.sqrt(1 + (t - y) ** 2) - 1,
}
# The differences of output and target, or their products, at which a loss has no derivative.
LOSS_KINKS = {
    "absolute_error": lambda t, y: t - y,
    "mean_absolute_error": lambda t, y: t - y,
    "if(t > y, 3*(t - y), y - t)": lambda t, y: t - y,
    "hinge": lambda t, y: 1 - t * y,
}


def test_the_oracle_knows_every_activation_and_loss():
    assert set(ACTIVATIONS) == {*PLAIN, *FORMULAS, "softmax"}
    assert set(OBJECTIVES) == {*LOSSES, *LOSS_FORMULAS}


def loss_of_example(experiment, row):
    """The loss as a function of the weights: with all that the tables ask for."""
    network, training = experiment.network, experiment.training
    inputs = row[network.inputs].to_numpy()
    targets = row[network.targets].to_numpy()
    if network.label_smoothing is not None:
        share = network.label_smoothing
        targets = targets * (1 - share) + share / len(targets)
    each = np.array(network.class_weights or [1.0] * len(targets))
    times = 1.0 if experiment.data.weight is None else row[experiment.data.weight]
    settings = {} if network.delta is None else {"delta": network.delta}
    sign = -1 if network.loss.endswith("likelihood") else 1

    def loss(weights):
        outputs = forward(experiment, weights, inputs)[1]
        found = times * anp.sum(each * OBJECTIVES[network.loss](targets, outputs, **settings))
        for _, matrix in weights:
            found = found + sign * (training.l1 or 0) * anp.sum(anp.abs(matrix))
            found = found + sign * (training.l2 or 0) * anp.sum(matrix**2) / 2
        return found

    return loss


def matrices(experiment, row):
    """Each layer's biases and weights, as they stand in a row of the trace."""
    sources = experiment.network.inputs
    made = []
    for number, layer in enumerate(experiment.network.layers, start=1):
        names = [[f"w_{neuron}_{n + 1}" for n in range(len(sources))] for neuron in layer.neurons]
        matrix = np.array([[row[name] for name in line] for line in names])
        biases = [f"w_{neuron}_0" for neuron in layer.neurons]
        if layer.bias is False:
            biases = []
        elif layer.is_bias_shared:
            biases = [f"b{number}"]
        made.append((np.array([row[name] for name in biases]), matrix))
        sources = layer.neurons
    return made


def in_order(experiment, parts):
    """Numbers like the weights, in the order of the sheet: neuron by neuron, the bias first."""
    found = []
    for layer, (biases, matrix) in zip(experiment.network.layers, parts, strict=True):
        rows = [list(row) for row in matrix]
        if layer.is_bias_shared:
            found += biases.tolist()
        elif layer.bias is not False:
            rows = [[bias, *row] for bias, row in zip(biases, rows, strict=True)]
        found += [number for row in rows for number in row]
    return np.array(found)


def forward(experiment, weights, inputs):
    """The weighted sums of every layer, and the outputs."""
    values, sums = inputs, []
    for layer, (biases, matrix) in zip(experiment.network.layers, weights, strict=True):
        sums.append(anp.dot(matrix, values) + (0.0 if layer.bias is False else biases))
        values = ACTIVATIONS[layer.activation](sums[-1])
    return sums, values


def smooth_here(experiment, trace):
    """Whether no weighted sum of the run stands at a kink, or so far out that 1 − y is lost."""
    for layer in experiment.network.layers:
        sums = trace.frame[[f"z_{neuron}" for neuron in layer.neurons]].to_numpy()
        if not (np.abs(sums) < 12).all():
            return False
        for kink in KINKS.get(layer.activation, []):
            if not (np.abs(sums - kink) > 1e-3).all():
                return False
    kink = LOSS_KINKS.get(experiment.network.loss)
    if kink is None:
        return True
    outputs = trace.frame[list(experiment.network.layers[-1].neurons)].to_numpy()
    targets = trace.frame[experiment.network.targets].to_numpy()
    return bool((np.abs(kink(targets, outputs)) > 1e-3).all())


def gradients_of(experiment, row):
    """The derivatives of the loss, in the order of the weights."""
    weights = [c for c in experiment.columns if c.role is Role.WEIGHT]
    sign = -1 if experiment.network.output_error == "target_minus_output" else 1
    return sign * np.array([row[column.adjoint_name] for column in weights])


@given(experiments())
@draws(60)
def test_gradients_are_those_of_autograd(experiment):
    """Every gradient of every iteration of the run, and the loss itself."""
    trace = experiment.run()
    assume(smooth_here(experiment, trace))
    for _, row in trace.frame.iterrows():
        weights = matrices(experiment, row)
        value, found = autograd.value_and_grad(loss_of_example(experiment, row))(weights)
        assert row["loss"] == pytest.approx(value, rel=1e-9, abs=1e-12)
        oracle = in_order(experiment, found)
        ours = gradients_of(experiment, row)
        np.testing.assert_allclose(ours, oracle, rtol=1e-9, atol=1e-10)


@pytest.mark.slow
@given(experiments(max_examples=2))
@draws(60)
def test_gradients_are_the_slopes_of_the_loss(experiment):
    """By differences of the program's own forward formulas, each weight of the first row."""
    trace = experiment.run(iterations=1)
    assume(smooth_here(experiment, trace))
    program, start = trace.program, trace.frame.iloc[0].to_dict()
    passed = program.phase(Phase.FORWARD)
    weights = [column for column in program if column.role is Role.WEIGHT]
    cells = {parameter.name: parameter.value for parameter in program.parameters}

    def loss(name, value):
        here = start | {name: value}
        for column in passed:
            here[column.name] = evaluate(column.formula, lambda ref: here[ref.name], cells, {})
        return here["loss"]

    for column in weights:
        middle, step = column.start, 1e-4
        try:
            near = loss(column.name, middle + step) - loss(column.name, middle - step)
            far = loss(column.name, middle + 2 * step) - loss(column.name, middle - 2 * step)
        except CellError:
            pytest.fail("the loss has no value beside a point where it has one")
        slope = (8 * near - far) / (12 * step)
        assert program.slope_sign * start[column.adjoint_name] == pytest.approx(
            slope, rel=1e-6, abs=1e-8
        )


@pytest.mark.slow
@given(experiments())
@draws(25)
def test_target_minus_output_turns_every_sign_and_leaves_the_weights_as_they_are(experiment):
    """All that is passed back is minus what it was, to the last bit, whatever the rule."""
    assume(not loss_of(experiment.network.loss).maximised)
    runs = []
    for form in ("chain_rule", "target_minus_output"):
        tables = experiment.to_dict()
        tables["network"]["output_error"] = form
        runs.append(Experiment(**tables).run())
    plain, turned = runs
    assume(plain.first_error is None)
    assert np.array_equal(plain.weights, turned.weights)
    passed_back = [
        c.name for c in experiment.columns if c.phase in (Phase.BACKWARD, Phase.GRADIENT)
    ]
    for name in passed_back:
        sign = 1 if plain.program[name].role is Role.OUTPUT_DERIVATIVE else -1
        assert np.array_equal(turned.frame[name], sign * plain.frame[name]), name


def test_the_error_is_written_as_books_write_it():
    tables = {
        "network": {
            "inputs": ["x"],
            "targets": ["t"],
            "loss": "half_squared_error",
            "output_error": "target_minus_output",
            "layers": [{"neurons": ["o"], "activation": "logistic", "weights": [[0.5]]}],
        },
        "data": {"examples": [[2.0, 1.0]]},
        "training": {"iterations": 2},
    }
    columns = {column.name: column for column in Experiment(**tables).columns}
    said = {name: formula_text(columns[name].formula) for name in columns if "o" in name}
    assert said["dloss_do"] == "t - o"
    assert said["o_error"] == "dloss_do*do_dz"
    assert said["dloss_dw_o_1"] == "o_error*x"
    assert said["delta_w_o_1"] == "learning_rate*dloss_dw_o_1"


@pytest.mark.slow
@given(experiments())
@draws(25)
def test_the_chain_rule_and_the_simplified_form_give_the_same_numbers(experiment):
    """Softmax with its non-local terms against output minus target, for the whole run."""
    assume(experiment.network.loss in SIMPLIFIED)
    runs = []
    for form in ("chain_rule", "simplified"):
        tables = experiment.to_dict()
        tables["network"]["output_error"] = form
        tables["network"].pop("class_weights", None)
        if isinstance(tables["network"]["layers"][-1]["bias"], float | str):
            # The gradient of a bias that softmax's outputs share is 0 but for rounding, of which
            # some rules make a step.
            tables["network"]["layers"][-1]["bias"] = False
        runs.append(Experiment(**tables).run())
    assume(smooth_here(experiment, runs[0]))
    common = [name for name in runs[0].frame if name in runs[1].frame]
    assert {"loss", *(c.name for c in runs[0].program if c.role is Role.GRADIENT)} <= set(common)
    np.testing.assert_allclose(runs[0].frame[common], runs[1].frame[common], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("form", ["chain_rule", "simplified"])
@pytest.mark.parametrize("units", [2, 3, 4])
@pytest.mark.parametrize("loss", ["cross_entropy", "multinomial_log_likelihood"])
def test_softmax_in_closed_form(loss, units, form):
    """∂L/∂s = ±(y − t), the product with the inputs is the gradient."""
    weights = [[0.3 * n, -0.2 + 0.1 * n] for n in range(units)]
    experiment = Experiment(
        network={
            "inputs": ["x1", "x2"],
            "targets": [f"t{n}" for n in range(units)],
            "loss": loss,
            "output_error": form,
            "layers": [
                {
                    "neurons": [f"o{n}" for n in range(units)],
                    "activation": "softmax",
                    "weights": weights,
                    "bias": [0.0] * units,
                }
            ],
        },
        data={"examples": [[0.5, -1.5, 1.0, *[0.0] * (units - 1)]]},
        training={
            "rule": "gradient_ascent" if LOSSES[loss].maximised else "gradient_descent",
            "iterations": 1,
        },
    )
    row = experiment.run().frame.iloc[0]
    powers = np.exp(np.array(weights) @ [0.5, -1.5])
    error = powers / powers.sum() - np.eye(units)[0]
    if LOSSES[loss].maximised:
        error = -error
    for n in range(units):
        assert row[f"o{n}_error"] == pytest.approx(error[n], rel=1e-13)
        assert row[f"dloss_dw_o{n}_2"] == pytest.approx(error[n] * -1.5, rel=1e-13)


def test_a_hidden_layer_of_softmax_is_differentiated_too():
    """A softmax in the middle: every weight of it reaches every output."""
    experiment = Experiment(
        network={
            "inputs": ["x"],
            "targets": ["t"],
            "loss": "squared_error",
            "layers": [
                {
                    "neurons": ["p", "q", "r"],
                    "activation": "softmax",
                    "weights": [[0.5], [-1.0], [0.25]],
                    "bias": False,
                },
                {"neurons": ["o"], "activation": "linear", "weights": [[1, -2, 3]], "bias": False},
            ],
        },
        data={"examples": [[0.8, 0.3]]},
        training={"iterations": 1},
    )
    row = experiment.run().frame.iloc[0]
    y = np.exp(np.array([0.5, -1.0, 0.25]) * 0.8)
    y /= y.sum()
    v = np.array([1.0, -2.0, 3.0])
    error = 2 * (v @ y - 0.3)
    expected = error * y * (v - v @ y) * 0.8
    found = [row[f"dloss_dw_{name}_1"] for name in "pqr"]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
