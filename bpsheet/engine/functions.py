"""The functions of formulas for LLVM, with the bits of Python's."""

from __future__ import annotations

import math
from collections.abc import Callable

from bpsheet.engine.assembly import INFINITE, Assembly, Unsupported
from bpsheet.formula.arithmetic import LOWEST_SUM

__all__ = ["C_FUNCTIONS", "DECLARED", "OWN", "TWO", "Functions"]

# The functions of the C library, by their names in formulas; and those of two arguments.
C_FUNCTIONS = {
    "cos": "cos", "cosh": "cosh", "exp": "exp", "ln": "log", "sin": "sin", "sinh": "sinh",
    "tanh": "tanh",
}  # fmt: skip
TWO = ("pow", "fmod")
# LLVM would compute functions whose names it knows in a way of its own: pow(x, 2) as x * x.
OWN = "bpsheet_"
DECLARED = (
    *(f"declare double @{OWN}{name}(double)" for name in C_FUNCTIONS.values()),
    *(f"declare double @{OWN}{name}(double, double)" for name in TWO),
    *(f"declare double @llvm.{name}.f64(double)" for name in ("fabs", "floor", "sqrt")),
    "declare double @llvm.copysign.f64(double, double)",
    "declare double @llvm.fma.f64(double, double, double)",
)
# Whole numbers below this have exact products; and the least number that is not 0.
MOST_WHOLE, SMALLEST = 2.0**50, 5e-324
# A part of the leading bit, whose last place is 2^-52 of it; and the least square for which this holds.
CERTAIN, SMALLEST_SQUARE = 0.45 * 2.0**-52, 2.0**-900


class Functions(Assembly):
    """Writes calls of functions, and powers.

    squares: whether the C library's power is exact enough for most squares to be products
    """

    def __init__(self, *, squares: bool) -> None:
        super().__init__()
        self.squares = squares

    def power(self, base: str, exponent: float) -> str:
        """A power with the exponent 1, 2, 3 or 4."""
        if exponent == 1:
            return base
        size = self.op(f"call double @llvm.fabs.f64(double {self.watch(base)})")

        def careful() -> str:
            return self.op(f"call double @{OWN}pow(double {size}, double {self.number(exponent)})")

        whole = self._square(size, careful) if exponent == 2 and self.squares else careful()
        self.watch(whole)
        if exponent != 3:
            return whole
        # A comparison with 0 would lose the sign of -0.
        return self.op(f"call double @llvm.copysign.f64(double {whole}, double {base})")

    def _square(self, value: str, careful: Callable[[], str]) -> str:
        """A square, with the bits of the C library's power.

        That power is wrong by at most 0.54 of the last place, so it is the product, rounded, wherever the
        product's own rounding error is below 0.46 of that.
        """
        product = self.op(f"fmul double {value}, {value}")
        negative = self.op(f"fneg double {product}")
        error = self.op(
            f"call double @llvm.fma.f64(double {value}, double {value}, double {negative})"
        )
        size = self.op(f"call double @llvm.fabs.f64(double {error})")
        bits = self.op(f"bitcast double {product} to i64")
        leading = self.op(f"bitcast i64 {self.op(f'and i64 {bits}, {INFINITE}')} to double")
        bound = self.op(f"fmul double {leading}, {self.number(CERTAIN)}")
        is_near = self.op(f"fcmp olt double {size}, {bound}")
        # Below, the error itself would be rounded.
        is_large = self.op(f"fcmp ogt double {product}, {self.number(SMALLEST_SQUARE)}")
        return self.unless(self.op(f"and i1 {is_near}, {is_large}"), product, careful)

    def call(self, name: str, given: list[str]) -> str:
        """The value of a function. Raises Unsupported."""
        for value in given:
            self.watch(value)
        if name in C_FUNCTIONS:
            return self.watch(self.op(f"call double @{OWN}{C_FUNCTIONS[name]}(double {given[0]})"))
        zero = self.number(0.0)
        match name:
            case "sqrt":
                return self.watch(self.op(f"call double @llvm.sqrt.f64(double {given[0]})"))
            case "abs":
                return self.op(f"call double @llvm.fabs.f64(double {given[0]})")
            case "logistic":
                turned = self.op(f"fneg double {given[0]}")
                is_low = self.op(f"fcmp olt double {given[0]}, {self.number(LOWEST_SUM)}")
                # Where e^-z would overflow its value is not used.
                safe = self.op(f"select i1 {is_low}, double {zero}, double {turned}")
                power = self.op(f"call double @{OWN}exp(double {safe})")
                below = self.op(f"fadd double {self.number(1.0)}, {power}")
                whole = self.op(f"fdiv double {self.number(1.0)}, {below}")
                return self.op(f"select i1 {is_low}, double {zero}, double {whole}")
            case "int":
                return self.op(f"fadd double {self._floor(given[0])}, {zero}")
            case "mod":
                return self._remainder(*given)
            case "relu":
                return self._largest(zero, given[0], "ogt")
            case "sign":
                above = self.op(f"fcmp ogt double {given[0]}, {zero}")
                below = self.op(f"fcmp olt double {given[0]}, {zero}")
                up, down = (self.op(f"uitofp i1 {side} to double") for side in (above, below))
                return self.op(f"fsub double {up}, {down}")
            case "max" | "min":
                whole = given[0]
                for value in given[1:]:
                    whole = self._largest(whole, value, "ogt" if name == "max" else "olt")
                return whole
        raise Unsupported

    def _floor(self, value: str) -> str:
        return self.op(f"call double @llvm.floor.f64(double {value})")

    def _remainder(self, value: str, by: str) -> str:
        """The remainder of a division, with the sign of the divisor."""
        zero = self.number(0.0)
        self.within(self.op(f"call double @llvm.fabs.f64(double {by})"), SMALLEST, math.inf)
        tests = [f"fcmp oge double {value}, {zero}", f"fcmp ogt double {by}, {zero}"]
        tests += [f"fcmp olt double {number}, {self.number(MOST_WHOLE)}" for number in (value, by)]
        tests += [f"fcmp oeq double {n}, {self._floor(n)}" for n in (value, by)]
        is_whole = "true"
        for test in tests:
            is_whole = self.op(f"and i1 {is_whole}, {self.op(test)}")
        parts = self._floor(self.op(f"fdiv double {value}, {by}"))
        quick = self.op(f"fsub double {value}, {self.op(f'fmul double {parts}, {by}')}")

        def careful() -> str:
            one = self.number(1.0)
            sign = self.op(f"call double @llvm.copysign.f64(double {one}, double {by})")
            left = self.op(f"call double @{OWN}fmod(double {value}, double {by})")
            is_other = self.op(f"fcmp olt double {self.op(f'fmul double {left}, {sign}')}, {zero}")
            moved = self.op(f"fadd double {left}, {by}")
            whole = self.op(f"select i1 {is_other}, double {moved}, double {left}")
            is_none = self.op(f"fcmp oeq double {left}, {zero}")
            none = self.op(f"call double @llvm.copysign.f64(double {zero}, double {by})")
            return self.op(f"select i1 {is_none}, double {none}, double {whole}")

        return self.unless(is_whole, quick, careful)

    def _largest(self, first: str, second: str, sign: str) -> str:
        """Of equal numbers, 0 and -0, the first one, as Python has it."""
        is_more = self.op(f"fcmp {sign} double {second}, {first}")
        return self.op(f"select i1 {is_more}, double {second}, double {first}")
