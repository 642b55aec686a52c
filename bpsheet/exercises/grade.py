"""Marking filled-in sheets: one at a time, and a folder of them.

A file that cannot be marked is listed with the reason; all others are marked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bpsheet.errors import BpsheetError, OutputError, WorkbookError
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.filled import Filled, open_filled
from bpsheet.exercises.grades import Grades, Mark, MarkedSheet, Refusal
from bpsheet.exercises.identity import Identity
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.roster import file_name
from bpsheet.files.paths import is_folder
from bpsheet.hand.judge import Judged, Judgement, judge
from bpsheet.hand.verdict import Verdict
from bpsheet.plan.plan import Plan

__all__ = ["grade_file", "grade_folder", "read_filled", "sheets_in"]

MAX_FILES = 5_000
# A folder of sheets may also hold our own tables, and files that systems leave there.
IGNORED = (".csv", ".md", ".txt", ".toml", ".json", ".ini", ".db")


@dataclass
class _Exercises:
    """The exercises of the sheets, each built once. No claim of a sheet is believed unchecked."""

    experiment: Plan
    known: dict[Identity, Exercise] = field(default_factory=dict)

    def of(self, identity: Identity, name: str) -> Exercise:
        """The exercise that an identity names. Raises WorkbookError for another experiment's."""
        other = WorkbookError(
            f"{name}: from another exercise ({identity.exercise[:60]} {identity.fingerprint[:12]}), "
            f"or {self.experiment.name} has been changed since"
        )
        key = replace(identity, student="")
        if key not in self.known:
            try:
                exercise = Exercise(
                    self.experiment,
                    ask=identity.ask,
                    iterations=identity.iterations,
                    digits=identity.digits,
                    vary=identity.vary,
                    seed=identity.seed,
                )
            except BpsheetError:
                raise other from None
            self.known[key] = exercise
        if self.known[key].fingerprint != identity.fingerprint:
            raise other
        return self.known[key]


def read_filled(path: Path, experiment: Plan) -> tuple[Task, Filled]:
    """A filled-in sheet before marking: its task, and the written answers.

    Raises WorkbookError for a damaged or hostile file, and for one from another exercise.
    """
    task, filled, _ = _read(path, _Exercises(experiment))
    return task, filled


def grade_file(
    path: Path,
    experiment: Plan,
    scale: Scale | None = None,
    decimal: str = ".",
) -> MarkedSheet:
    """Mark one filled-in sheet. The file is only read.

    Raises WorkbookError for a damaged or hostile file, and for one from another exercise.
    """
    return _grade(path, _Exercises(experiment), scale or Scale(), decimal)


def _grade(path: Path, exercises: _Exercises, scale: Scale, decimal: str) -> MarkedSheet:
    task, filled, student = _read(path, exercises)
    scale.check(task.trace.program)
    # A formula is no answer, and it is not computed.
    answers = {
        place: "a formula" if place in filled.formulas else text
        for place, text in filled.answers.items()
    }
    judged = judge(task.trace, answers, decimal=decimal, digits=task.exercise.digits)
    made, full = _marks(task, filled, judged, scale)
    notes = _notes(path, task.student, student, filled)
    if judged.reading is not None:
        notes.append(f"another convention: {judged.reading.said}")
    fingerprint = task.exercise.fingerprint
    return MarkedSheet(path, student, fingerprint, made, full, tuple(notes), judged.causes)


def _read(path: Path, exercises: _Exercises) -> tuple[Task, Filled, str]:
    """A student's task, the written answers, and the student's name."""
    book = open_filled(path)
    identity = book.identity()
    task = exercises.of(identity, path.name).task(identity.student)
    return task, book.read(task), identity.student or book.student()


def _notes(path: Path, owner: str, student: str, filled: Filled) -> list[str]:
    notes = []
    if not student:
        notes.append("no name on the sheet")
    if owner and path.name != file_name(owner):
        notes.append("the file was renamed")
    if filled.formulas:
        names = ", ".join(dict.fromkeys(name for _, name in filled.formulas))
        notes.append(f"formulas instead of typed values: {names}")
    if filled.numbers:
        notes.append(f"{filled.numbers} cells hold numbers, which lose zeros at the end")
    return notes


def _marks(
    task: Task, filled: Filled, judged: Judged, scale: Scale
) -> tuple[tuple[Mark, ...], float]:
    """The marks of a sheet, and the full mark."""
    program = task.trace.program
    points = {one.place: scale.points_of(program[one.quantity]) for one in judged.judgements}
    correct = scale.verdicts[Verdict.CORRECT]
    full = correct * sum(points.values())
    factor = scale.total / full if scale.total is not None and full else 1.0
    first = {cause.place for cause in judged.causes}
    made = []
    for one in judged.judgements:
        reason = one.reason
        if one.place in filled.formulas:
            reason = "There is a formula instead of a typed value."
        mark = factor * points[one.place] * _share(one, scale)
        if scale.cause is not None and one.verdict in (Verdict.SLIP, Verdict.AGAIN):
            mark = factor * points[one.place] * correct
            mark -= scale.cause if one.place in first else 0.0
        made.append(Mark(one, str(one.verdict), reason, mark, one.rounded))
    return tuple(made), factor * full


def _share(one: Judgement, scale: Scale) -> float:
    """The part of its points that a value earns."""
    if one.verdict is Verdict.FEW_DIGITS and not one.is_nearly_enough:
        return scale.verdicts[Verdict.WRONG]
    return scale.verdicts[one.verdict]


def grade_folder(
    folder: Path,
    experiment: Plan,
    scale: Scale | None = None,
    *,
    students: Sequence[str] = (),
    decimal: str = ".",
    progress: Callable[[int], None] | None = None,
) -> Grades:
    """Mark every filled-in sheet in a folder and its subfolders. A bad file does not stop it.

    With a roster (`students`), sheets of other students get a note, and absent students are
    listed. `progress` is called with the number of files read.
    Raises OutputError where the folder cannot be read.
    """
    files = sheets_in(folder)
    exercises = _Exercises(experiment)
    sheets: list[MarkedSheet] = []
    refused: list[Refusal] = []
    for number, path in enumerate(files, start=1):
        try:
            sheets.append(_grade(path, exercises, scale or Scale(), decimal))
        except BpsheetError as error:
            reason = str(error).removeprefix(f"{path.name}: ")
            refused.append(Refusal(path, reason))
        except RecursionError:
            refused.append(Refusal(path, "damaged (nested too deeply)"))
        if progress is not None:
            progress(number)
    noted = _noted(sheets, students)
    present = {sheet.student for sheet in sheets}
    absent = tuple(student for student in students if student not in present)
    return Grades(tuple(noted), tuple(refused), absent)


def sheets_in(folder: Path) -> list[Path]:
    """The files to mark, in order of their names, without hidden files and lock files.

    Raises OutputError for a path that is no folder, and for too many files.
    """
    if not is_folder(folder):
        raise OutputError(f"{folder} is not a folder")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if not path.name.startswith((".", "~$"))
        and path.suffix.lower() not in IGNORED
        and (path.is_symlink() or not path.is_dir())
    ]
    if len(found) > MAX_FILES:
        raise OutputError(
            f"{folder}: {len(found):,} files; at most {MAX_FILES:,} are marked at once"
        )
    return found


def _noted(sheets: Sequence[MarkedSheet], students: Sequence[str]) -> list[MarkedSheet]:
    """Add the notes that need all sheets: two sheets of one student, other questions than most."""
    usual = Counter(sheet.fingerprint for sheet in sheets).most_common(1)
    owners = Counter(sheet.student for sheet in sheets if sheet.student)
    noted = []
    for sheet in sheets:
        notes = list(sheet.notes)
        if owners[sheet.student] > 1:
            notes.append(f"{owners[sheet.student]} files carry this student's name")
        if students and sheet.student not in students:
            notes.append("not on the roster")
        if sheet.fingerprint != usual[0][0]:
            notes.append("the questions or the seed differ from those of most files")
        noted.append(replace(sheet, notes=tuple(notes)))
    return noted
