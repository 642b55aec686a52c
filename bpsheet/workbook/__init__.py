"""Workbooks: a run as an .xlsx file with live formulas that carry their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook

from bpsheet.errors import LimitError, OutputError
from bpsheet.excerpt import part_of
from bpsheet.experiment import Experiment
from bpsheet.expr import Call, Ref, walk
from bpsheet.gradients import Settings, Study, study
from bpsheet.longrun import LongRun
from bpsheet.printers.python import LOWEST_SUM
from bpsheet.recording import EVERYTHING
from bpsheet.trace import Trace
from bpsheet.workbook.about import DATA, build_about, build_data
from bpsheet.workbook.charts import CHARTS, MOST_ROWS, build_charts
from bpsheet.workbook.layout import LAYOUTS, Layout, make_layout
from bpsheet.workbook.package import Rows, write_package
from bpsheet.workbook.rows import Reader, row_xml
from bpsheet.workbook.sheet import Sheet, Written, study_sheet
from bpsheet.workbook.steps import build_sheet, steps_sheets
from bpsheet.workbook.walkthrough import MOST_COLUMNS, WALKTHROUGH, build_walkthrough

__all__ = [
    "check_fits",
    "count_formulas",
    "layout_of",
    "sheets_of",
    "write_workbook",
    "written",
]

# Sheets over the rows of Steps, by what they are asked for.
PAGES = {"walkthrough": WALKTHROUGH, "charts": CHARTS}


def layout_of(trace: Written, kind: str) -> Layout:
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


def _to_guard(trace: Written) -> frozenset[str]:
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
            place = trace.program.position[argument.name]
            if trace.recording.extents.lowest[place] < LOWEST_SUM:
                found.add(column.name)
    return frozenset(found)


def check_fits(experiment: Experiment, kind: str) -> None:
    """Refuse, before anything runs, what a worksheet could not hold. Raises LimitError."""
    program = experiment.program(iterations=1)
    layout = make_layout(program, len(experiment.data.examples or ()), kind)
    layout.check()


def count_formulas(layout: Layout, rows: int) -> int:
    """How many cells of a sheet are live."""
    return sum(
        rows - layout.starts_typed(shown) for shown in layout.shown if shown.formula is not None
    )


def written(run: Trace | LongRun) -> Written:
    """The run as sheets show it: of a part of one, that part with a program of its own."""
    return run if run.recording.keep == EVERYTHING else part_of(run)


def sheets_of(trace: Written, kind: str, studies: Sequence[Study] = ()) -> list[Sheet]:
    """The sheets with rows: Steps, then those of the studies. Raises LimitError."""
    layout = layout_of(trace, kind)
    layout.check()
    steps = steps_sheets(trace, layout)
    if studies and len(steps) > 1:
        raise LimitError(
            f"the sheet {studies[0].name} looks into one sheet, and {len(trace.recording):,} "
            f"iterations are {len(steps)}. Leave it out, or ask for {layout.rows_per_sheet:,} iterations"
        )
    return [*steps, *(study_sheet(study, layout, len(trace.recording)) for study in studies)]


def _check_page(page: str, sheets: Sequence[Sheet], kind: str) -> None:
    """Refuse a page that nobody could read. Raises LimitError."""
    steps = sheets[0]
    if steps.rows:
        raise LimitError(f"the sheet {page} looks into one sheet; ask for fewer iterations")
    if page == CHARTS:
        if len(steps) > MOST_ROWS:
            raise LimitError(
                f"the sheet Charts would draw {len(steps):,} points; {MOST_ROWS:,} at the most. "
                "Leave it out"
            )
        return
    if kind != "full":
        raise LimitError("the sheet Walkthrough shows every step: use the layout full")
    if len(steps.layout.shown) > MOST_COLUMNS:
        raise LimitError(
            f"the sheet Walkthrough would have {len(steps.layout.shown):,} lines; "
            f"{MOST_COLUMNS} at the most. Leave it out"
        )


def write_workbook(
    run: Trace | LongRun,
    path: Path,
    kind: str = "full",
    studies: Mapping[str, Settings] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a run as a workbook, and say how many of its cells are live.

    The file appears whole or not at all. `studies` are more sheets, by the names of
    `bpsheet.gradients.STUDIES`, with what they are set to, "walkthrough" and "charts".

    Raises LimitError where a worksheet cannot hold it, ExperimentError for a study that this
    run cannot have, OutputError where the file cannot be written; an old file then stays as
    it was.
    """
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    wanted = dict(studies or {})
    pages = [name for key, name in PAGES.items() if wanted.pop(key, None) is not None]
    chosen: list[Study] = []
    if studies:
        if not isinstance(run, Trace) or not run.is_whole:
            raise LimitError(
                f"the sheet {next(iter(studies))} looks into a run that is there as a whole; "
                f"leave it out, or ask for fewer iterations than {len(run):,}"
            )
        chosen = [study(run, key, settings) for key, settings in wanted.items()]
    trace = written(run)
    sheets = sheets_of(trace, kind, chosen)
    for page in pages:
        _check_page(page, sheets, kind)
    values: dict[str, dict[str, float | str]] = {s.name: s.formulas_above for s in sheets}
    book = Workbook()
    book.remove(book.worksheets[0])
    styles = [build_sheet(book, sheet) for sheet in sheets]
    if kind == "full":
        build_data(book, trace, sheets[0].layout)
        # After the run, before the studies.
        book.move_sheet(DATA, -len(chosen))
    if WALKTHROUGH in pages:
        values[WALKTHROUGH] = build_walkthrough(book, sheets[0])
        book.move_sheet(WALKTHROUGH, -len(chosen))
    if CHARTS in pages:
        values[CHARTS] = build_charts(book, sheets[0])
        book.move_sheet(CHARTS, -len(chosen))
    build_about(book, trace, sheets, list(wanted))
    reader = Reader(trace.recording)
    rows = {}
    for sheet, numbers in zip(sheets, styles, strict=True):
        if sheet.recording is trace.recording:
            blocks = row_xml(sheet, numbers, reader, progress)
        else:
            blocks = row_xml(sheet, numbers, Reader(sheet.recording))
        rows[sheet.name] = Rows(sheet.area, blocks)
    write_package(book, rows, path, values)
    return sum(count_formulas(sheet.layout, len(sheet)) for sheet in sheets)
