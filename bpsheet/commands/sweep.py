"""`bpsheet sweep`: many runs of one experiment."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.errors import ExperimentError, OutputError, Problem
from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, changes_of, loaded

if TYPE_CHECKING:
    from rich.table import Table

    from bpsheet.sweeps.sweep import Sweep

__all__ = ["sweep"]

ENDINGS = (".xlsx", ".csv", ".parquet")
# How many runs are printed: the best ones.
BEST = 8
MOST_SEEDS = 1_000_000


def grid_of(pairs: Sequence[str], seeds: str | None) -> dict[str, list[float | str]]:
    """The values of --grid and --seeds. Raises ExperimentError for text that has no values.

    >>> grid_of(["learning_rate=0.01,0.1"], "1:3")
    {'learning_rate': [0.01, 0.1], 'seed': [1, 2, 3]}
    """
    grid: dict[str, list[float | str]] = {}
    for pair in pairs:
        name, equals, text = pair.rpartition("=")
        written = [value for value in text.split(",") if value.strip()]
        if not equals or not name.strip() or not written:
            said = f'NAME=VALUE,VALUE,… expected, such as learning_rate=0.01,0.1; got "{pair}"'
            raise ExperimentError([Problem("", said)], "--grid")
        values = [changes_of([f"{name}={value}"]) for value in written]
        grid[name.strip()] = [next(iter(value.values())) for value in values]
    if seeds is not None:
        found = re.fullmatch(r"\s*([0-9]{1,9})\s*(?::\s*([0-9]{1,9})\s*)?", seeds)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < first + MOST_SEEDS:
            said = f'FIRST:LAST expected, such as 1:100; got "{seeds}"'
            raise ExperimentError([Problem("", said)], "--seeds")
        grid["seed"] = list(range(first, last + 1))
    if not grid:
        said = "nothing varies; give --grid learning_rate=0.01,0.1 or --seeds 1:10"
        raise ExperimentError([Problem("", said)], "sweep")
    return grid


@click.command(
    epilog="\b\nExamples:\n  bpsheet sweep two-neuron --grid learning_rate=0.01,0.03,0.1,0.3\n"
    "  bpsheet sweep book-xor --grid learning_rate=0.1,1 --seeds 1:100 --folder xor-runs"
)
@click.argument("spec")
@click.option(
    "--grid",
    "pairs",
    multiple=True,
    metavar="NAME=V,V,…",
    help="The values of a setting that --set can change. May be given several times: "
    "every combination is run.",
)
@click.option(
    "--seeds",
    metavar="FIRST:LAST",
    help=(
        "Repeat each combination with these seeds, which draw the first weights and "
        "shuffle the examples."
    ),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The summary: .xlsx (default: outputs/SPEC-sweep.xlsx), .csv or .parquet.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    help=(
        "Write the losses of each run into this folder (Parquet) as it ends, and what else is kept; "
        "the same command continues an interrupted sweep."
    ),
)
@click.option(
    "--keep",
    metavar="every:K|last:N,weights,metrics",
    help=(
        "Keep every K-th iteration of each run, or the last N; and with each its metrics (right "
        "examples, right tests, the validation loss), and the weights after its update."
    ),
)
@FORCE
@SET
@ORIGINAL
def sweep(
    *,
    spec: str,
    pairs: tuple[str, ...],
    seeds: str | None,
    output: Path | None,
    folder: Path | None,
    keep: str | None,
    force: bool,
    settings: tuple[str, ...],
) -> None:
    """Train SPEC with every combination of settings, on all processors, and compare the losses."""
    from math import prod

    from rich.text import Text

    from bpsheet.files.ours import refuse_others
    from bpsheet.files.whole import replacing
    from bpsheet.runs.flat import heads_line
    from bpsheet.sweeps.folder import write_frame
    from bpsheet.sweeps.kept import Kept
    from bpsheet.sweeps.outcomes import result_names
    from bpsheet.sweeps.sweep import sweep as swept
    from bpsheet.terminal.display import late_progress
    from bpsheet.terminal.ending import Ended

    grid = grid_of(pairs, seeds)
    experiment = loaded(spec, settings)
    path = output or Path("outputs") / f"{experiment.name}-sweep.xlsx"
    if path.suffix.lower() not in ENDINGS:
        raise OutputError(f"{path}: expected a name that ends in {', '.join(ENDINGS)}")
    kept = Kept.of(keep, experiment) if keep is not None else Kept()
    refuse_others(path, force=force, first_line=heads_line("run", [*grid, *result_names(kept)]))
    total = prod(map(len, grid.values()))
    try:
        with late_progress(console(error=True), "Training", total) as done:
            found = swept(experiment, grid, keep=keep, folder=folder, progress=done)
    except Ended as stopped:
        if folder is None:
            raise
        say(f"Stopped; {folder} is kept, and the same command goes on from it.", error=True)
        sys.exit(stopped.status)
    terminal = console()
    title = Text(experiment.title or experiment.name, "bold")
    terminal.print(title + Text(f": {total:,} runs", "not bold"))
    terminal.print(_best(found))
    if path.suffix.lower() == ".xlsx":
        found.to_excel(path)
    else:
        with replacing(path) as stream:
            if path.suffix.lower() == ".csv":
                found.runs.to_csv(stream, mode="wb", lineterminator="\n")
            else:
                write_frame(stream, found.runs)
    say(f"Wrote {path}: a line for each run.")
    if folder is not None:
        say(f"Wrote {folder / 'losses'}: a Parquet file for each run, which are one table.")


def _best(found: Sweep) -> Table:
    """The runs with the lowest losses, and how many overflowed."""
    from rich.table import Table

    runs = found.runs
    names = [str(name) for name in runs if name != "first_error"]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("run", *(name.replace("_", " ") for name in names)):
        table.add_column(head, justify="right")
    ascending = not found.experiment.uphill
    best = runs.sort_values("final_loss", ascending=ascending, kind="stable")[:BEST]
    for number, line in best.iterrows():
        cells = [line[name] for name in names]
        texts = [cell if isinstance(cell, str) else f"{cell:.5g}" for cell in cells]
        table.add_row(str(number), *texts)
    if len(runs) > BEST:
        table.add_row("…", *[""] * len(names), style="dim")
    failed = int(runs["first_error"].notna().sum())
    if failed:
        table.caption = f"{failed:,} of {len(runs):,} runs overflowed."
        table.caption_justify = "left"
    return table
