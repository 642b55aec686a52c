r"""Text of a user, without what nobody sees and a terminal or a page would obey.

Escape sequences and other control characters, turned writing directions, characters that do not
exist: each becomes a space.

>>> clean("a\x1b[2Jb\u202ec\nd")
'a [2Jb c d'
"""

from __future__ import annotations

__all__ = ["clean", "printable"]


def printable(text: str, kept: str = "\n") -> str:
    """The text with only what can be seen; lines stay lines."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else " " for char in text)


def clean(text: str) -> str:
    """The same in one line."""
    return printable(text, kept="")
