"""How a sheet looks: colours, fonts, number formats, widths."""

from __future__ import annotations

import functools
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from openpyxl.formatting.rule import ColorScale, FormatObject, Rule
from openpyxl.styles import Alignment, Border, Color, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat

from bpsheet.program.kinds import Phase, Role

__all__ = [
    "BANDS",
    "BODY",
    "BORDER",
    "COLUMN_FONT",
    "COUNTS",
    "HEADER_ALIGNMENT",
    "INPUT_FILL",
    "INPUT_FONT",
    "LABEL",
    "MONOSPACE",
    "NOTE",
    "NUMBER_FONT",
    "RULE",
    "RULES",
    "SCIENTIFIC",
    "SECTION",
    "SIZE",
    "TITLE",
    "TYPED_FONT",
    "alignment",
    "colour_scale",
    "column_width",
    "data_format",
    "header_lines",
    "look",
    "number_format",
    "solid",
]

FAMILY = "Calibri"
TITLE = Font(name=FAMILY, size=15, bold=True, color="1F2937")
SECTION = Font(name=FAMILY, size=12, bold=True, color="1F2937")
NOTE = Font(name=FAMILY, size=10, color="4B5563")
BODY = Font(name=FAMILY, size=11)
LABEL = Font(name=FAMILY, size=11, bold=True)
MONOSPACE = Font(name="Consolas", size=10)

# Input cells, as financial models mark them: blue on a pale fill.
INPUT_FONT = Font(name=FAMILY, size=11, color="0000FF")


def solid(colour: str) -> PatternFill:
    """A fill of one colour (RRGGBB)."""
    return PatternFill("solid", start_color=colour, end_color=colour)


INPUT_FILL = solid("FFF9E5")

# Each group of columns: the band's colour above, the header's below it.
BANDS: Mapping[Phase, tuple[str, str]] = {
    Phase.INPUT: ("475569", "E2E8F0"),
    Phase.WEIGHT: ("92600A", "FDEBC8"),
    Phase.FORWARD: ("1D5FA8", "DCEBFA"),
    Phase.BACKWARD: ("7A3E9D", "EEE0F6"),
    Phase.GRADIENT: ("9D3E6B", "F8E0EB"),
    Phase.VALIDATION: ("0F6A73", "D9F0F2"),
    Phase.UPDATE: ("2F6B4F", "DDF0E5"),
    Phase.TEST: ("5B5B5B", "ECECEC"),
    Phase.CHECK: ("9D3E6B", "F8E0EB"),
    Phase.TANGENT: ("0F6A73", "D9F0F2"),
    Phase.CURVATURE: ("8A3B12", "FBE3D6"),
}
BAND_FONT = Font(name=FAMILY, size=11, bold=True, color="FFFFFF")
HEADER_FONT = Font(name=FAMILY, size=11, bold=True, color="1F2937")
# On a sheet of rows: the names of many narrow columns, and the numbers below them.
COLUMN_FONT = Font(name=FAMILY, size=9, bold=True, color="1F2937")
NUMBER_FONT = Font(name=FAMILY, size=10)
TYPED_FONT = Font(name=FAMILY, size=10, color="0000FF")
HEADER_ALIGNMENT = Alignment(horizontal="center", vertical="center", wrap_text=True)
BORDER = Border(bottom=Side("medium", color="94A3B8"))
# A hairline between the lines of a table.
RULE = Border(bottom=Side("hair", color="94A3B8"))
# A thin line where a group of columns begins.
GROUP_EDGE = Border(left=Side("thin", color="94A3B8"))

GREEN = Font(color="1B7A3D")
RED = Font(color="B42318")


# The least width of a column, and the longest word of a header that stands in one line, in characters.
LEAST_WIDTH, LONG_NAME = 4.2, 11
# The width of a header's character: bold, and smaller than the font in which widths are counted.
BOLD = 0.93

SCIENTIFIC = "0.000E+00"
# A number format for a size of any magnitude.
SIZE = f"[>=0.0001]0.000000;[>0]{SCIENTIFIC};0"


def _rule(operator: Literal["equal", "greaterThan", "lessThan"], formula: str, font: Font) -> Rule:
    return Rule(
        type="cellIs",
        operator=operator,
        formula=[formula],
        dxf=DifferentialStyle(font=font),
    )


# Positive numbers are green, negative ones red. The sign is printed too, for colour-blind readers.
RULES: Mapping[Role, tuple[Rule, ...]] = {
    Role.ADJUSTMENT: (
        _rule("greaterThan", "0", GREEN),
        _rule("lessThan", "0", RED),
    ),
    Role.VERDICT: (
        _rule("equal", '"Correct"', GREEN),
        _rule("equal", '"Incorrect"', RED),
    ),
}

LOOKS: Mapping[str, DifferentialStyle] = {
    "marked": DifferentialStyle(fill=solid("FDE68A"), font=Font(bold=True)),
    "faint": DifferentialStyle(font=Font(color="A3A3A3")),
    "unseen": DifferentialStyle(numFmt=NumberFormat(200, ";;;")),
}


def look(kind: str, condition: str) -> Rule:
    """The look of cells where a condition holds."""
    return Rule(type="expression", formula=[condition], dxf=LOOKS[kind])


# These columns hold words.
WORDS = frozenset({Role.VERDICT, Role.DIRECTION})
# Of these the size of the smallest value counts, too.
LOSSES = frozenset({Role.LOSS, Role.VALIDATION_LOSS})

# These columns count by themselves and are no inputs.
COUNTS = frozenset({Role.ITERATION, Role.MOVED})
COUNTED = COUNTS | {
    Role.EPOCH,
    Role.EXAMPLE,
    Role.BATCH_ROW,
    Role.BATCH_END,
    Role.VERDICT,
    Role.DIRECTION,
}


# Fills on which black numbers can be read: paler than the green and red of words.
PALE_GREEN, PALE_RED = "7CC99A", "F29F93"


def colour_scale(largest: str) -> Rule:
    """A scale from red (minus the largest) through white (0) to green (the largest).

    `largest` is a cell or a formula.
    """
    ends = [
        FormatObject(type="formula", val=f"-{largest}"),
        FormatObject(type="num", val=0),
        FormatObject(type="formula", val=largest),
    ]
    colours = [Color(colour) for colour in (PALE_RED, "FFFFFF", PALE_GREEN)]
    return Rule(type="colorScale", colorScale=ColorScale(cfvo=ends, color=colours))


def number_format(role: Role, largest: float, *, whole: bool, lowest: float = 0.0) -> str:
    """The number format of a column: one for all its numbers, whatever their size.

    Whole numbers are shown as they are. Others have as many decimals as give the largest four
    digits, or a power of ten where it is very large or very small. A loss falls by powers of ten, so
    that its smallest value counts, too. Adjustments always show their sign.

    largest: the size of the largest value
    lowest:  the lowest value, of a column without negative values
    whole:   whether all values are whole numbers

    >>> number_format(Role.OUTPUT, 0.73, whole=False)
    '0.0000'
    >>> number_format(Role.ADJUSTMENT, 0.0061, whole=False)
    '+0.000000;-0.000000;0.000000'
    >>> number_format(Role.LOSS, 0.5, whole=False, lowest=3e-9)
    '0.000E+00'
    """
    if role in COUNTED or role is Role.STEP:
        return "General"
    if largest < 1e6 and whole:
        digits = "General"  # shows the digits of fractions too, after an input has changed
    else:
        smallest = lowest if role in LOSSES and lowest > 0 else largest
        digits = _digits(largest, smallest)
    if role is Role.ADJUSTMENT:
        return f"+{digits};-{digits};{digits}"
    return digits


def _digits(largest: float, smallest: float) -> str:
    if not 1e-3 <= largest < 1e6 or smallest < 1e-6:
        return SCIENTIFIC
    decimals = max(4, 3 - math.floor(math.log10(largest)), 1 - math.floor(math.log10(smallest)))
    # A number of some size has no more digits than its column has room for.
    return "0." + "0" * (min(decimals, 6) if largest < 100 else 2)


def data_format(values: npt.ArrayLike) -> str:
    """The number format of an input or target: the decimals that the data have, and room for more.

    >>> data_format([5.1, 3.0]), data_format([0, 1]), data_format([0.123456])
    ('0.0###', 'General', '0.0000')
    """
    data = np.asarray(values, dtype=float)
    data = data[np.isfinite(data)]
    largest = float(np.abs(data).max(initial=0.0))
    whole = bool((data == np.floor(data)).all())
    if whole or not 1e-3 <= largest < 1e6:
        return number_format(Role.VALUE, largest, whole=whole)
    for decimals in range(1, 5):
        scaled = data * 10**decimals
        if np.allclose(scaled, np.round(scaled), rtol=0, atol=1e-6):
            return "0." + "0" * decimals + "#" * (4 - decimals)
    return _digits(largest, largest)


@functools.cache
def alignment(role: Role, *, header: bool = False) -> Alignment:
    """The alignment of a column and its header: words in the middle, numbers to the right."""
    across = "center" if role in WORDS else "right"
    return Alignment(horizontal=across, vertical="bottom" if header else None, wrap_text=header)


def column_width(
    name: str, role: Role, shape: str, largest: float, *, signed: bool, words: Sequence[str] = ()
) -> float:
    """A column's width in characters: it shows the values, and a short name in one line."""
    header = max(map(len, name.split()), default=0)
    has_sign = signed or role is Role.ADJUSTMENT
    return _width(shape, len(f"{largest:.0f}"), has_sign, tuple(words), header)


@functools.cache
def _width(shape: str, digits: int, has_sign: bool, words: Sequence[str], header: int) -> float:  # noqa: FBT001 - as `cache` wants it
    """The width of a column by the digits before its point and the length of its header.

    Thousands of columns have hardly a hundred widths.
    """
    parts = shape.rsplit(";", maxsplit=1)[-1]
    if SCIENTIFIC in shape:
        longest = len(SCIENTIFIC)
    elif parts == "General":
        longest = digits
    else:
        longest = len(parts.replace("#", "")) + max(0, digits - 1)
    longest = max([longest + has_sign, *map(len, words)])
    return round(max(LEAST_WIDTH, 0.95 * longest + 1, BOLD * min(header, LONG_NAME) + 0.7), 1)


def header_lines(name: str, width: float) -> int:
    """The lines that a header takes in a column; a word that is longer than a line is broken."""
    return len(textwrap.wrap(name, int((width - 0.7) / BOLD), break_on_hyphens=False))
