"""Texts and attributes as XML.

The standard library's `saxutils` loads all that a web client needs, which takes longer than writing
a small workbook.
"""

from __future__ import annotations

import re

__all__ = ["escaped", "quoted", "words"]

# Searching first is faster: hardly any text has such a character. A parser would turn a carriage
# return into a line feed, and in an attribute each of the last three into a blank.
NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
IN_TEXT = str.maketrans({**NAMED, "\r": "&#13;"})
IN_QUOTES = str.maketrans({**NAMED, '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})
SPECIAL = re.compile(r'[&<>"\r\n\t]').search


def escaped(text: str) -> str:
    """A text between tags.

    >>> escaped("a < b & c")
    'a &lt; b &amp; c'
    """
    return text.translate(IN_TEXT) if SPECIAL(text) else text


def quoted(value: str) -> str:
    """An attribute's value, in quotation marks.

    >>> print(quoted('the "new" one'))
    "the &quot;new&quot; one"
    """
    return f'"{value.translate(IN_QUOTES)}"' if SPECIAL(value) else f'"{value}"'


def words(text: str) -> str:
    """The `<t>` element of a text, whose blanks at either end a reader keeps.

    >>> words(" a")
    '<t xml:space="preserve"> a</t>'
    """
    kept = ' xml:space="preserve"' if text != text.strip() else ""
    return f"<t{kept}>{escaped(text)}</t>"
