"""A question of a bank: one student's task, or one draw of numbers, with its blanks and its picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

from bpsheet.exercises.banks.picture import picture
from bpsheet.exercises.banks.rules import Blank, blanks_of
from bpsheet.exercises.exercise import Exercise, Task
from bpsheet.exercises.marks import Scale
from bpsheet.exercises.questions import Line

__all__ = ["PICTURE", "Question", "plain", "questions_of", "table"]

PICTURE = "network.svg"


@dataclass(frozen=True)
class Question:
    """A task as a question: its name, what is to be done, its blanks, and its picture as SVG."""

    name: str
    task: Task
    blanks: tuple[Blank, ...]
    picture: str | None

    @property
    def instruction(self) -> str:
        """What is to be done, as a sentence."""
        digits = self.task.exercise.digits
        return f"Fill in each value with at least {digits} significant digits."


def questions_of(
    exercise: Exercise, names: Sequence[str], scale: Scale | None = None
) -> Iterator[Question]:
    """A question for each name: of a student, or of a draw. Each has the numbers that it always has."""
    title = exercise.experiment.title or exercise.experiment.name
    for name in names or [""]:
        task = exercise.task(name)
        said = f"{title}: {name}" if name else title
        yield Question(said, task, tuple(blanks_of(task, scale)), picture(task))


def table(lines: Sequence[Line], slot: Callable[[Line], str], image: str = "") -> str:
    """The lines of a sheet as XHTML. `slot` gives the XHTML of what is filled in; `image` is the
    address of the picture.
    """
    rows = []
    for line in lines:
        if line.is_heading:
            rows.append(f'<tr><th colspan="3">{escape(line.name)}</th></tr>')
            continue
        value = slot(line) if line.is_asked else escape(_shown(line.printed))
        said = escape(line.meaning[:1].upper() + line.meaning[1:])
        rows.append(f"<tr><td>{escape(line.name)}</td><td>{value}</td><td>{said}</td></tr>")
    shown = f'<p><img src="{escape(image)}" alt="The network"/></p>' if image else ""
    return f"{shown}<table><tbody>{''.join(rows)}</tbody></table>"


def _shown(value: float | str | None) -> str:
    if isinstance(value, float):
        return plain(value)
    return value or ""


def plain(value: float, digits: int = 12) -> str:
    """A number without an exponent: some systems do not read one.

    >>> plain(-1.5e-7), plain(2.0), plain(0.123456, 3)
    ('-0.00000015', '2', '0.123')
    """
    return f"{Decimal(f'{value:.{digits}g}'):f}"
