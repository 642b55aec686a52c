"""Seals: a comment in each file that shows whether the file has been changed.

A seal holds a digest of the whole file except the digest itself, so any change breaks it. Each
format has its own kind of comment, at or near the end of the file, which readers ignore.
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

LABEL, DIGITS = b"Made with bpsheet ", 16
# The seal before the digest is known.
UNSEALED = f"{LABEL.decode()}{'0' * DIGITS}"
# The seal of a Parquet file is a key and a value in the file's description.
PARQUET = {"seal": UNSEALED}
# The seal of each format, with the digest and what follows it up to the end. In a text the seal is
# a comment of LaTeX, or of HTML, SVG and Markdown.
SEAL = LABEL + b"([0-9a-f]{%d})" % DIGITS
PNG, GIF, PDF, TEXT = (
    re.compile(pattern, re.DOTALL)
    for pattern in (
        rb"\0\0\0\x2atEXtComment\0" + SEAL + rb".{4}(\0\0\0\0IEND\xaeB`\x82)\Z",
        rb"!\xfe\x22" + SEAL + rb"\0(;)\Z",
        rb"% " + SEAL + rb"\n(startxref\n[0-9]+\s+%%EOF\s*)\Z",
        rb"(?m:^)(?:% |<!-- )" + SEAL + rb"(?: -->)?\n()\Z",
    )
)
# By the first bytes of a file; any other file is text.
FORMATS = {b"\x89PNG": PNG, b"GIF8": GIF, b"%PDF": PDF}
# There the key and the value stand behind their lengths. A text or a name of the table may look like
# a seal, but has no such characters before it.
KEYED = re.escape(b"\x04seal\x18" + bytes([len(UNSEALED)])) + SEAL
# The seal is searched in so many bytes at the end of the file.
ENDS = 4_096
# A Parquet file ends with its description, the description's length, and these letters.
PAR1 = b"PAR1"
LENGTH = struct.Struct("<I4s")
PIECE = 1 << 20


class _Seal(NamedTuple):
    """Where the digest begins and ends in the file, and the digest."""

    begin: int
    end: int
    digest: bytes


def is_intact(stream: IO[bytes]) -> bool:
    """Whether a file (text, picture or Parquet) has an unbroken seal."""
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
    match = FORMATS.get(begin, TEXT).search(stream.read())
    if match is None:
        return None
    return _Seal(first + match.start(), first + match.start(2), match[1])


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
    match = re.search(KEYED, description)
    if match is None:
        return None
    return _Seal(first + match.start(1), first + match.end(1), match[1])


def _digest(stream: IO[bytes], seal: _Seal) -> bytes:
    """The digest of the file without its seal, read in pieces: it may be larger than memory."""
    digest = hashlib.sha256()
    stream.seek(0)
    left = seal.begin
    while left and (piece := stream.read(min(left, PIECE))):
        digest.update(piece)
        left -= len(piece)
    stream.seek(seal.end)
    while piece := stream.read(PIECE):
        digest.update(piece)
    return _short(digest.hexdigest())


def _short(digest: str) -> bytes:
    return digest[:DIGITS].encode()


def _line(*content: bytes) -> bytes:
    return LABEL + _short(hashlib.sha256(b"".join(content)).hexdigest())


def sealed(text: str, form: str) -> str:
    """The text with a seal as its last line.

    `form` is latex, html, svg or markdown. The form text has no room for a seal.
    """
    around = {"latex": ("% ", ""), "text": None}.get(form, ("<!-- ", " -->"))
    if around is None:
        return text
    before, after = around
    return f"{text}{before}{_line(text.encode()).decode()}{after}\n"


def sealed_picture(content: bytes, ending: str) -> bytes:
    """A picture with a seal. `ending` is .svg, .png, .gif or .pdf.

    The seal stands before the last chunk of a PNG, the trailer of a GIF, and the `startxref` of a
    PDF, which readers look for at the end.
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
    """Put the digest into a Parquet file that was written with the key and value `PARQUET`."""
    seal = _seal_of(stream)
    assert seal is not None
    digest = _digest(stream, seal)
    stream.seek(seal.begin)
    stream.write(digest)
    stream.seek(0, io.SEEK_END)


def sealed_part(content: bytes, others: Iterable[ZipInfo]) -> bytes:
    """The last part of a zip file, with a digest of all parts instead of UNSEALED.

    The list of parts has a checksum of each other part, so they need not be read.
    """
    listed = "".join(f"{part.filename} {part.CRC} {part.file_size}\n" for part in others)
    return content.replace(UNSEALED.encode(), _line(listed.encode(), content))


def is_intact_part(content: bytes, others: Iterable[ZipInfo]) -> bool | None:
    """Whether the last part of a zip file has an unbroken seal; None where it has none."""
    match = re.search(SEAL, content)
    if match is None:
        return None
    unsealed = content.replace(match[0], UNSEALED.encode())
    return sealed_part(unsealed, others) == content
