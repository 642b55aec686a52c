"""Sheets with live marks as they are typed: the marks that the judge would give, and those shown."""

from __future__ import annotations

import csv
import random
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bpsheet.exercises.exercise import Task
from bpsheet.exercises.fillin import FIRST_ROW
from bpsheet.hand.judge import judge
from bpsheet.hand.student import Place
from bpsheet.hand.verdict import Verdict
from tests.helpers import hand_sheets

# A formula's stored value. Without it a spreadsheet computes the formula when it reads the file.
STORED = re.compile(rb"(?<=</f>)<v>[^<]*</v>")
# Text with commas, quotation marks and UTF-8, of the first sheet.
CSV = "csv:Text - txt - csv (StarCalc):44,34,76"

# After some 250 files LibreOffice ends without a word.
AT_ONCE = 100


def rows_of(task: Task) -> dict[Place, int]:
    """The rows of what is asked."""
    lines = enumerate(task.lines, FIRST_ROW)
    return {line.place: row for row, line in lines if line.is_asked}


def typed_sheets(
    task: Task, count: int, seed: int, digits: Sequence[int] = (2, 3, 3, 4)
) -> Iterator[hand_sheets.Sheet]:
    """Sheets as they are typed: right in one of four ways, with one slip, or with too few digits."""
    rng = random.Random(seed)
    asked = [line for line in task.lines if line.is_asked]
    program = task.trace.program
    for _ in range(count):
        way = rng.choice(list(hand_sheets.ways(rng).values()))
        many = rng.choice(digits)
        names = {line.name for line in asked if line.iteration == 1}
        columns = [column for column in program if column.name in names]
        slip = hand_sheets.planted(task.trace, columns, rng) if rng.random() < 0.5 else None
        changed = {slip.column: slip.formula} if slip else {}
        yield hand_sheets.worked(task.trace, columns, many, changed, way=way)


def marked(task: Task, sheet: hand_sheets.Sheet) -> dict[Place, str]:
    """The marks that the judge would give: right, right so far, not right."""
    found = {}
    for one in judge(task.trace, sheet, digits=task.exercise.digits).judgements:
        is_short = one.verdict is Verdict.FEW_DIGITS and float(one.written) != 0
        found[one.place] = "✓" if one.verdict.is_right else "…" if is_short else "✗"
    return found


def typed_into(live: Path, texts: Mapping[str, str], target: Path) -> None:
    """A copy of a workbook whose blank cells hold these texts, and whose formulas no values."""
    with zipfile.ZipFile(live) as old, zipfile.ZipFile(target, "w") as new:
        for part in old.namelist():
            content = old.read(part)
            if part.startswith("xl/worksheets/"):
                content = STORED.sub(b"", content)
            if part == "xl/worksheets/sheet1.xml":
                for address, text in texts.items():
                    blank = re.compile(rf'(<c r="{address}"[^>]*?) ?/>'.encode())
                    filled = rf'\1 t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'
                    content, found = blank.subn(filled.encode(), content)
                    assert found == 1, address
            new.writestr(part, content)


def marks_in_libreoffice(
    command: str, live: Path, sheets: Iterable[Mapping[int, str]], folder: Path
) -> list[dict[int, str]]:
    """The marks by row, for texts by row: a workbook for each sheet, many of them in one process."""
    source = folder / "typed"
    source.mkdir()
    books = []
    for number, sheet in enumerate(sheets):
        books.append(source / f"{number}.xlsx")
        typed_into(live, {f"B{row}": text for row, text in sheet.items()}, books[-1])
    profile = (folder / "profile").as_uri()
    for first in range(0, len(books), AT_ONCE):
        subprocess.run(
            [command, f"-env:UserInstallation={profile}", "--headless", "--convert-to", CSV,
             "--outdir", str(folder), *map(str, books[first : first + AT_ONCE])],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    found = []
    for book in books:
        with (folder / f"{book.stem}.csv").open(encoding="utf-8", newline="") as lines:
            found.append({row: cells[2] for row, cells in enumerate(csv.reader(lines), 1)})
    return found
