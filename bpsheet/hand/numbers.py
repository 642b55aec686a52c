"""Numbers as people write them: text that claims a number of digits.

`-0.25` claims two decimals, `-0.250` three, `1.2e-3` two significant digits. A written
number is right when the exact value rounds to it.

>>> read_number("-0.25").agrees(-0.2449)
False
>>> read_number("-0.24").agrees(-0.2449)
True
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Interval", "NotANumber", "Written", "computed", "decimals_needed", "read_number"]

MAX_LENGTH = 60
# Signs, multiplication signs and spaces that people type or that a program puts in.
MINUS = "−–‒﹣－"
SPACES = "\u00a0\u2007\u2009\u202f "
PLAIN = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?", re.ASCII)
BARE = re.compile(r"([+-]?)()\.([0-9]+)(?:[eE]([+-]?[0-9]{1,3}))?", re.ASCII)
POWER_OF_TEN = re.compile(r"\s*[x×*·]\s*10\s*\^?\s*[({]?\s*([+-]?[0-9]{1,3})\s*[)}]?$", re.ASCII)
# The tolerance for binary rounding, as a part of the last digit.
HAIR = 1e-9
# What is smaller is a 0 that was not computed exactly.
NOTHING = 1e-13
# What numbers near 0 may be off by, in the arithmetic of a computer.
FLOOR = 1e-15


# The least and the greatest of some values.
Interval = tuple[float, float]


@dataclass(frozen=True)
class Written:
    """A number as written: its text, its value, and one unit of its last digit.

    A number that a program computed (`is_exact`) claims all its digits. Half a unit is then the
    error that is allowed.
    """

    text: str
    value: float
    unit: float
    is_exact: bool = False

    def agrees(self, exact: float, units: float = 0.5) -> bool:
        """Whether an exact value is within `units` of the last digit (0.5: it rounds to this)."""
        if not math.isfinite(exact):
            return False
        hair = HAIR * self.unit + 4e-16 * abs(exact)
        return abs(exact - self.value) <= units * self.unit + hair

    def says(self, exact: float) -> bool:
        """Whether the number shows a digit of a value that it agrees with.

        A written 0 does so only for a value that is 0: it may be anything small.

        >>> read_number("0.00").says(0.0042), read_number("0").says(0.0)
        (False, True)
        """
        return bool(self.value) or self.is_exact or abs(exact) < NOTHING

    def is_cut_from(self, exact: float) -> bool:
        """Whether the number is a value whose further digits were cut off, not rounded.

        >>> read_number("0.24").is_cut_from(0.2489)
        True
        """
        if self.is_exact or not self.value or not math.isfinite(exact):
            return False
        size = abs(exact) if exact * self.value > 0 else -1.0
        return 0 <= size - abs(self.value) < self.unit

    def shows(self, exact: float, digits: int) -> bool:
        """Whether it has so many significant digits of a value, or only zeros are missing."""
        need = decimals_needed(exact, digits)
        return self.decimals >= need or abs(exact - self.value) <= (0.5 + HAIR) * 10.0**-need

    @property
    def interval(self) -> Interval:
        """The numbers that round to it."""
        half = 0.5 * self.unit + HAIR * self.unit + 4e-16 * abs(self.value)
        return self.value - half, self.value + half

    @property
    def decimals(self) -> int:
        """The number of decimals that it claims; negative for digits that end before the point."""
        return -round(math.log10(self.unit))

    @property
    def significant(self) -> int:
        """The number of significant digits that it claims."""
        if self.value == 0:
            return 1
        return max(1, math.floor(math.log10(abs(self.value)) + 1e-12) + 1 + self.decimals)

    def rounded(self, exact: float) -> str:
        """An exact value to as many digits as this number claims, in the same form.

        >>> read_number("-0.25").rounded(-0.2449)
        '-0.24'
        """
        if not math.isfinite(exact):
            return "error"
        if self.is_exact:
            return f"{exact:.6g}"
        if re.search(r"[eE×*·x]", self.text):
            return f"{exact:.{self.significant - 1}e}"
        shown = f"{exact:.{max(self.decimals, 0)}f}"
        return shown.lstrip("-") if float(shown) == 0 else shown

    def told(self, exact: float) -> str:
        """As `rounded`; with two digits where so few decimals would show only 0.

        >>> read_number("1").told(-0.2449), read_number("0.50").told(0.0)
        ('-0.24', '0.00')
        """
        text = self.rounded(exact)
        return text if exact == 0 or set(text) & set("123456789") else f"{exact:.2g}"


def decimals_needed(exact: float, digits: int) -> int:
    """The number of decimals that shows `digits` significant digits of a value.

    >>> decimals_needed(-0.0664, 3), decimals_needed(12.5, 3), decimals_needed(0.0, 3)
    (4, 1, 0)
    """
    if exact == 0 or not math.isfinite(exact):
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(exact))))


def computed(value: float, text: str, rtol: float) -> Written | NotANumber:
    """A number that a program computed, with the relative error that is allowed."""
    if not math.isfinite(value):
        return NotANumber(text, f"the value is {text}; a finite number is expected")
    return Written(text, value, 2 * max(rtol * abs(value), FLOOR), is_exact=True)


@dataclass(frozen=True)
class NotANumber:
    """A text that is blank, is no number, or could be read in two ways, and the reason."""

    text: str
    reason: str
    is_blank: bool = False


def read_number(text: str, decimal: str = ".") -> Written | NotANumber:
    """A typed number. `decimal` is the sign before the decimals, "." or ",".

    Accepted: a Unicode minus, spaces around, `1.2e-3`, `1.2×10^-3`. Refused: `0,5` (unless
    the comma is declared), `1,234.5`, `1_000`, digits of other scripts, `nan`, fractions.
    """
    shown = text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}…"
    plain = text.strip(SPACES + "\t\r\n")
    if not plain:
        return NotANumber(shown, "nothing is written", is_blank=True)
    if len(plain) > MAX_LENGTH:
        return NotANumber(shown, "the text is too long for a number")
    for sign in MINUS:
        plain = plain.replace(sign, "-")
    plain = re.sub(rf"^([+-])[{SPACES}]+", r"\1", plain)
    if decimal == ",":
        if "." in plain:
            return NotANumber(shown, "there is a point; write a comma before the decimals")
        plain = plain.replace(",", ".")
    elif "," in plain:
        return NotANumber(
            shown, "a comma can be read in two ways; write a point before the decimals"
        )
    power = POWER_OF_TEN.search(plain)
    if power:
        plain = f"{plain[: power.start()]}e{power[1]}"
    found = PLAIN.fullmatch(plain) or BARE.fullmatch(plain)
    if found is None:
        return NotANumber(shown, f"write a number such as -0{decimal}25")
    sign, whole, decimals, exponent = found.groups(default="")
    value = Decimal(f"{sign}{whole or '0'}.{decimals or '0'}e{exponent or '0'}")
    unit = Decimal(1).scaleb(int(exponent or 0) - len(decimals))
    # A zero with a huge power of ten is 0, but its last digit stands for more than a number can be.
    if not (math.isfinite(float(value)) and math.isfinite(float(unit))):
        return NotANumber(shown, "the number is too large")
    if not float(unit):
        return NotANumber(shown, "the number is too small")
    return Written(shown, float(value), float(unit))
