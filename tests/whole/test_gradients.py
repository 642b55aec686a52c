"""Gradients of whole networks against two oracles that know nothing of our formulas.

Central differences of the program's own loss, and the `autograd` package differentiating
a forward pass that is written here once more, in NumPy.
"""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import assume, given

from bpsheet.api.experiment import Experiment
from bpsheet.formula.evaluate import CellError, evaluate
from bpsheet.program.kinds import Phase, Role
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED
from tests.helpers.samples import draws
from tests.helpers.strategies import FORMULAS, PLAIN, experiments

# The activations once more, as functions of the vector of a layer's weighted sums.
ACTIVATIONS = {
    "linear": lambda z: z,
    "logistic": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0),
    "leaky_relu": lambda z: anp.where(z > 0, z, 0.01 * z),
    "softplus": lambda z: anp.logaddexp(z, 0),
    "softmax": lambda z: anp.exp(z) / anp.sum(anp.exp(z)),
    "2*z": lambda z: 2 * z,
    "z^2/4": lambda z: z**2 / 4,
    "sin(z)": anp.sin,
    "z/(1 + abs(z))": lambda z: z / (1 + anp.abs(z)),
    "exp(-(z^2))": lambda z: anp.exp(-(z**2)),
    "if(z > 0.1, z, 0.5*z)": lambda z: anp.where(z > 0.1, z, 0.5 * z),
    "max(z, 0.2*z - 0.1)": lambda z: anp.maximum(z, 0.2 * z - 0.1),
}
# Where they have no derivative.
KINKS = {
    "relu": 0.0,
    "leaky_relu": 0.0,
    "z/(1 + abs(z))": 0.0,
    "if(z > 0.1, z, 0.5*z)": 0.1,
    "max(z, 0.2*z - 0.1)": -0.125,
}
OBJECTIVES = {
    "half_squared_error": lambda t, y: anp.sum((t - y) ** 2) / 2,
    "squared_error": lambda t, y: anp.sum((t - y) ** 2),
    "mean_squared_error": lambda t, y: anp.mean((t - y) ** 2),
    "gaussian_log_likelihood": lambda t, y: -anp.sum((t - y) ** 2) / 2,
    "bernoulli_log_likelihood": lambda t, y: anp.sum(t * anp.log(y) + (1 - t) * anp.log(1 - y)),
    "multinomial_log_likelihood": lambda t, y: anp.sum(t * anp.log(y)),
}
OBJECTIVES["binary_cross_entropy"] = lambda t, y: -OBJECTIVES["bernoulli_log_likelihood"](t, y)
OBJECTIVES["cross_entropy"] = lambda t, y: -OBJECTIVES["multinomial_log_likelihood"](t, y)


def test_the_oracle_knows_every_activation_and_loss():
    assert set(ACTIVATIONS) == {*PLAIN, *FORMULAS, "softmax"}
    assert set(OBJECTIVES) == set(LOSSES)


def matrices(experiment, row):
    """Each layer's weights, the bias as column 0, as they stand in a row of the trace."""
    sources = experiment.network.inputs
    made = []
    for layer in experiment.network.layers:
        numbers = range(0 if layer.bias else 1, len(sources) + 1)
        names = [[f"w_{neuron}_{number}" for number in numbers] for neuron in layer.neurons]
        made.append(np.array([[row[name] for name in line] for line in names]))
        sources = layer.neurons
    return made


def forward(experiment, weights, inputs):
    """The weighted sums of every layer, and the outputs."""
    values, sums = inputs, []
    for layer, matrix in zip(experiment.network.layers, weights, strict=True):
        if layer.bias:
            values = anp.concatenate([anp.ones(1), values])
        sums.append(anp.dot(matrix, values))
        values = ACTIVATIONS[layer.activation](sums[-1])
    return sums, values


def smooth_here(experiment, trace):
    """Whether no weighted sum of the run stands at a kink, or so far out that 1 − y is lost."""
    for layer in experiment.network.layers:
        sums = trace.frame[[f"z_{neuron}" for neuron in layer.neurons]].to_numpy()
        if not (np.abs(sums) < 12).all():
            return False
        if layer.activation in KINKS:
            away = np.abs(sums - KINKS[layer.activation])
            if not (away > 1e-3).all():
                return False
    return True


def gradients_of(experiment, row):
    """The gradient columns, in the order of the weights."""
    weights = [c for c in experiment.columns if c.role is Role.WEIGHT]
    return np.array([row[column.adjoint_name] for column in weights])


@given(experiments())
@draws(60)
def test_gradients_are_those_of_autograd(experiment):
    """Every gradient of every iteration of the run, and the loss itself."""
    trace = experiment.run()
    assume(smooth_here(experiment, trace))
    objective = OBJECTIVES[experiment.network.loss]
    for _, row in trace.frame.iterrows():
        inputs = row[experiment.network.inputs].to_numpy()
        targets = row[experiment.network.targets].to_numpy()

        def loss(weights, inputs=inputs, targets=targets):
            return objective(targets, forward(experiment, weights, inputs)[1])

        weights = matrices(experiment, row)
        value, found = autograd.value_and_grad(loss)(weights)
        assert row["loss"] == pytest.approx(value, rel=1e-9, abs=1e-12)
        oracle = np.concatenate([part.ravel() for part in found])
        ours = gradients_of(experiment, row)
        np.testing.assert_allclose(ours, oracle, rtol=1e-9, atol=1e-10)


@given(experiments(max_examples=2))
@draws(60)
def test_gradients_are_the_slopes_of_the_loss(experiment):
    """By differences of the program's own forward formulas, each weight of the first row."""
    trace = experiment.run(iterations=1)
    assume(smooth_here(experiment, trace))
    program, start = trace.program, trace.frame.iloc[0].to_dict()
    passed = program.phase(Phase.FORWARD)
    weights = [column for column in program if column.role is Role.WEIGHT]

    def loss(name, value):
        here = start | {name: value}
        for column in passed:
            here[column.name] = evaluate(column.formula, lambda ref: here[ref.name], {}, {})
        return here["loss"]

    for column in weights:
        middle, step = column.start, 1e-4
        try:
            near = loss(column.name, middle + step) - loss(column.name, middle - step)
            far = loss(column.name, middle + 2 * step) - loss(column.name, middle - 2 * step)
        except CellError:
            pytest.fail("the loss has no value beside a point where it has one")
        slope = (8 * near - far) / (12 * step)
        assert start[column.adjoint_name] == pytest.approx(slope, rel=1e-6, abs=1e-8)


@given(experiments())
@draws(25)
def test_the_chain_rule_and_the_simplified_form_give_the_same_numbers(experiment):
    """Softmax with its non-local terms against output minus target, for the whole run."""
    assume(experiment.network.loss in SIMPLIFIED)
    runs = []
    for form in ("chain_rule", "simplified"):
        tables = experiment.to_dict()
        tables["network"]["output_error"] = form
        runs.append(Experiment(**tables).run())
    assume(smooth_here(experiment, runs[0]))
    common = [name for name in runs[0].frame if name in runs[1].frame]
    assert {"loss", *(c.name for c in experiment.columns if c.role is Role.GRADIENT)} <= set(common)
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
