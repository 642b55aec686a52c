"""What engines are known to do otherwise than the run, each with its reason: the one place for it.

The run follows the arithmetic of processors and the errors of Excel. `tests/agreement` tells by
these rows what is wrong from what is known.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ARRAYS_IN_PASSES",
    "CALCULATES_ON",
    "FEWER_DIGITS_OF_ERF",
    "LONGER_NUMBERS",
    "NEARLY_EQUAL",
    "NO_ERF",
    "NO_MATRICES",
    "NO_SUBNORMALS",
    "OTHER_TEXTS",
    "POWER_OF_ZERO",
    "SMALL_DIFFERENCE",
    "Deviation",
]


@dataclass(frozen=True)
class Deviation:
    """Something that an engine does otherwise.

    what:            what it does
    why:             the reason
    is_about_errors: whether an error stands where a number should, or a number where an error should
    """

    what: str
    why: str
    is_about_errors: bool = False


CALCULATES_ON = Deviation(
    "calculates on with infinity where an error begins in the middle of a formula: `1/(1+EXP(800))` is 0",
    "it looks for errors in the result of a formula; Excel looks in that of each part",
    is_about_errors=True,
)
LONGER_NUMBERS = Deviation(
    "calculates with numbers of 80 bits: an overflow begins at 1E+4932 instead of 1E+308, and numbers "
    "on the way there, and small differences, differ from the tenth digit on",
    "it was built so, for exact last digits",
    is_about_errors=True,
)
POWER_OF_ZERO = Deviation(
    "takes `0^0` for 1", "mathematics has both; Excel has an error there", is_about_errors=True
)
NEARLY_EQUAL = Deviation(
    "takes numbers as equal that agree in about 15 digits: `0.1+0.2=0.3` is true",
    "fractions that people type are no binary numbers; Excel does so, too",
)
SMALL_DIFFERENCE = Deviation(
    "takes a difference for 0 that is less than 2^-48 of what is subtracted from: "
    "`1-0.9999999999999996` is 0",
    "people expect `0.3-0.2-0.1` to be 0; Excel does so where the difference ends a formula",
)
NO_SUBNORMALS = Deviation(
    "takes numbers below 2.3E-308 for 0", "Excel has no such numbers", is_about_errors=True
)
OTHER_TEXTS = Deviation(
    'joins small numbers to a text in other digits: `6.25E-08&""` is 6.25e-08, as on the sheet '
    "Walkthrough",
    "it has a notation of its own",
)
ARRAYS_IN_PASSES = Deviation(
    "calculates arrays that look at arrays further down in a second pass only, as on the sheet Matrices",
    "its order follows the sheet; `verify` asks for four passes",
)
NO_ERF = Deviation(
    "knows no ERF, which the activation gelu takes",
    "version 0.2 does not have the function",
    is_about_errors=True,
)
FEWER_DIGITS_OF_ERF = Deviation(
    "has ten digits of ERF, which the activation gelu takes; a rule such as adam, which divides a gradient "
    "by its size, makes more of the difference",
    "it approximates the function, least well between 0.5 and 1",
)
NO_MATRICES = Deviation(
    "knows no MMULT: the sheet Matrices holds errors, or the engine gives up",
    "version 0.13 does not have the function",
    is_about_errors=True,
)
