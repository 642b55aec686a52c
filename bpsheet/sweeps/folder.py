"""A folder to which a sweep writes run by run, so that it can continue after an interruption.

`losses/run-1.parquet`, `losses/run-2.parquet` … are one table, and hold nothing but whole files at any
time. The numbers have as many digits as the last one, so that programs that read the files in the
order of their names read the runs in theirs. `_sweep.json` identifies the sweep; `_runs.parquet`,
which is there once all runs are done, has a row for each run. pandas, pyarrow and Dask leave out
names that begin with _.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from bpsheet.errors import InputError, MissingExtraError, OutputError
from bpsheet.files.ours import MARK
from bpsheet.files.seals import PARQUET, is_intact, seal_parquet
from bpsheet.files.whole import replacing
from bpsheet.guard.gate import open_file
from bpsheet.guard.text import read_text
from bpsheet.sweeps.grid import Grid
from bpsheet.sweeps.kept import Kept
from bpsheet.sweeps.outcomes import Outcome, Results, Settings

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bpsheet.plan.plan import Plan

__all__ = ["Parts", "write_frame"]

MANIFEST, RUNS, LOSSES = "_sweep.json", "_runs.parquet", "losses"
# The columns of a part that are neither settings, nor the loss and the metrics.
RUN, ITERATION, WEIGHTS = "run", "iteration", "weights"
# The most bytes of a manifest: a long experiment, and the settings of many runs.
MOST_BYTES = 100_000_000


def write_frame(stream: IO[bytes], frame: pd.DataFrame) -> None:
    """Write a DataFrame as Parquet."""
    import pyarrow as pa

    _write_table(stream, pa.Table.from_pandas(_of_one_type(frame)), {})


def _write_table(stream: IO[bytes], table: pa.Table, facts: Mapping[str, str]) -> None:
    """Write a table as Parquet. The file's metadata has facts, and that bpsheet wrote it."""
    import pyarrow.parquet as pq

    metadata = {**(table.schema.metadata or {}), MARK: "sweep", **facts}
    table = table.replace_schema_metadata(metadata)
    with pq.ParquetWriter(stream, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(PARQUET)
    seal_parquet(stream)


def _of_one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its mixed columns as words, since a column has one type in Parquet."""
    mixed = [name for name in frame if pd.api.types.is_object_dtype(frame[name])]
    return frame.astype(dict.fromkeys(mixed, "str"))


class Parts:
    """The folder of a sweep. Raises OutputError for an unusable folder and another sweep's."""

    def __init__(
        self,
        folder: Path,
        experiment: Plan,
        grid: Grid,
        settings: Sequence[Settings],
        kept: Kept,
    ) -> None:
        if find_spec("pyarrow") is None:
            raise MissingExtraError(f"{folder}: a folder needs pyarrow", "parquet")
        self.folder = folder
        self._settings = settings
        self._columns = ("loss", *kept.metrics)
        self._weights = list(experiment.model.weights) if kept.weights else []
        # Each part has the types of all runs: a setting may be a number here and a word elsewhere.
        self._types = {name: _type_of(values) for name, values in grid.items()}
        wanted = {"experiment": experiment.text, "grid": grid, "keep": str(kept)}
        text = self._begin(json.dumps(wanted, indent=1))
        self._sweep = hashlib.sha256(text.encode()).hexdigest()

    def _begin(self, wanted: str) -> str:
        """Write the manifest of the sweep, or check the existing one. Returns its text."""
        path = self.folder / MANIFEST
        try:
            if path.is_file():
                text = read_text(path, MOST_BYTES)
                if json.loads(text) != json.loads(wanted):
                    raise OutputError(
                        f"{self.folder} holds another sweep; choose another folder, or remove "
                        "this one first"
                    )
                return text
            # Hidden files are the system's, or of another sweep that is about to begin.
            if self.folder.is_dir() and any(
                not path.name.startswith(".") for path in self.folder.iterdir()
            ):
                raise OutputError(f"{self.folder} holds other files and no sweep; choose another")
        except (InputError, OSError, ValueError, RecursionError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None
        try:
            with replacing(path, only_new=True) as stream:
                stream.write(wanted.encode())
        except FileExistsError:
            # Another sweep has begun here meanwhile.
            return self._begin(wanted)
        return wanted

    def _path(self, number: int) -> Path:
        width = len(str(len(self._settings)))
        return self.folder / LOSSES / f"run-{number + 1:0{width}}.parquet"

    def _whose(self, number: int) -> dict[str, str]:
        """The run that a part holds, as the part itself says, since a file may be renamed."""
        return {"sweep": self._sweep, "run": str(number + 1)}

    def write(self, number: int, outcome: Outcome) -> None:
        """Write one run, whole or not at all."""
        facts = self._whose(number) | {"results": json.dumps(outcome.results)}
        with replacing(self._path(number), meanwhile=self.folder) as stream:
            _write_table(stream, self._table(number, outcome), facts)

    def _table(self, number: int, outcome: Outcome) -> pa.Table:
        """The rows of one run."""
        import pyarrow as pa

        rows = len(outcome.iterations)
        columns = {RUN: pa.array(np.full(rows, number + 1))}
        for name, value in self._settings[number].items():
            kind = self._types[name]
            column = [str(value)] * rows if kind is None else np.full(rows, value, kind)
            columns[name] = pa.array(column)
        columns[ITERATION] = pa.array(outcome.iterations)
        columns |= {name: pa.array(values) for name, values in outcome.columns.items()}
        if outcome.weights is not None:
            # Together in one column, since a setting may be called as a weight is.
            entries = [pa.array(column) for column in outcome.weights.T]
            columns[WEIGHTS] = pa.StructArray.from_arrays(entries, names=self._weights)
        return pa.table(columns)

    def finish(self, runs: pd.DataFrame) -> None:
        """Write the table of all runs into the folder."""
        with replacing(self.folder / RUNS) as stream:
            write_frame(stream, runs)

    def results(self) -> dict[int, Results]:
        """The results of the runs in the folder, by their numbers (from 0).

        Raises OutputError for a part that has changed since it was written, or is another run's.
        """
        found: dict[int, Results] = {}
        for number in range(len(self._settings)):
            if self._path(number).is_file():
                with self._opened(number) as (_, results):
                    found[number] = results
        return found

    def outcome(self, number: int) -> Outcome:
        """The outcome of a run in the folder. Raises OutputError as `results` does."""
        with self._opened(number) as (part, results):
            table = part.read()
            columns = {name: table[name].to_numpy() for name in self._columns}
            weights = None
            if self._weights:
                entries = table[WEIGHTS].combine_chunks().flatten()
                weights = np.column_stack([entry.to_numpy() for entry in entries])
            return Outcome(table[ITERATION].to_numpy(), columns, weights, results)

    @contextmanager
    def _opened(self, number: int) -> Iterator[tuple[pq.ParquetFile, Results]]:
        """A part, if it is intact and this run's, with the results of the run."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._path(number)
        try:
            with open_file(path) as stream:
                _check_intact(stream)
                with pq.ParquetFile(stream) as part:
                    yield part, self._results_in(part, number)
        except (InputError, OSError, ValueError, pa.ArrowException) as error:
            raise OutputError(
                f"cannot continue from {path}: {error}; remove it to run it anew"
            ) from None

    def _results_in(self, part: pq.ParquetFile, number: int) -> Results:
        """The results in a part. Raises ValueError for a part of another run."""
        metadata = part.schema_arrow.metadata
        facts = {key.decode(): fact.decode() for key, fact in metadata.items()}
        if not self._whose(number).items() <= facts.items():
            raise ValueError(f"it is not run {number + 1} of this sweep")
        results: Results = json.loads(facts["results"])
        return results


def _check_intact(stream: IO[bytes]) -> None:
    """Raise ValueError for a part that is not as it was written."""
    if not is_intact(stream):
        raise ValueError("it has changed since it was written")
    stream.seek(0)


def _type_of(values: Sequence[float | str]) -> np.dtype[Any] | None:
    """The type of a setting that has numbers alone; None for words."""
    kind = pd.Series(values).dtype
    return kind if isinstance(kind, np.dtype) and kind.kind in "iuf" else None
