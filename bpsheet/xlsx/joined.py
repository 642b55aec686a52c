"""Numbers as Excel's formulas make text of them, and as they round.

A formula's result is stored in the file beside the formula. Where it is a text that holds numbers,
the text has to be the one that the formula gives again.
"""

from __future__ import annotations

import sys
from decimal import ROUND_HALF_DOWN, ROUND_HALF_UP, Context, Decimal

__all__ = ["joined", "rounded"]

# A number has so many digits in Excel, and its text so many characters, a minus sign not counted.
DIGITS = 15
LONGEST = 20
# From this power of ten on, and from its reciprocal down, a text has a digit less.
FAR = 99


def joined(value: float) -> str:
    """The text of `value&""`: a finite number joined to a text.

    All digits are written out while the text is short enough, however small the number is.

    >>> joined(6.25e-08), joined(-2.5), joined(1 / 3), joined(1e20), joined(1.234e-16)
    ('0.0000000625', '-2.5', '0.333333333333333', '1E+20', '1.234E-16')
    """
    if abs(value) < sys.float_info.min:
        return "0"  # Excel has no smaller numbers
    number = abs(_seen(value))
    text = f"{number:f}"
    if len(text) > LONGEST:
        if abs(number.adjusted()) >= FAR:
            number = _with_digits(number, DIGITS - 1, ROUND_HALF_UP)
        exponent = number.adjusted()
        sign = "-" if exponent < 0 else "+"
        text = f"{number.scaleb(-exponent):f}E{sign}{abs(exponent):02d}"
    return f"-{text}" if value < 0 else text


def rounded(value: float, digits: int) -> float:
    """A finite number with so many significant digits, as the function ROUND leaves it.

    A half is rounded away from zero. The result may be infinite.

    >>> rounded(2.5625, 4), rounded(-0.000123450, 4), rounded(1.0005, 4)
    (2.563, -0.0001235, 1.001)
    """
    return float(_with_digits(_seen(value), digits, ROUND_HALF_UP)) if value else 0.0


def _seen(value: float) -> Decimal:
    """The number as Excel sees it: a half of the last digit is left out."""
    return _with_digits(Decimal(value), DIGITS, ROUND_HALF_DOWN)


def _with_digits(number: Decimal, digits: int, rounding: str) -> Decimal:
    """The number with at most so many significant digits, and without zeros at its end."""
    return Context(prec=digits, rounding=rounding).plus(number).normalize()
