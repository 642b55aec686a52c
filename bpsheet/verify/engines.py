"""Spreadsheet engines that are not ours, behind one function each.

`recalculate(path, layout, iterations, changes)` opens a workbook, types the changed
numbers into their cells, calculates every formula afresh, and gives back what the cells
of Steps then hold.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from bpsheet.errors import EngineError
from bpsheet.verify.reading import Values, read_values
from bpsheet.workbook.layout import FIRST_ROW, Layout
from bpsheet.workbook.steps import STEPS

__all__ = ["ENGINES", "Changes", "Recalculate", "libreoffice_command"]

# Cells to change before the calculation: (sheet, cell) and the number or text typed there.
Changes = Mapping[tuple[str, str], float | str]
Recalculate = Callable[[Path, Layout, int, Changes], Values]

SHEETS = (STEPS, "Data")
TIMEOUT = 600


def _ironcalc(path: Path, layout: Layout, iterations: int, changes: Changes) -> Values:
    """In this process; cells that hold no formula where one belongs come back as None."""
    try:
        import ironcalc
    except ImportError:
        raise EngineError(
            "the engine ironcalc is not installed: python -m pip install ironcalc"
        ) from None
    try:
        model = ironcalc.load_from_xlsx(str(path), "en", "UTC", "en")
        for (sheet, cell), value in changes.items():
            letters, row = coordinate_from_string(cell)
            place = (SHEETS.index(sheet), row, column_index_from_string(letters))
            if isinstance(value, str):
                model.update_cell_with_text(*place, value)
            else:
                model.update_cell_with_number(*place, value)
        model.evaluate()
        values = np.full((iterations, len(layout.shown)), None, dtype=object)
        for index, shown in enumerate(layout.shown):
            for row in range(iterations):
                place = (0, row + FIRST_ROW, shown.place)
                is_typed = shown.formula is None or (row == 0 and shown.starts_typed)
                if is_typed or model.get_cell_formula(*place) is not None:
                    values[row, index] = model.get_cell_value(*place)
    except ironcalc.WorkbookError as error:
        raise EngineError(f"{path}: ironcalc cannot open it ({error})") from None
    return values


def libreoffice_command() -> str | None:
    """LibreOffice's program, where it is installed."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def _libreoffice(path: Path, layout: Layout, iterations: int, changes: Changes) -> Values:
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
        return read_values(target, layout, iterations)[0]


def _strip(path: Path, target: Path, changes: Changes) -> None:
    """A copy with the changes typed in and without the values of formulas."""
    sheets = {f"xl/worksheets/sheet{n}.xml": name for n, name in enumerate(SHEETS, start=1)}
    with (
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            content = old.read(part)
            for (sheet, cell), value in changes.items():
                if sheets.get(part.filename) == sheet:
                    content = _typed(content, cell, value)
            if part.filename in sheets:
                content = re.sub(rb"(</f>|<f [^>]*/>)<v>[^<]*</v>", rb"\1", content)
            new.writestr(part, content)


def _typed(content: bytes, cell: str, value: float | str) -> bytes:
    style = rb'<c r="%s"(?P<style>( s="[0-9]+")?)[^>]*>.*?</c>' % cell.encode()
    if isinstance(value, str):
        made = f't="inlineStr"><is><t>{value}</t></is></c>'
    else:
        made = f"><v>{value!r}</v></c>"
    replacement = rb'<c r="%s"\g<style> ' % cell.encode() + made.encode()
    changed, count = re.subn(style, replacement, content, count=1)
    if count != 1:
        raise EngineError(f"the cell {cell} holds nothing that could be changed")
    return changed


ENGINES: Mapping[str, Recalculate] = {"ironcalc": _ironcalc, "libreoffice": _libreoffice}
