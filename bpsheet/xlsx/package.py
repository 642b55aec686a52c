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
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from openpyxl import Workbook

from bpsheet.files.seals import UNSEALED, sealed_part
from bpsheet.files.whole import replacing
from bpsheet.printers.excel import excel_number
from bpsheet.xlsx.deflate import Deflate
from bpsheet.xlsx.markup import escaped
from bpsheet.xlsx.memory import saved

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
) -> None:
    """Write the workbook.

    `rows` has the rows of a sheet, and `values` the values of other formulas, by the sheet's name.
    """
    names = {
        f"xl/worksheets/sheet{number}.xml": name
        for number, name in enumerate(book.sheetnames, start=1)
    }
    with replacing(path) as target:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as package:
            for info, content in _parts(book):
                name = names.get(info.filename, "")
                whole = _with_values(content, (values or {}).get(name, {}))
                streamed = rows.get(name)
                if streamed is None:
                    _add(package, info, whole)
                    continue
                before, after = _around_rows(whole, streamed)
                # No part is so large (`rows_per_sheet`) that it would need the zip format's
                # extension for sizes, which some readers do not know and Excel may "repair".
                with package.open(info, "w") as stream:
                    # zipfile has no public way to set its compressor. If it did not know this
                    # attribute, it would compress by itself, only slower.
                    stream._compressor = Deflate()  # type: ignore[attr-defined]  # noqa: SLF001
                    for block in chain([before], streamed.blocks, [after]):
                        stream.write(block)


def package_bytes(book: Workbook, change: Callable[[str, bytes], bytes]) -> bytes:
    """The bytes of a small workbook; `change` turns each part's name and content into new content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for info, content in _parts(book):
            _add(package, info, change(info.filename, content))
    return stream.getvalue()


def package_parts(book: Workbook, rows: Mapping[str, Rows]) -> dict[str, str]:
    """The parts of a workbook as text, by their names, with the rows of its sheets."""
    names = {f"xl/worksheets/sheet{n}.xml": name for n, name in enumerate(book.sheetnames, start=1)}
    parts = {}
    for info, content in _parts(book):
        streamed = rows.get(names.get(info.filename, ""))
        blocks: Iterable[bytes] = [content]
        if streamed is not None:
            before, after = _around_rows(content, streamed)
            blocks = [before, *streamed.blocks, after]
        parts[info.filename] = b"".join(blocks).decode()
    return parts


def _add(package: zipfile.ZipFile, info: zipfile.ZipInfo, content: bytes) -> None:
    if info.filename == PROPERTIES:
        content = sealed_part(content, package.infolist())
    package.writestr(info, content)


def _parts(book: Workbook) -> Iterator[tuple[zipfile.ZipInfo, bytes]]:
    """The parts of openpyxl's package, without anything that differs from run to run."""
    book.properties.created = MADE
    book.properties.creator = "bpsheet"
    book.properties.identifier = UNSEALED
    parts = saved(book)
    for name in sorted(parts, key=lambda name: name == PROPERTIES):
        info = zipfile.ZipInfo(name, ZIP_DATE)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        content = parts[name]
        if name == PROPERTIES:
            content = _without_time(content)
        elif name.startswith("xl/worksheets/_rels/"):
            # Relative paths, as Excel writes them: some readers know no others.
            content = content.replace(b'Target="/xl/', b'Target="../')
        yield info, content


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
