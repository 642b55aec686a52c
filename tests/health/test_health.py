"""Diagnosis: every trouble made on purpose and found, and nothing said of runs that work."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given

import bpsheet as bp
from bpsheet.program.kinds import Role
from tests.helpers.health import LABELLED, layered
from tests.helpers.samples import draws, small_templates
from tests.helpers.strategies import experiments


def chain(depth, activation, **kind):
    return layered(*[{"units": 2, "activation": activation}] * depth, {"units": 1}, **kind)


def said(experiment):
    return experiment.run().health().sentences


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", [name for name in small_templates() if name != "exploding"])
def test_nothing_is_said_of_the_templates_that_work(name, traced):
    health = traced(name).health()
    assert health.sentences == []
    assert str(health) == "No problem was found."
    assert health.spread.empty


def test_the_template_exploding(traced):
    health = traced("exploding").health()
    (sentence,) = health.sentences
    first = traced("exploding").first_error
    assert sentence.startswith(f"From iteration {first.iteration} on there are values that a ")
    assert f"{first.column} is the first (#NUM!). In the same row" in sentence
    assert "a4_1, e, de / da4_1 and 9 more" in sentence
    assert "One iteration later it had reached w2_11, w3_11 and w4_11" in sentence
    assert "grown from 1.25 to 1.54e+105" in sentence
    assert "0.04 instead of 0.4, or clip the gradient" in sentence
    spread = health.spread
    assert spread["iteration"].is_monotonic_increasing
    assert spread["through"].tolist()[:4] == ["", "z4_1", "a4_1", "a4_1"]
    assert set(spread.query("iteration == 12")["column"]) >= {"w2_11", "w3_11", "w4_11"}
    assert spread["error"].unique().tolist() == ["#NUM!"]
    # Numbers before the overflow, none after it.
    assert np.isfinite(health.frame["gradient_last"]).all()
    assert health.over_time.loc[12:].isna().all(axis=None)


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_with_the_advice_that_is_given_the_template_has_nothing_to_say(rate):
    assert said(bp.load("exploding").changed({"learning_rate": rate, "iterations": 200})) == []


def test_weights_that_explode_are_seen_before_they_overflow():
    (sentence,) = said(bp.load("exploding").changed({"iterations": 8}))
    assert sentence.startswith("The weights are exploding")
    assert "0.04 instead of 0.4" in sentence


def test_the_numbers_are_those_of_the_columns(traced):
    trace = traced("two-hidden-layers")
    health = trace.health()
    frame, over_time = trace.frame, health.over_time
    for layer in (1, 2, 3):
        label = f"layer {layer}"
        lengths = {}
        for role in (Role.WEIGHT, Role.GRADIENT, Role.ADJUSTMENT):
            names = [c.name for c in trace.program if c.role is role and c.layer == layer]
            lengths[role] = np.linalg.norm(frame[names].to_numpy(), axis=1)
        np.testing.assert_allclose(over_time["weights", label], lengths[Role.WEIGHT], rtol=1e-13)
        np.testing.assert_allclose(over_time["gradient", label], lengths[Role.GRADIENT], rtol=1e-13)
        step = lengths[Role.ADJUSTMENT] / lengths[Role.WEIGHT]
        np.testing.assert_allclose(over_time["step", label], step, rtol=1e-13)
        row = health.frame.loc[label]
        assert row["gradient"] == pytest.approx(np.median(lengths[Role.GRADIENT]), rel=1e-13)
        assert row["weights_first"] == pytest.approx(lengths[Role.WEIGHT][0], rel=1e-13)
        assert row["step_last"] == pytest.approx(step[-1], rel=1e-13)
    medians = health.frame["gradient"]
    assert health.frame["to_next"].iloc[0] == pytest.approx(medians.iloc[0] / medians.iloc[1])


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_in_batches_an_update_is_a_row_and_its_gradient_the_batchs(reduction):
    experiment = layered({"units": 1}, batch_size=3, reduction=reduction, iterations=20)
    trace = experiment.run()
    over_time = trace.health().over_time
    ends = trace.frame.query("batch_end == 1").index
    assert over_time.index.tolist() == ends.tolist() == [3, 6, 8, 11, 14, 16, 19]
    names = [c.name for c in trace.program if c.role is Role.ADJUSTMENT]
    moved = np.linalg.norm(trace.frame.loc[ends, names].to_numpy(), axis=1)
    # Plain descent: the step is the learning rate times the gradient that it went by.
    np.testing.assert_allclose(over_time["gradient", "layer 1"] * 0.1, moved, rtol=1e-12)


def test_a_loss_that_rises():
    data = [[1.0, 0.0], [2.0, 0.0]]
    line = {"neurons": ["o"], "activation": "linear", "weights": [[0.5]], "bias": False}
    (sentence,) = said(layered(line, data=data, learning_rate=1.26, iterations=20))
    assert sentence.startswith("loss rose, on average over the examples: from ")
    assert "0.126 instead of 1.26" in sentence


def test_a_likelihood_that_falls():
    line = {"neurons": ["o"], "activation": "linear", "weights": [[0.5]], "bias": False}
    kind = {"loss": "gaussian_log_likelihood", "rule": "gradient_ascent", "iterations": 12}
    (sentence,) = said(layered(line, data=[[1.0, 0.0]], learning_rate=2.05, **kind))
    assert sentence.startswith("loss fell: from -0.125 to -")
    # Upwards it may go.
    assert said(layered(line, data=[[1.0, 0.0]], learning_rate=0.1, **kind)) == []


def test_single_examples_may_become_worse():
    """Each example's own loss jumps about, the mean of an epoch does not."""
    trace = layered({"units": 3, "activation": "tanh"}, {"units": 1}, learning_rate=0.5).run()
    assert (trace.frame["loss"].diff() > 0).mean() > 0.3
    assert trace.health().sentences == []


def test_a_loss_that_falls_first_and_rises_then():
    """A schedule is not the only way; here the rate is far too large near the minimum."""
    trace = layered(
        {"neurons": ["o"], "activation": "linear", "weights": [[1.0]], "bias": False},
        data=[[1.0, 0.0]],
        learning_rate=0.1,
        iterations=40,
    ).run()
    place = trace.program.position["loss"]
    trace.recording.values[20:, place] = np.linspace(0.0, 0.4, 20)
    (sentence,) = trace.health().sentences
    assert sentence.startswith("loss fell to 0.0")
    assert "and then rose to 0.3" in sentence


def test_weights_that_swing():
    """With twice the right step for a parabola, w goes from one side to the other for ever."""
    line = {"neurons": ["o"], "activation": "linear", "weights": [[0.5]], "bias": False}
    (sentence,) = said(layered(line, data=[[1.0, 0.0]], learning_rate=2.0, iterations=40))
    assert sentence.startswith("The weights of layer 1 swing to and fro")
    assert "0.2 instead of 2" in sentence
    # Smaller, and it still swings, but settles.
    assert said(layered(line, data=[[1.0, 0.0]], learning_rate=1.5, iterations=40)) == []


def test_dead_neurons_and_since_when():
    """One step so large that relu is left at weighted sums below 0 for every example."""
    data = [[1.0, 0.0], [0.5, 0.0]]
    hidden = {
        "neurons": ["h1", "h2"],
        "activation": "relu",
        "weights": [[1.0], [0.1]],
        "bias": [0.2, 0.1],
    }
    out = {"neurons": ["o"], "activation": "linear", "weights": [[1.0, 0.05]], "bias": False}
    trace = layered(hidden, out, data=data, learning_rate=1.5, iterations=60).run()
    health = trace.health()
    sums = trace.frame["z_h1"]
    since = int(sums[sums > 0].index.max()) + 1
    assert health.neurons.loc["h1", "dead_since"] == since > 1
    assert health.neurons.loc["h2", "dead_since"] is not since
    assert health.frame.loc["layer 1", "dead"].startswith("h1")
    (sentence,) = [line for line in health.sentences if " dead " in line]
    assert f"dead since iteration {since}" in sentence
    assert "0.15 instead of 1.5, or leaky_relu" in sentence


def test_a_neuron_that_is_dead_from_the_start():
    hidden = {
        "neurons": ["h1", "h2"],
        "activation": "relu",
        "weights": [[1, 1], [1, 0]],
        "bias": [-9, 1],
    }
    (sentence,) = said(layered(hidden, {"units": 1}, learning_rate=0.1))
    assert sentence.startswith("h1 is dead from the start")
    assert "larger biases" in sentence


def test_a_formula_of_ones_own_is_judged_like_relu():
    hidden = {
        "neurons": ["h1", "h2"],
        "activation": "if(z > 0, z^2, 0)",
        "weights": [[1, 1], [1, 0]],
        "bias": [-9, 1],
    }
    (sentence,) = said(layered(hidden, {"units": 1}, learning_rate=0.1))
    assert sentence.startswith("h1 is dead from the start")


@pytest.mark.parametrize("activation", ["leaky_relu", "softplus", "tanh", "linear"])
def test_others_are_not_dead(activation):
    hidden = {
        "neurons": ["h1", "h2"],
        "activation": activation,
        "weights": [[1, 1], [1, 0]],
        "bias": [-9, 1],
    }
    health = layered(hidden, {"units": 1}, learning_rate=0.1).run().health()
    assert not any("dead" in line for line in health.sentences)
    assert health.neurons["dead_since"].isna().all()


@pytest.mark.parametrize("activation", ["tanh", "logistic", "z/(1 + abs(z))*1"])
def test_saturated_neurons(activation):
    """Inputs of a size of hundreds: outputs near their limits for every example."""
    data = [[x1 * 500 + 900, x2 * 500 - 900, target] for x1, x2, target in LABELLED]
    hidden = {"neurons": ["h1", "h2"], "activation": activation, "weights": [[1, 0.5], [-1, 0.5]]}
    experiment = layered(hidden, {"units": 1}, data=data, learning_rate=0.01, iterations=80)
    health = experiment.run().health()
    (sentence,) = health.sentences
    assert sentence.startswith("h1 and h2 are saturated from the start")
    assert "inputs of size about 1" in sentence
    assert (health.neurons.loc[["h1", "h2"], "saturated"] > 0.95).all()
    assert health.neurons.loc["out", "saturated"] == 0


def test_a_gradient_that_vanishes():
    (sentence,) = said(chain(6, "logistic", learning_rate=0.1))
    assert sentence.startswith("The gradient vanishes on its way back: its median is ")
    assert "in layer 1 and " in sentence
    assert said(chain(6, "tanh", learning_rate=0.1)) == []


def test_a_gradient_that_grows_on_its_way_back():
    wide = {"neurons": ["h1"], "activation": "linear", "weights": [[20.0]], "bias": False}
    layers = [wide | {"neurons": [f"h{n}"]} for n in range(3)]
    last = {"neurons": ["o"], "activation": "linear", "weights": [[20.0]], "bias": False}
    first = {"neurons": ["g"], "activation": "linear", "weights": [[0.001]], "bias": False}
    experiment = layered(first, *layers, last, data=[[1.0, 1.0]], learning_rate=1e-14)
    assert any("grows on its way back" in line for line in said(experiment))


def test_a_rate_so_small_that_nothing_moves():
    (sentence,) = said(layered({"units": 1}, learning_rate=1e-9))
    assert sentence.startswith("Nothing moves: a step is ")
    assert sentence.endswith("Try a larger learning rate than 1e-09.")
    # A short run moves little, and that is no fault.
    assert said(layered({"units": 1}, learning_rate=1e-9, iterations=10)) == []


def test_a_place_without_a_gradient():
    """With every weight 0, the bias is all that could move, and there is none."""
    hidden = {"units": 2, "activation": "tanh", "bias": False}
    out = {"units": 1, "activation": "linear", "bias": False}
    (sentence,) = said(layered(hidden, out, method="zeros"))
    assert sentence.startswith("Nothing moves: the gradient is never larger than 0")


def test_a_logarithm_of_an_output_that_became_0():
    data = [[1000.0, 0.0], [-1000.0, 1.0]]
    out = {"neurons": ["o"], "activation": "logistic", "weights": [[1.0]], "bias": False}
    kind = {"data": data, "loss": "binary_cross_entropy", "learning_rate": 1e-6, "iterations": 20}
    (sentence, *_) = said(layered(out, **kind))
    assert "loss is the first (#NUM!)" in sentence
    assert 'Try output_error = "simplified"' in sentence


def test_formulas_without_layers_are_one_group():
    experiment = bp.Experiment(
        graph={
            "inputs": ["x", "y"],
            "parameters": {"w": 3.0},
            "forward": ["f = w*x", "e = (f - y)^2"],
            "loss": "e",
        },
        data={"examples": [[2.0, 1.0]]},
        training={"learning_rate": 0.5, "iterations": 600},
    )
    health = experiment.run().health()
    assert health.frame.index.tolist() == ["parameters"]
    assert "Until then the parameters had grown from 3 to " in health.sentences[0]
    assert health.spread["column"].iloc[0] == "e"
    assert health.neurons.empty
    assert said(experiment.changed({"learning_rate": 0.1})) == []


def test_formulas_without_parameters_have_nothing_to_diagnose():
    experiment = bp.Experiment(
        graph={"inputs": ["x"], "forward": ["e = x^2"], "loss": "e", "gradient_of": ["x"]},
        data={"examples": [[2.0], [5.0], [9.0]]},
    )
    health = experiment.run().health()
    assert health.sentences == []
    assert health.frame.empty
    assert health.over_time.shape == (3, 0)


def test_the_perceptron_has_weights_and_steps_only(traced):
    frame = traced("book-perceptron").health().frame
    assert frame["weights"].tolist() == [3]
    assert frame["step"].notna().all()
    assert frame["gradient"].isna().all()
    assert frame["saturated"].isna().all()


@pytest.mark.sample(5)
@pytest.mark.parametrize("rule", ["momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"])
def test_other_rules_that_work_hear_nothing(rule):
    rate = 0.05 if rule in ("momentum", "nesterov") else 0.02
    experiment = layered(
        {"units": 3, "activation": "tanh"}, {"units": 1}, rule=rule, learning_rate=rate
    )
    assert said(experiment) == []


@pytest.mark.slow
@given(experiments())
@draws(30)
def test_no_run_is_too_strange(experiment):
    """Also with rates that make it overflow at once; pytest makes every warning an error."""
    for rate in (None, 1e6, 1e300):
        changed = experiment if rate is None else experiment.changed({"learning_rate": rate})
        trace = changed.run(None if rate is None else 12)
        health = trace.health()
        assert (trace.first_error is None) == health.spread.empty
        assert len(health.frame) == len(experiment.network.layers)
        assert len(health.over_time) <= len(trace)
        assert all(line.endswith(".") for line in health.sentences)
        assert "<table" in health._repr_html_()
        shares = health.neurons["saturated"]
        assert ((shares >= 0) & (shares <= 1)).all()


@pytest.mark.slow
def test_a_long_healthy_run_gets_no_remark():
    assert bp.load("two-neuron").changed({"iterations": 100_000}).run().health().sentences == []


def test_a_run_says_it_too(command, tmp_path):
    _, out, _ = command("run", "exploding", "-o", str(tmp_path / "exploding.csv"))
    assert "z4_1 is the first (#NUM!)" in " ".join(out.split())
    _, out, _ = command("run", "one-weight", "-o", str(tmp_path / "one-weight.csv"))
    assert "remark" not in out


@pytest.mark.slow
def test_sentences_are_few():
    for name, rate in itertools.product(("two-hidden-layers", "book-xor", "iris"), (1e-9, 50, 1e9)):
        changed = bp.load(name).changed({"learning_rate": rate, "iterations": 300})
        assert len(said(changed)) <= 3
