"""`bpsheet explain` and `bpsheet derive`: a worked iteration, and the gradient in symbols."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.terminal.output import say
from bpsheet.terminal.settings import FORCE, SET, loaded, trained

if TYPE_CHECKING:
    from bpsheet.explain import Document

__all__ = ["derive", "explain"]

FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "html"]),
    default="text",
    show_default=True,
    help="latex and html are complete documents; html needs no connection.",
)
OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write. Default: the terminal.",
)


@click.command(
    epilog="\b\nExamples:\n  bpsheet explain two-neuron --iteration 1\n"
    "  bpsheet explain two-neuron --only w_xg1 --digits 6\n"
    "  bpsheet explain two-hidden-layers --form matrix\n"
    "  bpsheet explain log-likelihood --format html -o solution.html"
)
@click.argument("spec")
@click.option("--iteration", type=click.IntRange(1), default=1, metavar="K", show_default=True)
@FORMAT
@click.option(
    "--only",
    metavar="NAMES",
    help="Only these quantities, separated by commas. For a weight the chain rule is written out.",
)
@click.option(
    "--form",
    "shape",
    type=click.Choice(["entries", "matrix"]),
    default="entries",
    show_default=True,
    help="Each quantity by itself, or whole vectors and matrices.",
)
@click.option(
    "--digits",
    type=click.IntRange(1, 15),
    default=4,
    metavar="N",
    show_default=True,
    help="Significant digits of the printed numbers.",
)
@SET
@OUTPUT
@FORCE
def explain(
    spec: str,
    *,
    iteration: int,
    form: str,
    only: str | None,
    shape: str,
    digits: int,
    settings: tuple[str, ...],
    output: Path | None,
    force: bool,
) -> None:
    """Work out one iteration of SPEC as a textbook does: symbols, numbers, results."""
    trace = trained(loaded(spec, settings), iteration)
    names = None if only is None else [name for name in only.split(",") if name.strip()]
    explanation = trace.explain(iteration, only=names, digits=digits, form=shape)
    _written(explanation, form, output, force=force)


@click.command(
    epilog="\b\nExamples:\n  bpsheet derive two-neuron\n"
    "  bpsheet derive matrix-1-2-1 --format latex -o gradient.tex"
)
@click.argument("spec")
@FORMAT
@OUTPUT
@FORCE
def derive(*, spec: str, form: str, output: Path | None, force: bool) -> None:
    """Write the gradient of SPEC's loss in symbols and as matrices, without numbers."""
    from bpsheet.explain import derive as derived

    _written(derived(loaded(spec, ())), form, output, force=force)


def _written(document: Document, form: str, output: Path | None, *, force: bool) -> None:
    from bpsheet.files.ours import refuse_others
    from bpsheet.files.seals import sealed
    from bpsheet.files.whole import replacing

    text = str(getattr(document, form)())
    if output is None:
        # A file or another program gets UTF-8, the encoding that the web page declares.
        if sys.stdout is not None:
            click.echo(text if sys.stdout.isatty() else text.encode(), nl=False)
        return
    # Plain text has no room for a seal.
    first_line = text.partition("\n")[0] if form == "text" else ""
    refuse_others(output, force=force, first_line=first_line)
    with replacing(output) as stream:
        stream.write(sealed(text, form).encode())
    say(f"Wrote {output}.")
