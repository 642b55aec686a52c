"""Setting an exercise: sheets to fill in, question banks or files to print, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bpsheet.exercises.banks.question import Question
from bpsheet.exercises.banks.writing import BANKS, write_bank
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.fillin import names_picture
from bpsheet.exercises.handout import write_class, write_sheet
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.printed import write_printed
from bpsheet.exercises.roster import Roster
from bpsheet.words import counted

__all__ = ["FORMATS", "Handout", "set_exercise", "set_sheets"]

# Workbooks, the question banks of learning systems, and files to print.
FORMATS = ("xlsx", *BANKS, "pdf")
# What each system is asked to do with the file.
IMPORTED = {
    "moodle": "in Moodle: Question bank, Import, Moodle XML format",
    "qti12": "in Canvas: Settings, Import Course Content, QTI .zip file",
    "qti21": "as a QTI 2.1 content package",
}

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Handout:
    """The files that were written, and sentences about them."""

    paths: tuple[Path, ...]
    said: tuple[str, ...]


def set_sheets(
    exercise: Exercise,
    output: Path,
    roster: Roster | None = None,
    key: Path | None = None,
    *,
    live: bool = False,
    picture: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Handout:
    """Write one workbook to fill in, or with a roster one for each student, and the key beside them.

    Raises what `write_sheet` and `write_class` raise.
    """
    drawn = names_picture(exercise) if picture else None
    if roster is None:
        task = write_sheet(exercise, output, live=live, picture=drawn, force=force)
        count = sum(line.is_asked for line in task.lines)
        return Handout((output,), (f"Wrote {output}: {counted(count, 'value')} to fill in.",))
    folder = key or output.parent / f"{output.name}-key"
    made = write_class(
        exercise,
        output,
        folder,
        roster,
        live=live,
        picture=drawn,
        force=force,
        progress=progress,
    )
    said = [f"Wrote {counted(len(made.paths), 'workbook')} to {output}, the key to {folder}."]
    if exercise.vary and made.different < len(made.paths):
        said.append(
            f"There are only {counted(made.different, 'set')} of numbers for them. For more, vary the weights, "
            "too, or the iteration."
        )
    return Handout((*made.paths, folder), tuple(said))


def set_exercise(
    exercise: Exercise,
    output: Path,
    form: str,
    names: list[str],
    scale: Scale | None = None,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> Handout:
    """Write a question bank or files to print. `form` is one of FORMATS but xlsx.

    names: the students, or names of draws
    scale: what each value of a question bank earns

    Raises what `write_bank` and `write_printed` raise.
    """
    if form == "pdf":
        paths = write_printed(exercise, output, names, force=force)
        sheets = counted(max(1, len(names)), "sheet")
        return Handout(paths, (f"Wrote {paths[0]} ({sheets}) and {paths[1]} (solutions).",))
    questions = write_bank(exercise, output, form, names, scale, force=force, progress=progress)
    return Handout((output,), tuple(_said(questions, output, form)))


def _said(questions: list[Question], output: Path, form: str) -> list[str]:
    """What is to be known about a question bank."""
    blanks = questions[0].blanks
    rules = sum(len(blank.rules) for blank in blanks)
    values = counted(len(blanks), "value")
    head = f"Wrote {output}: {counted(len(questions), 'question')} of {values}"
    said = [f"{head}, each question with {counted(rules, 'rule')}."]
    if all(question.picture is None for question in questions):
        said.append("The questions have no picture: formulas and very large networks have none.")
    if form != "qti21":
        said.append(
            "The learning system marks each value by itself. A value that would follow from a common "
            "slip counts as right, and a slip that is made again costs its marks again."
        )
    return [*said, f"To import it: {IMPORTED[form]}."]
