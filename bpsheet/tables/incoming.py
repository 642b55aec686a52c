"""Somebody's table: its columns by their names, its cells, and how its rows are called.

>>> table = Incoming.of({"age": [31, None], "colour": ["red", "blue"], "old": [True, False]}, "the frame")
>>> table.columns["age"], table.columns["old"]
([31.0, None], [1.0, 0.0])
>>> table.words("colour"), table.words("age")
(['blue', 'red'], [])
"""

from __future__ import annotations

import datetime as dt
import math
import numbers
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bpsheet.tables.plain import plain

__all__ = ["Cell", "Incoming", "columns_of", "with_targets"]

# A number, a text, or nothing.
Cell = float | str | None
# A date has no number of its own; which one it should get is for its owner to say.
NO_DATES = "{}: dates and times are no numbers; make a number of them first"
DATES = (dt.date, dt.time, dt.timedelta)


# How tables write yes and no, where all of a column does.
BOOLEANS = {"false": 0.0, "true": 1.0}


@dataclass(frozen=True)
class Incoming:
    """A table that comes in.

    columns: the cells of each column, by its name
    source:  what messages call the table
    rows:    what messages call each row: "line 3"
    key:     the key of [data] that names it
    """

    columns: Mapping[str, Sequence[Cell]]
    source: str
    rows: Sequence[str]
    key: str = "file"

    def __post_init__(self) -> None:
        columns = {name: _numbered(cells) for name, cells in self.columns.items()}
        object.__setattr__(self, "columns", columns)

    @classmethod
    def of(cls, columns: Mapping[str, Any], source: str, key: str = "frame") -> Incoming:
        """A table of plain columns. Raises ValueError for what is neither number nor text."""
        made = columns_of(columns)
        count = max((len(cells) for cells in made.values()), default=0)
        return cls(made, source, [f"row {number}" for number in range(1, count + 1)], key)

    def place(self, row: int, column: str) -> str:
        """A cell's place in words."""
        return f"{self.source}, {self.rows[row]}, {column}"

    def words(self, column: str) -> list[str]:
        """The different texts of a column that holds categories; none of a column of numbers.

        A text among numbers is a mistake, and so is one that stands alone.
        """
        cells = [cell for cell in self.columns[column] if cell not in (None, "")]
        texts = [cell for cell in cells if isinstance(cell, str)]
        different = sorted(set(texts))
        return different if len(different) > 1 and 2 * len(texts) > len(cells) else []


def columns_of(frame: Any) -> dict[str, list[Cell]]:
    """The columns of a DataFrame, of a dictionary of lists, or of an array (x1, x2, …).

    Raises ValueError, with the column's name, for dates and for anything but numbers and texts.
    """
    named: list[tuple[Any, Any]]
    if isinstance(frame, Mapping):
        named = list(frame.items())
    elif hasattr(frame, "to_pydict"):  # Arrow
        named = list(frame.to_pydict().items())
    elif hasattr(frame, "columns") and hasattr(frame, "dtypes"):  # pandas, polars
        count = len(frame.columns)
        one = frame.iloc if hasattr(frame, "iloc") else None
        named = [
            (frame.columns[i], frame[frame.columns[i]] if one is None else one[:, i])
            for i in range(count)
        ]
    else:
        named = list(_of_array(frame).items())
    made: dict[str, list[Cell]] = {}
    doubled = []
    for key, values in named:
        name = "_".join(map(str, key)) if isinstance(key, tuple) else str(key)
        if name in made:
            doubled.append(name)
        made[name] = [_cell(value, name) for value in _listed(values, name)]
    if doubled:
        raise ValueError(f"two columns are named {', '.join(dict.fromkeys(doubled))}")
    if not made:
        raise ValueError("a table with at least one column expected")
    lengths = {len(cells) for cells in made.values()}
    if len(lengths) > 1:
        raise ValueError(
            "columns of one length expected; got " + ", ".join(map(str, sorted(lengths)))
        )
    return made


def _numbered(cells: Sequence[Cell]) -> Sequence[Cell]:
    """1 and 0 for a column of True and False; other columns as they are."""
    texts = {cell.lower() for cell in cells if isinstance(cell, str) and cell}
    if texts != set(BOOLEANS):
        return cells
    return [BOOLEANS.get(cell.lower(), cell) if isinstance(cell, str) else cell for cell in cells]


def _of_array(frame: Any) -> dict[str, Any]:
    rows = plain(frame)
    if not isinstance(rows, list) or not rows:
        raise ValueError(
            "a DataFrame, a dict of lists, or an array with a row for each example expected"
        )
    if not isinstance(rows[0], list):
        rows = [[value] for value in rows]
    if any(not isinstance(row, list) or len(row) != len(rows[0]) for row in rows):
        raise ValueError("rows of one length expected")
    return {f"x{i + 1}": [row[i] for row in rows] for i in range(len(rows[0]))}


def _listed(values: Any, name: str) -> Iterable[Any]:
    kind = str(getattr(values, "dtype", "")).lower()
    if any(word in kind for word in ("datetime", "timedelta", "period", "duration", "interval")):
        raise ValueError(NO_DATES.format(name))
    if hasattr(values, "astype"):
        return values.astype(object).tolist()  # type: ignore[no-any-return]
    return values.to_list() if hasattr(values, "to_list") else values  # type: ignore[no-any-return]


def _cell(value: Any, name: str) -> Cell:
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, DATES):
        raise ValueError(NO_DATES.format(name))  # noqa: TRY004
    if isinstance(value, numbers.Real) or type(value).__name__ in ("bool", "bool_", "Decimal"):
        number = float(value)
        return None if math.isnan(number) else number
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    raise ValueError(f"{name}: numbers or texts expected; got {type(value).__name__}")


def with_targets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of [data] with targets that are an array as further columns of the frame.

    >>> with_targets({"frame": {"x": [1.0]}, "targets": [3]})
    {'frame': {'x': [1.0], 'target': [3.0]}, 'targets': ['target']}
    """
    targets = values.get("targets")
    if targets is None or isinstance(targets, str) or _are_names(targets, values["frame"]):
        return dict(values)
    if hasattr(targets, "columns") or isinstance(targets, Mapping):
        columns = columns_of(targets)
    else:
        columns = columns_of(plain(targets))
        name = getattr(targets, "name", None)
        names = [name] if isinstance(name, str) else ["target"]
        if len(columns) > 1:
            names = [f"target{number + 1}" for number in range(len(columns))]
        columns = dict(zip(names, columns.values(), strict=True))
    doubled = [name for name in columns if name in values["frame"]]
    if doubled:
        raise ValueError(f"the targets have the name of a column of the frame, {doubled[0]}")
    frame = {**values["frame"], **columns}
    lengths = {len(cells) for cells in frame.values()}
    if len(lengths) > 1:
        raise ValueError(
            "a target for each row expected; got " + " and ".join(map(str, sorted(lengths)))
        )
    return {**values, "frame": frame, "targets": list(columns)}


def _are_names(targets: Any, frame: Mapping[str, Any]) -> bool:
    """Whether targets are names of columns, and not themselves texts."""
    names = plain(targets)
    is_texts = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return is_texts and (len(names) != len(next(iter(frame.values()))) or set(names) <= set(frame))
