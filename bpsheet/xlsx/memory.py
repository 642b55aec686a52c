"""openpyxl's package in memory.

openpyxl itself writes each sheet into a temporary file first, and leaves the errors of a full
folder to lxml, which has its own kinds. No part is large here: the rows of a run are streamed.
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
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        _Writer(book, package).write_data()
    return made.getvalue()


class _Writer(ExcelWriter):
    _archive: zipfile.ZipFile

    def write_worksheet(self, ws: Any) -> None:
        """As in openpyxl, but for where the sheet is written."""
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts = ws._charts
        ws._drawing.images = ws._images
        content = io.BytesIO()
        writer: Any = WorksheetWriter(ws, content)
        writer.write()
        ws._rels = writer._rels
        self._archive.writestr(ws.path[1:], content.getvalue())
        self.manifest.append(ws)
