"""A guard before a stranger's workbook: refused here, it is never parsed in full.

A megabyte of zip may hold a gigabyte of sheet, a merged area may cover sixteen thousand
million cells, an entity may stand for itself ten times over. Each of these has a limit, and
a file that passes one is refused by its name and the limit's. Nothing is unpacked to a disk.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from pathlib import Path
from xml.parsers import expat

from openpyxl.utils.cell import range_boundaries

from bpsheet.errors import WorkbookError

__all__ = ["guarded_bytes"]

MAX_FILE = 8_000_000
MAX_ENTRIES = 200
MAX_PART = 16_000_000
MAX_UNPACKED = 40_000_000
MAX_DEPTH = 64
MAX_ELEMENTS = 100_000
MAX_SHEETS = 50
MAX_ATTRIBUTES = 200
MAX_MERGED = 20_000
MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
CHUNK = 65_536
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
XML = (".xml", ".rels", ".vml")
# The format that Excel puts an encrypted workbook in; old .xls files are in it too.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A row, a column or a cell's place; what is no place at all is the reader's to refuse.
CELL = re.compile(r"([A-Za-z]{1,4})([0-9]{1,9})")


def guarded_bytes(path: Path, elements: int = MAX_ELEMENTS) -> bytes:
    """The bytes of a workbook that is safe to read. What is checked is what is returned.

    `elements` is how many elements of XML it may have; a cell with a formula takes three.
    Raises WorkbookError, naming the file and the limit that it breaks.
    """
    try:
        data = _read(path)
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            _check(package, elements)
    except _RefusedError as refused:
        raise WorkbookError(f"{path.name}: {refused}") from None
    except expat.ExpatError as error:
        raise WorkbookError(f"{path.name}: damaged ({expat.ErrorString(error.code)})") from None
    except OSError as error:
        raise WorkbookError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    except (
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise WorkbookError(f"{path.name}: damaged, or not a workbook ({error})") from None
    return data


class _RefusedError(Exception):
    """A limit that a file breaks."""


def _read(path: Path) -> bytes:
    """The file, once and no more than the limit: it may grow or be a device."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise _RefusedError("not a regular file")
    if found.st_size == 0:
        raise _RefusedError("an empty file")
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise _RefusedError(f"more than {MAX_FILE:,} bytes")
    if data.startswith(COMPOUND):
        raise _RefusedError(
            "encrypted with a password, or an old .xls file; save it without one, as .xlsx"
        )
    if not data.startswith(b"PK"):
        raise _RefusedError("not a workbook (.xlsx)")
    return data


def _check(package: zipfile.ZipFile, elements: int) -> None:
    parts = package.infolist()
    if len(parts) > MAX_ENTRIES:
        raise _RefusedError(f"{len(parts):,} parts; at most {MAX_ENTRIES} are read")
    seen: set[str] = set()
    for part in parts:
        name = part.filename
        if name.casefold() in seen:
            raise _RefusedError(f"the part {name[:80]!r} is there twice")
        seen.add(name.casefold())
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise _RefusedError(f"a part with the unsafe name {name[:80]!r}")
        if part.flag_bits & 0x1:
            raise _RefusedError(f"the part {name[:80]!r} is encrypted")
        if part.compress_type not in METHODS:
            raise _RefusedError(f"the part {name[:80]!r} is packed in an unknown way")
        if part.file_size > MAX_PART:
            raise _RefusedError(f"the part {name[:80]!r} unpacks to more than {MAX_PART:,} bytes")
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise _RefusedError(f"unpacks to more than {MAX_UNPACKED:,} bytes")
    if "[content_types].xml" not in seen or "xl/workbook.xml" not in seen:
        raise _RefusedError("not a workbook (.xlsx)")
    budget = _Budget(elements)
    for part in parts:
        try:
            _Part(package, part, budget).check()
        except expat.ExpatError:
            # A picture is no XML. Every part is held against the limits all the same, for
            # its name does not say how a reader takes it.
            if part.filename.lower().endswith(XML):
                raise


class _Budget:
    """What all parts together may use."""

    def __init__(self, elements: int) -> None:
        self.elements = self.most = elements
        self.merged = MAX_MERGED
        self.sheets = MAX_SHEETS


class _Part:
    """One part of XML, read in pieces and held against the limits; nothing of it is kept."""

    def __init__(self, package: zipfile.ZipFile, part: zipfile.ZipInfo, budget: _Budget) -> None:
        self.package = package
        self.part = part
        self.budget = budget
        self.depth = 0
        self.is_sheet = part.filename.lower().startswith("xl/worksheets/")

    def check(self) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        parser.EntityDeclHandler = self._doctype
        parser.buffer_text = True
        with self.package.open(self.part) as stream:
            while piece := stream.read(CHUNK):
                parser.Parse(piece, False)
        parser.Parse(b"", True)

    def _refuse(self, said: str) -> _RefusedError:
        return _RefusedError(f"{self.part.filename[:80]}: {said}")

    def _doctype(self, *_: object) -> None:
        raise self._refuse("a document type or an entity is declared, which no workbook needs")

    def _end(self, _name: str) -> None:
        self.depth -= 1

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.budget.elements -= 1
        if self.depth > MAX_DEPTH:
            raise self._refuse(f"nested more than {MAX_DEPTH} deep")
        if self.budget.elements < 0:
            raise self._refuse(f"more than {self.budget.most:,} elements in the file")
        if len(attributes) > MAX_ATTRIBUTES:
            raise self._refuse(f"more than {MAX_ATTRIBUTES} attributes in one place")
        kind = name.rpartition(":")[2]
        if kind == "sheet":
            self.budget.sheets -= 1
            if self.budget.sheets < 0:
                raise self._refuse(f"more than {MAX_SHEETS} sheets")
        elif kind == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif self.is_sheet and kind in ("row", "c"):
            self._on_grid(kind, attributes.get("r"))

    def _merge(self, ref: str) -> None:
        left, top, right, bottom = range_boundaries(ref[:40])
        if left is None or top is None or right is None or bottom is None:
            raise self._refuse("a merged area without bounds")
        self.budget.merged -= max(0, right - left + 1) * max(0, bottom - top + 1)
        if self.budget.merged < 0:
            raise self._refuse(f"more than {MAX_MERGED:,} cells are merged")

    def _on_grid(self, kind: str, place: str | None) -> None:
        if place is None:
            return
        if kind == "row":
            if not place.isascii() or not place.isdigit() or not 1 <= _small(place) <= MAX_ROW:
                raise self._refuse(f"a row number off the grid: {place[:20]!r}")
            return
        found = CELL.fullmatch(place)
        if found is None or not 1 <= int(found[2]) <= MAX_ROW or _column(found[1]) > MAX_COLUMN:
            raise self._refuse(f"a cell off the grid: {place[:20]!r}")


def _small(digits: str) -> int:
    return int(digits[:10])


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number
