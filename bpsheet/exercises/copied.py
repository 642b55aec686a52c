"""Answers that belong to another student's sheet: copied from a neighbour who has other numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bpsheet.exercises.exercise import Task
from bpsheet.exercises.names import alike
from bpsheet.hand.freely import Read
from bpsheet.hand.numbers import Written
from bpsheet.hand.student import Place

__all__ = ["owner_of"]

# Fewer values may agree with another's by accident.
FEWEST = 5
# So much of what is wrong on a sheet agrees with the sheet that it was copied from.
MOST_OF_IT = 0.8


def owner_of(task: Task, numbers: Mapping[Place, Read], students: Iterable[str]) -> str | None:
    """The student whose right answers stand on this sheet; None where they are nobody's.

    numbers:  what is written on the sheet
    students: the class

    Only sheets are looked at on which more is wrong than right. A value counts that is wrong here and
    right there.
    """
    asked = [line for line in task.lines if line.is_asked]
    written = {
        line.place: one for line in asked if isinstance(one := numbers.get(line.place), Written)
    }
    wrong = [line for line in asked if line.place in written]
    wrong = [line for line in wrong if not written[line.place].agrees(task.exact(line), 1.0)]
    if not task.exercise.vary or len(wrong) < max(FEWEST, len(written) / 2):
        return None
    for student in students:
        if alike(student) == alike(task.student):
            continue
        other = task.exercise.task(student)
        theirs = sum(written[line.place].agrees(other.exact(line), 1.0) for line in wrong)
        if theirs >= MOST_OF_IT * len(wrong):
            return student
    return None
