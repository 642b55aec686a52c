"""Data that a page opens on demand: JSON, compressed, in base64.

Texts that are alike in many variants are kept once, piece by piece. Pieces that differ only in their
numbers stand side by side, where the compression sees that they are alike.
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64encode
from typing import Any

__all__ = ["packed"]

# A text of more characters than this is cut into pieces.
SHORT = 80
# Pieces begin with a line, or with an element of a workbook's parts.
BEGINNINGS = re.compile(r"(?=\n|<row |<c r=|<comment |<v:shape )")
NUMBERS = re.compile(r"[0-9]+")


def packed(value: Any) -> str:
    """A value of dictionaries, lists, texts and numbers, for `unpackedData` of zip.js.

    >>> packed({"a": [1, 2]})
    'q1YqyM/PUbKKjtVRKkvMKU1VsqpWSgTyDXWMYmtrAQ=='
    """
    pieces: set[str] = set()
    _gather(value, pieces)
    ordered = sorted(pieces, key=lambda piece: (NUMBERS.sub("", piece), piece))
    places = {piece: place for place, piece in enumerate(ordered)}
    data = {"pool": ordered, "value": _replaced(value, places)}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return b64encode(zlib.compress(text.encode(), 9, wbits=-15)).decode()


def _pieces(text: str) -> list[str]:
    return [piece for piece in BEGINNINGS.split(text) if piece]


def _gather(value: Any, pieces: set[str]) -> None:
    if isinstance(value, str) and len(value) > SHORT:
        pieces.update(_pieces(value))
    elif isinstance(value, dict):
        for each in value.values():
            _gather(each, pieces)
    elif isinstance(value, list | tuple):
        for each in value:
            _gather(each, pieces)


def _replaced(value: Any, places: dict[str, int]) -> Any:
    """The value, with each long text as the numbers of its pieces."""
    if isinstance(value, str) and len(value) > SHORT:
        return {"$": [places[piece] for piece in _pieces(value)]}
    if isinstance(value, dict):
        return {key: _replaced(each, places) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(each, places) for each in value]
    return value
