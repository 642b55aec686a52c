"""Verdicts on written values, and the reasons for them.

From best to worst: correct, rounded early, carried through, close, likely slip, wrong. A value
that cannot be judged is missing or not a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from bpsheet.engine.rows import ValueOf
from bpsheet.formula.tree import Lookup, Param, Ref, children
from bpsheet.hand.numbers import NotANumber, Written, read_number
from bpsheet.hand.shadow import Shadow
from bpsheet.hand.slips import Slip, slips_of, written_out
from bpsheet.printers.text import TextPrinter
from bpsheet.program.program import Column
from bpsheet.runs.run import Run

__all__ = ["Judgement", "Verdict", "judge"]

# A value that is off by no more than this many units in the last digit is a rounding slip.
CLOSE = 1.5
# With this many significant digits, the likeliest slip that fits may be named alone.
SURE_DIGITS = 4
# The most written values in a formula for which every mixture with exact values is tried.
MAX_MIXED = 4
# The most characters of a wrong formula that is shown with its numbers.
LONGEST_WORKING = 70


class Verdict(StrEnum):
    """The verdict on a written value."""

    CORRECT = "correct"
    ROUNDED = "rounded early"
    CARRIED = "carried through"
    CLOSE = "close"
    SLIP = "likely slip"
    WRONG = "wrong"
    MISSING = "missing"
    NO_NUMBER = "not a number"

    @property
    def is_right(self) -> bool:
        """Whether the method is right, so that the value earns its mark."""
        return self in (Verdict.CORRECT, Verdict.ROUNDED, Verdict.CARRIED)


@dataclass(frozen=True)
class Judgement:
    """The judgement of one written value: the exact value, the verdict and its reason.

    `rounded` is the exact value with as many digits as were written. `slips` are the kinds of
    slips that fit, the likeliest first.
    """

    iteration: int
    quantity: str
    written: str
    exact: float
    rounded: str
    verdict: Verdict
    reason: str
    slips: tuple[str, ...] = ()


def judge(
    trace: Run, hand: Mapping[tuple[int, str], str], *, decimal: str = "."
) -> list[Judgement]:
    """Judge written values, by (iteration, column), in the order in which they are computed."""
    read = {place: read_number(text, decimal) for place, text in hand.items()}
    answers = {place: value for place, value in read.items() if isinstance(value, Written)}
    shadow = Shadow(trace, answers)
    order = trace.program.position
    verdicts: dict[tuple[int, str], Verdict] = {}
    found = []
    for place in sorted(read, key=lambda place: (place[0], order[place[1]])):
        value = read[place]
        if isinstance(value, NotANumber):
            made = _unreadable(place, value, shadow)
        else:
            made = _Case(shadow, verdicts, *place, value).judgement()
        verdicts[place] = made.verdict
        found.append(made)
    return found


def _unreadable(place: tuple[int, str], value: NotANumber, shadow: Shadow) -> Judgement:
    exact = shadow.exact(*place)
    verdict = Verdict.MISSING if value.is_blank else Verdict.NO_NUMBER
    reason = value.reason[:1].upper() + value.reason[1:] + "."
    return Judgement(*place, value.text, exact, f"{exact:.4g}", verdict, reason)


class _Case:
    """One written number, and the values with which it is compared."""

    def __init__(
        self,
        shadow: Shadow,
        verdicts: Mapping[tuple[int, str], Verdict],
        iteration: int,
        quantity: str,
        value: Written,
    ) -> None:
        self.shadow = shadow
        self.verdicts = verdicts
        self.iteration = iteration
        self.quantity = quantity
        self.value = value
        self.column: Column = shadow.program[quantity]
        self.exact = shadow.exact(iteration, quantity)

    def judgement(self) -> Judgement:
        verdict, reason, slips = self._verdict()
        return Judgement(
            self.iteration,
            self.quantity,
            self.value.text,
            self.exact,
            self.value.rounded(self.exact),
            verdict,
            reason,
            slips,
        )

    def _verdict(self) -> tuple[Verdict, str, tuple[str, ...]]:
        if self.value.agrees(self.exact):
            return Verdict.CORRECT, "The exact value rounds to it.", ()
        used = self.shadow.sources(*self._place)
        if any(self.value.agrees(value) for value in self._mixtures(used)):
            return *self._followed(used), ()
        off = [self.exact, *([self.shadow.followed(*self._place)] if used else [])]
        if any(self.value.agrees(value, CLOSE) for value in off):
            said = f"The last digit is off; {self.value.rounded(self.exact)} is the rounded value."
            return Verdict.CLOSE, said, ()
        slips = self._slips(used)
        if slips:
            kinds = tuple(found.slip.kind for found in slips)
            return Verdict.SLIP, self._accusation(slips), kinds
        said = f"{self.value.rounded(self.exact)} expected; no common slip gives this value."
        return Verdict.WRONG, said, ()

    @property
    def _place(self) -> tuple[int, str]:
        return self.iteration, self.quantity

    def _is_written(self, ref: Ref) -> bool:
        return (self.iteration - ref.lag, ref.name) in self.shadow.answers

    def _mixtures(self, used: list[tuple[int, str]]) -> Iterable[float]:
        """The formula's values over the student's values, and over mixtures with exact values."""
        if not used or self.column.formula is None:
            return
        yield self.shadow.followed(*self._place)
        written = written_out(self.shadow.program, self.column, self._is_written)
        if written is None or not 1 < len(used) <= MAX_MIXED:
            return
        for choice in product((True, False), repeat=len(used)):
            taken = {place for place, is_taken in zip(used, choice, strict=True) if is_taken}

            def values(ref: Ref, taken: set[tuple[int, str]] = taken) -> float:
                place = (self.iteration - ref.lag, ref.name)
                source = self.shadow.shadow_values if place in taken else self.shadow.exact_values
                return source(self.iteration)(ref)

            yield self.shadow.value(written, values)

    def _followed(self, used: list[tuple[int, str]]) -> tuple[Verdict, str]:
        wrong = [
            place
            for place in used
            if self.verdicts.get(place) not in (Verdict.CORRECT, Verdict.ROUNDED, None)
        ]
        if wrong:
            names = ", ".join(name for _, name in wrong)
            return Verdict.CARRIED, f"Right with your value of {names}."
        names = ", ".join(name for _, name in used)
        return (
            Verdict.ROUNDED,
            (
                f"Right with your rounded {names}; with all digits the value is "
                f"{self.value.rounded(self.exact)}."
            ),
        )

    def _slips(self, used: list[tuple[int, str]]) -> list[_Found]:
        """The slips that give the written value, the likeliest first, one of each kind."""
        written = written_out(self.shadow.program, self.column, self._is_written)
        if written is None or (self.column.is_state and self.iteration == 1):
            return []
        bases: list[ValueOf] = [self.shadow.exact_values(self.iteration)]
        if used:
            bases.insert(0, self.shadow.shadow_values(self.iteration))
        found: dict[str, _Found] = {}
        for slip in slips_of(self.shadow.program, self.column, written):
            for values in bases:
                if slip.kind not in found and self._gives(slip, values):
                    found[slip.kind] = _Found(slip, values)
        return list(found.values())

    def _gives(self, slip: Slip, values: ValueOf) -> bool:
        last = len(self.shadow.trace)
        if slip.kind == "updated weight" and self.iteration == last:
            return False
        return self.value.agrees(self.shadow.value(slip.formula, values))

    def _accusation(self, found: list[_Found]) -> str:
        """The sentence on slips: a single one is named, several are offered."""
        first, *others = found
        working = self._working(first)
        if not others:
            sure = self.value.significant >= SURE_DIGITS
            said = "it looks as if" if sure else "it could be that"
            return f"{self.value.text} is {working}: {said} {first.slip.reason}."
        reasons = "; or ".join(entry.slip.reason for entry in found[:3])
        return f"It could be that {reasons}."

    def _working(self, found: _Found) -> str:
        """The wrong formula with the numbers put in, as it may stand in the student's notes."""
        text = NumbersPrinter(found.values, self.shadow.cells.parameters).text(found.slip.formula)
        return text if len(text) <= LONGEST_WORKING else "what comes of a slip"


@dataclass(frozen=True)
class _Found:
    """A slip that gives the written value over certain values."""

    slip: Slip
    values: ValueOf


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
