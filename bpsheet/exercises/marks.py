"""Marks for verdicts, which a file may change. The method counts: a right one has the full mark.

correct = 1
close = 0.5
"likely slip" = 0.25
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path

from bpsheet.errors import ExperimentError, InputError, Problem
from bpsheet.guard.text import read_text
from bpsheet.hand.judge import Verdict
from bpsheet.words import nearest, shown

__all__ = ["FEW_DIGITS", "MARKS", "read_marks"]

# The verdict on a right value with fewer digits than were asked.
FEW_DIGITS = "too few digits"

MARKS: Mapping[str, float] = {
    Verdict.CORRECT: 1.0,
    Verdict.ROUNDED: 1.0,
    Verdict.CARRIED: 1.0,
    FEW_DIGITS: 0.5,
    Verdict.CLOSE: 0.5,
    Verdict.SLIP: 0.0,
    Verdict.WRONG: 0.0,
    Verdict.MISSING: 0.0,
    Verdict.NO_NUMBER: 0.0,
}
MAX_FILE = 100_000
LARGEST = 1_000


def read_marks(path: Path) -> dict[str, float]:
    """The mark for each verdict. A verdict that the file does not name keeps its default.

    Raises ExperimentError, with every problem.
    """
    try:
        given = tomllib.loads(read_text(path, MAX_FILE))
    except InputError as error:
        raise ExperimentError([Problem("", str(error))], str(path)) from None
    except (ValueError, RecursionError) as error:
        raise ExperimentError([Problem("", f"not a TOML file: {error}")], str(path)) from None
    marks = {str(verdict): mark for verdict, mark in MARKS.items()}
    problems = []
    for key, value in given.items():
        verdict = key.replace("_", " ")
        if verdict not in marks:
            problems.append(
                Problem(key, f"no verdict {shown(key)}; {nearest(verdict, list(marks))}")
            )
        elif isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(Problem(key, f"a number expected; got {shown(value)}"))
        elif not math.isfinite(value) or abs(value) > LARGEST:
            problems.append(Problem(key, f"a number up to {LARGEST:,} expected"))
        else:
            marks[verdict] = float(value)
    if problems:
        raise ExperimentError(problems, str(path))
    return marks
