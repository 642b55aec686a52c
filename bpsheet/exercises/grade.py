"""Marking filled-in sheets that were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bpsheet.errors import BpsheetError
from bpsheet.exercises.copied import owner_of
from bpsheet.exercises.exercise import Task, worked_by_hand
from bpsheet.exercises.filled import Filled
from bpsheet.exercises.formulas.judging import Finding
from bpsheet.exercises.grades import Grades, Mark, MarkedSheet, Refusal
from bpsheet.exercises.handins import HandIn
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.names import alike
from bpsheet.exercises.received import FEW_CHANGED, Exercises, Received, received_file
from bpsheet.exercises.roster import Roster
from bpsheet.hand.causes import Cause
from bpsheet.hand.freely import Read, read_together
from bpsheet.hand.judge import Judged, Judgement, judge
from bpsheet.hand.numbers import NotANumber, Written
from bpsheet.hand.student import Place
from bpsheet.hand.verdict import Verdict
from bpsheet.plan.plan import Plan
from bpsheet.program.kinds import Role
from bpsheet.runs.run import Run

__all__ = ["grade_received", "numbers_on", "read_filled"]

FORMULA = "there is a formula instead of a typed value"


def read_filled(path: Path, experiment: Plan) -> tuple[Task, Filled]:
    """A filled-in sheet before marking: its task, and the written answers.

    Raises WorkbookError for a damaged or hostile file, and for one from another exercise.
    """
    exercises = Exercises(experiment)
    received = received_file(HandIn(path), exercises)
    return exercises.of(received.identity, path.name).task(
        received.identity.student
    ), received.filled


def numbers_on(filled: Filled, decimal: str | None = None) -> tuple[dict[Place, Read], list[str]]:
    """The numbers on a sheet, and how those were read that are not plain ones."""
    typed = {place: text for place, text in filled.answers.items() if place not in filled.formulas}
    read, said = read_together(typed, decimal)
    # A formula is no answer, and it is not computed.
    read |= {place: NotANumber("a formula", FORMULA) for place in filled.formulas}
    order = {place: read[place] for place in filled.answers}
    return order, [f"the value of {name} was read: {how}" for (_, name), how in said.items()]


def _marked(
    received: Received, exercises: Exercises, scale: Scale, decimal: str | None
) -> MarkedSheet:
    """A sheet with its marks."""
    identity, filled = received.identity, received.filled
    task = exercises.of(identity, received.path.name).task(identity.student)
    scale.check(task.trace.program)
    if task.exercise.answers == "formulas":
        return _marked_formulas(received, task, scale)
    numbers, said = numbers_on(filled, decimal)
    given = _given(task, filled)

    def tried(basis: Run) -> tuple[Judged, tuple[Mark, ...], float]:
        judged = judge(basis, {**given, **numbers}, digits=task.exercise.digits)
        answers = [one for one in judged.judgements if one.place not in given]
        return judged, *_marks(task, answers, judged, scale)

    # The student may have used a hyper-parameter as it was printed, or as it stands there now.
    judged, made, full = max(
        map(tried, _bases(task, filled)), key=lambda one: sum(mark.mark for mark in one[1])
    )
    notes = [*received.notes, *said]
    if judged.reading is not None:
        notes.append(f"another convention: {judged.reading.said}")
    return MarkedSheet(
        received.path,
        received.student,
        identity.fingerprint,
        made,
        full,
        tuple(notes),
        tuple(cause for cause in judged.causes if cause.place not in given),
        received.warnings,
        task.trace,
    )


def _with_owner(
    sheet: MarkedSheet,
    received: Received,
    exercises: Exercises,
    students: Sequence[str],
    decimal: str | None,
) -> MarkedSheet:
    """The marked sheet; with a warning where its answers are right on another student's sheet."""
    task = exercises.of(received.identity, received.path.name).task(received.identity.student)
    # Where many printed values are others, their owner has been told already.
    if task.exercise.answers == "formulas" or len(received.filled.changed) > FEW_CHANGED:
        return sheet
    owner = owner_of(task, numbers_on(received.filled, decimal)[0], filter(None, students))
    if owner is None:
        return sheet
    return replace(sheet, warnings=(*sheet.warnings, f"its answers are those of {owner}'s sheet"))


def _bases(task: Task, filled: Filled) -> list[Run]:
    """The run, and the run with the hyper-parameters that the student changed, if they are few."""
    labels = {parameter.label: parameter.name for parameter in task.trace.program.parameters}
    changed = {
        labels[one.place[1]]: one.written
        for one in filled.changed
        if not one.place[0] and one.place[1] in labels
    }
    read, _ = read_together(changed)
    settings = {name: number.value for name, number in read.items() if isinstance(number, Written)}
    if not settings or len(filled.changed) > FEW_CHANGED or not all(settings.values()):
        return [task.trace]
    try:
        return [task.trace, worked_by_hand(Run.of(task.trace.experiment.changed(settings)))]
    except BpsheetError:
        return [task.trace]


def _marked_formulas(received: Received, task: Task, scale: Scale) -> MarkedSheet:
    """A sheet of formulas with its marks. What was found out about each was told when it was read."""
    filled = received.filled
    places = {line.place: line for line in task.lines if line.is_asked}
    judgements = []
    causes: dict[tuple[str, Role], Cause] = {}
    for place, line in places.items():
        one = filled.findings.get(place, Finding("", Verdict.MISSING, "The line is gone."))
        kinds = (one.slip,) if one.slip else ()
        judgements.append(
            Judgement(
                *place,
                one.text,
                task.exact(line),
                task.rounded(line),
                one.verdict,
                one.reason,
                kinds,
            )
        )
        if one.slip:
            role = task.trace.program[line.name].role
            known = causes.get((one.slip, role), Cause(one.slip, role, one.reason, place, ()))
            causes[one.slip, role] = replace(known, places=(*known.places, place))
    judged = Judged(tuple(judgements), tuple(causes.values()))
    made, full = _marks(task, judgements, judged, scale)
    return MarkedSheet(
        received.path,
        received.student,
        received.identity.fingerprint,
        made,
        full,
        received.notes,
        judged.causes,
        received.warnings,
        task.trace,
    )


def _given(task: Task, filled: Filled) -> dict[Place, Read]:
    """The printed values that the student changed, if they are few: what follows is followed."""
    if len(filled.changed) > FEW_CHANGED:
        return {}
    names = task.trace.program.position
    changed = {one.place: one.written for one in filled.changed if one.place[1] in names}
    read, _ = read_together({place: value for place, value in changed.items() if place[0]})
    return {place: number for place, number in read.items() if not isinstance(number, NotANumber)}


def _marks(
    task: Task, answers: Sequence[Judgement], judged: Judged, scale: Scale
) -> tuple[tuple[Mark, ...], float]:
    """The marks of a sheet, and the full mark."""
    program = task.trace.program
    points = {one.place: scale.points_of(program[one.quantity]) for one in answers}
    correct = scale.verdicts[Verdict.CORRECT]
    full = correct * sum(points.values())
    factor = scale.total / full if scale.total is not None and full else 1.0
    first = {cause.place for cause in judged.causes}
    made = []
    for one in answers:
        most = factor * points[one.place] * correct
        mark = factor * points[one.place] * _share(one, scale)
        if scale.cause is not None and one.verdict in (Verdict.SLIP, Verdict.AGAIN):
            mark = most - (scale.cause if one.place in first else 0.0)
        made.append(Mark(one, str(one.verdict), one.reason, mark, one.rounded, most))
    return tuple(made), factor * full


def _share(one: Judgement, scale: Scale) -> float:
    """The part of its points that a value earns."""
    if one.verdict is Verdict.FEW_DIGITS and not one.is_nearly_enough:
        return scale.verdicts[Verdict.WRONG]
    return scale.verdicts[one.verdict]


def grade_received(
    received: Sequence[Received],
    exercises: Exercises,
    scale: Scale | None = None,
    *,
    roster: Roster | None = None,
    refused: Sequence[Refusal] = (),
    skipped: Sequence[Refusal] = (),
    decimal: str | None = None,
) -> Grades:
    """Mark sheets that were read, perhaps once more by another scale."""
    labels = roster.labels if roster is not None else []
    students = list(dict.fromkeys((*labels, *(one.identity.student for one in received))))
    sheets = [
        _with_owner(
            _marked(one, exercises, scale or Scale(), decimal), one, exercises, students, decimal
        )
        for one in received
    ]
    present = {alike(sheet.student) for sheet in sheets}
    absent = tuple(label for label in labels if alike(label) not in present)
    return Grades(tuple(sheets), tuple(refused), absent, tuple(skipped), roster)
