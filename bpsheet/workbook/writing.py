"""Workbooks: a run as an .xlsx file with live formulas that carry their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from openpyxl import Workbook

from bpsheet.engine.recording import EVERYTHING
from bpsheet.errors import LimitError, OutputError
from bpsheet.formula.arithmetic import LOWEST_SUM
from bpsheet.formula.tree import Call, Ref, walk
from bpsheet.gradients.studies import STUDIES, Settings, Study, study
from bpsheet.guard.limits import OURS
from bpsheet.plan.plan import Plan
from bpsheet.runs.excerpt import part_of
from bpsheet.runs.longrun import LongRun
from bpsheet.runs.run import Run
from bpsheet.workbook.about import DATA, build_about, build_data
from bpsheet.workbook.layout import Layout, make_layout
from bpsheet.workbook.pages.choice import PAGES, choose_pages
from bpsheet.workbook.pages.page import Page
from bpsheet.workbook.rows import Reader, row_xml
from bpsheet.workbook.sheet import Sheet, Writable, study_sheet
from bpsheet.workbook.steps import RowStyles, build_sheet, steps_sheets
from bpsheet.workbook.traits import LAYOUTS
from bpsheet.xlsx.package import Rows, write_package

__all__ = [
    "check_fits",
    "count_formulas",
    "further_sheets",
    "layout_of",
    "sheets_of",
    "write_workbook",
    "written",
]


def layout_of(trace: Writable, kind: str) -> Layout:
    """The layout of a run. Raises OutputError for a kind that does not exist."""
    if kind not in LAYOUTS:
        raise OutputError(f'no layout "{kind}"; known are {", ".join(LAYOUTS)}')
    experiment = trace.experiment
    return make_layout(
        trace.program,
        experiment.example_count,
        kind,
        gap=experiment.test is not None and experiment.test.gap,
        guarded=_to_guard(trace),
    )


def _to_guard(trace: Writable) -> frozenset[str]:
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


def check_fits(experiment: Plan, kind: str, rows: int = 1) -> None:
    """Refuse, before anything runs, what a worksheet could not hold. Raises LimitError."""
    program = experiment.program(iterations=1)
    layout = make_layout(program, experiment.example_count, kind)
    layout.check()
    _check_size(layout, rows)


def _check_size(layout: Layout, rows: int) -> None:
    """Refuse a workbook that could not be read again. Raises LimitError."""
    columns = len(layout.shown)
    if columns * rows > OURS.cells:
        raise LimitError(
            f"{rows:,} rows of {columns:,} cells; a workbook of {OURS.cells:,} cells can be read "
            f"again. Keep at most {OURS.cells // columns:,} rows, or write a .csv or .parquet file"
        )


def count_formulas(layout: Layout, rows: int) -> int:
    """How many cells of a sheet are live."""
    return sum(
        rows - layout.starts_typed(shown) for shown in layout.shown if shown.formula is not None
    )


def written(run: Run | LongRun) -> Writable:
    """The run as sheets show it: of a part of one, that part with a program of its own."""
    return run if run.recording.keep == EVERYTHING else part_of(run)


def sheets_of(trace: Writable, kind: str, studies: Sequence[Study] = ()) -> list[Sheet]:
    """The sheets with rows: Steps, then those of the studies. Raises LimitError."""
    layout = layout_of(trace, kind)
    layout.check()
    _check_size(layout, len(trace.recording))
    steps = steps_sheets(trace, layout)
    if studies and len(steps) > 1:
        raise LimitError(
            f"the sheet {studies[0].name} looks into one sheet, and {len(trace.recording):,} "
            f"iterations are {len(steps)}. Leave it out, or ask for {layout.rows_per_sheet:,} iterations"
        )
    return [*steps, *(study_sheet(study, layout, len(trace.recording)) for study in studies)]


def further_sheets() -> tuple[str, ...]:
    """The names of all sheets that a workbook can have besides its own."""
    return (*PAGES, *STUDIES)


def write_workbook(
    run: Run | LongRun,
    path: Path,
    kind: str = "full",
    studies: Mapping[str, Settings] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a run as a workbook, and say how many of its cells are live.

    The file appears whole or not at all. `studies` are more sheets, by the names of
    `further_sheets`, with what they are set to; by default the layout chooses.

    Raises LimitError where a worksheet cannot hold it, ExperimentError for a study that this
    run cannot have, OutputError where the file cannot be written; an old file then stays as
    it was.
    """
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    wanted = dict(studies or {})
    asked = [key for key in PAGES if wanted.pop(key, None) is not None]
    whole = run if isinstance(run, Run) and run.is_whole else None
    if studies and whole is None:
        raise LimitError(
            f"the sheet {next(iter(studies))} looks into a run that is there as a whole; "
            f"leave it out, or ask for fewer iterations than {len(run):,}"
        )
    chosen = [study(whole, key, settings) for key, settings in wanted.items() if whole is not None]
    trace = written(run)
    sheets = sheets_of(trace, kind, chosen)
    steps = sheets[0]
    pages: list[Page] = []
    if whole is not None:
        pages = choose_pages(whole, steps, asked if studies is not None else None)
    values: dict[str, dict[str, float | str]] = {s.name: s.formulas_above for s in sheets}
    book = Workbook()
    book.remove(book.worksheets[0])
    styles = [build_sheet(book, sheet) for sheet in sheets]
    examples: dict[str, Rows] = {}
    if steps.layout.traits.data_sheet:
        examples[DATA] = build_data(book, trace, steps.layout)
        # After the run, before the studies.
        book.move_sheet(DATA, -len(chosen))
    for page in pages:
        assert whole is not None
        values[page.name] = page.build(book, whole, steps)
        book.move_sheet(page.name, -len(chosen))
    build_about(book, trace, sheets, list(wanted))
    write_package(book, examples | _rows(trace, sheets, styles, progress), path, values)
    return sum(count_formulas(sheet.layout, len(sheet)) for sheet in sheets)


def _rows(
    trace: Writable,
    sheets: Sequence[Sheet],
    styles: Sequence[RowStyles],
    progress: Callable[[int], None] | None,
) -> dict[str, Rows]:
    """The rows of the sheets, by their names; those of the run are read piece by piece."""
    reader = Reader(trace.recording)
    rows = {}
    for sheet, numbers in zip(sheets, styles, strict=True):
        if sheet.recording is trace.recording:
            blocks = row_xml(sheet, numbers, reader, progress)
        else:
            blocks = row_xml(sheet, numbers, Reader(sheet.recording))
        rows[sheet.name] = Rows(sheet.area, blocks)
    return rows
