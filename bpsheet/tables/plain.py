"""Arrays, tensors and DataFrames as Python's own lists and numbers.

>>> plain([np.float64(0.5), np.array([1, 2])])
[0.5, [1, 2]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from bpsheet.errors import ExperimentError, Problem
from bpsheet.words import shown

__all__ = [
    "AnyMatrix",
    "AnyNames",
    "AnyNumber",
    "AnyRow",
    "AnyWhole",
    "Changes",
    "Listed",
    "column_names",
    "plain",
    "whole_number",
]


class Listed(Protocol):
    """An object with `tolist`: NumPy's arrays and numbers, Series, tensors."""

    def tolist(self) -> Any: ...


class Arrayed(Protocol):
    """An object that NumPy can make an array of, such as a DataFrame."""

    def __array__(self) -> Any: ...


class Rowlike(Protocol):
    """A row of a DataFrame; for type checkers, `frame.loc[3]` may be a DataFrame, too."""

    @property
    def iloc(self) -> Any: ...

    def items(self) -> Any: ...


# The types that are accepted for a number, a whole number, a row of numbers and a matrix.
AnyNumber = float | Listed
AnyWhole = int | Listed
AnyRow = Sequence[AnyNumber] | Listed | Arrayed
AnyMatrix = Sequence[AnyRow] | Listed | Arrayed
# Names, such as the columns of a DataFrame.
AnyNames = Sequence[str] | Listed
# Numbers by their names, such as a row of a DataFrame.
Changes = Mapping[str, AnyNumber | str] | Rowlike

_OWN = {bool, float, int, str}


def plain(value: Any) -> Any:
    """Arrays, tensors, Series and DataFrames as lists, and their numbers as Python's.

    Any other value, and a value that cannot be converted, is returned unchanged.
    """
    if type(value) in _OWN:
        return value
    if isinstance(value, list | tuple):
        return value if set(map(type, value)) <= _OWN else [plain(item) for item in value]
    if isinstance(value, type):
        return value
    try:
        if hasattr(value, "tolist"):
            return value.tolist()
        return np.asarray(value).tolist() if hasattr(value, "__array__") else value
    except (RuntimeError, TypeError, ValueError):
        return value


def whole_number(value: AnyWhole, place: str, source: str) -> int:
    """A whole number as a Python int. Raises ExperimentError for anything else."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int):
        message = f"a whole number expected; got {shown(number)}"
        raise ExperimentError([Problem(place, message)], source)
    return number


def column_names(table: object) -> list[str] | None:
    """The names of a DataFrame's columns; None for anything without named columns."""
    names = plain(getattr(table, "columns", None))
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        return names
    return None
