"""`bpsheet draw`: the network of an iteration as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from bpsheet.commands.settings import SET, changes_of, trained

__all__ = ["draw"]


@click.command(
    epilog="\b\nExamples:\n  bpsheet draw two-neuron\n"
    "  bpsheet draw book-xor --iteration 40 -o xor.png"
)
@click.argument("spec")
@click.option("--iteration", type=click.IntRange(1), default=1, metavar="K", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Where to write: .svg, .png or .pdf. Default: outputs/SPEC.svg.",
)
@SET
def draw(spec: str, iteration: int, output: Path | None, settings: tuple[str, ...]) -> None:
    """Draw the network of SPEC at one iteration: outputs, error terms, an arrow per weight.

    An arrow is green where its weight grows, red and broken where it shrinks, and as wide as the
    adjustment is large.
    """
    from bpsheet.pictures.matplot import check_picture, write_picture
    from bpsheet.reader import load

    experiment = load(spec)
    changes = changes_of(settings)
    experiment = experiment.changed(changes) if changes else experiment
    path = output or Path("outputs") / f"{experiment.name}.svg"
    check_picture(path)
    figure = trained(experiment, iteration).draw(iteration)
    write_picture(figure, path)
    click.echo(f"Wrote {path}: the network at iteration {iteration:,}.")
