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
from bpsheet.textbook.losses import LOSSES, SIMPLIFIED, loss_of
from bpsheet.textbook.perceptrons import PERCEPTRONS
from bpsheet.textbook.rules import RULES, SCHEDULES
from tests.helpers.samples import sampled, spread


@pytest.fixture(autouse=True, scope="module")
def pytorch():
    """Without PyTorch the tests are skipped, or fail where it must be there."""
    if find_spec("torch") is None:
        reason = "PyTorch is not installed (bpsheet[torch])"
        if os.environ.get("BPSHEET_ENGINES") == "required":
            pytest.fail(f"{reason}, and BPSHEET_ENGINES=required asks for it")
        pytest.skip(reason)
    import torch

    torch.set_num_threads(1)
    # NAdam keeps its product of momenta in the default type.
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


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
    "elu": functional("elu"),
    "selu": functional("selu"),
    "gelu": functional("gelu"),
    "silu": functional("silu"),
    "mish": functional("mish"),
    "softsign": functional("softsign"),
    # The slope of PyTorch's own hardsigmoid is 1/6 in single precision, for doubles too.
    "hard_sigmoid": lambda z: (z / 6 + 0.5).clamp(0, 1),
    "hard_tanh": functional("hardtanh"),
    "log_sigmoid": functional("logsigmoid"),
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
    "absolute_error": lambda t, y: functional("l1_loss")(y, t, reduction="none").sum(-1),
    "mean_absolute_error": lambda t, y: functional("l1_loss")(y, t, reduction="none").mean(-1),
    "huber": lambda t, y: functional("huber_loss")(y, t, reduction="none").sum(-1),
    "log_cosh": lambda t, y: (y - t).cosh().log().sum(-1),
    "hinge": lambda t, y: (1 - t * y).relu().sum(-1),
    "kl_divergence": lambda t, y: functional("kl_div")(y.log(), t, reduction="none").sum(-1),
    "(t - y)^4": lambda t, y: ((t - y) ** 4).sum(-1),
    "if(t > y, 3*(t - y), y - t)": lambda t, y: (3 * (t - y).relu() + (y - t).relu()).sum(-1),
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
    "amsgrad": ("Adam", {"amsgrad": True}),
    "adadelta": ("Adadelta", {}),
    "adamax": ("Adamax", {}),
    "nadam": ("NAdam", {}),
    "radam": ("RAdam", {}),
    "rprop": ("Rprop", {}),
}
# Rules that PyTorch does not have: tests/columns/test_updates.py has them by hand.
OTHERS = ("lion", "momentum_with_rate", "nesterov_with_rate")
# The names of our settings in PyTorch.
SETTING = {
    "momentum": "momentum", "decay": "alpha", "epsilon": "eps", "momentum_decay": "momentum_decay",
}  # fmt: skip
# Two ways of adding up a sum part in the last digit, and training carries that on.
TOLERANCE = 1e-10
UPDATES = 200


def test_the_oracle_knows_every_activation_loss_rule_and_schedule():
    assert set(ACTIVATION) >= set(ACTIVATIONS) - set(PERCEPTRONS)
    assert set(OBJECTIVE) >= set(LOSSES)
    assert {*OPTIMISER, *OTHERS} == set(RULES)
    # The plateau has its comparison with the validation, in `tests/columns/test_plateau.py`.
    assert {plan["kind"] for plan in PLANS.values()} == set(SCHEDULES) - {"plateau"}


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
        return self.objective(targets, values)

    def objective(self, targets, values):
        """The loss with all that its settings ask for, written with PyTorch's own losses."""
        network, training = self.network, self.experiment.training
        options = {}
        if network.delta is not None:
            options["delta"] = network.delta
        if network.label_smoothing is not None:
            options["label_smoothing"] = network.label_smoothing
        if network.class_weights is not None:
            import torch

            options["weight"] = torch.tensor(network.class_weights, dtype=torch.float64)
        if network.loss == "huber":
            found = functional("huber_loss")(values, targets, reduction="none", **options).sum(-1)
        elif network.loss == "cross_entropy" and options:
            # Of the logarithms of probabilities PyTorch's softmax gives the probabilities again.
            whole = functional("cross_entropy")
            found = whole(values.log(), targets, reduction="none", **options)
        else:
            found = OBJECTIVE[network.loss](targets, values)
        for name, size in (("l1", 1), ("l2", 2)):
            if (factor := getattr(training, name)) is not None:
                sums = sum(weight.norm(size) ** size for weight, _, _ in self.layers)
                sign = -1 if loss_of(network.loss).maximised else 1
                found = found + sign * factor * sums / size
        return found

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
        "rho" if (name, ours) == ("Adadelta", "decay") else theirs: value
        for ours, theirs in SETTING.items()
        if (value := getattr(training, ours)) is not None
    }
    if training.eta_minus is not None:
        options["etas"] = (training.eta_minus, training.eta_plus)
        options["step_sizes"] = (training.smallest_step, training.largest_step)
    if training.beta1 is not None or training.beta2 is not None:
        betas = (training.beta1 or 0.9, training.beta2 or 0.999)
        options["betas"] = betas
    # Rprop has no weight decay there; `trained_by_pytorch` adds it to the gradient.
    if training.weight_decay is not None and name != "Rprop":
        options["weight_decay"] = training.weight_decay
    if loss_of(network.network.loss).maximised:
        options["maximize"] = True
    made = getattr(torch.optim, name)
    return made(network.parameters, lr=training.learning_rate, **options)


def scheduler(kind, optimiser, schedule):
    """PyTorch's scheduler for a kind of schedule."""
    from torch.optim.lr_scheduler import (
        ConstantLR,
        CosineAnnealingLR,
        CosineAnnealingWarmRestarts,
        ExponentialLR,
        LambdaLR,
        LinearLR,
        MultiStepLR,
        OneCycleLR,
        PolynomialLR,
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
        case "multi_step":
            places = [int(number) for number in schedule.milestones]
            return MultiStepLR(optimiser, places, schedule.factor or 0.1)
        case "linear":
            end = (schedule.lowest or 0.0) / optimiser.param_groups[0]["lr"]
            return LinearLR(optimiser, 1.0, end, int(schedule.over))
        case "polynomial":
            return PolynomialLR(optimiser, int(schedule.over), schedule.power or 2.0)
        case "restarts":
            growth = int(schedule.growth or 1)
            lowest = schedule.lowest or 0.0
            return CosineAnnealingWarmRestarts(optimiser, int(schedule.every), growth, lowest)
        case "one_cycle":
            options = {
                theirs: value
                for theirs, value in (
                    ("pct_start", schedule.rise),
                    ("div_factor", schedule.first_divisor),
                    ("final_div_factor", schedule.last_divisor),
                )
                if value is not None
            }
            rate = optimiser.param_groups[0]["lr"]
            return OneCycleLR(optimiser, rate, int(schedule.over), cycle_momentum=False, **options)
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
    if experiment.data.weight is not None:
        weighting = torch.tensor(frame[experiment.data.weight].to_numpy())
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
        if experiment.data.weight is not None:
            losses = losses * weighting[begin : row + 1]
        begin = row + 1
        rule.zero_grad()
        (losses.mean() if training.reduction == "mean" else losses.sum()).backward()
        if training.clip_value is not None:
            torch.nn.utils.clip_grad_value_(network.parameters, training.clip_value)
        if training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(network.parameters, training.clip_norm)
        if training.rule == "rprop" and training.weight_decay is not None:
            sign = -1 if LOSSES[experiment.network.loss].maximised else 1
            for parameter in network.parameters:
                parameter.grad += sign * training.weight_decay * parameter.detach()
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
    fits = loss_of(loss).fits
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
    if loss_of(loss).targets:
        targets = random.choice(loss_of(loss).targets, targets.shape)
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
RATES = {
    "adagrad": 0.03, "rmsprop": 0.003, "adam": 0.01, "adamw": 0.01, "amsgrad": 0.01,
    "adadelta": 1.0, "adamax": 0.01, "nadam": 0.01, "radam": 0.01, "rprop": 0.001,
}  # fmt: skip


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


def run_for(experiment, updates):
    """A run of so many updates, or a few more, of an experiment over two hundred of them."""
    return experiment.run(max(1, experiment.iterations * updates // UPDATES))


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("seed", "updates"), sampled([(0, 50), (0, UPDATES), (1, UPDATES)], (0, 50))
)
@pytest.mark.parametrize("rule", sorted(OPTIMISER))
def test_each_rule_is_the_optimiser_of_that_name(rule, seed, updates):
    assert_same(run_for(experiment_at_random(rule, seed), updates))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
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
    "amsgrad": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4},
    "adadelta": {"decay": 0.8, "epsilon": 1e-4},
    # With a larger rate and so short a memory it swings.
    "adamax": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "learning_rate": 0.002},
    "nadam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "momentum_decay": 0.02},
    "radam": {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4},
    "rprop": {"eta_minus": 0.4, "eta_plus": 1.1, "smallest_step": 1e-4, "largest_step": 0.02},
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("updates", sampled([50, UPDATES], 50))
@pytest.mark.parametrize(
    "rule", sampled(sorted(CHANGED), "adam", "adadelta", "momentum", "nadam", "rprop")
)
def test_each_rules_own_settings(rule, updates):
    assert_same(run_for(experiment_at_random(rule, 11, **CHANGED[rule]), updates))


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled([20, 21], 20))
@pytest.mark.parametrize(
    "rule", sampled(sorted(OPTIMISER), "adam", "adamw", "gradient_ascent", "nadam", "rprop")
)
def test_weight_decay(rule, seed):
    """On the way up it must not become growth: both kinds of loss where a rule has both."""
    assert_same(experiment_at_random(rule, seed, weight_decay=0.05).run())


@pytest.mark.sample(1)
@pytest.mark.parametrize("loss", ["half_squared_error", "gaussian_log_likelihood"])
@pytest.mark.parametrize(
    "rule",
    spread(sampled(
        [rule for rule in OPTIMISER if not rule.startswith("gradient")],
        "momentum", "adamw", "nadam", "rprop",
    ), 3),
)  # fmt: skip
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


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    "rule", spread(sampled(sorted(OPTIMISER), "adam", "gradient_ascent", "momentum"), 2)
)
@pytest.mark.parametrize("size", sampled([0.05, 1e6], 0.05))
@pytest.mark.parametrize("clip", ["clip_norm", "clip_value"])
def test_clipping(rule, clip, size):
    """To something short, and to something so long that nothing is clipped."""
    rate = {"learning_rate": 0.1} if rule in PLAIN and size < 1 else {}
    trace = experiment_at_random(rule, 40, **{clip: size}, **rate).run()
    assert_same(trace)


@pytest.mark.sample(1)
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
    "multi_step": {"kind": "multi_step", "milestones": [30.0, 31.0, 120.0], "factor": 0.5},
    "multi_step-default": {"kind": "multi_step", "milestones": [150.0]},
    "linear": {"kind": "linear", "over": 150.0, "lowest": 0.0002},
    "polynomial": {"kind": "polynomial", "over": 190.0},
    "polynomial-power": {"kind": "polynomial", "over": 230.0, "power": 0.5},
    "restarts": {"kind": "restarts", "every": 30.0},
    "restarts-growth": {"kind": "restarts", "every": 9.0, "growth": 2.0, "lowest": 0.001},
    "one_cycle": {"kind": "one_cycle", "over": 250.0},
    "one_cycle-options": {
        "kind": "one_cycle",
        "over": 210.0,
        "rise": 0.41,
        "first_divisor": 5.0,
        "last_divisor": 20.0,
    },
    "cosine-lowest": {"kind": "cosine", "over": 220.0, "lowest": 0.001},
}


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("rule", "per"),
    sampled([("momentum", "update"), ("adamw", "epoch")], ("momentum", "update")),
)
@pytest.mark.parametrize(
    "plan",
    sampled(
        sorted(PLANS), "step", "exponential-warm", "inverse_time", "cosine-lowest", "multi_step",
        "restarts-growth", "one_cycle-options", "linear", "polynomial-power",
    ),
)  # fmt: skip
def test_each_schedule_is_the_scheduler(plan, rule, per):
    assert_same(experiment_at_random(rule, 50, schedule=PLANS[plan] | {"per": per}).run())


@pytest.mark.slow
@pytest.mark.parametrize("per", ["update", "epoch"])
@pytest.mark.parametrize("rule", sorted(OPTIMISER))
@pytest.mark.parametrize("plan", sorted(PLANS))
def test_each_schedule_with_each_rule(plan, rule, per):
    # Each pair has another network, since the rule draws it, too.
    seed = 51 + sorted(PLANS).index(plan)
    assert_same(experiment_at_random(rule, seed, schedule=PLANS[plan] | {"per": per}).run())


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", sampled([1, 2, "all"], 2))
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


# A loss as it is, or with a setting, the weights of outputs or examples, or a penalty.
VARIED = {
    **{loss: ({"loss": loss}, {}) for loss in sorted(OBJECTIVE) if not loss_of(loss).maximised},
    "huber": ({"loss": "huber", "delta": 0.3}, {}),
    "smoothing": ({"loss": "cross_entropy", "label_smoothing": 0.2}, {}),
    "simplified smoothing": (
        {"loss": "cross_entropy", "label_smoothing": 0.1, "output_error": "simplified"},
        {},
    ),
    "classes": ({"loss": "cross_entropy", "class_weights": True}, {}),
    "examples": ({"loss": "squared_error", "weight": True}, {}),
    "simplified examples": (
        {"loss": "cross_entropy", "weight": True, "output_error": "simplified"},
        {},
    ),
    "l1": ({"loss": "half_squared_error"}, {"l1": 0.003}),
    "l2": ({"loss": "binary_cross_entropy"}, {"l2": 0.05}),
    "l2 on the way up": (
        {"loss": "gaussian_log_likelihood"},
        {"l2": 0.05, "l1": 0.001, "rule": "gradient_ascent"},
    ),
    "both with adam": (
        {"loss": "log_cosh"},
        {"l1": 0.001, "l2": 0.02, "rule": "adam", "batch_size": "all", "reduction": "mean"},
    ),
}


def varied(name):
    """An experiment of two hundred updates or more with one of the losses above."""
    random = np.random.default_rng([80, sorted(VARIED).index(name)])
    own, training = VARIED[name]
    network, examples = network_at_random(random, own["loss"], hidden="tanh", depth=2)
    network.pop("output_error", None)
    data = {"examples": examples}
    network |= {key: value for key, value in own.items() if key != "weight"}
    if own.get("class_weights"):
        network["class_weights"] = random.uniform(0.5, 2, len(network["targets"])).tolist()
    if own.get("weight"):
        data["weight"] = "importance"
        data["examples"] = [[*row, float(random.uniform(0, 2))] for row in examples]
    more = {
        "learning_rate": 0.02,
        "iterations": UPDATES * (len(examples) if training.get("batch_size") else 1),
    }
    return bp.Experiment(network=network, data=data, training=more | training)


@pytest.mark.sample(4)
@pytest.mark.parametrize("updates", sampled([50, UPDATES], 50))
@pytest.mark.parametrize(
    "name",
    sampled(
        VARIED, "huber", "simplified smoothing", "classes", "examples", "l2 on the way up", "both with adam"
    ),
)  # fmt: skip
def test_updates_with_each_loss_setting_weight_and_penalty(name, updates):
    assert_same(run_for(varied(name), updates))


@pytest.mark.sample(7)
@pytest.mark.parametrize("name", VARIED)
def test_each_loss_and_its_gradients_are_those_of_pytorch_to_the_last_digits(name):
    import torch

    trace = varied(name).run(5)
    network, tables = Network(trace), trace.experiment.network
    names = [c.adjoint_name for c in trace.program if c.role is Role.WEIGHT]
    for _, row in trace.frame.iterrows():
        with torch.no_grad():
            set_weights(network, row[network.names].to_numpy(float))
        for parameter in network.parameters:
            parameter.grad = None
        inputs, targets = (
            torch.tensor(row[part].to_numpy(float)) for part in (tables.inputs, tables.targets)
        )
        found = network.loss(inputs, targets)
        if trace.experiment.data.weight is not None:
            found = found * row["importance"]
        found.backward()
        assert row["loss"] == pytest.approx(found.item(), rel=1e-12)
        ours = row[names].to_numpy(float)
        np.testing.assert_allclose(ours, network.flat(gradients=True), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "loss",
    sampled(
        [*sorted(LOSSES), "(t - y)^4"], "bernoulli_log_likelihood", "cross_entropy", "squared_error"
    ),
)
@pytest.mark.parametrize("activation", sorted(ACTIVATION))
def test_gradients_are_those_of_pytorch(activation, loss):
    """Every gradient and the loss, in each iteration of a short run."""
    import torch

    random = np.random.default_rng(70)
    tables, examples = network_at_random(random, loss, hidden=activation, depth=3)
    rule = "gradient_ascent" if loss_of(loss).maximised else "gradient_descent"
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
