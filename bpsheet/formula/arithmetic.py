"""The arithmetic of formulas, as spreadsheets do it: over numbers, and over complex numbers.

A function raises OverflowError or ValueError where a cell would show #NUM!, and
ZeroDivisionError where it would show #DIV/0!. The complex functions are for the complex step:
comparisons look at the real part only, and the imaginary part carries the derivative.
"""

from __future__ import annotations

import cmath
import math
import operator
from functools import reduce
from typing import Any

__all__ = [
    "LOWEST_SUM",
    "absolute",
    "added",
    "complex_absolute",
    "complex_erf",
    "complex_finite",
    "complex_floor",
    "complex_largest",
    "complex_logistic",
    "complex_mod",
    "complex_power",
    "complex_relu",
    "complex_sign",
    "complex_smallest",
    "complex_tanh",
    "finite",
    "floor",
    "logistic",
    "mod",
    "pi",
    "power",
    "real",
    "relu",
    "sign",
]

# Below this z, 1/(1 + EXP(-z)) is an error in a spreadsheet, and its value rounds to 0.
LOWEST_SUM = -709.0
absolute = math.fabs


def finite(value: float) -> float:
    """The value itself. An infinity or NaN raises OverflowError, also in the middle of a formula."""
    if math.isfinite(value):
        return value
    raise OverflowError


def added(*terms: Any) -> Any:
    """The terms added from left to right, each sum rounded as a chain of + rounds it."""
    return reduce(operator.add, terms)


def power(base: float, exponent: float) -> float:
    """A power as Excel computes it: 0^0 is an error, and (-8)^(1/3) is -2."""
    if base == 0 == exponent:
        raise ValueError
    if base < 0 and 0 < abs(exponent) < 1 and (1 / exponent) % 2 == 1:
        return -math.pow(-base, exponent)
    return math.pow(base, exponent)


def floor(value: float) -> float:
    """The largest whole number that is not above the value."""
    return float(math.floor(value))


def mod(value: float, by: float) -> float:
    """The remainder of a division. It has the sign of the divisor."""
    return value % by


def logistic(z: float) -> float:
    """1/(1 + e^−z), and 0 where e^−z would overflow."""
    return 0.0 if z < LOWEST_SUM else 1.0 / (1.0 + math.exp(-z))


def relu(z: float) -> float:
    """z where it is positive, else 0."""
    return max(0.0, z)


def sign(z: float) -> float:
    """1, 0 or −1."""
    return float((z > 0.0) - (z < 0.0))


def pi() -> float:
    """The number π."""
    return math.pi


def real(value: Any) -> float:
    """The real part."""
    return float(value.real)


def complex_finite(value: complex) -> complex:
    """As `finite`."""
    if cmath.isfinite(value):
        return value
    raise OverflowError


def complex_power(base: complex, exponent: complex) -> complex:
    """As `power`. A negative base needs an exponent without imaginary part."""
    if not exponent.imag and not base.imag:
        return complex(power(base.real, exponent.real))
    if not exponent.imag:
        whole = power(base.real, exponent.real)
        return complex(whole, exponent.real * whole / base.real * base.imag)
    return base**exponent


def complex_mod(value: complex, by: complex) -> complex:
    """As `mod`: between its jumps the slopes are 1 and minus the whole quotient."""
    rest = mod(value.real, by.real)
    return complex(rest, value.imag - floor(value.real / by.real) * by.imag)


def complex_absolute(z: complex) -> complex:
    """z, or −z where its real part is negative."""
    return -z if z.real < 0 else z


def complex_floor(z: complex) -> float:
    """As `floor`."""
    return floor(z.real)


def complex_largest(*numbers: complex) -> complex:
    """The number with the largest real part."""
    return max(numbers, key=real)


def complex_smallest(*numbers: complex) -> complex:
    """The number with the smallest real part."""
    return min(numbers, key=real)


def complex_logistic(z: complex) -> complex:
    """As `logistic`, with the slope y(1 − y)."""
    y = logistic(z.real)
    return complex(y, y * (1 - y) * z.imag)


def complex_relu(z: complex) -> complex:
    """As `relu`."""
    return z if z.real > 0 else 0j


def complex_sign(z: complex) -> float:
    """As `sign`."""
    return sign(z.real)


def complex_tanh(z: complex) -> complex:
    """tanh with the slope 1 − t². For large z, the slope of cmath's own tanh is not reliable."""
    t = math.tanh(z.real)
    return complex(t, (1 - t * t) * z.imag)


def complex_erf(z: complex) -> complex:
    """The error function with the slope 2/√π · e^(−x²)."""
    slope = 2 / math.sqrt(math.pi) * math.exp(-z.real * z.real)
    return complex(math.erf(z.real), slope * z.imag)
