"""Workbooks: a run as an .xlsx file with live formulas that carry their values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from openpyxl import Workbook

from bpsheet.errors import OutputError
from bpsheet.experiment import Experiment
from bpsheet.expr import Call, Ref, walk
from bpsheet.trace import Trace
from bpsheet.workbook.about import build_about, build_data
from bpsheet.workbook.layout import LAYOUTS, Layout, make_layout
from bpsheet.workbook.package import write_package
from bpsheet.workbook.rows import row_xml
from bpsheet.workbook.steps import build_steps

__all__ = ["check_fits", "count_formulas", "layout_of", "write_workbook"]

# Below this, 1/(1 + EXP(-z)) is an error in a spreadsheet.
LOWEST_SUM = -709.0


def layout_of(trace: Trace, kind: str) -> Layout:
    """The layout of a run. Raises OutputError for a kind that does not exist."""
    if kind not in LAYOUTS:
        raise OutputError(f'no layout "{kind}"; known are {", ".join(LAYOUTS)}')
    experiment = trace.experiment
    return make_layout(
        trace.program,
        len(experiment.data.examples or ()),
        kind,
        gap=experiment.test is not None and experiment.test.gap,
        guarded=_to_guard(trace),
    )


def _to_guard(trace: Trace) -> frozenset[str]:
    """The columns in which a function's plain form would overflow, or might."""
    found = set()
    for column in trace.program:
        for node in walk(column.formula) if column.formula is not None else ():
            if not (isinstance(node, Call) and node.function == "logistic"):
                continue
            argument = node.arguments[0]
            if not isinstance(argument, Ref):
                found.add(column.name)  # an argument that no column records
                continue
            sums = trace.values[:, trace.program.position[argument.name]]
            if bool((sums < LOWEST_SUM).any()):
                found.add(column.name)
    return frozenset(found)


def check_fits(experiment: Experiment, kind: str) -> None:
    """Refuse, before anything runs, what a worksheet could not hold. Raises LimitError."""
    program = experiment.program()
    layout = make_layout(program, len(experiment.data.examples or ()), kind)
    layout.check(experiment.iterations)


def count_formulas(layout: Layout, iterations: int) -> int:
    """How many cells of the sheet Steps are live."""
    return sum(
        iterations - shown.starts_typed for shown in layout.shown if shown.formula is not None
    )


def write_workbook(
    trace: Trace, path: Path, kind: str = "full", progress: Callable[[int], None] | None = None
) -> Path:
    """Write a run as a workbook. The file appears whole or not at all.

    Raises LimitError where a worksheet cannot hold it, OutputError where the file cannot
    be written; an old file then stays as it was.
    """
    layout = layout_of(trace, kind)
    layout.check(len(trace))
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    book = Workbook()
    book.remove(book.worksheets[0])
    styles = build_steps(book, trace, layout)
    if kind == "full":
        build_data(book, trace, layout)
    build_about(book, trace, layout)
    area = f"A1:{layout.shown[-1].letter}{layout.last_row(len(trace))}"
    write_package(book, row_xml(trace, layout, styles, progress), area, path)
    return path
