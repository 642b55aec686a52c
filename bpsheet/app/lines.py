"""A change to one key in the text of an experiment file, whose other lines stay as they are.

It is an attempt: whoever calls it compares what the new text says with what it should say.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any

from bpsheet.app.fields import in_file

__all__ = ["spliced"]

HEAD = re.compile(r"\s*(\[\[?)\s*([\w.\s-]+?)\s*\]\]?\s*(?:#.*)?$")
MOST_LINES = 500


def spliced(text: str, table: tuple[str, int], key: str, value: Any) -> str:
    """The text with another value of a key; None takes the key out.

    table: the name of its table, and for a list of tables which one, from 1

    >>> spliced("[data] # mine\\nseed = 1 # old\\n", ("data", 0), "seed", 2)
    '[data] # mine\\nseed = 2\\n'
    """
    lines = text.split("\n")
    begin, end = _table(lines, *table)
    if begin is None:
        return text
    found = next(
        (n for n in range(begin, end) if re.match(rf"\s*{re.escape(key)}\s*=", lines[n])), None
    )
    new = [] if value is None else f"{key} = {_rows(value)}".split("\n")
    if found is not None:
        lines[found : _end(lines, found)] = new
    elif new:
        last = max((n for n in range(begin, end) if lines[n].strip()), default=begin - 1)
        lines[last + 1 : last + 1] = new
    return "\n".join(lines)


def _table(lines: list[str], name: str, number: int) -> tuple[int | None, int]:
    """The lines of a table, without its head."""
    begin = None if name else 0
    count = 0
    for at, line in enumerate(lines):
        head = HEAD.match(line)
        if head is None:
            continue
        if begin is not None:
            return begin, at
        if head[2] == name:
            count += 1
            if number in (0, count):
                begin = at + 1
    return begin, len(lines)


def _end(lines: list[str], first: int) -> int:
    """Where the value that begins in a line ends."""
    for end in range(first + 1, min(len(lines), first + MOST_LINES) + 1):
        try:
            tomllib.loads("\n".join(lines[first:end]))
        except tomllib.TOMLDecodeError:
            continue
        return end
    return first + 1


def _rows(value: Any) -> str:
    """A value, a matrix of several rows with each in a line of its own."""
    if isinstance(value, list) and len(value) > 1 and all(isinstance(row, list) for row in value):
        return "[\n" + "".join(f"    {in_file(row)},\n" for row in value) + "]"
    return in_file(value)
