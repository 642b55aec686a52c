"""Whether the inputs of a network are the pixels of an image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isqrt

__all__ = ["image_of"]

# With fewer rows or columns a grid of inputs is a table rather than an image.
LEAST_SIDE = 3
# So many inputs that are only counted are an image if their number is a square.
LEAST_COUNTED = 64
# A row and a column at the end of a name: p11, x_1_12, 3x4, pixel[0,7].
GRID = (r"(\D*)(\d)(\d)", r"(.*?)(\d+)[_x,. -](\d+)\D?")
COUNTED = r"(\D*)(\d+)"


def image_of(names: Sequence[str]) -> tuple[int, int] | None:
    """The rows and columns of the image whose pixels the inputs are, row by row; else None.

    Inputs are pixels where their names count rows and columns (p11, p12 … p88; x_0_0 … x_27_27),
    or where a square number of at least 64 of them is counted (pixel0 … pixel783).

    >>> image_of([f"p{row}{column}" for row in range(1, 9) for column in range(1, 9)])
    (8, 8)
    >>> image_of([f"x{number}" for number in range(16)])
    >>> image_of(["sepal_length", "sepal_width"])
    """
    for pattern in GRID:
        found = [re.fullmatch(pattern, name) for name in names]
        places = [(int(m[2]), int(m[3])) for m in found if m is not None]
        if len(places) == len(names) and len({m[1] for m in found if m is not None}) == 1:
            (top, left), (bottom, right) = min(places), max(places)
            shape = bottom - top + 1, right - left + 1
            rows, columns = range(top, bottom + 1), range(left, right + 1)
            if places == [(row, column) for row in rows for column in columns]:
                return shape if min(shape) >= LEAST_SIDE else None
    return _counted(names)


def _counted(names: Sequence[str]) -> tuple[int, int] | None:
    found = [re.fullmatch(COUNTED, name) for name in names]
    numbers = [int(match[2]) for match in found if match is not None]
    side = isqrt(len(names))
    is_square = side * side == len(names) and len(names) >= LEAST_COUNTED
    if not is_square or len({match[1] for match in found if match is not None}) != 1:
        return None
    return (side, side) if numbers == [numbers[0] + k for k in range(len(names))] else None
