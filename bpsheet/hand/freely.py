"""Numbers as they come back on a sheet: each is read where only one reading is possible.

The sign before the decimals is told from the whole sheet. Fractions, percents, powers of ten and what
people write before a number are read as what they are.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from bpsheet.hand.numbers import (
    MAX_LENGTH,
    MINUS,
    SPACES,
    NotANumber,
    Written,
    computed,
    read_number,
)

__all__ = ["decimal_sign", "read_freely", "read_together"]

Key = TypeVar("Key", bound=Hashable)
Read = Written | NotANumber

# What may stand before a number: z =, δ_f ≈, f'(z): and the like, or such a sign alone.
BEFORE = re.compile(r"(?:[^\W\d][^=≈≃≅~:]{0,40})?[=≈≃≅~:]+\s*")
# What may follow it.
AFTER = re.compile(r"\s*(?:…|\.\.\.)$")
SUPERSCRIPTS = str.maketrans("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "+-0123456789")
RAISED = re.compile(r"10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)$")
POWER = re.compile(r"([+-]?)10\s*(?:\^|\*\*)\s*[({]?\s*([+-]?[0-9]{1,3})\s*[)}]?", re.ASCII)
FRACTION = re.compile(r"([+-]?[0-9.,]{1,20})\s*[/⁄∕]\s*([0-9.,]{1,20})", re.ASCII)
VULGAR = re.compile(r"([+-]?)([¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])")
PERCENT = re.compile(r"(.+?)\s*%")
THOUSANDS = re.compile(
    r"[+-]?[1-9][0-9]{0,2}(?:([,.'’])[0-9]{3})(?:\1[0-9]{3})*([.,][0-9]+)?", re.ASCII
)
# A comma or a point that may stand before decimals or before three digits of a thousand.
TWO_WAYS = re.compile(r"[+-]?[1-9][0-9]{0,2}[,.][0-9]{3}", re.ASCII)
ONE_SIGN = re.compile(r"[+-]?[0-9]*[,.][0-9]+(?![0-9.,])", re.ASCII)
# A fraction is exact: it claims all digits of a float.
EXACT = 1e-12
# The numbers of the days from 2009 to 2064. Spreadsheets make them of 3.4 or 1/2.
DAYS = range(40_000, 60_000)
FIRST_DAY = dt.date(1899, 12, 30)


def decimal_sign(texts: Iterable[str]) -> str:
    """The sign before the decimals in most of some texts, "." or ",".

    >>> decimal_sign(["0,25", "-1,5", "0.5"]), decimal_sign(["1,234"])
    (',', '.')
    """
    signs = [one for text in texts if (one := _sign_in(_bare(text)))]
    return "," if signs.count(",") > signs.count(".") else "."


def _sign_in(text: str) -> str:
    """The sign before a text's decimals; nothing where it might be another one."""
    found = ONE_SIGN.match(text)
    if found is None or TWO_WAYS.fullmatch(found[0]):
        return ""
    return "," if "," in found[0] else "."


def _bare(text: str) -> str:
    """A text without what stands before and after its number."""
    plain = text[: 4 * MAX_LENGTH].strip(SPACES + "\t\r\n").removeprefix("'")
    for sign in MINUS:
        plain = plain.replace(sign, "-")
    plain = AFTER.sub("", plain)
    begin = BEFORE.match(plain)
    plain = plain[begin.end() :] if begin else plain
    plain = RAISED.sub(lambda match: f"10^{match[1].translate(SUPERSCRIPTS)}", plain)
    return re.sub(rf"^([+-])[{SPACES}]+", r"\1", plain)


def read_freely(text: str, decimal: str = ".") -> Read:
    """A typed number, in any form that has one reading; `decimal` is the sign of its sheet.

    >>> read_freely("z = 3,45·10^-1").value, read_freely("≈ 12.5 %").value, read_freely("-3/8").value
    (0.345, 0.125, -0.375)
    >>> read_freely("1,234").reason
    'the comma may mark decimals or thousands; write another number of decimals'
    """
    strict = read_number(text, decimal)
    if isinstance(strict, Written) or strict.is_blank:
        return strict
    plain = _bare(text)
    if (power := POWER.fullmatch(plain)) is not None:
        plain = f"{power[1]}1e{power[2]}"
    for reading in (_vulgar, _fraction, _percent):
        found = reading(plain, decimal)
        if found is not None:
            return found
    return _signed(plain, decimal, strict)


def _signed(plain: str, decimal: str, strict: NotANumber) -> Read:
    """A number with one or two of the signs `,` and `.`."""
    groups = THOUSANDS.fullmatch(plain)
    if groups and groups[2] and groups[2][0] != groups[1]:
        whole = plain[: groups.start(2)].replace(groups[1], "")
        return read_number(f"{whole}.{groups[2][1:]}")
    if groups and groups[1] in ",." and not groups[2] and plain.count(groups[1]) == 1:
        if groups[1] == decimal:
            return read_number(plain, decimal)
        name = "comma" if groups[1] == "," else "point"
        said = f"the {name} may mark decimals or thousands; write another number of decimals"
        return replace(strict, reason=said)
    sign = _sign_in(plain)
    found = read_number(plain, sign or decimal)
    return found if isinstance(found, Written) else strict


def _vulgar(plain: str, _decimal: str) -> Read | None:
    """A fraction that is one character."""
    match = VULGAR.fullmatch(plain)
    if match is None:
        return None
    value = unicodedata.numeric(match[2])
    return computed(-value if match[1] == "-" else value, plain, EXACT)


def _fraction(plain: str, decimal: str) -> Read | None:
    match = FRACTION.fullmatch(plain)
    if match is None:
        return None
    above, below = (read_freely(part, decimal) for part in match.groups())
    if not isinstance(above, Written) or not isinstance(below, Written) or not below.value:
        return NotANumber(plain, "not a fraction of two numbers, such as 1/4")
    return computed(above.value / below.value, plain, EXACT)


def _percent(plain: str, decimal: str) -> Read | None:
    match = PERCENT.fullmatch(plain)
    if match is None:
        return None
    number = _signed(match[1], decimal, NotANumber(plain, "write a number such as 0.25, or 25%"))
    if isinstance(number, NotANumber):
        return number
    # Two decimals more, by the digits and not by the value.
    text = f"{number.value / 100:.{max(0, number.decimals + 2)}f}"
    found = read_number(text)
    return replace(found, text=text) if isinstance(found, Written) else found


def read_together(
    values: Mapping[Key, str | float], decimal: str | None = None
) -> tuple[dict[Key, Read], dict[Key, str]]:
    """The numbers of a sheet, and how those were read that are not plain ones.

    `decimal` is the sign before the decimals; None tells it from the sheet. A cell that holds a number
    has no such sign.

    >>> read, said = read_together({"g": "0,25", "f": "1,234", "z": "1/4"})
    >>> read["f"].value, said
    (1.234, {'z': '"1/4" as 0.25'})
    """
    texts = [value for value in values.values() if isinstance(value, str)]
    sign = decimal or decimal_sign(texts)
    read: dict[Key, Read] = {}
    said: dict[Key, str] = {}
    for key, value in values.items():
        if not isinstance(value, str):
            read[key] = _of_a_cell(value)
            continue
        found = read_freely(value, sign)
        read[key] = found
        if isinstance(found, Written) and not isinstance(read_number(value, sign), Written):
            said[key] = f'"{value.strip()}" as {found.value:.10g}'
    return read, said


def _of_a_cell(value: float) -> Read:
    """The number in a cell that holds a number."""
    if isinstance(value, int) and value in DAYS:
        day = FIRST_DAY + dt.timedelta(days=value)
        said = (
            f"a spreadsheet program has made a date of it ({day.day}.{day.month}.{day.year}); "
            "type the number again, as text"
        )
        return NotANumber(str(value), said)
    return read_number(repr(value))
