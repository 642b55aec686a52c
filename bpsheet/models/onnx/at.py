"""Where an operator works: its node's attributes, the cells of the model, and what all operators share.

An operator takes values and gives values. `At` makes the pieces that compute something: formulas of
at most matrices, once for each page of an array with more axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bpsheet.models.imported import Part
from bpsheet.models.onnx.cells import (
    MOST,
    Array,
    Aside,
    Block,
    Cells,
    Known,
    Live,
    Piece,
    Uncovered,
    Value,
)
from bpsheet.models.onnx.proto import Node

__all__ = ["At", "as_text"]


def as_text(number: float) -> str:
    """A number as a formula has it, with all its digits.

    >>> as_text(0.5), as_text(-2.0), as_text(1e-7)
    ('0.5', '(-2)', '1e-07')
    """
    text = repr(float(number))
    text = text.removesuffix(".0") if "e" not in text else text
    return f"({text})" if number < 0 else text


class At:
    """A node with the model around it."""

    def __init__(self, node: Node, cells: Cells, pieces: list[Piece], opset: int) -> None:
        self.node = node
        self.cells = cells
        self.pieces = pieces
        self.opset = opset

    def get(self, key: str, default: Any = None) -> Any:
        value = self.node.attributes.get(key)
        return default if value is None else value

    # Values

    def live(self, value: Value, name: str = "", *, trained: bool = True) -> Live:
        """A value as cells: known arrays become parameters or constants, known numbers stay numbers."""
        if isinstance(value, Aside):
            raise Uncovered("a number expected; it is given a label")
        if isinstance(value, Live):
            return value
        numbers = value.numbers
        if np.isnan(numbers).any():
            raise Uncovered("an array of numbers expected; it has values that are none (NaN)")
        if not np.isfinite(numbers).all():
            return self.cells.plain(numbers)
        if value.part is None and (numbers.size == 1 or not numbers.any()):
            # Numbers that the model computes of its own, such as a state of zeros times its weights.
            return self.cells.plain(numbers)
        if numbers.size == 1 and not trained:
            return self.cells.plain(numbers)
        return self.cells.array(value, name or self.node.name, trained=trained)

    def known(self, value: Value | None, what: str) -> Known:
        """A value that the model itself has."""
        if not isinstance(value, Known):
            raise Uncovered(f"{what}: numbers of the model's own expected, not computed ones")
        return value

    def whole_numbers(self, value: Value | None, what: str) -> list[int]:
        numbers = np.atleast_1d(self.known(value, what).values)
        return [int(number) for number in numbers.ravel()]

    def moved(self, value: Value, move: Callable[[Array], Array], *, keeps: bool = False) -> Value:
        """A value whose entries are moved about. `keeps`: they stay in their order."""
        if isinstance(value, Aside):
            return value
        if isinstance(value, Known):
            made = np.asarray(move(value.values))
            self.check(made.shape)
            if value.part is None:
                return Known(made)
            part = value.part
            if keeps:
                return Known(made, Part(part.name, made, part.axes))
            if made.ndim == 2 and np.array_equal(made.T, value.values):
                return Known(made, part.turned)
            return Known(made)
        made = np.asarray(move(value.ids))
        self.check(made.shape)
        return Live(made)

    def check(self, shape: Sequence[int]) -> None:
        if math.prod(shape) > MOST or len(shape) > 12:
            raise Uncovered(f"an array of {math.prod(shape):,} numbers; a sheet holds fewer")

    # Pieces

    def add(self, kind: str, operands: list[list[Array]], out: list[Block], **more: Any) -> Piece:
        piece = Piece(kind, self.node.name, operands, out, **more)
        for part in (*piece.parameters.values(), *piece.constants.values()):
            if not part.values.size or not np.isfinite(part.values).all():
                raise Uncovered(f"finite numbers expected in {part.name}")
        self.pieces.append(piece)
        return piece

    def pointwise(
        self,
        template: str,
        *values: Value,
        stem: str = "a",
        trained: bool = True,
        meaning: str = "",
    ) -> Live:
        """A formula of numbers at the same place, as arrays are repeated in ONNX and NumPy alike."""
        arrays = [self.live(value, trained=trained).ids for value in values]
        try:
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
        except ValueError:
            said = " and ".join(map(str, (array.shape for array in arrays)))
            raise Uncovered(f"arrays that do not fit together: {said}") from None
        self.check(shape)
        full = [array.reshape((1,) * (len(shape) - array.ndim) + array.shape) for array in arrays]
        axes = [axis for axis, n in enumerate(shape) if n > 1]
        cut = [
            array.transpose(*axes, *(a for a in range(len(shape)) if a not in axes))
            for array in full
        ]
        cut = [array.reshape(array.shape[: len(axes)]) for array in cut]
        kept = tuple(shape[axis] for axis in axes)
        own = 1 if len(kept) == 2 and any(map(self._has_channels, cut)) else min(2, len(kept))
        leading, page = kept[: len(kept) - own], kept[len(kept) - own :]
        operands: list[list[Array]] = [[] for _ in cut]
        blocks = []
        for index in np.ndindex(*leading):
            for pages, array in zip(operands, cut, strict=True):
                place = tuple(min(i, n - 1) for i, n in zip(index, array.shape, strict=False))
                pages.append(_least(array[place], len(page)))
            blocks.append(self.cells.block(page, stem))
        self.add("", operands, blocks, template=template, pointwise=True, meaning=meaning)
        return Live(np.concatenate([block.ids.ravel() for block in blocks]).reshape(shape))

    def _has_channels(self, ids: Array) -> bool:
        """Whether the rows of a matrix are arrays of their own, as those of channels are."""
        if ids.ndim != 2 or (ids[:, 0] < 0).any():
            return False
        blocks = [self.cells.block_of(int(cell)) for cell in ids[:, 0]]
        return all(
            block.part is None and block.shape == row.shape and np.array_equal(block.ids, row)
            for block, row in zip(blocks, ids, strict=True)
        )

    def rows_of(self, ids: Array) -> Array:
        """An array as a vector, or as a matrix with all but the last axis joined."""
        rows = ids.reshape(-1, ids.shape[-1]) if ids.ndim else ids.reshape(1, 1)
        return rows[0] if len(rows) == 1 else rows


def _least(ids: Array, axes: int) -> Array:
    """A page without what is only repeated: a number, a vector along the last axis, or a matrix."""
    for axis in range(ids.ndim):
        first = ids.take([0], axis)
        if ids.shape[axis] > 1 and (ids == first).all():
            ids = first
    if ids.ndim == axes == 2 and ids.shape[0] == 1:
        ids = ids[0]
    if ids.ndim and ids.shape == (1,) * ids.ndim:
        ids = ids.reshape(())
    return ids
