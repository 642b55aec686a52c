"""The formulas behind the live marks, which judge typed answers by their digits in the sheet.

Each step has its own cell on the sheet of answers. The formulas turn text into numbers digit by
digit, since VALUE("0.25") is another number, or none, where the comma is the decimal sign.
"""

from __future__ import annotations

from bpsheet.hand.numbers import decimals_needed

__all__ = ["BLANK_VALUES", "NOT_YET", "RIGHT", "SHORT", "UNREADABLE", "mark_formulas"]

RIGHT, NOT_YET, SHORT, UNREADABLE = "✓", "✗", "…", "?"

# The type and value of a formula before anything is typed, by its column. Other columns hold
# empty text.
BLANK_VALUES = {"D": ("str", "0"), "F": ("str", "0"), "H": ("b", "0")}

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


def mark_formulas(sheet: str, row: int, answer: float, digits: int) -> dict[str, str]:
    """The formulas of one row, by their columns. The last one gives the mark.

    The exact answer stands in column A of the same row.
    """
    typed = f"{sheet}!$B${row}"
    # A cell whose format was changed holds a number, whose decimal sign may be a comma.
    text = f'IF(ISNUMBER({typed}),SUBSTITUTE({typed}&"",",","."),{typed}&"")'
    for sign in MINUS:
        text = f'SUBSTITUTE({text},"{sign}","-")'
    text = f'IF(ISBLANK({typed}),"",UPPER({_removed(text, SPACES)}))'
    need = decimals_needed(answer, digits)
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
        "K": (
            f'IF(B#="","",IF(NOT(H#),"{UNREADABLE}",'
            f'IF(ABS(J#-A#*10^I#)>{HALF},"{NOT_YET}",'
            f'IF(I#>={need},"{RIGHT}",'
            f'IF(ABS(J#*10^({need}-I#)-A#*10^{need})<={HALF},"{RIGHT}",'
            f'IF(J#=0,"{NOT_YET}","{SHORT}"))))))'
        ),
    }
    return {letter: "=" + formula.replace("#", str(row)) for letter, formula in formulas.items()}
