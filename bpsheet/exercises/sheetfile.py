"""The cells of a file that was handed in: .xlsx, .ods, .csv, or an old .xls through LibreOffice.

A stranger has written the file. It is checked before it is opened, it is read from memory, and it is
never written.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import PurePath

from bpsheet.errors import InputError, WorkbookError
from bpsheet.guard.limits import EXERCISE
from bpsheet.guard.package import COMPOUND, guarded
from bpsheet.guard.text import decoded
from bpsheet.outside.office import as_xlsx
from bpsheet.tables.csv_rows import NumberedLine, numbered_rows
from bpsheet.xlsx.contents import Contents, Grid, read_xlsx
from bpsheet.xlsx.ods import read_ods

__all__ = ["contents_of", "is_text"]

TEXT = (".csv", ".tsv", ".txt")
# The part of an encrypted .xlsx in a compound file, in its directory's UTF-16.
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# A sheet saved as text is far smaller.
MOST_BYTES, MOST_COLUMNS = 1_000_000, 200


def is_text(name: str) -> bool:
    """Whether a file's name says that it is a table of text, which has one sheet alone."""
    return PurePath(name).suffix.lower() in TEXT


def contents_of(content: bytes, name: str) -> Contents:
    """The cells of a file, by its bytes. `name` is its name in messages.

    Raises WorkbookError for a file that is none of these formats, that is damaged or hostile, and
    EngineError for an .xls where LibreOffice is not installed.
    """
    if not content:
        raise WorkbookError(f"{name}: an empty file")
    if content.startswith(COMPOUND):
        if ENCRYPTED in content or PurePath(name).suffix.lower() != ".xls":
            raise WorkbookError(
                f"{name}: encrypted with a password, or an old format; save it as .xlsx, without a "
                "password"
            )
        content = as_xlsx(content, ".xls", name)
    elif is_text(name) and not content.startswith(b"PK"):
        return _text_contents(content, name)
    package = guarded(content, EXERCISE, name)
    return read_ods(package) if package.is_ods else read_xlsx(package)


def _text_contents(content: bytes, name: str) -> Contents:
    """The cells of a table of text: one sheet."""
    if len(content) > MOST_BYTES:
        raise WorkbookError(f"{name}: more than {MOST_BYTES:,} bytes of text")
    try:
        text, _ = decoded(content)
        rows = max((numbered_rows(text, sign) for sign in "\t;,"), key=_regularity)
    except (InputError, csv.Error) as error:
        raise WorkbookError(f"{name}: not a table of text ({error})") from None
    grid = Grid()
    for number, (_, row) in enumerate(rows, start=1):
        for column, cell in enumerate(row[:MOST_COLUMNS], start=1):
            if cell.strip():
                grid.put(number, column, cell)
    return Contents(name, {"": grid}, {})


def _regularity(rows: list[NumberedLine]) -> int:
    """How many rows have as many cells as most rows, where that is more than one.

    The sign that separates cells gives each row as many. A decimal comma does not.
    """
    widths = Counter(len(row) for _, row in rows if len(row) > 1)
    return max(widths.values(), default=0)
