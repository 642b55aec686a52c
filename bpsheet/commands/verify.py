"""`bpsheet verify`: a workbook recalculated in another spreadsheet engine."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import (
    ORIGINAL,
    SET,
    OneOf,
    changes_of,
    is_original,
    naming_set,
    say_edits,
)

__all__ = ["verify"]

# The names in `verifying.engines`, whose import would slow every command down.
ENGINES = ("ironcalc", "libreoffice", "formulon", "betteroffice", "gnumeric", "formualizer")


@click.command(
    "verify",
    epilog="\b\nExamples:\n  bpsheet verify outputs/two-neuron.xlsx\n"
    "  bpsheet verify outputs/two-neuron.xlsx --engine libreoffice --set w_xg1=0.7",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=OneOf(lambda: ENGINES),
    default="ironcalc",
    show_default=True,
    help="The spreadsheet engine that recalculates.",
)
@SET
@ORIGINAL
def verify(file: Path, engine: str, settings: tuple[str, ...]) -> None:
    """Recalculate a workbook in another engine, changed and unchanged, and compare every cell."""
    from bpsheet.terminal.display import changes_in_words, verify_table
    from bpsheet.verifying.engines import engine_of
    from bpsheet.verifying.verify import verify as verified

    changes = changes_of(settings)
    with console(error=True).status("") as status, naming_set(changes):
        report = verified(
            file,
            engine,
            changes or None,
            lambda stage: status.update(f"{stage} …"),
            original=is_original(),
        )
    say_edits(file, report.edits)
    say(f"{file} in {engine}; changed: {changes_in_words(report.changes)}")
    console().print(verify_table(report))
    if not report.passed:
        for comparison in report.comparisons:
            for line in comparison.wrong[:5]:
                say(f"  {comparison.what}: {line}")
            if comparison.wrong and comparison.left_out:
                said = "more cells follow from these edits and were not compared"
                say(f"  {comparison.what}: {comparison.left_out:,} {said}")
        has_only_errors = all(each.errors == len(each.wrong) for each in report.comparisons)
        for deviation in engine_of(engine).deviations if has_only_errors else ():
            if deviation.is_about_errors:
                say(f"{engine} {deviation.what}. Excel does not: try another --engine.")
        sys.exit(1)
