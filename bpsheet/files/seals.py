"""Seals: each file says in a comment what it was like when it was written.

A seal is a digest of all of the file but itself, so that any change breaks it. Each format has
its own place for a comment, at or near the end of the file, and none of its readers minds.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib
from collections.abc import Iterable
from typing import IO, NamedTuple
from zipfile import ZipInfo

__all__ = [
    "PARQUET",
    "UNSEALED",
    "is_intact",
    "is_intact_part",
    "seal_parquet",
    "sealed",
    "sealed_part",
    "sealed_picture",
]

SAID, DIGITS = b"Made with bpsheet ", 16
# What stands in the place of a digest until all else is written.
UNSEALED = f"{SAID.decode()}{'0' * DIGITS}"
# Of a Parquet file: the key and value beside its columns.
PARQUET = {"seal": UNSEALED}
# By how a file begins: its seal, the digest within, and what follows up to the end. Of text the
# seal is a comment of LaTeX, or of HTML, SVG and Markdown.
SEAL = SAID + b"([0-9a-f]{%d})" % DIGITS
PNG, GIF, PDF, TEXT = (
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rb"\0\0\0\x2atEXtComment\0" + SEAL + rb".{4}(\0\0\0\0IEND\xaeB`\x82)\Z",
        rb"!\xfe\x22" + SEAL + rb"\0(;)\Z",
        rb"% " + SEAL + rb"\n(startxref\n[0-9]+\s+%%EOF\s*)\Z",
        rb"(?m:^)(?:% |<!-- )" + SEAL + rb"(?: -->)?\n()\Z",
    )
)
FORMATS = {b"\x89PNG": PNG, b"GIF8": GIF, b"%PDF": PDF}
# Where it must be among the last bytes, so many are read.
ENDS = 4_096
# A Parquet file ends with its description, the length of that, and these letters.
PAR1 = b"PAR1"
LENGTH = struct.Struct("<I4s")
PIECE = 1 << 20


class _Seal(NamedTuple):
    """Where the seal begins and ends in the file, and the digest that it has."""

    begin: int
    end: int
    digest: bytes


def is_intact(stream: IO[bytes]) -> bool:
    """Whether a file (text, picture or Parquet) has a seal, and is as it was sealed."""
    seal = _seal_of(stream)
    return seal is not None and _digest(stream, seal) == seal.digest


def _seal_of(stream: IO[bytes]) -> _Seal | None:
    stream.seek(0)
    begin = stream.read(4)
    size = stream.seek(0, io.SEEK_END)
    if begin == PAR1:
        return _seal_of_parquet(stream, size)
    first = max(0, size - ENDS)
    stream.seek(first)
    found = FORMATS.get(begin, TEXT).search(stream.read())
    if found is None:
        return None
    return _Seal(first + found.start(), first + found.start(2), found[1])


def _seal_of_parquet(stream: IO[bytes], size: int) -> _Seal | None:
    if size < LENGTH.size:
        return None
    stream.seek(size - LENGTH.size)
    length, mark = LENGTH.unpack(stream.read())
    first = size - LENGTH.size - length
    if mark != PAR1 or first < 0:
        return None
    stream.seek(first)
    description = stream.read(length)
    # Of names and texts in the table, which stand before it, one may look like it.
    place = description.rfind(SAID)
    found = re.compile(SEAL).match(description, max(place, 0))
    if found is None:
        return None
    return _Seal(first + found.start(1), first + found.end(1), found[1])


def _digest(stream: IO[bytes], seal: _Seal) -> bytes:
    """Of all of the file but its seal, read piece by piece: it may be larger than memory."""
    found = hashlib.sha256()
    stream.seek(0)
    left = seal.begin
    while left and (piece := stream.read(min(left, PIECE))):
        found.update(piece)
        left -= len(piece)
    stream.seek(seal.end)
    while piece := stream.read(PIECE):
        found.update(piece)
    return _short(found.hexdigest())


def _short(digest: str) -> bytes:
    return digest[:DIGITS].encode()


def _line(*content: bytes) -> bytes:
    return SAID + _short(hashlib.sha256(b"".join(content)).hexdigest())


def sealed(text: str, form: str) -> str:
    """The text with a seal as its last line.

    `form` is latex, html, svg or markdown; for any other the text is as it was.
    """
    around = {"latex": ("% ", ""), "text": None}.get(form, ("<!-- ", " -->"))
    if around is None:
        return text
    before, after = around
    return f"{text}{before}{_line(text.encode()).decode()}{after}\n"


def sealed_picture(content: bytes, ending: str) -> bytes:
    """A picture with a seal: before its last chunk, its trailer, or what a PDF's readers seek.

    `ending` is .svg, .png, .gif or .pdf.
    """
    if ending == ".svg":
        return sealed(content.decode(), "svg").encode()
    last = {".png": -12, ".gif": -1, ".pdf": content.rfind(b"startxref")}[ending]
    before, after = content[:last], content[last:]
    line = _line(before, after)
    if ending == ".pdf":
        return before + b"% " + line + b"\n" + after
    if ending == ".gif":
        return before + b"!\xfe" + bytes([len(line)]) + line + b"\0" + after
    chunk = b"tEXtComment\0" + line
    size, check = len(chunk) - 4, zlib.crc32(chunk)
    return before + struct.pack(">I", size) + chunk + struct.pack(">I", check) + after


def seal_parquet(stream: IO[bytes]) -> None:
    """Put the digest into a file that was written with the key and value `PARQUET`."""
    seal = _seal_of(stream)
    assert seal is not None
    digest = _digest(stream, seal)
    stream.seek(seal.begin)
    stream.write(digest)
    stream.seek(0, io.SEEK_END)


def sealed_part(content: bytes, others: Iterable[ZipInfo]) -> bytes:
    """The last part of a zip file, with a digest of it and the others in the place of UNSEALED.

    Of the others the list of parts has checksums: they need not be read for it.
    """
    listed = "".join(f"{part.filename} {part.CRC} {part.file_size}\n" for part in others)
    return content.replace(UNSEALED.encode(), _line(listed.encode(), content))


def is_intact_part(content: bytes, others: Iterable[ZipInfo]) -> bool | None:
    """Whether that part and the others are as they were sealed; None where there is no seal."""
    found = re.search(SEAL, content)
    if found is None:
        return None
    unsealed = content.replace(found[0], UNSEALED.encode())
    return sealed_part(unsealed, others) == content
