"""A module of PyTorch, with its loss, its optimiser and its data, as an experiment's tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bpsheet.errors import MissingExtraError, ModelError, Problem
from bpsheet.models.assembling import Objective, assembled
from bpsheet.models.examples import Examples
from bpsheet.models.imported import Draft, Imported
from bpsheet.models.torch.following import Followed, follow
from bpsheet.models.torch.layers import LOGARITHM
from bpsheet.models.torch.losses import objective_of
from bpsheet.models.torch.optimisers import memory_of, schedule_of, settings_of
from bpsheet.tables.data import Data

__all__ = ["read_module"]

# The layers that a batch may go through as a matrix, a row for each example.
BY_ROWS = ("batch_norm", "activation", "dropout", "layer_norm", "residual", "prelu")


def read_module(
    module: Any,
    data: Any,
    loss: Any,
    optimizer: Any,
    scheduler: Any,
    *,
    batch_size: int | str | None,
    epochs: int,
    shape: Sequence[int] | None,
) -> Imported:
    """What a module is. See `bpsheet.from_torch` for the arguments.

    Raises ModelError with everything that is not covered.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtraError("a module of PyTorch needs torch", "torch") from None
    if not isinstance(module, torch.nn.Module):
        said = f"a torch.nn.Module expected; got {type(module).__name__}"
        raise ModelError([Problem("module", said)], "this model")
    source = type(module).__name__
    if optimizer is not None and loss is None:
        raise ModelError([Problem("loss", "an optimizer needs a loss to descend")], source)
    data, told = _loaded(data)
    batch_size = batch_size if batch_size is not None else told if told is not None else "all"
    draft = Draft("torch", source)
    examples = None
    if data is not None and not isinstance(data, Data):
        if _steps_first(module):
            data = _examples_first(data)
        examples = Examples.of(data, source)
        if shape is None:
            shape = examples.shape or [1]
    followed = follow(module, shape, draft, is_trained=loss is not None)
    together = _together(module, draft, examples, batch_size, is_trained=loss is not None)
    batch = [together] if together > 1 else []
    inputs, outputs = [*batch, *followed.inputs], [*batch, *followed.outputs]
    objective, training = None, None
    if loss is not None:
        draft.check()
        rows = math.prod(outputs[:-1])
        objective = objective_of(loss, draft, math.prod(outputs), rows)
        training = _training(module, optimizer, scheduler, objective, draft)
        training |= {"batch_size": 1 if batch else batch_size, "epochs": epochs}
    _take_logarithm(draft)
    state = module.state_dict()
    return assembled(
        draft,
        inputs,
        outputs,
        data,
        objective,
        training,
        channels=followed.channels,
        first_token=0 if followed.is_tokens else None,
        together=together,
        dtype=_dtype(state),
        others=_others(module, followed, draft, is_trained=loss is not None),
        title=f"{source}, from PyTorch",
    )


def _take_logarithm(draft: Draft) -> None:
    """A LogSoftmax whose logarithm no loss takes is softmax, and then its logarithm."""
    ends = [layer.get("activation") == LOGARITHM for layer in draft.layers]
    if any(ends[:-1]):
        draft.refuse("LogSoftmax", "it is covered as the last layer")
    elif any(ends):
        draft.layers[-1]["activation"] = "softmax"
        draft.layer("activation", activation="ln(z)")


def _loaded(data: Any) -> tuple[Any, int | None]:
    """The arrays of a TensorDataset, or of a DataLoader over one, and the batches' size."""
    size = None
    if hasattr(data, "dataset") and hasattr(data, "batch_size"):
        data, size = data.dataset, data.batch_size
    if hasattr(data, "tensors"):
        data = tuple(data.tensors) if len(data.tensors) > 1 else data.tensors[0]
    if isinstance(data, tuple):
        data = tuple(_plain(part) for part in data)
    return _plain(data), size


def _plain(value: Any) -> Any:
    """A tensor as an array; everything else as it is."""
    import torch

    return value.detach().cpu().double().numpy() if isinstance(value, torch.Tensor) else value


def _steps_first(module: Any) -> bool:
    """Whether the steps of a sequence are the first axis, and the examples the second."""
    return any(getattr(one, "batch_first", True) is False for one in module.modules())


def _examples_first(data: Any) -> Any:
    """The data with the examples along the first axis."""
    x, *more = data if isinstance(data, tuple) else (data,)
    numbers = np.asarray(x)
    x = numbers.swapaxes(0, 1) if numbers.ndim > 2 else x
    return (x, *more) if more else x


def _together(
    module: Any, draft: Draft, examples: Examples | None, size: int | str, *, is_trained: bool
) -> int:
    """How many examples make one of ours: a batch, where the model normalises over it."""
    is_by_batch = is_trained and any(
        layer.get("kind") == "batch_norm" and not layer.get("running") for layer in draft.layers
    )
    if not is_by_batch:
        return 1
    for number, layer in enumerate(draft.layers, start=1):
        if layer.get("kind", "dense") not in (*BY_ROWS, "dense"):
            said = (
                f"layer {number} ({layer['kind']}) is not covered beside batch normalisation by "
                "batches; call .eval() on the normalisation"
            )
            draft.refuse(type(module).__name__, said)
    if size == "all":
        return 2 if examples is None else len(examples.x)
    return int(size)


def _training(
    module: Any, optimizer: Any, scheduler: Any, objective: Objective, draft: Draft
) -> dict[str, Any]:
    training: dict[str, Any] = {"reduction": objective.reduction}
    if optimizer is not None:
        training |= settings_of(optimizer, draft)
        training |= memory_of(optimizer, module, training, draft) if not draft.problems else {}
        trained = {id(one) for group in optimizer.param_groups for one in group["params"]}
        left = {name for name, one in module.named_parameters() if id(one) not in trained}
        if len(left) == len(list(module.parameters())):
            draft.refuse("optimizer", "one over the parameters of this very module expected")
        draft.frozen += [
            own
            for own, name in draft.names.items()
            if name.partition("[")[0] in left and own not in draft.frozen
        ]
    if scheduler is not None:
        training |= schedule_of(scheduler, draft)
    return training


def _dtype(state: Any) -> str:
    kinds = {str(value.dtype).removeprefix("torch.") for value in state.values()}
    kinds = {kind for kind in kinds if "float" in kind}
    return kinds.pop() if len(kinds) == 1 else "float64"


def _others(module: Any, followed: Followed, draft: Draft, *, is_trained: bool) -> dict[str, Any]:
    """The arrays that no layer uses, so that the model's state can be given back whole.

    One of more than two axes is written flat, with its shape behind its name.
    """
    others: dict[str, Any] = {}
    trained = {name for name, one in module.named_parameters() if one.requires_grad}
    for name, value in module.state_dict().items():
        if name in followed.used or draft.problems:
            continue
        if is_trained and name in trained:
            draft.refuse(name, "it is trained, and no layer that is covered has it")
        numbers = value.detach().cpu().double()
        if value.numel() and value.dim() <= 2:
            others[name] = numbers.tolist()
        elif value.numel():
            others[f"{name} {tuple(value.shape)}"] = numbers.ravel().tolist()
    return others
