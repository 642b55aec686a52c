"""Calls of modules, and of functions that have a module's arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpsheet.models.torch.activations import ACTIVATIONS
from bpsheet.models.torch.layers import LAYERS, Site, Value, attention, transformer
from bpsheet.models.torch.operations import Operations
from bpsheet.models.torch.walk import State

__all__ = ["FUNCTIONS", "Calls", "DropoutCall"]

# Functions with the arguments of a module: F.leaky_relu(x, 0.2) is nn.LeakyReLU(0.2)(x).
FUNCTIONS: Mapping[str, str] = {
    "relu": "ReLU",
    "relu_": "ReLU",
    "relu6": "ReLU6",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "leaky_relu": "LeakyReLU",
    "leaky_relu_": "LeakyReLU",
    "elu": "ELU",
    "celu": "CELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "softplus": "Softplus",
    "softsign": "Softsign",
    "hardsigmoid": "Hardsigmoid",
    "hardswish": "Hardswish",
    "hardtanh": "Hardtanh",
    "logsigmoid": "LogSigmoid",
    "tanhshrink": "Tanhshrink",
    "softshrink": "Softshrink",
    "hardshrink": "Hardshrink",
    "threshold": "Threshold",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "max_pool1d": "MaxPool1d",
    "max_pool2d": "MaxPool2d",
    "avg_pool1d": "AvgPool1d",
    "avg_pool2d": "AvgPool2d",
    "adaptive_avg_pool1d": "AdaptiveAvgPool1d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
}


class Calls(Operations):
    """What modules become."""

    def _module(  # noqa: PLR0917 - a call: its node and path, the module, what it is given
        self, node: Any, place: str, module: Any, value: Value | None, given: Sequence[Any],
        named: Mapping[str, Any],
    ) -> Any:  # fmt: skip
        assert value is not None
        name = type(module).__name__
        site = self._site(place, module, value)
        if hasattr(module, "parametrizations"):
            return self._refused(
                node, place, "parametrized weights are not covered; remove them first"
            )
        if name in ("Identity", "Flatten", "Unflatten"):
            return self._reshaped(node, place, value)
        if not self._is_current(place, value):
            return replace(value, layer=len(self.draft.layers))
        if name in ACTIVATIONS:
            self.draft.activation(ACTIVATIONS[name](module))
            return site.now()
        if name == "MultiheadAttention":
            if given[1] is not value or given[2] is not value:
                site.refuse("attention of one sequence to itself is covered")
            return attention(site, causal=self._is_causal(site, named, given, 5)), None
        if name in ("TransformerEncoderLayer", "TransformerEncoder"):
            return self._encoder(site, causal=self._is_causal(site, named, given, 1))
        if name in ("RNN", "LSTM", "GRU"):
            self._need_no_state(site, given[1:])
            sequence = LAYERS[name](site)
            state = State(sequence, module.num_layers)
            return sequence, ((state, None) if name == "LSTM" else state)
        if name not in LAYERS:
            return self._refused(node, place, f"{name} is not covered")
        return LAYERS[name](site)

    def _encoder(self, site: Site, *, causal: bool) -> Value:
        module, value = site.module, site.value
        if type(module).__name__ == "TransformerEncoderLayer":
            return transformer(site, causal=causal)
        for number, layer in enumerate(module.layers):
            place = f"{site.place}.layers.{number}".lstrip(".")
            if number or value.layer:
                site.name_of(site.now(value.shape))
            transformer(
                replace(site, place=place, module=layer, value=site.now(value.shape)), causal=causal
            )
        if module.norm is not None:
            place = f"{site.place}.norm".lstrip(".")
            LAYERS["LayerNorm"](
                replace(site, place=place, module=module.norm, value=site.now(value.shape))
            )
        return site.now(value.shape)

    def _is_causal(
        self, site: Site, named: Mapping[str, Any], given: Sequence[Any], place: int
    ) -> bool:
        """Whether a mask lets no step see a later one. Another mask is not covered."""
        import torch

        mask = next(
            (named[key] for key in ("attn_mask", "mask", "src_mask") if named.get(key) is not None),
            given[place] if len(given) > place else None,
        )
        if any(named.get(key) is not None for key in ("key_padding_mask", "src_key_padding_mask")):
            site.refuse("a padding mask is not covered")
        if mask is None:
            return False
        later = torch.triu(torch.ones(mask.shape, dtype=torch.bool), diagonal=1)
        hidden = mask if mask.dtype == torch.bool else mask == -math.inf
        if not torch.equal(hidden.cpu(), later):
            site.refuse("a mask that hides the later steps, and no other, is covered")
        return True

    def _need_no_state(self, site: Site, states: Sequence[Any]) -> None:
        flat = [
            part for state in states for part in (state if isinstance(state, tuple) else (state,))
        ]
        for part in flat:
            if part is not None and (not hasattr(part, "any") or bool(part.any())):
                site.refuse("a first state of zeros is covered")

    def _function(
        self, node: Any, place: str, word: str, given: Sequence[Any], named: Mapping[str, Any]
    ) -> Any:
        from torch import nn

        settings = {
            key: one
            for key, one in named.items()
            if key not in ("input", "inplace", "_stacklevel", "dtype")
        }
        try:
            module = getattr(nn, FUNCTIONS[word])(*given[1:], **settings)
        except TypeError:
            return self._refused(node, place, f"these arguments of {word} are not covered")
        return self._module(node, place, module, given[0], given, {})


@dataclass(frozen=True)
class DropoutCall:
    """What F.dropout is: nn.Dropout with its arguments."""

    p: float
    training: bool


DropoutCall.__name__ = "Dropout"
