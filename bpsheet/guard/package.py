"""The package: its list of parts is checked against the limits before a part is unpacked."""

from __future__ import annotations

import io
import struct
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal
from xml.parsers import expat

from bpsheet.errors import InputError, WorkbookError
from bpsheet.guard.gate import BAD_ZIP, open_file, read_whole
from bpsheet.guard.limits import Limits, RefusedError
from bpsheet.guard.part import PackagePart, holds_cells, refuse_foreign

__all__ = ["COMPOUND", "Guarded", "guarded", "guarded_bytes", "opened"]

CHUNK = 262_144
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
XML = (".xml", ".rels")
# Drawings of notes, in which some programs leave tags of HTML without an end.
DRAWINGS = ".vml"
# The first bytes of Excel's encrypted workbooks and of old .xls files.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The header of a part: its flags, method, sizes, and the lengths of its name and extra field.
HEADER = struct.Struct("<4s2x2H8x2I2H")
# The sizes may follow the part, or be in the zip format's extension.
HAS_SIZES_BEHIND, HAS_EXTENSION = 0x8, (1 << 32) - 1
END = struct.Struct("<4s6xH8xH")


def opened(path: Path, limits: Limits, name: str | None = None) -> Guarded:
    """A checked workbook. Its large sheets are checked while they are read.

    `name` is the file's name in messages. Raises WorkbookError, which names the broken limit.
    """
    name = name or str(path)
    with _errors_of(name):
        return Guarded(_read(path, limits), limits, name)


def guarded(content: bytes, limits: Limits, name: str) -> Guarded:
    """A checked workbook that is in memory already. Raises WorkbookError as `opened` does."""
    with _errors_of(name):
        if not content:
            raise RefusedError("an empty file")
        _refuse_others(content)
        if len(content) > limits.file:
            raise RefusedError(f"more than {limits.file:,} bytes")
        return Guarded(content, limits, name)


def guarded_bytes(path: Path, limits: Limits, name: str | None = None) -> bytes:
    """The bytes of a workbook that is safe to read as a whole: the same bytes that were checked.

    Raises WorkbookError, which names the file and the broken limit.
    """
    with opened(path, limits, name) as package:
        package.check()
        return package.content


@contextmanager
def _errors_of(name: str) -> Iterator[None]:
    """Turn every error of reading a file into a WorkbookError that names the file."""
    try:
        yield
    except RefusedError as refused:
        raise WorkbookError(f"{name}: {refused}") from None
    except expat.ExpatError as error:
        raise WorkbookError(f"{name}: damaged ({expat.ErrorString(error.code)})") from None
    except FileNotFoundError:
        raise WorkbookError(f"{name}: no such file") from None
    except OSError as error:
        raise WorkbookError(f"{name}: cannot be read ({error.strerror or error})") from None
    except BAD_ZIP as error:
        raise WorkbookError(f"{name}: damaged, or not a workbook ({error})") from None


def _read(path: Path, limits: Limits) -> bytes:
    """The file's bytes, read once."""
    try:
        with open_file(path, linked=limits.linked) as stream:
            begin = stream.read(len(COMPOUND))
            if not begin:
                raise RefusedError("an empty file")
            _refuse_others(begin)
            return read_whole(stream, limits.file)
    except InputError as error:
        raise RefusedError(str(error)) from None


def _refuse_others(begin: bytes) -> None:
    """Refuse a file that is no package, by its first bytes."""
    if begin.startswith(COMPOUND):
        raise RefusedError(
            "encrypted with a password, or an old .xls file; save it as .xlsx, without a password"
        )
    if not begin.startswith(b"PK"):
        raise RefusedError("not a workbook (.xlsx)")


class Guarded(zipfile.ZipFile):
    """A workbook in memory. Each part is checked when it is read."""

    def __init__(self, content: bytes, limits: Limits, name: str) -> None:
        super().__init__(io.BytesIO(content))
        self.content = content
        self.limits = limits
        self.name = name
        self.checked: set[str] = set()
        self.spent: Counter[str] = Counter()
        _check_list(self.infolist(), content, limits)
        for info in self.infolist():
            if info.file_size <= limits.part:
                self._check(info)

    @property
    def is_ods(self) -> bool:
        """Whether it is an OpenDocument spreadsheet, by its parts."""
        return "content.xml" in self.NameToInfo

    @property
    def unpacked(self) -> int:
        """The size of all unpacked parts, in bytes."""
        return sum(part.file_size for part in self.infolist())

    def open(  # type: ignore[override]
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r"] = "r",
        pwd: bytes | None = None,  # noqa: ARG002
        *,
        force_zip64: bool = False,  # noqa: ARG002
    ) -> IO[bytes]:
        """A part, to be read. Reading it raises WorkbookError where it breaks a limit."""
        info = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        with _errors_of(self.name):
            stream = super().open(info, mode)
        if info.filename in self.checked:
            return stream
        return _Stream(self, info, stream)  # type: ignore[return-value]

    def check(self) -> None:
        """Check every part, for a reader who does not read through this object."""
        for info in self.infolist():
            self._check(info)

    def _check(self, info: zipfile.ZipInfo) -> None:
        if info.filename not in self.checked:
            with self.open(info) as stream:
                while stream.read(CHUNK):
                    pass


class _Stream(io.BufferedIOBase):
    """A part that is checked while it is read: no byte is returned before it was checked."""

    def __init__(self, package: Guarded, info: zipfile.ZipInfo, stream: IO[bytes]) -> None:
        self._package = package
        self._info = info
        self._stream = stream
        self._ready = b""
        self._part: PackagePart | None = PackagePart(info.filename, package.limits, package.spent)

    def read(self, size: int | None = -1) -> bytes:
        limits = self._package.limits
        whole = size is None or size < 0
        with _errors_of(self._package.name):
            if whole and self._info.file_size > limits.part:
                raise RefusedError(f"{self._info.filename[:80]}: too large for a part of its kind")
            while self._part is not None and (whole or not self._ready):
                self._check(self._part)
        end = len(self._ready) if whole else size
        data, self._ready = self._ready[:end], self._ready[end:]
        return data

    def _check(self, part: PackagePart) -> None:
        piece = self._stream.read(CHUNK)
        try:
            self._ready += part.feed(piece) if piece else part.close()
        except expat.ExpatError:
            # A picture is not XML. It was parsed nevertheless, because the name of a part does
            # not decide how a reader will take it.
            name = self._info.filename.lower()
            is_read = name.endswith(DRAWINGS) and not self._package.limits.foreign
            if name.endswith(XML) or is_read:
                raise
            self._ready += part.pending + self._stream.read()
            piece = b""
        if not piece:
            self._part = None
            self._package.checked.add(self._info.filename)
            self._package.spent += part.spent

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._stream.close()
        super().close()


def _check_list(parts: list[zipfile.ZipInfo], content: bytes, limits: Limits) -> None:
    if len(parts) > limits.parts:
        raise RefusedError(f"{len(parts):,} parts; at most {limits.parts} are read")
    seen: set[str] = set()
    for part in parts:
        name, shown = part.filename, repr(part.filename[:80])
        if name.casefold() in seen:
            raise RefusedError(f"the part {shown} is there twice")
        seen.add(name.casefold())
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise RefusedError(f"a part with the unsafe name {shown}")
        refuse_foreign(name, limits)
        if part.flag_bits & 0x1:
            raise RefusedError(f"the part {shown} is encrypted")
        if part.compress_type not in METHODS:
            raise RefusedError(f"the part {shown} is packed in an unknown way")
    _check_sizes(parts, len(content), limits)
    is_ods = "content.xml" in seen and "mimetype" in seen
    if not is_ods and ("[content_types].xml" not in seen or "xl/workbook.xml" not in seen):
        raise RefusedError("not a workbook (.xlsx)")
    _check_places(parts, content)


def _check_sizes(parts: list[zipfile.ZipInfo], packed: int, limits: Limits) -> None:
    """Check the unpacked sizes in the list of parts. No more of a part is ever unpacked."""
    grid = unpacked = 0
    for part in parts:
        is_sheet = holds_cells(part.filename)
        most = limits.sheet if is_sheet else limits.part
        shown = repr(part.filename[:80])
        if part.file_size > most:
            raise RefusedError(f"the part {shown} unpacks to more than {most:,} bytes")
        if part.file_size > max(limits.part, limits.ratio * part.compress_size):
            raise RefusedError(
                f"the part {shown} unpacks to more than {limits.ratio} times its size"
            )
        grid += part.file_size if is_sheet else 0
        unpacked += 0 if is_sheet else part.file_size
    for size, most in ((unpacked, limits.unpacked), (grid, limits.grid)):
        if size > most:
            raise RefusedError(f"unpacks to more than {most:,} bytes")
    if unpacked + grid > max(limits.unpacked, limits.ratio * packed):
        raise RefusedError(f"unpacks to more than {limits.ratio} times its size")


def _check_places(parts: list[zipfile.ZipInfo], content: bytes) -> None:
    """Check that the file is one part after another and nothing else: no reader sees others."""
    mark, count, comment = END.unpack_from(content, len(content) - END.size)
    if mark != b"PK\5\6" or comment:
        raise RefusedError("damaged: something follows the end of the package")
    if count != len(parts):
        raise RefusedError(f"damaged: its end counts {count:,} parts, its list has {len(parts):,}")
    free = 0
    for part in sorted(parts, key=lambda part: part.header_offset):
        shown = repr(part.filename[:80])
        if part.header_offset < free:
            raise RefusedError(f"the part {shown} lies in another one")
        if not free and part.header_offset:
            raise RefusedError("damaged: something stands before its first part")
        mark, flags, method, packed, unpacked, *lengths = HEADER.unpack_from(
            content, part.header_offset
        )
        elsewhere = {HAS_EXTENSION, 0} if flags & HAS_SIZES_BEHIND else {HAS_EXTENSION}
        agree = (
            mark == b"PK\3\4"
            and method == part.compress_type
            and packed in {part.compress_size, *elsewhere}
            and unpacked in {part.file_size, *elsewhere}
        )
        if not agree:
            raise RefusedError(f"the part {shown} and the list of parts contradict each other")
        free = part.header_offset + HEADER.size + sum(lengths) + part.compress_size
