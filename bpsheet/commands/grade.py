"""`bpsheet grade`: the marks of what a class has handed in."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, loaded

if TYPE_CHECKING:
    from rich.table import Table

    from bpsheet.exercises.grades import Grades
    from bpsheet.exercises.received import Exercises
    from bpsheet.exercises.roster import Roster

__all__ = ["grade"]


@click.command(
    epilog="\b\nExamples:\n  bpsheet grade sheets two-neuron -o grades.csv --feedback feedback\n"
    "  bpsheet grade submissions.zip sheets-key --keep read.json\n"
    "  bpsheet grade read.json sheets-key --marks other.toml"
)
@click.argument("folder", metavar="HAND-INS", type=click.Path(path_type=Path))
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
    "--feedback",
    type=click.Path(path_type=Path),
    help="A folder for a page (.html) for each student, and one for the class, index.html.",
)
@click.option(
    "--pdf",
    "printed",
    is_flag=True,
    help="Also print each page of --feedback as .pdf, with a browser.",
)
@click.option(
    "--students",
    type=click.Path(path_type=Path),
    metavar="ROSTER",
    help="The roster: the class table then lists who handed in nothing, and notes who is not on it. "
    "Default: that of the key.",
)
@click.option(
    "--decimal",
    type=click.Choice(["auto", "point", "comma"]),
    default="auto",
    show_default=True,
    help="The sign before the decimals; auto finds it in each sheet.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    help="A file (.json) to keep what was read. Given in place of HAND-INS, it is "
    "marked again, for example with other marks.",
)
@click.option(
    "--gradebook",
    "system",
    type=click.Choice(["moodle", "canvas"]),
    help="Also write a table that Moodle or Canvas imports as it is: beside the class "
    "table, with moodle or canvas in its name. Needs the roster.",
)
@click.option(
    "--by-question", is_flag=True, help="A column for each question in the table of --gradebook."
)
@SET
@FORCE
@ORIGINAL
def grade(
    *,
    folder: Path,
    spec: str,
    output: Path | None,
    marks: Path | None,
    feedback: Path | None,
    printed: bool,
    students: Path | None,
    decimal: str,
    keep: Path | None,
    system: str | None,
    by_question: bool,
    settings: tuple[str, ...],
    force: bool,
) -> None:
    """Mark HAND-INS: a folder with its folders and zips, a zip of submissions, or a file.

    SPEC is the key that `bpsheet exercise` wrote, or the experiment of the sheets. bpsheet
    computes each student's numbers and questions from it again. The students' files are never
    changed. The exit status is 1 if a file could not be marked.
    """
    from bpsheet.exercises.kept import write_kept
    from bpsheet.exercises.marking import Outgoing, read_class, write_marks
    from bpsheet.exercises.marks import read_marks
    from bpsheet.terminal.display import late_progress

    if printed and feedback is None:
        raise click.UsageError(
            "--pdf prints the pages of --feedback: add --feedback and a folder for them"
        )
    if by_question and system is None:
        raise click.UsageError(
            "--by-question needs a gradebook: add --gradebook moodle or --gradebook canvas"
        )
    exercises, roster = _handed_out(spec, settings, students)
    table = output or Path("outputs") / f"{exercises.experiment.name}-grades.csv"
    outgoing = Outgoing(table, feedback, printed, system, by_question, force)
    outgoing.check(roster)
    scale = read_marks(marks) if marks is not None else None
    bar = partial(late_progress, console(error=True), "Reading")
    read = read_class(folder, exercises, roster, bar)
    if keep is not None:
        write_kept(keep, read, force=force)
    sign = {"comma": ",", "point": "."}.get(decimal)
    marked = write_marks(read, exercises, roster, outgoing, scale=scale, decimal=sign)
    if marked.first:
        say("Look at these first:")
    for line in marked.first:
        say(f"  {line}")
    console().print(_table(marked.grades))
    for line in marked.said:
        say(line)
    if marked.grades.refused:
        sys.exit(1)


def _handed_out(
    spec: str, settings: tuple[str, ...], students: Path | None
) -> tuple[Exercises, Roster | None]:
    """The exercises that SPEC stands for, a key or an experiment, and the roster."""
    from bpsheet.api.experiment import Experiment
    from bpsheet.exercises.key import is_key, read_key
    from bpsheet.exercises.received import Exercises
    from bpsheet.exercises.roster import read_roster

    key = read_key(Path(spec), Experiment) if is_key(Path(spec)) else None
    if key is not None and settings:
        raise click.UsageError("the key holds the experiment as it was handed out; leave out --set")
    roster = key.roster if key is not None else None
    if students is not None:
        roster = read_roster(students)
        say(f"{students}: {roster.said}.")
    if key is not None:
        return Exercises(key.exercise.experiment, key.exercise), roster
    return Exercises(loaded(spec, settings)), roster


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
