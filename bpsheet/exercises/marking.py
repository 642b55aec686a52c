"""Marking a class: what was handed in is read and marked, and all that goes out is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bpsheet.errors import ExperimentError, OutputError, Problem
from bpsheet.exercises.feedback import class_table, csv_line, path_text, table_heads
from bpsheet.exercises.grade import grade_received
from bpsheet.exercises.gradebook import check_roster, gradebook
from bpsheet.exercises.grades import Grades
from bpsheet.exercises.handins import handed_in
from bpsheet.exercises.handout import write_feedback
from bpsheet.exercises.kept import Kept, read_kept
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.received import Exercises, receive
from bpsheet.exercises.roster import Roster
from bpsheet.files.ours import refuse_others
from bpsheet.files.whole import replacing
from bpsheet.plan.plan import Plan
from bpsheet.words import counted

__all__ = ["Marked", "Outgoing", "read_class", "write_marks"]

# Shows a bar for so many files, and reports how many are done.
Bar = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class Outgoing:
    """What is written: the class table, pages, and a table for a learning system.

    table:       the class table, .csv; the table for a learning system stands beside it
    feedback:    the folder for the pages, or None
    printed:     whether each page is printed as .pdf, too
    system:      "moodle", "canvas" or None
    by_question: a column for each question in that table
    """

    table: Path
    feedback: Path | None = None
    printed: bool = False
    system: str | None = None
    by_question: bool = False
    force: bool = False

    @property
    def gradebook(self) -> Path:
        """The file for the learning system."""
        return self.table.with_name(f"{self.table.stem}-{self.system}.csv")

    def check(self, roster: Roster | None) -> None:
        """Refuse what cannot be written, before anything is read.

        Raises OutputError, NotReplacedError, and ExperimentError for a roster that does not fit.
        """
        if self.printed and self.feedback is None:
            said = "it prints the pages of the feedback: name a folder for them, too"
            raise ExperimentError([Problem("printed", said)], "marks")
        if self.table.suffix.lower() != ".csv":
            raise OutputError(f"{self.table}: the class table's name ends in .csv")
        first_line = f"\ufeff{csv_line(table_heads(roster))}"
        refuse_others(self.table, force=self.force, first_line=first_line)
        if self.system is not None:
            check_roster(roster, self.system)


@dataclass(frozen=True)
class Marked:
    """A class that is marked, and sentences: what a teacher should look at first, and the rest.

    `pages` are those of the feedback, in the order of the sheets.
    """

    grades: Grades
    first: tuple[str, ...]
    said: tuple[str, ...]
    pages: tuple[Path, ...] = ()


def read_class(place: Path, exercises: Exercises, roster: Roster | None, bar: Bar) -> Kept:
    """What was handed in at a place, read now, or kept in a file (.json) from before.

    Raises OutputError where there is nothing to mark.
    """
    if place.suffix.lower() == ".json":
        return read_kept(place)
    found = handed_in(place)
    with bar(len(found.files)) as done:
        labels = roster.labels if roster is not None else ()
        received, refused = receive(found.files, exercises, labels, done)
    return Kept(place, tuple(received), (*found.refused, *refused), found.skipped)


def write_marks(
    read: Kept,
    exercises: Exercises,
    roster: Roster | None,
    outgoing: Outgoing,
    *,
    scale: Scale | None = None,
    decimal: str | None = None,
) -> Marked:
    """Mark what was read, and write the class table, the pages and the table for a learning system.

    Raises OutputError where a file cannot be written, and NotReplacedError.
    """
    grades = grade_received(
        read.received,
        exercises,
        scale,
        roster=roster,
        refused=read.refused,
        skipped=read.skipped,
        decimal=decimal,
    )
    plan = exercises.experiment
    pages = []
    if outgoing.feedback is not None:
        title = plan.title or plan.name
        pages = write_feedback(
            grades, outgoing.feedback, title, printed=outgoing.printed, force=outgoing.force
        )
    notes = _write_gradebook(grades, plan, outgoing) if outgoing.system is not None else []
    with replacing(outgoing.table) as stream:
        stream.write(class_table(grades, read.place).encode("utf-8-sig"))
    said = (*_said(grades, read.place, outgoing), *notes)
    return Marked(grades, tuple(_first(grades, read.place)), said, tuple(pages))


def _write_gradebook(grades: Grades, plan: Plan, outgoing: Outgoing) -> list[str]:
    """Write the table for a learning system. Returns what is to be said about it."""
    assert outgoing.system is not None
    title = plan.title or plan.name
    made = gradebook(
        grades, grades.roster, outgoing.system, title, by_question=outgoing.by_question
    )
    path = outgoing.gradebook
    refuse_others(path, force=outgoing.force, first_line=made.text.partition("\n")[0])
    with replacing(path) as stream:
        stream.write(made.text.encode())
    return [*made.notes, f"The table for {outgoing.system.capitalize()} is {path}."]


def _first(grades: Grades, place: Path) -> Iterator[str]:
    """What a teacher should look at first."""
    for sheet in grades.sheets:
        if sheet.warnings:
            yield f"{path_text(sheet.path, place)}: {'; '.join(sheet.warnings)}"
    for refused in grades.refused:
        yield f"{path_text(refused.path, place)}: {refused.reason}"


def _said(grades: Grades, place: Path, outgoing: Outgoing) -> Iterator[str]:
    if grades.skipped:
        files = ", ".join(f"{path_text(one.path, place)} ({one.reason})" for one in grades.skipped)
        yield f"Left out: {files}"
    if grades.absent:
        yield f"Students without a sheet: {', '.join(grades.absent)}"
    if grades.slips:
        slips = ", ".join(
            f"{kind} ({counted(count, 'student')})" for kind, count in grades.slips.most_common(3)
        )
        yield f"Most frequent slips: {slips}"
    marked = counted(len(grades.sheets), "sheet")
    refusals = f", {len(grades.refused)} could not be marked" if grades.refused else ""
    pages = f" Feedback is in {outgoing.feedback}." if outgoing.feedback is not None else ""
    yield f"Marked {marked}{refusals}. The class table is {outgoing.table}.{pages}"
