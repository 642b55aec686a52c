"""`bpsheet exercise`: sheets to fill in, for one or for a class, and question banks."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

import click

from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, OneOf, loaded

__all__ = ["exercise"]


def _formats() -> Iterable[str]:
    from bpsheet.exercises.setting import FORMATS

    return FORMATS


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


@click.command(
    epilog="\b\nExamples:\n  bpsheet exercise two-neuron -o practice.xlsx --check live\n"
    "  bpsheet exercise two-neuron -o sheets --students roster.csv --vary weights,data --seed 7\n"
    "  bpsheet exercise two-neuron -o bank.xml --format moodle --draws 20 --vary weights"
)
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The workbook to write; with --students, a folder for the students' workbooks. For another "
    "--format, the file.",
)
@click.option(
    "--format",
    "form",
    type=OneOf(_formats),
    default="xlsx",
    show_default=True,
    help="moodle, qti12 (Canvas), qti21: a question bank for a learning system, with a question for "
    "each student or draw. pdf: all sheets in one file to print, and all solutions in another.",
)
@click.option(
    "--draws",
    type=click.IntRange(1, 500),
    metavar="N",
    help="For a question bank without a roster: how many times the numbers are drawn.",
)
@click.option(
    "--marks",
    type=click.Path(path_type=Path),
    help="A TOML file with the marks of a question bank, as for `bpsheet grade`.",
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
    help="How many iterations the sheet asks for.",
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
    "--answers",
    type=click.Choice(["values", "formulas"]),
    default="values",
    show_default=True,
    help=("formulas: the cells ask for formulas; marking tries each with other numbers, too."),
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
    help="The students' names: .csv, .xlsx or .ods, such as Moodle's and Canvas's exports. Each "
    "student gets a workbook.",
)
@click.option(
    "--vary",
    default="",
    metavar="WHAT",
    help="What differs between students: weights, data (the inputs; where these are "
    "codes such as 0 and 1, the example), example, iteration, or several of these. "
    "Needs --students.",
)
@click.option(
    "--picture",
    is_flag=True,
    help=(
        "Put a picture of the network on the sheet, with names but no numbers. Needs matplotlib."
    ),
)
@click.option("--example", type=int, metavar="N", help="The example that the sheet is about.")
@click.option(
    "--iteration",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="The iteration whose weights, rounded, are given.",
)
@SET
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
    help=(
        "The folder for the key. Default: the output folder's name with -key at its "
        "end. Needs --students."
    ),
)
@FORCE
@ORIGINAL
def exercise(
    *,
    spec: str,
    output: Path,
    form: str,
    draws: int | None,
    marks: Path | None,
    ask: str,
    iterations: int,
    digits: int,
    answers: str,
    check: str,
    students: Path | None,
    vary: str,
    picture: bool,
    example: int | None,
    iteration: int,
    settings: tuple[str, ...],
    seed: int,
    key: Path | None,
    force: bool,
) -> None:
    """Write a workbook to fill in: the given values of SPEC, and blank cells for the answers."""
    from bpsheet.exercises.exercise import Exercise
    from bpsheet.exercises.marks import read_marks
    from bpsheet.exercises.roster import read_roster
    from bpsheet.exercises.setting import set_exercise, set_sheets
    from bpsheet.terminal.display import late_progress

    is_bank = form not in ("xlsx", "pdf")
    if not is_bank and (draws is not None or marks is not None):
        raise click.UsageError(
            "--draws and --marks are for question banks: add --format moodle, qti12 or qti21"
        )
    if form != "xlsx" and (check == "live" or key is not None):
        raise click.UsageError("--check and --key are for workbooks: leave out --format")
    if answers == "formulas" and (form != "xlsx" or check == "live"):
        raise click.UsageError(
            "--answers formulas is for workbooks without live marks: leave out --format and --check"
        )
    if students is not None and draws is not None:
        raise click.UsageError(
            "give either --students or --draws, not both: each gives the numbers"
        )
    if students is None and draws is None and (vary or key is not None):
        raise click.UsageError("--vary and --key need a roster: add --students roster.csv")
    questions = Exercise(
        loaded(spec, settings),
        _words(ask),
        iterations,
        digits,
        _words(vary),
        seed,
        example,
        iteration,
        answers,
    )
    if questions.remark:
        say(questions.remark)
    roster = read_roster(students) if students is not None else None
    if roster is not None:
        say(f"{students}: {roster.said}.")
    names = [f"draw {number}" for number in range(1, (draws or 0) + 1)]
    names = roster.labels if roster is not None else names
    doing = "Writing" if form == "xlsx" else "Working out"
    with late_progress(console(error=True), doing, max(1, len(names))) as done:
        if form == "xlsx":
            live = check == "live"
            made = set_sheets(
                questions,
                output,
                roster,
                key,
                live=live,
                picture=picture,
                force=force,
                progress=done,
            )
        else:
            scale = read_marks(marks) if marks is not None else None
            made = set_exercise(questions, output, form, names, scale, force=force, progress=done)
    for line in made.said:
        say(line)
    if form == "xlsx" and roster is not None:
        say(f"To mark: bpsheet grade HAND-INS {shlex.quote(str(made.paths[-1]))}")
