"""Operators that only move numbers: shapes, axes, parts, and arrays joined."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from bpsheet.models.imported import Part
from bpsheet.models.onnx.at import At
from bpsheet.models.onnx.cells import Array, Aside, Known, Live, Uncovered, Value
from bpsheet.models.onnx.numbers import axes_of

__all__ = ["MOVES", "padded"]

Table = Mapping[str, tuple[str, Callable[..., Any]]]


def _same(_at: At, x: Value, *_more: Value) -> Value:
    return x


KINDS = {1: np.float32, 10: np.float16, 11: np.float64, 6: np.int32, 7: np.int64, 9: np.bool_}


def _cast(at: At, x: Value, *_more: Value) -> Value:
    kind = KINDS.get(at.get("to", 1)) if at.node.op == "Cast" else None
    if isinstance(x, Live) and kind is np.bool_ and not at.cells.are(x.ids, at.cells.truths):
        made = at.pointwise("if({0} = 0, 0, 1)", x)
        for kind_of in (at.cells.truths, at.cells.whole):
            at.cells.note(made.ids, kind_of)
        return made
    if isinstance(x, Live) and kind in (np.int32, np.int64):
        if at.cells.are(x.ids, at.cells.whole):
            return x
        made = at.pointwise("sign({0})*int(abs({0}))", x)
        at.cells.note(made.ids, at.cells.whole)
        return made
    if not isinstance(x, Known):
        return x
    if kind is None or x.values.dtype.kind not in "fiub":
        return x
    return Known(x.values.astype(kind), x.part)


def _constant(at: At) -> Value:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if (value := at.get(key)) is not None:
            kind = {"value_float": np.float32, "value_floats": np.float32}.get(key)
            made = np.asarray(value, kind)
            is_array = made.dtype.kind == "f" and made.size > 1
            return Known(made, Part(at.node.outputs[0], made) if is_array else None)
    raise Uncovered("a constant of numbers expected")


def _shape(at: At, x: Value) -> Value:
    if isinstance(x, Aside):
        return x
    first, last = at.get("start", 0), at.get("end")
    return Known(np.array(x.shape[first:last], np.int64))


def _size(_at: At, x: Value) -> Value:
    return x if isinstance(x, Aside) else Known(np.array(math.prod(x.shape), np.int64))


def _reshape(at: At, x: Value, shape: Value | None = None) -> Value:
    if isinstance(x, Aside):
        return x
    given = at.get("shape")
    target = list(given) if given is not None else at.whole_numbers(shape, "the new shape")
    if not at.get("allowzero", 0):
        target = [x.shape[a] if n == 0 and a < len(x.shape) else n for a, n in enumerate(target)]
    size, known = math.prod(x.shape), math.prod(n for n in target if n != -1)
    if -1 in target and known and size % known == 0:
        target = [size // known if n == -1 else n for n in target]
    elif target and size * target[0] == math.prod(target):
        # A model for a fixed number of examples: here it has one.
        target[0] = 1
    elif -1 in target and target[0] > 1 and size % (known // target[0]) == 0:
        target[0] = 1
        target = [size * target[0] // (known // target[0]) if n == -1 else n for n in target]
    if math.prod(target) != size or min(target, default=1) < 0:
        raise Uncovered(f"an array of the shape {x.shape} cannot have the shape {tuple(target)}")
    return at.moved(x, lambda a: a.reshape(target), keeps=True)


def _flatten(at: At, x: Value) -> Value:
    if isinstance(x, Aside):
        return x
    axis = at.get("axis", 1)
    axis = axis + len(x.shape) if axis < 0 else axis
    return at.moved(x, lambda a: a.reshape(math.prod(x.shape[:axis]), -1), keeps=True)


def _transpose(at: At, x: Value) -> Value:
    order = at.get("perm")
    return at.moved(x, lambda a: a.transpose(order) if order is not None else a.T)


def _squeeze(at: At, x: Value, axes: Value | None = None) -> Value:
    if isinstance(x, Aside):
        return x
    ones = [axis for axis, n in enumerate(x.shape) if n == 1]
    along = tuple(axes_of(at, len(x.shape), axes, ones))
    if any(x.shape[axis] != 1 for axis in along):
        raise Uncovered(f"axes of one entry expected; the shape is {x.shape}")
    return at.moved(x, lambda a: a.squeeze(along), keeps=True)


def _unsqueeze(at: At, x: Value, axes: Value | None = None) -> Value:
    if isinstance(x, Aside):
        return x
    given = at.get("axes")
    count = len(x.shape) + len(given if given is not None else at.whole_numbers(axes, "axes"))
    along = tuple(axes_of(at, count, axes))
    return at.moved(x, lambda a: np.expand_dims(a, along), keeps=True)


def _cells(at: At, values: tuple[Value, ...]) -> list[Array] | None:
    """The cells of values, if one of them is computed."""
    if all(isinstance(value, Known) for value in values):
        return None
    return [
        at.cells.plain(v.values) if isinstance(v, Known) and v.part is None else at.live(v)
        for v in values
    ]


def _concat(at: At, *values: Value) -> Value:
    aside = next((value for value in values if isinstance(value, Aside)), None)
    if aside is not None:
        return aside
    axis = at.get("axis", 1)
    live = _cells(at, values)
    try:
        if live is None:
            return Known(np.concatenate([value.values for value in values], axis))  # type: ignore[union-attr]
        return Live(np.concatenate([value.ids for value in live], axis))
    except ValueError as error:
        raise Uncovered(f"arrays that cannot be joined ({error})") from None


def _split(at: At, x: Value, split: Value | None = None) -> Any:
    if isinstance(x, Aside):
        return (x,) * len(at.node.outputs)
    axis = at.get("axis", 0)
    sizes = at.get("split")
    if sizes is None and split is not None:
        sizes = at.whole_numbers(split, "sizes of the parts")
    if sizes is None:
        each = -(-x.shape[axis] // len(at.node.outputs))
        sizes = [each] * len(at.node.outputs)
    ends = np.cumsum([0, *sizes])
    return tuple(
        at.moved(x, lambda a, f=first, t=last: a.take(range(f, min(t, a.shape[axis])), axis))  # type: ignore[misc]
        for first, last in pairwise(ends)
    )


def _slice(at: At, x: Value, *given: Value) -> Value:
    if isinstance(x, Aside):
        return x
    named = [at.get("starts"), at.get("ends"), at.get("axes"), None]
    if given:
        named = [None if v is None else at.whole_numbers(v, "what is cut out") for v in given]
        named += [None] * (4 - len(named))
    starts, ends, axes, steps = named
    axes = axes if axes is not None else list(range(len(starts)))
    steps = steps if steps is not None else [1] * len(starts)
    cut = [slice(None)] * len(x.shape)
    for first, last, axis, step in zip(starts, ends, axes, steps, strict=True):
        n = x.shape[axis]
        # With a step backwards an end before the first entry means: up to and with the first one.
        stop = None if step < 0 and last < -n else last
        cut[axis] = slice(first, stop, step)
    return at.moved(x, lambda a: a[tuple(cut)])


def _gather(at: At, x: Value, where: Value) -> Value:
    if isinstance(x, Aside):
        return x
    axis = at.get("axis", 0)
    axis = axis + len(x.shape) if axis < 0 else axis
    if isinstance(where, Known):
        at.check((*x.shape[:axis], *where.shape, *x.shape[axis + 1 :]))
        places = where.values.astype(np.int64)
        if places.size and not -x.shape[axis] <= places.min() <= places.max() < x.shape[axis]:
            raise Uncovered(f"places beyond the {x.shape[axis]} entries of an axis")
        return at.moved(x, lambda a: a.take(places, axis))
    tokens, table = at.live(where), at.known(x, "the table of an embedding")
    if axis or len(table.shape) != 2:
        raise Uncovered("a table with a row for each token expected, when the places are computed")
    return embedding(at, tokens, table)


def embedding(at: At, tokens: Live, table: Known) -> Live:
    """The rows of a table with the tokens' numbers, from 0."""
    count, units = table.shape
    ids = tokens.ids.ravel()
    vector = ids.reshape(()) if ids.size == 1 else ids
    out = at.cells.block((*vector.shape, units), "e")
    at.add(
        "embedding",
        [[vector]],
        [out],
        parameters={"E": table.as_part(f"{at.node.name}.table")},
        settings={"tokens": count, "units": units},
        lines=[
            (f"p = one_hot({{0}} + 1, {count})", "1 at the token's number"),
            ("y = p @ E", "the token's row of the table"),
        ],
    )
    return Live(out.ids.reshape((*tokens.shape, units)))


def _gather_elements(at: At, x: Value, where: Value) -> Value:
    places = at.known(where, "places").values.astype(np.int64)
    return at.moved(x, lambda a: np.take_along_axis(a, places, at.get("axis", 0)))


def _expand(at: At, x: Value, shape: Value) -> Value:
    if isinstance(x, Aside):
        return x
    target = at.whole_numbers(shape, "the new shape")
    try:
        whole = np.broadcast_shapes(x.shape, tuple(target))
    except ValueError:
        raise Uncovered(
            f"an array of the shape {x.shape} cannot be repeated to {tuple(target)}"
        ) from None
    at.check(whole)
    return at.moved(x, lambda a: np.broadcast_to(a, whole))


def _tile(at: At, x: Value, repeats: Value) -> Value:
    if isinstance(x, Aside):
        return x
    counts = at.whole_numbers(repeats, "how often")
    at.check([n * count for n, count in zip(x.shape, counts, strict=True)])
    return at.moved(x, lambda a: np.tile(a, counts))


def _filled(at: At, shape: Value) -> Value:
    target = at.whole_numbers(shape, "the shape")
    at.check(target)
    value = at.get("value")
    value = np.float32(0) if value is None else np.asarray(value).ravel()[0]
    return Known(np.full(target, value))


def _range(at: At, first: Value, last: Value, step: Value) -> Value:
    begin, end, by = (at.known(v, "a range").values.item() for v in (first, last, step))
    if not by or abs((end - begin) / by) > 1e6:
        raise Uncovered("a range of at most a million numbers expected")
    return Known(np.arange(begin, end, by, dtype=np.asarray(first.values).dtype))  # type: ignore[union-attr]


def padded(at: At, x: Live, before: list[int], after: list[int], value: float) -> Live:
    """An array with plain numbers around it."""
    at.check([n + b + a for n, b, a in zip(x.shape, before, after, strict=True)])
    if min(*before, *after) < 0:
        raise Uncovered("padding of at least 0 expected")
    around = list(zip(before, after, strict=True))
    return Live(np.pad(x.ids, around, constant_values=at.cells.number(value)))


def _pad(
    at: At,
    x: Value,
    pads: Value | None = None,
    value: Value | None = None,
    axes: Value | None = None,
) -> Value:
    sizes = at.get("pads") or at.whole_numbers(pads, "padding")
    along = axes_of(at, len(x.shape), axes) if axes is not None else list(range(len(x.shape)))  # type: ignore[union-attr]
    before, after = [0] * len(x.shape), [0] * len(x.shape)  # type: ignore[union-attr]
    for place, axis in enumerate(along):
        before[axis], after[axis] = sizes[place], sizes[len(along) + place]
    mode = at.get("mode", "constant")
    if not any(sizes):
        return x
    at.check([n + b + a for n, b, a in zip(x.shape, before, after, strict=True)])  # type: ignore[union-attr]
    if mode in ("reflect", "edge"):
        return at.moved(x, lambda a: np.pad(a, list(zip(before, after, strict=True)), mode=mode))
    if mode != "constant":
        raise Uncovered(f"padding with mode constant, reflect or edge expected; got {mode}")
    number = at.get("value", 0.0) if value is None else at.known(value, "the padding").values.item()
    return padded(at, at.live(x), before, after, float(number))


def _depth_to_space(at: At, x: Value) -> Value:
    b = at.get("blocksize", 1)

    def move(a: Array) -> Array:
        n, c, h, w = a.shape
        if at.get("mode", "DCR") == "DCR":
            return (
                a.reshape(n, b, b, c // b**2, h, w)
                .transpose(0, 3, 4, 1, 5, 2)
                .reshape(n, c // b**2, h * b, w * b)
            )
        return (
            a.reshape(n, c // b**2, b, b, h, w)
            .transpose(0, 1, 4, 2, 5, 3)
            .reshape(n, c // b**2, h * b, w * b)
        )

    return at.moved(x, move)


def _one_hot(at: At, x: Value, depth: Value, values: Value) -> Value:
    count = at.whole_numbers(depth, "the number of kinds")[0]
    ends = at.known(values, "the two values").numbers.ravel().tolist()
    if ends != [0.0, 1.0] or at.get("axis", -1) not in (-1, len(getattr(x, "shape", ()))):
        raise Uncovered("values 0 and 1 along a last axis expected")
    if isinstance(x, Known):
        return Known((x.values[..., np.newaxis] == np.arange(count)).astype(np.float32))
    live = at.live(x)
    ids = live.ids.ravel()
    vector = ids.reshape(()) if ids.size == 1 else ids
    out = at.cells.block((*vector.shape, count), "p")
    at.add(
        "",
        [[vector]],
        [out],
        template=f"one_hot({{0}} + 1, {count})",
        meaning="1 at the number of the kind",
    )
    return Live(out.ids.reshape((*live.shape, count)))


def _trilu(at: At, x: Value, k: Value | None = None) -> Value:
    diagonal = 0 if k is None else at.whole_numbers(k, "the diagonal")[0]
    cut = np.triu if at.get("upper", 1) else np.tril
    known = at.known(x, "a triangle")
    return Known(cut(known.values, diagonal))


def _place(at: At, x: Value) -> Aside:
    """The number of the largest: beside the network, whose scores it comes from."""
    return x if isinstance(x, Aside) else Aside(at.live(x))


def _topped(at: At, x: Value, *_k: Value) -> Any:
    aside = _place(at, x)
    return aside, aside


MOVES: Table = {
    "Identity": ("itself", _same),
    "Dropout": ("itself: nothing is left out after a training", _same),
    "Cast": ("itself, as another type", _cast),
    "CastLike": ("itself, as another type", _cast),
    "Constant": ("numbers of the model", _constant),
    "ConstantOfShape": ("an array of one number", _filled),
    "Shape": ("the shape, of one example", _shape),
    "Size": ("how many numbers", _size),
    "Range": ("numbers in a row", _range),
    "Reshape": ("the same numbers in another shape", _reshape),
    "Flatten": ("all numbers as one vector", _flatten),
    "Transpose": ("axes exchanged", _transpose),
    "Squeeze": ("axes of one entry left out", _squeeze),
    "Unsqueeze": ("axes of one entry put in", _unsqueeze),
    "Concat": ("arrays joined", _concat),
    "Split": ("an array in parts", _split),
    "Slice": ("a part of an array", _slice),
    "Gather": ("entries by their places; with computed places the rows of an embedding", _gather),
    "GatherElements": ("entries by their places", _gather_elements),
    "Expand": ("an array repeated", _expand),
    "Tile": ("an array repeated", _tile),
    "Pad": ("numbers around an array", _pad),
    "DepthToSpace": ("channels become places", _depth_to_space),
    "OneHot": ("1 at the number of a kind", _one_hot),
    "Trilu": ("a triangle of numbers that the model has", _trilu),
    "ArgMax": ("the number of the largest: left out, for its scores", _place),
    "ArgMin": ("the number of the smallest: left out, for its scores", _place),
    "TopK": ("the largest: left out, for their scores", _topped),
}
