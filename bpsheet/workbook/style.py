"""How a sheet looks: colours, fonts, number formats, widths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from openpyxl.formatting.rule import ColorScale, FormatObject, Rule
from openpyxl.styles import Alignment, Border, Color, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.styles.numbers import NumberFormat

from bpsheet.program.kinds import Phase, Role

__all__ = [
    "BANDS",
    "BODY",
    "BORDER",
    "COUNTS",
    "HEADER_ALIGNMENT",
    "INPUT_FILL",
    "INPUT_FONT",
    "LABEL",
    "MONOSPACE",
    "NOTE",
    "RULE",
    "RULES",
    "SCIENTIFIC",
    "SECTION",
    "SIZE",
    "TITLE",
    "alignment",
    "colour_scale",
    "column_width",
    "look",
    "number_format",
    "solid",
    "typed_format",
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
    Phase.UPDATE: ("2F6B4F", "DDF0E5"),
    Phase.TEST: ("5B5B5B", "ECECEC"),
    Phase.CHECK: ("9D3E6B", "F8E0EB"),
    Phase.TANGENT: ("0F6A73", "D9F0F2"),
    Phase.CURVATURE: ("8A3B12", "FBE3D6"),
}
BAND_FONT = Font(name=FAMILY, size=11, bold=True, color="FFFFFF")
HEADER_FONT = Font(name=FAMILY, size=11, bold=True, color="1F2937")
HEADER_ALIGNMENT = Alignment(horizontal="center", vertical="center", wrap_text=True)
BORDER = Border(bottom=Side("medium", color="94A3B8"))
# A hairline between the lines of a table.
RULE = Border(bottom=Side("hair", color="94A3B8"))
# A thin line where a group of columns begins.
GROUP_EDGE = Border(left=Side("thin", color="94A3B8"))

GREEN = Font(color="1B7A3D")
RED = Font(color="B42318")


SCIENTIFIC = "0.0000E+00"
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


def number_format(role: Role, largest: float, *, whole: bool) -> str:
    """The number format of a column.

    Whole numbers are shown as they are, others with six decimals or, where six decimals show
    them badly, with a power of ten. Counts and data are shown as they are, adjustments always
    with their sign. `largest` is the size of the largest value; `whole` says whether all values
    are whole numbers.
    """
    if role in COUNTED or role in (Role.DATA, Role.TARGET, Role.STEP):
        return "General"
    if largest < 1e6 and whole:
        digits = "General"  # shows the digits of fractions too, after an input has changed
    else:
        digits = "0.000000" if 1e-4 <= largest < 1e6 else SCIENTIFIC
    if role is Role.ADJUSTMENT:
        return f"+{digits};-{digits};{digits}"
    return digits


def typed_format(value: float, shape: str) -> str:
    """The format of a typed number: as typed, unless it is long (a randomly drawn weight)."""
    return "General" if len(repr(value)) <= 8 else shape


def alignment(role: Role) -> Alignment:
    """The alignment of a column: counts and words in the middle, numbers to the right."""
    if role in COUNTED:
        return Alignment(horizontal="center")
    return Alignment(horizontal="right")


def column_width(name: str, role: Role, shape: str, words: Sequence[str] = ()) -> float:
    """A column's width in characters: it shows the values and wraps the header at its spaces."""
    least = 9.5 if role in COUNTED else 15.0 if SCIENTIFIC in shape else 12.0
    longest = max(len(word) for word in [*name.split(), *words])
    return float(max(least, min(max(longest + 2.5, len(name) / 2 + 3), 28)))
