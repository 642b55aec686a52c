"""The rows of a CSV file, each with the number of its first line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["NumberedLine", "first_line", "numbered_rows", "separator_of", "uneven"]

NumberedLine = tuple[int, list[str]]

# What a decimal comma leaves before and after itself, where it separates two cells.
WHOLE = re.compile(r"[+\-−]?[0-9]+")
DECIMALS = re.compile(r"[0-9]+([eE][+-]?[0-9]{1,3})?")


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


def uneven(row: Sequence[str], expected: int, separator: str) -> str:
    """What is wrong with a row of too few or too many cells.

    Of too many cells, decimal commas may be the reason, where commas separate the cells.

    >>> uneven(["g", "0"], 3, ",")
    '3 cells expected; got 2'
    >>> uneven(["g", "0", "42"], 2, ",").split(",")[0]
    '2 cells expected; got 3. If the numbers have decimal commas'
    """
    said = f"{expected} cells expected; got {len(row)}"
    pairs = pairwise(cell.strip() for cell in row)
    is_split = any(WHOLE.fullmatch(one) and DECIMALS.fullmatch(other) for one, other in pairs)
    if separator != "," or len(row) <= expected or not is_split:
        return said
    return (
        f"{said}. If the numbers have decimal commas, separate the cells of all lines with "
        "semicolons, or put each number in quotes"
    )


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
