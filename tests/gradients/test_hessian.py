"""Second derivatives, against differences of the gradient and against PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

import bpsheet as bp
from bpsheet.engine.forward import compiled
from bpsheet.errors import ExperimentError, LimitError
from bpsheet.program.kinds import Phase, Role
from tests.helpers.samples import draws, small_templates
from tests.helpers.strategies import experiments

# Those with a kink in them have no second derivative there; these are smooth.
SMOOTH = [name for name in small_templates() if name not in ("book-perceptron", "formula")]


def by_differences(trace, iteration, step=1e-4):
    """(g(w + Δ) − g(w − Δ)) / 2Δ, with the third-order error taken out."""
    program = trace.program
    values = dict(zip(program.names, trace.values[iteration - 1].tolist(), strict=True))
    weights = [column for column in program if column.role is Role.WEIGHT]
    given = [column.name for column in program.phase(Phase.INPUT, Phase.WEIGHT)]
    passes = program.phase(Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT)
    gradient = compiled(
        passes, given, [column.adjoint_name for column in weights], program.parameters
    )

    def at(name, by):
        moved = values | {name: values[name] + by}
        return np.array(gradient([moved[key] for key in given]))

    rows = []
    for column in weights:
        near = at(column.name, step) - at(column.name, -step)
        far = at(column.name, 2 * step) - at(column.name, -2 * step)
        rows.append((8 * near - far) / (12 * step))
    return program.slope_sign * np.array(rows)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_hessian_is_the_slope_of_the_gradient(traced, name):
    trace = traced(name, 3 if name == "iris" else None)
    for iteration in (1, 3):
        found = trace.hessian(iteration)
        assert list(found.index) == list(found.columns)
        expected = by_differences(trace, iteration)
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8 * scale)


@given(experiments(max_examples=2))
@draws(50)
def test_the_hessian_of_any_network_is_symmetric_and_that_of_differences(experiment):
    kinks = {
        "relu",
        "leaky_relu",
        "hard_sigmoid",
        "hard_tanh",
        "max(0, z)",
        "max(z, 0.2*z - 0.1)",
        "if(z > 0.1, z, 0.5*z)",
    }
    assume(not kinks & {layer.activation for layer in experiment.network.layers})
    trace = experiment.run(iterations=1)
    assume(np.isfinite(trace.values).all())
    assume(np.abs(trace.values).max() < 30)
    sums = [c.name for c in trace.program if c.role is Role.SUM]
    # |z| in z/(1 + |z|) has no second derivative at 0, and elu has two.
    assume((trace.frame[sums].abs() > 1e-2).all(axis=None))
    found = trace.hessian(1).to_numpy()
    scale = max(np.abs(found).max(), 1e-6)
    np.testing.assert_allclose(found, found.T, rtol=1e-9, atol=1e-11 * scale)
    np.testing.assert_allclose(found, by_differences(trace, 1), rtol=1e-4, atol=1e-5 * scale)


def test_one_weights_second_derivatives_are_those_worked_out_by_hand(traced):
    """L = ½(Y − T)² with Y = 5·xh at first: ∂²L/∂xh² = (∂Y/∂xh)² = 25."""
    assert traced("one-weight").hessian(1).loc["xh_1", "xh_1"] == 25


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_pytorch_finds_the_same_hessian(traced):
    """torch.func.hessian of two networks written down anew."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (extra: torch)")
    torch.set_default_dtype(torch.float64)
    try:
        row = traced("two-neuron").frame.loc[2]
        names = ["w_xg0", "w_xg1", "w_xg2", "w_gf0", "w_gf1"]

        def loss(w):
            g = torch.tanh(w[0] + row["x1"] * w[1] + row["x2"] * w[2])
            f = torch.sigmoid(w[3] + g * w[4])
            return 0.5 * (row["y"] - f) ** 2

        expected = torch.func.hessian(loss)(torch.tensor(row[names].to_numpy(copy=True))).numpy()
        found = traced("two-neuron").hessian(2).loc[names, names]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)

        trace = traced("iris", 3)
        program = trace.program
        weights = [column.name for column in program if column.role is Role.WEIGHT]
        row = trace.frame.loc[3]
        network = trace.experiment.network
        x = torch.tensor(row[network.inputs].to_numpy(copy=True))
        t = torch.tensor(row[network.targets].to_numpy(copy=True))
        layers = trace.experiment.model.layers
        known = {"tanh": torch.tanh, "relu": torch.relu, "logistic": torch.sigmoid}

        def deep(w):
            at = dict(zip(weights, w, strict=True))
            out = x
            for names, layer in zip(layers, network.layers, strict=True):
                matrix = torch.stack([torch.stack([at[n] for n in row]) for row in names.weights])
                out = matrix @ out + torch.stack([at[n] for n in names.biases])
                if layer.activation == "softmax":
                    out = torch.log_softmax(out, 0)
                else:
                    out = known[layer.activation](out)
            return -(t * out).sum()

        start = torch.tensor(row[weights].to_numpy(copy=True))
        expected = torch.func.hessian(deep)(start).numpy()
        np.testing.assert_allclose(trace.hessian(3), expected, rtol=1e-10, atol=1e-12)
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_limit_is_where_plain_descent_begins_to_overshoot():
    """On a parabola of curvature 5: below 2/5 it converges, above it runs away."""
    tables = {
        "graph": {
            "inputs": ["x"],
            "parameters": {"w": 1.0},
            "forward": ["e = 2.5*(w - x)^2"],
            "loss": "e",
        },
        "data": {"examples": [[0.25]]},
        "training": {"learning_rate": 0.1, "iterations": 60},
    }
    experiment = bp.Experiment(**tables)
    found = experiment.run().curvature(1)
    assert found.eigenvalues.tolist() == [5]
    assert found.limit == 0.4
    assert "This run's learning rate 0.1 is below that" in found.sentence
    ends = [
        experiment.changed({"learning_rate": rate}).run().frame["e"].iloc[-1]
        for rate in (0.39, 0.41)
    ]
    assert ends[0] < 1.4
    assert ends[0] < experiment.run().frame["e"].iloc[0] < ends[1]


def test_a_likelihood_is_judged_uphill(traced):
    found = traced("log-likelihood").curvature(40)
    assert found.downhill == -1
    assert found.limit == pytest.approx(2 / -found.eigenvalues.min())
    steepest = f"its second derivative is {found.eigenvalues.min():.4g}. On a hill"
    assert steepest in found.sentence


def test_a_saddle_is_named(traced):
    found = traced("one-weight").curvature(1)
    assert "3 of 5 eigenvalues are negative" in found.sentence
    assert "This run's learning rate 0.03 is above that" in found.sentence


def test_what_has_no_hessian_is_refused(traced):
    with pytest.raises(ExperimentError, match="no loss"):
        traced("book-perceptron").hessian(1)
    with pytest.raises(ExperimentError, match="holds errors"):
        traced("exploding").hessian(15)
    wide = bp.Experiment(
        network={
            "inputs": [f"x{n}" for n in range(20)],
            "targets": ["t"],
            "loss": "squared_error",
            "layers": [{"units": 24}, {"units": 1}],
        },
        data={"examples": [[0.5] * 21]},
        training={"iterations": 1},
    )
    with pytest.raises(LimitError, match="529 weights have 279,841 second derivatives"):
        wide.run().hessian(1)


def test_the_command_prints_matrix_eigenvalues_and_what_they_mean(command):
    status, out, _ = command("hessian", "two-neuron", "--iteration", "400")
    assert status == 0
    assert "Eigenvalues: 0.03067, 0.01236, 0, 0, -0.001101" in out
    assert "2/λmax = 65.21" in out
