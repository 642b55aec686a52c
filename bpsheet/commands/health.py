"""`bpsheet health`: the problems of a run, layer by layer and in plain sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from bpsheet.terminal.output import console
from bpsheet.terminal.settings import ORIGINAL, SET, loaded, trained

if TYPE_CHECKING:
    from rich.table import Table

    from bpsheet.health.diagnosis import Health

__all__ = ["health"]

# The columns of the table: their heads, and their names in the diagnosis.
HEADS = {
    "weights": "weights_last",
    "first gradient": "gradient_first",
    "median": "gradient",
    "last": "gradient_last",
    "step": "step",
    "to next": "to_next",
    "saturated": "saturated",
}


@click.command(
    epilog="\b\nExamples:\n  bpsheet health exploding\n"
    "  bpsheet health exploding --set learning_rate=0.1 --iterations 200"
)
@click.argument("spec")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="The number of iterations.")
@SET
@ORIGINAL
def health(spec: str, iterations: int | None, settings: tuple[str, ...]) -> None:
    """Train SPEC and name its problems: gradients, steps, neurons, overflow.

    For each layer, the table has the length of its weights at the end, the length of its
    gradient, and the share of rows in which its neurons are saturated. Two columns are medians:
    the step relative to the weights, and the gradient relative to the next layer's.
    """
    experiment = loaded(spec, settings, iterations)
    diagnosis = trained(experiment, experiment.iterations).health()
    terminal = console()
    if len(diagnosis.frame):
        terminal.print(_table(diagnosis))
    terminal.print(str(diagnosis))


def _table(diagnosis: Health) -> Table:
    from rich.table import Table

    frame = diagnosis.frame
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    # A column without numbers is left out.
    shown = {head: name for head, name in HEADS.items() if frame[name].notna().any()}
    for head in shown:
        table.add_column(head, justify="right")
    for label, row in frame.iterrows():
        cells = [_number(float(row[name])) for name in shown.values()]
        table.add_row(str(label), *cells)
    return table


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3g}"
