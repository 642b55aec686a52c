"""A class's evening: a roster, and hand-ins of all kinds made of the sheets that were handed out.

Each hand-in says what should come of it: whose it is, its marks, and what a teacher is told.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from openpyxl import load_workbook

from bpsheet.exercises.fillin import IDENTITY, NAME_CELL, SHEET
from bpsheet.exercises.key import Key
from bpsheet.exercises.names import file_name
from tests.helpers.grading import answers_of, fill

__all__ = ["ANY", "FULL", "NAMES", "SHORT", "Evening", "HandedIn", "roster_text"]

# As Moodle exports them: names with letters of many alphabets, and two of one name.
NAMES = (
    "Ada Lovelace", "Bob Groß", "Cem Öz", "Dee O'Hara", "Élise Noël", "Finn Sørensen", "Gül Şahin",
    "Hana Nováková", "Ivo Horvat", "Jana Müller", "Kai Tanaka", "Lea Weiß", "Max Meier", "Nia Jones",
    "Ola Nordmann", "Pia Rossi", "Quinn Li", "Rosa Peña", "Sam Smith", "Sam Smith", "Tom Wu",
    "Uma Rao", "Vic Duval", "Wei Chen", "Xenia Popov", "Yara Haddad", "Zoé Roux",
)  # fmt: skip
# The values of a sheet, each worth a mark.
FULL = 25
# Whatever the marks are: a teacher looks at the sheet first.
ANY = -1.0
OFFICE = {"ods": "ods", "xls": "xls:MS Excel 97", "xlsx": "xlsx:Calc MS Excel 2007 XML"}


def roster_text(names: tuple[str, ...]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["First name", "Surname", "ID number", "Email address", "Group"])
    for number, name in enumerate(names, start=1):
        first, last = name.split(" ", 1)
        writer.writerow([first, last, 100 + number, f"s{number}@example.org", "AB"[number % 2]])
    return out.getvalue()


@dataclass(frozen=True)
class HandedIn:
    """What should come of a hand-in. `marks` is None for a file that cannot be marked.

    `told` is a part of the warning, of the note or of the reason.
    """

    student: str
    marks: float | None = FULL
    told: str = ""
    is_warning: bool = False


@dataclass
class Evening:
    """Sheets that were handed out are filled in, spoilt and put into a folder."""

    key: Key
    sheets: Path
    folder: Path
    libreoffice: str | None = None

    def label(self, number: int) -> str:
        """What the sheet of the student of this number is called."""
        return self.key.roster.labels[number]

    def filled(self, number: int, slips: dict[str, float] | None = None, **more: str) -> Path:
        """A student's sheet, filled in rightly but for slips, in the folder of hand-ins."""
        label = self.label(number)
        path = self.folder / file_name(label)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.sheets / path.name, path)
        task = self.key.exercise.task(label)
        return fill(path, task, answers_of(task, slips) | more)

    def hand_in(self, kind: str, number: int) -> HandedIn:
        """Put a hand-in of a kind into the folder."""
        return KINDS[kind](self, number)

    def right(self, number: int) -> HandedIn:
        self.filled(number)
        return HandedIn(self.label(number))

    def slip(self, number: int) -> HandedIn:
        """The half of the error forgotten."""
        self.filled(number, {"MSE": 2.0})
        return HandedIn(self.label(number), FULL - 1)

    def commas(self, number: int) -> HandedIn:
        path = self.filled(number)
        self.each_answer(path, lambda text: text.replace(".", ","))
        return HandedIn(self.label(number))

    def numbers(self, number: int) -> HandedIn:
        """Numbers in cells, as a spreadsheet stores them."""
        self.each_answer(self.filled(number), float)
        return HandedIn(self.label(number))

    def each_answer(self, path: Path, change: Callable[[str], object]) -> None:
        book = load_workbook(path)
        sheet = book[SHEET]
        task = self.key.exercise.task(
            next(s for s in self.key.roster.labels if file_name(s) == path.name)
        )
        asked = {line.name for line in task.lines if line.is_asked}
        for row in range(1, sheet.max_row + 1):
            cell = sheet[f"B{row}"]
            if sheet[f"A{row}"].value in asked and isinstance(cell.value, str):
                try:
                    float(cell.value)
                except ValueError:
                    continue
                cell.value = change(cell.value)
        book.save(path)

    def office(self, number: int, ending: str) -> HandedIn:
        """Saved again by LibreOffice."""
        path = self.filled(number)
        if self.libreoffice is None:
            return HandedIn(self.label(number))
        elsewhere = self.folder.parent / "filled"
        elsewhere.mkdir(exist_ok=True)
        source = path.rename(elsewhere / path.name)
        profile = (self.folder.parent / "profile").as_uri()
        command = [self.libreoffice, f"-env:UserInstallation={profile}", "--headless"]
        wanted = ["--convert-to", OFFICE[ending], "--outdir", str(self.folder), str(source)]
        subprocess.run([*command, *wanted], check=True, capture_output=True, timeout=180)
        assert path.with_suffix(f".{ending}").exists()
        return HandedIn(self.label(number))

    def table(self, number: int, sign: str, decimal: str) -> HandedIn:
        """A table of text, which has no identity."""
        path = self.filled(number)
        rows = load_workbook(path)[SHEET].iter_rows(values_only=True)
        texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
        told = [
            [
                c.replace(".", decimal) if c.replace(".", "").lstrip("-").isdigit() else c
                for c in row
            ]
            for row in texts
        ]
        out = io.StringIO()
        csv.writer(out, delimiter=sign).writerows(told)
        path.unlink()
        path.with_suffix(".csv").write_text(out.getvalue(), "utf-8-sig")
        return HandedIn(self.label(number), told="a CSV file has no hidden identity")

    def renamed(self, number: int) -> HandedIn:
        """Another name for the file and for the sheets."""
        path = self.filled(number)
        book = load_workbook(path)
        book[SHEET].title, book[IDENTITY].title = "Homework 3", "Old"
        book.save(path)
        path.rename(path.with_name(f"final version {number}.xlsx"))
        return HandedIn(self.label(number), told="the file was renamed")

    def moved(self, number: int) -> HandedIn:
        """A row moved to the end, a row and a column inserted."""
        path = self.filled(number)
        book = load_workbook(path)
        sheet = book[SHEET]
        for column in (1, 2, 3, 4):
            sheet.cell(90, column).value = sheet.cell(20, column).value
        sheet.delete_rows(20)
        sheet.insert_rows(12)
        sheet.insert_cols(1)
        book.save(path)
        return HandedIn(self.label(number))

    def in_moodle(self, number: int, other: int | None = None) -> HandedIn:
        """In a zip as Moodle gives it; `other` is who handed it in."""
        path = self.filled(number)
        who = self.key.roster.students[number if other is None else other].name
        self.zip_of(path, f"{who}_{900 + number}_assignsubmission_file_/{path.name}")
        if other is None:
            return HandedIn(self.label(number))
        said = f"{who} handed in the sheet of {self.label(number)}"
        return HandedIn(self.label(number), told=said, is_warning=True)

    def in_canvas(self, number: int) -> HandedIn:
        path = self.filled(number)
        first, last = self.key.roster.students[number].name.split(" ", 1)
        short = f"{last}{first}".lower().replace(" ", "")
        self.zip_of(path, f"{short}_LATE_77_{800 + number}_{path.name}")
        return HandedIn(self.label(number))

    def zip_of(self, path: Path, inside: str) -> None:
        with zipfile.ZipFile(path.with_suffix(".zip"), "w") as package:
            package.write(path, inside)
        path.unlink()

    def in_anothers_file(self, number: int) -> HandedIn:
        """A sheet in a file that has the name of the last student's."""
        self.filled(number).rename(self.folder / file_name(self.label(-1)))
        said = f"the file has the name of {self.label(-1)}'s"
        return HandedIn(self.label(number), told=said, is_warning=True)

    def another_name(self, number: int) -> HandedIn:
        """Another student's name on the sheet, which still has its own identity."""
        path = self.filled(number)
        book = load_workbook(path)
        book[SHEET][NAME_CELL] = self.label(0)
        book.save(path)
        return HandedIn(self.label(number), told="is written on the sheet", is_warning=True)

    def forged(self, number: int) -> HandedIn:
        """The identity and the name of the last student, who hands in nothing else."""
        path = self.filled(number)
        book = load_workbook(path)
        other = load_workbook(self.sheets / file_name(self.label(-1)))
        for row in other[IDENTITY].iter_rows():
            for cell in row:
                book[IDENTITY][cell.coordinate] = cell.value
        book[SHEET][NAME_CELL] = self.label(-1)
        book.save(path)
        said = f"the numbers on it are those of {self.label(number)}"
        return HandedIn(self.label(-1), ANY, said, is_warning=True)

    def without_identity(self, number: int) -> HandedIn:
        path = self.filled(number)
        book = load_workbook(path)
        del book[IDENTITY]
        book.save(path)
        return HandedIn(
            self.label(number), told="its hidden sheet Identity is gone", is_warning=True
        )

    def empty(self, number: int) -> HandedIn:
        path = self.folder / file_name(self.label(number))
        shutil.copy(self.sheets / path.name, path)
        return HandedIn(self.label(number), 0)

    def again(self, number: int) -> HandedIn:
        """A second file of a student, whose first one is there."""
        path = self.filled(number)
        shutil.copy(path, path.with_name(f"{path.stem} (1).xlsx"))
        return HandedIn(
            self.label(number), told="2 files carry this student's name", is_warning=True
        )

    def damaged(self, number: int) -> HandedIn:
        path = self.filled(number)
        path.write_bytes(path.read_bytes()[:-400])
        return HandedIn(self.label(number), None)


KINDS: dict[str, Callable[[Evening, int], HandedIn]] = {
    "right": Evening.right,
    "a slip": Evening.slip,
    "decimal commas": Evening.commas,
    "numbers": Evening.numbers,
    "table with commas": lambda evening, n: evening.table(n, ",", "."),
    "table with semicolons": lambda evening, n: evening.table(n, ";", ","),
    "renamed": Evening.renamed,
    "moved": Evening.moved,
    "Moodle": Evening.in_moodle,
    "Canvas": Evening.in_canvas,
    "mixed up": lambda evening, n: evening.in_moodle(n, 0),
    "another name": Evening.another_name,
    "another's file": Evening.in_anothers_file,
    "forged": Evening.forged,
    "without identity": Evening.without_identity,
    "empty": Evening.empty,
    "two files": Evening.again,
    "damaged": Evening.damaged,
    "LibreOffice xlsx": lambda evening, n: evening.office(n, "xlsx"),
    "LibreOffice ods": lambda evening, n: evening.office(n, "ods"),
    "LibreOffice xls": lambda evening, n: evening.office(n, "xls"),
}
# A sample without LibreOffice.
SHORT = ("right", "a slip", "table with semicolons", "forged", "damaged")
