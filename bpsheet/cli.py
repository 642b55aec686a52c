"""The command line: read the arguments, call, print. Exit status 2 is unusable input."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

import bpsheet
from bpsheet.commands.check import check as check_hand
from bpsheet.commands.differentiate import differentiate
from bpsheet.commands.draw import animate, draw
from bpsheet.commands.ending import ended_by_signals
from bpsheet.commands.exercise import exercise, grade
from bpsheet.commands.explain import derive, explain
from bpsheet.commands.gradients import gradcheck, hessian, operations
from bpsheet.commands.health import health
from bpsheet.commands.output import abandon, console, say
from bpsheet.commands.page import page
from bpsheet.commands.settings import FORCE, SET, changes_of, loaded, trained
from bpsheet.commands.sweep import sweep
from bpsheet.errors import BpsheetError, EngineError, OutputError

if TYPE_CHECKING:
    from bpsheet.longrun import LongRun
    from bpsheet.trace import Trace

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(bpsheet.__version__, package_name="bpsheet")
def cli() -> None:
    """Backpropagation, written down as a spreadsheet.

    SPEC is a template's name (see `bpsheet list`), an experiment file (.toml), or a
    workbook that bpsheet made.

    \b
    Example:
      bpsheet run two-neuron
    """


@cli.command("list", epilog="\b\nExample:\n  bpsheet list")
def list_templates() -> None:
    """List the templates, a line each."""
    from bpsheet.reader import load, notebook_path, template_names

    names = template_names()
    width = max(map(len, names))
    for name in names:
        say(f"{name:<{width}}  {load(name).title}")
    # Beside the list, so that the list is nothing but templates.
    say(f"A notebook that goes through some of them: {notebook_path()}", error=True)


@cli.command(epilog="\b\nExample:\n  bpsheet new my-network && bpsheet run my-network.toml")
@click.argument("name")
def new(name: str) -> None:
    """Write NAME.toml, a commented experiment file to start from."""
    from bpsheet.files import replacing
    from bpsheet.reader import starter_text

    path = Path(name if name.endswith(".toml") else f"{name}.toml")
    if not path.stem.strip(". "):
        raise OutputError("a name for the file expected")
    if path.exists():
        raise OutputError(f"{path} exists; choose another name, or remove it first")
    with replacing(path) as stream:
        # A file's name may have bytes that are no text.
        stream.write(starter_text(path.stem).encode(errors="replace"))
    say(f"Wrote {path}. Run it: bpsheet run {path}")


ITERATIONS = click.option(
    "--iterations", type=click.IntRange(1), metavar="N", help="How many presentations."
)


@cli.command(
    "run",
    epilog="\b\nExamples:\n  bpsheet run two-neuron\n"
    "  bpsheet run book-xor --layout book -o xor.xlsx\n"
    "  bpsheet run iris --iterations 300 --set learning_rate=0.2 -o iris.csv\n"
    "  bpsheet run two-neuron --iterations 1000000 --keep every:1000 -o long.parquet",
)
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write: .xlsx, .csv or .parquet. Default: outputs/SPEC.xlsx.",
)
@click.option(
    "--layout",
    type=click.Choice(["full", "book"]),
    help="The columns of the sheet: all of them (full, the default), or as in the book.",
)
@click.option(
    "--sheet",
    "sheets",
    multiple=True,
    type=click.Choice(["walkthrough", "diagram", "charts", "gradient-check", "hessian", "none"]),
    help="A sheet to have besides: of an iteration that is chosen in it, a worked solution, the "
    "network in cells, the gradient by forward passes alone, or the second derivatives; or charts. "
    "May be given several times. Default: in the layout full, the first three that fit.",
)
@ITERATIONS
@click.option(
    "--keep",
    metavar="every:K|last:N",
    help="Keep a part of a long run: every K-th iteration, or the last N. In a workbook the last "
    "N are live; of every K-th, each row for itself.",
)
@FORCE
@SET
def train(
    *,
    spec: str,
    output: Path | None,
    force: bool,
    layout: str | None,
    sheets: tuple[str, ...],
    iterations: int | None,
    keep: str | None,
    settings: tuple[str, ...],
) -> None:
    """Train SPEC, print the first and last iterations, and write a workbook (or .csv, .parquet)."""
    from rich.text import Text

    from bpsheet.export import check, first_line, write
    from bpsheet.longrun import LongRun, is_long
    from bpsheet.ours import refuse_others
    from bpsheet.recording import EVERYTHING, Keep
    from bpsheet.terminal import late_progress, late_status, long_summary, run_table, summary

    experiment = loaded(spec, settings, iterations)
    path = output or Path("outputs") / f"{experiment.name}.xlsx"
    if "none" in sheets and set(sheets) != {"none"}:
        raise OutputError("--sheet none goes with no other sheet")
    chosen = [name for name in sheets if name != "none"] if sheets else None
    check(path, layout, chosen)
    if keep is not None:
        Keep.of(keep)
    if path.exists() and Path(spec).exists() and path.samefile(spec):
        raise OutputError(f"{path} is the file that was read; give another name with -o")
    refuse_others(path, force=force, first_line=first_line(experiment))
    if path.suffix.lower() == ".xlsx":
        from bpsheet.workbook import check_fits

        with late_status(console(error=True), "Checking …"):
            check_fits(experiment, layout or "full")
    run: Trace | LongRun
    if keep is not None or (is_long(experiment) and not chosen):
        with late_progress(console(error=True), "Training", experiment.iterations) as done:
            run = LongRun(experiment, Keep.of(keep) if keep else EVERYTHING, done)
        ends, lines = run.ends, long_summary(run)
    else:
        ends = run = trained(experiment, experiment.iterations)
        lines = summary(run)
    terminal = console()
    terminal.print(Text(experiment.title or experiment.name, "bold"))
    terminal.print(run_table(ends, terminal.width))
    for line in lines:
        terminal.print(line)
    with late_progress(console(error=True), "Writing", len(run)) as done:
        said = write(run, path, layout, done, chosen)
    say(said)


@cli.command(epilog="\b\nExample:\n  bpsheet show two-neuron --iteration 2")
@click.argument("spec")
@click.option("--iteration", type=click.IntRange(1), default=1, metavar="K", show_default=True)
@SET
def show(spec: str, iteration: int, settings: tuple[str, ...]) -> None:
    """Show one iteration of SPEC on the terminal, phase by phase."""
    from rich.text import Text

    from bpsheet.terminal import show_iteration

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


@cli.command(
    epilog="\b\nExamples:\n  bpsheet verify outputs/two-neuron.xlsx\n"
    "  bpsheet verify outputs/two-neuron.xlsx --engine libreoffice --set w_xg1=0.7"
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(["ironcalc", "libreoffice"]),
    default="ironcalc",
    show_default=True,
    help="The spreadsheet engine that recalculates.",
)
@SET
def verify(file: Path, engine: str, settings: tuple[str, ...]) -> None:
    """Recalculate a workbook in another engine, changed and unchanged, and compare every cell."""
    from bpsheet.terminal import changes_in_words, verify_table
    from bpsheet.verifying import verify as verified

    with console(error=True).status("") as status:
        report = verified(
            file, engine, changes_of(settings) or None, lambda stage: status.update(f"{stage} …")
        )
    say(f"{file} in {engine}; changed: {changes_in_words(report.changes)}")
    console().print(verify_table(report))
    if not report.passed:
        for comparison in report.comparisons:
            for line in comparison.wrong[:5]:
                say(f"  {comparison.what}: {line}")
        every = [line for comparison in report.comparisons for line in comparison.wrong]
        if engine == "ironcalc" and all(line.endswith("an error expected") for line in every):
            say("ironcalc knows no error in the middle of a formula; try --engine libreoffice.")
        sys.exit(1)


@cli.command(epilog="\b\nExample:\n  bpsheet schema > bpsheet.schema.json")
def schema() -> None:
    """Print the JSON schema of experiment files, for editors that complete and check them."""
    from bpsheet.experiment import Experiment

    made = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    say(json.dumps(made | Experiment.model_json_schema(), indent=2, ensure_ascii=False))


for command in (
    explain,
    derive,
    health,
    check_hand,
    exercise,
    grade,
    gradcheck,
    operations,
    hessian,
    differentiate,
    sweep,
    draw,
    animate,
    page,
):
    cli.add_command(command)


def main() -> None:
    """The program `bpsheet`. What is refused is said in plain words, with exit status 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that has no "…" or "δ" shows a question mark; the files are written anyway.
        sys.stdout.reconfigure(errors="replace")
    try:
        with ended_by_signals():
            cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        say("Stopped; nothing was written.", error=True)
        sys.exit(130)
    except click.ClickException as error:
        said = io.StringIO()
        error.show(said)
        say(said.getvalue().rstrip(), error=True)
        sys.exit(error.exit_code)
    except BpsheetError as error:
        say(f"bpsheet: {error}", error=True)
        sys.exit(1 if isinstance(error, EngineError | OutputError) else 2)
    except OSError as error:
        # An error of opening a file names it, and those of writing one are OutputErrors.
        what = error.filename or "cannot write to the standard output"
        say(f"bpsheet: {what}: {error.strerror or error}", error=True)
        abandon(sys.stdout)
        sys.exit(1)
