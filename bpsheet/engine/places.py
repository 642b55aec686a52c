"""Where an array of the program lies in a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bpsheet.formula.arrays import Array

__all__ = ["place_of"]

Place = tuple[int, tuple[int, ...]]


def place_of(cells: Array, position: Mapping[str, int]) -> Place | None:
    """The column of an array's first cell, and how many columns a step along each axis is.

    None where a cell is missing or is no column, or where the cells do not lie in equal distances.

    >>> from bpsheet.formula.arrays import named
    >>> place_of(named(["z1", "z2"]), {"z1": 4, "a1": 5, "z2": 6})
    (4, (2,))
    """
    try:
        columns = np.array([position[ref.name] for ref in cells.ravel()]).reshape(cells.shape)
    except (AttributeError, KeyError):
        return None
    first = int(columns.ravel()[0])
    steps = tuple(
        int(columns.take(1, axis).ravel()[0]) - first if size > 1 else 0
        for axis, size in enumerate(columns.shape)
    )
    grid = first + np.tensordot(steps, np.indices(columns.shape), axes=1)
    return (first, steps) if np.array_equal(grid, columns) else None
