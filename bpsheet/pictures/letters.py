"""How wide a text is, before anything draws it.

The widths are those of DejaVu Sans, in which matplotlib draws. The letters of a browser's own font
are narrower, so what fits here fits on a page too.
"""

from __future__ import annotations

from unicodedata import combining, normalize

__all__ = ["fitted", "shortened", "width_of"]

# The widths of letters, in hundredths of the font's size.
_WIDTHS = {
    36: "ijlI.,:;'|",
    42: "frt()[]/\\- !",
    56: 'szcJL_"`',
    69: "αβγδεηθλσ∂",
    86: "AVwNQODGHUXCRKBPZ&#×÷±",
    100: "mMW%@$^…→−+=<>~Δ",
}
_OF_LETTER = {letter: width / 100 for width, letters in _WIDTHS.items() for letter in letters}
# Other letters and digits of ours, and those of other alphabets.
_OURS, _FOREIGN = 0.645, 1.2
# Some accents stand beside their letter: ď, ľ, ť.
_ACCENT = 0.05


def width_of(text: str, size: float) -> float:
    """The width of a line of text in a font of a size, never less than what is drawn.

    >>> round(width_of("w_n0_0", 12))
    47
    """
    return size * sum(
        _ACCENT
        if combining(letter)
        else _OF_LETTER.get(letter, _OURS if letter.isascii() else _FOREIGN)
        for letter in normalize("NFKD", text)
    )


def fitted(text: str, size: float, room: float) -> float:
    """The font's size at which a line of text takes no more than the room.

    >>> fitted("0.5", 12, 100)
    12
    """
    width = width_of(text, size)
    return size if width <= room else size * room / width


def shortened(text: str, size: float, room: float) -> str:
    """The text, without its middle where it is too wide for the room.

    >>> shortened("a_very_long_name_of_an_input", 12, 80)
    'a_ver…nput'
    """
    if width_of(text, size) <= room:
        return text
    kept = len(text) - 1
    while kept > 2 and width_of(_without_middle(text, kept), size) > room:
        kept -= 1
    return _without_middle(text, kept)


def _without_middle(text: str, kept: int) -> str:
    return f"{text[: kept - kept // 2]}…{text[len(text) - kept // 2 :]}"
