"""Hand values from a dict, a DataFrame, a CSV file or an experiment's table [hand].

All are read as one mapping from (iteration, column) to the written text, or to the number that a
program computed.
"""

from __future__ import annotations

import csv
import math
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from bpsheet.columns.presentation import ITERATION
from bpsheet.errors import HandError, InputError
from bpsheet.guard.text import read_text
from bpsheet.tables.csv_rows import first_line, numbered_rows, uneven
from bpsheet.tables.plain import plain
from bpsheet.words import nearest, shown

__all__ = [
    "Entries",
    "Entry",
    "Hand",
    "digit_count",
    "digits_of",
    "hand_values",
    "match_names",
    "of_experiment",
    "read_csv",
]

# `pd.Series[Any]`, which exists for type checkers alone.
Hand: TypeAlias = "Mapping[Any, object] | pd.Series[Any] | pd.DataFrame"
# A text, or a number with the name of its type.
Entry = str | tuple[float, str]
Entries = dict[tuple[int, str], Entry]

# Numbers of fewer digits than Python's.
SHORT = ("float32", "float16")
MAX_FILE = 4_000_000
# Of unknown names so many are told, since each is compared with all known ones.
MOST_TOLD = 10
# The columns of a table with a line for each value. Without an iteration it is of the first one.
QUANTITY, VALUE = "quantity", "value"
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "Δ": "delta", "ε": "epsilon",
    "η": "eta", "θ": "theta", "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "φ": "phi", "ψ": "psi", "ω": "omega", "∂": "d", "′": "'", "’": "'", "ŷ": "yhat",
}  # fmt: skip


def _plain(name: str) -> str:
    """A name without differences of case, underscores, spaces and Greek letters."""
    spelled = "".join(GREEK.get(char, char) for char in name)
    folded = unicodedata.normalize("NFKC", spelled).casefold()
    return "".join(char for char in folded if char not in "_ \t{}^\\")


def match_names(names: Iterable[str], known: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Each known name as the program writes it, and the unknown names.

    Raises HandError, with the nearest known names, where a name has two meanings, and where none is
    known: then hardly one is meant to be something else.

    >>> match_names(["Δw_xg0", "G", "my sum"], ["g", "delta_w_xg0"])
    ({'Δw_xg0': 'delta_w_xg0', 'G': 'g'}, ['my sum'])
    """
    known = list(known)
    exact = set(known)
    spelled: dict[str, list[str]] = {}
    for name in known:
        spelled.setdefault(_plain(name), []).append(name)
    found, problems, unknown = {}, [], []
    for name in names:
        alike = [name] if name in exact else spelled.get(_plain(name), [])
        if len(alike) == 1:
            found[name] = alike[0]
        elif alike:
            problems.append(f"{shown(name)} could be {' or '.join(alike)}")
        else:
            unknown.append(name)
    if unknown and not found:
        told, more = unknown[:MOST_TOLD], len(unknown[MOST_TOLD:])
        problems += [f"unknown quantity {shown(name)}; {nearest(name, known)}" for name in told]
        problems += [f"and {more:,} more unknown names"] * bool(more)
    if problems:
        raise HandError(problems)
    return found, unknown


def _text(value: object) -> str:
    """A value as it was written: text as it is, nothing as blank, a number by its digits."""
    entry = _entry(value)
    return entry if isinstance(entry, str) else digits_of(*entry)


def digits_of(number: float, kind: str) -> str:
    """A number with the digits that its type has.

    >>> digits_of(0.1, "float64"), digits_of(float(np.float32(0.1)), "float32")
    ('0.1', '0.1')
    """
    return str(np.dtype(kind).type(number)) if kind in SHORT else repr(number)


def digit_count(number: float, kind: str) -> int:
    """How many significant digits a number is written with. Zeros at its end do not count.

    >>> [digit_count(number, "float64") for number in (-0.024, 1.25e-7, 300.0)]
    [2, 3, 1]
    """
    return len(Decimal(digits_of(number, kind)).normalize().as_tuple().digits)


def _entry(value: object) -> Entry:
    """Text as it is, nothing as blank, a number with its type."""
    kind = str(getattr(value, "dtype", "float64")).rpartition(".")[2]
    number = plain(value)
    if number is None or number is pd.NA or (isinstance(number, float) and math.isnan(number)):
        return ""
    return (float(number), kind) if isinstance(number, float) else str(number)


def _iteration(value: object) -> int:
    text = _text(value).strip()
    text = text.removesuffix(".0")
    if text.isascii() and text.isdigit() and 1 <= len(text) <= 9 and int(text) >= 1:
        return int(text)
    raise HandError([f"an iteration's number (1 or more) expected; got {shown(text)}"])


def hand_values(hand: Hand, known: Iterable[str]) -> tuple[Entries, list[str]]:
    """The texts and numbers by (iteration, column), and the names that are no column's.

    A dict has `{iteration: {quantity: text}}`, `{(iteration, quantity): text}`, or for the
    first iteration `{quantity: text}`. A Series is as a dict; a row of a frame has its iteration
    as its name. A DataFrame has the columns quantity and value, or a column for each quantity, and
    the iteration as a column or as its index. Without it the values of quantity and value are of the
    first iteration, and other rows count from it.
    Raises HandError for what is none of these, and where no name is known.

    >>> hand_values({"g": "-0.25"}, ["g", "f"])
    ({(1, 'g'): '-0.25'}, [])
    """
    if isinstance(hand, pd.DataFrame):
        entries = list(_from_frame(hand))
    elif isinstance(hand, Mapping | pd.Series):
        entries = list(_from_mapping(hand))
    else:
        raise HandError(
            [f"a dict, a Series, a DataFrame or a file expected; got {type(hand).__name__}"]
        )
    names, unknown = match_names(dict.fromkeys(name for _, name, _ in entries), known)
    values: Entries = {}
    for iteration, name, text in entries:
        if name not in names:
            continue
        place = (iteration, names[name])
        if values.get(place, text) != text:
            raise HandError(
                [f"{name} of iteration {iteration} is given twice with different values"]
            )
        values[place] = text
    return values, unknown


Line = tuple[int, str, Entry]


def _pairs(hand: Mapping[Any, object] | pd.Series[Any]) -> Iterable[tuple[Any, object]]:
    """The keys with their values, which keep their precision."""
    return zip(hand.index, hand.array, strict=True) if isinstance(hand, pd.Series) else hand.items()


def _from_mapping(hand: Mapping[Any, object] | pd.Series[Any]) -> Iterable[Line]:
    row = plain(getattr(hand, "name", None))
    first = row if isinstance(row, int) and not isinstance(row, bool) else 1
    for key, value in _pairs(hand):
        if isinstance(value, Mapping | pd.Series):
            for name, text in _pairs(value):
                yield _iteration(key), str(name), _entry(text)
        elif isinstance(key, tuple) and len(key) == 2:
            yield _iteration(key[0]), str(key[1]), _entry(value)
        else:
            yield _iteration(first), str(key), _entry(value)


def _from_frame(frame: pd.DataFrame) -> Iterable[Line]:
    columns = {str(name).strip().casefold(): name for name in frame.columns}
    is_long = QUANTITY in columns and VALUE in columns
    if ITERATION in columns:
        numbers = list(frame[columns[ITERATION]])
    elif frame.index.name == ITERATION:
        numbers = list(frame.index)
    else:
        numbers = [1] * len(frame) if is_long else list(range(1, len(frame) + 1))
    if is_long:
        pairs = frame[[columns[QUANTITY], columns[VALUE]]].itertuples(index=False)
        for number, (name, value) in zip(numbers, pairs, strict=True):
            yield _iteration(number), _text(name).strip(), _entry(value)
        return
    for name in frame.columns:
        if str(name).strip().casefold() != ITERATION:
            for number, value in zip(numbers, frame[name].array, strict=True):
                yield _iteration(number), str(name).strip(), _entry(value)


def read_csv(path: Path) -> pd.DataFrame:
    """A CSV file as text: `quantity, value` with or without `iteration`, or a column for each quantity.

    Raises HandError where the file cannot be read.
    """
    try:
        text = read_text(path, MAX_FILE)
        separator = ";" if ";" in first_line(text) else ","
        rows = numbered_rows(text, separator)
    except (InputError, csv.Error) as error:
        said = f"cannot be read ({error})" if isinstance(error, csv.Error) else str(error)
        raise HandError([said], str(path)) from None
    if len(rows) < 2:
        raise HandError(["a header line and a line of values expected"], str(path))
    header = [cell.strip() for cell in rows[0][1]]
    if len(set(header)) < len(header) or "" in header:
        raise HandError(["each column needs its own name"], str(path))
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise HandError([f"line {number}: {uneven(row, len(header), separator)}"], str(path))
    return pd.DataFrame([row for _, row in rows[1:]], columns=header, dtype=object)


def of_experiment(hand: Mapping[str, Mapping[str, str]]) -> Hand:
    """The hand values in an experiment's table [hand]. Raises HandError for an empty table."""
    if not hand:
        raise HandError(["there are no hand values in [hand]; give a file with hand values"])
    return {int(iteration): figures for iteration, figures in hand.items()}
