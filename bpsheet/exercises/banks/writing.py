"""Writing a question bank, in the format of a learning system."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bpsheet.errors import OutputError
from bpsheet.exercises.banks.moodle import moodle_xml
from bpsheet.exercises.banks.qti12 import qti12_package
from bpsheet.exercises.banks.qti21 import qti21_package
from bpsheet.exercises.banks.question import Question, questions_of
from bpsheet.exercises.exercise import Exercise
from bpsheet.exercises.marks import Scale
from bpsheet.files.ours import refuse_unlike
from bpsheet.files.whole import replacing

__all__ = ["BANKS", "write_bank"]

# The formats, each with the ending of its files.
BANKS = {"moodle": ".xml", "qti12": ".zip", "qti21": ".zip"}


def write_bank(
    exercise: Exercise,
    path: Path,
    system: str,
    names: Sequence[str] = (),
    scale: Scale | None = None,
    *,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Question]:
    """Write a question bank for a learning system, and return its questions.

    system: "moodle" (XML), "qti12" (Canvas) or "qti21"
    names:  the students, or names of draws; each has numbers of its own. Without names the bank has
        one question with the experiment's own numbers
    scale:  what each value earns

    `progress` is called with the number of questions worked out. Raises OutputError for a file of
    another name, and for an existing file with other contents (`force` replaces it); ExperimentError
    for marks that a learning system cannot give.
    """
    ending = BANKS[system]
    if path.suffix.lower() != ending:
        raise OutputError(f"{path}: the name of a question bank for {system} ends in {ending}")
    questions = []
    for number, question in enumerate(questions_of(exercise, names, scale), start=1):
        questions.append(question)
        if progress is not None:
            progress(number)
    content = _content(system, questions, exercise.experiment.title or exercise.experiment.name)
    refuse_unlike(path, content, force=force)
    with replacing(path) as stream:
        stream.write(content)
    return questions


def _content(system: str, questions: Iterable[Question], category: str) -> bytes:
    match system:
        case "moodle":
            return moodle_xml(questions, category).encode()
        case "qti12":
            return qti12_package(questions)
    return qti21_package(questions)
