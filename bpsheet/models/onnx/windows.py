"""Windows that move over rows and pictures: convolutions and pools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from bpsheet.models.imported import Part, kernel_name
from bpsheet.models.onnx.at import At
from bpsheet.models.onnx.cells import Array, Known, Live, Uncovered, Value
from bpsheet.models.onnx.moves import padded

__all__ = ["conv", "pool"]

# Windows that hang over an edge become a formula with an operand for each of their entries.
MOST_ENTRIES = 36
MOST_ARGUMENTS = 16


@dataclass(frozen=True)
class _Windows:
    """Windows along each axis: their lengths, how far apart they are, and the padding on both sides.

    `apart` is how far apart the entries of a kernel are; the lengths count its gaps in.
    """

    sizes: list[int]
    strides: list[int]
    before: list[int]
    after: list[int]
    ceil: bool = False
    apart: int = 1

    @classmethod
    def of(cls, at: At, shape: Sequence[int], sizes: Sequence[int]) -> Self:
        """The windows of a node on an array of this shape."""
        axes = len(sizes)
        if axes not in (1, 2) or len(shape) != axes:
            raise Uncovered(f"windows on a row or a picture expected; got {axes} axes")
        gaps = {*at.get("dilations", [1])}
        if len(gaps) > 1 or min(gaps) < 1 or (gaps != {1} and at.node.op != "Conv"):
            raise Uncovered(
                "windows without gaps, or kernels with the same along each axis (dilations), expected"
            )
        apart = int(gaps.pop())
        sizes = [apart * (k - 1) + 1 for k in sizes]
        strides = list(at.get("strides", [1] * axes))
        kind = at.get("auto_pad", "NOTSET")
        if kind in ("SAME_UPPER", "SAME_LOWER"):
            whole = [
                max((-(-n // s) - 1) * s + k - n, 0)
                for n, k, s in zip(shape, sizes, strides, strict=True)
            ]
            small, large = [w // 2 for w in whole], [w - w // 2 for w in whole]
            sides = (small, large) if kind == "SAME_UPPER" else (large, small)
        else:
            pads = at.get("pads", [0] * 2 * axes) if kind == "NOTSET" else [0] * 2 * axes
            if len(pads) != 2 * axes or min(pads) < 0:
                raise Uncovered("padding from 0, before and behind each axis, expected")
            sides = list(pads[:axes]), list(pads[axes:])
        if min(*sizes, *strides) < 1 or len(strides) != axes:
            raise Uncovered("windows and distances of at least 1 expected")
        return cls(sizes, strides, *sides, bool(at.get("ceil_mode", 0)), apart)

    def counts(self, shape: Sequence[int]) -> list[int]:
        """How many windows stand on each axis."""
        found = []
        for n, k, s, b, a in zip(
            shape, self.sizes, self.strides, self.before, self.after, strict=True
        ):
            room = n + b + a - k
            if room < 0:
                raise Uncovered(f"a window of {k} on {n} entries")
            steps = -(-room // s) if self.ceil else room // s
            # No window begins in what was added behind.
            if self.ceil and steps * s >= n + b:
                steps -= 1
            found.append(steps + 1)
        return found

    def without(self, axis: int) -> _Windows:
        sizes, strides, before, after = (
            [v for k, v in enumerate(one) if k != axis]
            for one in (self.sizes, self.strides, self.before, self.after)
        )
        return _Windows(sizes, strides, before, after, self.ceil, self.apart)


def conv(at: At, x: Value, weights: Value, bias: Value | None = None) -> Value:
    """Filters: each has a kernel for every channel of its group."""
    live, known = at.live(x), at.known(weights, "the kernels")
    shape, values = live.shape, known.numbers
    if len(shape) not in (3, 4) or shape[0] != 1 or values.ndim != len(shape):
        raise Uncovered(f"one example of a row or a picture expected; got the shape {shape}")
    groups = at.get("group", 1)
    filters, inner, *sizes = values.shape
    if inner * groups != shape[1] or filters % groups:
        raise Uncovered(f"kernels for {shape[1]} channels expected; got the shape {values.shape}")
    windows = _Windows.of(at, shape[2:], sizes)
    part = Part(known.as_part(f"{at.node.name}.kernels").name, values)
    ids, flat = live.ids, None
    if len(sizes) == 2:
        # An axis of one entry, as some exporters have it for rows of numbers.
        flat = next((k for k in (0, 1) if _is_idle(windows, shape, k)), None)
    if flat is not None:
        ids, windows = ids.squeeze(2 + flat), windows.without(flat)
        part = Part(part.name, part.values.squeeze(2 + flat))
    made = _filters(at, ids, part, groups, windows)
    made = made if flat is None else np.expand_dims(made, 2 + flat)
    if bias is None:
        return Live(made)
    size = (1, filters, *(1 for _ in sizes))
    biases = at.moved(at.known(bias, "the biases"), lambda b: b.reshape(size), keeps=True)
    return at.pointwise("{0} + {1}", Live(made), biases)


def _is_idle(windows: _Windows, shape: Sequence[int], axis: int) -> bool:
    sides = windows.before[axis], windows.after[axis]
    return windows.sizes[axis] == 1 and shape[2 + axis] == 1 and not any(sides)


def _filters(at: At, ids: Array, kernels: Part, groups: int, windows: _Windows) -> Array:
    """The feature maps of all filters, in the shape of the operator's output."""
    counts = windows.counts(ids.shape[2:])
    sizes, strides, before = windows.sizes, windows.strides, windows.before
    if before != windows.after or len(set(before)) > 1:
        ids = padded(at, Live(ids), [0, 0, *before], [0, 0, *windows.after], 0.0).ids
        before = [0] * len(sizes)
    # With distances that differ the filters stand at all places, of which some are kept.
    step = strides[0] if len(set(strides)) == 1 else 1
    every = _Windows(sizes, [step] * len(sizes), before, before)
    shape = tuple(every.counts(ids.shape[2:]))
    filters, inner = kernels.values.shape[:2]
    each = filters // groups
    out = [at.cells.block(shape, "z") for _ in range(filters)]
    parameters, lines = {}, []
    moves = f"{step}, {before[0]}" + (f", {windows.apart}" if windows.apart > 1 else "")
    for k in range(filters):
        first = k // each * inner
        terms = []
        for c in range(inner):
            own = kernel_name(k, c, inner, each)
            parameters[own] = kernels[k, c]
            terms.append(f"conv({{{first + c}}}, {own}, {moves})")
        lines.append((f"z{k + 1} = {' + '.join(terms)}", f"sums of filter {k + 1}"))
    settings = {
        "kernel": kernels.values.shape[2],
        "filters": filters,
        "stride": step,
        "padding": before[0],
        "dilation": windows.apart if windows.apart > 1 else None,
        "groups": groups if groups > 1 else None,
        "own": len(set(sizes)) > 1,
    }
    at.add(
        "convolution",
        [[page] for page in ids[0]],
        out,
        parameters=parameters,
        settings=settings,
        lines=lines,
    )
    made = np.stack([block.ids for block in out])[np.newaxis]
    if len(set(strides)) > 1:
        made = made[(slice(None), slice(None), *(slice(None, None, s) for s in strides))]
    kept: Array = made[(slice(None), slice(None), *(slice(0, n) for n in counts))]
    return kept


def pool(at: At, x: Value) -> Value:
    """Windows on each channel. Those that no layer of ours has become formulas of moved copies."""
    live = at.live(x)
    shape = live.shape[2:]
    windows = _Windows.of(at, shape, at.get("kernel_shape", []))
    counts = windows.counts(shape)
    is_max = at.node.op == "MaxPool"
    pages = live.ids.reshape(-1, *shape)
    size, stride = windows.sizes[0], windows.strides[0]
    is_plain = (
        not any((*windows.before, *windows.after))
        and set(windows.sizes) == {size}
        and set(windows.strides) == {stride}
        and counts == [(n - size) // stride + 1 for n in shape]
        and min(shape) > 1
    )
    if not is_plain:
        made = _moved_copies(at, pages, windows, counts, is_max=is_max)
        return Live(made.reshape(*live.shape[:2], *counts))
    out = [at.cells.block(tuple(counts), "p") for _ in pages]
    word, over = ("max_pool", "") if is_max else ("sum_pool", f"/{size ** len(shape)}")
    meaning = "each window's largest number" if is_max else "mean of each window"
    at.add(
        "max_pool" if is_max else "mean_pool",
        [[page] for page in pages],
        out,
        settings={"kernel": size, "stride": stride},
        lines=[
            (f"p{k + 1} = {word}({{{k}}}, {size}, {stride}){over}", meaning)
            for k in range(len(pages))
        ],
    )
    return Live(np.stack([block.ids for block in out]).reshape(*live.shape[:2], *counts))


def _moved_copies(
    at: At, pages: Array, windows: _Windows, counts: list[int], *, is_max: bool
) -> Array:
    """A formula with an operand for each entry of a window: the pages, cut from another place on."""
    shape, sizes, strides = pages.shape[1:], windows.sizes, windows.strides
    if np.prod(sizes) > MOST_ENTRIES:
        raise Uncovered(f"at most {MOST_ENTRIES} entries in windows that hang over an edge")
    ends = [(n - 1) * s + k for n, s, k in zip(counts, strides, sizes, strict=True)]
    before = windows.before
    behind = [max(e - b - n, 0) for e, b, n in zip(ends, before, shape, strict=True)]
    fill = -1e30 if is_max else 0.0
    wide = padded(at, Live(pages), [0, *before], [0, *behind], fill).ids
    counted = _counted(at, shape, windows, behind)
    copies, inside = [], []
    for own in np.ndindex(*sizes):
        cut = tuple(
            slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(own, counts, strides, strict=True)
        )
        copies.append(Live(wide[(slice(None), *cut)]))
        inside.append(counted[cut])
    places = [f"{{{k}}}" for k in range(len(copies))]
    if is_max:
        while len(places) > 1:
            groups = [places[k : k + MOST_ARGUMENTS] for k in range(0, len(places), MOST_ARGUMENTS)]
            places = [g[0] if len(g) == 1 else f"max({', '.join(g)})" for g in groups]
        return at.pointwise(places[0], *copies, meaning="each window's largest number").ids
    whole, each = f"({' + '.join(places)})", np.sum(inside, axis=0)
    meaning = "mean of each window"
    if (each == each.ravel()[0]).all():
        return at.pointwise(f"{whole}/{int(each.ravel()[0])}", *copies, meaning=meaning).ids
    text = f"{whole}/{{{len(copies)}}}"
    return at.pointwise(text, *copies, Known(each), trained=False, meaning=meaning).ids


def _counted(at: At, shape: Sequence[int], windows: _Windows, behind: list[int]) -> Array:
    """1 for each entry that a mean counts: those of the page, and of the padding if it is asked for."""
    around = list(zip(windows.before, behind, strict=True))
    if not at.get("count_include_pad", 0):
        return np.pad(np.ones(shape), around)
    asked = [min(a, b) for a, b in zip(windows.after, behind, strict=True)]
    there = [n + b + a for n, b, a in zip(shape, windows.before, asked, strict=True)]
    rest = [(0, b - a) for a, b in zip(asked, behind, strict=True)]
    return np.pad(np.ones(there), rest)
