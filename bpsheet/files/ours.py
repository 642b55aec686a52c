"""Whether an existing file is as bpsheet wrote it. The commands replace no other file unasked.

A file with room for a comment has a seal, which any change breaks. CSV files and plain text have
no such room: they count as ours if they begin with the line that is about to be written.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import IO

from bpsheet.errors import NotReplacedError, OutputError
from bpsheet.files.seals import is_intact, is_intact_part

__all__ = ["MARK", "is_intact_package", "is_ours", "refuse_others"]

# The name of the program that wrote a file, where a format has a field for it.
MARK = "bpsheet"
# The end of a zip file without a comment. Ours have none.
ZIP_END, ZIP_TAIL = b"PK\5\6", 22
# The longest list of parts, in bytes: enough for a workbook with thousands of sheets.
MAX_PARTS, MAX_PROPERTIES = 1_000_000, 10_000
PROPERTIES = "docProps/core.xml"
CREATOR = b">bpsheet</dc:creator>"
# The date of all parts in our workbooks. Excel's parts have another date, LibreOffice's the time
# of saving.
DATE = (2000, 1, 1, 0, 0, 0)
# The added sheet in a copy of somebody's workbook. Other programs change its name when saving.
ADDED = re.compile(r"xl/worksheets/bpsheet[0-9]{1,3}\.xml")
MAX_SHEET = 100_000_000


def refuse_others(path: Path, *, force: bool, first_line: str = "") -> None:
    """Refuse to replace a file that is not as bpsheet wrote it, unless `force` asks for it.

    `first_line` is the first line of the text to be written, if that has no seal. A symbolic link
    may be replaced, because the file that it leads to stays.
    Raises NotReplacedError, and OutputError where the file cannot be read.
    """
    if force or path.is_symlink() or not path.is_file():
        return
    try:
        is_safe = path.stat().st_size == 0 or is_ours(path, first_line)
    except OSError as error:
        raise OutputError(f"cannot read {path}, to see what it is: {error.strerror}") from None
    if not is_safe:
        raise NotReplacedError(
            f"{path} exists, and is not as bpsheet wrote it. Give another name, or replace it"
        )


def refuse_unlike(path: Path, content: bytes, *, force: bool) -> None:
    """Refuse to replace a file with other contents, unless `force` asks for it: somebody may have
    worked on it.

    Raises NotReplacedError, and OutputError where the file cannot be read.
    """
    try:
        is_there = path.exists() or path.is_symlink()
        if is_there and path.is_file() and path.stat().st_size == len(content):
            is_there = path.read_bytes() != content
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror}") from None
    if is_there and not force:
        raise NotReplacedError(
            f"{path} exists and differs; it may have been filled in. "
            "Choose another place, or replace it"
        )


def is_ours(path: Path, first_line: str = "") -> bool:
    """Whether the file is as bpsheet wrote it, as far as its content shows."""
    if first_line and _begins_with(path, first_line):
        return True
    with path.open("rb") as stream:
        is_package = stream.read(2) == b"PK"
        return _is_workbook(stream) if is_package else is_intact(stream)


def _begins_with(path: Path, line: str) -> bool:
    expected = f"{line}\n".encode()
    with path.open("rb") as stream:
        return stream.read(len(expected)) == expected


def _is_workbook(stream: IO[bytes]) -> bool:
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - ZIP_TAIL))
    end = stream.read()
    if not end.startswith(ZIP_END) or int.from_bytes(end[12:16], "little") > MAX_PARTS:
        return False
    try:
        with zipfile.ZipFile(stream) as package:
            return is_intact_package(package) is not False
    except Exception:  # noqa: BLE001 - damage makes zipfile raise half a dozen kinds: not ours
        return False


def is_intact_package(package: zipfile.ZipFile) -> bool | None:
    """Whether a package is unchanged, by the seal in its last part; None where it has no seal.

    Very old workbooks have none.
    """
    *others, last = package.infolist()
    if ADDED.fullmatch(last.filename):
        if last.file_size > MAX_SHEET:
            return False
        return is_intact_part(package.read(last), others)
    if PROPERTIES not in package.NameToInfo:
        return False
    properties = package.getinfo(PROPERTIES)
    with package.open(properties) as part:
        content = part.read(MAX_PROPERTIES)
    if CREATOR not in content or properties.date_time != DATE:
        return False
    return is_intact_part(content, others)
