"""Texts and attributes as XML.

The standard library's `saxutils` loads all that a web client needs, which takes longer than writing
a small workbook.
"""

from __future__ import annotations

__all__ = ["escaped", "quoted", "words"]

# What an attribute may not hold besides. A parser would turn each of the last two into a blank.
IN_QUOTES = {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"}


def escaped(text: str) -> str:
    """A text between tags.

    >>> escaped("a < b & c")
    'a &lt; b &amp; c'
    """
    # Hardly any text has such a character, and a search for a single one is the fastest there is.
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    if "\r" in text:
        # A parser would turn it into a line feed.
        text = text.replace("\r", "&#13;")
    return text


def quoted(value: str) -> str:
    """An attribute's value, in quotation marks.

    >>> print(quoted('the "new" one'))
    "the &quot;new&quot; one"
    """
    text = escaped(value)
    for character, entity in IN_QUOTES.items():
        text = text.replace(character, entity)
    return f'"{text}"'


def words(text: str) -> str:
    """The `<t>` element of a text, whose blanks at either end a reader keeps.

    >>> words(" a")
    '<t xml:space="preserve"> a</t>'
    """
    kept = ' xml:space="preserve"' if text != text.strip() else ""
    return f"<t{kept}>{escaped(text)}</t>"
