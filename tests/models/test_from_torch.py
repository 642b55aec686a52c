"""Modules of PyTorch: their outputs, their further training, and their weights given back."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest

import bpsheet as bp
from tests.helpers.recalculated import recalculated
from tests.helpers.samples import sampled

torch = pytest.importorskip("torch", reason="PyTorch is not installed (bpsheet[torch])")
from torch import nn  # noqa: E402

from tests.models.torch_models import (  # noqa: E402
    FAMILIES,
    Recurrent,
    drawn,
    outputs_of,
    trained_alike,
    update,
)
from tests.models.torch_tutorials import TUTORIALS, Shared, TwoOutputs  # noqa: E402


@pytest.fixture(autouse=True)
def double():
    """PyTorch's Nadam keeps the product of its momenta in the default type: here in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


SEEDS = [(family, seed) for family in FAMILIES for seed in range(40)]
FEW = [("dense", 1), ("layers", 0), ("recurrent", 2), ("pictures", 1), ("tokens", 3)]


@pytest.mark.sample(1)
@pytest.mark.parametrize(("family", "seed"), sampled(SEEDS, *FEW))
def test_five_further_updates_are_pytorchs(family, seed):
    """With the same optimiser, by the names of the model's own arrays."""
    one = drawn(seed, family)
    trace, differences = trained_alike(one)
    assert trace.first_error is None
    assert max(differences.values()) < 1e-10
    fresh = copy.deepcopy(one.model)
    fresh.load_state_dict(trace.state_dict(), strict=True)


def without_logarithm(model):
    """The model without a LogSoftmax at its end, which only a loss takes."""
    is_log = isinstance(model[-1], nn.LogSoftmax)
    return model[:-1] if is_log else model


@pytest.mark.sample(3)
@pytest.mark.parametrize(("family", "seed"), sampled(SEEDS, *FEW))
def test_outputs_are_the_modules(family, seed):
    """Without a loss: a module in use."""
    one = drawn(seed, family)
    model = without_logarithm(one.model).eval()
    ours = outputs_of(bp.from_torch(model, one.x).run())
    theirs = numbers_of(model, one.x)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * max(1, np.abs(theirs).max()))


# ("tokens", 35) divides by a small variance.
@pytest.mark.sample(2)
@pytest.mark.parametrize(("family", "seed"), sampled(SEEDS, *FEW[1:3], ("tokens", 35)))
def test_outputs_in_single_precision_differ_by_the_modules_own_rounding(family, seed):
    """The weights are taken over exactly: in double precision they give the module's outputs to 1e-12.

    In single precision it rounds on its way. It is no further off than twice what one rounding of each
    input, weight and layer's output does to the outputs in double precision; where that is below 1e-6,
    the outputs are within 1e-6.
    """
    one = drawn(seed, family)
    single = without_logarithm(one.model).float().eval()
    is_numbers = one.x.is_floating_point()
    x = one.x.float() if is_numbers else one.x
    ours = outputs_of(bp.from_torch(single, x).run())
    double, wide = copy.deepcopy(single).double(), x.double() if is_numbers else x
    exact = numbers_of(double, wide)
    scale = max(1, np.abs(exact).max())
    np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-12 * scale)
    torch.manual_seed(seed)
    rounded = [numbers_of(rounding(double), rounded_once(wide)) for _ in range(10)]
    moved = max(2**-24 * scale, *(np.abs(other - exact).max() for other in rounded))
    distance = np.abs(ours - numbers_of(single, x)).max()
    assert distance <= 2 * moved
    assert distance <= 1e-6 * scale or moved > 1e-6 * scale


def numbers_of(model, x):
    """A module's outputs, a row for each example."""
    with torch.no_grad():
        return model(x).reshape(len(x), -1).double().numpy()


def rounded_once(value):
    """A tensor with each number off by at most a rounding of single precision."""
    if isinstance(value, tuple):
        return tuple(map(rounded_once, value))
    if value is None or not value.is_floating_point():
        return value
    return value * (1 + 2**-24 * (2 * torch.rand_like(value) - 1))


def rounding(model):
    """A copy whose weights, and what goes in and out of each module, are off by a rounding."""
    made = copy.deepcopy(model)
    with torch.no_grad():
        for value in made.state_dict().values():
            value.copy_(rounded_once(value))
    for module in made.modules():
        module.register_forward_pre_hook(lambda _, given: rounded_once(given))
        module.register_forward_hook(lambda *given: rounded_once(given[-1]))
    return made


# What the experiment's outputs are where the loss begins with a softmax or a sigmoid, or the model
# ends with a logarithm.
OF_LOSS = {
    "CrossEntropyLoss": lambda y: y.softmax(1),
    "BCEWithLogitsLoss": torch.sigmoid,
    "NLLLoss": torch.exp,
}


@pytest.mark.parametrize(("family", "seed"), sampled(SEEDS, ("dense", 1)))
def test_the_recalculated_workbook_holds_pytorchs_training(family, seed, tmp_path):
    """The outputs before each of five updates and the arrays after them, as ironcalc computes them."""
    pytest.importorskip("ironcalc")
    one = drawn(seed, family)
    optimiser = one.optimiser(one.model.parameters())
    trace = bp.from_torch(one.model, (one.x, one.y), one.loss, optimiser, epochs=5).run()
    found = recalculated(trace, tmp_path / "run.xlsx")
    outputs = []
    for _ in range(5):
        with torch.no_grad():
            made = copy.deepcopy(one.model)(one.x)
        outputs.append(OF_LOSS.get(type(one.loss).__name__, lambda y: y)(made).ravel().numpy())
        update(one.model, optimiser, one)
    ours = outputs_of(found).ravel()
    np.testing.assert_allclose(ours, np.concatenate(outputs), rtol=0, atol=1e-10)
    for key, value in one.model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[key], value, atol=1e-10, rtol=0)


KERNELS = {
    "gaps": (nn.Conv2d(2, 3, 2, dilation=2, padding=1), (2, 5, 5)),
    "gaps in a row": (nn.Conv1d(1, 2, 3, dilation=2, stride=2), (1, 9)),
    "gaps, same": (nn.Conv2d(1, 2, 3, dilation=2, padding="same"), (1, 4, 4)),
    "groups": (nn.Conv2d(4, 6, 2, groups=2), (4, 3, 3)),
    "a kernel for each channel": (nn.Conv2d(2, 4, 2, groups=2), (2, 3, 3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(KERNELS, "groups"))
def test_convolutions_with_gaps_and_groups_are_pytorchs(name):
    """Outputs, three updates with momentum, and the module that is given back."""
    layer, shape = KERNELS[name]
    torch.manual_seed(3)
    x = torch.randn(3, *shape)
    convolution = copy.deepcopy(layer).double()
    size = convolution(x)[0].numel()
    model = nn.Sequential(convolution, nn.Tanh(), nn.Flatten(), nn.Linear(size, 2))
    y = torch.randn(3, 2)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    experiment = bp.from_torch(model, (x, y), nn.MSELoss(), optimiser, epochs=3)
    assert bp.Experiment.from_dict(experiment.to_dict()) == experiment
    with torch.no_grad():
        expected = model(x).numpy()
    np.testing.assert_allclose(outputs_of(bp.from_torch(model, x).run()), expected, atol=1e-12)
    trace = experiment.run()
    for _ in range(3):
        optimiser.zero_grad()
        nn.MSELoss()(model(x), y).backward()
        optimiser.step()
    for key, value in model.state_dict().items():
        torch.testing.assert_close(trace.state_dict()[key], value, atol=1e-12, rtol=0)
    torch.testing.assert_close(trace.to_torch()(x), model(x), atol=1e-12, rtol=0)


@pytest.mark.parametrize(("family", "seed"), sampled(SEEDS, *FEW[2:]))
def test_the_trained_network_is_a_module_again(family, seed):
    """Its outputs are those that the trained experiment computes; its arrays have the model's names."""
    one = drawn(seed, family)
    model = without_logarithm(one.model).eval()
    x = one.x
    trace = bp.from_torch(model, x).run()
    try:
        module = trace.to_torch().eval()
    except bp.ModelError as refused:
        assert "no module of PyTorch is the activation" in str(refused)  # noqa: PT017
        return
    with torch.no_grad():
        ours = module(x).reshape(len(x), -1).numpy()
        theirs = model(x).reshape(len(x), -1).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_a_module_of_ones_own_takes_the_state_of_its_copy():
    """The copy of a module whose layers are modules has its names, so that either loads the other."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm, self.last = nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1)

        def forward(self, x):
            h = torch.relu(self.first(x))
            return self.last(self.norm(h) + h)

    net, x = Net(), torch.randn(4, 2)
    trace = bp.from_torch(net, (x, torch.randn(4, 1)), nn.MSELoss(), epochs=3).run()
    made = trace.to_torch()
    net.load_state_dict(made.state_dict(), strict=True)
    torch.testing.assert_close(net(x), made(x))
    assert (
        bp.from_torch(made, x).run().experiment.first_weights.keys() == trace.final_weights.keys()
    )


@pytest.mark.slow
def test_the_names_of_the_model_survive_the_file(tmp_path):
    model = nn.Sequential(Recurrent("LSTM", 2, 2, 2, 1, bias=True))
    x = torch.randn(2, 2, 2)
    experiment = bp.from_torch(model, (x, torch.randn(2, 1)), nn.MSELoss())
    path = tmp_path / "mine.toml"
    path.write_text(experiment.to_toml())
    state = bp.load(path).run().state_dict()
    before = bp.load(path).first_weights
    again = bp.load(path).with_weights(model.state_dict()).first_weights
    assert all((again[name] == before[name]).all() for name in before)
    assert model.load_state_dict(state, strict=True)


def test_a_layer_by_itself_is_a_model_with_its_own_names():
    layer, x, y = nn.Linear(2, 3), torch.randn(4, 2), torch.randn(4, 3)
    trace = bp.from_torch(layer, (x, y), nn.MSELoss()).run()
    np.testing.assert_allclose(
        outputs_of(bp.from_torch(layer, x).run()), layer(x).detach(), atol=1e-12
    )
    assert layer.load_state_dict(trace.state_dict(), strict=True)
    with pytest.raises(bp.ModelError, match="got inputs alone"):
        bp.from_torch(layer, x, nn.MSELoss())


class Branches(nn.Module):
    """Three parts that are not covered, one after another."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.up = nn.Linear(2, 2), nn.Linear(2, 2), nn.Upsample(scale_factor=2)
        self.pairs = nn.Bilinear(4, 4, 2)

    def forward(self, x):
        both = torch.cat([self.a(x), self.b(x)], dim=1)
        wide = self.up(both.unsqueeze(1)).squeeze(1)[:, :4]
        return self.pairs(wide, wide)


def test_everything_that_is_not_covered_is_named_with_its_path():
    with pytest.raises(bp.ModelError) as refused:
        bp.from_torch(Branches(), torch.randn(3, 2))
    text = str(refused.value)
    for part in ("cat", "up", "pairs"):
        assert part in text
    assert "nn.Linear, convolutions" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"module": 3}, "a torch.nn.Module expected; got int"),
        ({"module": nn.Sequential()}, "the model has no layers"),
        ({"module": nn.Conv2d(1, 1, 2), "data": None}, "the shape of one example is needed"),
        ({"optimizer": lambda _: torch.optim.SGD(nn.Linear(1, 1).parameters())}, "of this very module"),
        ({"data": [[1, 2, 3]]}, "does not take examples of the shape"),
        ({"loss": nn.CTCLoss()}, "CTCLoss is not covered; MSELoss"),
        ({"loss": lambda y, _: y}, "is not covered; MSELoss"),
        ({"loss": nn.MSELoss(reduction="none")}, 'the reductions "mean" and "sum" are covered'),
        ({"loss": None, "optimizer": "sgd"}, "an optimizer needs a loss"),
        ({"optimizer": torch.optim.LBFGS}, "SGD, Adam, AdamW"),
        ({"data": ([[1, 2]], [[1, 2, 3]])}, "1 targets for each example expected"),
        ({"data": ([[1, 2]], [1, 2, 3])}, "a target for each of 1 examples expected; got 3"),
        ({"data": "words"}, "an array of numbers of one shape expected"),
        ({"data": [[1, float("nan")]], "loss": None}, "finite numbers expected"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit_are_said(arguments, said):
    model = nn.Sequential(nn.Linear(2, 1))
    given = {"module": model, "data": ([[1, 2]], [3]), "loss": nn.MSELoss()} | arguments
    if callable(given.get("optimizer")):
        given["optimizer"] = given["optimizer"](model.parameters())
    with pytest.raises(bp.ModelError) as refused:
        bp.from_torch(given.pop("module"), **given)
    assert said in str(refused.value)


OPTIMISERS = {
    "momentum": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    "dampening": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, dampening=0.4),
    "nesterov": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, 0.05, eps=1e-4),
    "amsgrad": lambda p: torch.optim.Adam(p, 0.05, amsgrad=True, eps=1e-4),
    "adamw": lambda p: torch.optim.AdamW(p, 0.05, eps=1e-4),
    "adamax": lambda p: torch.optim.Adamax(p, 0.05, eps=1e-4),
    "nadam": lambda p: torch.optim.NAdam(p, 0.05, eps=1e-4),
    "radam": lambda p: torch.optim.RAdam(p, 0.05, eps=1e-4),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01, eps=1e-4),
    "centered": lambda p: torch.optim.RMSprop(p, 0.01, eps=1e-3, momentum=0.5, centered=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.05, initial_accumulator_value=0.2),
    "adadelta": lambda p: torch.optim.Adadelta(p, eps=1e-4),
    "rprop": lambda p: torch.optim.Rprop(p, 0.01),
}


@pytest.mark.sample(4)
@pytest.mark.parametrize("family", sampled(FAMILIES, "dense"))
@pytest.mark.parametrize(
    "name", sampled(OPTIMISERS, "momentum", "adam", "nadam", "centered", "rprop")
)
def test_an_optimiser_goes_on_from_what_it_remembers(name, family):
    """After three updates in PyTorch, five further ones are PyTorch's."""
    one = drawn(2, family)
    optimiser = OPTIMISERS[name](one.model.parameters())
    for _ in range(3):
        update(one.model, optimiser, one)
    experiment = bp.from_torch(one.model, (one.x, one.y), one.loss, optimiser, epochs=5)
    assert bp.Experiment.from_dict(experiment.to_dict()) == experiment
    state = experiment.run().state_dict()
    for _ in range(5):
        update(one.model, optimiser, one)
    for key, value in one.model.state_dict().items():
        torch.testing.assert_close(state[key], value, atol=1e-10, rtol=0)


def test_what_the_optimiser_leaves_out_and_what_needs_no_gradient_stays():
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1))
    model[0].bias.requires_grad_(requires_grad=False)
    optimiser = torch.optim.SGD([*model[0].parameters(), *model[4].parameters()], lr=0.1)
    trace = bp.from_torch(model, (torch.randn(4, 2), torch.randn(4)), nn.MSELoss(), optimiser).run()
    state, before = trace.state_dict(), model.state_dict()
    moved = {name for name in state if not torch.equal(state[name], before[name])}
    assert moved == {"0.weight", "4.weight", "4.bias"}


@pytest.mark.parametrize(
    "make",
    [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 2, 0.3),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.8),
        lambda o: torch.optim.lr_scheduler.MultiStepLR(o, [1, 3], 0.5),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 10, 0.01),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 2),
        lambda o: torch.optim.lr_scheduler.PolynomialLR(o, 6, 1.5),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.2, 4),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.5, total_steps=6, cycle_momentum=False),
    ],
)
def test_schedulers_are_pytorchs(make):
    one = drawn(3, "dense")
    optimiser = torch.optim.SGD(one.model.parameters(), lr=0.1)
    scheduler = make(optimiser)
    trace = bp.from_torch(one.model, (one.x, one.y), one.loss, optimiser, scheduler, epochs=5).run()
    for _ in range(5):
        update(one.model, optimiser, one)
        scheduler.step()
    for name, value in one.model.state_dict().items():
        torch.testing.assert_close(trace.state_dict()[name], value, atol=1e-12, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(TUTORIALS, "axes", "own arrays", "first state"))
def test_modules_as_tutorials_write_them(name):
    """Their outputs, an update, and the module as it was: nothing was put into it."""
    made, shape = TUTORIALS[name]
    torch.manual_seed(1)
    model = made()
    x = torch.randint(0, 7, shape) if name == "transformer" else torch.randn(shape)
    before = [*model.state_dict()], [*model.named_modules()]
    with torch.no_grad():
        expected = copy.deepcopy(model).eval()(x)
    trace = bp.from_torch(model.eval(), x).run()
    np.testing.assert_allclose(outputs_of(trace), expected.reshape(len(expected), -1), atol=1e-12)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    t = torch.rand_like(expected)
    trained = bp.from_torch(model, (x, t), nn.MSELoss(), optimiser, epochs=2).run()
    for _ in range(2):
        optimiser.zero_grad()
        nn.MSELoss()(model(x), t).backward()
        optimiser.step()
    for key, value in model.state_dict().items():
        torch.testing.assert_close(trained.state_dict()[key], value, atol=1e-12, rtol=0)
    assert before == ([*model.state_dict()], [*model.named_modules()])


def test_weights_that_are_used_twice_are_not_trained_apart():
    model, x = Shared(), torch.randn(3, 2)
    with pytest.raises(bp.ModelError, match=r"fc\.weight: used twice"):
        bp.from_torch(model, (x, x), nn.MSELoss())
    np.testing.assert_allclose(outputs_of(bp.from_torch(model, x).run()), model(x).detach())


def test_a_second_output_is_not_left_out_in_silence():
    with pytest.raises(bp.ModelError, match="output: one array is covered"):
        bp.from_torch(TwoOutputs(), torch.randn(3, 2))


def test_a_forward_pass_that_looks_at_its_numbers_is_refused():
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x) if x.sum() > 0 else x

    with pytest.raises(bp.ModelError, match="its forward pass cannot be followed"):
        bp.from_torch(Looks(), torch.randn(3, 2))


def test_data_come_in_all_the_forms_in_which_people_have_them():
    """Arrays, frames with names, datasets and loaders, `bp.Data`, class numbers; or none yet."""
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    x, classes = torch.randn(6, 2), torch.tensor([0, 1, 1, 0, 1, 0])
    loss = nn.CrossEntropyLoss()
    whole = bp.from_torch(model, (x, classes), loss)
    assert whole.data.examples[1][2:] == [0, 1]
    frame = pd.DataFrame(x.numpy(), columns=["sepal", "petal"])
    named = bp.from_torch(model, (frame, classes.numpy()), loss)
    assert named.network.inputs == ["sepal", "petal"]
    assert named.data.examples == whole.data.examples
    dataset = torch.utils.data.TensorDataset(x, classes)
    loader = torch.utils.data.DataLoader(dataset, batch_size=3)
    batches = bp.from_torch(model, loader, loss, epochs=2)
    assert (batches.training.batch_size, batches.training.epochs) == (3, 2)
    assert bp.from_torch(model, dataset, loss) == whole
    assert bp.from_torch(model, bp.Data(examples=whole.data.examples), loss) == whole
    waiting = bp.from_torch(model, None, loss)
    with pytest.raises(bp.ExperimentError, match=r"data\.examples: at least one example expected"):
        waiting.run()
    assert waiting.replaced(data=whole.data).run().values.shape == whole.run().values.shape
    assert bp.from_torch(model).forward().network.loss is None
