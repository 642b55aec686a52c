"""`bpsheet check`: hand calculations against a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.terminal.output import console, say

if TYPE_CHECKING:
    from rich.table import Table

    from bpsheet.hand.judge import Judgement

__all__ = ["check"]

COLOURS = {"correct": "green", "rounded early": "green", "carried through": "green"}


# A longer table is not read, and takes a minute to lay out.
MOST_LINES = 500


@click.command(
    epilog="\b\nExamples:\n  bpsheet check two-neuron\n"
    "  bpsheet check two-neuron my-values.csv\n\n\b\n"
    "A CSV file has the columns iteration, quantity, value, or a column for each quantity."
)
@click.argument("spec")
@click.argument("hand", required=False, type=click.Path(path_type=Path))
@click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    default="point",
    show_default=True,
    help="What stands before the decimals.",
)
def check(spec: str, hand: Path | None, decimal: str) -> None:
    """Compare hand calculations with a run of SPEC, by the digits that were written.

    HAND is a CSV file or a filled-in exercise (.xlsx). The default is the table [hand] of SPEC.
    The exit status is 0 if every value is right or carried through, and 1 if there are mistakes.
    """
    from bpsheet.api.opening import load
    from bpsheet.exercises.compare import first_mistake_first, judged
    from bpsheet.hand.reading import hand_values, of_experiment, read_csv
    from bpsheet.hand.report import count_sentence

    experiment = load(spec)
    comma = "," if decimal == "comma" else "."
    if hand is not None and hand.suffix.lower() == ".xlsx":
        found = judged(experiment.run(iterations=1), hand, comma)
    else:
        given = read_csv(hand) if hand is not None else of_experiment(experiment.hand)
        values = hand_values(given, [column.name for column in experiment.columns])
        # One row more has the weights after the last update.
        rows = max((iteration for iteration, _ in values), default=1) + 1
        found = judged(experiment.run(iterations=rows), given, comma)
    ordered = first_mistake_first(found.judgements)
    console().print(_table(ordered[:MOST_LINES]))
    if rest := ordered[MOST_LINES:]:
        wrong = sum(not judgement.verdict.is_right for judgement in rest)
        say(f"… and {len(rest):,} more values, {wrong:,} of them with mistakes.")
    say(count_sentence(found.judgements))
    if found.reading is not None:
        say(f"Read in another convention: {found.reading.said}.")
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
