"""Options that commands share, and a run with a progress bar when it is long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bpsheet.errors import ExperimentError, Problem
from bpsheet.terminal.output import console

if TYPE_CHECKING:
    from bpsheet.api.experiment import Experiment, Trace

__all__ = ["FORCE", "SET", "OneOf", "changes_of", "loaded", "naming_set", "trained"]


# The class has parameters for type checkers alone: in older versions of click it takes none.
if TYPE_CHECKING:
    Words = click.ParamType[str, str]
else:
    Words = click.ParamType


class OneOf(Words):
    """A name from a table that is imported when the option is used, or its help is shown."""

    name = "name"

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self.names = names

    @property
    def choice(self) -> click.Choice[str]:
        return click.Choice(tuple(self.names()))

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return self.choice.convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:
        if ctx is None:  # as older versions of click ask
            return self.choice.get_metavar(param)  # type: ignore[call-arg]
        return self.choice.get_metavar(param, ctx)


SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a first weight, learning_rate, batch_size, reduction, or an example's number "
    "(x1[2] is x1 of example 2). May be given several times.",
)

FORCE = click.option(
    "--force",
    is_flag=True,
    help="Replace an existing file even if bpsheet did not write it or somebody has changed it.",
)


def changes_of(settings: Sequence[str]) -> dict[str, float | str]:
    """The pairs of --set as a dict. A value that reads as a number is a number, else a word.

    Raises ExperimentError for a text that is no pair.

    >>> changes_of(["w_xg1 = 0.7", "reduction=mean"])
    {'w_xg1': 0.7, 'reduction': 'mean'}
    """
    from bpsheet.tables.datafile import PLAIN_NUMBER

    changes: dict[str, float | str] = {}
    for setting in settings:
        name, equals, text = setting.rpartition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name or not text:
            raise ExperimentError(
                [Problem("", f'NAME=VALUE expected, such as w_xg1=0.7; got "{setting}"')], "--set"
            )
        if name in ("iterations", "batch_size") and re.fullmatch("[0-9]{1,12}", text):
            changes[name] = int(text)
        else:
            changes[name] = float(text) if PLAIN_NUMBER.fullmatch(text) else text
    return changes


def loaded(spec: str, settings: Sequence[str], iterations: int | None = None) -> Experiment:
    """The experiment of a name or file, with the changes of --set and --iterations.

    Raises ExperimentError.
    """
    from bpsheet.api.opening import load
    from bpsheet.terminal.display import late_status

    changes = changes_of(settings)
    if iterations is not None:
        changes["iterations"] = iterations
    with late_status(console(error=True), "Checking …"):
        experiment = load(spec)
        with naming_set(changes):
            return experiment.changed(changes) if changes else experiment


@contextmanager
def naming_set(changes: Iterable[str]) -> Iterator[None]:
    """Name the option where a change is refused: `--set w_xg9`."""
    try:
        yield
    except ExperimentError as error:
        raise error.renamed({name: f"--set {name}" for name in changes}) from None


def trained(experiment: Experiment, iterations: int) -> Trace:
    """A run of so many iterations; a bar appears when it lasts over a second."""
    from bpsheet.terminal.display import late_progress

    with late_progress(console(error=True), "Training", iterations) as done:
        return experiment.run(iterations, done)
