"""Modules of PyTorch, exported to ONNX and read again, train on as PyTorch trains them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpsheet as bp
from bpsheet.models.onnx.writing import _Writer
from tests.helpers.recalculated import recalculated
from tests.helpers.samples import sampled

pytest.importorskip("onnx")
torch = pytest.importorskip("torch", reason="PyTorch is not installed (bpsheet[torch])")
from torch import nn  # noqa: E402

from tests.models.torch_models import FAMILIES  # noqa: E402

COUNT = 4
UPDATES = 5
# A rule of ours and the optimiser that it is.
RULES = [
    ({"rule": "gradient_descent"}, torch.optim.SGD),
    ({"rule": "momentum", "momentum": 0.9}, lambda p, rate: torch.optim.SGD(p, rate, momentum=0.9)),
    ({"rule": "adam", "epsilon": 1e-4}, lambda p, rate: torch.optim.Adam(p, rate, eps=1e-4)),
]


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def drawn(family: str, seed: int) -> tuple[nn.Module, Any, Any, bool]:
    """A module of a family, its inputs, targets, and whether these are classes.

    No two arrays are equal: the exporter would make one of them.
    """
    random = np.random.default_rng([seed, 7])
    out = int(random.integers(1, 4))
    classes = out > 1 and bool(random.random() < 0.4)
    torch.manual_seed(seed)
    ends = [nn.LogSoftmax(dim=1)] if classes else []
    model, x = FAMILIES[family](random, COUNT, out, ends)
    model = model.double().eval()
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.dtype == torch.float64:
                value.add_(torch.rand_like(value) / 2)
    numbers = random.integers(0, out, COUNT) if classes else random.normal(size=(COUNT, out))
    return model, x, torch.tensor(numbers), classes


def outputs_of(experiment: bp.Experiment) -> np.ndarray:
    """The outputs of a run, without the loss."""
    writer = _Writer(experiment, "float64")
    names = writer._outputs()
    if experiment.graph is not None:
        lines = [line.partition(" =")[0] for line in experiment.graph.forward]
        names = [[line for line in lines if line != "loss"][-1]]
    columns = [c.name for name in names for c in writer.quantities[name].columns.ravel()]
    return experiment.run().frame[columns].to_numpy()


SEEDS = [(family, seed) for family in FAMILIES for seed in range(40)]


class Branches(nn.Module):
    """Two layers of the same input, side by side."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(2, 2), nn.Linear(2, 3), nn.Linear(5, 1)

    def forward(self, x):
        return self.out(torch.cat([torch.tanh(self.a(x)), self.b(x)], 1))


class Tied(nn.Module):
    """A matrix that two layers share."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(torch.tanh(self.a(x)))


class BothWays(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.inner = getattr(nn, kind)(2, 2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(4, 1)

    def forward(self, x):
        return self.out(self.inner(x)[0][:, -1])


class Block(nn.Module):
    """An encoder as it is made: all its biases are 0, so that the exporter merges some of them."""

    def __init__(self):
        super().__init__()
        self.inner = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, dropout=0.0)
        self.out = nn.Linear(12, 2)

    def forward(self, x):
        return self.out(self.inner(x).flatten(1))


# What `bp.from_torch` refuses and sends here, and what an exporter merges.
MODULES = {
    "branches": (Branches, (2,)),
    "tied": (Tied, (3,)),
    "both ways": (lambda: BothWays("RNN"), (3, 2)),
    "both ways, LSTM": (lambda: BothWays("LSTM"), (3, 2)),
    "both ways, GRU": (lambda: BothWays("GRU"), (3, 2)),
    "block": (Block, (3, 4)),
    "gaps": (lambda: nn.Sequential(nn.Conv2d(1, 2, 2, dilation=2), nn.Flatten()), (1, 4, 4)),
    "groups": (lambda: nn.Sequential(nn.Conv1d(4, 6, 2, groups=2), nn.Flatten()), (4, 3)),
}


def exported(model: nn.Module, x: Any, path: Path) -> Path:
    torch.onnx.export(
        model, (x,), str(path), dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}},
        do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE,
    )  # fmt: skip
    return path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sampled(MODULES, "branches", "tied"))
def test_modules_that_are_no_row_of_layers_train_as_in_pytorch(name, tmp_path):
    make, shape = MODULES[name]
    torch.manual_seed(4)
    model, x = make().eval(), torch.randn(COUNT, *shape)
    y = torch.randn(model(x).shape)
    path = exported(model, x, tmp_path / "model.onnx")
    settings = {"learning_rate": 0.05, "batch_size": "all", "reduction": "mean", "epochs": UPDATES}
    trace = bp.from_onnx(path, (x.numpy(), y.numpy()), "mean_squared_error", settings).run()
    optimiser = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(UPDATES):
        optimiser.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        optimiser.step()
    expected = model(x).detach().reshape(COUNT, -1).numpy()
    np.testing.assert_allclose(outputs_of(trace.trained().forward()), expected, rtol=0, atol=1e-10)


def check(family: str, seed: int, folder: Path, *, has_sheet: bool) -> None:
    """Outputs before and after five updates, and each array that the file has under PyTorch's name.

    With `has_sheet`, the updates are those of the recalculated workbook.
    """
    model, x, targets, classes = drawn(family, seed)
    path = exported(model, x, folder / "model.onnx")
    rule, optimiser_of = RULES[seed % 3]
    settings = rule | {"learning_rate": 0.05, "batch_size": "all", "reduction": "mean"}
    name = "cross_entropy" if classes else "mean_squared_error"
    data = x.numpy(), targets.numpy()
    experiment = bp.from_onnx(path, data, name, settings | {"epochs": UPDATES})
    trace = experiment.run()
    if has_sheet:
        trace = recalculated(trace, folder / "run.xlsx")

    def outputs() -> np.ndarray:
        with torch.no_grad():
            made = model(x)
        return (made.exp() if classes else made).reshape(COUNT, -1).numpy()

    np.testing.assert_allclose(outputs_of(experiment.forward()), outputs(), rtol=0, atol=1e-12)
    optimiser = optimiser_of(model.parameters(), 0.05)
    loss = nn.NLLLoss() if classes else nn.MSELoss()
    for _ in range(UPDATES):
        optimiser.zero_grad()
        loss(model(x), targets).backward()
        optimiser.step()
    np.testing.assert_allclose(outputs_of(trace.trained().forward()), outputs(), rtol=0, atol=1e-10)
    ours, theirs = trace.state_dict(), model.state_dict()
    kept = [key for key in theirs if key in ours]
    assert kept
    for key in kept:
        np.testing.assert_allclose(ours[key], theirs[key].numpy(), rtol=0, atol=1e-10)


@pytest.mark.sample(1)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "seed"), sampled(SEEDS, ("dense", 5), ("recurrent", 2)))
def test_five_further_updates_of_an_exported_module_are_pytorchs(family, seed, tmp_path):
    check(family, seed, tmp_path, has_sheet=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("family", "seed"), [(family, 100 + s) for family, s in SEEDS])
def test_the_recalculated_workbook_of_an_exported_module_holds_its_updates(family, seed, tmp_path):
    """As ironcalc computes them."""
    pytest.importorskip("ironcalc")
    check(family, seed, tmp_path, has_sheet=True)
