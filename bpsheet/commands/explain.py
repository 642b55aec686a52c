"""`bpsheet explain` and `bpsheet derive`: a worked iteration, and the gradient in symbols."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.program.kinds import STEPS
from bpsheet.terminal.output import say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, loaded, trained

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
    help="Only these quantities, or the steps forward, backward and update, separated "
    "by commas. For a weight, the chain rule is written out.",
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
    "--detail",
    type=click.Choice(["short", "full"]),
    help="One worked line of each kind and tables of the other numbers, or every "
    "quantity worked out. Default: full; short in html and latex, unless --only "
    "names single quantities.",
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
@ORIGINAL
@OUTPUT
@FORCE
def explain(
    spec: str,
    *,
    iteration: int,
    form: str,
    only: str | None,
    shape: str,
    detail: str | None,
    digits: int,
    settings: tuple[str, ...],
    output: Path | None,
    force: bool,
) -> None:
    """Work out one iteration of SPEC as a textbook does: symbols, numbers, results."""
    trace = trained(loaded(spec, settings), iteration)
    names = None if only is None else [name for name in map(str.strip, only.split(",")) if name]
    if detail is None:
        is_short = form in ("html", "latex") and set(names or STEPS) <= set(STEPS)
        detail = "short" if is_short else "full"
    explanation = trace.explain(iteration, names, digits, shape, detail=detail)
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
    from bpsheet.paper.writing import write_document

    if output is not None:
        write_document(document, output, form, force=force)
        say(f"Wrote {output}.")
        return
    # A file or another program gets UTF-8, the encoding that the web page declares.
    if sys.stdout is not None:
        text = str(getattr(document, form)())
        click.echo(text if sys.stdout.isatty() else text.encode(), nl=False)
