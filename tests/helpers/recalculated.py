"""A run as another program computes it: from the formulas of its workbook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

import bpsheet as bp
from bpsheet.guard.limits import OURS
from bpsheet.guard.package import opened
from bpsheet.verifying.engine import Asked, Block
from bpsheet.verifying.engines import engine_of
from bpsheet.workbook.reading import contents_of

__all__ = ["recalculated"]


def recalculated(trace: bp.Trace, path: Path, engine: str = "ironcalc") -> bp.Trace:
    """The run with the numbers of its recalculated workbook. The engine is given no stored values."""
    trace.to_excel(path, sheets=[])
    with opened(path, OURS) as package:
        contents = contents_of(package)
    grid = contents.sheets["Steps"]
    head = next(row for row in range(1, 100) if grid.value(row, 1) == "iteration")
    names = trace.program.names
    columns = {grid.value(head, column): column for column in range(1, len(names) + 1)}
    rows = range(head + 1, head + 1 + len(trace.values))
    block = Block("Steps", rows, [columns[name] for name in names])
    [[values]] = engine_of(engine).recalculated([Asked(contents, [block])])
    recording = replace(trace.recording, values=np.asarray(values, float))
    return bp.Trace(trace.experiment, trace.program, recording)
