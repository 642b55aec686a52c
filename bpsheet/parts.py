"""A folder in which a sweep is written run by run, so that it can go on after an interruption.

`run=1/losses.parquet`, `run=2/losses.parquet` … are what pandas, pyarrow and Dask read as one
table; `_sweep.json` says which sweep it is, `_runs.parquet` has a row for each run once all are
there (names that begin with _ are left out by them).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pandas as pd

from bpsheet.errors import OutputError
from bpsheet.files import replacing
from bpsheet.ours import MARK
from bpsheet.recording import Keep
from bpsheet.seals import PARQUET, seal_parquet

if TYPE_CHECKING:
    from bpsheet.experiment import Experiment
    from bpsheet.sweeps import Outcome

__all__ = ["Parts", "write_frame"]

MANIFEST, RUNS = "_sweep.json", "_runs.parquet"
# What a part says about its run besides the losses.
FACTS = ("first_loss", "final_loss", "first_error")


def write_frame(
    stream: IO[bytes],
    frame: pd.DataFrame,
    facts: Mapping[str, str] | None = None,
    *,
    index: bool = True,
) -> None:
    """Write a DataFrame as Parquet, with facts about it, and who wrote it, beside the columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=index)
    said = {**(table.schema.metadata or {}), MARK: "sweep", **(facts or {})}
    table = table.replace_schema_metadata(said)
    with pq.ParquetWriter(stream, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(PARQUET)
    seal_parquet(stream)


class Parts:
    """The folder. Raises OutputError where it cannot be used, or holds another sweep."""

    def __init__(
        self,
        folder: Path,
        experiment: Experiment,
        grid: Mapping[str, Iterable[Any]],
        keep: Keep,
    ) -> None:
        if find_spec("pyarrow") is None:
            raise OutputError(f"{folder}: a folder needs pyarrow: python -m pip install pyarrow")
        self.folder = folder
        wanted = {
            "experiment": experiment.text,
            "grid": {name: list(values) for name, values in grid.items()},
            "keep": str(keep),
        }
        path = folder / MANIFEST
        text = json.dumps(wanted, indent=1)
        try:
            if path.is_file():
                if json.loads(path.read_text("utf-8")) != json.loads(text):
                    raise OutputError(
                        f"{folder} holds another sweep; choose another folder, or remove it first"
                    )
                return
            if folder.is_dir() and any(folder.iterdir()):
                raise OutputError(f"{folder} is not empty, and holds no sweep; choose another")
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot read {path}: {error}") from None
        with replacing(path) as stream:
            stream.write(text.encode())

    def _path(self, number: int) -> Path:
        return self.folder / f"run={number + 1}" / "losses.parquet"

    def write(self, number: int, losses: pd.DataFrame, outcome: Outcome) -> None:
        """Write one run, whole or not at all. The folder's name says its number."""
        facts = {name: repr(getattr(outcome, name)) for name in FACTS}
        with replacing(self._path(number)) as stream:
            write_frame(stream, losses.drop(columns="run"), facts, index=False)

    def finish(self, runs: pd.DataFrame) -> None:
        """Write the table of all runs beside them."""
        with replacing(self.folder / RUNS) as stream:
            write_frame(stream, runs)

    def read(self, count: int) -> dict[int, Outcome]:
        """The runs that are there, by their numbers (from 0)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from bpsheet.sweeps import Outcome

        found = {}
        for number in range(count):
            path = self._path(number)
            if not path.is_file():
                continue
            try:
                table = pq.read_table(path, columns=["iteration", "loss"], partitioning=None)
            except (OSError, pa.ArrowException) as error:
                raise OutputError(
                    f"cannot read {path}: {error}; remove it to run it anew"
                ) from None
            facts = {name: table.schema.metadata[name.encode()].decode() for name in FACTS}
            found[number] = Outcome(
                table["iteration"].to_numpy(),
                table["loss"].to_numpy(),
                float(facts["first_loss"]),
                float(facts["final_loss"]),
                int(facts["first_error"]),
            )
        return found
