"""What values mean to a spreadsheet: as numbers, as texts, and when they are compared."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from bpsheet.sheets.nodes import Fault
from bpsheet.xlsx.joined import joined

__all__ = [
    "Known",
    "Unknown",
    "compared",
    "is_close",
    "is_equal",
    "is_same_number",
    "number_in",
    "text_of",
    "truth_of",
]

# A number, a text, a truth, an error, or nothing.
Known = float | str | bool | Fault | None
NUMBER = re.compile(
    r"\s*([-+]?(?:[0-9]+(?:,[0-9]{3})*\.?[0-9]*|\.[0-9]+)(?:[Ee][-+]?[0-9]+)?)\s*(%?)\s*"
)
# Spreadsheets compare numbers by so many digits.
DIGITS = 15


@dataclass(frozen=True)
class Unknown:
    """The value of a formula that cannot be read: each reason, with its cell."""

    reasons: tuple[tuple[str, str], ...]


def number_in(text: str) -> float | None:
    """The number that a text stands for when a formula computes with it; None where it is none."""
    match = NUMBER.fullmatch(text)
    if match is None:
        return None
    number = float(match[1].replace(",", ""))
    return number / 100 if match[2] else number


def text_of(value: Known) -> str:
    """A value as a text, as `&` joins it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float | int):
        return joined(float(value))
    return value


def truth_of(value: Known) -> bool | Fault:
    """A value as a test of IF."""
    if isinstance(value, Fault):
        return value
    if isinstance(value, str):
        upper = value.upper()
        return upper == "TRUE" if upper in ("TRUE", "FALSE") else Fault("#VALUE!")
    return bool(value)


def is_same_number(left: float, right: float) -> bool:
    """Whether two numbers are equal to a spreadsheet, which looks at 15 digits: 0.1 + 0.2 = 0.3."""
    if left == right:
        return True
    if abs(left - right) > 1e-14 * abs(left):
        return False
    return f"{left:.{DIGITS - 1}e}" == f"{right:.{DIGITS - 1}e}"


def _kind(value: Known) -> int:
    if isinstance(value, bool):
        return 2
    return 1 if isinstance(value, str) else 0


def _collated(text: str) -> tuple[str, str]:
    """Capitals do not count in a comparison, and signs such as - only between equal texts."""
    lower = text.lower()
    return lower.replace("-", "").replace("'", ""), lower


def _order(left: Known, right: Known) -> int:
    """-1, 0 or 1. Numbers come before texts, and texts before truths. An empty cell is like the other."""
    if left is None and right is None:
        return 0
    blank: dict[int, Known] = {0: 0.0, 1: "", 2: False}
    left = blank[_kind(right)] if left is None else left
    right = blank[_kind(left)] if right is None else right
    if _kind(left) != _kind(right):
        return -1 if _kind(left) < _kind(right) else 1
    if isinstance(left, str) and isinstance(right, str):
        first, second = _collated(left), _collated(right)
        return (first > second) - (first < second)
    assert isinstance(left, float | int)
    assert isinstance(right, float | int)
    return 0 if is_same_number(left, right) else (left > right) - (left < right)


def is_equal(left: Known, right: Known) -> bool:
    """Whether `=` finds two values equal."""
    return _order(left, right) == 0


def compared(sign: str, left: Known, right: Known) -> bool:
    """The truth of a comparison, as spreadsheets decide it."""
    order = _order(left, right)
    match sign:
        case "=":
            return order == 0
        case "<>":
            return order != 0
        case "<":
            return order < 0
        case "<=":
            return order <= 0
        case ">":
            return order > 0
    return order >= 0


def is_close(ours: Known, stored: Known, size: float) -> bool:
    """Whether a value is the one that the file stores, for numbers of a size in between."""
    if isinstance(ours, float | int) and isinstance(stored, float | int):
        most = max(abs(ours), abs(stored), size)
        return abs(ours - stored) <= 1e-9 * most or not math.isfinite(most)
    if ours is None:
        return stored in (None, "", 0)
    return ours == stored
