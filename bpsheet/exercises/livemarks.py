"""The formulas behind the live marks, which judge typed answers by their digits in the sheet.

Each step has its own cell on the sheet of answers. The formulas turn text into numbers digit by
digit, since VALUE("0.25") is another number, or none, where the comma is the decimal sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bpsheet.hand.numbers import decimals_needed

__all__ = [
    "BLANK_VALUES",
    "CANDIDATES",
    "HALF",
    "NOT_YET",
    "RIGHT",
    "SHORT",
    "UNREADABLE",
    "Candidate",
    "mark_formulas",
]

RIGHT, NOT_YET, SHORT, UNREADABLE = "✓", "✗", "…", "?"

# The type and value of a formula before anything is typed, by its column. Other columns hold
# empty text.
BLANK_VALUES = {
    "D": ("str", "0"),
    "F": ("str", "0"),
    "H": ("b", "0"),
    **dict.fromkeys("RSTUVWX", ("b", "0")),
    **dict.fromkeys(("AC", "AD", "AE"), ("b", "0")),
    "AB": ("n", "0"),
}


class Candidate(NamedTuple):
    """A value with which a typed number may agree: its column, and those of how many decimals show
    the digits that are asked, of whether the number agrees, and of whether it shows enough of it.

    `is_known` says that the value is known to its last digit.
    """

    value: str
    decimals: str
    agrees: str
    shows: str
    is_known: bool = True


# The exact value; what follows from the numbers as typed, without rounding, and with some rounding.
CANDIDATES = (
    Candidate("A", "", "R", "U"),
    Candidate("L", "P", "S", "V"),
    Candidate("N", "Q", "T", "W"),
    Candidate("AA", "AB", "AC", "AD", is_known=False),
)

# Half a unit of the last digit, with a tolerance for binary rounding.
HALF = "0.500000001"
MINUS = "−–‒﹣－"
SPACES = (" ", "\u00a0", "\u2009", "\u202f")


def _removed(text: str, signs: tuple[str, ...] | str) -> str:
    for sign in signs:
        text = f'SUBSTITUTE({text},"{sign}","")'
    return text


def _number(text: str) -> str:
    """A formula that is true for a text of digits alone."""
    return f'AND(LEN({text})>0,{_removed(text, "0123456789")}="")'


def mark_formulas(
    sheet: str, row: int, answer: float, digits: int, sources: Sequence[int]
) -> dict[str, str]:
    """The formulas of one row, by their columns. That in column K gives the mark.

    The exact answer stands in column A of the same row. `sources` are the rows of the answers from
    which this one follows; what follows stands in L and N, half of what rounding may move it in Y.
    """
    follows = bool(sources)
    typed = f"{sheet}!$B${row}"
    # A cell whose format was changed holds a number, whose decimal sign may be a comma.
    text = f'IF(ISNUMBER({typed}),SUBSTITUTE({typed}&"",",","."),{typed}&"")'
    for sign in MINUS:
        text = f'SUBSTITUTE({text},"{sign}","-")'
    text = f'IF(ISBLANK({typed}),"",UPPER({_removed(text, SPACES)}))'
    formulas = {
        # The typed text (B), its mantissa (C, without sign E) and power of ten (D, without sign F),
        # the mantissa's digits (G), and whether the text is a number (H).
        "B": text,
        "C": 'IF(ISNUMBER(FIND("E",B#)),LEFT(B#,FIND("E",B#)-1),B#)',
        "D": 'IF(ISNUMBER(FIND("E",B#)),MID(B#,FIND("E",B#)+1,9),"0")',
        "E": 'IF(OR(LEFT(C#,1)="-",LEFT(C#,1)="+"),MID(C#,2,99),C#)',
        "F": 'IF(OR(LEFT(D#,1)="-",LEFT(D#,1)="+"),MID(D#,2,9),D#)',
        "G": 'SUBSTITUTE(E#,".","",1)',
        "H": f"AND({_number('G#')},{_number('F#')},LEN(G#)<16,LEN(F#)<3)",
        # The decimals of the number (I), and its digits as a whole number (J).
        "I": 'IF(H#,IF(ISNUMBER(FIND(".",E#)),LEN(E#)-FIND(".",E#),0)-VALUE(D#),"")',
        "J": 'IF(H#,VALUE(G#)*IF(LEFT(C#,1)="-",-1,1),"")',
    }
    candidates = CANDIDATES if follows else CANDIDATES[:1]
    for one in candidates:
        formulas |= _agreement(one, digits, answer)
    right = ",".join(f"{one.shows}#" for one in candidates)
    near = ",".join(f"{one.agrees}#" for one in candidates)
    if follows:
        # Nothing follows from a number with too few digits (X). Of all that follows with some rounding
        # what is nearest to the number (AA); a span wider than the number would confirm anything.
        formulas["X"] = f"OR({','.join(f'AE{source}' for source in sources)})"
        number = "J#/10^I#"
        formulas["AA"] = (
            f'IF(AND(H#,ISNUMBER(L#)),IF(2*Y#<ABS({number}),MAX(L#-Y#,MIN(L#+Y#,{number})),""),"")'
        )
    # Whether too few digits lead on from here: of this number, or of those before a blank (AE). A 0
    # may be what a mistake gives.
    before = "X#" if follows else "FALSE"
    formulas["AE"] = f"IF(H#,AND(J#<>0,OR({near}),NOT(OR({right}))),{before})"
    formulas["K"] = (
        f'IF(B#="","",IF(NOT(H#),"{UNREADABLE}",IF(OR({right}),"{RIGHT}",'
        f'IF(AE#,"{SHORT}","{NOT_YET}"))))'
    )
    return {letter: "=" + formula.replace("#", str(row)) for letter, formula in formulas.items()}


def _agreement(one: Candidate, digits: int, answer: float) -> dict[str, str]:
    """The formulas that compare a typed number with a value, by their columns."""
    value, agrees = f"{one.value}#", f"{one.agrees}#"
    found = {
        one.agrees: f"IF(AND(H#,ISNUMBER({value})),ABS(J#-{value}*10^I#)<={HALF},FALSE)",
    }
    if one.decimals:
        decimals, is_sure = f"{one.decimals}#", f"AND({agrees},NOT(X#))"
        found[one.decimals] = (
            f"IF(ISNUMBER({value}),IF({value}=0,0,MAX(0,{digits - 1}-INT(LOG10(ABS({value}))))),0)"
        )
    else:
        decimals, is_sure = str(decimals_needed(answer, digits)), agrees
    # Zeros at the end may be missing, but only of a value whose zeros are known.
    fewer = f"ABS(J#)>={10 ** (digits - 1)}"
    if one.is_known:
        fewer = f"ABS(J#*10^({decimals}-I#)-{value}*10^{decimals})<={HALF}"
    found[one.shows] = (
        f"IF({is_sure},IF(AND(J#=0,{value}<>0),FALSE,IF(I#>={decimals},TRUE,{fewer})),FALSE)"
    )
    return found
