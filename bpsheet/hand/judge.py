"""Judging written values: a verdict on each, with its reason, and the causes of the mistakes.

A value is right if the exact value rounds to it, or if it follows from the numbers that were written
before. Everything else is a mistake. The fewest causes that explain the mistakes of a sheet are
named, each once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from bpsheet.engine.engine import run
from bpsheet.errors import ProgramError
from bpsheet.hand.accusation import SURE_DIGITS, accusation
from bpsheet.hand.causes import Cause, Found, Search, causes_of
from bpsheet.hand.following import Following, Outcome
from bpsheet.hand.idle import idle_places
from bpsheet.hand.numbers import NotANumber, Written, decimals_needed, read_number
from bpsheet.hand.readings import Reading, readings_of
from bpsheet.hand.slips import Slips
from bpsheet.hand.student import Place, Student, Values
from bpsheet.hand.verdict import Verdict
from bpsheet.program.program import Program
from bpsheet.words import listed

__all__ = ["Judged", "Judgement", "judge"]

# On a sheet with so many mistakes that nothing explains, and fewer right values than those, nothing
# is believed to follow from anything.
MANY = 3


@dataclass(frozen=True)
class Judgement:
    """The judgement of one written value: the exact value, the verdict and its reason.

    `rounded` is the value that was expected, with as many digits as were written. `slips` are the
    kinds of slips that fit, the likeliest first. `is_nearly_enough` says that half of the
    digits that were asked are there.
    """

    iteration: int
    quantity: str
    written: str
    exact: float
    rounded: str
    verdict: Verdict
    reason: str
    slips: tuple[str, ...] = ()
    is_nearly_enough: bool = False

    @property
    def place(self) -> Place:
        """The iteration and the quantity."""
        return self.iteration, self.quantity


@dataclass(frozen=True)
class Judged:
    """A judged sheet: its judgements in the order of computing, the causes of its mistakes, and the
    convention by which it was read, where that is not the program's own. `notes` say how the values
    were read.
    """

    judgements: tuple[Judgement, ...]
    causes: tuple[Cause, ...] = ()
    reading: Reading | None = None
    notes: tuple[str, ...] = ()


class Basis(Protocol):
    """A run as the judge needs it: its program, and its values with a row for each iteration."""

    @property
    def program(self) -> Program: ...
    @property
    def values(self) -> Values: ...


def judge(
    trace: Basis,
    hand: Mapping[Place, str | Written | NotANumber],
    *,
    decimal: str = ".",
    digits: int | None = None,
) -> Judged:
    """Judge written values, by (iteration, column). `digits` significant digits are asked."""
    read = {
        place: read_number(value, decimal) if isinstance(value, str) else value
        for place, value in hand.items()
    }
    order = trace.program.position
    read = dict(sorted(read.items(), key=lambda item: (item[0][0], order[item[0][1]])))
    return _Sheet(trace, read, digits).judged()


class _Sheet:
    """A sheet of written values, judged by the reading that leaves the fewest mistakes."""

    def __init__(
        self, trace: Basis, read: Mapping[Place, Written | NotANumber], digits: int | None
    ) -> None:
        self.trace = trace
        self.read = read
        self.digits = digits
        self.answers = {place: v for place, v in read.items() if isinstance(v, Written)}
        self.idle = idle_places(trace.program, trace.values, self.answers)
        self.plain = Following(Student(trace.program, trace.values, self.answers), digits)
        self.reading, program, values = self._best(self.plain)
        student = Student(program, values, self.answers)
        self.search = Search(student, Slips(program), self.idle)
        self.best = self.plain
        if any(not outcome.verdict.is_right for outcome in self.plain.outcomes.values()):
            self.best = Following(student, digits, self.search.explain)
        self.outcomes = self.best.outcomes
        follows = {p: o.sources for p, o in self.outcomes.items() if o.verdict.is_right}
        self.causes = causes_of(self.search.found, follows)
        self.cause_at = {place: cause for cause in self.causes for place in cause.places}

    def _best(self, plain: Following) -> tuple[Reading | None, Program, Values]:
        """The reading with the fewest mistakes, with its program and its values."""
        program = self.trace.program
        best: tuple[Reading | None, Program, Values] = None, program, self.trace.values
        fewest = plain.flaws
        for reading in readings_of(program) if plain.mistakes else ():
            there = reading.program(program)
            try:
                values = run(there, len(self.trace.values)).values
            except ProgramError:
                # Its formulas cannot be computed in this program's order.
                continue
            found = Following(Student(there, values, self.answers), self.digits, most=fewest)
            is_clean = set(found.mistakes) <= set(plain.mistakes)
            if is_clean and found.flaws < fewest and plain.flaws - found.flaws >= reading.least:
                fewest, best = found.flaws, (reading, there, values)
        return best

    def judged(self) -> Judged:
        made = [self._judgement(place, value) for place, value in self.read.items()]
        return Judged(tuple(self._earned(made)), tuple(self.causes), self.reading)

    def _judgement(self, place: Place, value: Written | NotANumber) -> Judgement:
        exact = self.plain.student.exact(place)
        if isinstance(value, NotANumber):
            verdict = Verdict.MISSING if value.is_blank else Verdict.NO_NUMBER
            reason = value.reason[:1].upper() + value.reason[1:] + "."
            return Judgement(*place, value.text, exact, f"{exact:.4g}", verdict, reason)
        outcome = self.outcomes[place]
        verdict, reason, kinds = self._verdict(place, value, outcome)
        rounded = self._expected(place, value) if verdict.is_right else self._right(place, value)
        half = bool(value.value) and 2 * value.significant >= (self.digits or 0)
        return Judgement(*place, value.text, exact, rounded, verdict, reason, kinds, half)

    def _verdict(
        self, place: Place, value: Written, outcome: Outcome
    ) -> tuple[Verdict, str, tuple[str, ...]]:
        rounded = value.rounded(outcome.compared)
        match outcome.verdict:
            case Verdict.CORRECT if self.reading and not self._is_plainly_right(place, value):
                return Verdict.CONVENTION, f"Right if {self.reading.said}.", ()
            case Verdict.CORRECT:
                return Verdict.CORRECT, "The exact value rounds to it.", ()
            case Verdict.FEW_DIGITS if not value.says(outcome.compared):
                said = (
                    f"The value is {outcome.compared:.4g}, and no digit of it is written; write "
                    "more digits."
                )
                return Verdict.FEW_DIGITS, said, ()
            case Verdict.FEW_DIGITS if self.digits is None:
                names = listed(self._wrong(outcome))
                return (
                    Verdict.FEW_DIGITS,
                    (
                        f"It follows from your {names}, of which no digit is written; write more digits "
                        "there."
                    ),
                    (),
                )
            case Verdict.FEW_DIGITS:
                said = f"Right so far, but {self.digits} significant digits are asked for."
                return Verdict.FEW_DIGITS, said, ()
            case Verdict.ROUNDED | Verdict.CARRIED:
                return outcome.verdict, self._followed(place, value, outcome), ()
            case Verdict.CUT:
                after = self._with(place, outcome)
                said = f"The further digits were cut off; {rounded} is the rounded value{after}."
                return Verdict.CUT, said, ()
            case Verdict.CLOSE:
                after = self._with(place, outcome)
                said = f"The last digit is off; {rounded} is the rounded value{after}."
                return Verdict.CLOSE, said, ()
        return self._mistake(place, value)

    def _is_plainly_right(self, place: Place, value: Written) -> bool:
        return value.agrees(self.plain.student.exact(place))

    def _expected(self, place: Place, value: Written) -> str:
        """The exact value in the student's convention, with as many digits as were written."""
        return value.rounded(self.best.student.exact(place))

    def _right(self, place: Place, value: Written) -> str:
        """What is right in the place of a wrong value, with the digits that are asked for."""
        exact = self.best.student.exact(place)
        if self.digits is None or value.is_exact or value.shows(exact, self.digits):
            return value.told(exact)
        return f"{exact:.{decimals_needed(exact, self.digits)}f}"

    def _with(self, place: Place, outcome: Outcome) -> str:
        """The end of a sentence about a value that was compared with what follows from wrong ones."""
        wrong = self._wrong(outcome)
        is_exact = outcome.compared == self.best.student.exact(place)
        return f" with your {listed(wrong)}" if wrong and not is_exact else ""

    def _wrong(self, outcome: Outcome) -> list[str]:
        places = [place for place in outcome.sources if not self.best.was_right(place)]
        return list(dict.fromkeys(name for _, name in places))

    def _followed(self, place: Place, value: Written, outcome: Outcome) -> str:
        if outcome.verdict is Verdict.CARRIED:
            names = self._wrong(outcome)
            return f"Right with your value{'s' * (len(names) > 1)} of {listed(names)}."
        names = list(dict.fromkeys(name for _, name in outcome.sources))
        exact = self._expected(place, value)
        return f"Right with your rounded {listed(names)}; with all digits the value is {exact}."

    def _mistake(self, place: Place, value: Written) -> tuple[Verdict, str, tuple[str, ...]]:
        cause = self.cause_at.get(place)
        expected = self._right(place, value)
        if cause is None and value.is_exact and self._is_right_as_text(place, value):
            said = (
                f"{expected} is expected. All digits of a number are compared; to claim only the "
                f"digits of {value.text}, give it as text."
            )
            return Verdict.WRONG, said, ()
        if cause is None:
            return Verdict.WRONG, f"{expected} is expected; no common slip gives this value.", ()
        if cause.place != place:
            return (
                Verdict.AGAIN,
                f"The same slip as in {cause.place[1]}: {self._own(place, cause).slip.reason}.",
                (cause.kind,),
            )
        found = self.search.found[place]
        own = self._own(place, cause)
        # What explains several values is hardly chance.
        others = [] if len(cause.places) > 1 else [one for one in found if one is not own]
        kinds = (cause.kind, *(one.slip.kind for one in others))
        return (
            Verdict.SLIP,
            accusation(self.search.student, place, own, others, cause),
            tuple(dict.fromkeys(kinds)),
        )

    def _is_right_as_text(self, place: Place, value: Written) -> bool:
        text = read_number(value.text)
        return isinstance(text, Written) and text.agrees(self.plain.student.exact(place))

    def _own(self, place: Place, cause: Cause) -> Found:
        """The slip of a cause as it is made at one of its places."""
        return next(one for one in self.search.found[place] if one.idea == cause.idea)

    def _earned(self, made: list[Judgement]) -> Iterable[Judgement]:
        """The judgements, of which none follows from numbers that say nothing."""
        unexplained = sum(self._is_unexplained(one) for one in made)
        right = sum(
            one.verdict in (Verdict.CORRECT, Verdict.CONVENTION, Verdict.ROUNDED) for one in made
        )
        is_nonsense = unexplained >= MANY and unexplained > right
        for one in made:
            follows = one.place in self.answers and self._follows(one)
            is_idle = one.place in self.idle and one.verdict is not Verdict.AGAIN
            says_nothing = follows and (is_nonsense or is_idle)
            if says_nothing and self.answers[one.place].agrees(one.exact):
                said = (
                    f"The value is {one.exact:.4g}, and no digit of it is written; write more "
                    "digits."
                )
                yield replace(one, verdict=Verdict.FEW_DIGITS, reason=said)
            elif says_nothing:
                expected = self.answers[one.place].told(one.exact)
                said = (
                    f"{expected} is expected. The written value follows from earlier ones, but too "
                    "few of these are right."
                )
                yield replace(one, verdict=Verdict.WRONG, reason=said)
            else:
                yield one

    def _is_unexplained(self, one: Judgement) -> bool:
        """Whether nothing explains a mistake, or only what may be chance."""
        if one.verdict is not Verdict.SLIP:
            return one.verdict is Verdict.WRONG
        cause = self.cause_at[one.place]
        return len(cause.places) == 1 and self.answers[one.place].significant < SURE_DIGITS

    def _follows(self, one: Judgement) -> bool:
        """Whether a value is right, or right so far, only as it follows from a mistake."""
        if one.verdict is Verdict.FEW_DIGITS and self.answers[one.place].value:
            return one.place in self.idle or bool(self._wrong(self.outcomes[one.place]))
        if one.verdict in (Verdict.CUT, Verdict.CLOSE):
            return bool(self._with(one.place, self.outcomes[one.place]))
        return one.verdict in (Verdict.CARRIED, Verdict.AGAIN)
