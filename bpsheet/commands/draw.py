"""`bpsheet draw` and `animate`: a picture of the network at an iteration, or of a whole run."""

from __future__ import annotations

from pathlib import Path

import click

from bpsheet.terminal.output import console, say
from bpsheet.terminal.settings import FORCE, ORIGINAL, SET, loaded, trained

__all__ = ["animate", "draw"]


@click.command(
    epilog="\b\nExamples:\n  bpsheet draw two-neuron\n"
    "  bpsheet draw book-xor --iteration 40 -o xor.png\n"
    "  bpsheet draw book-xor --slides slides"
)
@click.argument("spec")
@click.option("--iteration", type=click.IntRange(1), default=1, metavar="K", show_default=True)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write: .svg, .png or .pdf. Default: outputs/SPEC.svg.",
)
@click.option(
    "--slides",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write pictures for slides into a folder: the iteration step by step, the loss, a film.",
)
@FORCE
@SET
@ORIGINAL
def draw(
    *,
    spec: str,
    iteration: int,
    output: Path | None,
    slides: Path | None,
    force: bool,
    settings: tuple[str, ...],
) -> None:
    """Draw SPEC at one iteration: outputs, error terms, an arrow for each weight.

    An arrow is green where its weight grows, red and broken where it shrinks. A wider arrow is a
    larger adjustment. Formulas and layers of other kinds are boxes with their numbers.
    """
    if slides is not None:
        if output is not None:
            raise click.UsageError("--slides writes files of its own; leave -o out")
        _slides(spec, iteration, slides, force=force, settings=settings)
        return
    from bpsheet.files.ours import refuse_others
    from bpsheet.pictures.matplot import check_picture, write_picture
    from bpsheet.pictures.network import check_drawable

    experiment = loaded(spec, settings)
    path = output or Path("outputs") / f"{experiment.name}.svg"
    check_picture(path)
    refuse_others(path, force=force)
    check_drawable(experiment)
    figure = trained(experiment, iteration).draw(iteration)
    write_picture(figure, path)
    say(f"Wrote {path}: the network at iteration {iteration:,}.")


def _slides(
    spec: str, iteration: int, folder: Path, *, force: bool, settings: tuple[str, ...]
) -> None:
    """Write the pictures for slides, after all their names have been found free."""
    from bpsheet.files.ours import refuse_others
    from bpsheet.pictures.matplot import need_matplotlib
    from bpsheet.pictures.network import check_drawable
    from bpsheet.pictures.slides import Slides
    from bpsheet.terminal.display import late_progress

    experiment = loaded(spec, settings)
    need_matplotlib()
    check_drawable(experiment)
    made = Slides(trained(experiment, experiment.iterations), iteration)
    for name in made.names:
        refuse_others(folder / name, force=force)
    with late_progress(console(error=True), "Drawing", len(made.names) - 1) as done:
        made.write(folder, done)
    say(f"Wrote {folder}: {len(made.names) - 1} pictures and a film, {made.names[-1]}.")


@click.command(
    epilog="\b\nExamples:\n  bpsheet animate two-neuron\n"
    "  bpsheet animate book-xor --iterations 200 --frames 100 -o xor.gif"
)
@click.argument("spec")
@click.option("--iterations", type=click.IntRange(1), metavar="N", help="The number of iterations.")
@click.option(
    "--frames",
    type=click.IntRange(2, 240),
    default=60,
    metavar="N",
    show_default=True,
    help="The largest number of pictures, spread evenly over the run.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The file to write: .gif. Default: outputs/SPEC.gif.",
)
@FORCE
@SET
@ORIGINAL
def animate(
    *,
    spec: str,
    iterations: int | None,
    frames: int,
    output: Path | None,
    force: bool,
    settings: tuple[str, ...],
) -> None:
    """Show the training of SPEC as a moving picture: the network, and its loss below."""
    from bpsheet.files.ours import refuse_others
    from bpsheet.pictures.animation import animate as animated
    from bpsheet.pictures.matplot import check_picture
    from bpsheet.pictures.network import check_drawable
    from bpsheet.terminal.display import late_progress

    experiment = loaded(spec, settings, iterations)
    path = output or Path("outputs") / f"{experiment.name}.gif"
    check_picture(path, (".gif",))
    refuse_others(path, force=force)
    check_drawable(experiment)
    trace = trained(experiment, experiment.iterations)
    with late_progress(console(error=True), "Drawing", min(frames, len(trace))) as done:
        shown = animated(trace, path, frames, done)
    say(f"Wrote {path}: {shown:,} of {len(trace):,} iterations.")
