"""`bpsheet run` and `bpsheet show`: a run as a file, and an iteration on the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.errors import OutputError
from bpsheet.files.paths import is_same_file
from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, OneOf, loaded, trained

if TYPE_CHECKING:
    from bpsheet.api.experiment import Trace
    from bpsheet.runs.longrun import LongRun

__all__ = ["show", "train"]


def _layouts() -> Iterable[str]:
    from bpsheet.workbook.traits import LAYOUTS

    return LAYOUTS


def _sheets() -> Iterable[str]:
    from bpsheet.workbook.writing import further_sheets

    return (*further_sheets(), "none")


ITERATIONS = click.option(
    "--iterations", type=click.IntRange(1), metavar="N", help="The number of iterations."
)


@click.command(
    "run",
    epilog="\b\nExamples:\n  bpsheet run two-neuron\n"
    "  bpsheet run book-xor --layout book -o xor.xlsx\n"
    "  bpsheet run iris --iterations 300 --set learning_rate=0.2 -o iris.csv\n"
    "  bpsheet run two-neuron --iterations 1000000 --keep every:1000 -o long.parquet\n"
    "  bpsheet run digits --forward -o outputs.csv",
)
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write: .xlsx, .csv or .parquet. Default: outputs/SPEC.xlsx, or with --forward "
    "outputs/SPEC-forward.xlsx.",
)
@click.option(
    "--layout",
    type=OneOf(_layouts),
    help=(
        "full (the default): every quantity in a column; book: only the columns of the "
        "book's own sheet; matrix: a sheet of vectors and matrices comes first."
    ),
)
@click.option(
    "--sheet",
    "sheets",
    multiple=True,
    type=OneOf(_sheets),
    help="A further sheet: a worked solution (walkthrough), the network in cells "
    "(diagram), charts, the gradient by forward passes alone (gradient-check), or "
    "the second derivatives (hessian). May be given several times. Default: "
    "walkthrough, diagram and charts in the layout full, as far as they fit.",
)
@ITERATIONS
@click.option(
    "--forward",
    is_flag=True,
    help="Do not train: compute the forward pass of every example once. The data need no targets.",
)
@click.option(
    "--keep",
    metavar="every:K|last:N",
    help="Keep a part of a long run: every K-th iteration, or the last N. In a workbook the last N rows "
    "are live; with every K-th, each row is live by itself.",
)
@FORCE
@SET
@ORIGINAL
def train(
    *,
    spec: str,
    output: Path | None,
    force: bool,
    layout: str | None,
    sheets: tuple[str, ...],
    iterations: int | None,
    forward: bool,
    keep: str | None,
    settings: tuple[str, ...],
) -> None:
    """Train SPEC, print the first and last iterations, and write a workbook (or .csv, .parquet)."""
    from rich.text import Text

    from bpsheet.api.export import check, first_line, write
    from bpsheet.engine.recording import EVERYTHING, Keep
    from bpsheet.files.ours import refuse_others
    from bpsheet.runs.longrun import LongRun, is_long
    from bpsheet.terminal.display import (
        late_progress,
        late_status,
        long_summary,
        run_table,
        summary,
    )

    experiment = loaded(spec, settings, iterations, forward=forward)
    ending = "-forward.xlsx" if forward else ".xlsx"
    path = output or Path("outputs") / f"{experiment.name}{ending}"
    if "none" in sheets and set(sheets) != {"none"}:
        raise OutputError("--sheet none cannot be given with another sheet")
    chosen = [name for name in sheets if name != "none"] if sheets else None
    check(path, layout, chosen)
    part = Keep.of(keep) if keep is not None else EVERYTHING
    if is_same_file(path, Path(spec)):
        raise OutputError(f"{path} is the experiment's own file; give another name with -o")
    refuse_others(path, force=force, first_line=first_line(experiment))
    if path.suffix.lower() == ".xlsx":
        from bpsheet.workbook.writing import check_fits

        with late_status(console(error=True), "Checking …"):
            check_fits(experiment, layout or "full", part.count(experiment.iterations))
    run: Trace | LongRun
    if keep is not None or (is_long(experiment) and not chosen):
        with late_progress(console(error=True), "Training", experiment.iterations) as done:
            run = LongRun(experiment, part, done)
        ends, lines = run.ends, long_summary(run)
    else:
        ends = run = trained(experiment, experiment.iterations)
        lines = summary(run)
    terminal = console()
    terminal.print(Text(experiment.title or experiment.name, "bold"))
    terminal.print(run_table(ends, terminal.width))
    for line in lines:
        terminal.print(line)
    if experiment.origin is not None and experiment.notes:
        # What could not be taken over from a model, and an example that nobody gave.
        say(experiment.notes)
    with late_progress(console(error=True), "Writing", len(run)) as done:
        sentence = write(run, path, layout, done, chosen)
    say(sentence)


@click.command(epilog="\b\nExample:\n  bpsheet show two-neuron --iteration 2")
@click.argument("spec")
@click.option("--iteration", type=click.IntRange(1), default=1, metavar="K", show_default=True)
@SET
@ORIGINAL
def show(spec: str, iteration: int, settings: tuple[str, ...]) -> None:
    """Show one iteration of SPEC on the terminal, phase by phase."""
    from rich.text import Text

    from bpsheet.terminal.display import show_iteration

    experiment = loaded(spec, settings)
    if iteration > experiment.iterations:
        experiment = experiment.changed({"iterations": iteration})
    trace = trained(experiment, experiment.iterations)
    terminal = console()
    title = Text(experiment.title or experiment.name, "bold")
    terminal.print(title + Text(f", iteration {iteration}\n", "not bold"))
    for table in show_iteration(trace, iteration):
        terminal.print(table)
        terminal.print()
