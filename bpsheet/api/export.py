"""Writing a run as a file. The ending of the file's name decides the format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bpsheet.columns.presentation import ITERATION
from bpsheet.errors import MissingExtraError, OutputError
from bpsheet.runs.flat import Progress, heads_line, write_flat

if TYPE_CHECKING:
    from bpsheet.gradients.studies import Settings
    from bpsheet.plan.plan import Plan
    from bpsheet.runs.longrun import LongRun
    from bpsheet.runs.run import Run

__all__ = ["check", "first_line", "write"]


ENDINGS = (".xlsx", ".csv", ".parquet")


def check(path: Path, layout: str | None, sheets: Sequence[str] | None = None) -> None:
    """Refuse a file name that cannot be written to, before anything runs.

    Raises OutputError.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise OutputError(f"{path}: expected a name that ends in {', '.join(ENDINGS)}")
    if layout and ending != ".xlsx":
        raise OutputError(f"{path}: only a workbook (.xlsx) has a layout")
    if sheets and ending != ".xlsx":
        raise OutputError(f"{path}: only a workbook (.xlsx) has sheets")
    if ending == ".parquet" and find_spec("pyarrow") is None:
        raise MissingExtraError(f"{path}: .parquet needs pyarrow", "parquet")


def first_line(experiment: Plan) -> str:
    """The first line of the run as a CSV file."""
    return heads_line(ITERATION, (column.name for column in experiment.columns))


def write(
    run: Run | LongRun,
    path: Path,
    layout: str | None,
    progress: Progress | None,
    sheets: Sequence[str] | None = None,
) -> str:
    """Write the run, whole or not at all. Returns a sentence on what was written.

    `sheets` are the further sheets of a workbook; None gives those that fit.
    Raises OutputError where the file cannot be written, and for an unknown ending.
    """
    check(path, layout, sheets)
    ending = path.suffix.lower()
    if ending == ".xlsx":
        from bpsheet.workbook.writing import write_workbook

        chosen: Mapping[str, Settings] | None
        chosen = None if sheets is None else {name: {} for name in sheets}
        live = write_workbook(run, path, layout or "full", chosen, progress)
        follows = "its row follows" if run.recording.keep.every > 1 else "every row follows"
        return (
            f"Wrote {path}: {live:,} live formulas. Open it in Excel, LibreOffice or Google "
            f"Sheets, change a blue cell, and {follows}."
        )
    write_flat(run, path, progress)
    return f"Wrote {path}: {len(run):,} rows of values."
