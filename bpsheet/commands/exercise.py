"""`bpsheet exercise` and `bpsheet grade`: sheets to fill in, and their marks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.errors import OutputError
from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import FORCE
from bpsheet.words import counted

if TYPE_CHECKING:
    from rich.table import Table

    from bpsheet.exercises.grades import Grades

__all__ = ["exercise", "grade"]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


@click.command(
    epilog="\b\nExamples:\n  bpsheet exercise two-neuron -o practice.xlsx --check live\n"
    "  bpsheet exercise two-neuron -o sheets --students roster.csv --vary weights,data --seed 7"
)
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The workbook to write; with --students, a folder for the students' workbooks.",
)
@click.option(
    "--ask",
    default="forward,backward,update",
    show_default=True,
    help="The values to ask for: forward, backward, update, or names of quantities.",
)
@click.option(
    "--iterations",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="How many iterations are asked.",
)
@click.option(
    "--digits",
    type=int,
    default=3,
    show_default=True,
    metavar="N",
    help="The significant digits that each value needs.",
)
@click.option(
    "--check",
    type=click.Choice(["live", "none"]),
    default="none",
    show_default=True,
    help="live: a mark appears beside each cell that is filled in, for practice; a hidden sheet "
    "has the answers. none: the file has no answers.",
)
@click.option(
    "--students",
    type=click.Path(path_type=Path),
    metavar="ROSTER",
    help="A CSV file with a column student or name. Each student gets a workbook.",
)
@click.option(
    "--vary",
    default="",
    metavar="WHAT",
    help="The numbers that differ between students: weights, data (the inputs), or both. Needs "
    "--students.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    metavar="N",
    help="Another seed gives other numbers.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The folder for the key. Default: the output folder's name and -key. Needs --students.",
)
@FORCE
def exercise(
    *,
    spec: str,
    output: Path,
    ask: str,
    iterations: int,
    digits: int,
    check: str,
    students: Path | None,
    vary: str,
    seed: int,
    key: Path | None,
    force: bool,
) -> None:
    """Write a workbook to fill in: the given values of SPEC, and blank cells to fill in."""
    from bpsheet.api.opening import load
    from bpsheet.exercises.exercise import Exercise
    from bpsheet.exercises.handout import KEY_FILE, write_class, write_sheet
    from bpsheet.exercises.roster import read_roster
    from bpsheet.terminal.display import late_progress

    if students is None and (vary or key is not None):
        raise click.UsageError("--vary and --key need a roster: add --students roster.csv")
    questions = Exercise(load(spec), _words(ask), iterations, digits, _words(vary), seed)
    live = check == "live"
    if students is None:
        task = write_sheet(questions, output, live=live, force=force)
        count = sum(line.is_asked for line in task.lines)
        say(f"Wrote {output}: {count} values to fill in.")
        return
    roster = read_roster(students)
    folder = key or output.parent / f"{output.name}-key"
    with late_progress(console(error=True), "Writing", len(roster)) as done:
        paths = write_class(
            questions, output, folder, roster, live=live, force=force, progress=done
        )
    workbooks = "1 workbook" if len(paths) == 1 else f"{len(paths)} workbooks"
    say(f"Wrote {workbooks} to {output}, the key to {folder / KEY_FILE}.")


@click.command(
    epilog="\b\nExample:\n  bpsheet grade sheets two-neuron -o grades.csv --feedback feedback"
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The class table, .csv. Default: outputs/SPEC-grades.csv.",
)
@click.option(
    "--marks",
    type=click.Path(path_type=Path),
    help='A TOML file with the mark of each verdict, such as close = 0.5 or "likely slip" = 0.25.',
)
@click.option(
    "--feedback", type=click.Path(path_type=Path), help="A folder for the students' pages."
)
@click.option(
    "--students",
    type=click.Path(path_type=Path),
    metavar="ROSTER",
    help="The roster: the class table then lists who handed in nothing, and notes who is not on it.",
)
@click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    default="point",
    show_default=True,
    help="The sign before the decimals.",
)
@FORCE
def grade(
    *,
    folder: Path,
    spec: str,
    output: Path | None,
    marks: Path | None,
    feedback: Path | None,
    students: Path | None,
    decimal: str,
    force: bool,
) -> None:
    """Mark the filled-in workbooks in FOLDER, which `bpsheet exercise` wrote from SPEC.

    The sheet and SPEC give each student's numbers and questions again. The students' files are
    never changed. The exit status is 1 if a file could not be marked.
    """
    from bpsheet.api.opening import load
    from bpsheet.exercises.feedback import HEADS, class_table
    from bpsheet.exercises.grade import grade_folder, sheets_in
    from bpsheet.exercises.handout import write_feedback
    from bpsheet.exercises.marks import read_marks
    from bpsheet.exercises.roster import read_roster
    from bpsheet.files.ours import refuse_others
    from bpsheet.files.whole import replacing
    from bpsheet.terminal.display import late_progress

    experiment = load(spec)
    table = output or Path("outputs") / f"{experiment.name}-grades.csv"
    if table.suffix.lower() != ".csv":
        raise OutputError(f"{table}: the class table's name ends in .csv")
    refuse_others(table, force=force, first_line=f"\ufeff{','.join(HEADS)}")
    scale = read_marks(marks) if marks is not None else None
    roster = read_roster(students) if students is not None else []
    with late_progress(console(error=True), "Marking", len(sheets_in(folder))) as done:
        grades = grade_folder(
            folder,
            experiment,
            scale,
            students=roster,
            decimal="," if decimal == "comma" else ".",
            progress=done,
        )
    if feedback is not None:
        title = experiment.title or experiment.name
        write_feedback(grades, feedback, title, force=force)
    with replacing(table) as stream:
        stream.write(class_table(grades, folder).encode("utf-8-sig"))
    console().print(_table(grades))
    _say(grades, folder, table, feedback)
    if grades.refused:
        sys.exit(1)


def _say(grades: Grades, folder: Path, table: Path, feedback: Path | None) -> None:
    from bpsheet.exercises.feedback import path_text

    for refused in grades.refused:
        say(f"{path_text(refused.path, folder)}: {refused.reason}")
    if grades.absent:
        say(f"Students without a sheet: {', '.join(grades.absent)}")
    if grades.slips:
        slips = ", ".join(
            f"{kind} ({counted(count, 'student')})" for kind, count in grades.slips.most_common(3)
        )
        say(f"Most frequent slips: {slips}")
    marked = "1 sheet" if len(grades.sheets) == 1 else f"{len(grades.sheets)} sheets"
    refusals = f", {len(grades.refused)} could not be marked" if grades.refused else ""
    pages = f" Feedback is in {feedback}." if feedback is not None else ""
    say(f"Marked {marked}{refusals}. The class table is {table}.{pages}")


def _table(grades: Grades) -> Table:
    from rich.table import Table
    from rich.text import Text

    from bpsheet.exercises.feedback import causes_text, first_mistake, number

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("student", no_wrap=True)
    table.add_column("marks", justify="right", no_wrap=True)
    for head in ("first mistake", "causes"):
        table.add_column(head)
    for sheet in sorted(grades.sheets, key=lambda sheet: (sheet.student.casefold(), sheet.path)):
        table.add_row(
            Text(sheet.student or sheet.path.name),
            f"{number(sheet.total)} of {number(sheet.out_of)}",
            Text(first_mistake(sheet)),
            Text(causes_text(sheet)),
        )
    return table
