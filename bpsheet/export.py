"""A run as a file, by the ending of its name."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from bpsheet.errors import OutputError
from bpsheet.files import replacing
from bpsheet.trace import Trace

__all__ = ["write"]


def write(trace: Trace, path: Path, layout: str, progress: Callable[[int], None]) -> str:
    """Write the run, whole or not at all, and say in a sentence what was written.

    Raises OutputError where the file cannot be written or the ending is unknown.
    """
    match path.suffix.lower():
        case ".xlsx":
            from bpsheet.workbook import count_formulas, layout_of, write_workbook

            write_workbook(trace, path, layout, progress)
            live = count_formulas(layout_of(trace, layout), len(trace))
            return (
                f"Wrote {path}: {live:,} live formulas. Open it in Excel, LibreOffice or Google "
                "Sheets, change a blue cell, and every row follows."
            )
        case ".csv":
            with replacing(path) as stream:
                trace.frame.to_csv(stream, mode="wb", lineterminator="\n")
            return f"Wrote {path}: {len(trace):,} rows of values."
        case ".parquet":
            if find_spec("pyarrow") is None:
                raise OutputError(
                    f'{path}: .parquet needs pyarrow: python -m pip install "bpsheet[parquet]"'
                )
            with replacing(path) as stream:
                trace.frame.to_parquet(stream)
            return f"Wrote {path}: {len(trace):,} rows of values."
    raise OutputError(f"{path}: a name that ends in .xlsx, .csv or .parquet expected")
