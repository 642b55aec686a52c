"""Writing workbooks, against openpyxl's write-only mode with formulas alone."""

from __future__ import annotations

import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from openpyxl import Workbook

import bpsheet as bp
from bpsheet.workbook.writing import layout_of, write_workbook

from .measure import Result, median_times, process

__all__ = ["workbooks"]

ROWS, MANY = 100_000, 1_000_000
# The book's columns: 26 cells an iteration, 23 of them formulas.
LAYOUT = "book"
LONG = """
import sys, time
import bpsheet as bp
from bpsheet.runs.longrun import LongRun
from bpsheet.workbook.writing import write_workbook
from pathlib import Path
run = LongRun(bp.load("two-neuron").changed({"iterations": int(sys.argv[2])}))
begun = time.perf_counter()
write_workbook(run, Path(sys.argv[1]), "book")
Path(sys.argv[1] + ".seconds").write_text(str(time.perf_counter() - begun))
"""


def with_openpyxl(trace: bp.Trace, path: Path, rows: int) -> None:
    """The same formulas in as many rows, without values: openpyxl stores none."""
    layout = layout_of(trace, LAYOUT)
    templates = [
        (layout.formula(shown.column.name, 1001) or "")
        .replace("1001", "{row}")
        .replace("1000", "{above}")
        for shown in layout.shown
    ]
    first = [
        float(trace.values[0, trace.program.position[shown.column.name]]) for shown in layout.shown
    ]
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Steps")
    for row in range(9, 9 + rows):
        sheet.append(
            [
                f"={template.format(row=row, above=row - 1)}" if template else value
                for template, value in zip(templates, first, strict=True)
            ]
        )
    book.save(path)


def workbooks() -> Iterator[Result]:
    """Ratios of formula cells a second, of file sizes; resident memory."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / "ours.xlsx", Path(folder) / "theirs.xlsx"
        trace = bp.load("two-neuron").run(ROWS)
        live = sum(shown.formula is not None for shown in layout_of(trace, LAYOUT).shown)
        times = median_times(
            {
                "ours": partial(write_workbook, trace, ours, LAYOUT),
                "theirs": partial(with_openpyxl, trace, theirs, ROWS // 5),
            },
            rounds=3,
        )
        rate, other = ROWS * live / times["ours"], ROWS // 5 * live / times["theirs"]
        detail = f"{rate:,.0f} formula cells a second with values; theirs {other:,.0f} without"
        what = f"workbook, {ROWS:,} iterations"
        yield Result(what, "openpyxl, write only", rate / other, bar=12, detail=detail)
        yield _deflate(what, ours, times["ours"])
        yield _size(ours, theirs)
        yield from _long(Path(folder), live)


def _deflate(what: str, path: Path, seconds: float) -> Result:
    """The limit: deflate alone, at the same level, on one processor, of the same bytes."""
    with zipfile.ZipFile(path) as parts:
        content = parts.read("xl/worksheets/sheet1.xml")
    begun = time.perf_counter()
    compressor = zlib.compressobj(5, zlib.DEFLATED, -15, 8, zlib.Z_FILTERED)
    compressor.compress(content)
    compressor.flush()
    alone = time.perf_counter() - begun
    detail = f"{alone:.2f} s for {len(content) / 1e6:.0f} MB; all of ours {seconds:.2f} s"
    figure = seconds / alone
    return Result(
        what, "the limit: deflate on one processor", figure, "times its time", detail=detail
    )


def _size(ours: Path, theirs: Path) -> Result:
    """Bytes for a row: theirs were fewer rows."""
    mine, other = ours.stat().st_size / ROWS, theirs.stat().st_size / (ROWS // 5)
    detail = f"{mine:.0f} bytes a row with values; theirs {other:.0f} without"
    return Result(
        "file size", "openpyxl, write only", mine / other, bar=1.3, at_most=True, detail=detail
    )


def _long(folder: Path, live: int) -> Iterator[Result]:
    """Each in a process of its own, the rows computed while they are written."""
    path = folder / "long.xlsx"
    rates, what = [], f"workbook, {MANY:,} iterations"
    for rows in (ROWS, ROWS, MANY):
        found = process("-c", LONG, str(path), str(rows))
        seconds = float(Path(f"{path}.seconds").read_text())
        rates.append(rows * live / seconds)
    *few, cells = rates
    rate = max(few)
    detail = (
        f"{seconds:.1f} s, {cells:,.0f} formula cells a second, {path.stat().st_size / 1e6:.0f} MB"
    )
    yield Result(what, "itself at 100,000", cells / rate, bar=1, detail=detail)
    yield Result(
        what, "resident memory", found.megabytes, "MB", bar=400, at_most=True, detail=detail
    )
