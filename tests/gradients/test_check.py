"""Three ways to check a gradient; each finds a planted bug, and where it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given

import bpsheet as bp
from bpsheet.api.experiment import Trace
from bpsheet.engine.engine import run
from bpsheet.errors import ExperimentError
from bpsheet.formula.tree import Mul, Num
from bpsheet.program.kinds import Phase, Role
from bpsheet.program.program import Program
from tests.helpers.samples import draws, small_templates
from tests.helpers.strategies import experiments, graphs

METHODS = ("forward", "central", "complex")
WITH_LOSS = [name for name in small_templates() if name != "book-perceptron"]


@pytest.mark.sample(6)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", WITH_LOSS)
def test_the_gradient_of_every_template_passes(traced, name, method):
    trace = traced(name, 3 if name == "iris" else None)
    check = trace.check_gradient(2, method)
    assert check.passed, str(check)
    assert check.layer is None
    assert len(check.frame) == len(trace.program.leaves)


@pytest.mark.slow
def test_the_complex_step_agrees_to_ten_digits_and_more(traced):
    for name in WITH_LOSS:
        check = traced(name, 3 if name == "iris" else None).check_gradient(1, "complex")
        assert (check.frame["relative"] < 1e-10).all(), name


@given(experiments())
@draws(40)
def test_any_networks_gradient_passes_by_the_complex_step(experiment):
    trace = experiment.run(iterations=2)
    assume(np.isfinite(trace.values).all())
    check = trace.check_gradient(2, "complex")
    assert check.passed, str(check)


@pytest.mark.slow
@given(graphs())
@draws(30)
def test_any_formulas_gradient_passes_by_the_complex_step(experiment):
    """But for formulas of cosines and sines of large numbers, which have lost their digits."""
    trace = experiment.run(iterations=2)
    assume(np.isfinite(trace.values).all())
    assume(np.abs(trace.values).max() < 1e3)
    check = trace.check_gradient(1, "complex")
    assert check.passed, str(check)


@given(experiments(max_examples=2))
@draws(40)
def test_any_networks_gradient_passes_by_differences(experiment):
    trace = experiment.run(iterations=1)
    assume(np.isfinite(trace.values).all())
    assume(np.abs(trace.values).max() < 50)
    for method in ("forward", "central"):
        check = trace.check_gradient(1, method)
        assert check.passed, str(check)


def test_the_passes_are_counted(traced):
    trace = traced("two-neuron")
    counts = {method: trace.check_gradient(1, method).passes for method in METHODS}
    assert counts == {"forward": 6, "central": 10, "complex": 5}


# A network of three hidden layers; relu in the middle one.
DEEP = {
    "network": {
        "inputs": ["x1", "x2"],
        "targets": ["t1", "t2"],
        "loss": "mean_squared_error",
        "layers": [
            {"units": 3, "activation": "tanh"},
            {"units": 4, "activation": "relu"},
            {"units": 3, "activation": "logistic"},
            {"units": 2, "activation": "linear"},
        ],
    },
    "data": {"examples": [[0.5, -0.8, 0.3, 0.9], [-0.2, 0.7, 0.1, -0.4]]},
    "training": {"iterations": 4},
    "initial": {"seed": 5},
}


def planted(change):
    """A run of the deep network with some columns' formulas changed."""
    experiment = bp.Experiment(**DEEP)
    program = experiment.program()
    columns = []
    for column in program:
        formula = change(column)
        columns.append(replace(column, formula=formula) if formula is not None else column)
    broken = Program(tuple(columns), program.parameters, program.tables, program.given)
    return Trace(experiment, broken, run(broken, 4))


def without_mask(column):
    is_mask = column.role is Role.OUTPUT_DERIVATIVE and column.layer == 2
    return Num(1.0) if is_mask else None


def sum_for_mean(column):
    return Mul(Num(2.0), column.formula) if column.role is Role.LOSS_DERIVATIVE else None


def lost_bias(column):
    is_bias = column.phase is Phase.GRADIENT and column.layer == 3 and column.name.endswith("_0")
    return Num(0.0) if is_bias else None


@pytest.mark.sample(4)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("change", "layer"),
    # Without the mask of layer 2 its own error terms are wrong, and those below it.
    [(without_mask, 2), (sum_for_mean, 4), (lost_bias, 3)],
)
def test_a_planted_bug_is_found_and_located(change, layer, method):
    assert planted(lambda _: None).check_gradient(1, method).passed
    check = planted(change).check_gradient(1, method)
    assert not check.passed
    assert check.layer == layer
    assert f"Layer {layer} is the first" in check.sentence


def test_a_kink_is_no_mistake():
    """At 0 relu has two slopes; the gradient takes one of them, and a difference lies between."""
    experiment = bp.Experiment(
        graph={
            "inputs": ["x"],
            "parameters": {"w": 0.0},
            "forward": ["e = 3*relu(w) + x"],
            "loss": "e",
        },
        data={"examples": [[1.0]]},
        training={"iterations": 1},
    )
    check = experiment.run().check_gradient(1)
    assert check.passed
    assert check.frame.loc["w", "note"] == "at a kink"


def test_inputs_of_which_it_was_asked_are_checked_too(traced):
    check = traced("formula").check_gradient(3)
    assert check.frame.index.tolist() == ["x", "y", "z"]
    assert check.frame["analytic"].tolist() == [2, 2, -1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((0,), "1 to 497 expected"),
        ((498,), "1 to 497 expected"),
        ((1, "sideways"), 'no method "sideways"'),
        ((1, "central", 0.0), "a number between 0 and 1 expected; got 0"),
        ((1, "central", float("nan")), "a number between 0 and 1 expected"),
    ],
)
def test_what_cannot_be_checked_is_refused(traced, arguments, said):
    with pytest.raises(ExperimentError, match=said):
        traced("two-neuron").check_gradient(*arguments)


def test_rows_with_errors_and_rules_without_a_loss_are_refused(traced):
    with pytest.raises(ExperimentError, match=r"holds errors .* choose an earlier one"):
        traced("exploding").check_gradient(20)
    with pytest.raises(ExperimentError, match="no loss, and so no gradient"):
        traced("book-perceptron").check_gradient(1)


def test_powers_of_any_exponent_pass_by_the_complex_step():
    """Of negative numbers with exponents that stand still, and of exponents that do not."""
    experiment = bp.Experiment(
        graph=bp.Graph(
            inputs=["x"],
            parameters={"p": 0.8, "q": -1.25},
            forward=[
                "a = p^1.5 + x^p",
                "b = q^5 + 2^q",
                "c = (p + 1)^q + 8^(1/3)",
                "loss = (a + b*c)^2",
            ],
            loss="loss",
        ),
        data=bp.Data(examples=[[0.5]]),
        training=bp.Training(learning_rate=0.1, iterations=2),
    )
    for iteration in (1, 2):
        check = experiment.run().check_gradient(iteration, "complex")
        assert check.passed, str(check)
        assert (check.frame["relative"] < 1e-10).all()
