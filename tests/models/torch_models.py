"""Random models of PyTorch, and what they are compared by."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

import bpsheet as bp
from bpsheet.models.onnx.writing import _Writer

__all__ = ["FAMILIES", "Drawn", "drawn", "outputs_of", "trained_alike", "update"]

# Not Hardsigmoid: in float64, too, PyTorch's slope of it is 1/6 to seven digits only.
ACTIVATIONS = [
    nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Mish, nn.SELU,
    nn.Softsign, nn.Hardtanh, nn.LogSigmoid, nn.ReLU6, nn.Hardswish, nn.CELU, nn.Tanhshrink,
    lambda: nn.LeakyReLU(0.2), lambda: nn.ELU(0.5), lambda: nn.GELU("tanh"), lambda: nn.Softplus(beta=2),
]  # fmt: skip


class Residual(nn.Module):
    """A block whose input is added to its output."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return torch.relu(self.block(x) + x)


class Recurrent(nn.Module):
    """A recurrent layer, and a dense one on its last step or its last state."""

    def __init__(
        self, kind: str, size: int, units: int, layers: int, out: int, *, bias: bool
    ) -> None:
        super().__init__()
        self.rnn = getattr(nn, kind)(size, units, layers, batch_first=True, bias=bias)
        self.head = nn.Linear(units, out)
        self.takes_state = layers == 1
        self.has_cell = kind == "LSTM"

    def forward(self, x: Any) -> Any:
        out, state = self.rnn(x)
        if self.takes_state:
            last = state[0] if self.has_cell else state
            return self.head(last.squeeze(0))
        return self.head(out[:, -1, :])


class Tokens(nn.Module):
    """Tokens to vectors, attention with a residual, the mean over the steps."""

    def __init__(self, count: int, width: int, heads: int, out: int) -> None:
        super().__init__()
        self.table = nn.Embedding(count, width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, out)

    def forward(self, x: Any) -> Any:
        h = self.table(x)
        a, _ = self.attention(h, h, h)
        return self.fc(self.norm(h + a).mean(dim=1))


class Pictures(nn.Module):
    """As the tutorials write it: convolutions and pools as functions, then dense layers."""

    def __init__(self, channels: int, side: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 2, 3, padding=1)
        self.conv2 = nn.Conv2d(2, 3, 2, stride=1, bias=False)
        size = (side // 2 - 1) ** 2 * 3
        self.fc = nn.Linear(size, out)

    def forward(self, x: Any) -> Any:
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = torch.tanh(self.conv2(x))
        return self.fc(torch.flatten(x, 1))


class Drawn:
    """A random model with its data, its loss and how it is optimised."""

    def __init__(self, model: nn.Module, x: Any, y: Any, loss: nn.Module, optimiser: Any) -> None:
        self.model, self.x, self.y, self.loss, self.optimiser = model, x, y, loss, optimiser


def _optimiser(random: np.random.Generator) -> Any:
    rate = float(random.uniform(0.01, 0.1))
    kinds = [
        lambda p: torch.optim.SGD(p, lr=rate),
        lambda p: torch.optim.SGD(p, lr=rate, momentum=0.9, weight_decay=0.01),
        lambda p: torch.optim.SGD(p, lr=rate, momentum=0.8, nesterov=True),
        lambda p: torch.optim.SGD(p, lr=rate, momentum=0.9, dampening=0.3),
        lambda p: torch.optim.Adam(p, lr=rate, betas=(0.8, 0.9), eps=1e-4),
        lambda p: torch.optim.Adam(p, lr=rate, amsgrad=True, weight_decay=0.02, eps=1e-4),
        lambda p: torch.optim.AdamW(p, lr=rate, weight_decay=0.1, eps=1e-4),
        lambda p: torch.optim.RMSprop(p, lr=rate / 10, alpha=0.9, eps=1e-4),
        lambda p: torch.optim.RMSprop(p, lr=rate / 10, momentum=0.5, centered=True, eps=1e-3),
        lambda p: torch.optim.Adagrad(p, lr=rate, lr_decay=0.1, eps=1e-5),
        lambda p: torch.optim.Adadelta(p, rho=0.8, eps=1e-4),
        lambda p: torch.optim.NAdam(p, lr=rate, eps=1e-4),
        lambda p: torch.optim.RAdam(p, lr=rate, eps=1e-4),
        lambda p: torch.optim.Adamax(p, lr=rate, eps=1e-4),
    ]
    return kinds[int(random.integers(len(kinds)))]


def _loss(
    random: np.random.Generator, count: int, out: int
) -> tuple[nn.Module, Any, list[nn.Module]]:
    """A loss, its targets, and what the model ends with because of it."""
    reduction = str(random.choice(["mean", "sum"]))
    numbers = torch.tensor(random.normal(size=(count, out)))
    shares = torch.tensor(random.integers(0, 2, (count, out)).astype(float))
    classes = torch.tensor(random.integers(0, out, count))
    kinds: list[tuple[nn.Module, Any, list[nn.Module]]] = [
        (nn.MSELoss(reduction=reduction), numbers, []),
        (nn.L1Loss(reduction=reduction), numbers, []),
        (nn.HuberLoss(reduction=reduction, delta=0.7), numbers, []),
        (nn.SmoothL1Loss(reduction=reduction, beta=0.5), numbers, []),
        (nn.BCEWithLogitsLoss(reduction=reduction), shares, []),
        (nn.BCELoss(reduction=reduction), shares, [nn.Sigmoid()]),
        (nn.PoissonNLLLoss(reduction=reduction), shares, []),
    ]
    if out > 1:
        kinds += [
            (nn.CrossEntropyLoss(reduction=reduction), classes, []),
            (nn.NLLLoss(reduction=reduction), classes, [nn.LogSoftmax(dim=1)]),
        ]
    return kinds[int(random.integers(len(kinds)))]


def drawn(seed: int, family: str) -> Drawn:
    """A random model of a family, in float64: "dense", "layers", "recurrent", "pictures" or "tokens"."""
    random = np.random.default_rng([seed, len(family)])
    count = int(random.integers(2, 5))
    out = int(random.integers(1, 4))
    loss, targets, ends = _loss(random, count, out)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, x = FAMILIES[family](random, count, out, ends)
    return Drawn(model.double(), x, targets, loss, _optimiser(random))


def _activation(random: np.random.Generator) -> nn.Module:
    return ACTIVATIONS[int(random.integers(len(ACTIVATIONS)))]()


def _dense(random: np.random.Generator, count: int, out: int, ends: list[nn.Module]) -> Any:
    sizes = [int(n) for n in random.integers(1, 5, int(random.integers(1, 4)))]
    layers: list[nn.Module] = []
    for inner, outer in zip(sizes, [*sizes[1:], out], strict=True):
        layers += [nn.Linear(inner, outer, bias=bool(random.random() < 0.8)), _activation(random)]
    return nn.Sequential(*layers[:-1], *ends), torch.tensor(random.normal(size=(count, sizes[0])))


def _layers(random: np.random.Generator, count: int, out: int, ends: list[nn.Module]) -> Any:
    """Norms, residual blocks, a batch norm that is not trained."""
    size, n = (int(number) for number in random.integers(2, 5, 2))
    norm: nn.Module = nn.BatchNorm1d(n)
    if random.random() < 0.5:
        norm.eval()
    inner = Residual(nn.Linear(n, n), nn.LayerNorm(n), _activation(random), nn.Linear(n, n))
    prelu = nn.PReLU() if random.random() < 0.5 else nn.Identity()
    model = nn.Sequential(
        nn.Linear(size, n), norm, _activation(random), inner, prelu, nn.Linear(n, out), *ends
    )
    return model, torch.tensor(random.normal(size=(count, size)))


def _recurrent(random: np.random.Generator, count: int, out: int, ends: list[nn.Module]) -> Any:
    steps, size, units = (int(number) for number in random.integers(1, 4, 3))
    kind = str(random.choice(["RNN", "LSTM", "GRU"]))
    layers = int(random.integers(1, 3))
    model = Recurrent(kind, size, units, layers, out, bias=bool(random.random() < 0.7))
    return nn.Sequential(model, *ends), torch.tensor(random.normal(size=(count, steps, size)))


def _pictures(random: np.random.Generator, count: int, out: int, ends: list[nn.Module]) -> Any:
    channels, side = int(random.integers(1, 3)), int(random.integers(4, 6))
    x = torch.tensor(random.normal(size=(count, channels, side, side)))
    return nn.Sequential(Pictures(channels, side, out), *ends), x


def _tokens(random: np.random.Generator, count: int, out: int, ends: list[nn.Module]) -> Any:
    tokens, steps = int(random.integers(2, 6)), int(random.integers(1, 4))
    heads = int(random.integers(1, 3))
    model = Tokens(tokens, heads * int(random.integers(1, 3)), heads, out)
    return nn.Sequential(model, *ends), torch.tensor(random.integers(0, tokens, (count, steps)))


FAMILIES = {
    "dense": _dense,
    "layers": _layers,
    "recurrent": _recurrent,
    "pictures": _pictures,
    "tokens": _tokens,
}


def outputs_of(trace: bp.Trace) -> np.ndarray[Any, Any]:
    """The outputs of each row: of the last layer, in order."""
    writer = _Writer(trace.experiment, "float64")
    columns = [c.name for n in writer._outputs() for c in writer.quantities[n].columns.ravel()]
    return trace.frame[columns].to_numpy()


def trained_alike(one: Drawn, updates: int = 5) -> tuple[bp.Trace, dict[str, float]]:
    """The trace of some updates, and how far each array is from PyTorch's after them."""
    model = copy.deepcopy(one.model)
    optimiser = one.optimiser(model.parameters())
    experiment = bp.from_torch(model, (one.x, one.y), one.loss, optimiser, epochs=updates)
    trace = experiment.run()
    for _ in range(updates):
        update(model, optimiser, one)
    state = trace.state_dict()
    assert set(state) == set(model.state_dict())
    return trace, {
        name: float((state[name].double() - value.double()).abs().max())
        for name, value in model.state_dict().items()
    }


def update(model: nn.Module, optimiser: Any, one: Drawn) -> None:
    """One update with all examples."""
    optimiser.zero_grad()
    one.loss(model(one.x), one.y).backward()
    optimiser.step()
