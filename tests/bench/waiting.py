"""What somebody waits for: whole commands, against the work that they cannot do without."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from openpyxl import Workbook

import bpsheet as bp
from bpsheet.workbook.about import build_data
from bpsheet.workbook.rows import Reader, row_xml
from bpsheet.workbook.steps import build_sheet
from bpsheet.workbook.writing import sheets_of
from bpsheet.xlsx.deflate import Deflate

from .measure import Result, in_turn, process, rounds_of

__all__ = ["waiting"]

COMMAND = "import sys; from bpsheet.cli import main; sys.argv = ['bpsheet', *sys.argv[1:]]; main()"
READ = """
import sys, openpyxl
for sheet in openpyxl.load_workbook(sys.argv[1]):
    for row in sheet.iter_rows(values_only=True):
        pass
"""
COPY = "import sys, openpyxl; openpyxl.load_workbook(sys.argv[1]).save(sys.argv[2])"
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
            yield _verifying()
            yield _writing()
            yield from _differentiating()
            for command, needed in LOOKED_AT.items():
                yield _looking(*command, *needed)
        finally:
            os.chdir(here)


def _compared(
    what: str, against: str, ours: list[str], theirs: list[str], bar: float, *, least: int = 5
) -> Result:
    tasks = {"ours": partial(process, *ours), "theirs": partial(process, *theirs)}
    rounds = rounds_of(in_turn(tasks), [("ours", "theirs")], least=least)
    detail = f"{rounds.seconds('ours').value:.2f} s; theirs {rounds.seconds('theirs').value:.2f} s"
    return rounds.ratio("ours", "theirs").result(
        what, against, bar=bar, at_most=True, detail=detail
    )


def _verifying() -> Result:
    bp.load("iris").run().to_excel("iris.xlsx")
    ours, theirs = ["-c", COMMAND, "verify", "iris.xlsx"], ["-c", READ, "iris.xlsx"]
    what, against = "bpsheet verify iris.xlsx", "openpyxl reads the file once"
    return _compared(what, against, ours, theirs, 1.5, least=3)


def _writing() -> Result:
    """The whole command, against the streamed writer with the rows of Steps and Data alone.

    The writer prints the formulas anew each time, as it does in the command: a layout remembers them.
    """
    trace = bp.load("digits").run()
    ours = partial(process, "-c", COMMAND, "run", "digits", "-o", "digits.xlsx", "--force")

    def measured() -> dict[str, float]:
        book = Workbook()
        (sheet,) = sheets_of(trace, "full")
        rows = row_xml(sheet, build_sheet(book, sheet), Reader(trace.recording))
        parts = [rows, build_data(book, trace, sheet.layout).blocks]
        return in_turn({"ours": ours, "alone": partial(_streamed, parts)})()

    rounds = rounds_of(measured, [("ours", "alone")])
    alone = rounds.seconds("alone").value
    detail = f"{rounds.seconds('ours').value:.2f} s; the writer {alone:.2f} s"
    what, against = "bpsheet run digits", "the streamed writer with its rows"
    return rounds.ratio("ours", "alone").result(what, against, bar=2.5, at_most=True, detail=detail)


def _streamed(parts: list[Iterable[bytes]]) -> None:
    with zipfile.ZipFile("rows.zip", "w") as package:
        for number, blocks in enumerate(parts, start=1):
            with package.open(f"sheet{number}.xml", "w") as stream:
                stream._compressor = Deflate()  # type: ignore[attr-defined]
                for block in blocks:
                    stream.write(block)


def _differentiating() -> Iterator[Result]:
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
    tasks = {
        "ours": ["-c", COMMAND, "differentiate", "own.xlsx", *cells, "-o", "copy.xlsx", "--force"],
        "theirs": ["-c", COPY, "own.xlsx", "theirs.xlsx"],
    }
    pair = ("ours", "theirs")
    rounds = rounds_of(
        in_turn({name: partial(process, *code) for name, code in tasks.items()}), [pair]
    )
    ours, theirs = map(rounds.seconds, pair)
    what = f"bpsheet differentiate, {2 * POINTS:,} cells"
    detail = "a sum of squares over as many cells, and their derivatives"
    yield ours.result(what, "three seconds", unit="s", bar=3, at_most=True, detail=detail)
    detail = f"{ours.value:.2f} s; theirs {theirs.value:.2f} s"
    yield rounds.ratio(*pair).result(what, "openpyxl reads the file and saves it", detail=detail)


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
    return _compared(what, "its imports and the recording it needs", ours, theirs, 1.5)
