"""A companion of Steps: what one asks for it by, what it needs, and how it is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from openpyxl import Workbook

from bpsheet.runs.run import Run
from bpsheet.workbook.sheet import Sheet

__all__ = ["Companion"]


@dataclass(frozen=True)
class Companion:
    """A sheet that looks into the rows of Steps.

    key:   what one asks for it by
    name:  what the sheet is called
    check: refuses a run that it cannot show (LimitError, ExperimentError or OutputError)
    cheap: whether a run takes it little time, so that it may be there without being asked for
    build: adds the sheet as the last one; returns the values of its formulas
    numbers: the numbers in its cells when it shows an iteration (from 1), for comparing; None for a
           sheet whose values are those of Steps
    """

    key: str
    name: str
    check: Callable[[Run, Sheet], None]
    cheap: Callable[[Run, Sheet], bool]
    build: Callable[[Workbook, Run, Sheet], dict[str, float | str]]
    numbers: Callable[[Run, Sheet, int], dict[str, float]] | None = None
