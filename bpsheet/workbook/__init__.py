"""Workbooks: a run as an .xlsx file with live formulas that carry their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook

from bpsheet.errors import OutputError
from bpsheet.experiment import Experiment
from bpsheet.expr import Call, Ref, walk
from bpsheet.gradients import Settings, Study, study
from bpsheet.printers.python import LOWEST_SUM
from bpsheet.trace import Trace
from bpsheet.workbook.about import build_about, build_data
from bpsheet.workbook.layout import LAYOUTS, Layout, make_layout
from bpsheet.workbook.package import Rows, write_package
from bpsheet.workbook.rows import row_xml
from bpsheet.workbook.sheet import Sheet, study_sheet
from bpsheet.workbook.steps import build_sheet, steps_sheet

__all__ = ["check_fits", "count_formulas", "layout_of", "sheets_of", "write_workbook"]


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
    """How many cells of a sheet are live."""
    return sum(
        iterations - shown.starts_typed for shown in layout.shown if shown.formula is not None
    )


def sheets_of(trace: Trace, kind: str, studies: Sequence[Study] = ()) -> list[Sheet]:
    """The sheets with rows: Steps, then those of the studies. Raises LimitError."""
    layout = layout_of(trace, kind)
    layout.check(len(trace))
    return [
        steps_sheet(trace, layout),
        *(study_sheet(study, layout, len(trace)) for study in studies),
    ]


def write_workbook(
    trace: Trace,
    path: Path,
    kind: str = "full",
    studies: Mapping[str, Settings] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a run as a workbook, and say how many of its cells are live.

    The file appears whole or not at all. `studies` are more sheets, by the names of
    `bpsheet.gradients.STUDIES`, with what they are set to.

    Raises LimitError where a worksheet cannot hold it, ExperimentError for a study that this
    run cannot have, OutputError where the file cannot be written; an old file then stays as
    it was.
    """
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    chosen = [study(trace, key, settings) for key, settings in (studies or {}).items()]
    steps, *others = sheets = sheets_of(trace, kind, chosen)
    book = Workbook()
    book.remove(book.worksheets[0])
    styles = [build_sheet(book, steps)]
    if kind == "full":
        build_data(book, trace, steps.layout)
    styles += [build_sheet(book, other) for other in others]
    build_about(book, trace, sheets, list(studies or {}))
    told = [progress, *[None] * len(others)]
    rows = {
        sheet.name: Rows(sheet.area, row_xml(sheet, numbers, tell))
        for sheet, numbers, tell in zip(sheets, styles, told, strict=True)
    }
    write_package(book, rows, path)
    return sum(count_formulas(sheet.layout, len(sheet)) for sheet in sheets)
