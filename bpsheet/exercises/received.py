"""Sheets that were read: whose each one is, what stands on it, and what is odd about it.

What is odd is said before anything else: an identity that is gone or forged, another student's
numbers, two sheets of one student, a sheet that somebody else has handed in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from bpsheet.errors import BpsheetError, WorkbookError
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.filled import Changed, Filled, FilledBook, open_filled
from bpsheet.exercises.grades import Refusal
from bpsheet.exercises.handins import HandIn
from bpsheet.exercises.identity import Identity
from bpsheet.exercises.names import alike, file_name, same_letters
from bpsheet.plan.plan import Plan
from bpsheet.words import counted, listed

__all__ = ["FEW_CHANGED", "Exercises", "Received", "receive", "received_file"]

# So many printed values may be changed by accident. What follows from them is then followed.
FEW_CHANGED = 2
SHOWN = 3
OTHER_QUESTIONS = "the questions or the seed differ from those of most files"


class _NoIdentityError(WorkbookError):
    """A sheet has no identity, and nothing yet that stands for it."""


@dataclass(frozen=True)
class Received:
    """A sheet that was read: its identity, the student's name, what stands on it.

    `warnings` are what a teacher should look at first, `notes` how it was read.
    """

    path: Path
    identity: Identity
    student: str
    filled: Filled
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass
class Exercises:
    """The exercises of the sheets, each built once. No claim of a sheet is believed unchecked.

    `handed_out` is the exercise of the key, if there is one.
    """

    experiment: Plan
    handed_out: Exercise | None = None
    known: dict[Identity, Exercise] = field(default_factory=dict)

    def of(self, identity: Identity, name: str) -> Exercise:
        """The exercise that an identity names. Raises WorkbookError for another experiment's."""
        key = replace(identity, student="", exercise="")
        if key not in self.known:
            exercise = Exercise.of(self.experiment, identity)
            if exercise is None:
                raise WorkbookError(
                    f"{name}: from another exercise ({identity.exercise[:60]} "
                    f"{identity.fingerprint[:12]}), or {self.experiment.name} has been changed since "
                    "it was handed out; the key of its class has it as it was"
                )
            self.known[key] = exercise
        return self.known[key]

    def printed(self, code: tuple[str, str] | None) -> Exercise | None:
        """The exercise with the fingerprint that is printed on a sheet."""
        likely = [self.handed_out, *self.known.values(), self.usual]
        fingerprint = code[1] if code is not None else ""
        return next((one for one in likely if one and one.fingerprint == fingerprint), None)

    @cached_property
    def usual(self) -> Exercise:
        """The exercise as it is without any choice."""
        return Exercise(self.experiment)


@dataclass
class _Class:
    """The students of a class, by the name that stands on a sheet."""

    exercises: Exercises
    students: Sequence[str]

    @cached_property
    def handed_to(self) -> dict[str, str]:
        """The student to whom a file of a name, without its ending, was handed out."""
        return {Path(file_name(student)).stem: student for student in self.students}

    def called(self, name: str) -> str | None:
        """The student of a name that somebody typed or printed."""
        return next((student for student in self.students if alike(student) == alike(name)), None)

    def read(self, handin: HandIn) -> tuple[Received, FilledBook, Task]:
        """A file, read. Raises WorkbookError where it cannot be marked."""
        name = handin.path.name
        book = open_filled(handin.content(), name)
        warnings: list[str] = []
        identity = self._identity(book, name, warnings)
        exercise = self.exercises.of(identity, name)
        task = exercise.task(identity.student)
        filled = book.read(task)
        printed = book.student()
        student = identity.student or printed
        handed_out = self.exercises.handed_out
        if handed_out is not None and handed_out.fingerprint != exercise.fingerprint:
            warnings.append("its questions are not those that were handed out")
        if identity.student and printed and alike(identity.student) != alike(printed):
            warnings.append(
                f"its hidden sheet Identity says {identity.student}, and {printed} is written on the "
                "sheet"
            )
        if not identity.student and exercise.vary and self.students:
            warnings.append(
                "its hidden sheet Identity names no student, unlike the others of this class"
            )
        notes = [] if student else ["no name on the sheet"]
        if book.is_text:
            notes.append(
                "a CSV file has no hidden identity: the sheet was recognised by what is printed on it"
            )
        if handin.submitter and student and not same_letters(handin.submitter, student):
            warnings.append(f"{handin.submitter} handed in the sheet of {student}")
        if not handin.submitter and identity.student and _is_renamed(name, identity.student):
            other = self.handed_to.get(Path(name).stem)
            if other is not None:
                warnings.append(f"the file has the name of {other}'s")
            else:
                notes.append("the file was renamed")
        notes += _notes(filled)
        received = Received(handin.path, identity, student, filled, tuple(notes), tuple(warnings))
        return received, book, task

    def _identity(self, book: FilledBook, name: str, warnings: list[str]) -> Identity:
        """The identity of a sheet, or what is printed on it where the identity is gone."""
        damage: WorkbookError | None = None
        try:
            found = book.identity()
        except WorkbookError as error:
            found, damage = None, error
        if found is not None:
            return found
        code = book.code()
        exercise = self.exercises.printed(code)
        if exercise is None and damage is not None:
            raise damage
        if exercise is None and code is None:
            raise WorkbookError(f"{name}: not an exercise sheet that bpsheet wrote")
        if exercise is None:
            raise _NoIdentityError(
                f"{name}: its hidden sheet Identity is missing; with the key, the sheet is recognised by what is "
                "printed on it"
            )
        printed = book.student()
        student = self.called(printed)
        if student is None and exercise.vary:
            said = f'is called "{printed}"' if printed else "is named on it"
            raise WorkbookError(
                f"{name}: its hidden sheet Identity is missing, and no student {said}"
            )
        if not book.is_text:
            warnings.append(
                "its hidden sheet Identity is gone; exercise and student were read from what is printed"
            )
        return exercise.identity(student or "")


def _is_renamed(name: str, student: str) -> bool:
    """Whether a file has another name than it was handed out with, but for its ending."""
    return Path(name).stem != Path(file_name(student)).stem


def _notes(filled: Filled) -> list[str]:
    """How a sheet was read."""
    notes = []
    if filled.formulas and not filled.findings:
        names = ", ".join(dict.fromkeys(name for _, name in filled.formulas))
        notes.append(f"formulas instead of typed values: {names}")
    if filled.numbers and not filled.findings:
        hold = "holds a number" if filled.numbers == 1 else "hold numbers"
        notes.append(
            f"{counted(filled.numbers, 'cell')} {hold} instead of text, so zeros at the end are lost"
        )
    if filled.missing:
        names = listed(filled.missing[:SHOWN])
        are = "is" if len(filled.missing) == 1 else "are"
        such = "" if len(filled.missing) == 1 else "such as "
        notes.append(
            f"{counted(len(filled.missing), 'line')} of the sheet {are} gone: {such}{names}"
        )
    return notes


def received_file(handin: HandIn, exercises: Exercises) -> Received:
    """One file, read on its own. Raises WorkbookError where it cannot be marked."""
    received, book, task = _Class(exercises, ()).read(handin)
    return _with_changes(received, book, task, ())


def receive(
    files: Sequence[HandIn],
    exercises: Exercises,
    students: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> tuple[list[Received], list[Refusal]]:
    """Read what was handed in. A file that cannot be read does not stop the others.

    `students` are those of the class. `progress` is called with the number of files read.
    """
    group = _Class(exercises, students)
    read: list[tuple[int, Received, FilledBook, Task]] = []
    refused: list[tuple[int, Refusal]] = []
    waiting: list[tuple[int, HandIn]] = []
    for number, handin in enumerate(files, start=1):
        try:
            read.append((number, *group.read(handin)))
        except _NoIdentityError:
            waiting.append((number, handin))
        except (BpsheetError, RecursionError) as error:
            refused.append((number, Refusal(handin.path, _reason(error, handin.path.name))))
        if progress is not None:
            progress(number)
    # By now other sheets have told what the exercise is.
    for number, handin in waiting:
        try:
            read.append((number, *group.read(handin)))
        except BpsheetError as error:
            refused.append((number, Refusal(handin.path, _reason(error, handin.path.name))))
    read.sort(key=lambda one: one[0])
    refused.sort(key=lambda one: one[0])
    owners = [name for _, one, book, _ in read for name in (one.student, book.student()) if name]
    known = tuple(dict.fromkeys([*students, *owners]))
    sheets = [_with_changes(received, book, task, known) for _, received, book, task in read]
    return list(_together(sheets, students)), [refusal for _, refusal in refused]


def _reason(error: Exception, name: str) -> str:
    if isinstance(error, RecursionError):
        return "damaged (nested too deeply)"
    return str(error).removeprefix(f"{name}: ")


def _with_changes(
    received: Received, book: FilledBook, task: Task, students: Iterable[str]
) -> Received:
    """A sheet with what is to be said of its printed values."""
    changed = received.filled.changed
    if not changed:
        return received
    if len(changed) > FEW_CHANGED:
        owner = _owner(book, task, students)
        if owner is not None:
            said = f"the numbers on it are those of {owner or 'a sheet without a name'}"
        else:
            said = f"{len(changed)} printed values were changed: {_listed(changed[:SHOWN])} …"
        return replace(received, warnings=(*received.warnings, said))
    said = f"a printed value was changed: {_listed(changed)}"
    return replace(received, warnings=(*received.warnings, said))


def _listed(changed: Sequence[Changed]) -> str:
    return ", ".join(
        f"{one.place[1]} from {one.printed} to {'nothing' if one.written == '' else one.written}"
        for one in changed
    )


def _owner(book: FilledBook, task: Task, students: Iterable[str]) -> str | None:
    """The student whose numbers stand on a sheet that is not theirs."""
    exercise = task.exercise
    others = (student for student in ("", *students) if student != task.student)
    for student in others if exercise.vary else ():
        try:
            if book.has_printed(exercise.task(student)):
                return student
        except BpsheetError:
            continue
    return None


def _together(sheets: Sequence[Received], students: Sequence[str]) -> Iterator[Received]:
    """The sheets with the warnings that need all of them."""
    prints = [sheet.identity.fingerprint for sheet in sheets]
    usual = max(prints, key=prints.count, default="")
    owners = Counter(alike(sheet.student) for sheet in sheets)
    for sheet in sheets:
        warnings = list(sheet.warnings)
        same = owners[alike(sheet.student)] if sheet.student else 1
        if same > 1:
            warnings.append(f"{same} files carry this student's name")
        if students and sheet.student not in students:
            warnings.append("not on the roster")
        if sheet.identity.fingerprint != usual:
            warnings.append(OTHER_QUESTIONS)
        yield replace(sheet, warnings=tuple(warnings))
