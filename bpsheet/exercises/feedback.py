"""The results of marking as tables: the class, and the key."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from bpsheet.exercises.grades import Grades, MarkedSheet
from bpsheet.exercises.names import alike
from bpsheet.exercises.roster import Roster

__all__ = [
    "HEADS",
    "KEY_HEADS",
    "causes_text",
    "class_table",
    "csv_line",
    "first_mistake",
    "key_text",
    "number",
    "path_text",
    "safe_field",
    "table_heads",
]

HEADS = (
    "student",
    "file",
    "marks",
    "out of",
    "first mistake",
    "causes",
    "notes",
)
KEY_HEADS = ("student", "file", "iteration", "quantity", "exact", "rounded")
# The characters with which a formula begins in a spreadsheet.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_field(text: str) -> str:
    """A text field of a CSV file that no spreadsheet runs as a formula.

    >>> safe_field("=1+1")
    "'=1+1"
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def path_text(path: Path, folder: Path) -> str:
    """A file's path in the folder, as text that can be printed and written."""
    shown = path.relative_to(folder) if path != folder else Path(path.name)
    text = os.fsencode(shown).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)


def number(value: float) -> str:
    """A mark without superfluous digits."""
    return f"{value:.10g}"


def csv_line(cells: Sequence[str]) -> str:
    """A line of a CSV file, without its end."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def table_heads(roster: Roster | None) -> list[str]:
    """The headings of the class table: ours, and those of the roster's other columns."""
    return [*HEADS, *([roster.heads[index] for index in roster.carried] if roster else [])]


def class_table(grades: Grades, folder: Path) -> str:
    """The table of a class as CSV: marked sheets, then absent students, then refused files.

    The roster's columns beside names and ids follow ours.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    roster = grades.roster
    writer.writerow(table_heads(roster))
    known = {alike(student.label): student for student in roster.students} if roster else {}

    def carried(name: str) -> list[str]:
        cells = known[alike(name)].cells if alike(name) in known else ()
        indices = roster.carried if roster else ()
        return [safe_field(cells[i]) if i < len(cells) else "" for i in indices]

    for sheet in sorted(grades.sheets, key=lambda sheet: (sheet.student.casefold(), sheet.path)):
        writer.writerow(
            [
                safe_field(sheet.student),
                safe_field(path_text(sheet.path, folder)),
                number(sheet.total),
                number(sheet.out_of),
                safe_field(first_mistake(sheet)),
                safe_field(causes_text(sheet)),
                safe_field("; ".join([*sheet.warnings, *sheet.notes])),
                *carried(sheet.student),
            ]
        )
    for student in grades.absent:
        row = [safe_field(student), "", "", "", "", "", "no sheet that could be marked"]
        writer.writerow([*row, *carried(student)])
    for refused in grades.refused:
        file = path_text(refused.path, folder)
        writer.writerow(["", safe_field(file), "", "", "", "", safe_field(refused.reason)])
    return out.getvalue()


def first_mistake(sheet: MarkedSheet) -> str:
    """The quantity and iteration of a value, its verdict, and what was written."""
    mark = sheet.first_mistake
    if mark is None:
        return ""
    if sheet.is_blank:
        return "nothing is filled in"
    judgement = mark.judgement
    written = f" ({judgement.written})" if judgement.written.strip() else ""
    return f"{judgement.quantity}, iteration {judgement.iteration}: {mark.verdict}{written}"


def causes_text(sheet: MarkedSheet) -> str:
    """The causes of the mistakes, each once, with the number of values that it spoils or explains."""
    return "; ".join(
        f"{cause.kind} in {cause.place[1]}"
        + (f" and in {len(cause.places) - 1} more" if len(cause.places) > 1 else "")
        for cause in sheet.causes
    )


def key_text(rows: list[tuple[str, str, int, str, float, str]]) -> str:
    """The key as CSV: student, file, iteration, quantity, exact value, rounded value."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(KEY_HEADS)
    for student, file, iteration, quantity, exact, rounded in rows:
        writer.writerow(
            [safe_field(student), file, iteration, safe_field(quantity), repr(exact), rounded]
        )
    return out.getvalue()
