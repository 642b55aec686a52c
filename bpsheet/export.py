"""A run as a file, by the ending of its name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from bpsheet.errors import OutputError
from bpsheet.files import replacing
from bpsheet.trace import Trace

__all__ = ["check", "write"]

ENDINGS = (".xlsx", ".csv", ".parquet")


def check(path: Path, layout: str | None, sheets: Sequence[str] = ()) -> None:
    """Refuse, before anything runs, a name that nothing could be written to.

    Raises OutputError.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise OutputError(f"{path}: a name that ends in {', '.join(ENDINGS)} expected")
    if layout and ending != ".xlsx":
        raise OutputError(f"{path}: a layout is for workbooks (.xlsx)")
    if sheets and ending != ".xlsx":
        raise OutputError(f"{path}: sheets are for workbooks (.xlsx)")
    if ending == ".parquet" and find_spec("pyarrow") is None:
        raise OutputError(f"{path}: .parquet needs pyarrow: python -m pip install pyarrow")


def write(
    trace: Trace,
    path: Path,
    layout: str | None,
    progress: Callable[[int], None],
    sheets: Sequence[str] = (),
) -> str:
    """Write the run, whole or not at all, and say in a sentence what was written.

    Raises OutputError where the file cannot be written or the ending is unknown.
    """
    check(path, layout, sheets)
    ending = path.suffix.lower()
    if ending == ".xlsx":
        from bpsheet.workbook import write_workbook

        live = write_workbook(
            trace, path, layout or "full", {name: {} for name in sheets}, progress
        )
        return (
            f"Wrote {path}: {live:,} live formulas. Open it in Excel, LibreOffice or Google "
            "Sheets, change a blue cell, and every row follows."
        )
    with replacing(path) as stream:
        if ending == ".csv":
            trace.frame.to_csv(stream, mode="wb", lineterminator="\n")
        else:
            trace.frame.to_parquet(stream)
    return f"Wrote {path}: {len(trace):,} rows of values."
