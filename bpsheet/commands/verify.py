"""`bpsheet verify`: a workbook recalculated in another spreadsheet engine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import SET, changes_of, naming_set

__all__ = ["verify"]


@click.command(
    "verify",
    epilog="\b\nExamples:\n  bpsheet verify outputs/two-neuron.xlsx\n"
    "  bpsheet verify outputs/two-neuron.xlsx --engine libreoffice --set w_xg1=0.7",
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
    from bpsheet.terminal.display import changes_in_words, verify_table
    from bpsheet.verifying.verify import verify as verified

    changes = changes_of(settings)
    with console(error=True).status("") as status, naming_set(changes):
        report = verified(file, engine, changes or None, lambda stage: status.update(f"{stage} …"))
    say(f"{file} in {engine}; changed: {changes_in_words(report.changes)}")
    console().print(verify_table(report))
    if not report.passed:
        for comparison in report.comparisons:
            for line in comparison.wrong[:5]:
                say(f"  {comparison.what}: {line}")
        has_only_errors = all(each.errors == len(each.wrong) for each in report.comparisons)
        if engine == "ironcalc" and has_only_errors:
            say("ironcalc cannot handle an error inside a formula; try --engine libreoffice.")
        sys.exit(1)
