"""The scale of marks, which a file may change. The method counts: a right one has the full mark.

total = 10
cause = 1
close = 0.5

[points]
backward = 2
MSE = 0.5
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.hand.verdict import Verdict
from bpsheet.plan.syntax import read_toml
from bpsheet.program.column import Column
from bpsheet.program.kinds import STEPS, Role
from bpsheet.program.program import Program
from bpsheet.words import nearest, shown

__all__ = ["MARKS", "Scale", "read_marks"]

MARKS: Mapping[str, float] = {
    Verdict.CORRECT: 1.0,
    Verdict.CONVENTION: 1.0,
    Verdict.ROUNDED: 1.0,
    Verdict.CARRIED: 1.0,
    Verdict.AGAIN: 1.0,
    Verdict.CUT: 0.5,
    Verdict.CLOSE: 0.5,
    Verdict.FEW_DIGITS: 0.5,
    Verdict.TYPED: 0.5,
    Verdict.SLIP: 0.0,
    Verdict.WRONG: 0.0,
    Verdict.MISSING: 0.0,
    Verdict.NO_NUMBER: 0.0,
}
MAX_FILE = 100_000
LARGEST = 1_000
TOTAL, CAUSE, POINTS = "total", "cause", "points"


@dataclass(frozen=True)
class Scale:
    """What each value earns.

    verdicts: the part of a value's points that each verdict earns
    points:   the points of a step (`forward`, `backward`, `update`) or of a quantity; 1 if not given
    total:    what all points of a sheet together are worth; None for their sum
    cause:    what each cause of mistakes costs, once; None if each mistake costs its own value

    >>> Scale(points={"backward": 2.0}).verdicts["correct"]
    1.0
    """

    verdicts: Mapping[str, float] = field(default_factory=lambda: MARKS)
    points: Mapping[str, float] = field(default_factory=dict)
    total: float | None = None
    cause: float | None = None

    def points_of(self, column: Column) -> float:
        """The points of a quantity: its own, or those of its step."""
        if column.name in self.points:
            return self.points[column.name]
        steps = (name for name, phases in STEPS.items() if column.phase in phases)
        step = "update" if column.role is Role.WEIGHT else next(steps, "")
        return self.points.get(step, 1.0)

    def check(self, program: Program) -> None:
        """Raise ExperimentError for points of something that the program does not have."""
        known = [*STEPS, *program.names]
        problems = [
            Problem(f"{POINTS}.{name}", f"no such step or quantity; {nearest(name, known)}")
            for name in self.points
            if name not in known
        ]
        if problems:
            raise ExperimentError(problems, "marks")


def read_marks(path: Path) -> Scale:
    """The scale in a file. What the file does not name keeps its default.

    Raises ExperimentError, with every problem.
    """
    try:
        text = read_text(path, MAX_FILE)
    except InputError as error:
        raise ExperimentError([Problem("", str(error))], str(path)) from None
    given = read_toml(text, str(path))
    problems: list[Problem] = []
    own = {key: given.pop(key) for key in (TOTAL, CAUSE) if key in given}
    points = given.pop(POINTS, {})
    if not isinstance(points, dict):
        problems.append(Problem(POINTS, f"a table expected; got {shown(points)}"))
        points = {}
    verdicts = {}
    for key, value in given.items():
        verdict = key.replace("_", " ")
        if verdict in MARKS:
            verdicts[verdict] = value
        else:
            hint = nearest(verdict, [*MARKS, TOTAL, CAUSE, POINTS])
            problems.append(Problem(key, f"no verdict {shown(key)}; {hint}"))
    named = own | verdicts | {f"{POINTS}.{key}": value for key, value in points.items()}
    for key, value in named.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(Problem(key, f"a number expected; got {shown(value)}"))
        elif not abs(value) <= LARGEST or math.isnan(value):
            problems.append(Problem(key, f"a number up to {LARGEST:,} expected"))
        elif key not in verdicts and value < 0:
            problems.append(Problem(key, f"a number of at least 0 expected; got {shown(value)}"))
    if problems:
        raise ExperimentError(problems, str(path))
    return Scale({**MARKS, **verdicts}, points, own.get(TOTAL), own.get(CAUSE))
