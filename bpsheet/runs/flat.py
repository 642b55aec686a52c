"""A run as a flat file, .csv or .parquet, written piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import orjson

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.recording import Recorded
from bpsheet.files.ours import MARK
from bpsheet.files.seals import PARQUET, seal_parquet
from bpsheet.files.whole import replacing
from bpsheet.runs.longrun import LongRun
from bpsheet.runs.run import Run

if TYPE_CHECKING:
    from bpsheet.program.program import Program

__all__ = ["Progress", "heads_line", "write_flat"]

# A group of rows in a Parquet file, which a reader loads as a whole, has so many values.
GROUP = 1_000_000

# So many rows are turned into text at a time.
BLOCK = 1024

Progress = Callable[[int], None]


def write_flat(run: Run | LongRun, path: Path, progress: Progress | None) -> None:
    """Write the rows of a run as .csv or .parquet, by the ending of the name.

    The file appears whole or not at all. `progress` is called with the number of rows written.
    """
    tell = progress or (lambda _rows: None)
    with replacing(path) as stream:
        (_csv if path.suffix.lower() == ".csv" else _parquet)(
            run.program, run.recording, stream, tell
        )


def _table(program: Program, recorded: Recorded) -> Iterator[tuple[Any, Any]]:
    """The iterations, and the values of all other columns, piece by piece."""
    columns = [index for index, name in enumerate(program.names) if name != ITERATION]
    for piece in recorded.pieces():
        yield piece.iterations, piece.values[:, columns]


def _names(program: Program) -> list[str]:
    return [name for name in program.names if name != ITERATION]


def _csv(program: Program, recorded: Recorded, stream: IO[bytes], tell: Progress) -> None:
    """Write a line for each iteration, with every digit; the cell of an error is empty."""
    stream.write(f"{heads_line(ITERATION, program.names)}\n".encode())
    done = 0
    for iterations, values in _table(program, recorded):
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


def _parquet(program: Program, recorded: Recorded, stream: IO[bytes], tell: Progress) -> None:
    """Write float64 columns, with the iteration as the index that pandas recognises."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = _names(program)
    empty = pd.DataFrame({name: np.empty(0) for name in names})
    empty.index = pd.Index(np.empty(0, dtype=np.int64), name=ITERATION)
    schema = pa.Schema.from_pandas(empty, preserve_index=True)
    schema = schema.with_metadata(schema.metadata | {MARK: "run"})
    rows = max(1, GROUP // len(program))
    done = 0
    with pq.ParquetWriter(stream, schema) as writer:
        waiting: list[Any] = []
        held = 0

        def flush() -> None:
            nonlocal held
            if waiting:
                writer.write_table(pa.concat_tables(waiting).combine_chunks(), row_group_size=rows)
            waiting.clear()
            held = 0

        for iterations, values in _table(program, recorded):
            for start in range(0, len(values), rows):
                block = np.asfortranarray(values[start : start + rows])
                arrays = [pa.array(block[:, column]) for column in range(len(names))]
                arrays.append(pa.array(iterations[start : start + rows]))
                waiting.append(pa.Table.from_arrays(arrays, schema=schema))
                held += len(block)
                done += len(block)
                if held >= rows:
                    flush()
                tell(done)
        flush()
        writer.add_key_value_metadata(PARQUET)
    seal_parquet(stream)
