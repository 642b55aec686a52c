"""The command line. It reads the arguments, calls a command and prints errors.

The exit status is 2 for unusable input, 1 for other errors, and
128 + its number after a signal: 130 after Ctrl-C.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import click

# A command has no use for plugins of pydantic. To look for them takes longer than a run of two neurons.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

from bpsheet import commands
from bpsheet.errors import (
    BpsheetError,
    EngineError,
    ExperimentError,
    MissingExtraError,
    NotReplacedError,
    OutputError,
)
from bpsheet.terminal.ending import Ended, ended_by_signals
from bpsheet.terminal.output import abandon, say
from bpsheet.version import __version__

__all__ = ["main"]

# How many new objects make Python look for circles among all of them. A command makes and keeps
# hundreds of thousands, so that the default of 700 costs a twentieth of its time.
NEW_OBJECTS = 500_000


class Commands(click.Group):
    """The commands, by their names.

    Errors of the library name its arguments. Here they name the options of the command line.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ExperimentError as error:
            given = self.commands[ctx.invoked_subcommand or ""].params
            options = {str(p.name): p.opts[-1] for p in given if isinstance(p, click.Option)}
            raise error.renamed(options) from None
        except NotReplacedError as error:
            raise NotReplacedError(f"{error} with --force") from None


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, package_name="bpsheet")
def cli() -> None:
    """Backpropagation, written down as a spreadsheet.

    SPEC is a template's name (see `bpsheet list`), an experiment file (.toml), or a
    workbook that bpsheet made.

    \b
    Example:
      bpsheet run two-neuron
    """


# Every command in a module of the package `commands` is added.
for module in iter_modules(commands.__path__, f"{commands.__name__}."):
    for command in vars(import_module(module.name)).values():
        if isinstance(command, click.Command):
            cli.add_command(command)


def main() -> None:
    """The program `bpsheet`. Errors are printed in plain words, without a traceback."""
    gc.set_threshold(NEW_OBJECTS)
    # Before it ends, Python would search hundreds of thousands of objects for circles.
    atexit.register(gc.freeze)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without "…" or "δ" shows a question mark. Files are not affected.
        sys.stdout.reconfigure(errors="replace")
    try:
        with ended_by_signals():
            cli.main(standalone_mode=False)
    except click.exceptions.Abort as stopped:
        say("Stopped; nothing was written.", error=True)
        ended = stopped.__context__
        sys.exit(ended.status if isinstance(ended, Ended) else 130)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        say(text.getvalue().rstrip(), error=True)
        sys.exit(error.exit_code)
    except BpsheetError as error:
        say(f"bpsheet: {error}", error=True)
        sys.exit(1 if isinstance(error, EngineError | MissingExtraError | OutputError) else 2)
    except OSError as error:
        # An error of opening a file has the file's name. Errors of writing a file are OutputErrors.
        what = error.filename or "cannot write to the standard output"
        say(f"bpsheet: {what}: {error.strerror or error}", error=True)
        abandon(sys.stdout)
        sys.exit(1)
