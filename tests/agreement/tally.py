"""Reports added up, and what an engine is known not to do told from what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import product
from typing import Self

import numpy as np

from bpsheet import Trace
from bpsheet.evaluate import CellError, evaluate
from bpsheet.expr import Call, Compare, Div, Expr, Param, Ref, Text, walk
from bpsheet.verifying import Report
from bpsheet.workbook import layout_of
from bpsheet.workbook.layout import Layout

from .draw import Case, three_changes

__all__ = ["Line", "begins_out_of_sight"]

# "G8 (z): #NUM! there, 0.5 expected": a cell that differs, as a report has it.
DIFFERS = re.compile(r"(?P<there>\S.*) there, (?P<wanted>.+) expected")


def vanishes_in(formula: Expr, value: Callable[[Ref], float], trace: Trace) -> bool:
    """Whether an operand overflows from which a finite number can come: exp(−∞), 1/∞, ∞ > 0."""
    parameters = {cell.name: cell.value for cell in trace.program.parameters}
    for node in walk(formula):
        match node:
            case Call(_, arguments):
                operands: tuple[Expr, ...] = arguments
            case Div(_, right):
                operands = (right,)
            case Compare(_, left, right):
                operands = (left, right)
            case _:
                continue
        for operand in operands:
            if isinstance(operand, Ref | Param | Text):
                continue
            try:
                evaluate(operand, value, parameters, trace.program.tables)
            except CellError:
                return True
    return False


def begins_out_of_sight(trace: Trace, layout: Layout) -> bool:
    """Whether an error begins in a column that is written into another's formula, or where it
    can vanish inside of one.

    ironcalc knows no error in the middle of a formula: EXP(710) is infinite there, and what
    is made of it can be a number again. LibreOffice and Excel keep the error.
    """
    for row, column in product(range(len(trace)), trace.program):
        if column.formula is None or (column.start is not None and not row):
            continue

        def value(ref: Ref, row: int = row) -> float:
            return float(trace.values[row - ref.lag, trace.program.position[ref.name]])

        known = not any(np.isnan(value(ref)) for ref in column.references)
        if known and vanishes_in(column.formula, value, trace):
            return True
    is_error = np.isnan(trace.values)
    place = trace.program.position
    for column in trace.program:
        if column.name not in layout.by_name:
            here = is_error[:, place[column.name]].copy()
            for ref in column.references:
                here &= ~is_error[:, place[ref.name]]
            if here.any():
                return True
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

    def add(self, case: Case, report: Report) -> None:
        """Count a workbook. The values stored in the file are not an engine's, and left out."""
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
        on_errors = [line for line in wrong if _is_about_an_error(line)]
        hidden = any(begins_out_of_sight(t, layout_of(t, case.kind)) for t in traces)
        if report.engine == "ironcalc" and on_errors and len(on_errors) == len(wrong) and hidden:
            self.explained += 1
            return
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
