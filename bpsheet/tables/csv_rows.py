"""The rows of a CSV file, each with the number of its first line."""

from __future__ import annotations

import csv
import io
import re

__all__ = ["NumberedLine", "first_line", "numbered_rows", "separator_of"]

NumberedLine = tuple[int, list[str]]


def first_line(text: str) -> str:
    """The first line that is not blank. It shows how cells are separated."""
    return next((line for line in text.split("\n") if line.strip()), "")


def separator_of(text: str) -> str:
    """What separates the cells of a text: the sign that stands most often in its first line.

    A text of one column has no such sign. It is then a tab, which stands in no such line.

    >>> separator_of('"Name, first";ID\\n'), separator_of("Name\\nLovelace, Ada\\n")
    (';', '\\t')
    """
    outside = re.sub(r'"[^"]*"', "", first_line(text))
    return max("\t;,", key=outside.count)


def numbered_rows(text: str, separator: str = ",", *, strict: bool = False) -> list[NumberedLine]:
    """The rows that are not blank, with their lines. A cell in quotes may have several lines.

    `strict` refuses misplaced quotes. Raises csv.Error, which names the line.

    >>> numbered_rows('x,y\\n\\n"1\\n2",3\\n4,5\\n')
    [(1, ['x', 'y']), (3, ['1\\n2', '3']), (5, ['4', '5'])]
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    rows, line = [], 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f"line {line}: {error}") from None
    return rows
