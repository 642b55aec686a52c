"""A run as a Parquet file, and back: the values, with the experiment in the file's description.

The iteration is the first column and the index that pandas recognises. Counters are whole numbers, all
other columns float64. An error is NaN; which error it is, is in the description too.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import numpy as np

from bpsheet.columns.presentation import ITERATION
from bpsheet.engine.engine import check_memory
from bpsheet.engine.recording import EVERYTHING, Codes, Keep, Recording
from bpsheet.errors import ExperimentError, InputError, MissingExtraError, Problem
from bpsheet.files.ours import MARK
from bpsheet.files.seals import PARQUET, seal_parquet
from bpsheet.formula.evaluate import ERRORS
from bpsheet.guard.gate import open_file
from bpsheet.plan.plan import Plan
from bpsheet.plan.reader import from_text
from bpsheet.program.kinds import COUNTERS
from bpsheet.program.program import Program
from bpsheet.runs.longrun import LongRun
from bpsheet.runs.run import Run

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_run", "write_parquet"]

R = TypeVar("R", bound=Run)

# A group of rows, which a reader loads as a whole, has so many values.
GROUP = 1_000_000
# The keys of the description.
EXPERIMENT, KEEP, CODES = "bpsheet.experiment", "bpsheet.keep", "bpsheet.errors"
NOT_OURS = (
    "a Parquet file without an experiment in its description: bpsheet did not write it, or another "
    "program has written it anew. bp.Data(examples=…) takes a table of examples"
)


def write_parquet(run: Run | LongRun, stream: IO[bytes], tell: Callable[[int], None]) -> None:
    """Write the rows of a run. `tell` is called with the number of rows written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    program, recorded = run.program, run.recording
    facts = {MARK: "run", EXPERIMENT: run.experiment.text, KEEP: str(recorded.keep)}
    schema = _schema(program, facts)
    position = [program.position[name] for name in schema.names if name != ITERATION]
    types = [field.type.to_pandas_dtype() for field in schema if field.name != ITERATION]
    rows = max(1, GROUP // len(program))
    codes = _Packed(len(program))
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

        for piece in recorded.pieces():
            codes.add(piece)
            for start in range(0, len(piece), rows):
                block = np.asfortranarray(piece.values[start : start + rows, position])
                columns = [block[:, index].astype(kind) for index, kind in enumerate(types)]
                columns.insert(0, piece.iterations[start : start + rows])
                waiting.append(pa.Table.from_arrays(list(map(pa.array, columns)), schema=schema))
                held += len(block)
                done += len(block)
                if held >= rows:
                    flush()
                tell(done)
        flush()
        writer.add_key_value_metadata(codes.facts() | PARQUET)
    seal_parquet(stream)


def _schema(program: Program, facts: Mapping[str, str]) -> pa.Schema:
    """The columns of the file, the iteration first, and what pandas needs to make it the index."""
    import pandas as pd
    import pyarrow as pa

    columns = {
        column.name: np.empty(0, np.int64 if column.role in COUNTERS else np.float64)
        for column in program
    }
    empty = pd.DataFrame(columns).set_index(ITERATION)
    schema = pa.Schema.from_pandas(empty, preserve_index=True)
    ordered = [schema.field(name) for name in (ITERATION, *empty.columns)]
    return pa.schema(ordered, {**schema.metadata, **facts})


class _Packed:
    """The errors of a run: a code for each column of each row from the first error on."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.packer = zlib.compressobj()
        self.packed: list[bytes] = []

    def add(self, piece: Recording) -> None:
        clean = piece.first_error_row
        if self.packed and clean:
            self._put(np.zeros((clean, self.width), np.uint8))
        if len(piece.errors):
            self._put(piece.errors)

    def _put(self, codes: Codes) -> None:
        self.packed.append(self.packer.compress(np.ascontiguousarray(codes).tobytes()))

    def facts(self) -> dict[str, str]:
        if not self.packed:
            return {}
        whole = b"".join([*self.packed, self.packer.flush()])
        return {CODES: base64.b64encode(whole).decode()}


def read_run(path: Path, made: type[R], plan: type[Plan]) -> R:
    """The run in a Parquet file, as an object of the class `made`, with an experiment of the class `plan`.

    Raises ExperimentError for a file that bpsheet did not write or whose columns are not those of
    its experiment, LimitError for more values than fit in memory, MissingExtraError without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError(f"{path}: .parquet needs pyarrow", "parquet") from None

    def refused(message: str) -> ExperimentError:
        return ExperimentError([Problem("", message)], str(path))

    try:
        with open_file(path) as stream, pq.ParquetFile(stream) as file:
            facts = _texts(file.metadata.metadata or {})
            if EXPERIMENT not in facts:
                raise refused(NOT_OURS)
            # A stranger may have written it, so it may name no file of this machine.
            experiment = from_text(
                facts[EXPERIMENT], base=None, name=path.stem, source=str(path), made=plan
            )
            program = experiment.program()
            if set(file.schema_arrow.names) != set(program.names):
                raise refused("its columns are not those of its experiment")
            check_memory(file.metadata.num_rows, len(program))
            values = np.empty((file.metadata.num_rows, len(program)))
            _fill(values, program, file.iter_batches())
            keep = (
                EVERYTHING if facts.get(KEEP) == str(EVERYTHING) else Keep.of(facts.get(KEEP, ""))
            )
    except FileNotFoundError:
        raise refused("no such file") from None
    except ExperimentError:
        raise
    except InputError as error:
        raise refused(str(error)) from None
    except (OSError, pa.ArrowException, ValueError, TypeError) as error:
        if reason := getattr(error, "strerror", None):
            raise refused(f"cannot be read ({reason})") from None
        raise refused(f"not a readable Parquet file ({type(error).__name__})") from None
    numbers = values[:, program.position[ITERATION]]
    if not len(numbers) or numbers[0] < 1 or not (np.diff(numbers) >= 1).all():
        raise refused("iterations in rising order expected, from 1")
    clean, codes = _errors(values, facts.get(CODES, ""))
    recording = Recording(values, codes, clean, numbers.astype(np.int64), keep)
    return made(experiment, program, recording)


def _texts(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """The description's keys and texts, without what is no text."""
    return {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in metadata.items()
    }


def _fill(values: np.ndarray, program: Program, batches: Iterator[pa.RecordBatch]) -> None:
    begin = 0
    for batch in batches:
        for name in batch.schema.names:
            column = batch.column(name).to_numpy(zero_copy_only=False)
            values[begin : begin + len(batch), program.position[name]] = column
        begin += len(batch)


def _errors(values: np.ndarray, packed: str) -> tuple[int, Codes]:
    """The row of the first error, and the codes from there on; NaN without a known code is #NUM!."""
    missing = np.isnan(values)
    failing = missing.any(axis=1)
    clean = int(failing.argmax()) if failing.any() else len(values)
    codes = missing[clean:].astype(np.uint8)
    try:
        content = base64.b64decode(packed, validate=True)
        # No more is unpacked than these rows need.
        whole = zlib.decompressobj().decompress(content, codes.size + 1) if content else b""
    except (binascii.Error, zlib.error, ValueError):
        whole = b""
    known = np.frombuffer(whole, np.uint8)
    if known.size == codes.size:
        known = known.reshape(codes.shape)
        codes = np.where(missing[clean:] & (known < len(ERRORS)), np.maximum(known, 1), codes)
    return clean, codes.astype(np.uint8)
