"""Sums that are longer than a chain of + may be: neurons with thousands of inputs, long gradients."""

from __future__ import annotations

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.formula.evaluate import evaluate
from bpsheet.formula.tree import Mul, Num, Ref, Sum
from bpsheet.printers.python import ENVIRONMENT, LONGEST_CHAIN
from tests.helpers.printing import python_printer
from tests.helpers.samples import sampled


def wide(terms, **training):
    names = [f"x{n}" for n in range(terms)]
    inputs = np.random.default_rng(4).uniform(-1, 1, terms).tolist()
    return bp.Experiment(
        network={
            "inputs": names,
            "targets": ["t"],
            "loss": "half_squared_error",
            "layers": [{"neurons": ["o"], "activation": "tanh"}],
        },
        data={"examples": [[*inputs, 1.0]]},
        training={"iterations": 2} | training,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("terms", "training"),
    sampled([(1_200, {}), (2_970, {}), (2_970, {"clip_norm": 0.5})], (1_200, {})),
)
def test_a_neuron_with_more_than_a_thousand_inputs_is_trained_explained_and_checked(
    terms, training
):
    trace = wide(terms, **training).run()
    row = trace.frame.loc[1]
    total = row["w_o_0"]
    for n in range(terms):
        total += row[f"x{n}"] * row[f"w_o_{n + 1}"]
    assert row["z_o"] == total  # term by term, to the last bit
    assert "z_o = " in trace.explain(1, only=["o", "z_o"]).text()
    assert trace.check_gradient(1, "complex").passed


@pytest.mark.parametrize("count", [LONGEST_CHAIN, LONGEST_CHAIN + 1, 20_000])
def test_a_sum_of_any_length_has_the_bits_of_its_terms_added_in_order(count):
    numbers = np.random.default_rng(count).normal(size=count).tolist()
    tree = Mul(Ref("a"), Sum(tuple(map(Num, numbers))))
    code = python_printer().text(tree)
    expected = evaluate(tree, lambda _: 0.7, {}, {})
    assert eval(code, dict(ENVIRONMENT) | {"a": 0.7}) == expected
