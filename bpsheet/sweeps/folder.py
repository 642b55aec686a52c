"""A folder to which a sweep writes run by run, so that it can continue after an interruption.

pandas, pyarrow and Dask read `run=1/losses.parquet`, `run=2/losses.parquet` … as one table. They
leave out names that begin with _: `_sweep.json`, which identifies the sweep, and `_runs.parquet`,
which has a row for each run once all runs are done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pandas as pd

from bpsheet.engine.recording import Keep
from bpsheet.errors import InputError, MissingExtraError, OutputError
from bpsheet.files.ours import MARK
from bpsheet.files.seals import PARQUET, is_intact, seal_parquet
from bpsheet.files.whole import replacing
from bpsheet.guard.gate import open_file
from bpsheet.guard.text import read_text
from bpsheet.sweeps.grid import Grid
from bpsheet.sweeps.outcomes import RESULTS, Outcome, Settings, losses_frame

if TYPE_CHECKING:
    from bpsheet.plan.plan import Plan

__all__ = ["Parts", "write_frame"]

MANIFEST, RUNS = "_sweep.json", "_runs.parquet"
# The most bytes of a manifest: a long experiment, and the settings of many runs.
MOST_BYTES = 100_000_000


def write_frame(
    stream: IO[bytes],
    frame: pd.DataFrame,
    facts: Mapping[str, str] | None = None,
    *,
    index: bool = True,
) -> None:
    """Write a DataFrame as Parquet. The file's metadata has facts, and that bpsheet wrote it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(_of_one_type(frame), preserve_index=index)
    metadata = {**(table.schema.metadata or {}), MARK: "sweep", **(facts or {})}
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
        keep: Keep,
    ) -> None:
        if find_spec("pyarrow") is None:
            raise MissingExtraError(f"{folder}: a folder needs pyarrow", "parquet")
        self.folder = folder
        self._settings = settings
        # Each part has the types of all runs: a setting may be a number here and a word elsewhere.
        self._types = {name: pd.Series(values).dtype for name, values in grid.items()}
        wanted = {"experiment": experiment.text, "grid": grid, "keep": str(keep)}
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
        return self.folder / f"run={number + 1}" / "losses.parquet"

    def _whose(self, number: int) -> dict[str, str]:
        """The run that a part holds, as the part itself says, since a folder may be renamed."""
        return {"sweep": self._sweep, "run": str(number + 1)}

    def write(self, number: int, outcome: Outcome) -> None:
        """Write one run, whole or not at all."""
        losses = losses_frame(number + 1, self._settings[number], outcome)
        # The folder's name gives the run's number to readers of all parts as one table.
        losses = losses.drop(columns="run").astype(self._types)
        facts = {name: repr(getattr(outcome, name)) for name in RESULTS}
        with replacing(self._path(number)) as stream:
            write_frame(stream, losses, self._whose(number) | facts, index=False)

    def finish(self, runs: pd.DataFrame) -> None:
        """Write the table of all runs into the folder."""
        with replacing(self.folder / RUNS) as stream:
            write_frame(stream, runs)

    def read(self) -> dict[int, Outcome]:
        """The outcomes of the runs in the folder, by their numbers (from 0).

        Raises OutputError for a part that has changed since it was written, or is another run's.
        """
        import pyarrow as pa

        outcomes = {}
        for number in range(len(self._settings)):
            path = self._path(number)
            try:
                if path.is_file():
                    outcomes[number] = self._read(number)
            except (InputError, OSError, ValueError, pa.ArrowException) as error:
                raise OutputError(
                    f"cannot continue from {path}: {error}; remove it to run it anew"
                ) from None
        return outcomes

    def _read(self, number: int) -> Outcome:
        import pyarrow.parquet as pq

        with open_file(self._path(number)) as stream:
            if not is_intact(stream):
                raise ValueError("it has changed since it was written")
            stream.seek(0)
            table = pq.read_table(stream, columns=["iteration", "loss"])
        facts = {key.decode(): fact.decode() for key, fact in table.schema.metadata.items()}
        if not self._whose(number).items() <= facts.items():
            raise ValueError(f"it is not run {number + 1} of this sweep")
        return Outcome(
            table["iteration"].to_numpy(),
            table["loss"].to_numpy(),
            float(facts["first_loss"]),
            float(facts["final_loss"]),
            int(facts["first_error"]),
        )
