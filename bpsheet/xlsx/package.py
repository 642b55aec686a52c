"""The .xlsx file: openpyxl's package, with the rows of its sheets streamed into it.

openpyxl cannot store a formula's value, and holds every cell in memory. So it makes everything
except the rows, which are written while the package is zipped. All dates are fixed, so that the
same experiment gives the same bytes.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple, Self

from openpyxl import Workbook

from bpsheet.files.seals import UNSEALED, sealed_part
from bpsheet.files.whole import replacing
from bpsheet.printers.excel import excel_number
from bpsheet.xlsx.deflate import BLOCK, Deflate
from bpsheet.xlsx.markup import escaped
from bpsheet.xlsx.memory import make_parts

__all__ = ["Rows", "package_bytes", "package_parts", "write_package"]

# A cell with a formula, as openpyxl writes it: without a value.
FORMULA = re.compile(rb'(<c r="([A-Z]+[0-9]+)"[^>]*?)>(<f[^>]*>[^<]*</f>)<v\s*(?:/>|></v>)')
MADE = datetime(2000, 1, 1)  # noqa: DTZ001 - the format's dates have no zone
ZIP_DATE = (2000, 1, 1, 0, 0, 0)
# The part with the workbook's properties. It is written last, with the seal.
PROPERTIES = "docProps/core.xml"


class Rows(NamedTuple):
    """Rows that follow a sheet's own, as blocks of XML, and the area that all its cells then span."""

    area: str
    blocks: Iterable[bytes]


# The values of formulas, by cell: openpyxl writes formulas without their values.
CellValues = Mapping[str, float | str]


def write_package(
    book: Workbook,
    rows: Mapping[str, Rows],
    path: Path,
    values: Mapping[str, CellValues] | None = None,
    fill: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """Write the workbook.

    `rows` has the rows of a sheet, and `values` the values of other formulas, by the sheet's name.
    `fill` has what fills in a sheet just before it is written.
    """
    names = {
        f"xl/worksheets/sheet{number}.xml": name
        for number, name in enumerate(book.sheetnames, start=1)
    }
    with replacing(path) as target:
        with (
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package,
            _Parts(package) as parts,
        ):

            def take(info: zipfile.ZipInfo, content: bytes) -> None:
                name = names.get(info.filename, "")
                whole = _with_values(content, (values or {}).get(name, {}))
                streamed = rows.get(name)
                if streamed is None:
                    parts.add(info, whole)
                else:
                    before, after = _around_rows(whole, streamed)
                    parts.stream(info, chain([before], streamed.blocks, [after]))

            _each_part(book, take, fill or {})
            parts.finish()


class _Parts:
    """Writes the parts of a package. A streamed part is compressed while those after it are made."""

    def __init__(self, package: zipfile.ZipFile) -> None:
        self._package = package
        self._stream: IO[bytes] | None = None
        # What comes after the stream.
        self._waiting: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_stream()

    def finish(self) -> None:
        """Write what waits for the end of a stream."""
        while self._stream is not None:
            self._end_stream()
            waiting, self._waiting = self._waiting, []
            for write in waiting:
                write()

    def _end_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def add(self, info: zipfile.ZipInfo, content: bytes) -> None:
        """Write a part."""
        if self._stream is not None:
            self._waiting.append(partial(self.add, info, content))
        elif len(content) > BLOCK:
            # A wide network has a million characters of notes.
            self.stream(info, [content])
        else:
            _add(self._package, info, content)

    def stream(self, info: zipfile.ZipInfo, blocks: Iterable[bytes]) -> None:
        """Write a part block by block. The last blocks are compressed after this returns."""
        if self._stream is not None:
            self._waiting.append(partial(self.stream, info, blocks))
            return
        # No part is so large (`rows_per_sheet`) that it would need the zip format's
        # extension for sizes, which some readers do not know and Excel may "repair".
        self._stream = stream = self._package.open(info, "w")
        # zipfile has no public way to set its compressor. If it did not know this
        # attribute, it would compress by itself, only slower.
        stream._compressor = Deflate()  # type: ignore[attr-defined]  # noqa: SLF001
        for block in blocks:
            stream.write(block)


def package_bytes(book: Workbook, change: Callable[[str, bytes], bytes]) -> bytes:
    """The bytes of a small workbook; `change` turns each part's name and content into new content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:

        def take(info: zipfile.ZipInfo, content: bytes) -> None:
            _add(package, info, change(info.filename, content))

        _each_part(book, take, {})
    return stream.getvalue()


def package_parts(book: Workbook, rows: Mapping[str, Rows]) -> dict[str, str]:
    """The parts of a workbook as text, by their names, with the rows of its sheets."""
    names = {f"xl/worksheets/sheet{n}.xml": name for n, name in enumerate(book.sheetnames, start=1)}
    parts = {}

    def take(info: zipfile.ZipInfo, content: bytes) -> None:
        streamed = rows.get(names.get(info.filename, ""))
        blocks: Iterable[bytes] = [content]
        if streamed is not None:
            before, after = _around_rows(content, streamed)
            blocks = [before, *streamed.blocks, after]
        parts[info.filename] = b"".join(blocks).decode()

    _each_part(book, take, {})
    return parts


def _add(package: zipfile.ZipFile, info: zipfile.ZipInfo, content: bytes) -> None:
    if info.filename == PROPERTIES:
        content = sealed_part(content, package.infolist())
    package.writestr(info, content)


def _each_part(
    book: Workbook,
    take: Callable[[zipfile.ZipInfo, bytes], None],
    fill: Mapping[str, Callable[[], None]],
) -> None:
    """Make the parts of openpyxl's package, without anything that differs from run to run."""
    book.properties.created = MADE
    book.properties.creator = "bpsheet"
    book.properties.identifier = UNSEALED
    properties: list[bytes] = []

    def made(name: str, content: bytes) -> None:
        if name == PROPERTIES:
            properties.append(_without_time(content))
            return
        if name.startswith("xl/worksheets/_rels/"):
            # Relative paths, as Excel writes them: some readers know no others.
            content = content.replace(b'Target="/xl/', b'Target="../')
        take(_info(name), content)

    make_parts(book, made, fill)
    take(_info(PROPERTIES), *properties)


def _info(name: str) -> zipfile.ZipInfo:
    """A part's entry in the zip file, with a fixed date."""
    info = zipfile.ZipInfo(name, ZIP_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return info


def _around_rows(content: bytes, rows: Rows) -> tuple[bytes, bytes]:
    """The sheet's XML before and after those rows."""
    end = content.index(b"</sheetData>")
    before = re.sub(
        rb'<dimension ref="[^"]*"', f'<dimension ref="{rows.area}"'.encode(), content[:end]
    )
    return before, content[end:]


def _with_values(content: bytes, values: CellValues) -> bytes:
    """A sheet's XML in which the cells with formulas have their values."""
    left = dict(values)

    def with_value(match: re.Match[bytes]) -> bytes:
        value = left.pop(match[2].decode(), None)
        if value is None:
            return match[0]
        if isinstance(value, str):
            kind, shown = ("e" if value.startswith("#") else "str"), escaped(value)
        else:
            is_error = math.isnan(value)
            kind, shown = ("e", "#NUM!") if is_error else ("", excel_number(value))
        typed = f' t="{kind}"' if kind else ""
        return b"%s%s>%s<v>%s</v>" % (match[1], typed.encode(), match[3], shown.encode())

    if left:
        content = FORMULA.sub(with_value, content)
        assert not left
    return content


def _without_time(content: bytes) -> bytes:
    """The properties with a fixed date instead of the time of saving, which openpyxl writes."""
    stamp = MADE.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return re.sub(
        rb"(<dcterms:modified[^>]*>)[^<]*(</dcterms:modified>)",
        rb"\g<1>" + stamp + rb"\g<2>",
        content,
    )
