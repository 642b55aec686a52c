"""Keras' layers: by the name of the class a function that adds our layers to a draft.

Keras has the numbers of an input last: a kernel has a row for each input, pictures have their channels
on the last axis. Here weights have a row for each neuron, and each channel is an array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from bpsheet.models.imported import Draft, Part, kernel_name

__all__ = ["LAYERS", "Site", "Value", "activation_text", "shape_of_input"]

ACTIVATIONS: Mapping[str, str] = {
    **{name: name for name in ("linear", "relu", "tanh", "elu", "selu", "gelu", "silu", "mish")},
    **{
        name: name
        for name in ("softplus", "softsign", "hard_sigmoid", "hard_tanh", "softmax", "log_sigmoid")
    },
    "sigmoid": "logistic",
    "swish": "silu",
    "leaky_relu": "if(z > 0, z, 0.2*z)",
    "relu6": "min(6, max(0, z))",
    "exponential": "exp(z)",
    "hard_silu": "z*max(0, min(1, z/6 + 0.5))",
    "hard_swish": "z*max(0, min(1, z/6 + 0.5))",
    "tanh_shrink": "z - tanh(z)",
    "celu": "max(0, z) + min(0, exp(z) - 1)",
    "squareplus": "(z + sqrt(z^2 + 4))/2",
}


@dataclass(frozen=True)
class Value:
    """What flows from layer to layer.

    layer:  the number of the layer that gives it; 0 for the input
    shape:  its shape for one example, as Keras has it: channels last
    layout: "plain" (a vector, or a sequence of vectors), or "channels"
    order:  of a vector that channels were flattened to: for each of ours the place that Keras has it at
    """

    layer: int
    shape: tuple[int, ...]
    layout: str = "plain"
    order: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Site:
    """A layer at work: the layer, what it is given, and the layers so far."""

    layer: Any
    value: Value
    draft: Draft
    is_trained: bool
    values: Mapping[Any, Value]
    start: Value
    call: Mapping[str, Any]

    @property
    def kind(self) -> str:
        return type(self.layer).__name__

    def part(self, name: str) -> Part | None:
        """An array of the layer, by its name in the layer; None where it has none."""
        for variable, values in zip(self.layer.weights, self.layer.get_weights(), strict=True):
            if variable.name == name or variable.path.endswith(f"/{name}"):
                return Part(variable.path, values)
        return None

    def need(self, name: str) -> Part:
        part = self.part(name)
        assert part is not None
        return part

    def add(self, kind: str, parameters: Mapping[str, Part] | None = None, **settings: Any) -> None:
        """Add a layer. What Keras does not train is frozen."""
        whole = parameters or {}
        frozen = [own for own, part in whole.items() if not part.name or not self.layer.trainable]
        self.draft.layer(kind, whole, frozen=frozen, **settings)

    def refuse(self, said: str) -> None:
        self.draft.refuse(f"{self.layer.name} ({self.kind})", said)

    def now(
        self,
        shape: Sequence[int] | None = None,
        layout: str | None = None,
        order: tuple[int, ...] | None = None,
    ) -> Value:
        """What the last layer gives."""
        shape = self.value.shape if shape is None else tuple(shape)
        return Value(len(self.draft.layers), tuple(shape), layout or self.value.layout, order)

    def is_only(self, **expected: Any) -> bool:
        """Whether the layer's settings are the covered ones; notes the first that is not."""
        for name, value in expected.items():
            got = getattr(self.layer, name, value)
            got = tuple(got) if isinstance(got, list | tuple) else got
            if got not in (value, (value,), (value, value)):
                self.refuse(f"{name}={value!r} is covered; got {got!r}")
                return False
        return True


def activation_text(site: Site, activation: Any) -> str:
    """Our activation for Keras'; notes one that is not covered."""
    name = getattr(activation, "__name__", type(activation).__name__)
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    site.refuse(f"the activation {name} is not covered; {', '.join(ACTIVATIONS)} are")
    return "linear"


def _activate(site: Site, text: str) -> None:
    if text != "linear":
        site.draft.activation(text)


def _dense(site: Site) -> Value:
    layer, value = site.layer, site.value
    if value.layout == "channels" or len(value.shape) not in (1, 2):
        site.refuse("it takes a vector, or a sequence of vectors; put a Flatten before it")
        return value
    kernel = site.need("kernel")
    weights = kernel.turned
    if value.order is not None:
        weights = (
            Part("", weights.values[:, value.order])
            if not kernel.name
            else Part(f"{kernel.name}[by channel].T", weights.values[:, value.order])
        )
    parameters = {"W": weights}
    if (bias := site.part("bias")) is not None:
        parameters["b"] = bias
    site.add("dense", parameters, units=layer.units)
    _activate(site, activation_text(site, layer.activation))
    return site.now((*value.shape[:-1], layer.units))


def _one(site: Site, value: Any, what: str) -> int | None:
    numbers = set(value) if isinstance(value, tuple | list) else {value}
    if len(numbers) != 1:
        site.refuse(f"the same {what} along each axis is covered; got {tuple(value)}")
        return None
    return int(numbers.pop())


def _same(site: Site, n: int, size: int, stride: int) -> int | None:
    """The padding on each side for as many places as entries; None where the sides differ."""
    whole = max((-(-n // stride) - 1) * stride + size - n, 0)
    if whole % 2:
        site.refuse(
            'padding="same" is covered where both sides get as much; take an odd kernel and strides=1'
        )
        return None
    return whole // 2


def _convolution(site: Site) -> Value:
    layer, value = site.layer, site.value
    axes = layer.rank
    plain = site.is_only(data_format="channels_last")
    size, stride, dilation = (
        _one(site, getattr(layer, name), name)
        for name in ("kernel_size", "strides", "dilation_rate")
    )
    if value.layout != "channels" or len(value.shape) != axes + 1:
        site.refuse("it takes the model's input, or what another convolution or pool gives")
        return value
    if not plain or size is None or stride is None or dilation is None:
        return value
    # From its first to its last entry a kernel with gaps is so long.
    length = dilation * (size - 1) + 1
    paddings: set[int | None] = {0}
    if layer.padding == "same":
        paddings = {_same(site, n, length, stride) for n in value.shape[:-1]}
    elif layer.padding != "valid":
        site.refuse(f'padding "valid" and "same" are covered; got {layer.padding!r}')
    if len(paddings) != 1 or None in paddings:
        if len(paddings) != 1:
            site.refuse("the same padding along each axis is covered")
        return value
    padding = paddings.pop() or 0
    kernel, channels = site.need("kernel"), value.shape[-1]
    along = ", ".join(":" * axes)
    # Depthwise: so many filters for each channel, which is a group.
    own = getattr(layer, "depth_multiplier", 0)
    filters, groups = (own * channels, channels) if own else (layer.filters, layer.groups)
    each, of_group = channels // groups, filters // groups
    parameters = {}
    for k, c in product(range(filters), range(each)):
        place = (k // own, k % own) if own else (c, k)
        part = Part(f"{kernel.name}[{along}, {place[0]}, {place[1]}]", kernel.values[(..., *place)])
        parameters[kernel_name(k, c, each, of_group)] = part
    bias = site.part("bias")
    if bias is not None:
        parameters |= {f"b{k + 1}": bias[k] for k in range(filters)}
    site.add(
        "convolution",
        parameters,
        kernel=size,
        filters=filters,
        stride=stride,
        padding=padding,
        dilation=dilation if dilation > 1 else None,
        groups=groups if groups > 1 else None,
        bias=None if bias is not None else False,
    )
    _activate(site, activation_text(site, layer.activation))
    places = ((n + 2 * padding - length) // stride + 1 for n in value.shape[:-1])
    return site.now((*places, filters))


def _pool(kind: str) -> Callable[[Site], Value]:
    def build(site: Site) -> Value:
        layer, value = site.layer, site.value
        size, stride = (
            _one(site, layer.pool_size, "pool_size"),
            _one(site, layer.strides, "strides"),
        )
        if value.layout != "channels":
            site.refuse("it takes the model's input, or what a convolution gives")
            return value
        if size is None or stride is None or not site.is_only(data_format="channels_last"):
            return value
        if layer.padding == "same" and any(n % stride or size != stride for n in value.shape[:-1]):
            site.refuse('padding="valid" is covered')
            return value
        site.add(kind, kernel=size, stride=None if stride == size else stride)
        return site.now((*((n - size) // stride + 1 for n in value.shape[:-1]), value.shape[-1]))

    return build


def _over_all(kind: str) -> Callable[[Site], Value]:
    """The mean, or the largest number, of each channel; of a sequence the mean over its steps."""

    def build(site: Site) -> Value:
        value = site.value
        if getattr(site.layer, "keepdims", False):
            site.refuse("keepdims=False is covered")
        if value.layout != "channels":
            if kind != "mean_pool" or len(value.shape) != 2:
                site.refuse("it takes channels; of sequences the mean over the steps is covered")
                return value
            site.add("mean")
            return site.now(value.shape[-1:])
        if len(set(value.shape[:-1])) != 1:
            site.refuse("pictures as wide as high are covered")
            return value
        site.add(kind, kernel=value.shape[0])
        site.add("flatten")
        return site.now(value.shape[-1:], "plain")

    return build


def _flatten(site: Site) -> Value:
    value = site.value
    count = math.prod(value.shape)
    if len(value.shape) == 1:
        return value
    site.add("flatten")
    if value.layout != "channels" or value.shape[-1] == 1:
        return site.now((count,), "plain")
    places = np.moveaxis(np.arange(count).reshape(value.shape), -1, 0)
    return site.now((count,), "plain", tuple(places.ravel().tolist()))


def _reshape(site: Site) -> Value:
    target = tuple(site.layer.target_shape)
    if -1 in target:
        rest = -math.prod(target)
        target = tuple(math.prod(site.value.shape) // rest if n == -1 else n for n in target)
    if target == site.value.shape:
        return site.value
    if len(target) == 1:
        return _flatten(site)
    site.refuse("a new shape that makes one vector of all numbers is covered")
    return site.value


def _kept(site: Site) -> Value:
    """What does nothing after a training."""
    if site.is_trained:
        site.refuse("it is not covered in a training; leave it out")
    return site.value


def _dropout(site: Site) -> Value:
    rate = float(site.layer.rate)
    if not site.is_trained or not rate:
        return site.value
    if site.value.layout == "channels" or rate >= 1 or site.layer.noise_shape is not None:
        site.refuse("a rate below 1 of a vector or a sequence is covered in a training")
        return site.value
    site.add("dropout", rate=rate)
    return replace(site.now(), order=site.value.order)


def _constant(value: float, count: int) -> Part:
    return Part("", [value] * count)


def _batch_norm(site: Site) -> Value:
    layer, value = site.layer, site.value
    count = value.shape[-1]
    if site.is_trained and layer.trainable:
        site.refuse(
            "in a training it is covered with its moving statistics: set trainable=False on it"
        )
        return value
    if layer.axis not in (-1, len(value.shape)) or value.order is not None:
        site.refuse("the last axis is covered, not after a Flatten")
        return value
    g, b = site.part("gamma") or _constant(1.0, count), site.part("beta") or _constant(0.0, count)
    mean, variance = site.need("moving_mean"), site.need("moving_variance")
    settings = {"epsilon": float(layer.epsilon), "running": True if site.is_trained else None}
    if value.layout != "channels":
        site.add("batch_norm", {"g": g, "b": b, "rm0": mean, "rv0": variance}, **settings)
        return site.now()
    if count == 1:
        site.refuse("at least two channels, or vectors, are covered")
        return value
    parameters: dict[str, Part] = {}
    for k in range(count):
        own = {"g": g, "b": b}
        parameters |= {
            f"{name}{k + 1}": part[k] if part.name else Part("", part.values[k])
            for name, part in own.items()
        }
        parameters |= {f"r{k + 1}m": mean[k], f"r{k + 1}v": variance[k]}
    site.add("batch_norm", parameters, **settings)
    return site.now()


def _layer_norm(site: Site) -> Value:
    layer, value = site.layer, site.value
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    if (
        axis not in (-1, (-1,), len(value.shape), (len(value.shape),))
        or value.layout == "channels"
        or value.order
    ):
        site.refuse("the last axis of a vector or a sequence is covered")
        return value
    count = value.shape[-1]
    g, b = site.part("gamma") or _constant(1.0, count), site.part("beta") or _constant(0.0, count)
    site.add("layer_norm", {"g": g, "b": b}, epsilon=float(layer.epsilon))
    return site.now()


def _recurrent(site: Site) -> Value:
    layer, value = site.layer, site.value
    kind = {"SimpleRNN": "rnn", "LSTM": "lstm", "GRU": "gru"}[site.kind]
    units = layer.units
    if value.layout == "channels" or len(value.shape) != 2:
        site.refuse("it takes a sequence: steps, then numbers")
        return value
    plain = site.is_only(return_state=False, go_backwards=False, stateful=False)
    names = [activation_text(site, layer.activation)]
    if site.kind != "SimpleRNN":
        names.append(activation_text(site, layer.recurrent_activation))
    if names not in (["tanh"], ["tanh", "logistic"]):
        site.refuse("activation tanh and recurrent_activation sigmoid are covered")
        plain = False
    if site.is_trained and (layer.dropout or layer.recurrent_dropout):
        site.refuse("dropout=0 and recurrent_dropout=0 are covered in a training")
    if plain:
        kernel, state = site.need("kernel"), site.need("recurrent_kernel")
        bias = site.part("bias")
        parameters, biases = _GATED[site.kind](kernel, state, bias, units)
        is_before = site.kind == "GRU" and not layer.reset_after
        reset = "before" if is_before else None
        site.add(kind, parameters, units=units, biases=biases, reset=reset)
    if layer.return_sequences:
        return site.now((value.shape[0], units))
    site.add("last")
    return site.now((units,))


Gated = tuple[dict[str, Part], int]


def _simple(kernel: Part, state: Part, bias: Part | None, _units: int) -> Gated:
    parameters = {"Wx": kernel.turned, "Wh": state.turned}
    return (parameters, 0) if bias is None else ({"b": bias} | parameters, 1)


def _gates(array: Part, units: int, order: str) -> dict[str, Part]:
    return {gate: array[:, k * units : (k + 1) * units].turned for k, gate in enumerate(order)}


def _lstm(kernel: Part, state: Part, bias: Part | None, units: int) -> Gated:
    """Keras has the gates in the order input, forget, candidate, output."""
    parameters: dict[str, Part] = {}
    if bias is not None:
        parameters |= {f"b{g}": bias[k * units : (k + 1) * units] for k, g in enumerate("ifgo")}
    parameters |= {f"W{g}": part for g, part in _gates(kernel, units, "ifgo").items()}
    parameters |= {f"U{g}": part for g, part in _gates(state, units, "ifgo").items()}
    return parameters, int(bias is not None)


def _gru(kernel: Part, state: Part, bias: Part | None, units: int) -> Gated:
    """Keras has the gates in the order update, reset, candidate; with reset_after two biases."""
    parameters: dict[str, Part] = {}
    for k, g in enumerate("urn") if bias is not None else ():
        cut = slice(k * units, (k + 1) * units)
        if bias is not None and bias.values.ndim == 2:
            parameters[f"b{g}"] = bias[0, cut]
            parameters["bq" if g == "n" else f"d{g}"] = bias[1, cut]
        elif bias is not None:
            parameters[f"b{g}"] = bias[cut]
    parameters |= {f"W{g}": part for g, part in _gates(kernel, units, "urn").items()}
    parameters |= {f"U{g}": part for g, part in _gates(state, units, "urn").items()}
    return parameters, 0 if bias is None else bias.values.ndim


_GATED: Mapping[str, Callable[[Part, Part, Part | None, int], Gated]] = {
    "SimpleRNN": _simple,
    "LSTM": _lstm,
    "GRU": _gru,
}


def _embedding(site: Site) -> Value:
    layer, value = site.layer, site.value
    if value.layer or len(value.shape) != 1:
        site.refuse("the first layer, given a row of tokens, is covered")
        return value
    if layer.mask_zero:
        site.refuse("mask_zero=False is covered")
    table = site.need("embeddings")
    site.add("embedding", {"E": table}, tokens=layer.input_dim, units=layer.output_dim)
    return site.now((*value.shape, layer.output_dim))


def _attention(site: Site) -> Value:
    """Attention of a sequence to itself."""
    layer, n = site.layer, site.value.shape[-1]
    heads, width = layer._num_heads, layer._key_dim  # noqa: SLF001 - Keras shows them nowhere else
    if layer._value_dim != width or layer._output_shape is not None:  # noqa: SLF001
        site.refuse("value_dim as large as key_dim, and no output_shape, are covered")
        return site.value
    others = [
        site.call.get(key) for key in ("attention_mask", "query_mask", "key_mask", "value_mask")
    ]
    if any(other is not None for other in others) or site.call.get("return_attention_scores"):
        site.refuse("attention without masks and without its scores as output is covered")
    if site.is_trained and layer._dropout:  # noqa: SLF001
        site.refuse("dropout=0 is covered in a training")
    arrays = {
        variable.path.split("/", 1)[1] if "/" in variable.path else variable.path: Part(
            variable.path, values
        )
        for variable, values in zip(layer.weights, layer.get_weights(), strict=True)
    }

    def of(which: str, what: str) -> Part | None:
        return next(
            (part for path, part in arrays.items() if path.endswith(f"{which}/{what}")), None
        )

    parameters: dict[str, Part] = {}
    has_bias = of("query", "bias") is not None
    for head in range(heads):
        name = "" if heads == 1 else str(head + 1)
        for letter, which in zip("QKV", ("query", "key", "value"), strict=True):
            kernel = of(which, "kernel")
            assert kernel is not None
            parameters[f"W{letter}{name}"] = kernel[:, head]
            bias = of(which, "bias")
            if bias is not None:
                parameters[f"b{letter}{name}"] = bias[head]
        out = of("attention_output", "kernel")
        assert out is not None
        parameters[f"WO{name}"] = out[head]
    out_bias = of("attention_output", "bias")
    if has_bias and out_bias is not None:
        parameters["bO"] = out_bias
    site.add(
        "attention",
        parameters,
        heads=heads,
        units=None if heads * width == n else heads * width,
        causal=bool(site.call.get("use_causal_mask")) or None,
        biases=int(has_bias),
    )
    return site.now()


def _relu(site: Site) -> Value:
    layer = site.layer
    slope, edge, most = (
        float(layer.negative_slope or 0),
        float(layer.threshold or 0),
        layer.max_value,
    )
    if edge:
        site.refuse("threshold=0 is covered")
    text = "relu" if not slope else f"if(z > 0, z, {slope!r}*z)"
    if most is not None:
        text = f"min({float(most)!r}, {'max(0, z)' if not slope else text})"
    return _alone(site, text)


def _alone(site: Site, text: str) -> Value:
    """An activation that is a layer of its own."""
    if text == "softmax" and site.value.layout == "channels":
        site.refuse("softmax of a vector, or of each step of a sequence, is covered")
        return site.value
    _activate(site, text)
    if site.value.layer == len(site.draft.layers):
        return site.value
    return replace(site.now(), order=site.value.order)


def _elu(site: Site) -> Value:
    alpha = float(site.layer.alpha)
    return _alone(site, "elu" if alpha == 1 else f"if(z > 0, z, {alpha!r}*(exp(z) - 1))")


def _softmax(site: Site) -> Value:
    if site.layer.axis not in (-1, len(site.value.shape)):
        site.refuse("axis=-1 is covered")
    return _alone(site, "softmax")


def _prelu(site: Site) -> Value:
    alpha = site.need("alpha")
    if alpha.values.size != 1 or site.value.layout == "channels":
        site.refuse("one slope for a vector or a sequence is covered: shared_axes")
        return site.value
    site.add("prelu", {"a": Part(alpha.name, alpha.values.reshape(()))})
    return site.now()


def _timed(site: Site) -> Value:
    inner = site.layer.layer
    if type(inner).__name__ != "Dense":
        site.refuse("TimeDistributed(Dense) is covered")
        return site.value
    return _dense(replace(site, layer=inner))


def shape_of_input(shape: Sequence[int], first: str) -> Value:
    """The input as a value: pictures, and what a convolution takes, have channels."""
    channels = len(shape) == 3 or (
        len(shape) == 2
        and first in ("Conv1D", "DepthwiseConv1D", "MaxPooling1D", "AveragePooling1D")
    )
    return Value(0, tuple(shape), "channels" if channels else "plain")


LAYERS: Mapping[str, Callable[[Site], Value]] = {
    "Dense": _dense,
    "Activation": lambda site: _alone(site, activation_text(site, site.layer.activation)),
    "ReLU": _relu,
    "LeakyReLU": lambda site: _alone(site, f"if(z > 0, z, {float(site.layer.negative_slope)!r}*z)"),
    "ELU": _elu,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Dropout": _dropout,
    "SpatialDropout1D": _kept,
    "SpatialDropout2D": _kept,
    "GaussianNoise": _kept,
    "GaussianDropout": _kept,
    "AlphaDropout": _kept,
    "ActivityRegularization": _kept,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "SimpleRNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "DepthwiseConv1D": _convolution,
    "DepthwiseConv2D": _convolution,
    "MaxPooling1D": _pool("max_pool"),
    "MaxPooling2D": _pool("max_pool"),
    "AveragePooling1D": _pool("mean_pool"),
    "AveragePooling2D": _pool("mean_pool"),
    "GlobalAveragePooling1D": _over_all("mean_pool"),
    "GlobalAveragePooling2D": _over_all("mean_pool"),
    "GlobalMaxPooling1D": _over_all("max_pool"),
    "GlobalMaxPooling2D": _over_all("max_pool"),
    "Embedding": _embedding,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "MultiHeadAttention": _attention,
    "TimeDistributed": _timed,
    "Identity": lambda site: site.value,
}
