"""The functions that formulas may call, one row each: value, derivatives, arguments.

A printer writes a function as `name(a)`, or as its own table of spellings says. A new function
needs a row here, and a spelling in each printer that does not write it as `name(a)`.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bpsheet.formula import arithmetic

__all__ = ["FUNCTIONS", "MOST_ARGUMENTS", "Function"]

# A function takes at most so many arguments.
MOST_ARGUMENTS = 16


@dataclass(frozen=True)
class Function:
    """A function that formulas may call.

    value:        its value for numbers, as spreadsheets compute it
    over_complex: its value for complex numbers (see `bpsheet.formula.arithmetic`)
    derivatives:  a formula of `a` (and `b`) for each argument; empty for max and min
    arguments:    the least and the largest number of arguments
    spelled:      for a function that spreadsheets lack: a formula of `a` in functions they have
    guarded:      the same formula in a form that never overflows; it uses `a` twice
    """

    value: Callable[..., Any]
    over_complex: Callable[..., Any]
    derivatives: tuple[str, ...] = ()
    arguments: tuple[int, int] = (1, 1)
    spelled: str = ""
    guarded: str = ""


FUNCTIONS: Mapping[str, Function] = {
    "abs": Function(arithmetic.absolute, arithmetic.complex_absolute, ("sign(a)",)),
    "cos": Function(math.cos, cmath.cos, ("-sin(a)",)),
    "cosh": Function(math.cosh, cmath.cosh, ("sinh(a)",)),
    "erf": Function(math.erf, arithmetic.complex_erf, ("2/sqrt(pi())*exp(-a^2)",)),
    "exp": Function(math.exp, cmath.exp, ("exp(a)",)),
    "int": Function(arithmetic.floor, arithmetic.complex_floor, ("0",)),
    "ln": Function(math.log, cmath.log, ("1/a",)),
    # EXP(710) is an error in a spreadsheet, although 1/(1+e^710) is as good as 0.
    "logistic": Function(
        arithmetic.logistic,
        arithmetic.complex_logistic,
        ("logistic(a)*(1 - logistic(a))",),
        spelled="1/(1 + exp(-a))",
        guarded="if(a < -709, 0, 1/(1 + exp(-a)))",
    ),
    "max": Function(max, arithmetic.complex_largest, arguments=(2, MOST_ARGUMENTS)),
    "min": Function(min, arithmetic.complex_smallest, arguments=(2, MOST_ARGUMENTS)),
    "mod": Function(arithmetic.mod, arithmetic.complex_mod, ("1", "-int(a/b)"), arguments=(2, 2)),
    "pi": Function(arithmetic.pi, arithmetic.pi, arguments=(0, 0)),
    "relu": Function(
        arithmetic.relu, arithmetic.complex_relu, ("if(a > 0, 1, 0)",), spelled="max(0, a)"
    ),
    "sign": Function(arithmetic.sign, arithmetic.complex_sign, ("0",)),
    "sin": Function(math.sin, cmath.sin, ("cos(a)",)),
    "sinh": Function(math.sinh, cmath.sinh, ("cosh(a)",)),
    "sqrt": Function(math.sqrt, cmath.sqrt, ("1/(2*sqrt(a))",)),
    "tanh": Function(math.tanh, arithmetic.complex_tanh, ("1 - tanh(a)^2",)),
}
