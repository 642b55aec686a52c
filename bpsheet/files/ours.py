"""Whether a file that is there is as bpsheet wrote it: the commands replace no other unasked.

Workbooks, Parquet files and pictures say by whom they were made, and a program that saves them
again leaves a trace. Text with room for a comment ends with a seal, which a change breaks. A CSV
file and plain text have no such room: they are ours when they begin with the line that is about
to be written.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from importlib.util import find_spec
from pathlib import Path

from bpsheet.errors import OutputError

__all__ = ["MARK", "is_ours", "refuse_others", "sealed"]

MARK = "bpsheet"
# No text of ours is longer; of other formats only as much of the beginning and the end is read.
MAX_TEXT, ENDS = 64_000_000, 4_096
# A comment of LaTeX, or of HTML, SVG and Markdown.
SEAL = re.compile(rb"(?:% |<!-- )Made with bpsheet ([0-9a-f]{16})(?: -->)?\n")
# What the formats' own words for "made with" come to, by how such files begin.
PICTURES = {
    b"\x89PNG": b"Software\0bpsheet",
    b"%PDF": b"/Creator (bpsheet)",
    b"GIF8": b"\x07bpsheet",
}
# A zip file's end, without the comment that ours never have.
ZIP_END, ZIP_TAIL = b"PK\5\6", 22
# So long a list of parts is that of a workbook with thousands of sheets.
MAX_PARTS, MAX_PROPERTIES = 1_000_000, 10_000
CREATOR = b">bpsheet</dc:creator>"
# The fixed date of the parts of ours; Excel's have another, LibreOffice's the time of saving.
MADE = (2000, 1, 1, 0, 0, 0)
# The sheet in a copy of somebody's workbook, under a name that does not outlast saving either.
ADDED = re.compile(r"xl/worksheets/bpsheet[0-9]{1,3}\.xml")


def refuse_others(path: Path, *, force: bool, first_line: str = "") -> None:
    """Refuse to replace a file that is not as bpsheet wrote it, unless `force` asks for it.

    `first_line` is that of the text to be written, where it has no seal. A symbolic link may be
    replaced: nothing of what it leads to is lost. Raises OutputError.
    """
    if force or path.is_symlink() or not path.is_file():
        return
    try:
        is_safe = path.stat().st_size == 0 or is_ours(path, first_line)
    except OSError as error:
        raise OutputError(f"cannot read {path}, to see what it is: {error.strerror}") from None
    if not is_safe:
        raise OutputError(
            f"{path} exists, and is not as bpsheet wrote it. "
            "Give another name, or replace it with --force"
        )


def is_ours(path: Path, first_line: str = "") -> bool:
    """Whether bpsheet wrote the file, as far as can be told from what is in it."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(ENDS)
        stream.seek(max(0, size - ENDS))
        tail = stream.read(ENDS)
    if head.startswith(b"PK"):
        return _is_workbook(path, tail)
    if head.startswith(b"PAR1"):
        return _is_parquet(path)
    for beginning, mark in PICTURES.items():
        if head.startswith(beginning):
            return mark in head or mark in tail
    if first_line and _begins_with(path, first_line):
        return True
    return size <= MAX_TEXT and _is_sealed(path.read_bytes())


def sealed(text: str, form: str) -> str:
    """The text with a last line that tells whether somebody has changed what is above it.

    `form` is latex, html, svg or markdown; for any other the text is as it was.
    """
    around = {"latex": ("% ", ""), "text": None}.get(form, ("<!-- ", " -->"))
    if around is None:
        return text
    before, after = around
    return f"{text}{before}Made with bpsheet {_digest(text.encode())}{after}\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _is_sealed(content: bytes) -> bool:
    start = content.rfind(b"\n", 0, -1) + 1
    found = SEAL.fullmatch(content, start)
    return found is not None and found[1].decode() == _digest(content[:start])


def _begins_with(path: Path, line: str) -> bool:
    expected = f"{line}\n".encode()
    with path.open("rb") as stream:
        return stream.read(len(expected)) == expected


def _is_workbook(path: Path, tail: bytes) -> bool:
    end = tail[-ZIP_TAIL:]
    if not end.startswith(ZIP_END) or int.from_bytes(end[12:16], "little") > MAX_PARTS:
        return False
    try:
        with zipfile.ZipFile(path) as package:
            if any(map(ADDED.fullmatch, package.namelist())):
                return True
            properties = package.getinfo("docProps/core.xml")
            with package.open(properties) as stream:
                said = stream.read(MAX_PROPERTIES)
    except Exception:  # noqa: BLE001 - damage makes zipfile raise half a dozen kinds: not ours
        return False
    return CREATOR in said and properties.date_time == MADE


def _is_parquet(path: Path) -> bool:
    if find_spec("pyarrow") is None:
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return MARK.encode() in (pq.read_schema(path).metadata or {})
    except (OSError, pa.ArrowException):
        return False
