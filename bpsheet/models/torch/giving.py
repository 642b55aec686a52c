"""The weights of a run given to PyTorch: as a state by the model's names, or as a new module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpsheet.errors import MissingExtraError, ModelError, Problem
from bpsheet.models.torch.modules import MODULES, chain
from bpsheet.models.weights import final_weights, model_arrays, root_of
from bpsheet.plan.plan import Plan
from bpsheet.runs.run import Run

__all__ = ["state_dict", "to_torch"]

COUNTED = "num_batches_tracked"
# The modules of our activations.
ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "linear": lambda nn: nn.Identity(),
    "logistic": lambda nn: nn.Sigmoid(),
    "tanh": lambda nn: nn.Tanh(),
    "relu": lambda nn: nn.ReLU(),
    "leaky_relu": lambda nn: nn.LeakyReLU(),
    # PyTorch's own is a straight line from 20 on.
    "softplus": lambda nn: nn.Softplus(threshold=1000),
    "elu": lambda nn: nn.ELU(),
    "selu": lambda nn: nn.SELU(),
    "gelu": lambda nn: nn.GELU(),
    "silu": lambda nn: nn.SiLU(),
    "mish": lambda nn: nn.Mish(),
    "softsign": lambda nn: nn.Softsign(),
    "hard_sigmoid": lambda nn: nn.Hardsigmoid(),
    "hard_tanh": lambda nn: nn.Hardtanh(),
    "log_sigmoid": lambda nn: nn.LogSigmoid(),
    "softmax": lambda nn: nn.Softmax(dim=-1),
}


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise MissingExtraError("a module of PyTorch needs torch", "torch") from None
    return torch


def state_dict(run: Run) -> dict[str, Any]:
    """The weights after the last update by the names of the model: tensors, or arrays of NumPy."""
    plan, origin = run.experiment, run.experiment.origin
    layers = plan.network.layers if plan.network is not None else []
    is_counting = any(layer.kind == "batch_norm" and not layer.running for layer in layers)
    updates = len(run) if is_counting and plan.training.rule != "none" else 0
    arrays = model_arrays(plan, final_weights(run), updates=updates)
    if origin is not None and origin.framework != "torch":
        return {name: array.astype(origin.dtype) for name, array in arrays.items()}
    torch = _torch()
    dtype = getattr(torch, origin.dtype if origin is not None else "float64", torch.float64)
    return {
        name: torch.tensor(array, dtype=torch.int64 if name.endswith(COUNTED) else dtype)
        for name, array in arrays.items()
    }


@dataclass(frozen=True)
class _Step:
    """A module of the chain, its path in the whole, and the name of the layer that it ends."""

    path: str
    module: Any
    name: str | None = None


def to_torch(run: Run) -> Any:
    """A module with the weights after the last update, in float64."""
    torch, plan = _torch(), run.experiment
    network = plan.network
    if network is None:
        said = "formulas have no layers; take the weights from final_weights"
        raise ModelError([Problem("graph", said)], plan.name)
    layers, problems = final_weights(run).layers, list[Problem]()
    steps: list[_Step] = []
    shape = _shape(plan)
    for number, (layer, arrays) in enumerate(zip(network.layers, layers, strict=True), start=1):
        path = f"network.layers[{number}]"
        build = MODULES.get(layer.kind)
        if build is None:
            said = f"no module of PyTorch is a layer of kind {layer.kind}"
            problems.append(Problem(path, said))
            continue
        module = build(torch, layer, arrays, shape)
        steps.append(_Step(_path(plan, number, module) or str(len(steps)), module, layer.name))
        if layer.kind in ("dense", "convolution", "activation"):
            made = ACTIVATIONS.get(layer.activation)
            if made is None:
                said = f"no module of PyTorch is the activation {layer.activation}"
                problems.append(Problem(f"{path}.activation", said))
            elif layer.activation != "linear":
                steps.append(_Step(str(len(steps)), made(torch.nn), layer.name))
    if problems:
        raise ModelError(problems, plan.name)
    return chain(torch, [(one.path, one.module, one.name) for one in steps], network.inputs[0])


def _shape(plan: Plan) -> int:
    """How many axes one example of the inputs has."""
    network = plan.network
    assert network is not None
    return max((len(network.shapes.get(name, ())) for name in network.inputs), default=0) or 1


def _path(plan: Plan, number: int, module: Any) -> str | None:
    """Where the module stood in the model that the experiment came from; None if it is not known."""
    names = {} if plan.origin is None or plan.origin.framework != "torch" else plan.origin.names
    roots = {root_of(name) for own, name in names.items() if own.partition(".")[0] == str(number)}
    for name in module.state_dict():
        for root in roots:
            path = root.removesuffix(f".{name}")
            if path != root and roots <= {f"{path}.{key}" for key in module.state_dict()}:
                return path
    return None
