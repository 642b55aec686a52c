"""A run as a flat file, .csv or .parquet, written piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import orjson

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.recording import Recorded
from bpsheet.files.whole import replacing
from bpsheet.runs.longrun import LongRun
from bpsheet.runs.parquet import write_parquet
from bpsheet.runs.run import Run

if TYPE_CHECKING:
    from bpsheet.program.program import Program

__all__ = ["Progress", "heads_line", "write_flat"]

# So many rows are turned into text at a time.
BLOCK = 1024

Progress = Callable[[int], None]


def write_flat(run: Run | LongRun, path: Path, progress: Progress | None) -> None:
    """Write the rows of a run as .csv or .parquet, by the ending of the name.

    The file appears whole or not at all. `progress` is called with the number of rows written.
    """
    tell = progress or (lambda _rows: None)
    with replacing(path) as stream:
        (_csv if path.suffix.lower() == ".csv" else write_parquet)(run, stream, tell)


def _table(program: Program, recorded: Recorded) -> Iterator[tuple[Any, Any]]:
    """The iterations, and the values of all other columns, piece by piece."""
    columns = [index for index, name in enumerate(program.names) if name != ITERATION]
    for piece in recorded.pieces():
        yield piece.iterations, piece.values[:, columns]


def _names(program: Program) -> list[str]:
    return [name for name in program.names if name != ITERATION]


def _csv(run: Run | LongRun, stream: IO[bytes], tell: Progress) -> None:
    """Write a line for each iteration, with every digit; the cell of an error is empty."""
    program = run.program
    stream.write(f"{heads_line(ITERATION, program.names)}\n".encode())
    done = 0
    for iterations, values in _table(program, run.recording):
        for start in range(0, len(values), BLOCK):
            block = np.ascontiguousarray(values[start : start + BLOCK])
            text = orjson.dumps(block, option=orjson.OPT_SERIALIZE_NUMPY).replace(b"null", b"")
            lines = text[2:-2].split(b"],[")
            numbers = iterations[start : start + BLOCK].tolist()
            rows = (b"%d,%s\n" % pair for pair in zip(numbers, lines, strict=True))
            stream.write(b"".join(rows))
            done += len(lines)
            tell(done)


def heads_line(first: str, names: Iterable[str]) -> str:
    """The header line of a CSV file: the index, then the columns."""
    return ",".join([first, *(_quoted(name) for name in names if name != first)])


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), 2 * chr(34))}"' if set(name) & set('",\r\n') else name
