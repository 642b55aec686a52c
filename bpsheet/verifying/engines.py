"""Spreadsheet engines that are not ours, behind one function each.

`recalculate(path, sheets, changes)` opens a workbook, types the changed numbers into their
cells, calculates every formula afresh, and gives back what the rows of these sheets then hold.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from bpsheet.errors import EngineError, WorkbookError
from bpsheet.verifying.reading import Values, read_values, sheet_names
from bpsheet.workbook.layout import FIRST_ROW
from bpsheet.workbook.sheet import Sheet

__all__ = ["ENGINES", "Changes", "Recalculate", "libreoffice_command"]

# Cells to change before the calculation: (sheet, cell) and the number or text typed there.
Changes = Mapping[tuple[str, str], float | str]
Recalculate = Callable[[Path, Sequence[Sheet], Changes], list[Values]]

TIMEOUT = 600


def _ironcalc(path: Path, sheets: Sequence[Sheet], changes: Changes) -> list[Values]:
    """In this process."""
    try:
        import ironcalc
    except ImportError:
        raise EngineError(
            "the engine ironcalc is not installed: python -m pip install ironcalc"
        ) from None
    try:
        model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
        number = {name: index for index, name in enumerate(sheet_names(path))}
        for (name, cell), value in changes.items():
            letters, row = coordinate_from_string(cell)
            place = (number[name], row, column_index_from_string(letters))
            if isinstance(value, str):
                model.update_cell_with_text(*place, value)
            else:
                model.update_cell_with_number(*place, value)
        model.evaluate()
        found = []
        for sheet in sheets:
            values = np.full((len(sheet), len(sheet.layout.shown)), None, dtype=object)
            for index, shown in enumerate(sheet.layout.shown):
                for row in range(len(sheet)):
                    values[row, index] = model.get_cell_value(
                        number[sheet.name], row + FIRST_ROW, shown.place
                    )
            found.append(values)
    except ironcalc.WorkbookError as error:
        raise EngineError(f"{path}: ironcalc cannot open it ({error})") from None
    return found


def libreoffice_command() -> str | None:
    """LibreOffice's program, where it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def _libreoffice(path: Path, sheets: Sequence[Sheet], changes: Changes) -> list[Values]:
    """In a process of its own. Stored values are removed first: LibreOffice would keep them."""
    command = libreoffice_command()
    if command is None:
        raise EngineError("the engine libreoffice is not installed (no program soffice was found)")
    with tempfile.TemporaryDirectory(prefix="bpsheet-") as folder:
        source = Path(folder) / "in" / "workbook.xlsx"
        source.parent.mkdir()
        _strip(path, source, changes)
        profile = (Path(folder) / "profile").as_uri()
        try:
            done = subprocess.run(  # noqa: S603
                [
                    command,
                    f"-env:UserInstallation={profile}",
                    "--headless",
                    "--convert-to",
                    "xlsx:Calc MS Excel 2007 XML",
                    "--outdir",
                    folder,
                    str(source),
                ],
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"{path}: LibreOffice took more than {TIMEOUT} seconds") from None
        target = Path(folder) / "workbook.xlsx"
        if done.returncode or not target.exists():
            said = done.stderr.decode(errors="replace").strip()[-300:]
            raise EngineError(f"{path}: LibreOffice failed on this workbook ({said})")
        return [read_values(target, sheet) for sheet in sheets]


def _strip(path: Path, target: Path, changes: Changes) -> None:
    """A copy with the changes typed in and without the values of formulas."""
    names = enumerate(sheet_names(path), start=1)
    sheets = {f"xl/worksheets/sheet{number}.xml": name for number, name in names}
    try:
        with (
            zipfile.ZipFile(path) as old,
            zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for part in old.infolist():
                content = old.read(part)
                if part.filename in sheets:
                    sheet = sheets[part.filename]
                    typed = {cell: value for (s, cell), value in changes.items() if s == sheet}
                    content = STORED.sub(rb"\1", _typed(content, typed))
                new.writestr(part, content)
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise WorkbookError(f"{path}: not a workbook that can be read ({error})") from None


# A formula's stored value, and a cell with its place, its style and its content.
STORED = re.compile(rb"(</f>|<f [^>]*/>)<v>[^<]*</v>")
CELL = re.compile(rb'<c r="([A-Z]+[0-9]+)"((?: s="[0-9]+")?)[^>]*?(?:/>|>.*?</c>)', re.DOTALL)


def _typed(content: bytes, typed: Mapping[str, float | str]) -> bytes:
    """The sheet with numbers (or words) typed into some of its cells."""
    left = dict(typed)

    def cell(found: re.Match[bytes]) -> bytes:
        value = left.pop(found[1].decode(), None)
        if value is None:
            return found[0]
        begin = b'<c r="%s"%s' % (found[1], found[2])
        if isinstance(value, str):
            return begin + f' t="inlineStr"><is><t>{escape(value)}</t></is></c>'.encode()
        return begin + f"><v>{value!r}</v></c>".encode()

    changed = CELL.sub(cell, content) if left else content
    if left:
        raise EngineError(f"the cell {next(iter(left))} holds nothing that could be changed")
    return changed


ENGINES: Mapping[str, Recalculate] = {"ironcalc": _ironcalc, "libreoffice": _libreoffice}
