"""Operators that are layers: products, convolutions, pools, norms and recurrent layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import At
from bpsheet.models.onnx.cells import Array, Known, Live, Uncovered, Value
from bpsheet.models.onnx.numbers import MEANS, largest, reduced, softmax
from bpsheet.models.onnx.recurrent import gru, lstm, rnn
from bpsheet.models.onnx.windows import conv, pool

__all__ = ["LAYERS", "dense"]

Table = Mapping[str, tuple[str, Callable[..., Any]]]


def dense(at: At, x: Live, weights: Part, bias: Part | None = None) -> Live:
    """A dense layer: of a vector, or of each row of a matrix. The weights have a row for each neuron."""
    if weights.name.endswith(".T[:].T"):
        # Turned twice it stands as it did.
        weights = Part(weights.name.removesuffix(".T[:].T").removesuffix("[:]"), weights.values)
    units = len(weights.values)
    rows = at.rows_of(x.ids)
    if weights.values.ndim != 2 or rows.shape[-1:] != weights.values.shape[1:]:
        said = f"{rows.shape[-1]} weights for each neuron expected; got the shape {weights.values.shape}"
        raise Uncovered(said)
    out = at.cells.block((*rows.shape[:-1], units), "z")
    parameters = {"W": weights} if bias is None else {"W": weights, "b": bias}
    at.add("dense", [[rows]], [out], parameters=parameters, settings={"units": units})
    return Live(out.ids.reshape((*x.shape[:-1], units)))


def _matmul(at: At, a: Value, b: Value) -> Value:
    if isinstance(a, Known) and isinstance(b, Known):
        return Known(np.matmul(a.values, b.values))
    if (
        isinstance(a, Live)
        and isinstance(b, Known)
        and len(b.shape) == 2
        and a.shape[-1:] == b.shape[:1]
    ):
        return dense(at, a, b.as_part(f"{at.node.name}.weights").turned)
    left, right = at.live(a).ids, at.live(b).ids
    if left.ndim == 0 or right.ndim == 0:
        raise Uncovered("a product of vectors or matrices expected")
    first, second = left.ndim == 1, right.ndim == 1
    left = left[np.newaxis] if first else left
    right = right[:, np.newaxis] if second else right
    if left.shape[-1] != right.shape[-2]:
        raise Uncovered(f"matrices that fit expected; got {left.shape} and {right.shape}")
    whole = _products(at, left, right)
    whole = whole[..., 0, :] if first else whole
    return Live(whole[..., 0] if second else whole)


def _products(at: At, left: Array, right: Array) -> Array:
    """Products page by page. A matrix of one row, or of one column, is a vector."""
    leading = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    m, n = left.shape[-2], right.shape[-1]
    left = np.broadcast_to(left, (*leading, *left.shape[-2:])).reshape(-1, *left.shape[-2:])
    right = np.broadcast_to(right, (*leading, *right.shape[-2:])).reshape(-1, *right.shape[-2:])
    at.check((len(left), m, n))
    firsts = [page[0] if m == 1 else page for page in left]
    seconds = [page[:, 0] if n == 1 else page for page in right]
    shape = tuple(size for size in (m, n) if size > 1)
    out = [at.cells.block(shape, "p") for _ in firsts]
    at.add("", [firsts, seconds], out, template="{0} @ {1}", meaning="product")
    return np.concatenate([block.ids.ravel() for block in out]).reshape(*leading, m, n)


def _gemm(at: At, a: Value, b: Value, c: Value | None = None) -> Value:
    alpha, beta = at.get("alpha", 1.0), at.get("beta", 1.0)
    if at.get("transA", 0):
        a = at.moved(a, np.transpose)
    if at.get("transB", 0):
        b = at.moved(b, np.transpose)
    if isinstance(a, Live) and isinstance(b, Known):
        part = b.as_part(f"{at.node.name}.weights").turned
        part = part if alpha == 1 else Part(part.name, part.values * alpha)
        z: Value = dense(at, a, part)
    else:
        z = _matmul(at, a, b)
        z = z if alpha == 1 else at.pointwise("{1}*{0}", z, Known(np.array(alpha)))
    if c is None or beta == 0:
        return z
    if isinstance(z, Known) and isinstance(c, Known):
        return Known(z.values + beta * c.values)
    if beta != 1:
        c = (
            Known(c.values * beta)
            if isinstance(c, Known)
            else at.pointwise("{1}*{0}", c, Known(np.array(beta)))
        )
    return at.pointwise("{0} + {1}", z, c)


def _over_all(at: At, x: Value) -> Value:
    live = at.live(x)
    along = list(range(2, live.ids.ndim))
    if at.node.op == "GlobalMaxPool":
        return largest(at, live, along, 1, keep=True)
    return reduced(at, live, along, MEANS, keep=True)


def _batch_norm(at: At, x: Value, *given: Value) -> Value:
    live = at.live(x)
    scale, shift, mean, variance = (at.known(v, "the statistics") for v in given[:4])
    if at.get("training_mode", 0):
        raise Uncovered("statistics of an earlier training expected (training_mode 0)")
    channels = live.shape[1]
    if any(v.shape != (channels,) for v in (scale, shift, mean, variance)):
        raise Uncovered(f"{channels} numbers for each of scale, bias, mean and variance expected")
    names = ("scale", "bias", "mean", "variance")
    g, b, m, v = (
        k.as_part(f"{at.node.name}.{n}")
        for k, n in zip((scale, shift, mean, variance), names, strict=True)
    )
    epsilon = at.get("epsilon", 1e-5)
    ids = live.ids.reshape(live.shape[1:])
    if ids.ndim == 1 or all(n == 1 for n in live.shape[2:]):
        operands = [[ids.reshape(channels)]]
        out = [at.cells.block((channels,), "y")]
        parameters, constants = {"g": g, "b": b}, {"rm0": m, "rv0": v}
    else:
        cut = ids.reshape(channels, *(n for n in live.shape[2:] if n > 1))
        if cut.ndim > 3:
            raise Uncovered("a row or a picture for each channel expected")
        operands = [[page] for page in cut]
        out = [at.cells.block(cut.shape[1:], "y") for _ in operands]
        parts = {"g": g, "b": b, "m": m, "v": v}
        each = [
            {own: Part(f"{p.name}[{k}]", p.values[k]) for own, p in parts.items()}
            for k in range(channels)
        ]
        parameters = {f"{own}{k + 1}": p[own] for k, p in enumerate(each) for own in "gb"}
        constants = {f"r{k + 1}{own}": p[own] for k, p in enumerate(each) for own in "mv"}
    at.add(
        "batch_norm",
        operands,
        out,
        parameters=parameters,
        constants=constants,
        settings={"epsilon": epsilon, "running": True},
    )
    return Live(np.concatenate([block.ids.ravel() for block in out]).reshape(live.shape))


def _instance_norm(at: At, x: Value, scale: Value, shift: Value) -> Value:
    """Each channel of an example is normalised by itself."""
    live = at.live(x)
    return _normalised(at, live, live.shape[1], scale, shift)


def _group_norm(at: At, x: Value, scale: Value, shift: Value) -> Value:
    live = at.live(x)
    return _normalised(at, live, at.get("num_groups", 1), scale, shift)


def _normalised(at: At, live: Live, groups: int, scale: Value, shift: Value) -> Value:
    """Normalised over the channels and places of each group; scale and shift are the channels'."""
    channels, rest = live.shape[1], (1,) * (len(live.shape) - 2)
    if channels % groups:
        raise Uncovered(f"groups of as many channels each expected; got {groups} of {channels}")
    parts = Live(live.ids.reshape(1, groups, -1))
    mean = reduced(at, parts, [2], MEANS, keep=True)
    difference = at.pointwise("{0} - {1}", parts, mean, meaning="difference from the mean")
    variance = reduced(at, difference, [2], replace(MEANS, inner="{0}^2"), keep=True)
    epsilon = Known(np.array(at.get("epsilon", 1e-5)))
    even = at.pointwise("{0}/sqrt({1} + {2})", difference, variance, epsilon, meaning="normalised")

    def along(value: Value) -> Value:
        known = at.known(value, "scale and bias")
        times = channels // known.values.size
        return at.moved(known, lambda v: v.repeat(times).reshape(channels, *rest), keeps=times == 1)

    whole = Live(even.ids.reshape(live.shape))
    return at.pointwise("{1}*{0} + {2}", whole, along(scale), along(shift))


def _layer_norm(at: At, x: Value, scale: Value, shift: Value | None = None) -> Value:
    live = at.live(x)
    axis = at.get("axis", -1)
    axis = axis + live.ids.ndim if axis < 0 else axis
    size = math.prod(live.shape[axis:])
    rows = at.rows_of(live.ids.reshape(*live.shape[:axis], size))
    g = at.known(scale, "the scale").as_part(f"{at.node.name}.scale")
    if shift is None:
        b = Part(f"{at.node.name}.bias", np.zeros(size))
    else:
        b = at.known(shift, "the bias").as_part(f"{at.node.name}.bias")
    if g.values.size != size or b.values.size != size:
        raise Uncovered(f"a scale and a bias of {size} numbers expected")
    out = at.cells.block(rows.shape, "y")
    at.add(
        "layer_norm",
        [[rows]],
        [out],
        parameters={
            "g": Part(g.name, g.values.reshape(size)),
            "b": Part(b.name, b.values.reshape(size)),
        },
        settings={"epsilon": at.get("epsilon", 1e-5)},
    )
    return Live(out.ids.reshape(live.shape))


def _rms_norm(at: At, x: Value, scale: Value) -> Value:
    live = at.live(x)
    axis = at.get("axis", -1)
    along = list(range(axis + live.ids.ndim if axis < 0 else axis, live.ids.ndim))
    mean = reduced(at, live, along, replace(MEANS, inner="{0}^2"), keep=True)
    epsilon = Known(np.array(at.get("epsilon", 1e-5)))
    return at.pointwise("{0}/sqrt({1} + {2})*{3}", live, mean, epsilon, scale, meaning="normalised")


def _attention(
    at: At, q: Value, k: Value, v: Value, mask: Value | None = None, *more: Value
) -> Value:
    """Queries, keys and values; the heads stand on an axis of their own, or are parts of the last one."""
    if more:
        raise Uncovered("attention without stored keys and values expected")
    parts = [at.live(value).ids for value in (q, k, v)]
    is_flat = parts[0].ndim == 3
    if is_flat:
        heads = at.get("q_num_heads", 1), *(at.get("kv_num_heads", 1),) * 2
        parts = [
            part.reshape(*part.shape[:2], count, -1).transpose(0, 2, 1, 3)
            for part, count in zip(parts, heads, strict=True)
        ]
    queries, keys, values = parts
    if keys.shape[1] != queries.shape[1]:
        times = queries.shape[1] // keys.shape[1]
        keys, values = (part.repeat(times, axis=1) for part in (keys, values))
    width = queries.shape[-1]
    scale = at.get("scale", 1 / math.sqrt(width))
    scores: Value = Live(_products(at, queries, np.swapaxes(keys, -1, -2)))
    scores = at.pointwise("{0}*{1}", scores, Known(np.array(float(scale))), meaning="scores")
    if at.get("softcap", 0.0):
        raise Uncovered("scores that are not capped (softcap 0) expected")
    if at.get("is_causal", 0):
        seen = np.tril(np.ones(scores.shape[-2:], bool))
        scores = Live(np.where(seen, scores.ids, at.cells.number(-1e9)))
    if mask is not None:
        if isinstance(mask, Known) and mask.values.dtype == bool:
            seen = np.broadcast_to(mask.values, scores.shape)
            scores = Live(np.where(seen, scores.ids, at.cells.number(-1e9)))
        else:
            scores = at.pointwise("{0} + {1}", scores, mask, trained=False)
    at.node.attributes["axis"] = -1  # type: ignore[index]
    made = _products(at, softmax(at, scores).ids, values)  # type: ignore[union-attr]
    if is_flat:
        made = made.transpose(0, 2, 1, 3)
        made = made.reshape(*made.shape[:2], -1)
    return Live(made)


LAYERS: Table = {
    "Gemm": ("a dense layer", _gemm),
    "MatMul": ("a dense layer; between two computed arrays a product", _matmul),
    "Conv": ("filters that move over a row or a picture", conv),
    "MaxPool": ("the largest number of each window", pool),
    "AveragePool": ("the mean of each window", pool),
    "GlobalAveragePool": ("the mean of each channel", _over_all),
    "GlobalMaxPool": ("the largest number of each channel", _over_all),
    "BatchNormalization": (
        "normalised with the mean and variance of an earlier training",
        _batch_norm,
    ),
    "LayerNormalization": ("normalised over each vector", _layer_norm),
    "InstanceNormalization": ("each channel normalised by itself", _instance_norm),
    "GroupNormalization": ("groups of channels, each normalised by itself", _group_norm),
    "RMSNormalization": ("divided by the root of the mean square", _rms_norm),
    "Softmax": ("shares that add up to 1", softmax),
    "LogSoftmax": ("the logarithm of softmax", lambda at, x: softmax(at, x, log=True)),
    "RNN": ("a simple recurrent layer", rnn),
    "LSTM": ("a recurrent layer with a cell and three gates", lstm),
    "GRU": ("a recurrent layer with two gates", gru),
    "Attention": ("queries, keys and values", _attention),
}
