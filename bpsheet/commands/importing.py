"""`bpsheet import`: a trained model as an experiment file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal, cast

import click

from bpsheet.errors import OutputError
from bpsheet.terminal.output import say
from bpsheet.terminal.settings import FORCE

__all__ = ["import_model"]


@click.command(
    "import",
    epilog="\b\nExamples:\n  bpsheet import weights.npz --activation tanh --activation linear -o mine.toml\n"
    "  bpsheet import model.pt --activation relu --activation softmax --data test.csv -o mine.toml\n"
    "  bpsheet import model.onnx -o mine.toml",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help=("The file to write: .toml. Default: MODEL with this ending, in the current folder."),
)
@click.option(
    "--activation",
    "activations",
    multiple=True,
    metavar="NAME",
    help=(
        "For a file of arrays: the activation of each layer, in order. Give the option "
        "once for each layer."
    ),
)
@click.option(
    "--orientation",
    type=click.Choice(["weight", "kernel"]),
    help="For a file of arrays: weight where a matrix has a row for each neuron, kernel "
    "where it has a row for each input. Needed for square matrices, whose shape "
    "does not show it.",
)
@click.option(
    "--loss",
    metavar="NAME",
    help="The loss to train with. Default: no training, only forward passes.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A CSV file with the examples: its first columns are the inputs, the next ones the targets.",
)
@FORCE
def import_model(
    *,
    model: Path,
    output: Path | None,
    activations: tuple[str, ...],
    orientation: str | None,
    loss: str | None,
    data: Path | None,
    force: bool,
) -> None:
    """Write MODEL, a trained network, as an experiment file that starts from its weights.

    MODEL is a whole model (.onnx, .keras), or has its arrays by name (.npz, .safetensors) or its
    state_dict (.pt, .pth), for dense layers. No code in it is run.
    """
    from bpsheet.api.models import model_file, model_text
    from bpsheet.files.ours import refuse_others
    from bpsheet.files.whole import replacing

    path = output or Path(f"{model.stem}.toml")
    if path.suffix.lower() != ".toml":
        raise OutputError(f"{path}: expected a name that ends in .toml")
    refuse_others(path, force=force)
    imported = model_file(
        model,
        activations=activations,
        orientation=cast("Literal['weight', 'kernel'] | None", orientation),
        loss=loss,
    )
    text, is_whole = model_text(imported, data, path.parent)
    with replacing(path) as stream:
        stream.write(text.encode())
    follows = (
        f"To run it: bpsheet run {shlex.quote(str(path))}"
        if is_whole
        else "To run it, add its examples in a table [data]."
    )
    say(f"Wrote {path}. {follows}")
