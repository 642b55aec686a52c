"""The check of one part of XML, which is read in pieces and compared with the limits."""

from __future__ import annotations

import re
from collections import Counter
from xml.parsers import expat

from openpyxl.utils.cell import range_boundaries

from bpsheet.guard.limits import Limits, RefusedError

__all__ = ["PackagePart", "holds_cells", "refuse_foreign"]

MAX_ROW, MAX_COLUMN = 1_048_576, 16_384
# A cell's address. A text that is no address is left to the reader to refuse.
CELL = re.compile(r"([A-Za-z]{1,4})([0-9]{1,9})")

# Plain rows, as every program writes them. They are flat and on the grid, so they are only
# counted: parsing each of their elements would take half as long as the reading itself. Any other
# row is parsed.
ATTRIBUTES = r'(?: [A-Za-z0-9:]{1,24}="[^"<]{0,64}")*+'
ROW = "(?:[1-9][0-9]{0,5}|10[0-3][0-9]{4}|104[0-7][0-9]{3}|1048[0-4][0-9]{2}|10485[0-6][0-9]|104857[0-6])"
COLUMN = "(?:[A-Z]{1,2}|[A-W][A-Z]{2}|X[A-E][A-Z]|XF[A-D])"
PLAIN_CELL = (
    rf'<c r="({COLUMN}){ROW}"{ATTRIBUTES}(?: ?/>|>'
    rf"(?:<f{ATTRIBUTES}(?: ?/>|>[^<]{{0,8192}}</f>))?+"
    r"(?:<v>[^<]{0,64}</v>|<v ?/>)?+"
    rf"(?:<is><t{ATTRIBUTES}>[^<]{{0,32767}}</t></is>)?+</c>)"
)
PLAIN_ROW = re.compile(
    rf'<row r="({ROW})"{ATTRIBUTES}>(?:{PLAIN_CELL}){{0,{MAX_COLUMN}}}+</row>'.encode()
)
ROW_END = b"</row>"
# So many bytes may wait for the end of a row.
MOST_PENDING = 1_000_000
SHEETS = "xl/worksheets/"
# The cells of an OpenDocument spreadsheet, and what Excel notes of the order of calculation: a
# short element for each cell with a formula.
CONTENT, CHAIN = "content.xml", "xl/calcchain.xml"
# The elements of an OpenDocument cell: the cell and the paragraph that shows its value.
OF_CELL = frozenset({"table-cell", "covered-table-cell", "p"})
# Some readers reserve room for the count that a file gives. Below a thousand million (so many
# digits) this does no harm.
COUNTS = frozenset({"count", "uniqueCount"})
LONGEST_COUNT = 9
# A sheet beyond the limit for its area may still span so many cells for each cell with an entry.
AREA_PER_CELL = 20

MACROS = re.compile(r"vbaproject|macrosheet|macroenabled", re.IGNORECASE)
FOREIGN = re.compile(
    r"externallink|embeddings/|oleobject|activex|/(control|connections|querytable|package)$"
    r"|xl/connections\.xml",
    re.IGNORECASE,
)
FOREIGN_MESSAGE = "it leads to another file, or holds another program's object; remove that"
# The limits that count over all parts, in words.
IN_WORDS = {
    "elements": "elements in the file",
    "cells": "cells in the file",
    "sheets": "sheets",
    "merged": "cells are merged",
}


def holds_cells(part: str) -> bool:
    """Whether a part has the cells of a workbook, by its name."""
    return part.lower().startswith(SHEETS) or part.lower() in (CONTENT, CHAIN)


def refuse_foreign(name: str, limits: Limits) -> None:
    """Raise RefusedError for macros, links and objects unless the limits allow them.

    `name` is the name of a part, the type of a relation or the type of a part's content.
    """
    if not limits.macros and MACROS.search(name):
        raise RefusedError("it holds macros, which are never run here; save it as .xlsx")
    if not limits.foreign and FOREIGN.search(name):
        raise RefusedError(f"{FOREIGN_MESSAGE} ({name[-60:]})")


class PackagePart:
    """The check of one part: call `feed` with each piece of its bytes, then `close`.

    Both return the bytes that have passed the check. They raise RefusedError for a broken limit and
    expat's error for bytes that are not XML. `before` is what other parts have already used of the
    limits for the whole file.
    """

    def __init__(self, name: str, limits: Limits, before: Counter[str]) -> None:
        self.name = name
        self.limits = limits
        self._had = {what: getattr(limits, what) - before[what] for what in IN_WORDS}
        self._left = dict(self._had)
        # The bytes that came in and were not yet returned.
        self.pending = b""
        self.may_hold_rows = name.lower().startswith(SHEETS)
        self.counts_cells = holds_cells(name) and not self.may_hold_rows
        self.is_sheet = False
        self.depth = 0
        self.rows = 0
        self.in_row = 0
        self.run = 0
        self.bottom = self.right = 0
        self._last = b""
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype
        self._parser.XmlDeclHandler = self._declared

    def feed(self, piece: bytes) -> bytes:
        """Check the next bytes of the part. An incomplete row waits for its end."""
        self.pending += piece
        end = len(self.pending)
        if self.may_hold_rows:
            if self._parser.CurrentByteIndex <= 0 and b"\0" in self.pending[:4]:
                self._refuse_encoding("UTF-16")
            last = self.pending.rfind(ROW_END)
            if last >= 0:
                end = last + len(ROW_END)
            elif end < MOST_PENDING:
                end = 0
        return self._checked(end)

    def close(self) -> bytes:
        """Check the rest of the part, and the part as a whole."""
        rest = self._checked(len(self.pending))
        self._parser.Parse(b"", True)
        if self.bottom * self.right > max(self.limits.area, AREA_PER_CELL * self.spent["cells"]):
            raise self._refusal(f"its cells span more than {self.limits.area:,} cells")
        return rest

    def _checked(self, end: int) -> bytes:
        piece = self.pending[:end]
        rest = self._without_plain_rows(piece) if self.may_hold_rows else piece
        self.run += len(rest)
        self._parser.Parse(rest, False)
        if self.run > self.limits.run:
            raise self._refusal(f"more than {self.limits.run:,} bytes in one text or row")
        self.pending = self.pending[end:]
        return piece

    def _without_plain_rows(self, piece: bytes) -> bytes:
        rest = PLAIN_ROW.sub(self._plain_row, piece)
        if len(rest) < len(piece):
            self._spend("cells", piece.count(b"<c ") - rest.count(b"<c "))
            self.run = 0
        return rest

    def _plain_row(self, match: re.Match[bytes]) -> bytes:
        self._count_row()
        self.bottom = max(self.bottom, int(match[1]))
        if match[2] is not None and match[2] != self._last:
            self._last = match[2]
            self.right = max(self.right, _column(match[2].decode()))
        return b""

    def _refusal(self, message: str) -> RefusedError:
        return RefusedError(f"{self.name[:80]}: {message}")

    def _doctype(self, *_: object) -> None:
        raise self._refusal("a document type or an entity is declared, which no workbook needs")

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if self.may_hold_rows and (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
            self._refuse_encoding(str(encoding))

    def _refuse_encoding(self, encoding: str) -> None:
        raise self._refusal(f"in the encoding {encoding[:20]}; a sheet is read in UTF-8 only")

    @property
    def spent(self) -> Counter[str]:
        """What this part has used of the limits for the whole file."""
        return Counter({what: self._had[what] - left for what, left in self._left.items()})

    def _spend(self, what: str, number: int) -> None:
        self._left[what] -= number
        if self._left[what] < 0:
            raise self._refusal(f"more than {getattr(self.limits, what):,} {IN_WORDS[what]}")

    def _end(self, _name: str) -> None:
        self.depth -= 1
        if self.in_row > self.depth:
            self.in_row = 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        kind = name.rpartition(":")[2]
        is_cell = self.counts_cells and (kind in OF_CELL or kind == "c")
        self._spend("cells" if is_cell else "elements", 1)
        if self.depth > self.limits.depth:
            raise self._refusal(f"nested more than {self.limits.depth} deep")
        if len(attributes) > self.limits.attributes:
            raise self._refusal(f"more than {self.limits.attributes} attributes in one element")
        if not COUNTS.isdisjoint(attributes):
            self._counted(attributes)
        if not self.in_row:
            self.run = 0
        if self.depth == 1:
            self.is_sheet = kind == "worksheet"
        if self.is_sheet:
            self._in_sheet(kind, attributes)
        elif kind == "sheet":
            self._spend("sheets", 1)
        elif kind == "Relationship":
            self._related(attributes)
        elif kind in ("Override", "Default"):
            refuse_foreign(attributes.get("ContentType", ""), self.limits)

    def _counted(self, attributes: dict[str, str]) -> None:
        for name in COUNTS & attributes.keys():
            if len(attributes[name]) > LONGEST_COUNT:
                raise self._refusal(f"an impossible {name} of {attributes[name][:20]}")

    def _related(self, attributes: dict[str, str]) -> None:
        """Check a relation. A link to click on is harmless; one that programs follow is not."""
        kind = attributes.get("Type", "")
        refuse_foreign(kind, self.limits)
        is_outside = attributes.get("TargetMode", "").lower() == "external"
        if is_outside and not kind.endswith("/hyperlink") and not self.limits.foreign:
            raise self._refusal(FOREIGN_MESSAGE)

    def _in_sheet(self, kind: str, attributes: dict[str, str]) -> None:
        if kind == "dimension":
            _, _, right, bottom = range_boundaries(attributes.get("ref", "A1")[:40])
            self.right = max(self.right, right or MAX_COLUMN)
            self.bottom = max(self.bottom, bottom or MAX_ROW)
        elif kind == "mergeCell":
            self._merge(attributes.get("ref", ""))
        elif kind == "row":
            self.in_row = self.in_row or self.depth
            self._count_row()
            self._on_grid(kind, attributes.get("r"))
        elif kind == "c":
            self._spend("cells", 1)
            self._on_grid(kind, attributes.get("r"))

    def _count_row(self) -> None:
        self.rows += 1
        if self.rows > MAX_ROW:
            raise self._refusal(f"more than {MAX_ROW:,} rows")

    def _merge(self, ref: str) -> None:
        left, top, right, bottom = range_boundaries(ref[:40])
        if left is None or top is None or right is None or bottom is None:
            raise self._refusal("a merged area without bounds")
        self._spend("merged", max(0, right - left + 1) * max(0, bottom - top + 1))

    def _on_grid(self, kind: str, address: str | None) -> None:
        if address is None:
            return
        if kind == "row":
            is_number = address.isascii() and address.isdigit()
            if not is_number or not 1 <= _small(address) <= MAX_ROW:
                raise self._refusal(f"a row number off the grid: {address[:20]!r}")
            self.bottom = max(self.bottom, _small(address))
            return
        match = CELL.fullmatch(address)
        row, column = (int(match[2]), _column(match[1])) if match else (0, 0)
        if not 1 <= row <= MAX_ROW or not 1 <= column <= MAX_COLUMN:
            raise self._refusal(f"a cell off the grid: {address[:20]!r}")
        self.bottom, self.right = max(self.bottom, row), max(self.right, column)


def _small(digits: str) -> int:
    return int(digits[:10])


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number
