"""What a card says, as words and as a table."""

from __future__ import annotations

from xml.etree import ElementTree as ET


def parsed(html):
    """The card as a tree: it is well formed, and has its style beside it."""
    style, card = ET.fromstring(f"<div>{html}</div>")
    assert (style.tag, card.get("class")) == ("style", "bpsheet-card")
    return card


def words(element):
    return " ".join("".join(element.itertext()).split())


def table_of(card):
    """Heads and rows of the card's table, as text."""
    heads = [words(cell) for cell in card.iterfind("table/thead/tr/th")]
    rows = [[words(cell) for cell in row] for row in card.iterfind("table/tbody/tr")]
    return heads, rows
