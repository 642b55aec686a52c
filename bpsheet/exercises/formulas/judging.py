"""The verdicts on formulas: right for all numbers, right for these alone, a slip, or wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bpsheet.errors import ExperimentError, Problem
from bpsheet.exercises.exercise import Task
from bpsheet.exercises.formulas.draws import Sheet
from bpsheet.exercises.formulas.recalculated import Computed, formula_at, recalculated
from bpsheet.exercises.located import Located
from bpsheet.exercises.questions import Line, Place
from bpsheet.hand.numbers import decimals_needed
from bpsheet.hand.slips import Slip, Slips
from bpsheet.hand.verdict import Verdict
from bpsheet.words import listed
from bpsheet.xlsx.contents import Contents

__all__ = ["Finding", "findings_of"]

# Two engines' values are the same within this part of their size.
SAME, NOTHING = 1e-9, 1e-12
# The longest formula that a table shows.
LONGEST = 80


@dataclass(frozen=True)
class Finding:
    """What was found out about a formula: its text, a verdict, the reason, and the kind of slip."""

    text: str
    verdict: Verdict
    reason: str
    slip: str = ""


def findings_of(contents: Contents, where: Located, task: Task) -> dict[Place, Finding]:
    """A finding for each asked line that is on the sheet.

    Each formula is computed with the task's own numbers and 20 draws of other ones, with the right
    values in all other cells that were asked: so a formula that follows a wrong one is right.

    Raises ExperimentError where all other numbers overflow, and the errors of `recalculated`.
    """
    sheet = Sheet(task)
    if not sheet.draws:
        said = (
            "values: with other numbers these formulas overflow, so none can be told from a number"
        )
        raise ExperimentError([Problem("answers", said)], contents.name)
    asked = {
        line.place: (number, line)
        for number, line in enumerate(task.lines)
        if line.is_asked and number in where.rows
    }
    formulas = [place for place, (number, _) in asked.items() if where.is_formula(number)]
    computed = recalculated(contents, where, sheet, formulas) if formulas else {}
    slips = Slips(task.trace.program)
    found: dict[Place, Finding] = {}
    ideas: dict[tuple[str, object], str] = {}
    for place, (number, line) in asked.items():
        if place in computed:
            text = f"={formula_at(where, where.rows[number])}"[:LONGEST]
            one = _finding(sheet, line, text, computed[place], slips)
            idea = one.slip, task.trace.program[line.name].role
            if one.slip and idea in ideas:
                said = f"The same slip as in {ideas[idea]}: {one.reason.partition(': ')[2]}"
                one = Finding(one.text, Verdict.AGAIN, said, one.slip)
            elif one.slip:
                ideas[idea] = line.name
            found[place] = one
        else:
            found[place] = _typed(where.cell(number), task.exact(line), task.exercise.digits)
    return found


def _typed(cell: object, exact: float, digits: int) -> Finding:
    """The finding on a cell without a formula."""
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return Finding("", Verdict.MISSING, "Nothing is written.")
    is_number = isinstance(cell, int | float) and not isinstance(cell, bool)
    text = repr(cell) if is_number else str(cell)[:LONGEST]
    if text.startswith("="):
        said = "The cell holds a formula as text; it computes nothing."
        return Finding(text, Verdict.NO_NUMBER, said)
    try:
        value = float(str(cell).replace("−", "-").replace(",", "."))
    except ValueError:
        return Finding(text, Verdict.NO_NUMBER, "Neither a formula nor a number.")
    if _is_near(value, exact, digits):
        return Finding(text, Verdict.TYPED, "A number is typed where a formula is asked.")
    return Finding(
        text, Verdict.WRONG, "A number is typed where a formula is asked, and it is wrong."
    )


def _finding(sheet: Sheet, line: Line, text: str, computed: Computed, slips: Slips) -> Finding:
    exact = sheet.task.exact(line)
    draws = sheet.draws
    right = [draw.values[line.place] for draw in draws]
    numbers = [value for value in computed.draws if isinstance(value, float)]
    if not isinstance(computed.own, float) or len(numbers) < len(draws):
        shown = next((v for v in (computed.own, *computed.draws) if not isinstance(v, float)), "")
        said = (
            f"The formula gives {shown}, which is no number."
            if shown
            else "The formula gives nothing."
        )
        return Finding(text, Verdict.NO_NUMBER, said)
    if all(map(_is_same, numbers, right)):
        return Finding(text, Verdict.CORRECT, "Right for other numbers, too.")
    slip = _slip(sheet, line, numbers, slips)
    if slip is not None:
        return Finding(text, Verdict.SLIP, f"{_said(slip, line)}.", slip.kind)
    unused = [
        s.name
        for s, v in computed.moved.items()
        if isinstance(v, float) and _is_same(v, numbers[-1])
    ]
    far = max(range(len(draws)), key=lambda index: abs(numbers[index] - right[index]))
    other = f"with other numbers it gives {numbers[far]:.4g}, where {right[far]:.4g} is right"
    if _is_near(computed.own, exact, sheet.task.exercise.digits):
        said = f"It does not use the {_cells(unused)}; {other}" if unused else other
        return Finding(
            text, Verdict.TYPED, f"Right for these numbers only. {said[:1].upper()}{said[1:]}."
        )
    said = f"It does not use the {_cells(unused)}; {other}" if unused else other
    return Finding(text, Verdict.WRONG, f"{said[:1].upper()}{said[1:]}.")


def _cells(names: Sequence[str]) -> str:
    return f"cell{'s' if len(names) > 1 else ''} of {listed(list(names))}"


def _said(slip: Slip, line: Line) -> str:
    """The slip as the beginning of a sentence. A quantity's name keeps its letters."""
    return f"In the formula of {line.name}: {slip.reason}"


def _slip(sheet: Sheet, line: Line, numbers: Sequence[float], slips: Slips) -> Slip | None:
    """The likeliest slip that gives the same numbers in every draw."""
    row, name = line.place
    for slip in slips.of(name):
        values = (draw.value(row, slip.formula) for draw in sheet.draws)
        if all(v is not None and _is_same(v, n) for v, n in zip(values, numbers, strict=True)):
            return slip
    return None


def _is_same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=SAME, abs_tol=NOTHING)


def _is_near(value: float, exact: float, digits: int) -> bool:
    """Whether a value is right to the digits that are asked."""
    return abs(value - exact) <= 0.5 * 10.0 ** -decimals_needed(exact, digits) * (1 + SAME)
