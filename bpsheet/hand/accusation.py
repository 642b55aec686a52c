"""The sentence on a slip: what was written, how it comes about, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpsheet.engine.rows import ValueOf
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Lookup, Param, Ref, children
from bpsheet.hand.causes import Cause, Found
from bpsheet.hand.student import Place, Student
from bpsheet.printers.text import TextPrinter
from bpsheet.words import counted

__all__ = ["SURE_DIGITS", "accusation"]

# With this many significant digits, the likeliest slip that fits may be named alone.
SURE_DIGITS = 4
# The most characters of a wrong formula that is shown with its numbers.
LONGEST_WORKING = 70


def accusation(
    student: Student, place: Place, own: Found, others: Sequence[Found], cause: Cause
) -> str:
    """The sentence on the first place of a cause: a single slip is named, several are offered."""
    if others:
        reasons = "; or ".join(one.slip.reason for one in (own, *others[:2]))
        return f"It could be that {reasons}."
    sure = student.answers[place].significant >= SURE_DIGITS or len(cause.places) > 1
    said = "it looks as if" if sure else "it could be that"
    after = ""
    if len(cause.places) > 1:
        after += f" So it is in {counted(len(cause.places) - 1, 'further value')}."
    if cause.explains:
        after += f" What follows from it is right: {counted(cause.explains, 'value')}."
    return f"{_working(student, place, own)}: {said} {own.slip.reason}.{after}"


def _working(student: Student, place: Place, found: Found) -> str:
    """The wrong formula with the numbers put in, as it may stand in the student's notes."""
    written = student.answers[place].text
    printer = NumbersPrinter(student.over(found.row, found.line), student.cells.parameters)
    try:
        text = printer.text(found.slip.formula)
    except CellError:
        text = ""
    if not 0 < len(text) <= LONGEST_WORKING:
        return f"{written} comes of a slip"
    if found.slip.column != place[1]:
        return f"{written} follows with {text} for {found.slip.column}"
    bare = found.slip.formula
    return f"{written} is {bare.name if isinstance(bare, Ref) else text}"


class NumbersPrinter(TextPrinter):
    """Plain text with numbers instead of names, to four significant digits."""

    times = " × "

    def __init__(self, values: ValueOf, parameters: Mapping[str, float | str]) -> None:
        super().__init__()
        self.values = values
        self.parameters = parameters

    def lookup(self, node: Lookup) -> str:
        places = ", ".join(self.text(place) for place in children(node))
        return f"{node.table} of example {places}"

    def reference(self, node: Ref) -> str:
        return f"{self.values(node):.4g}"

    def param(self, node: Param) -> str:
        value = self.parameters[node.name]
        return f"{value:.4g}" if isinstance(value, float) else value
