"""Modules of PyTorch with given weights: one for each kind of layer, and their chain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bpsheet.models.imported import kernel_name
from bpsheet.tables.network import Layer

__all__ = ["MODULES", "chain"]

Arrays = Mapping[str, npt.NDArray[np.float64]]


def _filled(torch: Any, module: Any, **arrays: Any) -> Any:
    """The module with these arrays; those that are not given stay."""
    module.double()
    state = module.state_dict() | {
        name.replace("__", "."): torch.tensor(np.asarray(array)) for name, array in arrays.items()
    }
    module.load_state_dict(state)
    return module


def _dense(torch: Any, _: Layer, arrays: Arrays, __: int) -> Any:
    units, inputs = arrays["W"].shape
    bias = {}
    if "b" in arrays:
        bias["bias"] = np.broadcast_to(arrays["b"], units).copy()
    module = torch.nn.Linear(inputs, units, bias=bool(bias))
    return _filled(torch, module, weight=arrays["W"], **bias)


def _recurrent(gates: str) -> Callable[..., Any]:
    def build(torch: Any, layer: Layer, arrays: Arrays, _: int) -> Any:
        if not gates:
            parts = {"weight_ih": ["Wx"], "weight_hh": ["Wh"], "bias_ih": ["b"], "bias_hh": ["d"]}
        else:
            parts = {
                "weight_ih": [f"W{g}" for g in gates],
                "weight_hh": [f"U{g}" for g in gates],
                "bias_ih": [f"b{g}" for g in gates],
                "bias_hh": ["bq" if g == "n" else f"d{g}" for g in gates],
            }
        units, inputs = arrays[parts["weight_ih"][0]].shape
        zeros = np.zeros(units)
        given = {
            f"{name}_l0": np.concatenate([arrays.get(own, zeros) for own in owns])
            for name, owns in parts.items()
            if name.startswith("weight") or layer.biases != 0
        }
        kind = {"": "RNN", "ifgo": "LSTM", "run": "GRU"}[gates]
        module = getattr(torch.nn, kind)(inputs, units, bias=layer.biases != 0, batch_first=True)
        return _filled(torch, module, **given)

    return build


def _convolution(torch: Any, layer: Layer, arrays: Arrays, _: int) -> Any:
    filters, groups = layer.filters or 1, layer.groups or 1
    each = sum(name.startswith("K") for name in arrays) // filters
    weight = np.array(
        [
            [arrays[kernel_name(k, c, each, filters // groups)] for c in range(each)]
            for k in range(filters)
        ]
    )
    made = {3: torch.nn.Conv1d, 4: torch.nn.Conv2d}[weight.ndim]
    given = {"weight": weight}
    if "b1" in arrays:
        given["bias"] = np.array([arrays[f"b{k + 1}"] for k in range(filters)])
    module = made(
        each * groups,
        filters,
        layer.kernel,
        stride=layer.stride or 1,
        padding=layer.padding or 0,
        dilation=layer.dilation or 1,
        groups=groups,
        bias="b1" in arrays,
    )
    return _filled(torch, module, **given)


def _pool(name: str) -> Callable[..., Any]:
    def build(torch: Any, layer: Layer, _: Arrays, axes: int) -> Any:
        return getattr(torch.nn, f"{name}{axes}d")(
            layer.kernel, stride=layer.stride or layer.kernel
        )

    return build


def _batch_norm(torch: Any, layer: Layer, arrays: Arrays, axes: int) -> Any:
    options = {"eps": layer.epsilon or 1e-5, "momentum": layer.momentum or 0.1}
    if "rm0" in arrays:
        module = torch.nn.BatchNorm1d(len(arrays["rm0"]), **options)
        given = {"weight": arrays["g"], "bias": arrays["b"]}
        given |= {"running_mean": arrays["rm0"], "running_var": arrays["rv0"]}
    else:
        count = sum(name.startswith("g") for name in arrays)
        module = getattr(torch.nn, f"BatchNorm{axes}d")(count, **options)
        own = {"weight": "g{}", "bias": "b{}", "running_mean": "r{}m", "running_var": "r{}v"}
        given = {
            name: np.array([arrays[text.format(k + 1)] for k in range(count)])
            for name, text in own.items()
        }
    return _filled(torch, module, **given)


def _layer_norm(torch: Any, layer: Layer, arrays: Arrays, _: int) -> Any:
    module = torch.nn.LayerNorm(len(arrays["g"]), eps=layer.epsilon or 1e-5)
    return _filled(torch, module, weight=arrays["g"], bias=arrays["b"])


def _embedding(torch: Any, _: Layer, arrays: Arrays, __: int) -> Any:
    return _filled(torch, torch.nn.Embedding(*arrays["E"].shape), weight=arrays["E"])


def _attention(torch: Any, layer: Layer, arrays: Arrays, _: int) -> Any:
    heads = layer.heads or 1
    names = [""] if heads == 1 else [str(h + 1) for h in range(heads)]
    given = {
        "in_proj_weight": np.concatenate([arrays[f"W{m}{h}"].T for m in "QKV" for h in names]),
        "out_proj__weight": np.concatenate([arrays[f"WO{h}"] for h in names]).T,
    }
    if layer.biases:
        given["in_proj_bias"] = np.concatenate([arrays[f"b{m}{h}"] for m in "QKV" for h in names])
        given["out_proj__bias"] = arrays["bO"]
    module = torch.nn.MultiheadAttention(
        len(given["out_proj__weight"]), heads, bias=bool(layer.biases), batch_first=True
    )
    module.causal = bool(layer.causal)
    return _filled(torch, module, **given)


def _prelu(torch: Any, _: Layer, arrays: Arrays, __: int) -> Any:
    return _filled(torch, torch.nn.PReLU(), weight=np.reshape(arrays["a"], 1))


def _of_class(name: str) -> Callable[..., Any]:
    """A layer that only this chain has, as a module without weights of its own."""

    def build(torch: Any, layer: Layer, arrays: Arrays, _: int) -> Any:
        module = torch.nn.Identity()
        module.does, module.of = name, layer.of
        if "P" in arrays:
            module.register_buffer("P", torch.tensor(arrays["P"]))
        return module

    return build


MODULES: Mapping[str, Callable[[Any, Layer, Arrays, int], Any]] = {
    "dense": _dense,
    "activation": lambda torch, *_: torch.nn.Identity(),
    "prelu": _prelu,
    "rnn": _recurrent(""),
    "lstm": _recurrent("ifgo"),
    "gru": _recurrent("run"),
    "convolution": _convolution,
    "max_pool": _pool("MaxPool"),
    "mean_pool": _pool("AvgPool"),
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "dropout": lambda torch, layer, *_: torch.nn.Dropout(layer.rate),
    "embedding": _embedding,
    "attention": _attention,
    "flatten": lambda torch, *_: torch.nn.Flatten(),
    "positions": _of_class("positions"),
    "residual": _of_class("residual"),
    "last": _of_class("last"),
    "mean": _of_class("mean"),
}
# The kinds of modules that an nn.Sequential passes its numbers through.
PLAIN = ("RNN", "LSTM", "GRU", "MultiheadAttention")


def chain(torch: Any, steps: Sequence[tuple[str, Any, str | None]], start: str) -> Any:
    """Modules one after another, each with its path and the name of the layer that it ends.

    An `nn.Sequential` where that is enough.
    """
    nn = torch.nn
    modules = [module for _, module, _ in steps]
    is_plain = not any(type(one).__name__ in PLAIN or hasattr(one, "does") for one in modules)
    if is_plain and all(path == str(place) for place, (path, _, _) in enumerate(steps)):
        return nn.Sequential(*modules)

    class Layers(nn.Module):  # type: ignore[misc,name-defined]
        """The layers of an experiment, one after another. Examples are along the first axis."""

        def __init__(self) -> None:
            super().__init__()
            self.order = []
            for path, module, name in steps:
                self._put(path, module)
                self.order.append((path, name))

        def _put(self, path: str, module: Any) -> None:
            at: Any = self
            *folders, last = path.split(".")
            for folder in folders:
                if not hasattr(at, folder):
                    at.add_module(folder, nn.Module())
                at = getattr(at, folder)
            at.add_module(last, module)

        def forward(self, x: Any) -> Any:
            kept = {start: x}
            for path, name in self.order:
                module = self.get_submodule(path)
                x = _passed(torch, module, x, kept)
                if name is not None:
                    kept[name] = x
            return x

    return Layers()


def _passed(torch: Any, module: Any, x: Any, kept: Mapping[str, Any]) -> Any:
    match getattr(module, "does", type(module).__name__):
        case "RNN" | "LSTM" | "GRU":
            return module(x)[0]
        case "MultiheadAttention":
            mask = None
            if module.causal:
                mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), diagonal=1)
            return module(x, x, x, attn_mask=mask, need_weights=False)[0]
        case "residual":
            return kept[module.of] + x
        case "last":
            return x[:, -1]
        case "mean":
            return x.mean(dim=1)
        case "positions":
            return x + module.P
    return module(x)
