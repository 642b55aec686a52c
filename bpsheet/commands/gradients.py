"""`bpsheet gradcheck`, `operations` and `hessian`: the gradient's check, cost and derivatives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpsheet.terminal.output import console
from bpsheet.terminal.settings import ORIGINAL, SET, loaded

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from bpsheet.api.experiment import Trace

__all__ = ["gradcheck", "hessian", "operations"]

ITERATION = click.option(
    "--iteration", type=click.IntRange(1), default=1, metavar="K", show_default=True
)
# A matrix with more rows than this is described by its eigenvalues alone.
WIDEST = 12
# Of more weights those are shown that disagree, and then those that are furthest apart.
MOST_WEIGHTS = 60


def _run(spec: str, iteration: int, settings: tuple[str, ...]) -> Trace:
    return loaded(spec, settings).run(iteration)


def _print(terminal: Console, frame: pd.DataFrame, first: str) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in frame.columns:
        table.add_column(str(name), justify="right", no_wrap=True)
    for label, row in frame.iterrows():
        table.add_row(str(label), *(_cell(value) for value in row))
    terminal.print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.5g}"
    return str(value)


@click.command(
    epilog="\b\nExamples:\n  bpsheet gradcheck two-neuron\n"
    "  bpsheet gradcheck iris --iteration 20 --method complex"
)
@click.argument("spec")
@ITERATION
@click.option(
    "--method",
    type=click.Choice(["central", "forward", "complex"]),
    default="central",
    show_default=True,
    help="Differences from both sides, from one side, or the complex step.",
)
@click.option("--delta", type=float, metavar="D", help="The step by which each weight moves.")
@click.option(
    "--theirs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A gradient of your own: arrays dW1, db1 … (.npz), or quantity and value (.csv).",
)
@SET
@ORIGINAL
def gradcheck(
    *,
    spec: str,
    iteration: int,
    method: str,
    delta: float | None,
    theirs: Path | None,
    settings: tuple[str, ...],
) -> None:
    """Compare the gradient of an iteration of SPEC with one that needs forward passes only.

    Each weight is moved a little, and the loss is computed again. With --theirs, the gradient in a
    file is judged instead. The exit status is 1 where a gradient disagrees.
    """
    if theirs is not None:
        from bpsheet.commands.check import print_judged
        from bpsheet.exercises.compare import judged_gradient

        experiment = loaded(spec, settings)
        trace = experiment.run(iteration + experiment.example_count)
        print_judged(judged_gradient(trace, theirs, iteration=iteration))
        return
    trace = _run(spec, iteration, settings)
    check = trace.check_gradient(iteration, method, delta)
    terminal = console()
    shown = check.frame[["analytic", "numerical", "difference", "note"]].copy()
    shown.insert(0, "layer", check.frame["layer"].astype(object).fillna("-"))
    shown.insert(4, "", ["" if agrees else "disagrees" for agrees in check.frame["agrees"]])
    used = [name for name in shown if name != "note" or shown["note"].any()]
    furthest = check.frame.sort_values(["agrees", "relative"], ascending=[True, False])
    chosen = shown.index.isin(furthest.index[:MOST_WEIGHTS])
    _print(terminal, shown.loc[chosen, used], "weight")
    if len(shown) > MOST_WEIGHTS:
        said = f"These {MOST_WEIGHTS} of {len(shown):,} weights have the largest differences."
        terminal.print(said, soft_wrap=True)
    terminal.print(check.sentence, soft_wrap=True)
    total = trace.operations().loc["total"]
    terminal.print(
        f"Operations: {total['forward']:,} forward, {total['backward']:,} backward; by brute "
        f"force (a pass for each weight and one more) {total['brute force']:,}.",
        soft_wrap=True,
    )
    if not check.passed:
        sys.exit(1)


@click.command(epilog="\b\nExamples:\n  bpsheet operations two-neuron\n  bpsheet operations")
@click.argument("spec", required=False)
@SET
@ORIGINAL
def operations(spec: str | None, settings: tuple[str, ...]) -> None:
    """Count the operations of SPEC's forward and backward pass, and of brute force.

    Without SPEC, the networks grow: as many hidden neurons as inputs, and one output. The counts
    show that the gradient costs about as much as one more forward pass.
    """
    from bpsheet.gradients.operations import by_size
    from bpsheet.gradients.operations import operations as counted

    if spec is None:
        _print(console(), by_size(), "size")
        return
    _print(console(), counted(loaded(spec, settings).program()), "operation")


@click.command(epilog="\b\nExample:\n  bpsheet hessian two-neuron --iteration 100")
@click.argument("spec")
@ITERATION
@SET
@ORIGINAL
def hessian(spec: str, iteration: int, settings: tuple[str, ...]) -> None:
    """Print the second derivatives of SPEC's loss at an iteration, and their eigenvalues.

    The program is differentiated twice. The last line compares the learning rate with 2/λmax,
    beyond which plain gradient descent overshoots.
    """
    trace = _run(spec, iteration, settings)
    curvature = trace.curvature(iteration)
    terminal = console()
    if len(curvature.frame) <= WIDEST:
        _print(terminal, curvature.frame, "")
    terminal.print(curvature.listed, soft_wrap=True)
    terminal.print(curvature.sentence, soft_wrap=True)
