"""The results of marking: the class table, and a page of feedback for each student."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path

from bpsheet.exercises.grades import Grades, MarkedSheet

__all__ = [
    "HEADS",
    "KEY_HEADS",
    "causes_text",
    "class_table",
    "feedback_text",
    "first_mistake",
    "key_text",
    "number",
    "path_text",
    "safe_field",
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
    text = os.fsencode(path.relative_to(folder)).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in text)


def number(value: float) -> str:
    """A mark without superfluous digits."""
    return f"{value:.10g}"


def class_table(grades: Grades, folder: Path) -> str:
    """The table of a class as CSV: marked sheets, then absent students, then refused files."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS)
    for sheet in sorted(grades.sheets, key=lambda sheet: (sheet.student.casefold(), sheet.path)):
        writer.writerow(
            [
                safe_field(sheet.student),
                safe_field(path_text(sheet.path, folder)),
                number(sheet.total),
                number(sheet.out_of),
                safe_field(first_mistake(sheet)),
                safe_field(causes_text(sheet)),
                safe_field("; ".join(sheet.notes)),
            ]
        )
    for student in grades.absent:
        writer.writerow([safe_field(student), "", "", "", "", "", "no sheet that could be marked"])
    for refused in grades.refused:
        file = path_text(refused.path, folder)
        writer.writerow(["", safe_field(file), "", "", "", "", safe_field(refused.reason)])
    return out.getvalue()


def first_mistake(sheet: MarkedSheet) -> str:
    """The quantity and iteration of a value, its verdict, and what was written."""
    mark = sheet.first_mistake
    if mark is None:
        return ""
    judgement = mark.judgement
    written = f" ({judgement.written})" if judgement.written.strip() else ""
    return f"{judgement.quantity}, iteration {judgement.iteration}: {mark.verdict}{written}"


def causes_text(sheet: MarkedSheet) -> str:
    """The causes of the mistakes, each once, with the number of values that it spoils or explains."""
    return "; ".join(
        f"{cause.kind} at {cause.place[1]}"
        + (f" and {len(cause.places) - 1} more" if len(cause.places) > 1 else "")
        for cause in sheet.causes
    )


def _plain(text: str) -> str:
    """A stranger's text in a Markdown table, without any markup."""
    text = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>|#!~$&])", r"\\\1", text)


def feedback_text(sheet: MarkedSheet, title: str) -> str:
    """A student's page, as Markdown: the marks, the first mistake, then every value."""
    owner = sheet.student or sheet.path.name
    lines = [
        f"# {_plain(title)}",
        "",
        f"**{_plain(owner)}**: {number(sheet.total)} of {number(sheet.out_of)} marks.",
        "",
    ]
    first = sheet.first_mistake
    if first is None:
        lines += ["Every value is right.", ""]
    else:
        where = f"**{_plain(first.judgement.quantity)}** in iteration {first.judgement.iteration}"
        lines += [
            f"Look first at {where}: {_plain(first.reason)}",
            "",
            "A value that follows rightly from a wrong one keeps its mark.",
            "",
        ]
    if len(sheet.causes) > 1:
        lines += [f"The causes of the mistakes: {_plain(causes_text(sheet))}.", ""]
    if sheet.notes:
        lines += [f"Notes: {_plain('; '.join(sheet.notes))}.", ""]
    lines += [
        "| iteration | quantity | written | expected | verdict | mark | |",
        "|---:|---|---:|---:|---|---:|---|",
    ]
    for mark in sheet.marks:
        judgement = mark.judgement
        reason = "" if mark.verdict == "correct" else mark.reason
        cells = (
            str(judgement.iteration),
            judgement.quantity,
            judgement.written,
            mark.expected,
            mark.verdict,
            number(mark.mark),
            reason,
        )
        lines.append("| " + " | ".join(_plain(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


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
