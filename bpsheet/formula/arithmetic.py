"""The arithmetic of formulas: one function for each that a formula may call, as spreadsheets compute it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["ENVIRONMENT", "FUNCTION_NAMES", "LOWEST_SUM"]


# Below this, 1/(1 + EXP(-z)) is an error in a spreadsheet, and 0 as far as numbers go.
LOWEST_SUM = -709.0


def _finite(value: float) -> float:
    """Raise where a spreadsheet would: in the middle of a formula too."""
    if math.isfinite(value):
        return value
    raise OverflowError


def _power(base: float, exponent: float) -> float:
    """As Excel has it: 0^0 is an error there, and (-8)^(1/3) is -2."""
    if base == 0 == exponent:
        raise ValueError
    if base < 0 and 0 < abs(exponent) < 1 and (1 / exponent) % 2 == 1:
        return -math.pow(-base, exponent)
    return math.pow(base, exponent)


def _logistic(z: float) -> float:
    return 0.0 if z < LOWEST_SUM else 1.0 / (1.0 + math.exp(-z))


def _relu(z: float) -> float:
    return max(0.0, z)


def _sign(z: float) -> float:
    return float((z > 0.0) - (z < 0.0))


# What the generated code may call.
ENVIRONMENT: Mapping[str, Callable[..., Any]] = {
    "cos": math.cos,
    "exp": math.exp,
    "fabs": math.fabs,
    "finite": _finite,
    "floor": lambda value: float(math.floor(value)),
    "log": math.log,
    "logistic": _logistic,
    "power": _power,
    "pi": lambda: math.pi,
    "relu": _relu,
    "sign": _sign,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "max": max,
    "min": min,
}

FUNCTION_NAMES = {
    "abs": "fabs",
    "cos": "cos",
    "exp": "exp",
    "int": "floor",
    "ln": "log",
    "logistic": "logistic",
    "max": "max",
    "min": "min",
    "pi": "pi",
    "relu": "relu",
    "sign": "sign",
    "sin": "sin",
    "sqrt": "sqrt",
    "tanh": "tanh",
}
