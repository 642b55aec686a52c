"""`bpsheet verify`: a workbook recalculated in another spreadsheet engine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bpsheet.commands.output import console, say
from bpsheet.commands.settings import SET, changes_of

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
    """Recalculate a workbook in another engine, unchanged and changed, and compare every cell."""
    from bpsheet.commands.terminal import changes_in_words, verify_table
    from bpsheet.verifying.verify import verify as verified

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
        has_only_errors = all(each.errors == len(each.wrong) for each in report.comparisons)
        if engine == "ironcalc" and has_only_errors:
            say("ironcalc cannot handle an error inside a formula; try --engine libreoffice.")
        sys.exit(1)
