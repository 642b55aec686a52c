"""Where labels stand, so that none lies on another, on an arrow's head or on a strange line.

Each label has candidates: boxes where it could stand. Those that touch something fixed are left out.
Of the others each label gets one, so that no two touch. The label with the fewest candidates left
chooses first, and a choice that leaves another label none is taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Box", "Line", "chosen", "crosses", "overlap"]

# How often a choice may be taken back before the labels count as too many.
MOST_TRIES = 300

Boxes = npt.NDArray[np.float64]
Line = tuple[float, float, float, float]


class Box(NamedTuple):
    """A rectangle: its left and upper edge, its width and height. y grows downwards."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Box:
        """The box with this middle."""
        return cls(x - width / 2, y - height / 2, width, height)

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2


def overlap(
    some: Sequence[Box], others: Sequence[Box], margin: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Whether boxes overlap, or are closer than the margin: a row for each of `some`."""
    a, b = _table(some)[:, None], _table(others)[None]
    beside = (a[..., :2] >= b[..., 2:] + margin) | (b[..., :2] >= a[..., 2:] + margin)
    touching: npt.NDArray[np.bool_] = np.asarray(~np.any(beside, axis=-1))
    return touching


def crosses(
    boxes: Sequence[Box], lines: Sequence[Line], margin: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Whether lines pass through boxes, or closer than the margin: a row for each box."""
    box = _table(boxes)[:, None] + np.array([-margin, -margin, margin, margin])
    line = np.asarray(lines, float).reshape(-1, 4)[None]
    start, step = line[..., :2], line[..., 2:] - line[..., :2]
    with np.errstate(divide="ignore", invalid="ignore"):
        # The parts of the line at which it passes the edges; a line along an axis passes two never.
        one = (box[..., :2] - start) / step
        other = (box[..., 2:] - start) / step
    still = step == 0
    inside = (box[..., :2] < start) & (start < box[..., 2:])
    enter = np.where(still, np.where(inside, -np.inf, np.inf), np.minimum(one, other))
    leave = np.where(still, np.where(inside, np.inf, -np.inf), np.maximum(one, other))
    first = np.maximum(enter.max(axis=-1), 0.0)
    last = np.minimum(leave.min(axis=-1), 1.0)
    crossing: npt.NDArray[np.bool_] = np.asarray(first < last)
    return crossing


def chosen(candidates: Sequence[Sequence[Box]], margin: float = 2.0) -> list[Box] | None:
    """One candidate of each label, so that no two touch, the first ones where that can be.

    None where there is no such choice, or where it is too hard to find.

    >>> here, there = Box(0, 0, 5, 5), Box(9, 0, 5, 5)
    >>> chosen([[here, there], [here]]) == [there, here]
    True
    >>> chosen([[here], [here]])
    """
    if not all(candidates):
        return None
    flat = [box for boxes in candidates for box in boxes]
    if not flat:
        return []
    touching = overlap(flat, flat, margin)
    ends = np.cumsum([len(boxes) for boxes in candidates])
    ranges = [range(end - len(boxes), end) for end, boxes in zip(ends, candidates, strict=True)]
    free = np.ones(len(flat), bool)
    picked: dict[int, int] = {}
    if not _pick(ranges, touching, free, picked, [MOST_TRIES]):
        return None
    return [flat[picked[label]] for label in range(len(candidates))]


def _pick(
    ranges: Sequence[range],
    touching: npt.NDArray[np.bool_],
    free: npt.NDArray[np.bool_],
    picked: dict[int, int],
    tries: list[int],
) -> bool:
    open_labels = [label for label in range(len(ranges)) if label not in picked]
    if not open_labels:
        return True
    left = {label: [i for i in ranges[label] if free[i]] for label in open_labels}
    label = min(open_labels, key=lambda one: len(left[one]))
    for index in left[label]:
        tries[0] -= 1
        if tries[0] < 0:
            return False
        still = free & ~touching[index]
        if all(still[list(left[other])].any() for other in open_labels if other != label):
            picked[label] = index
            if _pick(ranges, touching, still, picked, tries):
                return True
            del picked[label]
    return False


def _table(boxes: Sequence[Box]) -> Boxes:
    """Boxes as rows of left, top, right, bottom."""
    table = np.asarray(boxes, float).reshape(-1, 4).copy()
    table[:, 2:] += table[:, :2]
    return table
