"""`bpsheet differentiate`: the derivatives of a cell of somebody's own workbook."""

from __future__ import annotations

from pathlib import Path

import click

from bpsheet.terminal.output import say
from bpsheet.terminal.settings import FORCE

__all__ = ["differentiate"]


@click.command(
    epilog="\b\nExample:\n  bpsheet differentiate model.xlsx --loss Sheet1!D9 "
    "--parameters Sheet1!B2:B6 -o out.xlsx"
)
@click.argument("book", type=click.Path(path_type=Path))
@click.option("--loss", required=True, metavar="CELL", help="The cell to be minimised.")
@click.option(
    "--parameters",
    required=True,
    multiple=True,
    metavar="CELLS",
    help="A cell or a range of typed numbers; may be given several times.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="The copy to write."
)
@click.option("--rate", type=float, default=0.1, show_default=True, help="The learning rate.")
@FORCE
def differentiate(
    *, book: Path, loss: str, parameters: tuple[str, ...], output: Path, rate: float, force: bool
) -> None:
    """Write a copy of BOOK with a sheet of live derivatives of one of its cells.

    BOOK is any workbook with formulas. The copy has a sheet with every cell that leads from the
    parameters to the loss, its derivative, and a step of gradient descent; all else stays.
    """
    from bpsheet.files.ours import refuse_others
    from bpsheet.sheets import differentiate_workbook

    if not (output.exists() and book.exists() and output.samefile(book)):
        refuse_others(output, force=force)
    made = differentiate_workbook(book, loss, list(parameters), output, rate)
    for name, slope in list(made.gradient.items())[:20]:
        say(f"{name}: {slope:.6g}")
    if len(made.gradient) > 20:
        say(f"… and {len(made.gradient) - 20:,} more")
    if made.apart:
        say(f"The loss does not depend on {', '.join(made.apart[:10])}.")
    say(
        f"Wrote {made.path}: the sheet {made.sheet} has the derivatives of {made.cells:,} "
        f"cells and {len(made.gradient):,} parameters; the loss is {made.loss:.6g}."
    )
