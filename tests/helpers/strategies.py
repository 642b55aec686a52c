"""What the tests draw at random: formula trees, and whole experiments."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from bpsheet.api.experiment import Experiment
from bpsheet.formula.tree import (
    Call,
    Compare,
    Div,
    Expr,
    If,
    Lookup,
    Mul,
    Neg,
    Num,
    Param,
    Pow,
    Ref,
    Sub,
    Sum,
    Text,
)
from bpsheet.printers.text import formula_text
from bpsheet.textbook.activations import ACTIVATIONS
from bpsheet.textbook.losses import LOSSES, PENALTIES, SIMPLIFIED, loss_of
from bpsheet.textbook.rules import RULES, SCHEDULES

NAMES = ("a", "b", "c", "d")
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")
UNARY = ("abs", "cos", "exp", "int", "ln", "logistic", "relu", "sign", "sin", "sqrt", "tanh")

A, B = Ref("a"), Ref("b")
# A formula of each type of node, for the printers.
ONE_OF_EACH = (
    Num(0.5),
    Text("mean"),
    A,
    Param("learning_rate"),
    Lookup("x1", A),
    Neg(A),
    Sum((A, B)),
    Sub(A, B),
    Mul(A, B),
    Div(A, B),
    Pow(A, Num(2.0)),
    Call("tanh", (A,)),
    Compare("<", A, B),
    If(Compare("<", A, B), A, B),
)
refs = st.sampled_from(NAMES).map(Ref)
# Numbers as people write them into formulas: 0, 1, 2, 0.5, 0.01, …
written = st.one_of(
    st.integers(0, 9).map(float),
    st.floats(0.001, 1000, allow_nan=False),
    st.sampled_from([1e-7, 1e16, 123456.75, 0.1]),
).map(Num)
# Numbers that provoke errors: overflow, underflow, signed zeros.
edges = st.sampled_from(
    [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 709.5, -709.5, 1e154, -1e154, 1e200, -1e308, 1e-200, 5e-324]
)


def trees(
    leaves: st.SearchStrategy[Expr],
    functions: tuple[str, ...] = UNARY,
    exponents: st.SearchStrategy[Expr] | None = None,
    max_leaves: int = 12,
) -> st.SearchStrategy[Expr]:
    """Formulas over these leaves. Comparisons stand in choices, as the grammar has them."""

    def extend(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        pair = st.tuples(inner, inner)
        several = st.lists(inner, min_size=2, max_size=4).map(tuple)
        test = st.builds(Compare, st.sampled_from(OPERATORS), inner, inner)
        return st.one_of(
            st.builds(Neg, inner),
            several.map(Sum),
            pair.map(lambda two: Sub(*two)),
            pair.map(lambda two: Mul(*two)),
            pair.map(lambda two: Div(*two)),
            st.builds(Pow, inner, inner if exponents is None else exponents),
            st.builds(lambda name, one: Call(name, (one,)), st.sampled_from(functions), inner),
            st.builds(Call, st.sampled_from(["max", "min"]), several),
            st.builds(If, test, inner, inner),
        )

    return st.recursive(leaves, extend, max_leaves=max_leaves)


# Formulas of z that an experiment may have as an activation.
FORMULAS = (
    "2*z",
    "z^2/4",
    "sin(z)",
    "z/(1 + abs(z))",
    "exp(-(z^2))",
    "if(z > 0.1, z, 0.5*z)",
    "max(z, 0.2*z - 0.1)",
)
# Formulas of t and y that an experiment may have as a loss.
LOSS_FORMULAS = ("(t - y)^4", "if(t > y, 3*(t - y), y - t)", "sqrt(1 + (t - y)^2) - 1")
PLAIN = tuple(name for name in ACTIVATIONS if name not in ("sign", "step", "softmax"))


def bias_at_random(kind: int, random: np.random.Generator, units: int) -> object:
    """A number for each neuron, no bias, or one that all share."""
    kinds = (random.uniform(-1, 1, units).tolist(), False, float(random.uniform(-1, 1)), "shared")
    return kinds[kind]


def _is_moved_by_noise(experiment: Experiment) -> bool:
    """The gradient of a bias that all outputs of softmax share is 0: its sign is a rounding error, and
    the step of some rules is the sign's.
    """
    is_noise = any(
        x.is_bias_shared and x.activation == "softmax" for x in experiment.network.layers
    )
    return is_noise and experiment.training.rule in ("rprop", "lion")


@st.composite
def experiments(draw: st.DrawFn, max_examples: int = 5) -> Experiment:
    """Networks of one to three layers with every activation, loss, batch, rule and order."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loss = draw(st.sampled_from([*sorted(LOSSES), *LOSS_FORMULAS]))
    kind = loss_of(loss)
    depth = draw(st.integers(1, 3))
    widths = [draw(st.integers(1, 4)) for _ in range(depth + 1)]
    fits = kind.fits
    if "softmax" in fits:
        widths[-1] = max(widths[-1], 2)
    layers = []
    for fan_in, units in itertools.pairwise(widths):
        known = [*PLAIN, *FORMULAS, *(["softmax"] if units > 1 else [])]
        if fits and len(layers) == depth - 1:
            known = list(fits)
        layer = {
            "neurons": [f"{'fgh'[len(layers)]}{n}" for n in range(units)],
            "activation": draw(st.sampled_from(known)),
            "weights": random.uniform(-1, 1, (units, fan_in)).tolist(),
            "bias": bias_at_random(draw(st.integers(0, 3)), random, units),
        }
        layers.append(layer)
    count = draw(st.integers(1, max_examples))
    inputs = random.uniform(-1.5, 1.5, (count, widths[0]))
    targets = random.uniform(0, 1, (count, widths[-1]))
    if "softmax" in fits:
        targets /= targets.sum(axis=1, keepdims=True)
    if kind.targets:
        targets = random.choice(kind.targets, targets.shape)
    network = {
        "inputs": [f"x{n + 1}" for n in range(widths[0])],
        "targets": [f"t{n + 1}" for n in range(widths[-1])],
        "loss": loss,
        "layers": layers,
    }
    forms = ["chain_rule", *(["simplified"] if loss in SIMPLIFIED else [])]
    forms += [] if kind.maximised else ["target_minus_output"]
    network["output_error"] = draw(st.sampled_from(forms))
    for name in kind.settings:
        if draw(st.booleans()):
            network[name] = draw(st.floats(0.05, 0.9))
    if network["output_error"] != "simplified" and draw(st.booleans()):
        network["class_weights"] = random.uniform(0.25, 2, widths[-1]).tolist()
    numbers = st.lists(st.integers(1, count), min_size=1, max_size=6)
    order = draw(st.one_of(st.sampled_from(["cyclic", "shuffled"]), numbers))
    weights = random.uniform(0, 2, (count, 1)) if draw(st.booleans()) else np.empty((count, 0))
    data = {"examples": np.hstack([inputs, targets, weights]).tolist(), "order": order}
    if weights.size:
        data["weight"] = "importance"
    if order == "shuffled":
        data["seed"] = draw(st.integers(0, 99))
    plain = "gradient_ascent" if kind.maximised else "gradient_descent"
    training = draw(trainings(count, plain))
    for penalty in PENALTIES:
        if draw(st.booleans()):
            training[penalty] = draw(st.floats(0, 0.1))
    more = {}
    if draw(st.integers(0, 3)) == 0:
        held_out = draw(st.integers(1, 2))
        more["validation"] = {"examples": np.hstack([inputs, targets])[-held_out:].tolist()}
        if draw(st.booleans()):
            training["patience"] = float(draw(st.integers(1, 3)))
    made = Experiment(network=network, data=data, training=training, **more)
    assume(not _is_moved_by_noise(made))
    return made


@st.composite
def trainings(draw: st.DrawFn, examples: int, plain: str = "gradient_descent") -> dict[str, object]:
    """A table [training]: half of them plain, half with an optimiser, clipping, a schedule …"""
    training: dict[str, object] = {
        "rule": plain,
        "learning_rate": draw(st.floats(0.001, 0.3)),
        "batch_size": draw(st.one_of(st.integers(1, examples), st.just("all"))),
        "reduction": draw(st.sampled_from(["sum", "mean"])),
        "iterations": draw(st.integers(1, 7)),
    }
    if draw(st.booleans()):
        return training
    training["rule"] = draw(st.sampled_from([plain, *OPTIMISERS]))
    for name, default in RULES[training["rule"]].settings.items():
        if draw(st.booleans()):
            training[name] = default * 0.875 or 0.0625
    if draw(st.booleans()):
        training["weight_decay"] = draw(st.floats(0, 0.5))
    clip = draw(st.sampled_from([None, None, "clip_norm", "clip_value"]))
    if clip:
        training[clip] = draw(st.floats(0.01, 1))
    if draw(st.booleans()):
        kind = draw(st.sampled_from(sorted(BY_NUMBER)))
        schedule = {"kind": kind, "per": draw(st.sampled_from(["update", "epoch"]))}
        schedule |= {name: SCHEDULED[name] for name in SCHEDULES[kind].names}
        if draw(st.booleans()):
            schedule["warmup"] = draw(st.integers(1, 5))
        training["schedule"] = schedule
    return training


# The schedules that know the number of the update only: a plateau needs a validation.
BY_NUMBER = tuple(kind for kind in SCHEDULES if kind != "plateau")
# Settings of schedules.
SCHEDULED = {
    "factor": 0.5, "every": 2, "milestones": [2, 5], "decay": 0.25, "over": 5, "lowest": 0.001,
    "power": 1.5, "growth": 2, "rise": 0.5, "first_divisor": 10, "last_divisor": 100,
}  # fmt: skip
OPTIMISERS = tuple(rule for rule in RULES if not rule.startswith("gradient"))


@st.composite
def graphs(draw: st.DrawFn, **more: object) -> Experiment:
    """Formulas over two inputs and three parameters, each used in several places."""
    names = ["x1", "x2", "p1", "p2", "p3"]
    lines = []
    for index in range(draw(st.integers(1, 4))):
        leaves = st.sampled_from(names).map(Ref)
        formula = draw(
            trees(
                st.one_of(leaves, written),
                functions=("exp", "logistic", "relu", "tanh", "sin", "cos", "abs"),
                exponents=st.sampled_from([Num(2.0), Num(3.0)]),
                max_leaves=6,
            )
        )
        lines.append(f"v{index} = {formula_text(formula)}")
        names.append(f"v{index}")
    lines.append(f"loss = (tanh({names[-1]}) - sum(p1:p3*p1:p3) + x1)^2 / 2")
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 3))
    graph = {
        "inputs": ["x1", "x2"],
        "parameters": dict(zip(["p1", "p2", "p3"], random.uniform(-1, 1, 3).tolist(), strict=True)),
        "forward": lines,
        "loss": "loss",
        "gradient_of": draw(st.sampled_from([[], ["x1"], ["x1", "x2"]])),
    }
    data = {"examples": random.uniform(-1, 1, (count, 2)).tolist()}
    training = draw(trainings(count))
    return Experiment(graph=graph, data=data, training=training, **more)
