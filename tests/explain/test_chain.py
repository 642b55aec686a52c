"""The chain rule of a weight: every path once, in brackets, and the gradient at its end."""

from __future__ import annotations

import pytest

import bpsheet as bp
from bpsheet.explain import derive
from bpsheet.explain.chain import MOST_PATHS, Bracket, Factor, Graph, chain_of
from bpsheet.printers.atoms import AtomText
from bpsheet.program.backward import local_derivatives
from bpsheet.program.kinds import Phase
from tests.helpers.documents import TEMPLATES, chain_ends_equal_the_gradient
from tests.helpers.samples import spread

# Every entry of a product of matrices, and every mean, is a path of its own.
MANY_PATHS = ("attention", "batch-norm", "transformer-block")


def test_the_chain_rule_of_a_weight(traced):
    text = traced("two-neuron").explain(1, only=["w_xg1"]).text()
    assert (
        "    ∂MSE/∂w_xg1 = ∂MSE/∂f · ∂f/∂z_f · ∂z_f/∂g · ∂g/∂z_g · ∂z_g/∂w_xg1\n"
        "                = -(y - f) · f · (1 - f) · w_gf1 · (1 - g^2) · x1\n" in text
    )
    assert "                = (-0.5799) · 0.2436 · 0.5 · 0.9400 · (-0.9)\n" in text
    assert text.count("= 0.05976\n") == 2  # the gradient, and the chain rule's end


def test_paths_are_summed_in_brackets_and_what_they_share_stands_outside(traced):
    """The third source's example: 8 · (0.5 · 1.5 + 1 · 0.5) · 4, in its smallest steps."""
    text = " ".join(traced("one-weight").explain(1, only="xh_1").text().split())
    assert "= 8 · 2 · (0.25 · 2 · 0.75 + 0.5 · 2 · 0.25) · 2 · 2 = 40" in text
    assert "2 paths lead from xh_1 to L" in text


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    "template", spread([name for name in TEMPLATES if name != "book-perceptron"], 4)
)
def test_the_chain_rule_ends_in_the_gradient(traced, template):
    """From the forward columns alone, for every weight, at the start and later, except where too many
    paths lead to the loss.
    """
    trace = traced(template, 7)
    weights = [column.name for column in trace.program.phase(Phase.WEIGHT)]
    graph = Graph(trace.program)
    paths = [chain_of(trace.program, name, graph).paths for name in weights]
    written = sum(count <= MOST_PATHS for count in paths)
    assert written == len(weights) or template in MANY_PATHS
    assert written or not weights
    for iteration in (1, 5):
        assert chain_ends_equal_the_gradient(trace, iteration, weights) == written


def test_local_derivatives_are_public_and_as_the_source_writes_them():
    columns = {column.name: column for column in bp.load("two-neuron").columns}
    assert AtomText().text(local_derivatives(columns["g"])["z_g"]) == "1 - g^2"
    assert list(local_derivatives(columns["z_f"])) == ["w_gf0", "g", "w_gf1"]


def wide_network(widths):
    names = [[f"{'abcdef'[depth]}{n}" for n in range(width)] for depth, width in enumerate(widths)]
    return bp.Experiment(
        network={
            "inputs": names[0],
            "targets": ["t"],
            "loss": "half_squared_error",
            "layers": [
                {"neurons": row, "activation": "tanh", "weights": [[0.1] * fan_in] * len(row)}
                for row, fan_in in zip(names[1:], widths, strict=False)
            ],
        },
        data={"examples": [[0.5] * widths[0] + [1.0]]},
        training={"learning_rate": 0.1, "iterations": 2},
    )


def test_too_many_paths_are_counted_and_not_written():
    experiment = wide_network([1, 1, 6, 6, 1])
    trace = experiment.run()
    weight = next(c.name for c in trace.program.phase(Phase.WEIGHT))
    text = " ".join(trace.explain(1, only=[weight]).text().split())
    assert f"36 paths lead from {weight} to loss, too many to write out ({MOST_PATHS}" in text
    assert "36 paths" in " ".join(derive(experiment).text().split())


def test_deep_networks_count_paths_without_walking_them():
    experiment = wide_network([1, 8, 8, 8, 8, 1])
    program = experiment.program()
    weight = program.phase(Phase.WEIGHT)[0].name
    assert chain_of(program, weight).paths == 8**3


def of_sequence(steps, *kinds):
    """Layers over a sequence of random numbers, three in each step."""
    return bp.Experiment(
        network={
            "inputs": ["x"],
            "targets": ["t"],
            "shapes": {"x": [steps, 3], "t": [steps, 3]},
            "loss": "half_squared_error",
            "layers": [{"kind": kind} | ({"units": 3} if kind == "rnn" else {}) for kind in kinds],
        },
        initial={"method": "xavier_uniform", "seed": 1},
        data={"examples": [[0.1 * (n % 7) for n in range(6 * steps)]]},
        training={"learning_rate": 0.1, "iterations": 1},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("steps", "kinds"),
    spread([(60, ["rnn"]), (5, ["attention", "layer_norm"] * 3)], 1),
    ids=["rnn", "attention"],
)
def test_recurrent_nets_and_attention_count_paths_without_walking_them(steps, kinds):
    """Walking through each would take longer than the sun will shine."""
    experiment = of_sequence(steps, *kinds)
    program = experiment.program()
    chain = chain_of(program, program.leaves[0].name)
    assert chain.paths > 1e12
    assert chain.product is None
    assert f"{chain.paths:,} paths lead from" in " ".join(derive(experiment).text().split())


def test_a_sequence_that_is_too_long_to_be_gathered_is_refused_in_words():
    with pytest.raises(
        bp.ExperimentError, match="900 steps do not fit into one formula; give a sh"
    ):
        of_sequence(900, "rnn").program()


def test_derivatives_of_many_weights_are_shown_by_the_first_neurons():
    text = derive(wide_network([8, 12, 1])).text()
    assert "121 weights and biases are too many to write out. 22 of the first neurons" in text
    assert text.count("∂loss/∂w_b0_1 = ") == 1
    assert "∂loss/∂w_b1_1 = " not in text


def count_paths(product):
    counts = [
        1 if isinstance(part, Factor) else sum(count_paths(term) for term in part.terms)
        for part in product.parts
    ]
    whole = 1
    for count in counts:
        whole *= count
    return whole


def test_the_brackets_hold_every_path_once():
    program = wide_network([1, 2, 3, 2, 1]).program()
    graph = Graph(program)
    for column in program.phase(Phase.WEIGHT):
        chain = chain_of(program, column.name, graph)
        assert chain.product is not None
        assert count_paths(chain.product) == chain.paths
    assert any(
        isinstance(part, Bracket) for part in chain_of(program, "w_b0_1", graph).product.parts
    )


def test_a_chain_that_is_too_long_to_write_out_is_not_multiplied_out(monkeypatch):
    """Of thousands of layers that would take gigabytes."""
    layers = [{"units": 1, "activation": "tanh"}] * 40
    data = {"examples": [[0.5, 0.2]]}
    network = {"inputs": ["x"], "targets": ["y"], "loss": "squared_error", "layers": layers}
    program = bp.Experiment(network=network, data=data, training={"iterations": 1}).program()
    monkeypatch.delattr(Graph, "product")
    chain = chain_of(program, program.leaves[0].name)
    assert (chain.paths, chain.product) == (1, None)
    assert chain.words().startswith("The path from ")


def test_the_longest_path_counts_and_not_the_shortest():
    """A short way beside a long one does not make the product short enough to write out."""
    deep = [f"a{n} = tanh(a{n - 1})" for n in range(1, 70)]
    graph = {
        "inputs": ["x"],
        "parameters": {"w": 0.5},
        "forward": ["a0 = w*x", *deep, "e = a69 + a0"],
        "loss": "e",
    }
    data = {"examples": [[0.5]]}
    program = bp.Experiment(graph=graph, data=data, training={"iterations": 1}).program()
    chain = chain_of(program, "w")
    assert (chain.paths, chain.product) == (2, None)
