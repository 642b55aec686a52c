"""The lines of an exercise sheet: the printed values and the asked values.

The sheet prints the inputs, the hyper-parameters and the first weights. It also prints other
values that the questions need, as long as they give no answer away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property

from bpsheet.columns.presentation import BATCH_END
from bpsheet.formula.tree import Expr, Mul, Num, Ref
from bpsheet.program.column import Column
from bpsheet.program.kinds import BATCH_ROW, PRESENTED, STEPS, TITLES, Phase, Role
from bpsheet.program.program import Program
from bpsheet.runs.run import Run

__all__ = ["Line", "lines_of"]

Place = tuple[int, str]

# The most characters of a number that is printed with all its digits.
LONGEST = 8
# The sections of an iteration, before its new weights.
SECTIONS = (Phase.INPUT, Phase.FORWARD, Phase.BACKWARD, Phase.GRADIENT, Phase.UPDATE)
# After the colon a meaning says how the value is computed; for these roles the student must know.
ASKED_BARE = (
    Role.ERROR,
    Role.GRADIENT,
    Role.ADJUSTMENT,
    Role.SUM,
    Role.OUTPUT_DERIVATIVE,
    Role.DERIVATIVE,
)


@dataclass(frozen=True)
class Line:
    """One line of the sheet.

    A heading has only a name. A hyper-parameter has no iteration. `value` is the printed value;
    None for an asked one.
    """

    name: str
    iteration: int = 0
    meaning: str = ""
    value: float | str | None = None
    is_heading: bool = False
    is_asked: bool = False
    phase: Phase | None = None

    @property
    def place(self) -> Place:
        """The iteration and the quantity."""
        return self.iteration, self.name

    @property
    def printed(self) -> float | str | None:
        """The value as printed: a long number has as many digits as a person copies."""
        value = self.value
        is_long = isinstance(value, float) and len(repr(value)) > LONGEST
        return float(f"{value:.6g}") if is_long else value


def lines_of(
    trace: Run, ask: tuple[str, ...], iterations: int, about: Sequence[Line] = ()
) -> Iterator[Line]:
    """The lines of a sheet, from the top. The trace has one row more than `iterations`.

    `about` are lines that say where the sheet begins.
    """
    program = trace.program
    questions = _Questions(trace, ask, iterations)
    asked, printed = questions.asked, questions.printed

    def lines(iteration: int, columns: tuple[Column, ...]) -> Iterator[Line]:
        for column in columns:
            place = iteration, column.name
            is_asked = place in asked
            if is_asked or place in printed:
                found = trace.values[iteration - 1, program.position[column.name]]
                yield Line(
                    column.name,
                    iteration,
                    _meaning(column, iteration),
                    None if is_asked else float(found),
                    is_asked=is_asked,
                    phase=column.phase,
                )

    def section(heading: str, phase: Phase, content: list[Line]) -> Iterator[Line]:
        if content:
            yield Line(heading, is_heading=True, phase=phase)
            yield from content

    given = list(about)
    given += [Line(p.label, meaning=p.meaning, value=p.value) for p in program.parameters]
    yield from section("Given", Phase.INPUT, given)
    weights = program.phase(Phase.WEIGHT)
    yield from section("First weights", Phase.WEIGHT, list(lines(1, weights)))
    for iteration in range(1, iterations + 1):
        before = f"Iteration {iteration}: " if iterations > 1 else ""
        for phase in SECTIONS:
            text = TITLES[phase] if not before else before + TITLES[phase].lower()
            yield from section(text, phase, list(lines(iteration, program.phase(phase))))
        if iteration in questions.still and questions.updates:
            text = "The weights stay as they are until the batch ends"
            yield Line(before + text, is_heading=True, phase=Phase.WEIGHT)
            continue
        text = "New weights" if not before else f"{before}new weights"
        yield from section(text, Phase.WEIGHT, list(lines(iteration + 1, weights)))


def _meaning(column: Column, iteration: int) -> str:
    said = column.meaning.split(";")[0]
    if column.role in ASKED_BARE:
        said = said.split(":")[0]
    if column.role is Role.WEIGHT and iteration > 1:
        said += ", after the update"
    return said[:1].upper() + said[1:]


def _fixed(trace: Run, iterations: int) -> frozenset[Place]:
    """The places whose value is the same whatever one works out: asking for them asks nothing.

    Such are constants (the derivative of a linear output), what is multiplied by a 0 that is given,
    and a weight whose adjustment is such a 0.
    """
    program = trace.program
    found: set[Place] = set()

    def is_nought(place: Place) -> bool:
        is_known = program[place[1]].role in PRESENTED or place in found
        return is_known and trace.values[place[0] - 1, program.position[place[1]]] == 0

    for row in range(1, iterations + 2):
        for column in program:
            if column.formula is None or (column.is_state and row == 1):
                continue
            used = {ref: (row - ref.lag, ref.name) for ref in column.references}
            if column.role is Role.GRADIENT_SUM:
                before = (row - 1, column.name)
                begins = trace.values[row - 1, program.position[BATCH_ROW]] == 1
                gradient = used[column.references[-1]]
                is_fixed = is_nought(gradient) and (begins or is_nought(before))
            elif column.role is Role.WEIGHT:
                is_fixed = all(is_nought(p) for ref, p in used.items() if ref.name != column.name)
            else:
                factors = _factors(column.formula)
                is_fixed = isinstance(column.formula, Num) or any(
                    isinstance(factor, Ref) and is_nought(used[factor]) for factor in factors
                )
            if is_fixed:
                found.add((row, column.name))
    return frozenset(found)


def _factors(formula: Expr) -> list[Expr]:
    """The factors of a product; the formula itself where it is none."""
    if isinstance(formula, Mul):
        return [*_factors(formula.left), *_factors(formula.right)]
    return [formula]


class _Questions:
    """The places (iteration and quantity) that are asked, and the places that they need."""

    def __init__(self, trace: Run, ask: tuple[str, ...], iterations: int) -> None:
        self.program: Program = trace.program
        self.iterations = iterations
        ends = self.program.position.get(BATCH_END)
        # Within a batch the weights do not change.
        self.still = {
            row
            for row in range(1, iterations + 1)
            if ends is not None and not trace.values[row - 1, ends]
        }
        self.fixed = _fixed(trace, iterations)
        phases = {phase for name in ask for phase in STEPS.get(name, ())}
        self.asked = {
            place
            for row in range(1, iterations + 1)
            for column in self.program
            if column.name in ask
            or column.phase in phases
            or (column.role is Role.WEIGHT and Phase.UPDATE in phases)
            if (place := self._asked_at(row, column)) and place not in self.fixed
        }
        self.updates = any(
            self.program[name].phase in (Phase.UPDATE, Phase.WEIGHT) for _, name in self.asked
        )

    def _asked_at(self, row: int, column: Column) -> Place | None:
        """The place at which a quantity is asked; for a weight the row after the update."""
        if column.role in (Role.WEIGHT, Role.ADJUSTMENT) and row in self.still:
            return None
        return (row + 1, column.name) if column.role is Role.WEIGHT else (row, column.name)

    def sources(self, place: Place) -> list[Place]:
        """The places from which a place is computed; none for a given value."""
        row, name = place
        column = self.program[name]
        if (column.is_state and row == 1) or place in self.fixed:
            return []
        if column.role is Role.WEIGHT and row - 1 in self.still:
            return [(row - 1, name)]
        if column.role is Role.WEIGHT and not self.updates:
            return []
        return [(row - r.lag, r.name) for r in column.references if row > r.lag]

    @cached_property
    def tainted(self) -> frozenset[Place]:
        """The quantities that follow from an answer, and are no answers themselves. (Sources stand before what uses them.)"""
        found: set[Place] = set()
        for row in range(1, self.iterations + 2):
            for column in self.program:
                place = row, column.name
                if place not in self.asked and any(
                    source in self.asked or source in found for source in self.sources(place)
                ):
                    found.add(place)
        return frozenset(found)

    @cached_property
    def printed(self) -> frozenset[Place]:
        """The given values that are needed, and the computed ones that no answer leads to."""
        needed = self._leading_to(self.asked, beyond=self.tainted)
        known = {place for place in needed if place not in self.tainted}
        given = self._leading_to(known, beyond=None) | known
        return frozenset(
            {place for place in known if self.program[place[1]].phase is not Phase.INPUT}
            | {p for p in given if self.program[p[1]].role in (*PRESENTED, Role.WEIGHT)}
        )

    def _leading_to(
        self, places: AbstractSet[Place], beyond: AbstractSet[Place] | None
    ) -> set[Place]:
        """The places from which places are computed, directly or through `beyond` (None: any)."""
        found: set[Place] = set()
        waiting = list(places)
        while waiting:
            for source in self.sources(waiting.pop()):
                if source not in found and source not in self.asked:
                    found.add(source)
                    if beyond is None or source in beyond:
                        waiting.append(source)
        return found
