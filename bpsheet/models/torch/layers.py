"""PyTorch's layers: by the name of its module a function that adds our layers to a draft.

Each takes a `Site`: the module, where it stands, and what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bpsheet.models.imported import Draft, Part, kernel_name

__all__ = ["LAYERS", "Site", "Value", "input_name"]

GATES = {"LSTM": "ifgo", "GRU": "run"}


@dataclass(frozen=True)
class Value:
    """What flows from layer to layer.

    layer:  the number of the layer that gives it; 0 for the input
    shape:  its shape for one example
    layout: "plain" (a vector, or a sequence of vectors), or "channels"
    axis:   the axis of the examples
    """

    layer: int
    shape: tuple[int, ...]
    layout: str = "plain"
    axis: int = 0


def input_name(value: Value) -> str:
    """The name of the network's input, or of its first channel."""
    return "x1" if value.layout == "channels" and value.shape[0] > 1 else "x"


@dataclass(frozen=True)
class Site:
    """A module at work.

    place:      its path in the model
    module:     the module, or one made for a function with the same arguments
    value:      what it is given
    draft:      the layers so far
    state:      the model's arrays by name
    fixed:      the names of those that are not trained
    is_trained: whether the experiment is to be trained
    start:      the network's input
    """

    place: str
    module: Any
    value: Value
    draft: Draft
    state: Mapping[str, Any]
    fixed: frozenset[str]
    is_trained: bool
    start: Value

    def part(self, name: str, place: str | None = None) -> Part:
        """An array of the module, by its name in the module."""
        path = self.place if place is None else place
        full = f"{path}.{name}" if path else name
        return Part(full, self.state[full])

    def add(self, kind: str, parameters: Mapping[str, Part] | None = None, **settings: Any) -> None:
        """Add a layer. Parameters that the model does not train are frozen."""
        if self.is_trained:
            known = set(self.draft.names.values())
            twice = [part.name for part in (parameters or {}).values() if part.name in known]
            if twice:
                self.draft.refuse(
                    twice[0], "used twice; a layer with weights of its own is covered"
                )
        frozen = [
            own
            for own, part in (parameters or {}).items()
            if not part.name or part.name.partition("[")[0] in self.fixed
        ]
        self.draft.layer(kind, parameters, frozen=frozen, **settings)

    def refuse(self, said: str) -> None:
        """Note that the module is not covered."""
        self.draft.refuse(f"{self.place} ({type(self.module).__name__})", said)

    def now(self, shape: Sequence[int] | None = None, layout: str | None = None) -> Value:
        """What the last layer gives."""
        return replace(
            self.value,
            layer=len(self.draft.layers),
            shape=self.value.shape if shape is None else tuple(shape),
            layout=layout or self.value.layout,
        )

    def name_of(self, value: Value) -> str:
        """The name of the layer that gives a value."""
        if value.layer == 0:
            return input_name(self.start)
        name: str = self.draft.layers[value.layer - 1].setdefault("name", f"l{value.layer}")
        return name


def _linear(site: Site) -> Value:
    module = site.module
    if site.value.layout == "channels" or len(site.value.shape) not in (1, 2):
        site.refuse("it takes a vector, or a sequence of vectors; put a Flatten before it")
    parameters = {"W": site.part("weight")}
    if module.bias is not None:
        parameters["b"] = site.part("bias")
    site.add("dense", parameters, units=module.out_features)
    return site.now((*site.value.shape[:-1], module.out_features))


def _one(site: Site, value: Any, what: str) -> int | None:
    """A number that PyTorch has for each axis: the same for all of them."""
    numbers = set(value) if isinstance(value, tuple | list) else {value}
    if len(numbers) != 1:
        site.refuse(f"the same {what} along each axis is covered; got {tuple(value)}")
        return None
    return int(numbers.pop())


def _plain_only(site: Site, **expected: Any) -> bool:
    """Whether the module's other settings are the covered ones; notes those that are not."""
    for name, value in expected.items():
        got = getattr(site.module, name, value)
        if got not in (value, (value,), (value, value)):
            site.refuse(f"{name}={value!r} is covered; got {got!r}")
            return False
    return True


def _convolution(site: Site) -> Value:
    module, axes = site.module, len(site.module.kernel_size)
    plain = _plain_only(site, padding_mode="zeros")
    dilation, groups = _one(site, module.dilation, "dilation"), module.groups
    kernel, stride = _one(site, module.kernel_size, "kernel"), _one(site, module.stride, "stride")
    padding: Any = module.padding
    if padding == "same" and kernel is not None and dilation is not None:
        padding, rest = divmod(dilation * (kernel - 1), 2)
        if rest:
            site.refuse('padding="same" is covered for a kernel of an odd length')
    padding = 0 if padding == "valid" else _one(site, padding, "padding")
    if not plain or None in (kernel, stride, padding, dilation):
        return site.value
    assert kernel is not None
    assert stride is not None
    assert dilation is not None
    filters, each = module.out_channels, module.in_channels // groups
    weight = site.part("weight")
    parameters = {
        kernel_name(k, c, each, filters // groups): weight[k, c]
        for k in range(filters)
        for c in range(each)
    }
    if module.bias is not None:
        bias = site.part("bias")
        parameters |= {f"b{k + 1}": bias[k] for k in range(filters)}
    site.add(
        "convolution",
        parameters,
        kernel=kernel,
        filters=filters,
        stride=stride,
        padding=padding,
        dilation=dilation if dilation > 1 else None,
        groups=groups if groups > 1 else None,
        bias=None if module.bias is not None else False,
    )
    size, whole = site.value.shape[-axes:], dilation * (kernel - 1) + 1
    return site.now((filters, *((n + 2 * padding - whole) // stride + 1 for n in size)), "channels")


def _pool(kind: str) -> Callable[[Site], Value]:
    def build(site: Site) -> Value:
        module = site.module
        plain = _plain_only(
            site,
            padding=0,
            dilation=1,
            ceil_mode=False,
            return_indices=False,
            divisor_override=None,
        )
        kernel = _one(site, module.kernel_size, "kernel")
        stride = _one(site, module.stride, "stride")
        if not plain or kernel is None or stride is None:
            return site.value
        site.add(kind, kernel=kernel, stride=None if stride == kernel else stride)
        first, *size = site.value.shape
        return site.now((first, *((n - kernel) // stride + 1 for n in size)), "channels")

    return build


def _adaptive(kind: str) -> Callable[[Site], Value]:
    def build(site: Site) -> Value:
        first, *size = site.value.shape
        out = site.module.output_size
        asked = [out] * len(size) if isinstance(out, int | None) else list(out)
        wanted = [n if want is None else int(want) for n, want in zip(size, asked, strict=True)]
        kernels = {n / want for n, want in zip(size, wanted, strict=True)}
        kernel = kernels.pop()
        if kernels or kernel != int(kernel):
            site.refuse("windows of one size, without overlap and square, are covered")
            return site.value
        site.add(kind, kernel=int(kernel))
        return site.now((first, *wanted), "channels")

    return build


def _batch_norm(site: Site) -> Value:
    module = site.module
    if not module.track_running_stats or module.momentum is None:
        site.refuse("running statistics with a momentum are covered")
        return site.value
    by_batch = site.is_trained and module.training
    settings = {
        "epsilon": module.eps,
        "running": True if site.is_trained and not by_batch else None,
    }
    if by_batch:
        settings["momentum"] = module.momentum
    count = module.num_features
    ones, zeros = Part("", [1.0] * count), Part("", [0.0] * count)
    g, b = (site.part("weight"), site.part("bias")) if module.affine else (ones, zeros)
    mean, variance = site.part("running_mean"), site.part("running_var")
    if site.value.layout != "channels":
        parameters = {"g": g, "b": b, "rm0": mean, "rv0": variance}
        site.add("batch_norm", parameters, **settings)
        return site.now()
    if by_batch:
        site.refuse(
            "statistics of a batch are covered for vectors; call .eval() on it to take its running "
            "statistics"
        )
        return site.value
    if count == 1:
        site.refuse("at least two channels, or vectors, are covered")
        return site.value
    parameters = {}
    for k in range(count):
        each = {"g": g[k], "b": b[k]} if module.affine else {"g": _own(1.0), "b": _own(0.0)}
        parameters |= {f"{name}{k + 1}": part for name, part in each.items()}
        parameters |= {f"r{k + 1}m": mean[k], f"r{k + 1}v": variance[k]}
    site.add("batch_norm", parameters, **settings)
    return site.now()


def _own(value: float) -> Part:
    """A number that the model has not, and that stays."""
    return Part("", value)


def _layer_norm(site: Site) -> Value:
    module, size = site.module, site.value.shape[-1]
    if tuple(module.normalized_shape) != (size,) or site.value.layout == "channels":
        site.refuse("the last axis of a vector or a sequence is covered")
        return site.value
    g, b = Part("", [1.0] * size), Part("", [0.0] * size)
    if module.elementwise_affine:
        g = site.part("weight")
        b = site.part("bias") if module.bias is not None else b
    site.add("layer_norm", {"g": g, "b": b}, epsilon=module.eps)
    return site.now()


def _dropout(site: Site) -> Value:
    if not site.is_trained or not site.module.training or not site.module.p:
        return site.value
    drops_channels = type(site.module).__name__ != "Dropout" and len(site.value.shape) > 1
    if drops_channels or site.module.p >= 1:
        site.refuse("a share below 1 of single numbers is covered; call .eval() on it")
        return site.value
    site.add("dropout", rate=float(site.module.p))
    return site.now()


def _embedding(site: Site) -> Value:
    module = site.module
    if site.value.layer or len(site.value.shape) != 1:
        site.refuse("the first layer, given a row of tokens, is covered")
        return site.value
    if module.max_norm is not None or (module.padding_idx is not None and site.is_trained):
        site.refuse("padding_idx and max_norm are not covered in a training")
    site.add(
        "embedding",
        {"E": site.part("weight")},
        tokens=module.num_embeddings,
        units=module.embedding_dim,
    )
    return site.now((*site.value.shape, module.embedding_dim))


def _recurrent(site: Site) -> Value:
    module, mode = site.module, site.module.mode
    kind = {"LSTM": "lstm", "GRU": "gru", "RNN_TANH": "rnn"}.get(mode)
    if kind is None or module.bidirectional or module.proj_size:
        site.refuse("tanh, one direction and no projection are covered")
        return site.now((*site.value.shape[:-1], module.hidden_size))
    if len(site.value.shape) != 2 or site.value.layout == "channels":
        site.refuse("it takes a sequence: steps, then numbers")
        return site.value
    units = module.hidden_size
    for number in range(module.num_layers):
        arrays = {name: site.part(f"{name}_l{number}") for name in ("weight_ih", "weight_hh")}
        if module.bias:
            arrays |= {name: site.part(f"{name}_l{number}") for name in ("bias_ih", "bias_hh")}
        biases = 2 if module.bias else 0
        site.add(kind, _recurrent_parts(mode, arrays, units), units=units, biases=biases)
        if number < module.num_layers - 1 and module.dropout:
            _dropout(replace(site, module=_Rate(module.dropout, training=module.training)))
    return site.now((*site.value.shape[:-1], units))


@dataclass(frozen=True)
class _Rate:
    """The dropout within another module."""

    p: float
    training: bool


_Rate.__name__ = "Dropout"


def _recurrent_parts(mode: str, arrays: Mapping[str, Part], units: int) -> dict[str, Part]:
    """The parameters of one recurrent layer: PyTorch has its gates one below the other."""
    if mode == "RNN_TANH":
        simple = {"weight_ih": "Wx", "weight_hh": "Wh", "bias_ih": "b", "bias_hh": "d"}
        return {simple[name]: part for name, part in arrays.items()}
    parts = {}
    for place, gate in enumerate(GATES[mode]):
        names = {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "d"}
        for name, part in arrays.items():
            own = f"{names[name]}{gate}"
            # The bias of the state's part of the candidate has a name of its own.
            own = "bq" if mode == "GRU" and own == "dn" else own
            parts[own] = part[place * units : (place + 1) * units]
    return parts


def _prelu(site: Site) -> Value:
    if site.module.num_parameters != 1 or site.value.layout == "channels":
        site.refuse("one slope for a vector or a sequence is covered")
        return site.value
    site.add("prelu", {"a": site.part("weight")[0]})
    return site.now()


def _softmax(site: Site) -> Value:
    last = len(site.value.shape)
    if site.module.dim not in (-1, last, None) or site.value.layout == "channels":
        site.refuse("the last axis is covered: dim=-1")
    site.draft.activation("softmax")
    return site.now()


def _log_softmax(site: Site) -> Value:
    """Its logarithm is taken by the loss; without NLLLoss after it nothing takes it."""
    value = _softmax(site)
    site.draft.layers[-1]["activation"] = LOGARITHM
    return value


# What stands for the logarithm of softmax until a loss takes it.
LOGARITHM = "log_softmax"


def attention(site: Site, *, causal: bool) -> Value:
    """Attention of a sequence to itself."""
    module, n = site.module, site.value.shape[-1]
    heads, width = module.num_heads, module.embed_dim // module.num_heads
    if module.in_proj_weight is None or module.bias_k is not None or module.add_zero_attn:
        site.refuse("queries, keys and values of one size, without bias_k, are covered")
        return site.value
    if module.dropout and module.training and site.is_trained:
        site.refuse("dropout within the attention is not covered; set it to 0, or call .eval()")
    weight, out = site.part("in_proj_weight"), site.part("out_proj.weight")
    bias = site.part("in_proj_bias") if module.in_proj_bias is not None else None
    parameters = {}
    for head in range(heads):
        name = "" if heads == 1 else str(head + 1)
        for place, matrix in enumerate("QKV"):
            begin = place * n + head * width
            parameters[f"W{matrix}{name}"] = weight[begin : begin + width].turned
            if bias is not None:
                parameters[f"b{matrix}{name}"] = bias[begin : begin + width]
        parameters[f"WO{name}"] = out[:, head * width : (head + 1) * width].turned
    if bias is not None:
        parameters["bO"] = site.part("out_proj.bias")
    settings = {"heads": heads, "causal": causal or None}
    site.add("attention", parameters, **settings, biases=int(bias is not None))
    return site.now()


def transformer(site: Site, *, causal: bool) -> Value:
    """A block of a transformer: attention and two dense layers, each with what went in added."""
    module, value = site.module, site.value

    def inner(name: str, build: Callable[..., Value], **settings: Any) -> None:
        part = replace(
            site, place=f"{site.place}.{name}".lstrip("."), module=getattr(module, name),
            value=site.now(value.shape),
        )  # fmt: skip
        build(part, **settings)

    def add(earlier: Value) -> None:
        site.add("residual", of=site.name_of(earlier))

    activation = site.module.activation
    known = {"relu": "relu", "gelu": "gelu"}.get(getattr(activation, "__name__", ""), "")
    if not known:
        site.refuse("the activations relu and gelu are covered")
    if module.norm_first:
        inner("norm1", _layer_norm)
    inner("self_attn", attention, causal=causal)
    inner("dropout1", _dropout)
    add(value)
    if not module.norm_first:
        inner("norm1", _layer_norm)
    middle = site.now(value.shape)
    site.name_of(middle)
    if module.norm_first:
        inner("norm2", _layer_norm)
    inner("linear1", _linear)
    site.draft.activation(known or "relu")
    inner("dropout", _dropout)
    part = replace(site, place=f"{site.place}.linear2".lstrip("."), module=module.linear2)
    part = replace(part, value=site.now((*value.shape[:-1], module.linear2.in_features)))
    _linear(part)
    inner("dropout2", _dropout)
    add(middle)
    if not module.norm_first:
        inner("norm2", _layer_norm)
    return site.now(value.shape)


LAYERS: Mapping[str, Callable[[Site], Value]] = {
    "Linear": _linear,
    "Conv1d": _convolution,
    "Conv2d": _convolution,
    "MaxPool1d": _pool("max_pool"),
    "MaxPool2d": _pool("max_pool"),
    "AvgPool1d": _pool("mean_pool"),
    "AvgPool2d": _pool("mean_pool"),
    "AdaptiveAvgPool1d": _adaptive("mean_pool"),
    "AdaptiveAvgPool2d": _adaptive("mean_pool"),
    "AdaptiveMaxPool1d": _adaptive("max_pool"),
    "AdaptiveMaxPool2d": _adaptive("max_pool"),
    "BatchNorm1d": _batch_norm,
    "BatchNorm2d": _batch_norm,
    "LayerNorm": _layer_norm,
    "Dropout": _dropout,
    "Dropout1d": _dropout,
    "Dropout2d": _dropout,
    "Embedding": _embedding,
    "RNN": _recurrent,
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "LogSoftmax": _log_softmax,
}
