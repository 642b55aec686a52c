"""Workbooks: a run as an .xlsx file with live formulas that carry their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
from bpsheet.words import among, shown
from bpsheet.workbook.about import ABOUT, DATA, build_data, fill_about
from bpsheet.workbook.companions.choice import COMPANIONS, choose_companions
from bpsheet.workbook.companions.companion import Companion
from bpsheet.workbook.layout import Layout, make_layout
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


def layout_of(trace: Writable, kind: str, *, tests_follow: bool = True) -> Layout:
    """The layout of a run, in which tests may follow the data. Raises OutputError for a kind that does not exist."""
    if kind not in LAYOUTS:
        raise OutputError(f"no layout {shown(kind)}; {among(kind, list(LAYOUTS))}")
    experiment = trace.experiment
    return make_layout(
        trace.program,
        experiment.example_count,
        kind,
        gap=experiment.test is not None and experiment.test.gap,
        guarded=_to_guard(trace),
        tests_follow=tests_follow,
    )


def _to_guard(trace: Writable) -> frozenset[str]:
    """The columns in which a function's plain form would overflow, or might."""
    names = set()
    for column in trace.program:
        if column.formula is None or Call not in column.uses.kinds:
            continue
        for node in walk(column.formula):
            if not (isinstance(node, Call) and node.function == "logistic"):
                continue
            argument = node.arguments[0]
            if not isinstance(argument, Ref):
                names.add(column.name)  # an argument that no column records
                continue
            index = trace.program.position[argument.name]
            if trace.recording.extents.lowest[index] < LOWEST_SUM:
                names.add(column.name)
    return frozenset(names)


def check_fits(experiment: Plan, kind: str, rows: int = 1) -> None:
    """Refuse an experiment that a worksheet cannot hold, before it runs. Raises LimitError."""
    program = experiment.program(iterations=1)
    layout = make_layout(program, experiment.example_count, kind)
    layout.check()
    _check_size(layout, rows)


def _check_size(layout: Layout, rows: int) -> None:
    """Refuse a workbook that is too large to be read back. Raises LimitError."""
    columns = len(layout.shown)
    if columns * rows > OURS.cells:
        raise LimitError(
            f"{rows:,} rows of {columns:,} cells; a workbook of at most {OURS.cells:,} cells can "
            f"be read back. Keep at most {OURS.cells // columns:,} rows, or write a .csv or "
            ".parquet file"
        )


def count_formulas(layout: Layout, rows: int) -> int:
    """The number of cells of a sheet that hold a formula."""
    return sum(
        rows - layout.starts_typed(shown) for shown in layout.shown if shown.formula is not None
    )


def written(run: Run | LongRun) -> Writable:
    """The run as sheets show it: of a part of one, that part with a program of its own."""
    return run if run.recording.keep == EVERYTHING else part_of(run)


def sheets_of(
    trace: Writable, kind: str, studies: Sequence[Study] = (), *, tests_follow: bool = True
) -> list[Sheet]:
    """The sheets with rows: Steps, then those of the studies. Raises LimitError."""
    layout = layout_of(trace, kind, tests_follow=tests_follow)
    layout.check()
    _check_size(layout, len(trace.recording))
    steps = steps_sheets(trace, layout)
    if studies and len(steps) > 1:
        raise LimitError(
            f"the sheet {studies[0].name} reads a single sheet Steps, but "
            f"{len(trace.recording):,} iterations take {len(steps)}. Leave the sheet "
            f"{studies[0].name} out, or ask for at most {layout.rows_per_sheet:,} iterations"
        )
    return [*steps, *(study_sheet(study, layout, len(trace.recording)) for study in studies)]


def further_sheets() -> tuple[str, ...]:
    """The names of all sheets that a workbook can have besides its own."""
    return (*COMPANIONS, *STUDIES)


def write_workbook(
    run: Run | LongRun,
    path: Path,
    kind: str = "full",
    studies: Mapping[str, Settings] | None = None,
    progress: Callable[[int], None] | None = None,
) -> int:
    """Write a run as a workbook. Returns the number of cells that hold a formula.

    The file appears whole or not at all. `studies` are more sheets, by the names of
    `further_sheets`, with what they are set to; by default the layout chooses.

    Raises LimitError where a worksheet cannot hold the run, ExperimentError for a study that
    this run cannot have, OutputError where the file cannot be written. An old file then stays
    as it was.
    """
    if path.suffix.lower() != ".xlsx":
        raise OutputError(f"{path}: a workbook's name ends in .xlsx")
    wanted = dict(studies or {})
    asked = [key for key in COMPANIONS if wanted.pop(key, None) is not None]
    whole = run if isinstance(run, Run) and run.is_whole else None
    if studies and whole is None:
        raise LimitError(
            f"the sheet {next(iter(studies))} needs every row of the run, and this run keeps only "
            f"some. Leave the sheet out, or ask for fewer iterations than {len(run):,}"
        )
    if kind in LAYOUTS and LAYOUTS[kind].first is not None and whole is None:
        raise LimitError(
            f"the layout {kind} needs every row of the run, and this run keeps only some. Ask for "
            f"fewer iterations than {len(run):,}, or for the layout full"
        )
    chosen = [study(whole, key, settings) for key, settings in wanted.items() if whole is not None]
    trace = written(run)
    sheets = sheets_of(trace, kind, chosen)
    steps = sheets[0]
    companions: list[Companion] = []
    if whole is not None:
        companions = choose_companions(whole, steps, asked if studies is not None else None)
    values: dict[str, dict[str, float | str]] = {s.name: s.formulas_above for s in sheets}
    book = Workbook()
    book.remove(book.worksheets[0])
    styles = [build_sheet(book, sheet) for sheet in sheets]
    examples: dict[str, Rows] = {}
    if steps.layout.has_data_sheet:
        examples[DATA] = build_data(book, trace, steps.layout)
        # After the run, before the studies.
        book.move_sheet(DATA, -len(chosen))
    for companion in companions:
        assert whole is not None
        values[companion.name] = companion.build(book, whole, steps)
        book.move_sheet(companion.name, -len(chosen))
    if (first := steps.layout.traits.first) is not None:
        name = COMPANIONS[first].name
        book.move_sheet(name, -book.sheetnames.index(name))
        book.active = 0
    # Its long list of columns is made while the rows are compressed.
    book.create_sheet(ABOUT)
    about = partial(fill_about, book, trace, sheets, list(wanted))
    rows = examples | _rows(trace, sheets, styles, progress)
    write_package(book, rows, path, values, {ABOUT: about})
    return sum(count_formulas(sheet.layout, len(sheet)) for sheet in sheets)


def _rows(
    trace: Writable,
    sheets: Sequence[Sheet],
    styles: Sequence[RowStyles],
    progress: Callable[[int], None] | None,
) -> dict[str, Rows]:
    """The rows of each sheet, by its name. The rows of the run are read piece by piece."""
    reader = Reader(trace.recording)
    rows = {}
    for sheet, numbers in zip(sheets, styles, strict=True):
        if sheet.recording is trace.recording:
            blocks = row_xml(sheet, numbers, reader, progress)
        else:
            blocks = row_xml(sheet, numbers, Reader(sheet.recording))
        rows[sheet.name] = Rows(sheet.area, blocks)
    return rows
