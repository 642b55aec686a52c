"""Writing workbooks, against openpyxl's write-only mode with formulas alone."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from openpyxl import Workbook

import bpsheet as bp
from bpsheet.workbook.writing import layout_of, write_workbook

from .measure import Result, in_turn, process, rounds_of

__all__ = ["workbooks"]

ROWS, MANY = 100_000, 1_000_000
# The others do this part of the work, which takes as long for each row whatever their number: what
# is compared lies near in time, on a machine whose speed changes.
FEWER = 20
ROUNDS = 30
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
    """Ratios of seconds a row, of file sizes; resident memory."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _short(Path(folder))
        yield from _long(Path(folder))


def _short(folder: Path) -> Iterator[Result]:
    ours, theirs = folder / "ours.xlsx", folder / "theirs.xlsx"
    trace = bp.load("two-neuron").run(ROWS)
    write_workbook(trace, ours, LAYOUT)
    with zipfile.ZipFile(ours) as parts:
        content = parts.read("xl/worksheets/sheet1.xml")
    turn = in_turn(
        {
            "ours": partial(write_workbook, trace, ours, LAYOUT),
            "theirs": partial(with_openpyxl, trace, theirs, ROWS // FEWER),
            "deflate": partial(_deflate, content[: len(content) // FEWER]),
        }
    )

    def measured() -> dict[str, float]:
        seconds = turn()
        return {name: took * (1 if name == "ours" else FEWER) for name, took in seconds.items()}

    rounds = rounds_of(measured, [], least=ROUNDS)
    seconds, other, alone = map(rounds.quick, ("ours", "theirs", "deflate"))
    live = ROWS * sum(shown.formula is not None for shown in layout_of(trace, LAYOUT).shown)
    what = f"workbook, {ROWS:,} iterations"
    detail = f"{live / seconds:,.0f} formula cells a second with values; theirs {live / other:,.0f} without"
    writing = rounds.undisturbed("theirs", "ours")
    yield writing.result(what, "openpyxl, write only", bar=12, detail=detail)
    detail = f"{alone:.2f} s for {len(content) / 1e6:.0f} MB; all of ours {seconds:.2f} s"
    against = "the limit: deflate on one processor"
    yield rounds.ratio("ours", "deflate").result(
        what, against, unit="times its time", detail=detail
    )
    yield _size(ours, theirs)


def _deflate(content: bytes) -> None:
    """The limit: deflate alone, at the same level, on one processor, of the same bytes."""
    compressor = zlib.compressobj(5, zlib.DEFLATED, -15, 8, zlib.Z_FILTERED)
    compressor.compress(content)
    compressor.flush()


def _size(ours: Path, theirs: Path) -> Result:
    """Bytes for a row: theirs were fewer rows."""
    mine, other = ours.stat().st_size / ROWS, theirs.stat().st_size / (ROWS // FEWER)
    detail = f"{mine:.0f} bytes a row with values; theirs {other:.0f} without"
    return Result(
        "file size", "openpyxl, write only", mine / other, bar=1.3, at_most=True, detail=detail
    )


def _long(folder: Path) -> Iterator[Result]:
    """Each in a process of its own, the rows computed while they are written."""
    path = folder / "long.xlsx"
    megabytes = []

    def measured() -> dict[str, float]:
        """Seconds for a row."""
        seconds = {}
        for name, rows in {"few": ROWS, "many": MANY}.items():
            found = process("-c", LONG, str(path), str(rows))
            seconds[name] = float(Path(f"{path}.seconds").read_text()) / rows
        megabytes.append(found.megabytes)
        return seconds

    rounds = rounds_of(measured, [("few", "many")], least=3)
    seconds = rounds.seconds("many").value * MANY
    detail = f"{seconds:.1f} s, {path.stat().st_size / 1e6:.0f} MB"
    what = f"workbook, {MANY:,} iterations"
    yield rounds.ratio("few", "many").result(what, "itself at 100,000", bar=1, detail=detail)
    yield Result(
        what, "resident memory", max(megabytes), "MB", bar=400, at_most=True, detail=detail
    )
