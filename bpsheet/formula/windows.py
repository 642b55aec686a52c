"""Windows of an array: which entries a kernel meets as it moves over them.

A kernel, a vector or a matrix, stands on an array at every place where it fits, `stride` entries
apart. With a `padding` it also stands over the edge, where it meets nothing: such a term is left out.
With a `dilation` of d its own entries are d apart, with gaps between them.

>>> [place for place, _, entry in meetings((4,), (2,), 2) if entry == (3,)]
[(1,)]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bpsheet.formula.tree import ZERO, Call, Compare, Expr, If, Mul

__all__ = [
    "convolved",
    "input_share",
    "kernel_share",
    "largest_of",
    "largest_share",
    "meetings",
    "window_entries",
    "window_largest",
    "window_share",
    "windows_shape",
]

Shape = tuple[int, ...]
Array = Any


def windows_shape(
    array: Shape, kernel: Shape, stride: float, padding: float = 0, dilation: float = 1
) -> Shape | str:
    """At how many places a kernel stands along each axis; else what is wrong.

    Equation: (n + 2·padding − dilation·(k − 1) − 1)/stride + 1, rounded down.
    """
    if len(array) not in (1, 2) or len(kernel) != len(array):
        return "an array and a kernel of as many axes, 1 or 2, are needed"
    if stride < 1 or padding < 0 or dilation < 1:
        return "a stride and a dilation from 1 and a padding from 0 are needed"
    ends = [
        n + 2 * int(padding) - int(dilation) * (k - 1) - 1
        for n, k in zip(array, kernel, strict=True)
    ]
    if min(ends) < 0:
        return "the kernel is larger than the array with its padding"
    return tuple(end // int(stride) + 1 for end in ends)


def meetings(
    array: Shape, kernel: Shape, stride: float, padding: float = 0, dilation: float = 1
) -> Iterator[tuple[Shape, Shape, Shape]]:
    """Each place of the kernel, each of its entries, and the entry of the array that this one meets."""
    places = windows_shape(array, kernel, stride, padding, dilation)
    assert not isinstance(places, str)
    step, before, apart = int(stride), int(padding), int(dilation)
    for place in np.ndindex(*places):
        for own in np.ndindex(*kernel):
            entry = tuple(step * p + apart * k - before for p, k in zip(place, own, strict=True))
            if all(0 <= e < n for e, n in zip(entry, array, strict=True)):
                yield place, own, entry


def _collected(shape: Shape, pairs: Iterable[tuple[Shape, Expr]]) -> Array:
    """The terms of each entry along one more axis; None where an entry has fewer than others.

    An entry that meets nothing, as in a kernel over the edge, has the term 0.
    """
    terms: dict[Shape, list[Expr]] = {index: [] for index in np.ndindex(*shape)}
    for index, term in pairs:
        terms[index].append(term)
    whole = np.full((*shape, max([1, *map(len, terms.values())])), None, object)
    whole[..., 0] = ZERO
    for index, each in terms.items():
        whole[index][: len(each)] = each
    return whole


def convolved(array: Array, kernel: Array, *moves: float) -> Array:
    """The terms of a convolution. Equation: y_p = Σ_k x_(stride·p + dilation·k − padding) K_k.

    `moves` are stride, padding and dilation.
    """
    shape = windows_shape(array.shape, kernel.shape, *moves)
    assert not isinstance(shape, str)
    met = meetings(array.shape, kernel.shape, *moves)
    return _collected(shape, ((p, Mul(array[e], kernel[k])) for p, k, e in met))


def kernel_share(whole: Array, array: Array, kernel: Array, *moves: float) -> Array:
    """The terms of a kernel's derivatives.

    Equation: ∂L/∂K_k = Σ_p δ_p x_(stride·p + dilation·k − padding).
    """
    met = meetings(array.shape, kernel.shape, *moves)
    return _collected(kernel.shape, ((k, Mul(whole[p], array[e])) for p, k, e in met))


def input_share(whole: Array, array: Array, kernel: Array, *moves: float) -> Array:
    """The terms of the array's derivatives: for each entry, the places whose windows have it."""
    met = meetings(array.shape, kernel.shape, *moves)
    return _collected(array.shape, ((e, Mul(whole[p], kernel[k])) for p, k, e in met))


def _pooled(array: Array, size: float, stride: float) -> Iterator[tuple[Shape, Shape, Shape]]:
    return meetings(array.shape, (int(size),) * array.ndim, int(stride))


def window_entries(array: Array, size: float, stride: float) -> Array:
    """The entries of each window along one more axis."""
    shape = windows_shape(array.shape, (int(size),) * array.ndim, stride)
    assert not isinstance(shape, str)
    return _collected(shape, ((p, array[e]) for p, _, e in _pooled(array, size, stride)))


def window_share(whole: Array, array: Array, size: float, stride: float) -> Array:
    """What goes back to each entry from the sums of the windows that have it."""
    return _collected(array.shape, ((e, whole[p]) for p, _, e in _pooled(array, size, stride)))


def window_largest(array: Array, size: float, stride: float) -> Array:
    """The largest entry of each window."""
    entries = window_entries(array, size, stride)
    whole = np.empty((*entries.shape[:-1], 1), object)
    for place in np.ndindex(*entries.shape[:-1]):
        whole[(*place, 0)] = largest_of(list(entries[place]))
    return whole


def largest_share(whole: Array, array: Array, size: float, stride: float) -> Array:
    """What goes back to each entry from the windows in which it is the first of the largest."""
    entries = window_entries(array, size, stride)

    def share(place: Shape, entry: Expr, number: int) -> Expr:
        before, after = list(entries[place][:number]), list(entries[place][number + 1 :])
        formula: Expr = whole[place]
        if after:
            formula = If(Compare(">=", entry, largest_of(after)), formula, ZERO)
        if before:
            formula = If(Compare(">", entry, largest_of(before)), formula, ZERO)
        return formula

    numbers: dict[Shape, int] = {}
    pairs = []
    for place, _, index in _pooled(array, size, stride):
        number = numbers.get(place, 0)
        numbers[place] = number + 1
        pairs.append((index, share(place, array[index], number)))
    return _collected(array.shape, pairs)


def largest_of(entries: list[Expr]) -> Expr:
    """The largest of some entries."""
    return entries[0] if len(entries) == 1 else Call("max", tuple(entries))
