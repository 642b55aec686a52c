"""The parts of openpyxl's package, made one after the other in memory, each in the canonical form.

openpyxl writes each sheet into a temporary file first. If the disk is full, lxml raises errors of
its own kinds. The rows of a run are streamed into the file later; what is large besides, cells and
notes, is written as text here.
"""
# ruff: noqa: SLF001 - openpyxl has no public way to say where a sheet is written

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, cast

from openpyxl import Workbook
from openpyxl.comments.comment_sheet import CommentSheet
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.packaging.relationship import Relationship
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from bpsheet.xlsx.canonical import canonical
from bpsheet.xlsx.cell_xml import rows_of
from bpsheet.xlsx.notes import noted_cells, shapes_part, texts_part

__all__ = ["make_parts"]

# The endings of all parts except pictures.
XML = (".xml", ".rels", ".vml")
NO_ROWS, ROWS = b"<sheetData/>", b"<sheetData>%s</sheetData>"


def make_parts(
    book: Workbook, take: Callable[[str, bytes], None], fill: Mapping[str, Callable[[], None]]
) -> None:
    """Make the parts that `book.save` would write. `take` gets the name of each and its content.

    `fill` has what fills in a sheet just before it is written, by the sheet's name.
    """
    writer = _Writer(book, cast(Any, _Archive(take)))
    writer.fill = fill
    writer.write_data()


class _Archive:
    """What openpyxl needs of a zip file."""

    def __init__(self, take: Callable[[str, bytes], None]) -> None:
        self._take = take
        self._names: list[str] = []

    def namelist(self) -> list[str]:
        return self._names

    def writestr(self, name: str, content: str | bytes) -> None:
        whole = content.encode() if isinstance(content, str) else content
        self.put(name, canonical(whole) if name.endswith(XML) else whole)

    def put(self, name: str, content: bytes) -> None:
        """Add a part that is canonical already."""
        self._names.append(name)
        self._take(name, content)


class _SheetWriter(WorksheetWriter):
    """A sheet without its rows."""

    def write_rows(self) -> None:
        stream: Any = self.xf.send(True)
        with stream.element("sheetData"):
            pass
        self.xf.send(None)


class _Writer(ExcelWriter):
    _archive: Any
    _comments: list[Any]
    fill: Mapping[str, Callable[[], None]]

    def write_worksheet(self, ws: Any) -> None:
        """Write a sheet as openpyxl does, but in memory."""
        if ws.title in self.fill:
            self.fill[ws.title]()
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts = ws._charts
        ws._drawing.images = ws._images
        content = io.BytesIO()
        writer: Any = _SheetWriter(ws, content)
        # What comes after the rows refers to these.
        ws._comments = noted_cells(ws)
        ws._hyperlinks = [cell.hyperlink for cell in ws._cells.values() if cell.hyperlink]
        writer.write()
        ws._rels = writer._rels
        rows = rows_of(ws).encode()
        whole = canonical(content.getvalue())
        self._archive.put(ws.path[1:], whole.replace(NO_ROWS, ROWS % rows) if rows else whole)
        self.manifest.append(ws)

    def _write_comment(self, ws: Any) -> None:
        """Write the notes of a sheet."""
        notes = cast(Any, CommentSheet).from_comments([])
        self._comments.append(notes)
        notes._id = len(self._comments)
        ws.legacy_drawing = f"xl/drawings/commentsDrawing{notes._id}.vml"
        self._archive.put(notes.path[1:], texts_part(ws._comments).encode())
        self._archive.put(ws.legacy_drawing, shapes_part(ws._comments).encode())
        self.manifest.append(notes)
        ws._rels.append(Relationship(Id="comments", type=notes._rel_type, Target=notes.path))
