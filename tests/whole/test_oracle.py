"""Gradients, training rules, schedules and clipping against PyTorch.

The same networks once more as PyTorch computes them: its automatic differentiation, its
optimisers and schedulers, in double precision. Every weight of every iteration is compared.
"""

from __future__ import annotations

import itertools
import os
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.program.kinds import Role
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED
from bpsheet.textbook.rules import RULES, SCHEDULES
from tests.helpers.samples import sampled


@pytest.fixture(autouse=True, scope="module")
def pytorch():
    """Without PyTorch the tests are skipped, or fail where it must be there."""
    if find_spec("torch") is None:
        reason = 'PyTorch is not installed (python -m pip install -e ".[oracle]")'
        if os.environ.get("BPSHEET_ENGINES") == "required":
            pytest.fail(f"{reason}, and BPSHEET_ENGINES=required asks for it")
        pytest.skip(reason)
    import torch

    torch.set_num_threads(1)


def functional(name):
    """A function of PyTorch's, which is imported where it is called: it is large."""

    def call(*values, **more):
        import torch

        return getattr(torch.nn.functional, name)(*values, **more)

    return call


ACTIVATION = {
    "linear": lambda z: z,
    "logistic": lambda z: z.sigmoid(),
    "tanh": lambda z: z.tanh(),
    "relu": lambda z: z.relu(),
    "leaky_relu": partial(functional("leaky_relu"), negative_slope=0.01),
    # PyTorch's softplus becomes z itself at 20, unless it is told otherwise.
    "softplus": partial(functional("softplus"), threshold=100.0),
    "softmax": lambda z: z.softmax(dim=-1),
    "sin(z)": lambda z: z.sin(),
    "z/(1 + abs(z))": lambda z: z / (1 + z.abs()),
    "z*logistic(z)": lambda z: z * z.sigmoid(),
    "max(-1, min(z, 1))": lambda z: z.clamp(-1, 1),
}
# Each for one example or for several at once: a number for each.
OBJECTIVE = {
    "half_squared_error": lambda t, y: ((t - y) ** 2).sum(-1) / 2,
    "squared_error": lambda t, y: ((t - y) ** 2).sum(-1),
    "mean_squared_error": lambda t, y: ((t - y) ** 2).mean(-1),
    "gaussian_log_likelihood": lambda t, y: -((t - y) ** 2).sum(-1) / 2,
    "bernoulli_log_likelihood": lambda t, y: (t * y.log() + (1 - t) * (1 - y).log()).sum(-1),
    "multinomial_log_likelihood": lambda t, y: (t * y.log()).sum(-1),
    "binary_cross_entropy": lambda t, y: functional("binary_cross_entropy")(
        y, t, reduction="none"
    ).sum(-1),
    "cross_entropy": lambda t, y: -(t * y.log()).sum(-1),
}
OPTIMISER = {
    "gradient_descent": ("SGD", {}),
    "gradient_ascent": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "adagrad": ("Adagrad", {}),
    "rmsprop": ("RMSprop", {}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {}),
}
# The names of our settings in PyTorch.
SETTING = {"momentum": "momentum", "decay": "alpha", "epsilon": "eps"}
# Two ways of adding up a sum part in the last digit, and training carries that on.
TOLERANCE = 1e-10
UPDATES = 200


def test_the_oracle_knows_every_activation_loss_rule_and_schedule():
    assert set(ACTIVATION) >= set(ACTIVATIONS) - {"sign"}
    assert set(OBJECTIVE) == set(LOSSES)
    assert set(OPTIMISER) == set(RULES)
    assert {plan["kind"] for plan in PLANS.values()} == set(SCHEDULES)


class Network:
    """An experiment's network as tensors, beginning with the first weights of its trace."""

    def __init__(self, trace):
        import torch

        self.experiment = trace.experiment
        self.network = trace.experiment.network
        self.names = [c.name for c in trace.program if c.role is Role.WEIGHT]
        start = trace.weights.iloc[0]
        self.layers = []
        sources = self.network.inputs
        for layer in self.network.layers:
            begin = 0 if layer.bias is not False else 1
            rows = [
                [start[f"w_{neuron}_{n}"] for n in range(begin, len(sources) + 1)]
                for neuron in layer.neurons
            ]
            values = torch.tensor(rows, dtype=torch.float64)
            bias = values[:, 0].clone().requires_grad_() if begin == 0 else None
            weight = values[:, 1 - begin :].clone().requires_grad_()
            self.layers.append((weight, bias, layer.activation))
            sources = layer.neurons
        self.parameters = [p for w, b, _ in self.layers for p in (w, b) if p is not None]

    def loss(self, inputs, targets):
        """One number for each example."""
        values = inputs
        for weight, bias, activation in self.layers:
            values = ACTIVATION[activation](functional("linear")(values, weight, bias))
        return OBJECTIVE[self.network.loss](targets, values)

    def flat(self, *, gradients=False):
        """The weights (or their gradients) in the order of the sheet: bias first."""
        found = []
        for weight, bias, _ in self.layers:
            parts = [weight] if bias is None else [bias[:, None], weight]
            if gradients:
                parts = [weight.grad] if bias is None else [bias.grad[:, None], weight.grad]
            found.append(np.hstack([part.detach().numpy() for part in parts]).ravel())
        return np.concatenate(found)


def optimiser(network):
    """PyTorch's optimiser of the rule's name with the experiment's settings."""
    import torch

    training = network.experiment.training
    name, options = OPTIMISER[training.rule]
    options = options | {
        theirs: value
        for ours, theirs in SETTING.items()
        if (value := getattr(training, ours)) is not None
    }
    if training.beta1 is not None or training.beta2 is not None:
        betas = (training.beta1 or 0.9, training.beta2 or 0.999)
        options["betas"] = betas
    if training.weight_decay is not None:
        options["weight_decay"] = training.weight_decay
    if LOSSES[network.network.loss].maximised:
        options["maximize"] = True
    made = getattr(torch.optim, name)
    return made(network.parameters, lr=training.learning_rate, **options)


def scheduler(kind, optimiser, schedule):
    """PyTorch's scheduler for a kind of schedule."""
    from torch.optim.lr_scheduler import (
        ConstantLR,
        CosineAnnealingLR,
        ExponentialLR,
        LambdaLR,
        StepLR,
    )

    match kind:
        case "constant":
            return ConstantLR(optimiser, factor=1.0)
        case "step":
            return StepLR(optimiser, int(schedule.every), schedule.factor or 0.5)
        case "exponential":
            return ExponentialLR(optimiser, schedule.factor)
        case "inverse_time":
            return LambdaLR(optimiser, lambda k: 1 / (1 + schedule.decay * k))
        case "cosine":
            return CosineAnnealingLR(optimiser, int(schedule.over), schedule.lowest or 0.0)
    raise AssertionError(kind)


def schedulers(optimiser, schedule):
    """The schedule, and a warm-up before it where there is one: their factors multiply."""
    if schedule is None:
        return []
    from torch.optim.lr_scheduler import LinearLR

    made = [scheduler(schedule.kind, optimiser, schedule)]
    if schedule.warmup is not None:
        count = int(schedule.warmup)
        warm = LinearLR(optimiser, 1 / count, 1.0, count - 1)
        made.insert(0, warm)
    return made


def trained_by_pytorch(trace):
    """The weights with which each iteration computes, as PyTorch arrives at them."""
    import torch

    experiment, network = trace.experiment, Network(trace)
    training, frame = experiment.training, trace.frame
    inputs = torch.tensor(frame[experiment.network.inputs].to_numpy())
    targets = torch.tensor(frame[experiment.network.targets].to_numpy())
    ends = frame["batch_end"].to_numpy() == 1 if "batch_end" in frame else np.ones(len(frame))
    epochs = frame["epoch"].to_numpy()
    rule = optimiser(network)
    plan = schedulers(rule, training.schedule)
    weights = np.empty((len(frame), len(network.names)))
    begin, here = 0, network.flat()
    for row in range(len(frame)):
        weights[row] = here
        if not ends[row]:
            continue
        losses = network.loss(inputs[begin : row + 1], targets[begin : row + 1])
        begin = row + 1
        rule.zero_grad()
        (losses.mean() if training.reduction == "mean" else losses.sum()).backward()
        if training.clip_value is not None:
            torch.nn.utils.clip_grad_value_(network.parameters, training.clip_value)
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters, training.clip_norm)
        rule.step()
        here = network.flat()
        is_last = row + 1 == len(frame) or epochs[row + 1] != epochs[row]
        if training.schedule is None or training.schedule.per == "update" or is_last:
            for each in plan:
                each.step()
    return weights


def assert_same(trace):
    """All weights at all iterations; small ones are compared as a thousandth of the largest."""
    assert trace.first_error is None
    ours = trace.weights.to_numpy()
    theirs = trained_by_pytorch(trace)
    assert np.abs(ours[-1] - ours[0]).max() > 1e-6, "nothing moved"
    floor = 1e-3 * np.abs(theirs).max(axis=0).max()
    apart = np.abs(ours - theirs) / np.maximum(np.abs(theirs), floor)
    row, column = np.unravel_index(apart.argmax(), apart.shape)
    name = [c.name for c in trace.program if c.role is Role.WEIGHT][column]
    assert apart.max() <= TOLERANCE, f"{name} at iteration {row + 1}: {apart.max():.1e} apart"


def network_at_random(random, loss=None, hidden=None, depth=None):
    """Tables of a network with random shape, activations, loss and weights; and examples."""
    loss = loss or random.choice(sorted(LOSSES))
    fits = LOSSES[loss].fits
    depth = depth or int(random.integers(1, 4))
    widths = [int(random.integers(1, 5)) for _ in range(depth + 1)]
    widths[-1] = max(widths[-1], 2)
    layers = []
    for number, (fan_in, units) in enumerate(itertools.pairwise(widths), start=1):
        known = [hidden] if hidden else sorted(ACTIVATION)
        # Softmax with one output is always 1, and refused.
        known = ["tanh" if name == "softmax" and units == 1 else name for name in known]
        if number == depth:
            # Where a loss takes logarithms, the activation that it is made for.
            known = fits or ["linear", "logistic", "tanh"]
        names = [f"{'fgh'[number - 1]}{n}" for n in range(units)]
        size = 1 / np.sqrt(fan_in)
        layers.append(
            {
                "neurons": names,
                "activation": str(random.choice(known)),
                "weights": random.uniform(-size, size, (units, fan_in)).tolist(),
                "bias": random.uniform(-0.5, 0.5, units).tolist()
                if random.random() < 0.7
                else False,
            }
        )
    count = int(random.integers(3, 8))
    inputs = random.uniform(-1.5, 1.5, (count, widths[0]))
    targets = random.uniform(0.05, 0.95, (count, widths[-1]))
    if "softmax" in fits:
        targets /= targets.sum(axis=1, keepdims=True)
    network = {
        "inputs": [f"x{n + 1}" for n in range(widths[0])],
        "targets": [f"t{n + 1}" for n in range(widths[-1])],
        "loss": loss,
        "layers": layers,
    }
    if loss in SIMPLIFIED:
        network["output_error"] = str(random.choice(["chain_rule", "simplified"]))
    return network, np.hstack([inputs, targets]).tolist()


# Rates with which two hundred updates get somewhere, and neither run away nor swing: what
# swings makes more of a difference in the last digit each time.
RATES = {"adagrad": 0.03, "rmsprop": 0.003, "adam": 0.01, "adamw": 0.01}


def experiment_at_random(rule, seed, **training):
    """A random experiment with this rule, over two hundred updates."""
    random = np.random.default_rng([seed, sorted(RULES).index(rule)])
    uphill = [name for name in LOSSES if LOSSES[name].maximised]
    fit = {
        "gradient_ascent": sorted(uphill),
        "gradient_descent": sorted(set(LOSSES) - set(uphill)),
    }
    loss = str(random.choice(fit.get(rule, sorted(LOSSES))))
    network, examples = network_at_random(random, loss)
    size = random.choice([1, 1, 2, 3, len(examples)])
    batches = -(-len(examples) // int(size))
    tables = {
        "rule": rule,
        "learning_rate": RATES.get(rule, 0.02) * float(random.uniform(0.5, 1.5)),
        "batch_size": int(size),
        "reduction": str(random.choice(["sum", "mean"])),
        "iterations": UPDATES * len(examples) // batches,
    }
    if rule in ("gradient_descent", "gradient_ascent", "momentum", "nesterov"):
        # A sum of several gradients, kept by momentum, is several times as long.
        tables["learning_rate"] /= 1 if tables["reduction"] == "mean" else size
    order = {"order": "shuffled", "seed": seed} if random.random() < 0.5 else {}
    return bp.Experiment(
        network=network, data={"examples": examples, **order}, training=tables | training
    )


@pytest.mark.parametrize("seed", sampled(range(2), 0))
@pytest.mark.parametrize(
    "rule", sampled(sorted(OPTIMISER), "adam", "gradient_ascent", "gradient_descent", "nesterov")
)
def test_each_rule_is_the_optimiser_of_that_name(rule, seed):
    assert_same(experiment_at_random(rule, seed).run())


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
@pytest.mark.parametrize("rule", sorted(OPTIMISER))
def test_each_rule_on_many_networks(rule, seed):
    assert_same(experiment_at_random(rule, seed).run())


# Settings that are not the defaults.
CHANGED = {
    "momentum": {"momentum": 0.5},
    "nesterov": {"momentum": 0.5},
    "adagrad": {"epsilon": 1e-3},
    "rmsprop": {"decay": 0.9, "epsilon": 1e-4},
    "adam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4},
    "adamw": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "weight_decay": 0.1},
}


@pytest.mark.parametrize("rule", sorted(CHANGED))
def test_each_rules_own_settings(rule):
    assert_same(experiment_at_random(rule, 11, **CHANGED[rule]).run())


@pytest.mark.parametrize("seed", sampled([20, 21], 20))
@pytest.mark.parametrize("rule", sampled(sorted(OPTIMISER), "adam", "adamw", "gradient_ascent"))
def test_weight_decay(rule, seed):
    """On the way up it must not become growth: both kinds of loss where a rule has both."""
    assert_same(experiment_at_random(rule, seed, weight_decay=0.05).run())


@pytest.mark.parametrize("loss", ["half_squared_error", "gaussian_log_likelihood"])
@pytest.mark.parametrize(
    "rule",
    sampled(["momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"], "momentum", "adamw"),
)
def test_up_and_down(rule, loss):
    random = np.random.default_rng(30)
    network, examples = network_at_random(random, loss, hidden="tanh", depth=2)
    training = {"rule": rule, "learning_rate": RATES.get(rule, 0.02), "weight_decay": 0.02}
    trace = bp.Experiment(
        network=network, data={"examples": examples}, training=training | {"iterations": 200}
    ).run()
    assert_same(trace)
    first, last = (trace.frame["loss"].iloc[rows].mean() for rows in (slice(10), slice(-10, None)))
    assert (last > first) == LOSSES[loss].maximised


PLAIN = {"gradient_descent", "gradient_ascent", "momentum", "nesterov"}


@pytest.mark.parametrize("rule", sampled(sorted(OPTIMISER), "adam", "gradient_ascent", "momentum"))
@pytest.mark.parametrize("size", sampled([0.05, 1e6], 0.05))
@pytest.mark.parametrize("clip", ["clip_norm", "clip_value"])
def test_clipping(rule, clip, size):
    """To something short, and to something so long that nothing is clipped."""
    rate = {"learning_rate": 0.1} if rule in PLAIN and size < 1 else {}
    trace = experiment_at_random(rule, 40, **{clip: size}, **rate).run()
    assert_same(trace)


@pytest.mark.parametrize("rule", sampled(sorted(PLAIN), "gradient_descent"))
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_clipping_to_next_to_nothing(rule, decay):
    """Where the 1e-6 that PyTorch adds to the length is no longer small, and before the decay."""
    kind = {"clip_norm": 1e-7, "learning_rate": 1e3 if decay == 0 else 0.05, "weight_decay": decay}
    assert_same(experiment_at_random(rule, 41, **kind).run())


PLANS = {
    "constant-warm": {"kind": "constant", "warmup": 30.0},
    "step": {"kind": "step", "every": 7.0, "factor": 0.8},
    "step-default": {"kind": "step", "every": 60.0},
    "step-warm": {"kind": "step", "every": 25.0, "factor": 0.8, "warmup": 10.0},
    "exponential": {"kind": "exponential", "factor": 0.99},
    "exponential-warm": {"kind": "exponential", "factor": 0.98, "warmup": 12.0},
    "inverse_time": {"kind": "inverse_time", "decay": 0.02},
    "cosine": {"kind": "cosine", "over": 200.0},
    "cosine-lowest": {"kind": "cosine", "over": 220.0, "lowest": 0.001},
}


@pytest.mark.parametrize(
    ("rule", "per"),
    sampled([("momentum", "update"), ("adamw", "epoch")], ("momentum", "update")),
)
@pytest.mark.parametrize(
    "plan", sampled(sorted(PLANS), "step", "exponential-warm", "inverse_time", "cosine-lowest")
)
def test_each_schedule_is_the_scheduler(plan, rule, per):
    assert_same(experiment_at_random(rule, 50, schedule=PLANS[plan] | {"per": per}).run())


@pytest.mark.slow
@pytest.mark.parametrize("per", ["update", "epoch"])
@pytest.mark.parametrize("rule", sorted(OPTIMISER))
@pytest.mark.parametrize("plan", sorted(PLANS))
def test_each_schedule_with_each_rule(plan, rule, per):
    for seed in (51, 52, 53):
        assert_same(experiment_at_random(rule, seed, schedule=PLANS[plan] | {"per": per}).run())


@pytest.mark.parametrize("batch_size", [1, 2, "all"])
def test_the_rate_of_each_update(batch_size):
    """The column `rate` itself: a mistake of it could hide where the gradient is small."""
    import torch

    for plan in PLANS.values():
        trace = experiment_at_random(
            "gradient_descent", 60, schedule=plan, batch_size=batch_size
        ).run()
        rule = torch.optim.SGD([torch.zeros(1)], lr=trace.experiment.training.learning_rate)
        steps = schedulers(rule, trace.experiment.training.schedule)
        ends = trace.frame if batch_size == 1 else trace.frame.query("batch_end == 1")
        for found in ends["rate"].iloc[:200]:
            assert found == pytest.approx(rule.param_groups[0]["lr"], rel=1e-12, abs=1e-16)
            rule.step()
            for step in steps:
                step.step()


@pytest.mark.parametrize(
    "loss", sampled(sorted(LOSSES), "bernoulli_log_likelihood", "cross_entropy", "squared_error")
)
@pytest.mark.parametrize("activation", sorted(ACTIVATION))
def test_gradients_are_those_of_pytorch(activation, loss):
    """Every gradient and the loss, in each iteration of a short run."""
    import torch

    random = np.random.default_rng(70)
    tables, examples = network_at_random(random, loss, hidden=activation, depth=3)
    rule = "gradient_ascent" if LOSSES[loss].maximised else "gradient_descent"
    trace = bp.Experiment(
        network=tables,
        data={"examples": examples},
        training={"rule": rule, "learning_rate": 0.05, "iterations": 5},
    ).run()
    network = Network(trace)
    names = [c.adjoint_name for c in trace.program if c.role is Role.WEIGHT]
    parts = (network.names, tables["inputs"], tables["targets"], names, "loss")
    for weights, inputs, targets, ours, value in zip(
        *(trace.frame[part].to_numpy() for part in parts), strict=True
    ):
        with torch.no_grad():
            set_weights(network, weights)
        for parameter in network.parameters:
            parameter.grad = None
        found = network.loss(torch.tensor(inputs), torch.tensor(targets))
        found.backward()
        assert value == pytest.approx(found.item(), rel=1e-12, abs=1e-14)
        np.testing.assert_allclose(ours, network.flat(gradients=True), rtol=1e-10, atol=1e-13)


def set_weights(network, values):
    """Weights in the order of the sheet, into the tensors."""
    import torch

    place = 0
    for weight, bias, _ in network.layers:
        width = weight.shape[1] + (bias is not None)
        rows = torch.tensor(values[place : place + width * len(weight)]).reshape(-1, width)
        place += rows.numel()
        if bias is not None:
            bias.copy_(rows[:, 0])
        weight.copy_(rows[:, width - weight.shape[1] :])
