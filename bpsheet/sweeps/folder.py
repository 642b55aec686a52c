"""A folder in which a sweep is written run by run, so that it can go on after an interruption.

`run=1/losses.parquet`, `run=2/losses.parquet` … are what pandas, pyarrow and Dask read as one
table; `_sweep.json` says which sweep it is, `_runs.parquet` has a row for each run once all are
there (names that begin with _ are left out by them).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pandas as pd

from bpsheet.engine.recording import Keep
from bpsheet.errors import OutputError
from bpsheet.files.ours import MARK
from bpsheet.files.seals import PARQUET, seal_parquet
from bpsheet.files.whole import replacing
from bpsheet.sweeps.grid import Grid
from bpsheet.sweeps.outcomes import RESULTS, Outcome, Settings, losses_frame

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["Parts", "write_frame"]

MANIFEST, RUNS = "_sweep.json", "_runs.parquet"


def write_frame(
    stream: IO[bytes],
    frame: pd.DataFrame,
    facts: Mapping[str, str] | None = None,
    *,
    index: bool = True,
) -> None:
    """Write a DataFrame as Parquet, with facts about it, and who wrote it, beside the columns.

    Each page of the file has a checksum, so that damage is found when it is read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(_of_one_type(frame), preserve_index=index)
    said = {**(table.schema.metadata or {}), MARK: "sweep", **(facts or {})}
    table = table.replace_schema_metadata(said)
    with pq.ParquetWriter(stream, table.schema, write_page_checksum=True) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(PARQUET)
    seal_parquet(stream)


def _of_one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers and words as words: in Parquet a column has one type."""
    mixed = [name for name in frame if pd.api.types.is_object_dtype(frame[name])]
    return frame.astype(dict.fromkeys(mixed, "str"))


class Parts:
    """The folder. Raises OutputError where it cannot be used, or holds another sweep."""

    def __init__(
        self,
        folder: Path,
        experiment: Plan,
        grid: Grid,
        settings: Sequence[Settings],
        keep: Keep,
    ) -> None:
        if find_spec("pyarrow") is None:
            raise OutputError(f"{folder}: a folder needs pyarrow: python -m pip install pyarrow")
        self.folder = folder
        self._settings, self._keep = settings, keep
        self._iterations = experiment.iterations
        # A run alone has numbers where others have words: all parts have the types of all runs.
        self._types = {name: pd.Series(values).dtype for name, values in grid.items()}
        text = json.dumps(
            {"experiment": experiment.text, "grid": grid, "keep": str(keep)}, indent=1
        )
        path = folder / MANIFEST
        try:
            if path.is_file():
                if json.loads(path.read_text("utf-8")) != json.loads(text):
                    raise OutputError(
                        f"{folder} holds another sweep; choose another folder, or remove it first"
                    )
                return
            if folder.is_dir() and any(folder.iterdir()):
                raise OutputError(f"{folder} is not empty, and holds no sweep; choose another")
        except (OSError, ValueError, RecursionError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None
        with replacing(path) as stream:
            stream.write(text.encode())

    def _path(self, number: int) -> Path:
        return self.folder / f"run={number + 1}" / "losses.parquet"

    def _frame(self, number: int, outcome: Outcome) -> pd.DataFrame:
        """The losses of one run as they are written. The folder's name says its number."""
        losses = losses_frame(number + 1, self._settings[number], outcome)
        return _of_one_type(losses.drop(columns="run").astype(self._types))

    def write(self, number: int, outcome: Outcome) -> None:
        """Write one run, whole or not at all."""
        facts = {name: repr(getattr(outcome, name)) for name in RESULTS}
        with replacing(self._path(number)) as stream:
            write_frame(stream, self._frame(number, outcome), facts, index=False)

    def finish(self, runs: pd.DataFrame) -> None:
        """Write the table of all runs beside them."""
        with replacing(self.folder / RUNS) as stream:
            write_frame(stream, runs)

    def read(self) -> dict[int, Outcome]:
        """The runs that are there, by their numbers (from 0).

        Raises OutputError for a part that cannot be read, or is not that run's.
        """
        import pyarrow as pa

        found = {}
        for number in range(len(self._settings)):
            path = self._path(number)
            try:
                if path.is_file():
                    found[number] = self._read(number)
            except (OSError, ValueError, pa.ArrowException) as error:
                raise OutputError(
                    f"cannot read {path}: {error}; remove it to run it anew"
                ) from None
        return found

    def _read(self, number: int) -> Outcome:
        """One run. Raises ValueError, or pyarrow's errors, where it is not as it was written."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        iterations = int(self._settings[number].get("iterations", self._iterations))
        names = [*self._types, "iteration", "loss"]
        with pq.ParquetFile(self._path(number), page_checksum_verification=True) as file:
            schema = file.schema_arrow
            if schema.names != names or schema.types[-2:] != [pa.int64(), pa.float64()]:
                raise ValueError(f"it has other columns than {', '.join(names)}, or other types")
            # Before anything is unpacked.
            if file.metadata.num_rows != self._keep.count(iterations):
                raise ValueError("it has another number of iterations than were kept")
            frame = file.read().to_pandas(ignore_metadata=True)
        outcome = _outcome(frame, schema.metadata or {})
        if not frame.equals(self._frame(number, outcome)):
            raise ValueError(f"its settings are not those of run {number + 1}")
        numbers = outcome.iterations
        is_kept = self._keep.chosen(numbers, iterations).all() and (np.diff(numbers) > 0).all()
        if not (is_kept and numbers[0] >= 1 and numbers[-1] <= iterations):
            raise ValueError("its iterations are not those that were kept")
        if not _is_sound(outcome, iterations):
            raise ValueError("it lacks losses, and says of no error that explains it")
        return outcome


def _outcome(frame: pd.DataFrame, facts: Mapping[bytes, bytes]) -> Outcome:
    """What a part holds. Raises ValueError where its facts are missing, or are no numbers."""
    said = {name: facts.get(name.encode(), b"").decode() for name in RESULTS}
    try:
        first, final = float(said["first_loss"]), float(said["final_loss"])
        failed = int(said["first_error"])
    except ValueError:
        raise ValueError(f"{', '.join(RESULTS)} are missing beside its columns") from None
    return Outcome(frame["iteration"].to_numpy(), frame["loss"].to_numpy(), first, final, failed)


def _is_sound(outcome: Outcome, iterations: int) -> bool:
    """Whether each loss is there: from the first error on some may be missing, and their means."""
    losses, failed = outcome.losses, outcome.first_error
    if not 0 <= failed <= iterations or np.isinf(losses).any():
        return False
    clean = outcome.iterations < (failed or iterations + 1)
    means_are_there = not np.isnan([outcome.first_loss, outcome.final_loss]).any()
    return not np.isnan(losses[clean]).any() and (bool(failed) or means_are_there)
