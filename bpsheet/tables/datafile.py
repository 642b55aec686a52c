"""Tables in files beside the experiment file: CSV, .xlsx, Parquet."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bpsheet.errors import BpsheetError, InputError, MissingExtraError, WorkbookError
from bpsheet.guard.gate import read_bytes
from bpsheet.guard.text import read_text
from bpsheet.tables.csv_rows import first_line, numbered_rows, uneven
from bpsheet.tables.incoming import Cell, Incoming
from bpsheet.words import listing, near

__all__ = ["PLAIN_NUMBER", "FileError", "read_file"]

PLAIN_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# With a comma instead of the point.
WITH_COMMA = re.compile(r"[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]{1,3})?")
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,15}")
# The comma may stand between thousands.
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
TEXTS = (".csv", ".tsv", ".txt", ".dat")
WORKBOOKS = (".xlsx", ".xlsm")
PARQUET = (".parquet", ".pq")
MOST_PARQUET = 100_000_000


class FileError(BpsheetError):
    """A file that is no table of examples."""


def read_file(
    path: Path, names: Sequence[str], wanted: Sequence[str], sheet: str | None
) -> Incoming:
    """The table in a file.

    names:  the names of the columns of a file without a header line
    wanted: names of which a header line would have some
    sheet:  which sheet of a workbook; by default its first

    Raises FileError, with the file's name.
    """
    kind = path.suffix.lower()
    if sheet is not None and kind not in WORKBOOKS:
        raise FileError(f"{path.name}: only a workbook has sheets; leave data.sheet out")
    if kind in PARQUET:
        return _parquet(path)
    rows: Sequence[tuple[int, Sequence[Cell]]]
    separator = ""
    if kind in WORKBOOKS:
        header, rows = _cells_of_workbook(path, sheet)
    else:
        header, rows, separator = _lines_of_text(path)
    if names and rows and not set(wanted) <= set(header):
        header = list(names)  # the file has no header line
    else:
        rows = rows[1:]
    if not rows:
        raise FileError(f"{path.name}: a header line and a line for each example expected")
    word = "row" if kind in WORKBOOKS else "line"
    for number, row in rows:
        if len(row) != len(header):
            said = uneven([str(cell) for cell in row], len(header), separator)
            raise FileError(f"{path.name}, {word} {number}: {said}")
    rows = _with_numbers(rows, separator) if separator else rows
    columns: dict[str, list[Cell]] = {}
    for place, name in enumerate(header):
        if name in wanted and name in columns:
            raise FileError(f'{path.name} has two columns named "{name}"')
        own = name if name and name not in columns else f"column {place + 1}"
        columns[own] = [row[place] for _, row in rows]
    return Incoming(columns, path.name, [f"{word} {number}" for number, _ in rows])


def _lines_of_text(path: Path) -> tuple[list[str], list[tuple[int, list[str]]], str]:
    """The first line's texts, the cells of a CSV file's lines, and what separates them."""
    try:
        text = read_text(path)
        first = first_line(text)
        separator = max(";\t,", key=first.count)
        rows = numbered_rows(text, separator, strict=True)
    except (InputError, csv.Error) as error:
        why = f" cannot be read ({error})" if isinstance(error, csv.Error) else f": {error}"
        raise FileError(f"{path.name}{why}") from None
    texts = [(number, [cell.strip() for cell in row]) for number, row in rows]
    return (texts[0][1] if texts else []), texts, separator


def _with_numbers(
    rows: Sequence[tuple[int, Sequence[Cell]]], separator: str
) -> list[tuple[int, list[Cell]]]:
    """The lines with the numbers in them; a text stays, and is empty where nothing is written."""
    texts = [str(cell) for _, row in rows for cell in row]
    with_comma = [text for text in texts if "," in text and WITH_COMMA.fullmatch(text)]
    has_commas = bool(with_comma)
    if separator == ",":
        # The commas stand in quotes. They mark decimals where no point does, and where they do not
        # all stand before three digits, as between thousands.
        has_points = any("." in text and PLAIN_NUMBER.fullmatch(text) for text in texts)
        has_commas = not has_points and not all(map(THOUSANDS.fullmatch, with_comma))

    def value(cell: Cell) -> Cell:
        text = str(cell)
        if not has_commas:
            is_number = PLAIN_NUMBER.fullmatch(text)
        else:
            # A whole number has neither point nor comma.
            is_number = WITH_COMMA.fullmatch(text) or WHOLE_NUMBER.fullmatch(text)
            text = text.replace(",", ".")
        if is_number and abs(number := float(text)) < math.inf:
            return number
        return cell

    return [(number, [value(cell) for cell in row]) for number, row in rows]


def _cells_of_workbook(
    path: Path, sheet: str | None
) -> tuple[list[str], list[tuple[int, list[Cell]]]]:
    """The first row's texts, and the cells of a sheet: what its formulas last gave.

    Columns and rows without anything are left out.
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    from bpsheet.guard.limits import OWN
    from bpsheet.guard.package import guarded_bytes

    try:
        content = guarded_bytes(path, OWN, path.name)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except WorkbookError as error:
        raise FileError(str(error)) from None
    except (InvalidFileException, KeyError, ValueError, TypeError, OSError) as error:
        raise FileError(f"{path.name}: not a readable workbook ({error})") from None
    if sheet is not None and sheet not in book.sheetnames:
        hint = near(sheet, book.sheetnames)
        said = f"{path.name} has no sheet {sheet}; it has {listing(book.sheetnames)}"
        raise FileError(f"{said}. {hint}" if hint else said)
    cells = book[sheet or book.sheetnames[0]]
    found = [
        (number, list(row))
        for number, row in enumerate(cells.iter_rows(values_only=True), start=1)
        if any(cell is not None for cell in row)
    ]
    width = max((len(row) for _, row in found), default=0)
    rows = [(number, row + [None] * (width - len(row))) for number, row in found]
    used = [place for place in range(width) if any(row[place] is not None for _, row in rows)]
    head = [str(rows[0][1][place] or "").strip() for place in used] if rows else []
    return head, [
        (number, [_cell(row[place], f"{path.name}, row {number}") for place in used])
        for number, row in rows
    ]


def _cell(value: Any, place: str) -> Cell:
    if isinstance(value, bool | int | float):
        return float(value)
    if value is None or isinstance(value, str):
        return value
    raise FileError(f"{place}: numbers or texts expected; got {type(value).__name__} {value}")


def _parquet(path: Path) -> Incoming:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError("Parquet needs pyarrow", "parquet") from None
    try:
        table = parquet.read_table(io.BytesIO(read_bytes(path, MOST_PARQUET)))
        return Incoming.of(table.to_pydict(), path.name, key="file")
    except (InputError, OSError, ValueError, pa.ArrowException) as error:
        raise FileError(f"{path.name}: {str(error).splitlines()[0]}") from None
