"""`bpsheet page`: an experiment as a page that computes by itself."""

from __future__ import annotations

from pathlib import Path

import click

from bpsheet.terminal.output import say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, loaded

__all__ = ["page"]


@click.command(
    epilog="\b\nExamples:\n  bpsheet page two-neuron\n"
    "  bpsheet page book-xor --set learning_rate=0.5 -o xor.html"
)
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write: .html. Default: outputs/SPEC.html.",
)
@click.option(
    "--rules/--no-rules",
    default=True,
    help="Let the reader choose other training rules, and batches, on the page. "
    "Default: --rules. Without them the file is smaller.",
)
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="The number of iterations.")
@FORCE
@SET
@ORIGINAL
def page(
    *,
    spec: str,
    output: Path | None,
    rules: bool,
    iterations: int | None,
    force: bool,
    settings: tuple[str, ...],
) -> None:
    """Write SPEC as a page for a browser: step by step, with numbers that may be changed.

    One file, which needs no connection: the network, the worked solution of each iteration, the
    steps, the loss, and practice that judges typed values by their digits.
    """
    from bpsheet.files.ours import refuse_others
    from bpsheet.page.page import check_page, write_page

    experiment = loaded(spec, settings, iterations)
    path = output or Path("outputs") / f"{experiment.name}.html"
    check_page(path)
    refuse_others(path, force=force)
    write_page(experiment, path, rules=rules)
    size = path.stat().st_size / 1000
    say(f"Wrote {path} ({size:,.0f} kB). Open it in a browser, on a phone too.")
