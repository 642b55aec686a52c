"""Layers of other kinds: losses, gradients and updates are PyTorch's, over random shapes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.textbook.layers import KINDS
from tests.helpers.samples import sampled

torch = pytest.importorskip("torch", reason="PyTorch is not installed (bpsheet[torch])")
nn, F = torch.nn, torch.nn.functional
RATE, ITERATIONS = 0.05, 5


def network(layers, x, t, *, seed=0, count=2, values=None, loss="half_squared_error", **training):
    """An experiment with an input and a target of these shapes, and random examples."""
    random = np.random.default_rng(seed)
    made = bp.Network(
        inputs=["x"], targets=["t"], shapes={"x": list(x), "t": list(t)}, loss=loss, layers=layers
    )
    inputs = math.prod(x)
    examples = random.normal(size=(count, inputs + math.prod(t)))
    if values is not None:
        examples[:, :inputs] = values(random, (count, inputs))
    return bp.Experiment(
        network=made,
        data=bp.Data(examples=examples.tolist()),
        training=bp.Training(learning_rate=RATE, iterations=ITERATIONS, **training),
        initial=bp.Initial(method="uniform", seed=seed),
    )


def assert_like_torch(experiment, output, loss=lambda y, t: 0.5 * ((t - y) ** 2).sum()):
    """Every loss, the first gradients and the last parameters are those of PyTorch.

    `output` computes the network from its parameters and an example.
    """
    graph = experiment.model.graph
    trace = experiment.run()
    parameters = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in graph.parameters.items()
    }
    x, t = (graph.shapes[name] for name in graph.inputs)
    split = math.prod(x)
    values = {c.name: trace.values[:, i] for i, c in enumerate(trace.program)}
    for number in range(ITERATIONS):
        example = torch.tensor(
            experiment.data.examples[number % len(experiment.data.examples)], dtype=torch.float64
        )
        found = loss(output(parameters, example[:split].reshape(x)), example[split:].reshape(t))
        np.testing.assert_allclose(values["loss"][number], found.item(), rtol=1e-12, atol=1e-13)
        found.backward()
        with torch.no_grad():
            for name, parameter in parameters.items():
                gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                cells = bp_cells(name, tuple(parameter.shape))
                if number == 0:
                    ours = [values[trace.program[cell].adjoint_name][0] for cell in cells]
                    np.testing.assert_allclose(
                        ours, gradient.ravel().tolist(), rtol=1e-11, atol=1e-12
                    )
                parameter.sub_(RATE * gradient)
                parameter.grad = None
    last = experiment.run(ITERATIONS + 1)
    ends = {c.name: last.values[-1, i] for i, c in enumerate(last.program)}
    for name, parameter in parameters.items():
        ours = [ends[cell] for cell in bp_cells(name, tuple(parameter.shape))]
        np.testing.assert_allclose(ours, parameter.detach().ravel().tolist(), atol=1e-12)


def bp_cells(name, shape):
    return ["_".join([name, *(str(i + 1) for i in index)]) for index in np.ndindex(*shape)]


# Each seed draws other sizes.
shapes = pytest.mark.parametrize("seed", sampled(range(50), 0, 3))


@shapes
def test_a_simple_recurrent_layer(seed):
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 4))
    size = int(random.integers(1, 4))
    units = int(random.integers(1, 4))
    experiment = network(
        [bp.Layer(kind="rnn", units=units)], (steps, size), (steps, units), seed=seed
    )

    def output(p, x):
        layer = nn.RNN(size, units, bias=True).double()
        weights = {
            "weight_ih_l0": p["Wx"], "weight_hh_l0": p["Wh"],
            "bias_ih_l0": p["b"], "bias_hh_l0": torch.zeros(units, dtype=torch.float64),
        }  # fmt: skip
        return torch.func.functional_call(layer, weights, (x,))[0]

    assert_like_torch(experiment, output)


@shapes
def test_lstm_and_a_dense_layer_on_its_last_step(seed):
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 4))
    size = int(random.integers(1, 4))
    units = int(random.integers(1, 4))
    layers = [
        bp.Layer(kind="lstm", units=units),
        bp.Layer(kind="last"),
        bp.Layer(units=2, activation="logistic"),
    ]
    experiment = network(layers, (steps, size), (2,), seed=seed)

    def output(p, x):
        layer = nn.LSTM(size, units).double()
        zero = torch.zeros(4 * units, dtype=torch.float64)
        weights = {
            "weight_ih_l0": torch.cat([p[f"W{g}"] for g in "ifgo"]),
            "weight_hh_l0": torch.cat([p[f"U{g}"] for g in "ifgo"]),
            "bias_ih_l0": torch.cat([p[f"b{g}"] for g in "ifgo"]),
            "bias_hh_l0": zero,
        }
        h = torch.func.functional_call(layer, weights, (x,))[0][-1]
        return torch.sigmoid(p["b"] + p["W"] @ h)

    assert_like_torch(experiment, output)


@shapes
def test_a_gated_recurrent_layer(seed):
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 4))
    size = int(random.integers(1, 4))
    units = int(random.integers(1, 4))
    experiment = network(
        [bp.Layer(kind="gru", units=units)], (steps, size), (steps, units), seed=seed
    )

    def output(p, x):
        layer = nn.GRU(size, units).double()
        zero = torch.zeros(units, dtype=torch.float64)
        weights = {
            "weight_ih_l0": torch.cat([p[f"W{g}"] for g in "run"]),
            "weight_hh_l0": torch.cat([p[f"U{g}"] for g in "run"]),
            "bias_ih_l0": torch.cat([p["br"], p["bu"], p["bn"]]),
            "bias_hh_l0": torch.cat([zero, zero, p["bq"]]),
        }
        return torch.func.functional_call(layer, weights, (x,))[0]

    assert_like_torch(experiment, output)


def of_layer(p, name, layer):
    """A parameter of a layer; its name has the layer's number where another layer has it too."""
    return p[f"{name}_{layer}"] if f"{name}_{layer}" in p else p[name]


def kernels(p, filters, channels, layer):
    """A layer's kernels as PyTorch has them: filters, channels, then the kernel's own axes."""
    ends = [""] if channels == 1 else [f"_c{c + 1}" for c in range(channels)]
    return torch.stack(
        [
            torch.stack([of_layer(p, f"K{k + 1}{end}", layer) for end in ends])
            for k in range(filters)
        ]
    )


def biases(p, filters, layer):
    return torch.stack([of_layer(p, f"b{k + 1}", layer) for k in range(filters)])


@shapes
def test_convolutions_of_vectors_and_pictures(seed):
    random = np.random.default_rng(seed)
    height = int(random.integers(3, 6))
    width = int(random.integers(3, 6))
    kernel = int(random.integers(1, 4))
    stride = int(random.integers(1, 3))
    padding = int(random.integers(0, 2))
    filters = int(random.integers(1, 3))
    is_picture = bool(random.random() < 0.5)
    groups = int(random.choice([1, filters]))
    shape = (height, width) if is_picture else (height,)
    fits = 2 * (kernel - 1) < min(shape) + 2 * padding
    dilation = int(random.integers(1, 3)) if fits else 1
    layers = [
        bp.Layer(kind="convolution", kernel=kernel, filters=filters, stride=stride, padding=padding,
                 dilation=dilation, activation="tanh"),
        bp.Layer(kind="convolution", kernel=1, filters=2, groups=groups, activation="softplus"),
        bp.Layer(kind="flatten"),
    ]  # fmt: skip
    after = [(n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for n in shape]
    experiment = network(layers, shape, (2 * math.prod(after),), seed=seed)
    convolve = F.conv2d if is_picture else F.conv1d

    def output(p, x):
        first = kernels(p, filters, 1, 1)
        y = convolve(x[None, None], first, biases(p, filters, 1), stride, padding, dilation)
        second = kernels(p, 2, filters // groups, 2)
        z = convolve(torch.tanh(y), second, biases(p, 2, 2), groups=groups)
        return F.softplus(z).ravel()

    assert_like_torch(experiment, output)


@shapes
def test_pools_of_feature_maps(seed):
    """An input of whole numbers has equal largest ones: the first of them gets the derivative."""
    random = np.random.default_rng(seed)
    size = int(random.integers(3, 6))
    kernel = int(random.integers(1, 4))
    stride = int(random.integers(1, 4))
    is_picture = bool(random.random() < 0.5)
    is_mean = bool(random.random() < 0.5)
    layers = [
        bp.Layer(kind="convolution", kernel=1, filters=2, activation="relu"),
        bp.Layer(kind="mean_pool" if is_mean else "max_pool", kernel=kernel, stride=stride),
        bp.Layer(kind="flatten"),
    ]
    shape = (size, size) if is_picture else (size,)
    after = ((size - kernel) // stride + 1) ** len(shape)
    experiment = network(
        layers, shape, (2 * after,), seed=seed, values=lambda r, n: r.integers(-2, 3, n)
    )
    convolve = F.conv2d if is_picture else F.conv1d
    pools = {
        (True, True): F.avg_pool2d, (True, False): F.max_pool2d,
        (False, True): F.avg_pool1d, (False, False): F.max_pool1d,
    }  # fmt: skip

    def output(p, x):
        y = F.relu(convolve(x[None, None], kernels(p, 2, 1, 1), biases(p, 2, 1)))
        return pools[is_picture, is_mean](y, kernel, stride).ravel()

    assert_like_torch(experiment, output)


@pytest.mark.slow
@shapes
def test_batch_normalisation_in_training_and_its_running_statistics(seed):
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 5))
    size = int(random.integers(1, 4))
    units = int(random.integers(1, 4))
    layers = [
        bp.Layer(units=units, activation="tanh"),
        bp.Layer(kind="batch_norm", momentum=0.2),
        bp.Layer(units=1, activation="linear"),
    ]
    experiment = network(layers, (count, size), (count, 1), seed=seed)
    layer = nn.BatchNorm1d(units, momentum=0.2).double()

    def output(p, x):
        y = torch.tanh(x @ p["W1"].T + p["b1"])
        y = torch.func.functional_call(layer, {"weight": p["g"], "bias": p["b2"]}, (y,))
        return y @ p["W3"].T + p["b3"]

    assert_like_torch(experiment, output)
    trace = experiment.run()
    for name, statistic in (("rm", layer.running_mean), ("rv", layer.running_var)):
        ours = [trace.values[-1, trace.program.position[cell]] for cell in bp_cells(name, (units,))]
        np.testing.assert_allclose(ours, statistic.tolist(), rtol=1e-12)
    after = trace.trained()
    forward = after.forward().run()
    p = {
        name: torch.tensor(value, dtype=torch.float64)
        for name, value in after.model.graph.parameters.items()
    }
    layer.eval()
    for row, example in zip(forward.values, experiment.data.examples, strict=True):
        x = torch.tensor(example[: count * size], dtype=torch.float64).reshape(count, size)
        expected = output(p, x)
        ours = [row[forward.program.position[f"y3_{k + 1}_1"]] for k in range(count)]
        np.testing.assert_allclose(ours, expected.ravel().tolist(), atol=1e-12)


@shapes
def test_channels_normalised_by_running_statistics_then_an_activation_alone(seed):
    random = np.random.default_rng(seed)
    shape = tuple(int(n) for n in random.integers(2, 4, 2))
    statistics = random.uniform(0.5, 2, (2, 2))
    running = {f"r{k + 1}{name}": statistics[i, k] for i, name in enumerate("mv") for k in (0, 1)}
    layers = [
        bp.Layer(kind="convolution", kernel=1, filters=2, activation="linear", name="maps"),
        bp.Layer(kind="batch_norm", running=True, parameters=running),
        bp.Layer(kind="activation", activation="silu"),
        bp.Layer(kind="residual", of="maps"),
        bp.Layer(kind="flatten"),
    ]
    experiment = network(layers, shape, (2 * math.prod(shape),), seed=seed)
    mean, variance = torch.tensor(statistics)

    def output(p, x):
        maps = F.conv2d(x[None, None], kernels(p, 2, 1, 1), biases(p, 2, 1))
        scale, shift = torch.stack([p["g1"], p["g2"]]), biases(p, 2, 2)
        return (maps + F.silu(F.batch_norm(maps, mean, variance, scale, shift))).ravel()

    assert_like_torch(experiment, output)


@pytest.mark.slow
@shapes
@pytest.mark.parametrize("count", [0, 2])
def test_recurrent_layers_and_attention_with_as_many_biases_as_pytorch_has(seed, count):
    """Without biases, and with two of each sum: then each of the two moves as PyTorch's does."""
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 4))
    size = 2
    layers = [
        bp.Layer(kind="rnn", units=size, biases=count),
        bp.Layer(kind="lstm", units=size, biases=count),
        bp.Layer(kind="gru", units=size, biases=count),
        bp.Layer(kind="attention", heads=2, biases=count // 2),
    ]
    experiment = network(layers, (steps, size), (steps, size), seed=seed)

    def called(module, weights, *x):
        return torch.func.functional_call(module.double(), weights, x)[0]

    def output(p, x):
        rnn = {"weight_ih_l0": p["Wx"], "weight_hh_l0": p["Wh"]}
        lstm = {
            "weight_ih_l0": torch.cat([of_layer(p, f"W{g}", 2) for g in "ifgo"]),
            "weight_hh_l0": torch.cat([of_layer(p, f"U{g}", 2) for g in "ifgo"]),
        }
        gru = {
            "weight_ih_l0": torch.cat([of_layer(p, f"W{g}", 3) for g in "run"]),
            "weight_hh_l0": torch.cat([of_layer(p, f"U{g}", 3) for g in "run"]),
        }
        attention = {
            "in_proj_weight": torch.cat(
                [torch.cat([p[f"W{m}{h}"] for h in "12"], dim=1).T for m in "QKV"]
            ),
            "out_proj.weight": torch.cat([p["WO1"], p["WO2"]]).T,
        }
        if count:
            rnn |= {"bias_ih_l0": p["b"], "bias_hh_l0": p["d"]}
            lstm |= {
                "bias_ih_l0": torch.cat([of_layer(p, f"b{g}", 2) for g in "ifgo"]),
                "bias_hh_l0": torch.cat([of_layer(p, f"d{g}", 2) for g in "ifgo"]),
            }
            gru |= {
                "bias_ih_l0": torch.cat([of_layer(p, f"b{g}", 3) for g in "run"]),
                "bias_hh_l0": torch.cat([of_layer(p, name, 3) for name in ("dr", "du", "bq")]),
            }
            attention["in_proj_bias"] = torch.cat([p[f"b{m}{h}"] for m in "QKV" for h in "12"])
            attention["out_proj.bias"] = p["bO"]
        has_bias = bool(count)
        h = called(nn.RNN(size, size, bias=has_bias), rnn, x)
        h = called(nn.LSTM(size, size, bias=has_bias), lstm, h)
        h = called(nn.GRU(size, size, bias=has_bias), gru, h)
        return called(nn.MultiheadAttention(size, 2, bias=has_bias), attention, h, h, h)

    assert_like_torch(experiment, output)


@shapes
def test_layer_normalisation_of_a_vector_and_of_each_step(seed):
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 4))
    size = int(random.integers(2, 5))
    is_sequence = bool(random.random() < 0.5)
    shape = (steps, size) if is_sequence else (size,)
    layers = [bp.Layer(units=size, activation="tanh", name="first"), bp.Layer(kind="layer_norm"),
              bp.Layer(kind="residual", of="first")]  # fmt: skip
    experiment = network(layers, shape, shape, seed=seed)

    def output(p, x):
        y = torch.tanh(x @ p["W"].T + p["b1"])
        return y + F.layer_norm(y, (size,), p["g"], p["b2"])

    assert_like_torch(experiment, output)


@pytest.mark.sample(1)
@shapes
def test_attention_with_several_heads(seed):
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 5))
    width = int(random.integers(1, 4))
    heads = int(random.integers(1, 3))
    causal = bool(random.random() < 0.5)
    size = width * heads
    layers = [bp.Layer(kind="attention", heads=heads, causal=causal)]
    experiment = network(layers, (steps, size), (steps, size), seed=seed)

    def output(p, x):
        attention = nn.MultiheadAttention(size, heads, bias=False).double()
        hs = [""] if heads == 1 else [str(h + 1) for h in range(heads)]
        weights = {
            "in_proj_weight": torch.cat(
                [torch.cat([p[f"W{m}{h}"] for h in hs], dim=1).T for m in "QKV"]
            ),
            "out_proj.weight": torch.cat([p[f"WO{h}"] for h in hs]).T,
        }
        mask = torch.triu(torch.ones(steps, steps, dtype=torch.bool), diagonal=1)
        return torch.func.functional_call(
            attention, weights, (x, x, x), {"attn_mask": mask if causal else None}
        )[0]

    assert_like_torch(experiment, output)


@shapes
def test_an_embedding_with_positions(seed):
    random = np.random.default_rng(seed)
    length = int(random.integers(1, 5))
    tokens = int(random.integers(2, 6))
    units = int(random.integers(1, 4))
    layers = [
        bp.Layer(kind="embedding", tokens=tokens, units=units),
        bp.Layer(kind="positions"),
        bp.Layer(kind="mean"),
    ]
    experiment = network(
        layers, (length,), (units,), seed=seed, values=lambda r, n: r.integers(1, tokens + 1, n)
    )
    code = torch.tensor(experiment.model.graph.constants["P"], dtype=torch.float64)

    def output(p, x):
        return (F.embedding(x.long() - 1, p["E"]) + code).mean(dim=0)

    assert_like_torch(experiment, output)
    steps = np.arange(length)[:, np.newaxis] / 10_000 ** (np.arange(units) // 2 * 2 / units)
    waves = np.where(np.arange(units) % 2, np.cos(steps), np.sin(steps))
    np.testing.assert_allclose(code, waves, atol=1e-15)


@shapes
def test_dropout_is_pytorchs_with_the_mask_that_stands_in_the_sheet(seed):
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 7))
    rate = float(random.choice([0.0, 0.25, 0.5]))
    layers = [bp.Layer(units=4, activation="tanh"), bp.Layer(kind="dropout", rate=rate)]
    experiment = network(layers, (size,), (4,), seed=seed)
    trace = experiment.run()
    masks = trace.values[:, [trace.program.position[f"k_{i + 1}"] for i in range(4)]]
    assert set(masks.ravel()) <= {0.0, 1.0}
    rows = iter(torch.tensor(masks))

    def output(p, x):
        return torch.tanh(p["W"] @ x + p["b"]) * next(rows) / (1 - rate)

    assert_like_torch(experiment, output)
    longer = experiment.run(4000)
    kept = longer.values[:, longer.program.position["k_1"]].mean()
    assert abs(kept - (1 - rate)) < 0.05


@pytest.mark.sample(1)
@shapes
def test_a_transformer_block(seed):
    random = np.random.default_rng(seed)
    steps = int(random.integers(1, 4))
    width = int(random.integers(1, 3))
    size = 2 * width
    layers = [
        bp.Layer(kind="attention", heads=2),
        bp.Layer(kind="residual", of="x"),
        bp.Layer(kind="layer_norm", name="middle"),
        bp.Layer(units=3, activation="relu"),
        bp.Layer(units=size, activation="linear"),
        bp.Layer(kind="residual", of="middle"),
        bp.Layer(kind="layer_norm"),
    ]
    experiment = network(layers, (steps, size), (steps, size), seed=seed)

    block = nn.TransformerEncoderLayer(size, 2, dim_feedforward=3, dropout=0.0).double()

    def output(p, x):
        zero = torch.zeros(size, dtype=torch.float64)
        weights = {
            "self_attn.in_proj_weight": torch.cat(
                [torch.cat([p[f"W{m}{h}"] for h in "12"], dim=1).T for m in "QKV"]
            ),
            "self_attn.in_proj_bias": torch.zeros(3 * size, dtype=torch.float64),
            "self_attn.out_proj.weight": torch.cat([p["WO1"], p["WO2"]]).T,
            "self_attn.out_proj.bias": zero,
            "linear1.weight": p["W4"], "linear1.bias": p["b4"],
            "linear2.weight": p["W5"], "linear2.bias": p["b5"],
            "norm1.weight": p["g3"], "norm1.bias": p["b3"],
            "norm2.weight": p["g7"], "norm2.bias": p["b7"],
        }  # fmt: skip
        return torch.func.functional_call(block, weights, (x,))

    assert_like_torch(experiment, output)


@shapes
def test_an_autoencoder_with_tied_weights_and_a_trained_slope(seed):
    random = np.random.default_rng(seed)
    size = int(random.integers(1, 5))
    units = int(random.integers(1, 4))
    layers = [
        bp.Layer(units=units, activation="linear", name="code"),
        bp.Layer(kind="prelu"),
        bp.Layer(kind="tied", of="code", activation="logistic"),
    ]
    experiment = network(layers, (size,), (size,), seed=seed)

    def output(p, x):
        code = F.prelu(p["W"] @ x + p["b1"], p["a"].reshape(1))
        return torch.sigmoid(p["W"].T @ code + p["b3"])

    assert_like_torch(experiment, output)


def test_kernels_are_drawn_within_the_bounds_of_pytorchs_fans():
    """Every entry of a kernel has as many inputs as all kernels of its filter have entries."""
    layers = [
        bp.Layer(kind="convolution", kernel=3, filters=4, padding=1),
        bp.Layer(kind="convolution", kernel=3, filters=5),
        bp.Layer(kind="flatten"),
    ]
    made = network(layers, (5, 5), (45,)).replaced(initial=bp.Initial(method="xavier_uniform"))
    parameters = made.model.graph.parameters
    drawn = [np.ravel(value) for name, value in parameters.items() if "_c" in name]
    like = torch.empty(5, 4, 3, 3)
    bound = math.sqrt(6 / sum(torch.nn.init._calculate_fan_in_and_fan_out(like)))
    assert 0.9 * bound < np.abs(drawn).max() <= bound


def test_every_kind_is_compared():
    """Whoever adds a kind adds a comparison."""
    here = Path(__file__).read_text(encoding="utf-8")
    compared = {kind for kind in KINDS if kind == "dense" or f'"{kind}"' in here}
    assert compared == set(KINDS)
