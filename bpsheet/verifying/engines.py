"""Independent spreadsheet engines, each behind one function.

`recalculate(package, sheets, changes)` opens a workbook, types the changed numbers into their
cells, recalculates every formula, and returns the values in the rows of the sheets. Each engine
runs in its own process, on a copy of the checked file.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from openpyxl.utils.cell import column_index_from_string, coordinate_from_string

from bpsheet.errors import EngineError, MissingExtraError
from bpsheet.files.whole import temporary_folder
from bpsheet.formula.tree import Call, walk
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import Guarded, opened
from bpsheet.verifying.child import columns_of
from bpsheet.verifying.process import Task, run_engine
from bpsheet.workbook.reading import StoredCells, read_values, sheet_names
from bpsheet.workbook.sheet import Readable, Sheet
from bpsheet.xlsx.cells import FIRST_ROW

__all__ = ["ENGINES", "Changes", "Recalculate", "exactness", "libreoffice_command"]

# The cells to change before the calculation: (sheet, cell), with the number or text to type.
Changes = Mapping[tuple[str, str], float | str]
Recalculate = Callable[[Guarded, Sequence[Readable], Changes], list[StoredCells]]

# The memory in bytes that an engine may use, in addition to a multiple of the workbook's unpacked
# size. For a hundred thousand iterations ironcalc used two and a half times that size.
MEMORY = 1_000_000_000
OFFICE_MEMORY = 4_000_000_000


def _ironcalc(package: Guarded, sheets: Sequence[Readable], changes: Changes) -> list[StoredCells]:
    if find_spec("ironcalc") is None:
        raise MissingExtraError("the engine ironcalc is not installed", "verify")
    number = {name: index for index, name in enumerate(sheet_names(package))}
    package.check()
    typed = []
    for (name, cell), value in changes.items():
        letters, row = coordinate_from_string(cell)
        typed.append([number[name], row, column_index_from_string(letters), value])
    asked = [
        [number[sheet.name], FIRST_ROW, len(sheet), list(sheet.places)]
        for sheet in sheets
        if sheet.name in number
    ]
    with temporary_folder() as folder:
        # The copy has the checked bytes, even if the file has changed since.
        target = folder / "workbook.xlsx"
        target.write_bytes(package.content)
        request = json.dumps({"path": str(target), "changes": typed, "sheets": asked})
        output = run_engine(
            [sys.executable, "-P", str(Path(__file__).with_name("child.py"))],
            Task("ironcalc", package.name, memory=MEMORY + 8 * package.unpacked),
            request.encode(),
        )
    columns = columns_of(io.BytesIO(output))
    values = []
    for sheet in sheets:
        values.append(np.full((len(sheet), len(sheet.places)), None, dtype=object))
        for index in range(len(sheet.places) if sheet.name in number else 0):
            values[-1][:, index] = next(columns)
    return values


def libreoffice_command() -> str | None:
    """The path of LibreOffice's program, or None."""
    return shutil.which("soffice") or shutil.which("libreoffice")


def _libreoffice(
    package: Guarded, sheets: Sequence[Readable], changes: Changes
) -> list[StoredCells]:
    """Stored values are removed first: LibreOffice would keep them."""
    command = libreoffice_command()
    if command is None:
        raise EngineError("the engine libreoffice is not installed (there is no program soffice)")
    with temporary_folder() as folder:
        source = folder / "in" / "workbook.xlsx"
        source.parent.mkdir()
        _strip(package, source, changes)
        profile = (folder / "profile").as_uri()
        task = Task("LibreOffice", package.name, memory=OFFICE_MEMORY + 32 * package.unpacked)
        output = run_engine(
            [
                command,
                f"-env:UserInstallation={profile}",
                "--headless",
                "--convert-to",
                "xlsx:Calc MS Excel 2007 XML",
                "--outdir",
                str(folder),
                str(source),
            ],
            task,
            temporary=folder,
        )
        target = folder / "workbook.xlsx"
        if not target.exists():
            raise task.failed(output)
        with opened(target, OURS, f"{package.name}, as LibreOffice saved it") as saved:
            return [read_values(saved, sheet) for sheet in sheets]


def _strip(package: Guarded, target: Path, changes: Changes) -> None:
    """Write a copy with the changes, and without the stored values of formulas."""
    names = enumerate(sheet_names(package), start=1)
    sheets = {f"xl/worksheets/sheet{number}.xml": name for number, name in names}
    package.check()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for part in package.infolist():
            content = package.read(part)
            if part.filename in sheets:
                sheet = sheets[part.filename]
                typed = {cell: value for (s, cell), value in changes.items() if s == sheet}
                content = STORED.sub(rb"\1", _typed(content, typed))
            # Writing changes the part's offset in its description, so a copy of it is written.
            new.writestr(copy(part), content)


# A formula's stored value, and a cell with its address, its style and its content.
STORED = re.compile(rb"(</f>|<f [^>]*/>)<v>[^<]*</v>")
CELL = re.compile(rb'<c r="([A-Z]+[0-9]+)"((?: s="[0-9]+")?)[^>]*?(?:/>|>.*?</c>)', re.DOTALL)


def _typed(content: bytes, typed: Mapping[str, float | str]) -> bytes:
    """A sheet's XML with numbers or words typed into some of its cells."""
    left = dict(typed)

    def cell(match: re.Match[bytes]) -> bytes:
        value = left.pop(match[1].decode(), None)
        if value is None:
            return match[0]
        begin = b'<c r="%s"%s' % (match[1], match[2])
        if isinstance(value, str):
            return begin + f' t="inlineStr"><is><t>{escape(value)}</t></is></c>'.encode()
        return begin + f"><v>{value!r}</v></c>".encode()

    changed = CELL.sub(cell, content) if left else content
    if left:
        raise EngineError(f"the cell {next(iter(left))} is empty, so it cannot be changed")
    return changed


ENGINES: Mapping[str, Recalculate] = {"ironcalc": _ironcalc, "libreoffice": _libreoffice}

# Functions that an engine computes less exactly than spreadsheets do. The ERF of ironcalc is off
# by up to 1e-10 of its value; values that follow from it are off by somewhat more.
FEWER_DIGITS: Mapping[str, Mapping[str, float]] = {"ironcalc": {"erf": 1e-8}}


def exactness(engine: str, sheets: Sequence[Sheet]) -> float:
    """The relative difference that an engine may cause in these sheets; 0 for an exact engine."""
    fewer = FEWER_DIGITS.get(engine, {})
    used = {
        node.function
        for sheet in sheets
        for column in sheet.layout.program
        for node in (walk(column.formula) if fewer and column.formula is not None else ())
        if isinstance(node, Call)
    }
    return max((fewer[name] for name in used if name in fewer), default=0.0)
