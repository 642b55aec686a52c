"""The sentence on a slip: what was written, how it comes about, and what is wrong with it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from bpsheet.engine.rows import ValueOf
from bpsheet.formula.evaluate import CellError
from bpsheet.formula.tree import Lookup, Neg, Param, Ref, children
from bpsheet.hand.causes import Cause, Found
from bpsheet.hand.student import Place, Student
from bpsheet.printers.text import TextPrinter
from bpsheet.words import counted

__all__ = ["SURE_DIGITS", "accusation"]

# With this many significant digits, the likeliest slip that fits may be named alone.
SURE_DIGITS = 4
PLAIN = re.compile(r"-?[0-9.]+(e[+-]?[0-9]+)?")
# The most characters of a wrong formula that is shown with its numbers.
LONGEST_WORKING = 70


def accusation(
    student: Student, place: Place, own: Found, others: Sequence[Found], cause: Cause
) -> str:
    """The sentence on the first place of a cause: a single slip is named, several are offered."""
    if others:
        reasons = "; or ".join(one.slip.reason for one in (own, *others[:2]))
        return f"{_written(student, place, own)}. Perhaps {reasons}."
    sure = student.answers[place].significant >= SURE_DIGITS or len(cause.places) > 1
    said = "It looks as if" if sure else "Perhaps"
    after = ""
    if len(cause.places) > 1:
        after += f" The same slip is in {counted(len(cause.places) - 1, 'further value')}."
    if cause.explains:
        follow = "follows" if cause.explains == 1 else "follow"
        after += f" {counted(cause.explains, 'later value')} {follow} correctly from it."
    return f"{_working(student, place, own)}. {said} {own.slip.reason}.{after}"


def _written(student: Student, place: Place, found: Found) -> str:
    """What was written, and what was expected there."""
    return f"{student.answers[place].text} is written; {_expected(student, place, found)}"


def _expected(student: Student, place: Place, found: Found) -> str:
    """The value that the right formula gives with the numbers that the slip was made with."""
    exact = _rounded(student, place, student.exact(place))
    formula = student.program[place[1]].formula
    if found.slip.column != place[1] or formula is None:
        return f"{exact} is expected"
    value = student.value(formula, student.over(found.row, found.line))
    own = _rounded(student, place, value) if math.isfinite(value) else exact
    return f"{exact} is expected" if own == exact else f"with your numbers {own} is expected"


def _rounded(student: Student, place: Place, value: float) -> str:
    """A value as a sentence tells it beside what was written."""
    return student.answers[place].told(value)


def _working(student: Student, place: Place, found: Found) -> str:
    """The wrong formula with the numbers put in, as it may stand in the student's notes, and what
    was expected. A formula that only turns a sign is left out: it would have two minus signs.
    """
    written = student.answers[place].text
    expected = _expected(student, place, found)
    printer = NumbersPrinter(student.over(found.row, found.line), student.cells.parameters)
    try:
        text = printer.text(found.slip.formula)
    except CellError:
        text = ""
    bare = found.slip.formula
    turned = isinstance(bare, Neg) and bare.operand == student.program[found.slip.column].formula
    if found.slip.column != place[1]:
        if turned or "-(-" in text:
            wrong = student.value(bare, student.over(found.row, found.line))
            text = f"{wrong:.4g}" if math.isfinite(wrong) else ""
        if not 0 < len(text) <= LONGEST_WORKING:
            return _written(student, place, found)
        return f"{written} follows with {text} for {found.slip.column}; {expected}"
    # A formula of which only a number is left says nothing beside what was written.
    is_number = not isinstance(bare, Ref) and PLAIN.fullmatch(text)
    if turned or is_number or "-(-" in text or not 0 < len(text) <= LONGEST_WORKING:
        return _written(student, place, found)
    return f"{written} is {bare.name if isinstance(bare, Ref) else text}; {expected}"


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
