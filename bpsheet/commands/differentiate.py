"""`bpsheet differentiate`: the derivatives of a cell of the user's workbook."""

from __future__ import annotations

from pathlib import Path

import click

from bpsheet.files.paths import is_same_file
from bpsheet.terminal.output import say
from bpsheet.terminal.settings import FORCE

__all__ = ["differentiate"]


@click.command(
    epilog="\b\nExample:\n  bpsheet differentiate model.xlsx --loss Sheet1!D9 "
    "--parameters Sheet1!B2:B6 -o out.xlsx"
)
@click.argument("book", type=click.Path(path_type=Path))
@click.option("--loss", required=True, metavar="CELL", help="The cell to minimise.")
@click.option(
    "--parameters",
    required=True,
    multiple=True,
    metavar="CELLS",
    help="A cell or a range of numbers; may be given several times.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="The copy to write."
)
@click.option("--rate", type=float, default=0.1, show_default=True, help="The learning rate.")
@click.option(
    "--ascent", is_flag=True, help="Step towards a larger value instead of a smaller one."
)
@FORCE
def differentiate(
    *,
    book: Path,
    loss: str,
    parameters: tuple[str, ...],
    output: Path,
    rate: float,
    ascent: bool,
    force: bool,
) -> None:
    """Write a copy of BOOK with a sheet of live derivatives of one of its cells.

    BOOK is any workbook with formulas. The copy has one more sheet, with every cell that leads
    from the parameters to the loss, its derivative, and a step of gradient descent (or ascent).
    Macros of an .xlsm are kept in the copy, and never run.
    """
    from bpsheet.files.ours import refuse_others
    from bpsheet.sheets import differentiate_workbook

    if not is_same_file(output, book):
        refuse_others(output, force=force)
    result = differentiate_workbook(book, loss, list(parameters), output, rate, ascent=ascent)
    for name, slope in list(result.gradient.items())[:20]:
        say(f"{name}: {slope:.6g}")
    if len(result.gradient) > 20:
        say(f"… and {len(result.gradient) - 20:,} more")
    if result.apart:
        say(f"The loss does not depend on {', '.join(result.apart[:10])}.")
    if result.steps:
        some = ", ".join(result.steps[:10])
        say(f"The loss depends on {some} by jumps only, so the derivative is 0.")
    for remark in result.remarks[:10]:
        say(remark)
    if len(result.remarks) > 10:
        say(f"… and {len(result.remarks) - 10:,} more remarks; each stands beside its cell")
    say(
        f"Wrote {result.path}: the sheet {result.sheet} has the derivatives of {result.cells:,} "
        f"cells and {len(result.gradient):,} parameters; the loss is {result.loss:.6g}."
    )
