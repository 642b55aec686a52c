"""`bpsheet check`: hand calculations against a run."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import ORIGINAL, opened
from bpsheet.words import counted

if TYPE_CHECKING:
    from rich.table import Table

    from bpsheet.hand.judge import Judged, Judgement

__all__ = ["check", "print_judged"]

COLOURS = {"correct": "green", "rounded early": "green", "carried through": "green"}


# A longer table is not read, and takes a minute to lay out.
MOST_LINES = 500


@click.command(
    epilog="\b\nExamples:\n  bpsheet check two-neuron\n"
    "  bpsheet check two-neuron my-values.csv\n\n\b\n"
    "A CSV file has the columns quantity and value, or a column for each quantity, and iteration.\n"
    "An .npz file has arrays by layer: W1, b1, Z1, A1, dZ1, dW1, db1, loss."
)
@click.argument("spec")
@click.argument("hand", required=False, type=click.Path(path_type=Path))
@click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    default="point",
    show_default=True,
    help="The sign before the decimals.",
)
@click.option(
    "--rtol", type=click.FloatRange(0, 1), metavar="R", help="The relative error that is allowed."
)
@click.option(
    "--iteration",
    type=click.IntRange(1),
    default=1,
    metavar="K",
    help=("The iteration to which arrays belong; with batches, an iteration of their batch."),
)
@ORIGINAL
def check(spec: str, hand: Path | None, decimal: str, rtol: float | None, iteration: int) -> None:
    """Compare hand calculations, or a program's numbers, with a run of SPEC.

    HAND is a CSV file, arrays (.npz), a filled-in exercise (.xlsx), or a workbook of `bpsheet run` with
    numbers typed over its formulas. The default is the table [hand] of SPEC, or what is typed over the
    formulas of SPEC. Text is judged by its digits; numbers with all digits are compared with a
    relative error of 1e-9, or of R.
    The exit status is 0 if every value is right or carried through, and 1 if there are mistakes.
    """
    from bpsheet.api.opening import WORKBOOKS
    from bpsheet.exercises.compare import judged, run_for
    from bpsheet.exercises.typed import is_typed_over, typed_over

    experiment = opened(spec)
    if hand is None and any(map(is_typed_over, experiment.edits)):
        hand = Path(spec)
    is_sheet = hand is not None and hand.suffix.lower() in WORKBOOKS
    given = typed_over(hand) or hand if hand is not None and is_sheet else hand
    comma = "," if decimal == "comma" else "."
    rows = 1 if is_sheet and given is hand else run_for(experiment, given, iteration)
    trace = experiment.run(iterations=rows)
    found = judged(trace, given, comma, rtol=rtol, iteration=iteration)
    if decimal == "point" and any(
        one.verdict == "not a number" and "," in one.written for one in found.judgements
    ):
        said = "with --decimal comma, the comma stands before the decimals"
        found = replace(found, notes=(*found.notes, said))
    print_judged(found)


def print_judged(found: Judged) -> None:
    """Print the judgements, mistakes first, and end with status 1 if there are any."""
    from bpsheet.exercises.compare import first_mistake_first
    from bpsheet.hand.report import count_sentence

    ordered = first_mistake_first(found.judgements)
    console().print(_table(ordered[:MOST_LINES]))
    if rest := ordered[MOST_LINES:]:
        wrong = sum(not judgement.verdict.is_right for judgement in rest)
        say(f"… and {counted(len(rest), 'more value')}; mistakes among them: {wrong:,}.")
    say(count_sentence(found.judgements))
    if found.reading is not None:
        say(f"Read in another convention: {found.reading.said}.")
    for note in found.notes:
        say(f"{note[:1].upper()}{note[1:]}.")
    if not all(judgement.verdict.is_right for judgement in found.judgements):
        sys.exit(1)


def _table(judgements: list[Judgement]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("iteration", "quantity", "written", "rounded", "verdict", ""):
        right = head in ("iteration", "written", "rounded")
        table.add_column(head, justify="right" if right else "left", no_wrap=bool(head))
    for judgement in judgements:
        colour = COLOURS.get(str(judgement.verdict), "red")
        quiet = judgement.verdict == "correct"
        table.add_row(
            str(judgement.iteration),
            Text(judgement.quantity),
            Text(judgement.written),
            Text(judgement.rounded),
            Text(str(judgement.verdict), colour),
            Text("" if quiet else judgement.reason),
        )
    return table
