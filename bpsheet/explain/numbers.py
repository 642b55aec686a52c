"""Numbers as an explanation prints them: rounded once, from the exact value."""

from __future__ import annotations

import math

__all__ = ["rounded"]

# Outside these exponents a power of ten is easier to read than zeros.
SMALL, LARGE = -4, 6


def rounded(value: float, digits: int = 4, *, given: bool = False) -> str:
    """A value, rounded to `digits` significant digits.

    A whole number stays whole, and a `given` number has no zeros at its end. A rounded number
    keeps its zeros: they show how exact it is.

    >>> rounded(-0.25000000000000006), rounded(0.3, given=True), rounded(8.0)
    ('-0.2500', '0.3', '8')
    >>> rounded(0.0000664009), rounded(123456.7), rounded(0.00066400, 2)
    ('6.640e-5', '123457', '0.00066')
    """
    if value == 0:
        return "0"
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if not SMALL <= exponent < max(LARGE, digits):
        if given or value == float(f"{value:.0e}"):
            mantissa = _short(mantissa)
        return f"{mantissa}e{exponent}"
    text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    if given:
        return _short(text)
    # The exact value decides: 3.0 is printed as 3, but 3.00001 with four digits as 3.000.
    return _short(text) if value == math.trunc(value) else text


def _short(text: str) -> str:
    """A number without zeros at the end of its decimals."""
    return text.rstrip("0").rstrip(".") if "." in text else text
