"""What somebody waits for: whole commands, against the work that they cannot do without."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from openpyxl import Workbook

import bpsheet as bp
from bpsheet.workbook.about import build_data
from bpsheet.workbook.rows import Reader, row_xml
from bpsheet.workbook.steps import build_sheet
from bpsheet.workbook.writing import sheets_of
from bpsheet.xlsx.deflate import Deflate

from .measure import Result, median_times, process

__all__ = ["waiting"]

COMMAND = "import sys; from bpsheet.cli import main; sys.argv = ['bpsheet', *sys.argv[1:]]; main()"
READ = """
import sys, openpyxl
for sheet in openpyxl.load_workbook(sys.argv[1]):
    for row in sheet.iter_rows(values_only=True):
        pass
"""
# What a command imports, and as many rows as it looks at.
RECORD = """
import sys
import bpsheet.cli, bpsheet.terminal.display
for name in sys.argv[3].split():
    __import__(name)
import bpsheet as bp
bp.load(sys.argv[1]).run(int(sys.argv[2]))
"""
FRAMES = "pandas rich.table"
POINTS = 4499
# A command of a second or two differs more from one time to the next than one of half a minute.
ROUNDS, MORE_ROUNDS = 3, 7
# Commands by what they import besides, and by the rows that they need of a template: the whole run,
# the row that is looked at, or a forward pass for each weight's two steps.
LOOKED_AT = {
    ("show", "iris"): ("rich.table", 2100),
    ("show", "digits"): ("rich.table", 100),
    ("health", "iris"): (FRAMES, 2100),
    ("health", "digits"): (FRAMES, 100),
    ("draw", "iris"): ("matplotlib.figure matplotlib.backends.backend_svg", 2100),
    ("draw", "digits"): ("matplotlib.figure matplotlib.backends.backend_svg", 100),
    ("hessian", "iris"): (FRAMES, 1),
    ("gradcheck", "iris"): (FRAMES, 1),
    ("gradcheck", "digits"): (FRAMES, 4821),
}


def waiting() -> Iterator[Result]:
    """Ratios of seconds, each of two processes that take turns."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield from _verifying()
            yield from _writing()
            yield _differentiating()
            for command, needed in LOOKED_AT.items():
                yield _looking(*command, *needed)
        finally:
            os.chdir(here)


def _compared(
    what: str, against: str, ours: list[str], theirs: list[str], bar: float, *, rounds: int
) -> Result:
    tasks = {"ours": partial(process, *ours), "theirs": partial(process, *theirs)}
    times = median_times(tasks, rounds=rounds)
    detail = f"{times['ours']:.2f} s; theirs {times['theirs']:.2f} s"
    return Result(
        what, against, times["ours"] / times["theirs"], bar=bar, at_most=True, detail=detail
    )


def _verifying() -> Iterator[Result]:
    bp.load("iris").run().to_excel("iris.xlsx")
    ours, theirs = ["-c", COMMAND, "verify", "iris.xlsx"], ["-c", READ, "iris.xlsx"]
    what, against = "bpsheet verify iris.xlsx", "openpyxl reads the file once"
    yield _compared(what, against, ours, theirs, 1.5, rounds=ROUNDS)


def _writing() -> Iterator[Result]:
    """The whole command, against the streamed writer with the rows of Steps and Data alone.

    The writer prints the formulas anew each time, as it does in the command: a layout remembers them.
    """
    trace = bp.load("digits").run()
    made = []
    for _ in range(MORE_ROUNDS):
        book = Workbook()
        (sheet,) = sheets_of(trace, "full")
        rows = row_xml(sheet, build_sheet(book, sheet), Reader(trace.recording))
        made.append((rows, build_data(book, trace, sheet.layout).blocks))
    fresh = iter(made)

    def rows_alone() -> None:
        with zipfile.ZipFile("rows.zip", "w") as package:
            for number, blocks in enumerate(next(fresh), start=1):
                with package.open(f"sheet{number}.xml", "w") as stream:
                    stream._compressor = Deflate()  # type: ignore[attr-defined]
                    for block in blocks:
                        stream.write(block)

    ours = partial(process, "-c", COMMAND, "run", "digits", "-o", "digits.xlsx", "--force")
    times = median_times({"ours": ours, "alone": rows_alone}, rounds=MORE_ROUNDS)
    detail = f"{times['ours']:.2f} s; the writer {times['alone']:.2f} s"
    what, against = "bpsheet run digits", "the streamed writer with its rows"
    figure = times["ours"] / times["alone"]
    yield Result(what, against, figure, bar=2.5, at_most=True, detail=detail)


def _differentiating() -> Result:
    """Somebody's own workbook: a line through points, with a cell for each point and its error."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["F1"], sheet["F2"], sheet["F3"] = 0.5, 0.1, f"=SUM(D1:D{POINTS})/{POINTS}"
    for row in range(1, POINTS + 1):
        sheet.append(
            [row / POINTS, 0.2 + row % 7 / 10, f"=$F$1*A{row}+$F$2", f"=(B{row}-C{row})^2"]
        )
    book.save("own.xlsx")
    cells = ["--loss", "Sheet!F3", "--parameters", "Sheet!F1:F2"]
    ours = ["-c", COMMAND, "differentiate", "own.xlsx", *cells, "-o", "copy.xlsx", "--force"]
    seconds = median_times({"ours": partial(process, *ours)}, rounds=ROUNDS)["ours"]
    what = f"bpsheet differentiate, {2 * POINTS:,} cells"
    detail = "a sum of squares over as many cells, and their derivatives"
    return Result(what, "three seconds", seconds, "s", bar=3, at_most=True, detail=detail)


def _looking(name: str, template: str, imports: str, rows: int) -> Result:
    ours = [
        "-c",
        COMMAND,
        name,
        template,
        *(["-o", "picture.svg", "--force"] if name == "draw" else []),
    ]
    theirs = ["-c", RECORD, template, str(rows), imports]
    what = f"bpsheet {name} {template}"
    return _compared(
        what, "its imports and the recording it needs", ours, theirs, 1.5, rounds=MORE_ROUNDS
    )
