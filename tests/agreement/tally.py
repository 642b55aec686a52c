"""Reports added up, and what an engine is known not to do told from what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from bpsheet import EngineError, Trace
from bpsheet.verifying.deviations import (
    CALCULATES_ON,
    FEWER_DIGITS_OF_ERF,
    LONGER_NUMBERS,
    NEARLY_EQUAL,
    NO_ERF,
    NO_MATRICES,
    NO_SUBNORMALS,
    POWER_OF_ZERO,
    SMALL_DIFFERENCE,
)
from bpsheet.verifying.engines import ENGINES
from bpsheet.verifying.verify import Report
from bpsheet.workbook.writing import layout_of

from .draw import Case, three_changes
from .known import (
    begins_out_of_sight,
    calls_erf,
    compares_what_is_nearly_equal,
    has_subnormals,
    overflows,
    raises_zero_to_zero,
    subtracts_what_is_nearly_equal,
)

__all__ = ["Line"]

# "G8 (z): #NUM! there, 0.5 expected": a cell that differs, as a report has it.
DIFFERS = re.compile(r"(?P<there>\S.*) there, (?P<wanted>.+) expected")


# Where an engine computes other numbers, by the run.
OTHER_NUMBERS = {
    NEARLY_EQUAL: compares_what_is_nearly_equal,
    SMALL_DIFFERENCE: subtracts_what_is_nearly_equal,
    FEWER_DIGITS_OF_ERF: calls_erf,
}
# Where it has errors in other cells, and numbers that follow from that.
OTHER_ERRORS = {
    LONGER_NUMBERS: lambda trace: overflows(trace) or subtracts_what_is_nearly_equal(trace),
    POWER_OF_ZERO: raises_zero_to_zero,
    NO_ERF: calls_erf,
    NO_SUBNORMALS: has_subnormals,
}


def is_known(engine: str, wrong: list[str], case: Case, traces: tuple[Trace, Trace]) -> bool:
    """Whether all that is wrong in a workbook is of a kind that the engine is known for."""
    deviations = ENGINES[engine].deviations
    if NO_MATRICES in deviations:
        wrong = [line for line in wrong if not line.startswith("Matrices!")]
    errors = [_is_about_an_error(line) for line in wrong]
    ways = [OTHER_ERRORS[d] for d in deviations if d in OTHER_ERRORS]
    ways += [OTHER_NUMBERS[d] for d in deviations if d in OTHER_NUMBERS and not any(errors)]
    if not wrong or any(has_cause(trace) for has_cause in ways for trace in traces):
        return True
    if CALCULATES_ON in deviations and all(errors):
        return any(begins_out_of_sight(trace, layout_of(trace, case.kind)) for trace in traces)
    return False


@dataclass
class Line:
    """A line of the report: the workbooks of a template, or of the experiments of one kind."""

    workbooks: int = 0
    cells: int = 0
    errors: int = 0
    unchanged: float = 0.0
    changed: float = 0.0
    apart: int = 0
    on_errors: int = 0
    explained: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, case: Case, engine: str, report: Report | EngineError) -> None:
        """Count a workbook. The values stored in the file are not an engine's, and left out."""
        if isinstance(report, EngineError):
            self.workbooks += 1
            is_known_to_fail = NO_MATRICES in ENGINES[engine].deviations and case.kind == "matrix"
            self.explained += is_known_to_fail
            self.wrong += [] if is_known_to_fail else [str(report)]
            return
        stored, *recalculated = report.comparisons
        assert stored.passed, stored.wrong
        self.workbooks += 1
        wrong = []
        after = case.trace.experiment.changed(three_changes(case.trace)).run(len(case.trace))
        traces = (case.trace, after)
        for comparison, trace in zip(recalculated, traces, strict=True):
            self.cells += comparison.cells
            layout = layout_of(case.trace, case.kind)
            places = [trace.program.position[shown.column.name] for shown in layout.shown]
            self.errors += int(np.isnan(trace.values[:, places]).sum())
            if comparison is recalculated[0]:
                self.unchanged = max(self.unchanged, comparison.largest)
            else:
                self.changed = max(self.changed, comparison.largest)
            wrong += comparison.wrong
        if wrong and is_known(engine, wrong, case, traces):
            self.explained += 1
            return
        on_errors = [line for line in wrong if _is_about_an_error(line)]
        self.on_errors += len(on_errors)
        self.apart += len(wrong) - len(on_errors)
        self.wrong += wrong[:3]

    def __iadd__(self, other: Line) -> Self:
        for name in ("workbooks", "cells", "errors", "apart", "on_errors", "explained", "wrong"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.unchanged = max(self.unchanged, other.unchanged)
        self.changed = max(self.changed, other.changed)
        return self


def _is_about_an_error(line: str) -> bool:
    found = DIFFERS.search(line.partition(": ")[2])
    assert found, line
    return found["there"].startswith("#") != (found["wanted"] == "an error")
