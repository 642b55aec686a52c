"""openpyxl's package, written in memory.

openpyxl writes each sheet into a temporary file first. If the disk is full, lxml raises errors of
its own kinds. No part is large here, because the rows of a run are streamed.
"""
# ruff: noqa: SLF001 - openpyxl has no public way to say where a sheet is written

from __future__ import annotations

import io
import zipfile
from typing import Any

from openpyxl import Workbook
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

__all__ = ["saved"]


def saved(book: Workbook) -> bytes:
    """The bytes that `book.save` would write, without any file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as package:
        _Writer(book, package).write_data()
    return stream.getvalue()


class _Writer(ExcelWriter):
    _archive: zipfile.ZipFile

    def write_worksheet(self, ws: Any) -> None:
        """Write a sheet as openpyxl does, but in memory."""
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts = ws._charts
        ws._drawing.images = ws._images
        content = io.BytesIO()
        writer: Any = WorksheetWriter(ws, content)
        writer.write()
        ws._rels = writer._rels
        self._archive.writestr(ws.path[1:], content.getvalue())
        self.manifest.append(ws)
