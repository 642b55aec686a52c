"""Options that commands share, and a run with a progress bar when it is long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bpsheet.errors import EditsError, ExperimentError, Problem
from bpsheet.terminal.output import console, say
from bpsheet.words import near

if TYPE_CHECKING:
    from pathlib import Path

    from bpsheet.api.experiment import Experiment, Trace
    from bpsheet.workbook.edits import Edit

__all__ = [
    "FORCE",
    "ORIGINAL",
    "SET",
    "OneOf",
    "changes_of",
    "is_original",
    "loaded",
    "naming_set",
    "opened",
    "say_edits",
    "trained",
]


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
        try:
            return self.choice.convert(value, param, ctx)
        except click.BadParameter as error:
            hint = near(value, list(self.names()))
            if hint is None:
                raise
            said = f"{error.message} {hint[:1].upper()}{hint[1:]}"
            raise click.BadParameter(said, ctx, param) from None

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:
        if ctx is None:  # as older versions of click ask
            return self.choice.get_metavar(param)  # type: ignore[call-arg]
        return self.choice.get_metavar(param, ctx)


# Where the option --original leaves its value, for whatever loads the workbook.
USES_ORIGINAL = "bpsheet.original"

SET = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Change a first weight, learning_rate, batch_size, reduction, or an example's number "
    "(x1[2] is x1 of example 2). May be given several times.",
)

ORIGINAL = click.option(
    "--original",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.__setitem__(USES_ORIGINAL, value),
    help=(
        "If SPEC is a workbook that somebody has edited: take the numbers that it was written with."
    ),
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


def is_original() -> bool:
    """Whether the option --original was given."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(USES_ORIGINAL))


def opened(spec: str, *, forward: bool = False) -> Experiment:
    """The experiment of a name or file. What was changed in a workbook is said first."""
    from bpsheet.api.opening import WORKBOOKS, experiment_at
    from bpsheet.terminal.display import late_status

    is_workbook = spec.lower().endswith(WORKBOOKS)
    try:
        with late_status(console(error=True), "Checking …"):
            experiment = experiment_at(spec, forward=forward, original=is_original())
    except EditsError as error:
        said = "--original takes the numbers that it was written with"
        raise EditsError(f"{error}\n  {said}") from None
    if is_workbook:
        say_edits(spec, experiment.edits)
    return experiment


def say_edits(file: str | Path, edits: Sequence[Edit]) -> None:
    """Say what somebody has changed in a workbook: the numbers that are taken, and the rest."""
    from bpsheet.workbook.edits import in_words, taken_in_words

    if taken := taken_in_words(edits):
        what = "changed in its cells, not used" if is_original() else "taken from its cells"
        say(f"{file}, {what}: {taken}", error=True)
    if others := in_words(edits):
        say(f"{file}, changed and not taken over:", error=True)
        for line in others:
            say(f"  {line}", error=True)


def loaded(
    spec: str, settings: Sequence[str], iterations: int | None = None, *, forward: bool = False
) -> Experiment:
    """The experiment of a name or file, with the changes of --set and --iterations, or --forward.

    Raises ExperimentError.
    """
    from bpsheet.terminal.display import late_status

    changes = changes_of(settings)
    if iterations is not None:
        changes["iterations"] = iterations
    experiment = opened(spec, forward=forward)
    with late_status(console(error=True), "Checking …"), naming_set(changes):
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
