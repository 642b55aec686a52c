"""What the tests draw at random: formula trees, and whole experiments."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from bpsheet.experiment import Experiment
from bpsheet.expr import (
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
from bpsheet.functions import LOSSES, SIMPLIFIED

NAMES = ("a", "b", "c", "d")
OPERATORS = ("=", "<>", "<", "<=", ">", ">=")
UNARY = ("abs", "cos", "exp", "int", "ln", "logistic", "sign", "sin", "sqrt", "tanh")

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
PLAIN = ("linear", "logistic", "tanh", "relu", "leaky_relu", "softplus")


@st.composite
def experiments(draw: st.DrawFn, max_examples: int = 5) -> Experiment:
    """Networks of one to three layers with every activation, loss, batch and order."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    loss = draw(st.sampled_from(sorted(LOSSES)))
    depth = draw(st.integers(1, 3))
    widths = [draw(st.integers(1, 4)) for _ in range(depth + 1)]
    fits = LOSSES[loss].fits
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
            "bias": random.uniform(-1, 1, units).tolist() if draw(st.booleans()) else False,
        }
        layers.append(layer)
    count = draw(st.integers(1, max_examples))
    inputs = random.uniform(-1.5, 1.5, (count, widths[0]))
    targets = random.uniform(0, 1, (count, widths[-1]))
    if "softmax" in fits:
        targets /= targets.sum(axis=1, keepdims=True)
    network = {
        "inputs": [f"x{n + 1}" for n in range(widths[0])],
        "targets": [f"t{n + 1}" for n in range(widths[-1])],
        "loss": loss,
        "layers": layers,
    }
    if loss in SIMPLIFIED:
        network["output_error"] = draw(st.sampled_from(["chain_rule", "simplified"]))
    numbers = st.lists(st.integers(1, count), min_size=1, max_size=6)
    order = draw(st.one_of(st.sampled_from(["cyclic", "shuffled"]), numbers))
    data = {"examples": np.hstack([inputs, targets]).tolist(), "order": order}
    if order == "shuffled":
        data["seed"] = draw(st.integers(0, 99))
    training = {
        "rule": "gradient_ascent" if LOSSES[loss].maximised else "gradient_descent",
        "learning_rate": draw(st.floats(0.001, 0.3)),
        "batch_size": draw(st.one_of(st.integers(1, count), st.just("all"))),
        "reduction": draw(st.sampled_from(["sum", "mean"])),
        "iterations": draw(st.integers(1, 7)),
    }
    return Experiment(network=network, data=data, training=training)
